use super::error::{OpError, internal, invalid};
use super::sample::channels;
use crate::domain::{ElementType, Image, PixelFormat, Tensor};

/// The order of a tensor's axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TensorLayout {
    /// Batch, channel, row, column.
    Nchw,
    /// Batch, row, column, channel.
    Nhwc,
}

/// What a pixel becomes in a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PixelElement {
    F32,
    U8,
}

/// How pixels become numbers: `(pixel - mean) / scale`, channel by channel, with pixels in 0..255 (16-bit pixels in
/// 0..65535).
#[derive(Debug, Clone, PartialEq)]
pub struct TensorSpec {
    pub layout: TensorLayout,
    pub element: PixelElement,
    /// One value for all channels, or one per channel. Ignored for `U8`, which takes pixels as they are.
    pub mean: Vec<f32>,
    /// As `mean`; none may be 0.
    pub scale: Vec<f32>,
}

/// The shape and type that [`to_tensor`] will give: for a byte budget, before memory is taken.
///
/// # Errors
/// When there is no picture, sizes or formats differ, or the tensor would be too large for this machine.
pub fn tensor_shape(images: &[&Image], spec: &TensorSpec) -> Result<([u32; 4], ElementType), OpError> {
    let Some((first, others)) = images.split_first() else {
        return Err(invalid("pictures in the batch", 0, "at least 1"));
    };
    let same = |image: &&&Image| {
        (image.width(), image.height(), image.format()) == (first.width(), first.height(), first.format())
    };
    if let Some(other) = others.iter().find(|image| !same(image)) {
        let name = |image: &Image| format!("{}x{} {}", image.width(), image.height(), image.format().name());
        return Err(invalid("picture in the batch", name(other), format_args!("{} as the first", name(first))));
    }
    let batch = u32::try_from(images.len()).map_err(|_| invalid("pictures in the batch", images.len(), u32::MAX))?;
    let channels = channels(first.format()) as u32;
    let shape = match spec.layout {
        TensorLayout::Nchw => [batch, channels, first.height(), first.width()],
        TensorLayout::Nhwc => [batch, first.height(), first.width(), channels],
    };
    let element = match spec.element {
        PixelElement::F32 => ElementType::F32,
        PixelElement::U8 if first.format() == PixelFormat::Gray16 => {
            return Err(invalid("element type for gray16", "uint8", "fp32, or convert to gray8 first"));
        }
        PixelElement::U8 => ElementType::U8,
    };
    Tensor::needed_bytes(&shape, element).map_err(|error| invalid("tensor", error, "a smaller batch"))?;
    Ok((shape, element))
}

/// One tensor from pictures of one size and format, in their order. The pixels are written straight into its bytes.
///
/// # Errors
/// As [`tensor_shape`], or when `mean` or `scale` do not fit the channels, are not finite, or a scale is 0.
pub fn to_tensor(images: &[&Image], spec: &TensorSpec) -> Result<Tensor, OpError> {
    let (shape, element) = tensor_shape(images, spec)?;
    let format = images.first().map_or(PixelFormat::Gray8, |image| image.format());
    let scaling = match spec.element {
        PixelElement::F32 => Some(Scaling::new(spec, channels(format))?),
        PixelElement::U8 => None,
    };
    let built = Tensor::build(&shape, element, |bytes| {
        let each = bytes.len() / images.len().max(1);
        for (image, target) in images.iter().zip(bytes.chunks_exact_mut(each)) {
            match &scaling {
                Some(scaling) => scaling.write(image, spec.layout, target),
                None => write_bytes(image, spec.layout, target),
            }
        }
    });
    built.map_err(|error| internal("making a tensor", error))
}

fn write_bytes(image: &Image, layout: TensorLayout, target: &mut [u8]) {
    let count = channels(image.format());
    if layout == TensorLayout::Nhwc || count == 1 {
        target.copy_from_slice(image.bytes());
        return;
    }
    match count {
        3 => planar_3(image.bytes(), target, |pixel| pixel),
        _ => planar_4(image.bytes(), target, |pixel| pixel),
    }
}

/// One plane of `target` per channel.
fn planes<T, const CHANNELS: usize>(target: &mut [T]) -> [&mut [T]; CHANNELS] {
    let mut planes = target.chunks_exact_mut((target.len() / CHANNELS).max(1));
    std::array::from_fn(|_| planes.next().unwrap_or_default())
}

/// Takes the pixels apart, all planes in one pass.
fn planar_3<T>(pixels: &[u8], target: &mut [T], number: impl Fn([u8; 3]) -> [T; 3]) {
    let (pixels, _) = pixels.as_chunks::<3>();
    let [first, second, third] = planes(target);
    for (((first, second), third), pixel) in first.iter_mut().zip(second).zip(third).zip(pixels) {
        [*first, *second, *third] = number(*pixel);
    }
}

fn planar_4<T>(pixels: &[u8], target: &mut [T], number: impl Fn([u8; 4]) -> [T; 4]) {
    let (pixels, _) = pixels.as_chunks::<4>();
    let [first, second, third, fourth] = planes(target);
    for ((((first, second), third), fourth), pixel) in first.iter_mut().zip(second).zip(third).zip(fourth).zip(pixels) {
        [*first, *second, *third, *fourth] = number(*pixel);
    }
}

/// Mean and scale of each channel.
struct Scaling {
    mean: [f32; 4],
    scale: [f32; 4],
}

impl Scaling {
    fn new(spec: &TensorSpec, channels: usize) -> Result<Self, OpError> {
        let mean = per_channel("mean", &spec.mean, channels)?;
        let scale = per_channel("scale", &spec.scale, channels)?;
        if spec.scale.contains(&0.0) {
            return Err(invalid("scale", "0", "any other number"));
        }
        // Between the darkest and the brightest pixel lie all others.
        let finite =
            |(mean, scale): (&f32, &f32)| [0.0, 65_535.0].iter().all(|pixel| ((pixel - mean) / scale).is_finite());
        if !mean.iter().zip(&scale).take(channels).all(finite) {
            let found = format_args!("mean {:?}, scale {:?}", spec.mean, spec.scale);
            return Err(invalid("mean and scale", found, "what makes finite numbers of pixels"));
        }
        Ok(Self { mean, scale })
    }

    fn write(&self, image: &Image, layout: TensorLayout, target: &mut [u8]) {
        let (target, _) = target.as_chunks_mut::<4>();
        let pixels = image.bytes();
        match (image.format(), layout) {
            (PixelFormat::Gray8, _) => self.interleaved::<1>(pixels, target),
            (PixelFormat::Gray16, _) => self.wide(pixels, target),
            (PixelFormat::Rgb8 | PixelFormat::Bgr8, TensorLayout::Nhwc) => self.interleaved::<3>(pixels, target),
            (PixelFormat::Rgba8, TensorLayout::Nhwc) => self.interleaved::<4>(pixels, target),
            (PixelFormat::Rgb8 | PixelFormat::Bgr8, TensorLayout::Nchw) => {
                let tables = self.tables::<3>();
                planar_3(pixels, target, |pixel| look_up(&tables, pixel));
            }
            (PixelFormat::Rgba8, TensorLayout::Nchw) => {
                let tables = self.tables::<4>();
                planar_4(pixels, target, |pixel| look_up(&tables, pixel));
            }
        }
    }

    /// `(value - mean) / scale` of each byte, by channel: 256 divisions instead of one per pixel, and the same bits.
    fn tables<const CHANNELS: usize>(&self) -> [[f32; 256]; CHANNELS] {
        let mut tables = [[0f32; 256]; CHANNELS];
        for ((table, mean), scale) in tables.iter_mut().zip(self.mean).zip(self.scale) {
            table.iter_mut().zip(0u8..=255).for_each(|(to, value)| *to = (f32::from(value) - mean) / scale);
        }
        tables
    }

    fn interleaved<const CHANNELS: usize>(&self, pixels: &[u8], target: &mut [[u8; 4]]) {
        let tables = self.tables::<CHANNELS>();
        let (pixels, _) = pixels.as_chunks::<CHANNELS>();
        let (target, _) = target.as_chunks_mut::<CHANNELS>();
        for (to, pixel) in target.iter_mut().zip(pixels) {
            *to = look_up(&tables, *pixel);
        }
    }

    fn wide(&self, pixels: &[u8], target: &mut [[u8; 4]]) {
        let ([mean, ..], [scale, ..]) = (self.mean, self.scale);
        let (pixels, _) = pixels.as_chunks::<2>();
        for (to, pixel) in target.iter_mut().zip(pixels) {
            *to = ((f32::from(u16::from_le_bytes(*pixel)) - mean) / scale).to_le_bytes();
        }
    }
}

/// The number of each channel of a pixel, as it lies in a tensor.
fn look_up<const CHANNELS: usize>(tables: &[[f32; 256]; CHANNELS], pixel: [u8; CHANNELS]) -> [[u8; 4]; CHANNELS] {
    let mut channels = tables.iter();
    pixel.map(|value| {
        let number = channels.next().and_then(|table| table.get(usize::from(value)));
        number.copied().unwrap_or_default().to_le_bytes()
    })
}

fn per_channel(what: &'static str, values: &[f32], channels: usize) -> Result<[f32; 4], OpError> {
    if let Some(odd) = values.iter().find(|value| !value.is_finite()) {
        return Err(invalid(what, odd, "finite numbers"));
    }
    match values {
        [single] => Ok([*single; 4]),
        _ if values.len() == channels => {
            let mut all = [0f32; 4];
            all.iter_mut().zip(values).for_each(|(to, from)| *to = *from);
            Ok(all)
        }
        _ => {
            let allowed = if channels == 1 { "1".to_owned() } else { format!("1 or {channels}, one per channel") };
            Err(invalid(what, format_args!("{} values", values.len()), allowed))
        }
    }
}
