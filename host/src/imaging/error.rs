use crate::domain::{BufferPool, Image, PixelBuffer, PixelFormat};
use std::fmt::Display;

/// The longest side of a picture that an operation makes.
pub const MAX_SIDE: u32 = 16_384;

/// The most pixels in a picture that an operation makes.
pub const MAX_PIXELS: u64 = 50_000_000;

/// Why an operation made nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpError {
    #[error("{what}: found {found}, allowed is {allowed}")]
    InvalidArgument { what: &'static str, found: String, allowed: String },
    /// A library that the host relies on refused its own work: a bug in the host.
    #[error("{what} failed in the host: {detail}")]
    Internal { what: &'static str, detail: String },
}

pub(super) fn invalid(what: &'static str, found: impl Display, allowed: impl Display) -> OpError {
    OpError::InvalidArgument { what, found: found.to_string(), allowed: allowed.to_string() }
}

pub(super) fn internal(what: &'static str, detail: impl Display) -> OpError {
    OpError::Internal { what, detail: detail.to_string() }
}

/// Checks the size of a picture to be made; no memory is taken. Returns its bytes.
pub(super) fn checked_len(width: u32, height: u32, format: PixelFormat) -> Result<usize, OpError> {
    let sides = 1..=MAX_SIDE;
    if !sides.contains(&width) || !sides.contains(&height) {
        let allowed = format_args!("1 to {MAX_SIDE} pixels a side").to_string();
        return Err(invalid("picture size", format_args!("{width}x{height}"), allowed));
    }
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        let allowed = format_args!("{MAX_PIXELS} pixels").to_string();
        return Err(invalid("picture size", format_args!("{width}x{height}"), allowed));
    }
    Image::byte_len(width, height, format)
        .ok_or_else(|| invalid("picture size", format_args!("{width}x{height}"), "what this machine can address"))
}

/// A buffer of the right length for a new picture, its contents unspecified.
pub(super) fn fresh(pool: &BufferPool, width: u32, height: u32, format: PixelFormat) -> Result<PixelBuffer, OpError> {
    checked_len(width, height, format).map(|len| pool.take(len))
}

/// Turns a filled buffer of [`fresh`] into its picture.
pub(super) fn finished(width: u32, height: u32, format: PixelFormat, pixels: PixelBuffer) -> Result<Image, OpError> {
    Image::new(width, height, format, pixels).map_err(|error| internal("making a picture", error))
}
