//! Answers with a picture that nobody made.

use crate::assay::plugin::imaging::Image;
use crate::Answer;
use crate::exports::assay::plugin::detect::{Detection, Evidence};

pub fn run(_: Evidence) -> Answer {
    let images = vec![("forged".to_owned(), unsafe { Image::from_handle(77_777) })];
    Ok(Detection { findings: Vec::new(), images, attributes: Vec::new() })
}
