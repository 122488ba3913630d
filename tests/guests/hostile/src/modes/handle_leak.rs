//! Makes small tensors without end.

use crate::wasi::nn::tensor::{Tensor, TensorType};
use crate::Answer;
use crate::exports::assay::plugin::detect::Evidence;

pub fn run(_: Evidence) -> Answer {
    let mut hoard = Vec::new();
    loop {
        hoard.push(Tensor::new(&[1], TensorType::U8, &[1]));
    }
}
