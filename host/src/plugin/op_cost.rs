//! What a picture operation takes at the least.
//!
//! Nothing stops an operation once it runs, so one that cannot end before the call's deadline does not begin. The
//! figures are those of a fast core: what they refuse would be late on any station.

use super::failure::Refusal;
use super::resources::ImageEntry;
use super::state::CallState;
use crate::domain::{Blame, FailureCode, Image};
use crate::imaging::ResizeFilter;
use std::time::{Duration, Instant};
use wasmtime::component::Resource;

/// The largest picture that an operation makes: 50 million pixels of four bytes.
const MAX_MADE: usize = 200_000_000;

/// An operation that may take longer than a frame has. What is not here takes less than a nanosecond per byte.
#[derive(Debug, Clone, Copy)]
pub(super) enum Costly {
    Median { size: u32 },
    Gaussian { sigma: f32 },
    JpegRoundTrip,
    Resize { width: u32, height: u32, filter: ResizeFilter },
}

impl Costly {
    const fn name(self) -> &'static str {
        match self {
            Self::Median { .. } => "median-blur",
            Self::Gaussian { .. } => "gaussian-blur",
            Self::JpegRoundTrip => "jpeg-round-trip",
            Self::Resize { .. } => "resize",
        }
    }

    /// Picoseconds per byte.
    fn picos(self) -> u64 {
        match self {
            Self::Median { size: 0..=3 } => 0,
            Self::Median { size: 4..=5 } => 1500,
            Self::Median { .. } => 6000,
            // The kernel grows with sigma; above a sigma of 8 it is three box passes.
            Self::Gaussian { sigma } => (sigma.clamp(0.0, 8.0) * 150.0) as u64,
            Self::JpegRoundTrip => 1500,
            Self::Resize { filter, .. } => match filter {
                ResizeFilter::Nearest => 0,
                ResizeFilter::Box | ResizeFilter::Bilinear => 100,
                ResizeFilter::CatmullRom => 150,
                ResizeFilter::Lanczos3 => 250,
            },
        }
    }

    /// Bytes that it works on. What is larger than any picture, the operation refuses by itself.
    fn bytes(self, image: &Image) -> usize {
        let made = match self {
            Self::Resize { width, height, .. } => Image::byte_len(width, height, image.format()),
            _ => None,
        };
        image.bytes().len().saturating_add(made.filter(|&made| made <= MAX_MADE).unwrap_or_default())
    }

    pub(super) fn least(self, image: &Image) -> Duration {
        Duration::from_nanos((self.bytes(image) as u64).saturating_mul(self.picos()) / 1000)
    }
}

impl CallState {
    /// Ends the call where the operation could not end in time.
    pub(super) fn begin(&self, handle: &Resource<ImageEntry>, op: Costly) -> wasmtime::Result<()> {
        let image = &self.table.get(handle)?.image;
        let least = op.least(image);
        if Instant::now() + least <= self.deadline {
            return Ok(());
        }
        let (name, bytes, least) = (op.name(), op.bytes(image), least.as_millis());
        let detail = format!("`{name}` over {bytes} bytes takes {least} ms at the least and would pass the deadline");
        Err(Refusal::new(Blame::Plugin, FailureCode::Timeout, detail).into())
    }
}
