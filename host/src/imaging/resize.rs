use super::error::{OpError, finished, fresh, internal};
use crate::domain::{BufferPool, Image, PixelFormat};
use fast_image_resize::images::{Image as Target, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use std::cell::RefCell;

/// How `resize` computes a new pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResizeFilter {
    Nearest,
    /// Area average when it shrinks: no aliasing, cheap.
    Box,
    Bilinear,
    CatmullRom,
    Lanczos3,
}

impl ResizeFilter {
    const fn algorithm(self) -> ResizeAlg {
        match self {
            Self::Nearest => ResizeAlg::Nearest,
            Self::Box => ResizeAlg::Convolution(FilterType::Box),
            Self::Bilinear => ResizeAlg::Convolution(FilterType::Bilinear),
            Self::CatmullRom => ResizeAlg::Convolution(FilterType::CatmullRom),
            Self::Lanczos3 => ResizeAlg::Convolution(FilterType::Lanczos3),
        }
    }
}

/// A resizer keeps its intermediate rows for the next call; more than this goes back to the system.
const MAX_KEPT_BYTES: usize = 8 << 20;

thread_local! {
    static RESIZER: RefCell<Resizer> = RefCell::new(Resizer::new());
}

/// The whole picture at another size. When it shrinks, the filter widens with it, so that nothing aliases; colour is
/// weighted by alpha where there is alpha.
///
/// # Errors
/// When the new size is over the limits.
pub fn resize(
    image: &Image,
    width: u32,
    height: u32,
    filter: ResizeFilter,
    pool: &BufferPool,
) -> Result<Image, OpError> {
    let mut buffer = fresh(pool, width, height, image.format())?;
    if (width, height) == (image.width(), image.height()) {
        buffer.as_mut_slice().copy_from_slice(image.bytes());
        return finished(width, height, image.format(), buffer);
    }
    let options = ResizeOptions::new().resize_alg(filter.algorithm());
    if image.format() == PixelFormat::Gray16 {
        // Samples of two bytes need their alignment, which a byte buffer does not promise.
        let source: Vec<u16> = bytemuck::pod_collect_to_vec(image.bytes());
        let mut target = vec![0u16; buffer.as_slice().len() / 2];
        let to: &mut [u8] = bytemuck::cast_slice_mut(&mut target);
        run(image, bytemuck::cast_slice(&source), (width, height), to, &options)?;
        buffer.as_mut_slice().copy_from_slice(bytemuck::cast_slice(&target));
    } else {
        run(image, image.bytes(), (width, height), buffer.as_mut_slice(), &options)?;
    }
    finished(width, height, image.format(), buffer)
}

fn run(
    image: &Image,
    source: &[u8],
    (width, height): (u32, u32),
    target: &mut [u8],
    options: &ResizeOptions,
) -> Result<(), OpError> {
    let pixel = match image.format() {
        PixelFormat::Gray8 => PixelType::U8,
        PixelFormat::Gray16 => PixelType::U16,
        PixelFormat::Rgb8 | PixelFormat::Bgr8 => PixelType::U8x3,
        PixelFormat::Rgba8 => PixelType::U8x4,
    };
    let failed = |error: &dyn std::fmt::Display| internal("resizing", error);
    let source = ImageRef::new(image.width(), image.height(), source, pixel).map_err(|error| failed(&error))?;
    let mut target = Target::from_slice_u8(width, height, target, pixel).map_err(|error| failed(&error))?;
    RESIZER.with_borrow_mut(|resizer| {
        let done = resizer.resize(&source, &mut target, options).map_err(|error| failed(&error));
        if resizer.size_of_internal_buffers() > MAX_KEPT_BYTES {
            resizer.reset_internal_buffers();
        }
        done
    })
}
