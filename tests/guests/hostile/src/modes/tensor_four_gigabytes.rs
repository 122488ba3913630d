//! A tensor that says it has 2^32 bytes: 0 in 32 bits.

use crate::wasi::nn::tensor::{Tensor, TensorType};
use crate::exports::assay::plugin::detect::Evidence;
use crate::{Answer, answer, finding};

pub fn run(_: Evidence) -> Answer {
    core::hint::black_box(Tensor::new(&[1 << 16, 1 << 16], TensorType::U8, &[]));
    answer(finding())
}
