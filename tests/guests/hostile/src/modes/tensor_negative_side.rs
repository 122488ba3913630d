//! A tensor with a side of -1, as C would write it.

use crate::wasi::nn::tensor::{Tensor, TensorType};
use crate::exports::assay::plugin::detect::Evidence;
use crate::{Answer, answer, finding};

pub fn run(_: Evidence) -> Answer {
    core::hint::black_box(Tensor::new(&[1, -1i32 as u32], TensorType::U8, &[0; 8]));
    answer(finding())
}
