//! One tensor under two names.

use crate::Answer;
use crate::assay::plugin::imaging::Image;
use crate::wasi::nn::tensor::Tensor;

pub fn run(_: Image) -> Answer {
    let (name, tensor) = crate::input(0.5);
    let again = unsafe { Tensor::from_handle(tensor.handle()) };
    crate::answer(vec![(name, tensor), ("again".to_owned(), again)])
}
