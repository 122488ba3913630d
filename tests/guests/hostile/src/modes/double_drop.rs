//! Drops a picture twice.

use crate::assay::plugin::imaging::{Image, PixelFormat};
use crate::exports::assay::plugin::detect::Evidence;
use crate::{Answer, answer, finding};

pub fn run(_: Evidence) -> Answer {
    let image = Image::filled(4, 4, PixelFormat::Gray8, &[7]).unwrap();
    let again = unsafe { Image::from_handle(image.handle()) };
    drop(image);
    drop(again);
    answer(finding())
}
