//! Decoding with limits, and the native image operations behind the `imaging` interface.
//!
//! `wit/imaging.wit` says what each operation means; the code here follows it to the letter. Every operation that
//! makes pixels takes them from a [`BufferPool`](crate::domain::BufferPool), checks its arguments before it takes
//! any memory, and costs time that is bounded by the number of pixels alone.

mod error;
mod widest;
mod decode;
mod decode_jpeg;
mod jpeg_check;
mod decode_png;
mod encode;
mod sample;
mod geometry;
mod resize;
mod colour;
mod box_blur;
mod gaussian;
mod median;
mod quantise;
mod jpeg;
mod statistics;
mod tensor;

pub use colour::convert;
pub use decode::{DecodeError, DecodeLimits, decode};
pub use encode::{encode_jpeg, encode_png};
pub use error::{MAX_PIXELS, MAX_SIDE, OpError};
pub use gaussian::gaussian_blur;
pub use geometry::{crop, filled, from_pixels, overlay, read_region, read_rows};
pub use jpeg::jpeg_round_trip;
pub use median::median_blur;
pub use quantise::reduce_bit_depth;
pub use resize::{ResizeFilter, resize};
pub use statistics::{Statistics, histogram, statistics};
pub use tensor::{PixelElement, TensorLayout, TensorSpec, tensor_shape, to_tensor};

#[cfg(test)]
mod tests;
