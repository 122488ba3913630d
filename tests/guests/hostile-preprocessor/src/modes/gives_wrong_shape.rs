//! An input whose channels come last.

use crate::Answer;
use crate::assay::plugin::imaging::Image;
use crate::wasi::nn::tensor::{Tensor, TensorType};

pub fn run(_: Image) -> Answer {
    let tensor = Tensor::new(&[1, 16, 16, 3], TensorType::Fp32, &[0; crate::BYTES]);
    crate::answer(vec![("input".to_owned(), tensor)])
}
