//! A tensor of fewer bytes than its shape says.

use crate::wasi::nn::tensor::{Tensor, TensorType};
use crate::exports::assay::plugin::detect::Evidence;
use crate::{Answer, answer, finding};

pub fn run(_: Evidence) -> Answer {
    core::hint::black_box(Tensor::new(&[1, 8], TensorType::Fp32, &[0; 5]));
    answer(finding())
}
