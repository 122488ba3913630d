//! What stands in front of every backend.

use super::super::checked::{CheckedModel, Runner};
use super::super::validate::CheckedInputs;
use super::*;

/// A backend that answers as it is told.
struct Told(fn(u32) -> Result<Vec<Tensor>, InferenceError>);

impl Runner for Told {
    fn run(&self, inputs: &CheckedInputs<'_>, _: Instant) -> Result<Vec<Tensor>, InferenceError> {
        (self.0)(inputs.batch().unwrap())
    }
}

fn told(answer: fn(u32) -> Result<Vec<Tensor>, InferenceError>) -> Result<Arc<dyn LoadedModel>, InferenceError> {
    warmed_up(Box::new(Told(answer)))
}

fn warmed_up(runner: Box<dyn Runner>) -> Result<Arc<dyn LoadedModel>, InferenceError> {
    let device = DeviceUse {
        backend: "told".to_owned(),
        asked: vec!["CPU".to_owned()],
        used: "CPU".to_owned(),
        precision: "f32-exact".to_owned(),
    };
    let source = ModelSource { spec: spec(), ..tiny(b"told") };
    CheckedModel::warmed_up("told", &source, Placement { device, library_version: String::new() }, runner)
}

fn logits(batch: u32) -> Result<Vec<Tensor>, InferenceError> {
    Ok(vec![Tensor::build(&[batch, 2], ElementType::F32, |_| ()).unwrap()])
}

#[test]
fn outputs_come_under_the_names_of_the_specification() {
    let outputs = told(logits).unwrap().infer(&good(1), soon()).unwrap();
    assert_eq!(outputs.len(), 1);
    assert_eq!((outputs[0].name.as_str(), outputs[0].tensor.shape()), ("logits", [1, 2].as_slice()));
}

#[test]
fn a_backend_is_never_shown_a_tensor_that_does_not_fit() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let model = told(|batch| {
        RUNS.fetch_add(1, Ordering::SeqCst);
        logits(batch)
    })
    .unwrap();
    let before = RUNS.load(Ordering::SeqCst);
    assert!(matches!(model.infer(&good(2), soon()), Err(InferenceError::BadTensor { .. })));
    assert_eq!(RUNS.load(Ordering::SeqCst), before);
}

/// Panics on a batch of zeros, as an integer division by its input does.
struct Divides;

impl Runner for Divides {
    fn run(&self, inputs: &CheckedInputs<'_>, _: Instant) -> Result<Vec<Tensor>, InferenceError> {
        assert!(inputs.tensors().iter().all(|tensor| tensor.bytes().iter().any(|&byte| byte != 0)), "divided by zero");
        assert_eq!(inputs.tensors()[0].as_f32().unwrap()[0].to_bits(), 1f32.to_bits());
        assert_eq!(inputs.tensors()[1].bytes()[0], 1);
        logits(inputs.batch().unwrap())
    }
}

#[test]
fn a_model_that_cannot_answer_zeros_is_warmed_up_with_ones() {
    warmed_up(Box::new(Divides)).unwrap();
}

#[test]
fn a_backend_that_panics_is_a_failed_inference() {
    static WARM: AtomicU32 = AtomicU32::new(0);
    // Two batch sizes, each warmed up by two runs; then it panics.
    let model = told(|batch| if WARM.fetch_add(1, Ordering::SeqCst) < 4 { logits(batch) } else { panic!("boom") });
    let error = model.unwrap().infer(&good(1), soon()).unwrap_err().to_string();
    assert!(error.contains("told") && error.contains("panicked: boom"), "{error}");
}

#[test]
fn outputs_that_break_the_specification_are_refused() {
    let wrong: [Answer; 4] = [
        |_| Ok(Vec::new()),
        |batch| Ok(vec![Tensor::build(&[batch, 3], ElementType::F32, |_| ()).unwrap()]),
        |batch| Ok(vec![Tensor::build(&[batch + 1, 2], ElementType::F32, |_| ()).unwrap()]),
        |batch| Ok(vec![Tensor::build(&[batch, 2], ElementType::I32, |_| ()).unwrap()]),
    ];
    for answer in wrong {
        let error = told(answer).err().unwrap();
        assert!(matches!(error, InferenceError::BadModel { .. }) && error.to_string().contains("specified"), "{error}");
    }
}

#[test]
fn after_the_deadline_there_is_no_answer() {
    let model = told(logits).unwrap();
    assert!(matches!(model.infer(&good(1), Instant::now()), Err(InferenceError::Timeout { .. })));
}
