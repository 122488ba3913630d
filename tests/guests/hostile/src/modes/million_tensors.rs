//! Makes tensors without end, and drops each.

use crate::wasi::nn::tensor::{Tensor, TensorType};
use crate::Answer;
use crate::exports::assay::plugin::detect::Evidence;

pub fn run(_: Evidence) -> Answer {
    loop {
        core::hint::black_box(Tensor::new(&[16], TensorType::U8, &[1; 16]));
    }
}
