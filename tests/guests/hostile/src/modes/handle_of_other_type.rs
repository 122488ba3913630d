//! Passes a picture off as a tensor.

use crate::wasi::nn::tensor::Tensor;
use crate::exports::assay::plugin::detect::Evidence;
use crate::{Answer, answer, finding};

pub fn run(evidence: Evidence) -> Answer {
    let forged = unsafe { Tensor::from_handle(evidence.picture.handle()) };
    core::hint::black_box(forged.dimensions());
    core::mem::forget(forged);
    answer(finding())
}
