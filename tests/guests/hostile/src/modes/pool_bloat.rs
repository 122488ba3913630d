//! Makes pictures of ever other sizes, so that every kept buffer grows.

use crate::assay::plugin::imaging::{Image, PixelFormat};
use crate::exports::assay::plugin::detect::Evidence;
use crate::{Answer, answer, finding};

pub fn run(_: Evidence) -> Answer {
    let small: Vec<Image> = (0..30).map(|_| Image::filled(1, 1, PixelFormat::Gray8, &[7]).unwrap()).collect();
    let large = Image::filled(6000, 6000, PixelFormat::Gray8, &[7]);
    core::hint::black_box((&small, &large));
    answer(finding())
}
