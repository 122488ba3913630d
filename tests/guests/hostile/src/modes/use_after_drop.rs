//! Uses a picture after it has dropped it.

use crate::assay::plugin::imaging::{Image, PixelFormat};
use crate::exports::assay::plugin::detect::Evidence;
use crate::{Answer, answer, finding};

pub fn run(_: Evidence) -> Answer {
    let image = Image::filled(4, 4, PixelFormat::Gray8, &[7]).unwrap();
    let handle = image.handle();
    drop(image);
    let gone = unsafe { Image::from_handle(handle) };
    core::hint::black_box(gone.info());
    core::mem::forget(gone);
    answer(finding())
}
