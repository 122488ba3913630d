#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use super::answers;
use super::bindings::detector::exports::assay::plugin::detect::Detection;
use super::bindings::monitor::exports::assay::plugin::observe::{Observation, Report};
use super::bindings::types::Finding;
use super::capabilities::{CapabilityError, Surface, check_surface, check_wit, granted_models, is_served};
use super::compile_cost::{self, CompileCostError, CompileLimits};
use super::engine::{EngineRoom, WarmSeat, places};
use super::failure::CallError;
use super::limits::{Ledger, LogBuffer, MemoryMeter, printable};
use super::op_cost::Costly;
use super::pool::Wear;
use super::resources::ImageEntry;
use super::services::Memory;
use super::state::{CallState, PluginShared};
use crate::domain::{BufferPool, Capability, FailureCode, Image, PixelFormat, PluginKind, PluginLimits, WarmRules};
use crate::plugin::LogLevel;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::ResourceLimiter;
use wasmtime::component::{Component, Resource};

fn surface(imports: &[&str]) -> Surface {
    Surface {
        imports: imports.iter().map(|import| (*import).to_owned()).collect(),
        exports: vec!["assay:plugin/detect@0.1.0".to_owned()],
    }
}

fn check(imports: &[&str], held: &[Capability]) -> Result<(), CapabilityError> {
    check_surface(&surface(imports), PluginKind::Detector, held, held)
}

#[test]
fn types_are_free_and_tensors_come_with_imaging_or_a_model() {
    check(&["assay:plugin/types@0.1.0"], &[]).unwrap();
    let tensor = ["wasi:nn/tensor@0.2.0-rc-2024-10-28"];
    check(&tensor, &[]).unwrap_err();
    check(&tensor, &[Capability::Log]).unwrap_err();
    check(&tensor, &[Capability::Imaging]).unwrap();
    check(&tensor, &[Capability::Inference("any".to_owned())]).unwrap();
}

#[test]
fn any_wasi_import_is_refused_and_named() {
    for import in [
        "wasi:filesystem/types@0.2.3",
        "wasi:cli/environment@0.2.0",
        "wasi:clocks/wall-clock@0.3.0",
        "wasi_snapshot_preview1",
    ] {
        let error = check(&[import], &[Capability::Imaging]).unwrap_err();
        assert!(matches!(&error, CapabilityError::Wasi { .. }) && error.to_string().contains(import), "{error}");
    }
}

#[test]
fn unknown_imports_and_versions_are_refused() {
    let held = [Capability::Imaging, Capability::Inference("any".to_owned())];
    for import in ["acme:robot/arm@1.0.0", "assay:plugin/network@0.1.0", "wasi:nn/train@0.2.0-rc-2024-10-28", "run", ""]
    {
        assert!(matches!(check(&[import], &held), Err(CapabilityError::Unknown { .. })), "{import}");
    }
    for import in ["assay:plugin/imaging@0.2.0", "wasi:nn/tensor@0.2.0-rc-2024-06-25", "wasi:nn/tensor@0.2.0"] {
        assert!(matches!(check(&[import], &held), Err(CapabilityError::WitVersion { .. })), "{import}");
    }
}

#[test]
fn preprocessors_and_monitors_do_not_infer() {
    let held = [Capability::Inference("any".to_owned())];
    for kind in [PluginKind::Preprocessor, PluginKind::Monitor] {
        let graph = surface(&["wasi:nn/graph@0.2.0-rc-2024-10-28"]);
        let error = check_surface(&graph, kind, &held, &held).unwrap_err();
        assert!(matches!(error, CapabilityError::NotInWorld { .. }), "{error}");
    }
}

#[test]
fn the_export_must_be_of_the_kind_and_of_a_version_that_is_served() {
    let with = |export: &str| Surface { imports: Vec::new(), exports: vec![export.to_owned()] };
    let check = |export| check_surface(&with(export), PluginKind::Detector, &[], &[]);
    check("assay:plugin/detect@0.1.0").unwrap();
    for export in ["assay:plugin/observe@0.1.0", "detect", "assay:plugin/detect", "acme:plugin/detect@0.1.0"] {
        assert!(matches!(check(export), Err(CapabilityError::WrongWorld { .. })), "{export}");
    }
    assert!(matches!(check("assay:plugin/detect@0.3.0"), Err(CapabilityError::WitVersion { .. })));
}

#[test]
fn only_this_wit_version_is_served() {
    check_wit("assay:plugin@0.1.0").unwrap();
    for wit in ["assay:plugin@0.0.9", "assay:plugin@0.1.1", "assay:plugin@0.2.0", "assay:plugin@1.1.0"] {
        assert!(matches!(check_wit(wit), Err(CapabilityError::WitVersion { .. })), "{wit}");
    }
}

#[test]
fn a_host_serves_its_own_patch_and_all_before_it() {
    let served = |theirs: &str, ours: &str| {
        let version = |text: &str| semver::Version::parse(text).unwrap();
        is_served(&version(theirs), &version(ours))
    };
    for theirs in ["0.1.0", "0.1.1", "0.1.3"] {
        assert!(served(theirs, "0.1.3"), "{theirs}");
    }
    for theirs in ["0.1.4", "0.0.3", "0.2.0", "1.1.3", "0.1.3-rc.1"] {
        assert!(!served(theirs, "0.1.3"), "{theirs}");
    }
}

#[test]
fn what_exports_two_worlds_is_refused_whatever_it_says_it_is() {
    let exports = ["assay:plugin/detect@0.1.0", "assay:plugin/observe@0.2.0", "assay:plugin/other@0.1.0"];
    let both = Surface { imports: Vec::new(), exports: exports.map(str::to_owned).to_vec() };
    for kind in [PluginKind::Preprocessor, PluginKind::Detector, PluginKind::Monitor] {
        let error = check_surface(&both, kind, &[], &[]).unwrap_err();
        assert_eq!(
            error,
            CapabilityError::SeveralWorlds { found: exports[..2].iter().map(|&name| name.to_owned()).collect() }
        );
    }
}

#[test]
fn a_model_needs_both_asking_and_granting() {
    let infer = |name: &str| Capability::Inference(name.to_owned());
    let models = granted_models(&[infer("a"), infer("b"), Capability::Log], &[infer("b"), infer("c"), Capability::Log]);
    assert_eq!(models.into_iter().collect::<Vec<_>>(), ["b"]);
}

#[test]
fn text_that_is_no_component_is_refused() {
    for bytes in [&b""[..], b"hello", b"\0asm", b"\0asm\x0d\0\x01"] {
        let read = Surface::read(bytes);
        assert!(matches!(read, Err(CapabilityError::NotAComponent { .. })), "{bytes:?}: {read:?}");
    }
    assert!(matches!(Surface::read(b"\0asm\x01\0\0\0"), Err(CapabilityError::CoreModule)));
}

#[test]
fn printable_text_is_one_line_of_bounded_length() {
    assert_eq!(printable("plain ä 汉", 512), "plain ä 汉");
    assert_eq!(printable("a\r\nb\t\u{7f}\u{9b}", 512), r"a\r\nb\t\u{7f}\u{9b}");
    assert_eq!(printable("\u{202e}\u{2066}", 512), r"\u{202e}\u{2066}");
    for max in 3..40 {
        let cut = printable(&"ä汉\n".repeat(20), max);
        assert!(cut.len() <= max && cut.ends_with('…'), "{max}: {cut:?}");
    }
    assert_eq!(printable("abcdef", 6), "abcdef");
}

#[test]
fn the_ledger_counts_bytes_and_handles_and_remembers_the_peak() {
    let limits = PluginLimits { host_bytes: 100, handles: 3, ..PluginLimits::default() };
    let mut ledger = Ledger::new(&limits);
    ledger.charge(60).unwrap();
    ledger.charge(40).unwrap();
    assert_eq!(ledger.charge(1).unwrap_err().code, FailureCode::ByteLimit);
    ledger.charge(0).unwrap();
    assert_eq!(ledger.charge(0).unwrap_err().code, FailureCode::HandleLimit);
    ledger.release(60);
    ledger.charge(u64::MAX).unwrap_err();
    ledger.charge(1).unwrap();
    assert_eq!(ledger.peak_bytes(), 100);
}

#[test]
fn the_memory_limit_holds_over_all_memories_together() {
    let limits = PluginLimits { memory_bytes: 300, table_elements: 10, ..PluginLimits::default() };
    let mut meter = MemoryMeter::new(&limits);
    assert!(meter.memory_growing(0, 200, None).unwrap());
    assert!(meter.memory_growing(0, 100, None).unwrap());
    meter.memory_growing(100, 101, None).unwrap_err();
    assert_eq!(meter.memory_bytes(), 300);
    assert!(meter.table_growing(0, 6, None).unwrap());
    meter.table_growing(0, 5, None).unwrap_err();
    assert!(meter.table_growing(6, 10, None).unwrap());
}

#[test]
fn log_lines_over_the_limit_are_counted() {
    let mut log = LogBuffer::new(&PluginLimits { log_lines: 2, ..PluginLimits::default() });
    (0..5).for_each(|n| log.push(LogLevel::Info, &n.to_string()));
    let (lines, dropped) = log.into_parts();
    assert_eq!((lines.len(), lines[1].text.as_str(), dropped), (2, "1", 3));
}

#[test]
fn epochs_follow_the_clock_and_end_with_the_engine() {
    let room = EngineRoom::start(&PluginLimits::default()).unwrap();
    let now = Instant::now();
    let near = room.ticks_until(now + Duration::from_millis(20));
    let far = room.ticks_until(now + Duration::from_millis(1020));
    // The ticker may move on in between, so this is no equality.
    assert!(near >= 20 && far >= 1000 && far > near, "{near} {far}");
    assert!(room.ticks_until(now) >= 1, "a deadline of 0 ticks would stop nothing");
    // Joins the thread: would hang if it did not stop.
    drop(room);
}

fn state() -> CallState {
    let shared = PluginShared {
        name: "test".to_owned(),
        kind: PluginKind::Detector,
        limits: PluginLimits::default(),
        settings: BTreeMap::new(),
        typed_settings: BTreeMap::new(),
        labels: Vec::new(),
        reference: None,
        models: BTreeMap::new(),
        pool: BufferPool::new(1, 1 << 20),
    };
    CallState::new(Arc::new(shared), Arc::default(), (Instant::now() + Duration::from_secs(60)).into())
}

fn pixel(value: u8) -> Image {
    Image::new(1, 1, PixelFormat::Gray8, vec![value].into()).unwrap()
}

#[test]
fn a_handle_of_an_earlier_call_meets_no_later_entry() {
    let mut state = state();
    let old = state.lend_image(&pixel(1)).unwrap();
    let old = || Resource::<ImageEntry>::new_own(old.rep());
    state.ledger.charge(7).unwrap();
    state.log.push(LogLevel::Info, "of the first call");
    state.host_time = Duration::from_secs(1);
    let spent = state.call_ends(&Arc::default());
    assert_eq!((spent.ledger.peak_bytes(), spent.host_time), (7, Duration::from_secs(1)));
    state.call_begins(Arc::default(), (Instant::now() + Duration::from_secs(60)).into());
    let new = state.lend_image(&pixel(2)).unwrap();
    assert_ne!(old().rep(), new.rep());
    let error = state.table.get(&old()).map(drop).unwrap_err();
    assert_eq!(error.downcast_ref::<super::failure::Refusal>().unwrap().code, FailureCode::BadAnswer);
    state.take_image(old()).map(drop).unwrap_err();
    assert_eq!(state.take_image(new).unwrap().bytes(), [2]);
    let spent = state.call_ends(&Arc::default());
    assert_eq!((spent.ledger.peak_bytes(), spent.host_time, spent.log.into_parts().0.len()), (0, Duration::ZERO, 0));
}

#[test]
fn handles_that_are_not_dropped_are_counted_over_calls_and_may_be_dropped_late() {
    let mut state = state();
    for kept in 1..=3 {
        let image = state.lend_image(&pixel(0)).unwrap();
        let _tensor = state.lend_image(&pixel(0)).unwrap();
        state.drop_image(&image).unwrap();
        state.call_ends(&Arc::default());
        assert_eq!(state.table.held(), kept);
    }
    // The second handle of the first call.
    state.drop_image(&Resource::new_own(1)).unwrap();
    assert_eq!((state.table.held(), state.table.numbers_used()), (2, 6));
}

#[test]
fn an_instance_is_retired_after_its_calls_or_when_it_has_grown_or_keeps_too_much() {
    let limits = PluginLimits { memory_bytes: 100, handles: 10, ..PluginLimits::default() };
    let rules = WarmRules { calls: 5 };
    let fine = Wear { calls: 4, first_bytes: 60, bytes: 80, kept_handles: 9, numbers_used: u32::MAX / 2 };
    assert!(!fine.is_out(rules, &limits));
    let out = [
        Wear { calls: 5, ..fine },
        Wear { bytes: 81, ..fine },
        Wear { kept_handles: 10, ..fine },
        Wear { numbers_used: u32::MAX / 2 + 1, ..fine },
    ];
    for wear in out {
        assert!(wear.is_out(rules, &limits), "{wear:?}");
    }
}

#[test]
fn warm_seats_are_bounded_over_all_plugins_and_freed() {
    let room = Arc::new(EngineRoom::start(&PluginLimits::default()).unwrap());
    for (places, most) in [(1, 32), (3, 10), (32, 1), (33, 0), (u32::MAX, 0)] {
        let seats: Vec<WarmSeat> = std::iter::from_fn(|| WarmSeat::take(&room, places)).take(1000).collect();
        assert_eq!(seats.len(), most, "half of the calls at one time, {places} places each");
    }
    assert!(WarmSeat::take(&room, 32).is_some());
}

#[test]
fn a_component_holds_as_many_places_as_its_memories_and_tables_need() {
    let room = EngineRoom::start(&PluginLimits::default()).unwrap();
    let held = |parts: &str, times: usize| {
        let instances = "(core instance (instantiate $m))".repeat(times);
        let text = format!("(component (core module $m {parts}) {instances})");
        places(&Component::new(&room.engine, wat::parse_str(text).unwrap()).unwrap())
    };
    assert_eq!(held("", 1), 1);
    assert_eq!(held("(memory 1)", 1), 1);
    assert_eq!(held("(memory 1)", 4), 4);
    assert_eq!(held("(table 1 funcref)", 4), 1);
    assert_eq!(held("(table 1 funcref)", 8), 2);
}

fn code<T: std::fmt::Debug>(checked: Result<T, CallError>) -> FailureCode {
    match checked.unwrap_err() {
        CallError::Answer(refusal) => refusal.code,
        other => panic!("{other:?}"),
    }
}

fn finding(change: impl FnOnce(&mut Finding)) -> Finding {
    let mut finding = Finding {
        label: "scratch".to_owned(),
        score: 1.0,
        raised: true,
        region: None,
        text: None,
        attributes: Vec::new(),
    };
    change(&mut finding);
    finding
}

fn detection(findings: Vec<Finding>) -> Result<(), CallError> {
    let picture = Image::new(10, 5, PixelFormat::Gray8, vec![0; 50].into()).unwrap();
    let answer = Detection { findings, images: Vec::new(), attributes: Vec::new() };
    answers::detection(&mut state(), answer, &picture).map(|_| ())
}

#[test]
fn a_finding_within_the_contract_is_taken() {
    let region = super::bindings::types::Region { x: 0, y: 0, width: 10, height: 5 };
    let text = Some("x".repeat(1024));
    detection(vec![finding(|finding| finding.region = Some(region)), finding(|finding| finding.text = text)]).unwrap();
    detection((0..256).map(|_| finding(|finding| finding.score = 0.0)).collect()).unwrap();
}

#[test]
fn a_finding_outside_the_contract_is_a_bad_answer() {
    let region = super::bindings::types::Region { x: 0, y: 0, width: 10, height: 6 };
    let attribute = |key: &str, value: String| vec![(key.to_owned(), value)];
    let bad = [
        finding(|finding| finding.score = -0.001),
        finding(|finding| finding.score = 1.001),
        finding(|finding| finding.score = f32::NAN),
        finding(|finding| finding.score = f32::NEG_INFINITY),
        finding(|finding| finding.label = String::new()),
        finding(|finding| finding.label = "l".repeat(65)),
        finding(|finding| finding.label = "a\nb".to_owned()),
        finding(|finding| finding.label = "\u{202e}ssap".to_owned()),
        finding(|finding| finding.text = Some("two\nlines".to_owned())),
        finding(|finding| finding.text = Some("\u{1b}[2J".to_owned())),
        finding(|finding| finding.region = Some(region)),
        finding(|finding| finding.text = Some("x".repeat(1025))),
        finding(|finding| finding.attributes = attribute("", String::new())),
        finding(|finding| finding.attributes = attribute("key", "v".repeat(1025))),
    ];
    for finding in bad {
        let shown = format!("{finding:?}");
        assert_eq!(code(detection(vec![finding])), FailureCode::BadAnswer, "{shown}");
    }
}

#[test]
fn the_value_of_an_attribute_becomes_one_harmless_line() {
    let picture = Image::new(1, 1, PixelFormat::Gray8, vec![0].into()).unwrap();
    let given = vec![("note".to_owned(), "two\nlines\u{1b}[8m".to_owned())];
    let findings = vec![finding(|finding| finding.attributes = given.clone())];
    let answer = Detection { findings, images: Vec::new(), attributes: given.clone() };
    let report = answers::detection(&mut state(), answer, &picture).unwrap();
    let expected = vec![("note".to_owned(), r"two\nlines\u{1b}[8m".to_owned())];
    assert_eq!((&report.attributes, &report.findings[0].attributes), (&expected, &expected));
}

#[test]
fn keys_that_are_forgotten_do_not_pile_up_and_small_entries_are_not_free() {
    let mut memory = Memory::new(Arc::new(BTreeMap::from([("old".to_owned(), vec![1])])), 1000);
    for n in 0..100 {
        memory.set(format!("key-{n}"), vec![7; 500]).unwrap();
        memory.delete(format!("key-{n}"));
    }
    memory.delete("old".to_owned());
    assert_eq!(memory.into_changes(), BTreeMap::from([("old".to_owned(), None)]));
    let mut memory = Memory::new(Arc::default(), 1000);
    assert_eq!((0..1000).take_while(|n| memory.set(format!("{n}"), Vec::new()).is_ok()).count(), 15);
}

/// A core module of two functions: one with 4 locals and a block in a block, one with a `br_table` of 3.
const TWO_FUNCTIONS: &[u8] = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x03\x02\0\0\x0a\x19\x02\
    \x0a\x01\x04\x7f\x02\x40\x02\x40\x0b\x0b\x0b\
    \x0c\0\x02\x40\x41\0\x0e\x02\0\0\0\x0b\x0b";

#[test]
fn each_limit_of_the_compile_cost_holds() {
    let loose = CompileLimits {
        functions: 2,
        code_bytes: 22,
        function_bytes: 12,
        depth: 2,
        // The first: 16 values and 4 locals, 3 jumps; the second: 16 values, 1 + 1 + 3 jumps.
        function_flow: 80,
        flow: 140,
    };
    compile_cost::check(TWO_FUNCTIONS, &loose).unwrap();
    let tight = [
        ("functions", CompileLimits { functions: 1, ..loose }),
        ("bytes of code", CompileLimits { code_bytes: 21, ..loose }),
        ("bytes of one function", CompileLimits { function_bytes: 11, ..loose }),
        ("blocks inside blocks", CompileLimits { depth: 1, ..loose }),
        ("locals times jumps of one function", CompileLimits { function_flow: 79, ..loose }),
        ("locals times jumps of all functions", CompileLimits { flow: 139, ..loose }),
    ];
    for (expected, limits) in tight {
        let error = compile_cost::check(TWO_FUNCTIONS, &limits).unwrap_err();
        assert!(matches!(error, CompileCostError::TooMuch { what, .. } if what == expected), "{expected}: {error}");
    }
    let cut = compile_cost::check(&TWO_FUNCTIONS[..TWO_FUNCTIONS.len() - 3], &loose);
    assert!(matches!(cut, Err(CompileCostError::Broken { .. })));
}

#[test]
fn an_operation_that_cannot_end_in_time_does_not_begin() {
    let mut state = state();
    let image = Image::new(1000, 1000, PixelFormat::Gray8, vec![0; 1_000_000].into()).unwrap();
    let handle = state.lend_image(&image).unwrap();
    let op = Costly::Median { size: 7 };
    assert_eq!(op.least(&image), Duration::from_millis(6));
    state.begin(&handle, op).unwrap();
    state.deadline = Instant::now() + Duration::from_millis(5);
    let error = state.begin(&handle, op).unwrap_err();
    let refusal = error.downcast_ref::<super::failure::Refusal>().unwrap();
    assert_eq!(refusal.code, FailureCode::Timeout);
    assert!(refusal.detail.contains("`median-blur` over 1000000 bytes takes 6 ms"), "{refusal}");
}

#[test]
fn names_of_a_component_are_quoted_as_harmless_lines() {
    // A component that imports an instance of type 0 by a name with an escape sequence.
    let mut bytes = b"\0asm\x0d\0\x01\0\x07\x03\x01\x42\0\x0a".to_vec();
    let name = b"a\x1b[2J";
    bytes.extend([name.len() as u8 + 5, 1, 0, name.len() as u8]);
    bytes.extend(name);
    bytes.extend([5, 0]);
    let surface = Surface::read(&bytes).unwrap();
    assert_eq!(surface.imports, [r"a\u{1b}[2J"]);
}

#[test]
fn counts_over_their_limits_are_a_result_limit() {
    let many = (0..257).map(|_| finding(|_| {})).collect();
    assert_eq!(code(detection(many)), FailureCode::ResultLimit);
    let attributes = (0..65).map(|n| (n.to_string(), String::new())).collect();
    let crowded = finding(|finding| finding.attributes = attributes);
    assert_eq!(code(detection(vec![crowded])), FailureCode::ResultLimit);
}

fn report(value: f64, threshold: f64) -> Report {
    Report {
        feature: "brightness".to_owned(),
        statistic: "psi".to_owned(),
        value,
        threshold,
        drifted: false,
        window: 10,
        attributes: Vec::new(),
    }
}

#[test]
fn a_report_has_finite_numbers_and_names() {
    let observe = |reports| answers::observation(Observation { reports, attributes: Vec::new() });
    assert_eq!(observe(vec![report(0.1, 0.2)]).unwrap().reports[0].window, 10);
    for (value, threshold) in [(f64::NAN, 1.0), (1.0, f64::INFINITY)] {
        assert_eq!(code(observe(vec![report(value, threshold)])), FailureCode::BadAnswer);
    }
    let nameless = Report { feature: String::new(), ..report(0.1, 0.2) };
    assert_eq!(code(observe(vec![nameless])), FailureCode::BadAnswer);
    assert_eq!(code(observe((0..257).map(|_| report(0.1, 0.2)).collect())), FailureCode::ResultLimit);
}
