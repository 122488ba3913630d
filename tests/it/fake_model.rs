//! A model that answers without a backend: what the runtime's tests need of one.

use assay::domain::{DeviceUse, Digest, ElementType, ModelSpec, NamedTensor, Port, Tensor};
use assay::inference::{InferenceError, LoadedModel, Placement};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// What the fake does when asked.
#[derive(Clone, Copy)]
pub enum Mood {
    /// The output is the sum of the input.
    Sums,
    /// It would give a megabyte.
    GivesMuch,
    TimesOut,
    LosesItsDevice,
    Fails,
    Panics,
}

/// `image` f32 `[1 or 2, 1, 8, 8]` -> `sum` f32 `[batch, 1]`.
pub struct FakeModel {
    mood: Mood,
    spec: ModelSpec,
    placement: Placement,
    pub calls: AtomicUsize,
    /// Where the bytes of the last input were.
    pub last_input: Mutex<usize>,
}

impl FakeModel {
    pub fn new(mood: Mood) -> Self {
        let port =
            |name: &str, shape: &[u32]| Port { name: name.to_owned(), shape: shape.to_vec(), ty: ElementType::F32 };
        let outputs = if matches!(mood, Mood::GivesMuch) { 262_144 } else { 1 };
        Self {
            mood,
            spec: ModelSpec {
                inputs: vec![port("image", &[1, 8, 8])],
                outputs: vec![port("sum", &[outputs])],
                batch_sizes: vec![1, 2],
            },
            placement: Placement {
                device: DeviceUse {
                    backend: "fake".to_owned(),
                    asked: vec!["CPU".to_owned()],
                    used: "CPU".to_owned(),
                    precision: "f32-exact".to_owned(),
                },
                library_version: "0".to_owned(),
            },
            calls: AtomicUsize::new(0),
            last_input: Mutex::new(0),
        }
    }

    fn bad(detail: &str) -> InferenceError {
        InferenceError::BadTensor { model: "demo".to_owned(), detail: detail.to_owned() }
    }
}

impl LoadedModel for FakeModel {
    fn name(&self) -> &str {
        "demo"
    }

    fn digest(&self) -> Digest {
        Digest::of(b"fake")
    }

    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn placement(&self) -> &Placement {
        &self.placement
    }

    fn infer(&self, inputs: &[NamedTensor], _deadline: Instant) -> Result<Vec<NamedTensor>, InferenceError> {
        let [input] = inputs else { return Err(Self::bad("one input is needed")) };
        let (shape, model) = (input.tensor.shape(), "demo".to_owned());
        let fits = input.name == "image" && matches!(shape, [1 | 2, 1, 8, 8]);
        let values =
            input.tensor.as_f32().ok().filter(|_| fits).ok_or_else(|| Self::bad("not f32 [1 or 2, 1, 8, 8]"))?;
        self.calls.fetch_add(1, Ordering::Relaxed);
        *self.last_input.lock().unwrap() = input.tensor.bytes().as_ptr() as usize;
        match self.mood {
            Mood::Sums => {
                let sums: Vec<f32> = values.chunks_exact(64).map(|picture| picture.iter().sum()).collect();
                let tensor = Tensor::from_f32(&[sums.len() as u32, 1], &sums).unwrap();
                Ok(vec![NamedTensor { name: "sum".to_owned(), tensor }])
            }
            Mood::GivesMuch => {
                let tensor = Tensor::build(&[1, 262_144], ElementType::F32, |_| {}).unwrap();
                Ok(vec![NamedTensor { name: "sum".to_owned(), tensor }])
            }
            Mood::TimesOut => Err(InferenceError::Timeout { model }),
            Mood::LosesItsDevice => {
                let (device, detail) = ("NPU".to_owned(), "unplugged".to_owned());
                Err(InferenceError::DeviceLost { model, device, detail })
            }
            Mood::Fails => Err(InferenceError::Failed { backend: "fake", model, detail: "no luck".to_owned() }),
            Mood::Panics => panic!("a backend with a bug"),
        }
    }
}
