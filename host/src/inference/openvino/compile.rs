use super::ffi::{self, CompiledModel, Model};
use super::{Batches, CPU, Library, NAME, cache, check_input_count, devices};
use crate::domain::{ModelFormat, Precision};
use crate::inference::checked::bad_model;
use crate::inference::validate::shape_of;
use crate::inference::{InferenceError, LoadOptions, ModelSource};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::NamedTempFile;

/// The model that takes the place of one whose run hangs. Called beside the frames: it may compile.
pub(super) type Again = Box<dyn Fn() -> Result<Arc<CompiledModel>, String> + Send + Sync>;

/// A model that is to run on one device. Kept with a model that may have to be compiled again.
#[derive(Clone)]
pub(super) struct Order {
    pub(super) library: Arc<Library>,
    pub(super) source: ModelSource,
    pub(super) device: String,
    pub(super) precision: Precision,
    pub(super) options: LoadOptions,
}

impl Order {
    /// The compiled models per batch size: with every shape fixed, the device plans its memory at load.
    pub(super) fn compile_all(&self) -> Result<Batches<Vec<CompiledModel>>, InferenceError> {
        let mut read = self.read()?;
        let mut compiled = BTreeMap::new();
        for batch in self.source.spec.batches() {
            read.shape(batch)?;
            let made = (0..copies(&self.device, &self.options)).map(|_| read.compile());
            compiled.insert(batch, made.collect::<Result<_, _>>()?);
        }
        Ok(compiled)
    }

    /// What takes the place of one of `models` whose run hangs: on the CPU the same model, read and compiled anew, since
    /// it has one stream only and that one hangs; elsewhere those that are there, in turn.
    pub(super) fn again(&self, batch: Option<u32>, models: &[Arc<CompiledModel>]) -> Again {
        if self.device != CPU {
            let (models, turn) = (models.to_vec(), AtomicUsize::new(0));
            return Box::new(move || {
                let turn = turn.fetch_add(1, Ordering::Relaxed) % models.len().max(1);
                models.get(turn).cloned().ok_or_else(|| "it has no compiled model".to_owned())
            });
        }
        let order = self.clone();
        Box::new(move || order.compile_once(batch).map(Arc::new).map_err(|error| error.to_string()))
    }

    fn compile_once(&self, batch: Option<u32>) -> Result<CompiledModel, InferenceError> {
        let mut read = self.read()?;
        read.shape(batch)?;
        read.compile()
    }

    /// From memory where OpenVINO can; TensorFlow Lite it reads from a file only.
    fn read(&self) -> Result<Read<'_>, InferenceError> {
        let (source, library) = (&self.source, &self.library);
        let bad = |error: ffi::CallError| self.bad("it can't be read", error);
        let file = (source.format == ModelFormat::Tflite).then(|| private_file(&source.bytes)).transpose();
        let file = file.map_err(|error| bad_model(NAME, source, format!("no file for it can be written: {error}")))?;
        let model = match &file {
            Some(file) => library.core.read_file(file.path()),
            None => library.core.read(&source.bytes, source.weights.as_deref()),
        };
        let model = model.map_err(bad)?;
        check_input_count(source, &model)?;
        let cache = self.options.cache_dir.as_deref();
        let blobs = cache.map(|dir| cache::folder(dir, source, &library.version, &self.device));
        let blobs = blobs.transpose().map_err(|detail| bad_model(NAME, source, detail))?;
        let properties = devices::properties(&self.device, self.precision, &self.options, blobs.as_deref());
        Ok(Read { order: self, model, properties, _file: file })
    }

    fn bad(&self, what: &str, error: ffi::CallError) -> InferenceError {
        bad_model(NAME, &self.source, format!("{what}: {error}"))
    }
}

/// A model that was read, and how it is to be compiled.
struct Read<'a> {
    order: &'a Order,
    model: Model,
    properties: Vec<(&'static str, String)>,
    /// It may still be mapped into memory.
    _file: Option<NamedTempFile>,
}

/// A file that holds `bytes`, which the station's user alone may open; its name can't be guessed before it is there.
fn private_file(bytes: &[u8]) -> std::io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix("assay-").suffix(".tflite").tempfile()?;
    file.write_all(bytes)?;
    file.flush()?;
    Ok(file)
}

impl Read<'_> {
    fn shape(&mut self, batch: Option<u32>) -> Result<(), InferenceError> {
        let inputs = &self.order.source.spec.inputs;
        let shapes: Vec<_> = inputs.iter().map(|port| (port.name.as_str(), shape_of(port, batch))).collect();
        self.model.reshape(&shapes).map_err(|error| self.order.bad(&misfit(batch), error))
    }

    fn compile(&self) -> Result<CompiledModel, InferenceError> {
        let Order { library, device, .. } = self.order;
        let properties: Vec<(&str, &str)> = self.properties.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let compiled = library.core.compile(&self.model, device, &properties);
        compiled.map_err(|error| self.order.bad(&format!("{device} can't compile it"), error))
    }
}

/// Compiled models per batch size. On the CPU each request has one of its own: a model with several streams runs on
/// threads of OpenVINO's, and waking those costs more than all the rest of this backend; a model with one stream runs
/// on the calling thread. This takes the time to compile and the memory of the weights once per request.
fn copies(device: &str, options: &LoadOptions) -> u32 {
    if device == CPU { options.parallel.max(1) } else { 1 }
}

fn misfit(batch: Option<u32>) -> String {
    let what = batch.map_or_else(|| "the specified shape".to_owned(), |batch| format!("batch size {batch}"));
    format!("{what} does not fit it")
}

#[cfg(test)]
mod tests {
    use super::{LoadOptions, copies};

    #[test]
    fn on_the_cpu_each_request_has_a_model_of_one_stream_and_elsewhere_they_share_one() {
        let options = LoadOptions { threads: 4, parallel: 3, cache_dir: None };
        assert_eq!(copies("CPU", &options), 3);
        assert_eq!(copies("GPU", &options), 1);
        assert_eq!(copies("CPU", &LoadOptions { parallel: 0, ..options }), 1);
    }
}
