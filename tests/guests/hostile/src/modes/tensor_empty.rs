//! A tensor without its bytes.

use crate::wasi::nn::tensor::{Tensor, TensorType};
use crate::exports::assay::plugin::detect::Evidence;
use crate::{Answer, answer, finding};

pub fn run(_: Evidence) -> Answer {
    core::hint::black_box(Tensor::new(&[1, 8], TensorType::Fp32, &[]));
    answer(finding())
}
