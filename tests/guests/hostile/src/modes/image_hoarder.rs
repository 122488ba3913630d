//! Makes pictures and keeps them.

use crate::assay::plugin::imaging::{Image, PixelFormat};
use crate::exports::assay::plugin::detect::Evidence;
use crate::{Answer, answer, finding};

pub fn run(_: Evidence) -> Answer {
    let mut hoard = Vec::new();
    for n in 0..200u8 {
        hoard.push(Image::filled(1024, 1024, PixelFormat::Gray8, &[n]).unwrap());
    }
    core::hint::black_box(&hoard);
    answer(finding())
}
