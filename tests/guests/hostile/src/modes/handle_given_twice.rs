//! Gives one picture away twice in one answer.

use crate::assay::plugin::imaging::{Image, PixelFormat};
use crate::Answer;
use crate::exports::assay::plugin::detect::{Detection, Evidence};

pub fn run(_: Evidence) -> Answer {
    let image = Image::filled(4, 4, PixelFormat::Gray8, &[7]).unwrap();
    let again = unsafe { Image::from_handle(image.handle()) };
    let images = vec![("one".to_owned(), image), ("two".to_owned(), again)];
    Ok(Detection { findings: Vec::new(), images, attributes: Vec::new() })
}
