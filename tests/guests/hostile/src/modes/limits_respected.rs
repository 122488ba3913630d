//! Runs into the byte limit, lets go, and goes on well.

use crate::assay::plugin::imaging::{Image, ImagingError, PixelFormat};
use crate::exports::assay::plugin::detect::Evidence;
use crate::{Answer, answer, finding};

pub fn run(_: Evidence) -> Answer {
    let mut hoard = Vec::new();
    let refused = loop {
        match Image::filled(1024, 1024, PixelFormat::Gray8, &[7]) {
            Ok(image) => hoard.push(image),
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, ImagingError::Limit(_)));
    hoard.clear();
    let image = Image::filled(1024, 1024, PixelFormat::Gray8, &[7]).unwrap();
    assert_eq!(image.info().width, 1024);
    answer(finding())
}
