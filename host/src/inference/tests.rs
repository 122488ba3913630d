#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]
use super::checked::{CheckedModel, Runner};
use super::pool::{After, Exhausted, Pool};
use super::validate::{CheckedInputs, check_inputs, check_outputs, check_spec};
use super::watchdog::{Cancel, Watchdog};
use super::*;
use crate::domain::{DeviceUse, Digest, ElementType, ModelFormat, ModelSpec, NamedTensor, Port, Precision, Tensor};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

const TINY: &[u8] = include_bytes!("../../../tests/fixtures/models/tiny.onnx");

/// Makes a specification wrong in one way.
type Change = fn(&mut ModelSpec);
/// What a backend answers for a batch.
type Answer = fn(u32) -> Result<Vec<Tensor>, InferenceError>;

fn port(name: &str, shape: &[u32], ty: ElementType) -> Port {
    Port { name: name.to_owned(), shape: shape.to_vec(), ty }
}

fn spec() -> ModelSpec {
    ModelSpec {
        inputs: vec![port("picture", &[3, 4], ElementType::F32), port("mask", &[2], ElementType::U8)],
        outputs: vec![port("logits", &[2], ElementType::F32)],
        batch_sizes: vec![1, 3],
    }
}

fn tensor(name: &str, shape: &[u32], ty: ElementType) -> NamedTensor {
    NamedTensor { name: name.to_owned(), tensor: Tensor::build(shape, ty, |_| ()).unwrap() }
}

fn good(batch: u32) -> Vec<NamedTensor> {
    vec![tensor("mask", &[batch, 2], ElementType::U8), tensor("picture", &[batch, 3, 4], ElementType::F32)]
}

fn refusal(inputs: &[NamedTensor]) -> String {
    match check_inputs("m", &spec(), inputs) {
        Err(error @ InferenceError::BadTensor { .. }) => error.to_string(),
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("accepted"),
    }
}

fn tiny(bytes: &[u8]) -> ModelSource {
    ModelSource {
        name: "tiny".to_owned(),
        digest: Digest::of(bytes),
        format: ModelFormat::Onnx,
        bytes: bytes.into(),
        weights: None,
        spec: ModelSpec {
            inputs: vec![port("input", &[3, 16, 16], ElementType::F32)],
            outputs: vec![port("logits", &[5], ElementType::F32), port("embedding", &[12], ElementType::F32)],
            batch_sizes: vec![1, 3],
        },
    }
}

fn tract() -> Backends {
    Backends::discover(&BackendOptions { order: vec!["tract".to_owned()], ..BackendOptions::default() })
}

fn cpu() -> DeviceRequest {
    DeviceRequest { wish: vec!["CPU".to_owned()], precision: Precision::F32Exact }
}

fn options() -> LoadOptions {
    LoadOptions { threads: 1, parallel: 2, cache_dir: None }
}

fn load(source: &ModelSource) -> Result<Arc<dyn LoadedModel>, InferenceError> {
    tract().load(source, &cpu(), &options())
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

// ---- validation

#[test]
fn inputs_that_fit_are_handed_on_in_the_order_of_the_specification() {
    let inputs = good(3);
    let spec = spec();
    let checked = check_inputs("m", &spec, &inputs).unwrap();
    assert_eq!(checked.batch(), Some(3));
    let shapes: Vec<&[u32]> = checked.tensors().iter().map(|tensor| tensor.shape()).collect();
    assert_eq!(shapes, [[3, 3, 4].as_slice(), [3, 2].as_slice()]);
}

#[test]
fn an_input_that_the_model_does_not_have_is_refused() {
    let mut inputs = good(1);
    inputs.push(tensor("extra", &[1], ElementType::F32));
    let text = refusal(&inputs);
    assert!(text.contains("\"extra\"") && text.contains("picture") && text.contains("mask"), "{text}");
}

#[test]
fn a_missing_input_is_refused() {
    let text = refusal(&good(1)[..1]);
    assert!(text.contains("\"picture\" is missing") && text.contains("given were [\"mask\"]"), "{text}");
    assert!(refusal(&[]).contains("is missing"));
}

#[test]
fn an_input_that_is_given_twice_is_refused() {
    let mut inputs = good(1);
    inputs.push(inputs[0].clone());
    assert!(refusal(&inputs).contains("\"mask\" is given more than once"));
}

#[test]
fn a_wrong_element_type_is_refused() {
    let mut inputs = good(1);
    inputs[1] = tensor("picture", &[1, 3, 4], ElementType::I32);
    let text = refusal(&inputs);
    assert!(text.contains("expected elements of type f32, found i32"), "{text}");
}

#[test]
fn a_wrong_rank_is_refused() {
    let mut inputs = good(1);
    for (shape, found) in [(&[3u32, 4] as &[u32], "found 2"), (&[1, 1, 3, 4], "found 4")] {
        inputs[1] = tensor("picture", shape, ElementType::F32);
        let text = refusal(&inputs);
        assert!(text.contains("expected 3 dimensions") && text.contains(found), "{text}");
    }
    inputs[1] = tensor("picture", &[], ElementType::F32);
    assert!(refusal(&inputs).contains("found a scalar"));
}

#[test]
fn a_wrong_side_is_refused_even_where_the_number_of_bytes_fits() {
    let mut inputs = good(1);
    inputs[1] = tensor("picture", &[1, 4, 3], ElementType::F32);
    let text = refusal(&inputs);
    assert!(text.contains("expected f32 [N, 3, 4]") && text.contains("found f32 [1, 4, 3]"), "{text}");
}

#[test]
fn a_batch_size_that_was_not_prepared_is_refused() {
    let text = refusal(&good(2));
    assert!(text.contains("batch size 2") && text.contains("[1, 3]"), "{text}");
}

#[test]
fn inputs_of_different_batch_sizes_are_refused() {
    let mut inputs = good(1);
    inputs[0] = tensor("mask", &[3, 2], ElementType::U8);
    assert!(refusal(&inputs).contains("has batch"));
}

/// Two inputs without a batch, one of them a scalar.
fn whole() -> ModelSpec {
    ModelSpec {
        inputs: vec![port("a", &[3, 4], ElementType::F32), port("scale", &[], ElementType::F32)],
        outputs: vec![port("b", &[2], ElementType::F32)],
        batch_sizes: vec![],
    }
}

#[test]
fn a_model_without_a_batch_takes_whole_shapes_and_scalars() {
    let spec = whole();
    check_spec(&spec).unwrap();
    let (a, scale) = (tensor("a", &[3, 4], ElementType::F32), tensor("scale", &[], ElementType::F32));
    let inputs = [scale.clone(), a.clone()];
    let checked = check_inputs("m", &spec, &inputs).unwrap();
    assert_eq!((checked.batch(), checked.tensors().len()), (None, 2));
    for (index, shape) in [(0, &[1u32] as &[u32]), (1, &[4]), (1, &[4, 3]), (1, &[1, 3, 4]), (1, &[])] {
        let mut wrong = [scale.clone(), a.clone()];
        wrong[index] = tensor(&wrong[index].name.clone(), shape, ElementType::F32);
        assert!(matches!(check_inputs("m", &spec, &wrong), Err(InferenceError::BadTensor { .. })), "{shape:?}");
    }
    let output = |shape: &[u32]| [Tensor::build(shape, ElementType::F32, |_| ()).unwrap()];
    check_outputs(&spec, None, &output(&[2])).unwrap();
    check_outputs(&spec, None, &output(&[1, 2])).unwrap_err();
}

#[test]
fn a_specification_with_any_mistake_is_refused() {
    let breaks: [(Change, &str); 10] = [
        (|s| s.inputs.clear(), "inputs, found 0"),
        (|s| s.outputs.clear(), "outputs, found 0"),
        (|s| s.inputs = vec![port("a", &[1], ElementType::F32); 33], "found 33"),
        (|s| s.outputs.push(s.outputs[0].clone()), "named twice"),
        (|s| s.inputs[0].name.clear(), "without NUL"),
        (|s| s.inputs[0].name = "a\0b".to_owned(), "without NUL"),
        (|s| s.batch_sizes = (1..=9).collect(), "at most 8 batch sizes, found 9"),
        (|s| s.batch_sizes = vec![0], "found 0"),
        (|s| s.batch_sizes = vec![1, 1], "once"),
        (|s| s.inputs[0].shape = vec![u32::MAX, u32::MAX, u32::MAX], "larger than this machine"),
    ];
    check_spec(&spec()).unwrap();
    for (damage, part) in breaks {
        let mut broken = spec();
        damage(&mut broken);
        let text = check_spec(&broken).unwrap_err();
        assert!(text.contains(part), "{text} lacks {part}");
    }
    let mut zero = spec();
    zero.outputs[0].shape = vec![0];
    assert!(check_spec(&zero).unwrap_err().contains("dimension of 0"));
}

// ---- what stands in front of every backend

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
fn a_panic_while_all_slots_are_shown_loses_none() {
    let pool = Pool::new(vec![1, 2], || None);
    let shown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| pool.all(|_| -> Result<(), ()> { panic!() })));
    assert!(shown.is_err());
    assert!(pool.with(Instant::now(), |_| true, |_| ((), After::Free)).is_ok());
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

// ---- pool and watchdog

#[test]
fn a_slot_has_one_user_at_a_time_and_waiting_ends_at_the_deadline() {
    let pool = Pool::new(vec![1u8], || None);
    let inner =
        pool.with(soon(), |_| true, |_| (pool.with(Instant::now(), |_| true, |_| ((), After::Free)), After::Free));
    assert_eq!(inner.unwrap().unwrap_err(), Exhausted { all_hang: false });
    assert_eq!(pool.with(Instant::now(), |_| true, |slot| (*slot, After::Free)).unwrap(), 1);
}

#[test]
fn a_slot_that_is_still_at_work_is_not_used_again_before_it_is_idle() {
    let pool = Pool::new(vec![7u8], || None);
    pool.with(soon(), |_| true, |_| ((), After::Park)).unwrap();
    let busy = pool.with(Instant::now(), |_| false, |_| ((), After::Free));
    assert_eq!(busy.unwrap_err(), Exhausted { all_hang: true });
    assert_eq!(pool.with(soon(), |_| true, |slot| (*slot, After::Free)).unwrap(), 7);
}

#[test]
fn a_slot_whose_run_panicked_is_parked() {
    let pool = Pool::new(vec![()], || None);
    let run = std::panic::AssertUnwindSafe(|| pool.with(soon(), |()| true, |()| -> ((), After) { panic!("boom") }));
    assert!(std::panic::catch_unwind(run).is_err());
    let busy = pool.with(Instant::now(), |()| false, |()| ((), After::Free));
    assert_eq!(busy.unwrap_err(), Exhausted { all_hang: true });
}

/// Runs `work` on a thread of its own that hangs in the pool's slot until the test lets go of the sender.
fn hang(pool: &Arc<Pool<u8>>) -> (mpsc::Sender<()>, std::thread::JoinHandle<u8>) {
    let (open, opened) = mpsc::channel::<()>();
    let (inside, entered) = mpsc::channel();
    let pool = Arc::clone(pool);
    let thread = std::thread::spawn(move || {
        let work = |slot: &mut u8| {
            inside.send(()).unwrap();
            let _ = opened.recv();
            (*slot, After::Free)
        };
        pool.with(Instant::now(), |_| true, work).unwrap()
    });
    entered.recv().unwrap();
    (open, thread)
}

#[test]
fn a_slot_that_hangs_is_written_off_and_another_is_made() {
    let made = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&made);
    let pool = Arc::new(Pool::new(vec![1u8], move || {
        counted.fetch_add(1, Ordering::SeqCst);
        Some(2)
    }));
    let (open, thread) = hang(&pool);
    for _ in 0..3 {
        assert_eq!(pool.with(soon(), |_| true, |slot| (*slot, After::Free)).unwrap(), 2, "others go on");
    }
    assert_eq!(made.load(Ordering::SeqCst), 1);
    drop(open);
    assert_eq!(thread.join().unwrap(), 1);
    let second = |_: &mut u8| (pool.with(Instant::now(), |_| true, |_| ((), After::Free)), After::Free);
    let inner = pool.with(soon(), |_| true, second);
    assert_eq!(inner.unwrap().unwrap_err(), Exhausted { all_hang: false }, "the slot that came back is not one more");
}

#[test]
fn slots_that_hang_are_bounded() {
    let pool = Arc::new(Pool::new(vec![0u8], || Some(0)));
    let mut hung = Vec::new();
    // The first and four made in its place.
    for _ in 0..5 {
        until(|| pool.with(Instant::now(), |_| true, |_| ((), After::Free)).is_ok());
        hung.push(hang(&pool));
    }
    let refused = pool.with(Instant::now() + Duration::from_millis(300), |_| true, |_| ((), After::Free));
    assert_eq!(refused.unwrap_err(), Exhausted { all_hang: false }, "the fifth is not written off");
    for (open, thread) in hung {
        drop(open);
        thread.join().unwrap();
    }
    pool.with(soon(), |_| true, |_| ((), After::Free)).unwrap();
}

#[test]
fn where_no_slot_can_be_made_the_pool_refuses_and_takes_the_old_one_back() {
    let pool = Arc::new(Pool::new(vec![3u8], || None));
    let (open, thread) = hang(&pool);
    let refused = pool.with(soon(), |_| true, |_| ((), After::Free));
    assert_eq!(refused.unwrap_err(), Exhausted { all_hang: true }, "long before the deadline");
    drop(open);
    thread.join().unwrap();
    assert_eq!(pool.with(soon(), |_| true, |slot| (*slot, After::Free)).unwrap(), 3);
}

fn until(met: impl Fn() -> bool) {
    let start = Instant::now();
    while !met() {
        assert!(start.elapsed() < Duration::from_secs(30));
        std::thread::yield_now();
    }
}

/// Hangs until the test lets go.
struct Stuck(std::sync::Mutex<mpsc::Receiver<()>>, mpsc::Sender<()>);

impl Cancel for Stuck {
    fn cancel(&self) {
        self.1.send(()).unwrap();
        let _ = self.0.lock().unwrap().recv();
    }
}

#[test]
fn a_cancellation_that_hangs_keeps_nobody_else_waiting() {
    let (open, opened) = mpsc::channel();
    let (inside, entered) = mpsc::channel();
    let watchdog = Watchdog::start().unwrap();
    let stuck = watchdog.arm(Instant::now(), Arc::new(Stuck(std::sync::Mutex::new(opened), inside)));
    entered.recv().unwrap();
    let (send, _receive) = mpsc::channel();
    assert!(!watchdog.arm(soon(), Arc::new(Signal(send, "other"))).end(), "this would wait for ever");
    drop(open);
    assert!(stuck.end());
}

struct Signal(mpsc::Sender<&'static str>, &'static str);

impl Cancel for Signal {
    fn cancel(&self) {
        let _ = self.0.send(self.1);
    }
}

#[test]
fn the_watchdog_cancels_at_the_deadline_also_where_a_later_one_came_first() {
    let (send, receive) = mpsc::channel();
    let watchdog = Watchdog::shared().unwrap();
    let late = watchdog.arm(soon(), Arc::new(Signal(send.clone(), "late")));
    let early = watchdog.arm(Instant::now() + Duration::from_millis(5), Arc::new(Signal(send, "early")));
    assert_eq!(receive.recv_timeout(Duration::from_secs(30)).unwrap(), "early");
    assert!(early.end(), "the watch knows that it cancelled");
    assert!(!late.end());
}

#[test]
fn a_watch_that_ended_cancels_nothing() {
    let (send, receive) = mpsc::channel();
    let watchdog = Watchdog::shared().unwrap();
    assert!(!watchdog.arm(soon(), Arc::new(Signal(send.clone(), "kept"))).end());
    drop(watchdog.arm(soon(), Arc::new(Signal(send, "dropped"))));
    // Both senders are gone with their watches.
    assert_eq!(receive.recv().unwrap_err(), mpsc::RecvError);
}

// ---- backends

#[test]
fn a_backend_that_is_not_there_is_reported_with_what_to_do() {
    let empty = tempfile::tempdir().unwrap();
    let backends = Backends::discover(&BackendOptions {
        openvino_dir: Some(empty.path().to_owned()),
        onnxruntime_dir: Some(empty.path().to_owned()),
        order: ["openvino", "onnxruntime", "tensorrt", "tract"].map(str::to_owned).to_vec(),
    });
    let missing = backends.missing();
    let names: Vec<&str> = missing.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["openvino", "onnxruntime", "tensorrt"]);
    assert!(missing[0].1.contains("cargo xtask openvino") && missing[0].1.contains("openvino_dir"), "{missing:?}");
    assert!(missing[1].1.contains("cargo xtask onnxruntime"), "{missing:?}");
    assert!(missing[2].1.contains("no backend \"tensorrt\"") && missing[2].1.contains("tract"), "{missing:?}");
    assert_eq!(backends.available().len(), 1);

    let mut source = tiny(TINY);
    source.format = ModelFormat::OpenvinoIr;
    let error = backends.load(&source, &cpu(), &options()).err().unwrap();
    assert!(matches!(error, InferenceError::BackendMissing { backend: "openvino", .. }), "{error}");
    assert!(error.to_string().contains("openvino-ir") && error.to_string().contains("cargo xtask openvino"), "{error}");
}

#[test]
fn a_file_that_is_no_library_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("libopenvino_c.so.1"), b"no library").unwrap();
    std::fs::write(dir.path().join("libonnxruntime.so.1"), b"no library").unwrap();
    let backends = Backends::discover(&BackendOptions {
        openvino_dir: Some(dir.path().to_owned()),
        onnxruntime_dir: Some(dir.path().to_owned()),
        order: ["openvino", "onnxruntime"].map(str::to_owned).to_vec(),
    });
    assert_eq!(backends.missing().len(), 2);
    for (name, reason) in backends.missing() {
        assert!(
            reason.contains(&format!("lib{}", if name == "openvino" { "openvino_c" } else { "onnxruntime" })),
            "{reason}"
        );
    }
}

#[test]
fn a_device_that_is_not_there_is_refused_and_never_replaced() {
    for wish in [vec!["NPU".to_owned()], vec!["GPU".to_owned(), "tpu".to_owned()], Vec::new()] {
        let request = DeviceRequest { wish: wish.clone(), precision: Precision::Fast };
        let error = tract().load(&tiny(TINY), &request, &options()).err().unwrap();
        let text = error.to_string();
        assert!(matches!(error, InferenceError::DeviceMissing { .. }), "{text}");
        assert!(text.contains(&format!("{wish:?}")) && text.contains("[\"CPU\"]"), "{text}");
    }
}

#[test]
fn the_first_wished_device_that_is_there_is_used_and_recorded() {
    let wish = vec!["NPU".to_owned(), "CPU".to_owned()];
    let request = DeviceRequest { wish: wish.clone(), precision: Precision::Fast };
    let model = tract().load(&tiny(TINY), &request, &options()).unwrap();
    let device = &model.placement().device;
    assert_eq!((device.asked.clone(), device.used.as_str()), (wish, "CPU"));
    assert_eq!((device.backend.as_str(), device.precision.as_str()), ("tract", "f32-exact"));
}

#[test]
fn malformed_model_bytes_are_an_error_and_never_a_panic() {
    let mut corpus: Vec<Vec<u8>> = vec![Vec::new(), vec![0], vec![0xff; 64], b"not a model".to_vec()];
    corpus.extend((1..TINY.len()).step_by(61).map(|length| TINY[..length].to_vec()));
    for bytes in &corpus {
        let error = load(&tiny(bytes)).err().expect("a truncated model must not load");
        assert!(matches!(error, InferenceError::BadModel { .. }), "{error}");
    }
    for flipped in (0..TINY.len()).step_by(17) {
        let mut bytes = TINY.to_vec();
        bytes[flipped] ^= 0x55;
        // A changed weight loads; whatever comes out must be a model or an error.
        let _ = load(&tiny(&bytes));
    }
}

#[test]
fn a_model_that_differs_from_its_specification_is_refused() {
    let breaks: [(Change, &str); 5] = [
        (|s| s.inputs[0].name = "image".to_owned(), "no input \"image\""),
        (|s| s.outputs[0].name = "scores".to_owned(), "no output \"scores\""),
        (|s| s.inputs.push(port("second", &[1], ElementType::F32)), "no input \"second\""),
        (|s| s.outputs[1].shape = vec![11], "[1, 11] is specified"),
        (|s| s.outputs[1].ty = ElementType::I64, "i64"),
    ];
    for (damage, part) in breaks {
        let mut source = tiny(TINY);
        damage(&mut source.spec);
        let error = load(&source).err().unwrap().to_string();
        assert!(error.contains(part), "{error} lacks {part}");
    }
}

#[test]
fn two_inferences_at_one_time_give_what_one_gives() {
    let model = load(&tiny(TINY)).unwrap();
    let values: Vec<f32> = (0..3 * 3 * 16 * 16).map(|i| (i % 31) as f32 / 31.0).collect();
    let input = [NamedTensor { name: "input".to_owned(), tensor: Tensor::from_f32(&[3, 3, 16, 16], &values).unwrap() }];
    let alone = model.infer(&input, soon()).unwrap();
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..4).map(|_| scope.spawn(|| model.infer(&input, soon()).unwrap())).collect();
        for run in runs {
            let outputs = run.join().unwrap();
            assert!(outputs.iter().zip(&alone).all(|(a, b)| a.tensor.bytes() == b.tensor.bytes()));
        }
    });
}

// ---- softmax

#[test]
fn probabilities_sum_to_one_and_keep_the_order() {
    let p = softmax(&[1000.0, 1001.0, -1000.0], 1.0);
    assert!((p.iter().sum::<f32>() - 1.0).abs() < 1e-6);
    assert!((p[1] - 0.731_058_6).abs() < 1e-6 && p[2] == 0.0, "{p:?}");
}

#[test]
fn a_higher_temperature_is_less_sure() {
    let (cold, warm) = (softmax(&[2.0, 0.0], 1.0), softmax(&[2.0, 0.0], 2.0));
    assert!((cold[0] - 0.880_797).abs() < 1e-6 && (warm[0] - 0.731_058_6).abs() < 1e-6);
}

#[test]
fn logits_or_temperatures_that_are_no_numbers_give_no_answer() {
    for (logits, temperature) in
        [([1.0, f32::NAN], 1.0), ([1.0, f32::INFINITY], 1.0), ([1.0, 2.0], 0.0), ([1.0, 2.0], f32::NAN)]
    {
        let p = softmax(&logits, temperature);
        assert!(p.len() == 2 && p.iter().all(|p| p.is_nan()), "{p:?}");
    }
    assert!(softmax(&[], 1.0).is_empty());
}
