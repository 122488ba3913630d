//! A tensor whose size overflows.

use crate::wasi::nn::tensor::{Tensor, TensorType};
use crate::exports::assay::plugin::detect::Evidence;
use crate::{Answer, answer, finding};

pub fn run(_: Evidence) -> Answer {
    core::hint::black_box(Tensor::new(&[u32::MAX; 8], TensorType::Fp64, &[0; 8]));
    answer(finding())
}
