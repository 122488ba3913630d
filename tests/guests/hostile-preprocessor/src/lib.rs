//! A preprocessor that does one bad thing, chosen by the setting `mode`: each file in `modes` is one.

wit_bindgen::generate!({ path: "../../../wit", world: "assay:plugin/preprocessor", generate_all });

mod modes;

use assay::plugin::config;
use assay::plugin::imaging::Image;
use assay::plugin::types::{FrameInfo, PluginError};
use exports::assay::plugin::preprocess::{Guest, Prepared};
use wasi::nn::tensor::{Tensor, TensorType};

pub type Answer = Result<Prepared, PluginError>;

/// What the model takes.
pub const SHAPE: [u32; 4] = [1, 3, 16, 16];
pub const BYTES: usize = 3 * 16 * 16 * 4;

/// An answer with these inputs of the model.
pub fn answer(tensors: Vec<(String, Tensor)>) -> Answer {
    Ok(Prepared { tensors, picture: None, images: Vec::new(), attributes: Vec::new() })
}

/// The model's input, with one value everywhere.
pub fn input(value: f32) -> (String, Tensor) {
    ("input".to_owned(), Tensor::new(&SHAPE, TensorType::Fp32, &value.to_le_bytes().repeat(BYTES / 4)))
}

struct Hostile;

impl Guest for Hostile {
    fn preprocess(_frame: FrameInfo, picture: Image) -> Answer {
        let mode = config::get("mode").unwrap_or_default();
        modes::run(mode.trim_matches('"'), picture)
    }
}

export!(Hostile);
