//! A tensor of a hundred thousand dimensions.

use crate::wasi::nn::tensor::{Tensor, TensorType};
use crate::exports::assay::plugin::detect::Evidence;
use crate::{Answer, answer, finding};

pub fn run(_: Evidence) -> Answer {
    core::hint::black_box(Tensor::new(&vec![1; 100_000], TensorType::U8, &[0]));
    answer(finding())
}
