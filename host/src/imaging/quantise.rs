use super::error::{OpError, finished, fresh, invalid};
use crate::domain::{BufferPool, Image, PixelFormat};

/// Keeps the upper `bits` (1 to 8) of each byte: rint(v * (2^bits - 1) / 255) * 255 / (2^bits - 1), to the nearest.
///
/// `rint` rounds a half to even, but there never is one: 255 and 2^bits - 1 are odd.
///
/// # Errors
/// When `bits` is not 1 to 8, the picture is 16-bit, or it is over the limits of operations.
pub fn reduce_bit_depth(image: &Image, bits: u32, pool: &BufferPool) -> Result<Image, OpError> {
    if !(1..=8).contains(&bits) {
        return Err(invalid("bits", bits, "1 to 8"));
    }
    if image.format() == PixelFormat::Gray16 {
        return Err(invalid("format for bit depth", "gray16", "gray8, rgb8, bgr8, rgba8: convert first"));
    }
    let table = table(bits);
    let mut buffer = fresh(pool, image.width(), image.height(), image.format())?;
    for (to, from) in buffer.as_mut_slice().iter_mut().zip(image.bytes()) {
        *to = table.get(usize::from(*from)).copied().unwrap_or(*from);
    }
    finished(image.width(), image.height(), image.format(), buffer)
}

/// The new value of each byte.
fn table(bits: u32) -> [u8; 256] {
    let top = (1u32 << bits) - 1;
    let mut value = 0u32;
    [(); 256].map(|()| {
        let step = (2 * value * top + 255) / (2 * 255);
        value += 1;
        ((2 * step * 255 + top) / (2 * top)) as u8
    })
}
