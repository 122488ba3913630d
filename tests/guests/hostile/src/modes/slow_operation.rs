//! One host operation that takes as long as the limits let it.

use crate::assay::plugin::imaging::{Image, PixelFormat};
use crate::exports::assay::plugin::detect::Evidence;
use crate::{Answer, answer, finding};

pub fn run(_: Evidence) -> Answer {
    let image = Image::filled(5000, 5000, PixelFormat::Gray8, &[7]).unwrap();
    core::hint::black_box(image.median_blur(7).unwrap().info());
    answer(finding())
}
