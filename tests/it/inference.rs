//! The three backends against one model. Needs the libraries of OpenVINO and ONNX Runtime: a test that lacks one fails
//! and names the command that fetches it.

use assay::domain::{BufferPool, Digest, ElementType, ModelFormat, ModelSpec, NamedTensor, Port, Precision, Tensor};
use assay::imaging::{DecodeLimits, PixelElement, ResizeFilter, TensorLayout, TensorSpec, decode, resize, to_tensor};
use assay::inference::{
    BackendOptions, Backends, DeviceRequest, InferenceError, LoadOptions, LoadedModel, ModelSource, softmax,
};
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

pub const ALL: [&str; 3] = ["openvino", "onnxruntime", "tract"];
const LABELS: u32 = 5;
const EMBEDDING: u32 = 12;

/// Most by which logits of an f32 model may differ between backends or from float64.
const F32_TOLERANCE: f32 = 1e-3;
/// The same for an int8 model: each backend rounds at other places, by up to a step of the quantised logits, and a
/// CPU without VNNI instructions adds its products in 16 bits, by up to another one.
const INT8_TOLERANCE: f32 = 0.15;

fn workspace() -> PathBuf {
    assay_tests::artifacts::root()
}

/// The folder of a library: from the environment, else where xtask puts it.
pub fn library_dir(variable: &str, folder: &str) -> PathBuf {
    std::env::var_os(variable).map_or_else(|| workspace().join(".assay").join(folder), PathBuf::from)
}

pub fn backend(name: &str) -> Backends {
    let options = BackendOptions {
        openvino_dir: Some(library_dir("ASSAY_OPENVINO_DIR", "openvino")),
        onnxruntime_dir: Some(library_dir("ASSAY_ONNXRUNTIME_DIR", "onnxruntime")),
        order: vec![name.to_owned()],
    };
    let backends = Backends::discover(&options);
    assert!(backends.missing().is_empty(), "`cargo xtask {name}` fetches what is missing: {:?}", backends.missing());
    backends
}

fn port(name: &str, shape: &[u32]) -> Port {
    Port { name: name.to_owned(), shape: shape.to_vec(), ty: ElementType::F32 }
}

fn spec(side: u32, embedding: u32) -> ModelSpec {
    ModelSpec {
        inputs: vec![port("input", &[3, side, side])],
        outputs: vec![port("logits", &[LABELS]), port("embedding", &[embedding])],
        batch_sizes: vec![1, 3],
    }
}

fn source(path: &Path, spec: ModelSpec) -> ModelSource {
    let bytes: Arc<[u8]> = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).into();
    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
    ModelSource { name, digest: Digest::of(&bytes), format: ModelFormat::Onnx, bytes, weights: None, spec }
}

fn tiny(file: &str) -> ModelSource {
    source(&workspace().join("tests/fixtures/models").join(file), spec(16, EMBEDDING))
}

pub fn cpu(precision: Precision) -> DeviceRequest {
    DeviceRequest { wish: vec!["CPU".to_owned()], precision }
}

pub fn one_thread() -> LoadOptions {
    LoadOptions { threads: 1, parallel: 1, cache_dir: None }
}

fn load(name: &str, source: &ModelSource) -> Arc<dyn LoadedModel> {
    let loaded = backend(name).load(source, &cpu(Precision::F32Exact), &one_thread());
    loaded.unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The same picture as in tests/fixtures/models/make_tiny.py.
fn picture(batch: u32, side: u32) -> Vec<NamedTensor> {
    let count = u64::from(batch * 3 * side * side);
    let values: Vec<f32> = (0..count).map(|i| (i * 7919 % 1009) as f32 / 1009.0 - 0.5).collect();
    let tensor = Tensor::from_f32(&[batch, 3, side, side], &values).unwrap();
    vec![NamedTensor { name: "input".to_owned(), tensor }]
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn values(outputs: &[NamedTensor], name: &str) -> Vec<f32> {
    let output = outputs.iter().find(|output| output.name == name).unwrap_or_else(|| panic!("no output {name}"));
    output.tensor.as_f32().unwrap().to_vec()
}

fn farthest(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn answers(key: &str) -> Vec<Vec<f32>> {
    let text = std::fs::read_to_string(workspace().join("tests/fixtures/models/tiny.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    serde_json::from_value(json[key].clone()).unwrap()
}

#[test]
fn every_backend_gives_the_known_answers_of_an_f32_model() {
    let source = tiny("tiny.onnx");
    let (logits, embedding) = (answers("logits"), answers("embedding"));
    for name in ALL {
        let model = load(name, &source);
        for batch in [1, 3] {
            let outputs = model.infer(&picture(batch, 16), soon()).unwrap();
            for (output, known) in [("logits", &logits), ("embedding", &embedding)] {
                let known: Vec<f32> = known[..batch as usize].concat();
                let off = farthest(&values(&outputs, output), &known);
                assert!(off <= F32_TOLERANCE, "{name}, batch {batch}, {output}: off by {off}");
            }
        }
    }
}

#[test]
fn every_backend_gives_the_same_label_and_near_logits_for_an_int8_model() {
    let source = tiny("tiny-int8.onnx");
    let known = answers("int8_logits");
    for name in ALL {
        let model = load(name, &source);
        for batch in [1, 3] {
            let outputs = model.infer(&picture(batch, 16), soon()).unwrap();
            let logits = values(&outputs, "logits");
            for (found, known) in logits.chunks(LABELS as usize).zip(&known) {
                let off = farthest(found, known);
                assert!(off <= INT8_TOLERANCE, "{name}, batch {batch}: off by {off}");
                assert_eq!(top(found), top(known), "{name}, batch {batch}");
            }
        }
    }
}

fn top(logits: &[f32]) -> usize {
    let p = softmax(logits, 1.0);
    (0..p.len()).max_by(|&a, &b| p[a].total_cmp(&p[b])).unwrap()
}

#[test]
fn every_backend_records_where_it_ran_and_with_which_library() {
    for name in ALL {
        let model = load(name, &tiny("tiny.onnx"));
        let placement = model.placement();
        assert_eq!((placement.device.backend.as_str(), placement.device.used.as_str()), (name, "CPU"));
        assert_eq!(placement.device.precision, "f32-exact");
        assert!(placement.library_version.starts_with(|c: char| c.is_ascii_digit()), "{placement:?}");
        let available = backend(name).available();
        assert_eq!(available[0].0, name);
        assert!(available[0].2.contains(&"CPU".to_owned()), "{available:?}");
    }
}

#[test]
fn no_backend_runs_on_a_device_that_was_not_asked_for() {
    for name in ALL {
        // A plain AUTO could be any device.
        for wish in ["FPGA", "AUTO", "AUTO:FPGA,CPU", "cpu"] {
            let request = DeviceRequest { wish: vec![wish.to_owned()], precision: Precision::Fast };
            let error = backend(name).load(&tiny("tiny.onnx"), &request, &one_thread()).err().unwrap();
            assert!(matches!(error, InferenceError::DeviceMissing { .. }), "{name}, {wish}: {error}");
        }
    }
}

#[test]
fn a_device_list_of_openvino_runs_and_the_device_behind_it_is_recorded() {
    let request = DeviceRequest { wish: vec!["AUTO:CPU".to_owned()], precision: Precision::F32Exact };
    let model = backend("openvino").load(&tiny("tiny.onnx"), &request, &one_thread()).unwrap();
    assert_eq!(model.placement().device.used, "CPU");
    let outputs = model.infer(&picture(1, 16), soon()).unwrap();
    assert!(farthest(&values(&outputs, "logits"), &answers("logits")[0]) <= F32_TOLERANCE);
}

#[test]
fn backends_are_preferred_in_the_order_that_is_given() {
    let mut options = BackendOptions {
        openvino_dir: Some(library_dir("ASSAY_OPENVINO_DIR", "openvino")),
        onnxruntime_dir: Some(library_dir("ASSAY_ONNXRUNTIME_DIR", "onnxruntime")),
        order: ALL.map(str::to_owned).to_vec(),
    };
    for _ in ALL {
        let backends = Backends::discover(&options);
        let model = backends.load(&tiny("tiny.onnx"), &cpu(Precision::Fast), &one_thread()).unwrap();
        assert_eq!(model.placement().device.backend, options.order[0]);
        options.order.rotate_left(1);
    }
}

#[test]
fn malformed_tensors_are_refused_alike_by_every_backend() {
    let tensor = |name: &str, shape: &[u32], ty| {
        vec![NamedTensor { name: name.to_owned(), tensor: Tensor::build(shape, ty, |_| ()).unwrap() }]
    };
    let corpus = [
        Vec::new(),
        tensor("image", &[1, 3, 16, 16], ElementType::F32),
        tensor("input", &[1, 3, 16, 16], ElementType::U8),
        tensor("input", &[1, 3, 16, 16], ElementType::I32),
        tensor("input", &[3, 16, 16], ElementType::F32),
        tensor("input", &[1, 16, 16, 3], ElementType::F32),
        tensor("input", &[2, 3, 16, 16], ElementType::F32),
        tensor("input", &[], ElementType::F32),
        [picture(1, 16), picture(1, 16)].concat(),
    ];
    for name in ALL {
        let model = load(name, &tiny("tiny.onnx"));
        for inputs in &corpus {
            let error = model.infer(inputs, soon()).unwrap_err();
            assert!(matches!(error, InferenceError::BadTensor { .. }), "{name}: {error}");
        }
        model.infer(&picture(1, 16), soon()).unwrap();
    }
}

#[test]
fn malformed_models_are_refused_by_every_backend() {
    let whole = tiny("tiny.onnx");
    for name in ALL {
        for length in [0, 1, 40, 400, whole.bytes.len() - 1] {
            let mut source = tiny("tiny.onnx");
            source.bytes = whole.bytes[..length].into();
            let error = backend(name).load(&source, &cpu(Precision::Fast), &one_thread()).err();
            let error = error.unwrap_or_else(|| panic!("{name} loaded {length} bytes of a model"));
            assert!(matches!(error, InferenceError::Refused { .. }), "{name}: {error}");
        }
    }
}

#[test]
fn a_model_that_differs_from_its_specification_is_refused_by_every_backend() {
    let breaks: [fn(&mut ModelSpec); 6] = [
        |s| s.inputs[0].name = "image".to_owned(),
        |s| s.inputs[0].ty = ElementType::U8,
        |s| s.inputs[0].shape = vec![4, 16, 16],
        |s| s.outputs[0].name = "scores".to_owned(),
        |s| s.outputs[0].shape = vec![6],
        |s| s.inputs.push(port("second", &[1])),
    ];
    for name in ALL {
        for (index, damage) in breaks.iter().enumerate() {
            let mut source = tiny("tiny.onnx");
            damage(&mut source.spec);
            let error = backend(name).load(&source, &cpu(Precision::Fast), &one_thread()).err();
            let error = error.unwrap_or_else(|| panic!("{name} took specification {index}"));
            let refused = matches!(error, InferenceError::BadModel { .. } | InferenceError::Refused { .. });
            assert!(refused, "{name}, {index}: {error}");
        }
    }
}

/// Big enough that no machine judges 3 of its pictures in a millisecond.
fn heavy() -> ModelSource {
    let mut source = tiny("heavy.onnx");
    source.spec = ModelSpec {
        inputs: vec![port("input", &[3, 512, 512])],
        outputs: vec![port("logits", &[LABELS])],
        batch_sizes: vec![3],
    };
    source
}

#[test]
fn every_backend_stops_at_the_deadline_and_answers_the_next_frame() {
    let source = heavy();
    for name in ALL {
        let model = load(name, &source);
        let input = picture(3, 512);
        let before = Instant::now();
        let answer = model.infer(&input, soon()).unwrap();
        let whole = before.elapsed();
        let error = model.infer(&input, Instant::now() + Duration::from_millis(1)).unwrap_err();
        assert!(matches!(error, InferenceError::Timeout { .. }), "{name}, {whole:?}: {error}");
        let again = model.infer(&input, soon()).unwrap();
        assert_eq!(answer[0].tensor.bytes(), again[0].tensor.bytes(), "{name}");
    }
}

#[test]
fn every_backend_answers_several_threads_at_one_time() {
    let source = tiny("tiny.onnx");
    for name in ALL {
        let options = LoadOptions { threads: 1, parallel: 3, cache_dir: None };
        let model = backend(name).load(&source, &cpu(Precision::F32Exact), &options).unwrap();
        let input = picture(3, 16);
        let alone = model.infer(&input, soon()).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let outputs = model.infer(&input, soon()).unwrap();
                        assert_eq!(outputs[0].tensor.bytes(), alone[0].tensor.bytes(), "{name}");
                    }
                });
            }
        });
    }
}

#[test]
fn openvino_keeps_compiled_blobs_only_where_it_is_told_to() {
    let dir = tempfile::tempdir().unwrap();
    let options = LoadOptions { threads: 1, parallel: 1, cache_dir: Some(dir.path().join("blobs")) };
    let source = tiny("tiny.onnx");
    for _ in 0..2 {
        let model = backend("openvino").load(&source, &cpu(Precision::F32Exact), &options).unwrap();
        let outputs = model.infer(&picture(1, 16), soon()).unwrap();
        assert!(farthest(&values(&outputs, "logits"), &answers("logits")[0]) <= F32_TOLERANCE);
    }
    let mut folder = dir.path().join("blobs/openvino");
    while let Some(Ok(entry)) = std::fs::read_dir(&folder).unwrap().find(|e| e.as_ref().unwrap().path().is_dir()) {
        folder = entry.path();
    }
    assert_eq!(folder.file_name().unwrap().to_string_lossy(), source.digest.to_string());
    assert!(std::fs::read_dir(&folder).unwrap().count() >= 2, "one blob per batch size");
}

/// Most by which the logits of the demo's int8 model may differ between backends; they range over about 12, and 0.61 was
/// the most on a processor with VNNI. Each backend fuses other operations, and so rounds at other of the 59 places.
const DEMO_TOLERANCE: f32 = 1.0;

fn demo_picture(path: &Path, pool: &BufferPool) -> Vec<NamedTensor> {
    let spec =
        TensorSpec { layout: TensorLayout::Nchw, element: PixelElement::F32, mean: vec![127.0], scale: vec![128.0] };
    let image = decode(&std::fs::read(path).unwrap(), &DecodeLimits::default(), pool).unwrap();
    let image = resize(&image, 224, 224, ResizeFilter::Bilinear, pool).unwrap();
    vec![NamedTensor { name: "input".to_owned(), tensor: to_tensor(&[&image], &spec).unwrap() }]
}

#[test]
fn the_demo_model_gives_the_same_labels_on_every_backend() {
    let demo = workspace().join("sdk/models/demo");
    let source = source(&demo.join("surface-int8.onnx"), spec(224, 256));
    let models = ALL.map(|name| load(name, &source));
    let pool = BufferPool::new(2, 1 << 20);
    let mut pictures: Vec<PathBuf> =
        std::fs::read_dir(demo.join("pictures")).unwrap().map(|entry| entry.unwrap().path()).collect();
    pictures.retain(|path| path.extension().is_some_and(|kind| kind != "json"));
    pictures.sort();
    assert!(pictures.len() > 50, "found {}", pictures.len());
    let (mut same, mut most, mut seen) = (0, 0.0f32, 0);
    for path in pictures.iter().step_by(2) {
        let input = demo_picture(path, &pool);
        let logits = models.each_ref().map(|model| values(&model.infer(&input, soon()).unwrap(), "logits"));
        let off = farthest(&logits[0], &logits[1])
            .max(farthest(&logits[0], &logits[2]))
            .max(farthest(&logits[1], &logits[2]));
        assert!(off <= DEMO_TOLERANCE, "{}: logits differ by {off}", path.display());
        let mut sorted = logits[0].clone();
        sorted.sort_by(f32::total_cmp);
        let margin = sorted[4] - sorted[3];
        let agree = logits.iter().all(|found| top(found) == top(&logits[0]));
        assert!(agree || margin <= DEMO_TOLERANCE, "{}: {logits:?}", path.display());
        (same, most, seen) = (same + usize::from(agree), most.max(off), seen + 1);
    }
    println!("{same} of {seen} pictures have the same label on all backends; logits differ by {most} at most");
    assert!(same * 100 >= seen * 95, "only {same} of {seen} pictures have the same label on all backends");
}

static TINY: LazyLock<Arc<dyn LoadedModel>> = LazyLock::new(|| load("tract", &tiny("tiny.onnx")));

proptest! {
    #[test]
    fn no_set_of_tensors_panics_and_only_fitting_ones_run(
        tensors in proptest::collection::vec(
            (0usize..3, prop_oneof![
                proptest::collection::vec(1u32..5, 0..6),
                Just(vec![1, 3, 16, 16]), Just(vec![3, 3, 16, 16]), Just(vec![2, 3, 16, 16]),
            ], 0usize..7),
            0..3,
        )
    ) {
        const TYPES: [ElementType; 7] = [
            ElementType::F32, ElementType::F16, ElementType::F64, ElementType::Bf16, ElementType::U8,
            ElementType::I32, ElementType::I64,
        ];
        let names = ["input", "", "other"];
        let inputs: Vec<NamedTensor> = tensors
            .iter()
            .map(|(name, shape, ty)| {
                let tensor = Tensor::build(shape, TYPES[*ty], |_| ()).unwrap();
                NamedTensor { name: names[*name].to_owned(), tensor }
            })
            .collect();
        let fits = tensors.len() == 1
            && tensors[0].0 == 0
            && tensors[0].2 == 0
            && [vec![1, 3, 16, 16], vec![3, 3, 16, 16]].contains(&tensors[0].1);
        match TINY.infer(&inputs, soon()) {
            Ok(outputs) => prop_assert!(fits && outputs.len() == 2),
            Err(InferenceError::BadTensor { .. }) => prop_assert!(!fits),
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}
