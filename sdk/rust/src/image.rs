use crate::bindings::imports::assay::plugin::imaging;
use crate::error::Result;
use crate::tensor::Tensor;
use std::fmt;

pub use crate::bindings::imports::assay::plugin::imaging::{
    ElementType, PixelFormat, ResizeFilter, Statistics, TensorLayout,
};
pub use crate::bindings::imports::assay::plugin::types::Region;

/// A picture that the host holds. Every operation here is done by the host, natively, and gives a new picture; it
/// counts against the plugin's `host_bytes` until it is dropped.
///
/// Errors of all operations: `UnsupportedInput` where a region, size or format cannot be used, `Other` where a limit
/// would be passed.
pub struct Image(imaging::Image);

/// How pixels become numbers: `(pixel - mean) / scale`, channel by channel, pixels in 0..255.
#[derive(Debug, Clone, PartialEq)]
pub struct TensorSpec {
    /// Order of the sides.
    pub layout: TensorLayout,
    /// `f32`, or bytes as they are.
    pub element: ElementType,
    /// One value for all channels, or one per channel.
    pub mean: Vec<f32>,
    /// As `mean`; none may be 0.
    pub scale: Vec<f32>,
}

impl TensorSpec {
    /// `f32` in the order batch, channel, row, column.
    pub fn nchw(mean: impl Into<Vec<f32>>, scale: impl Into<Vec<f32>>) -> Self {
        let (layout, element) = (TensorLayout::Nchw, ElementType::Fp32);
        Self { layout, element, mean: mean.into(), scale: scale.into() }
    }

    /// `f32` in the order batch, row, column, channel.
    pub fn nhwc(mean: impl Into<Vec<f32>>, scale: impl Into<Vec<f32>>) -> Self {
        Self { layout: TensorLayout::Nhwc, ..Self::nchw(mean, scale) }
    }

    fn to_wit(&self) -> imaging::TensorSpec {
        let (mean, scale) = (self.mean.clone(), self.scale.clone());
        imaging::TensorSpec { layout: self.layout, element: self.element, mean, scale }
    }
}

impl Image {
    /// Makes a picture from packed pixels, top row first.
    ///
    /// # Errors
    /// As the type says.
    pub fn from_pixels(width: u32, height: u32, format: PixelFormat, pixels: &[u8]) -> Result<Self> {
        Ok(Self(imaging::Image::from_pixels(width, height, format, pixels)?))
    }

    /// A picture of one colour; `value` holds one byte per channel.
    ///
    /// # Errors
    /// As the type says.
    pub fn filled(width: u32, height: u32, format: PixelFormat, value: &[u8]) -> Result<Self> {
        Ok(Self(imaging::Image::filled(width, height, format, value)?))
    }

    /// Width in pixels.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.0.info().width
    }

    /// Height in pixels.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.0.info().height
    }

    /// How the pixels lie.
    #[must_use]
    pub fn format(&self) -> PixelFormat {
        self.0.info().format
    }

    /// Width, height and format by one call.
    #[must_use]
    pub fn info(&self) -> (u32, u32, PixelFormat) {
        let info = self.0.info();
        (info.width, info.height, info.format)
    }

    /// The pixels of a region, packed.
    ///
    /// # Errors
    /// As the type says.
    pub fn read_region(&self, region: Region) -> Result<Vec<u8>> {
        Ok(self.0.read_region(region)?)
    }

    /// The pixels of `count` rows from row `first`, packed.
    ///
    /// # Errors
    /// As the type says.
    pub fn read_rows(&self, first: u32, count: u32) -> Result<Vec<u8>> {
        Ok(self.0.read_rows(first, count)?)
    }

    /// A part of the picture.
    ///
    /// # Errors
    /// As the type says.
    pub fn crop(&self, region: Region) -> Result<Self> {
        Ok(Self(self.0.crop(region)?))
    }

    /// The picture in another size; its shape is not kept.
    ///
    /// # Errors
    /// As the type says.
    pub fn resize(&self, width: u32, height: u32, filter: ResizeFilter) -> Result<Self> {
        Ok(Self(self.0.resize(width, height, filter)?))
    }

    /// This picture with `top` laid over it, its top-left corner at `x`, `y`. Formats have to be equal.
    ///
    /// # Errors
    /// As the type says.
    pub fn overlay(&self, top: &Self, x: u32, y: u32) -> Result<Self> {
        Ok(Self(self.0.overlay(&top.0, x, y)?))
    }

    /// The picture in another format.
    ///
    /// # Errors
    /// As the type says.
    pub fn convert(&self, format: PixelFormat) -> Result<Self> {
        Ok(Self(self.0.convert(format)?))
    }

    /// Gaussian blur; `sigma` in pixels, 0.1 to 50.
    ///
    /// # Errors
    /// As the type says.
    pub fn gaussian_blur(&self, sigma: f32) -> Result<Self> {
        Ok(Self(self.0.gaussian_blur(sigma)?))
    }

    /// Median over a square window of `size` pixels: 3, 5 or 7; edges are mirrored.
    ///
    /// # Errors
    /// As the type says.
    pub fn median_blur(&self, size: u32) -> Result<Self> {
        Ok(Self(self.0.median_blur(size)?))
    }

    /// Keeps the upper `bits` (1 to 8) of each byte.
    ///
    /// # Errors
    /// As the type says.
    pub fn reduce_bit_depth(&self, bits: u32) -> Result<Self> {
        Ok(Self(self.0.reduce_bit_depth(bits)?))
    }

    /// Encodes as JPEG and decodes again; `quality` 1 to 100.
    ///
    /// # Errors
    /// As the type says.
    pub fn jpeg_round_trip(&self, quality: u32) -> Result<Self> {
        Ok(Self(self.0.jpeg_round_trip(quality)?))
    }

    /// 256 counts of luma.
    #[must_use]
    pub fn histogram(&self) -> Vec<u64> {
        self.0.histogram()
    }

    /// Mean and sd of luma (0 to 255), sharpness, dark and bright shares, means of the channels.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.0.statistics()
    }

    /// The picture as a tensor of batch size 1: `[1, C, H, W]` or `[1, H, W, C]`.
    ///
    /// # Errors
    /// As the type says.
    pub fn to_tensor(&self, spec: &TensorSpec) -> Result<Tensor> {
        Ok(Tensor::from_handle(self.0.to_tensor(&spec.to_wit())?))
    }

    /// One tensor from pictures of one size and format: `[N, C, H, W]` or `[N, H, W, C]`, in their order.
    ///
    /// # Errors
    /// As the type says.
    pub fn batch_to_tensor(images: &[&Self], spec: &TensorSpec) -> Result<Tensor> {
        let handles: Vec<_> = images.iter().map(|image| &image.0).collect();
        Ok(Tensor::from_handle(imaging::batch_to_tensor(&handles, &spec.to_wit())?))
    }

    pub(crate) const fn from_handle(handle: imaging::Image) -> Self {
        Self(handle)
    }

    pub(crate) fn into_handle(self) -> imaging::Image {
        self.0
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Image")
    }
}

/// The filter of that name: `nearest`, `box`, `bilinear`, `catmull-rom` or `lanczos3`.
#[must_use]
pub fn filter_by_name(name: &str) -> Option<ResizeFilter> {
    match name {
        "nearest" => Some(ResizeFilter::Nearest),
        "box" => Some(ResizeFilter::Box),
        "bilinear" => Some(ResizeFilter::Bilinear),
        "catmull-rom" => Some(ResizeFilter::CatmullRom),
        "lanczos3" => Some(ResizeFilter::Lanczos3),
        _ => None,
    }
}
