//! A tensor of one byte too many.

use crate::wasi::nn::tensor::{Tensor, TensorType};
use crate::exports::assay::plugin::detect::Evidence;
use crate::{Answer, answer, finding};

pub fn run(_: Evidence) -> Answer {
    core::hint::black_box(Tensor::new(&[1, 8], TensorType::Fp32, &[0; 33]));
    answer(finding())
}
