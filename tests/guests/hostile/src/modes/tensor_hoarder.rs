//! Makes tensors and keeps them.

use crate::wasi::nn::tensor::{Tensor, TensorType};
use crate::exports::assay::plugin::detect::Evidence;
use crate::{Answer, answer, finding};

pub fn run(_: Evidence) -> Answer {
    let bytes = vec![1; 512 << 10];
    let mut hoard = Vec::new();
    for _ in 0..200 {
        hoard.push(Tensor::new(&[bytes.len() as u32], TensorType::U8, &bytes));
    }
    core::hint::black_box(&hoard);
    answer(finding())
}
