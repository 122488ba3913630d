//! Plugins that were built against `assay:plugin@0.1.0` and are kept as they are: source, WIT, component, answers.
//! Every host of 0.1 has to take them and to answer as the golden files say.

use super::*;
use assay::domain::{DeviceUse, ModelAnswer, Observation, Region};
use assay::plugin::{HostCalls, LogLine};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Functions of the host that came after 0.1.0, as `HostCalls` names them.
const ADDED_LATER: [&str; 0] = [];
const REFERENCE: &str = r#"{"features":[{"name":"focus","mean":2.5}]}"#;

fn folder() -> PathBuf {
    artifacts::root().join("tests/fixtures/wit-0.1.0")
}

fn read(path: &str) -> Vec<u8> {
    let path = folder().join(path);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The component that is kept, and the same source built today.
fn both(kind: PluginKind) -> [(&'static str, Arc<[u8]>); 2] {
    let kept = read(&format!("components/{kind}.wasm"));
    let built = artifacts::frozen(kind.name()).unwrap_or_else(|error| panic!("{error:#}"));
    [("kept", kept.into()), ("built today", componentize(&built).unwrap().into())]
}

fn frozen(kind: PluginKind, component: Arc<[u8]>) -> PluginSource {
    let everything = everything();
    let number = |number| SettingValue::Number(number);
    let settings = [
        ("flag", SettingValue::Bool(true)),
        ("integer", SettingValue::Integer(-7)),
        ("number", number(0.5)),
        ("text", SettingValue::Text("surface".to_owned())),
        ("numbers", SettingValue::Numbers(vec![1.0, 2.5])),
        ("texts", SettingValue::Texts(vec!["a".to_owned(), "b".to_owned()])),
        ("threshold", number(100.0)),
    ];
    PluginSource {
        name: kind.name().to_owned(),
        kind,
        digest: Digest::of(&component),
        component,
        // As its manifest says, for ever.
        wit: "assay:plugin@0.1.0".to_owned(),
        asked: everything.clone(),
        granted: everything,
        limits: PluginLimits { deadline_ms: 10_000, state_bytes: 1000, ..PluginLimits::default() },
        warm: None,
        settings: settings.map(|(key, value)| (key.to_owned(), value)).into(),
        labels: vec!["good".to_owned(), "scratch".to_owned()],
        reference: Some(REFERENCE.into()),
        models: models(Arc::new(FakeModel::new(Mood::Sums))),
    }
}

/// 4 x 3 pixels, no two alike.
fn frame() -> Image {
    let pixels: Vec<u8> = (0..36u8).map(|at| at * 7).collect();
    Image::new(4, 3, PixelFormat::Rgb8, PixelBuffer::from(pixels)).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn picture_line(name: &str, image: &Image) -> String {
    format!("{name} {}x{} {} {}", image.width(), image.height(), image.format().name(), hex(image.bytes()))
}

fn report_text(report: &PluginReport, log: &[LogLine]) -> String {
    let mut lines = Vec::new();
    lines.extend(report.attributes.iter().map(|(key, value)| format!("{key} = {value}")));
    lines.extend(report.findings.iter().map(|finding| format!("finding {}", serde_json::to_string(finding).unwrap())));
    for NamedTensor { name, tensor } in &report.tensors {
        let (shape, ty) = (tensor.shape(), tensor.element_type().name());
        lines.push(format!("tensor {name} {shape:?} {ty} {}", hex(tensor.bytes())));
    }
    lines.extend(report.picture.iter().map(|image| picture_line("picture", image)));
    lines.extend(report.images.iter().map(|named| picture_line(&format!("image {}", named.name), &named.image)));
    finished(lines, log)
}

fn finished(mut lines: Vec<String>, log: &[LogLine]) -> String {
    lines.extend(log.iter().map(|line| format!("log {:?} {}", line.level, line.text)));
    lines.iter().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "{}", line.trim_end());
        text
    })
}

/// The kept answers were written once, by the host of 0.1.0: a test that fails here says that the host has changed.
fn assert_golden(which: &str, kind: PluginKind, found: &str) {
    let golden = String::from_utf8(read(&format!("golden/{kind}.txt"))).unwrap();
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let (found_lines, golden_lines) = (lines(found), lines(&golden));
    for (found, golden) in found_lines.iter().zip(&golden_lines) {
        assert_eq!(found, golden, "{kind}, {which}");
    }
    assert_eq!(found_lines.len(), golden_lines.len(), "{kind}, {which}: found\n{found}");
}

#[test]
fn a_preprocessor_of_0_1_0_is_served_as_on_its_first_day() {
    for (which, component) in both(PluginKind::Preprocessor) {
        let plugin = host().admit(frozen(PluginKind::Preprocessor, component)).unwrap();
        let outcome = plugin.preprocess(&meta(), &frame(), far());
        assert_golden(which, PluginKind::Preprocessor, &report_text(&outcome.result.unwrap(), &outcome.log));
        for (product, words) in [
            ("unsupported-input", "unsupported input: as asked"),
            ("bad-setting", "bad setting: as asked"),
            ("inference", "inference: as asked"),
            ("other", "error: as asked"),
        ] {
            let meta = FrameMeta { product: Some(product.to_owned()), ..meta() };
            let failure = plugin.preprocess(&meta, &frame(), far()).result.unwrap_err();
            assert_eq!((failure.code, failure.detail.as_str()), (FailureCode::PluginError, words), "{which}");
            // What it says of its picture is the source's matter; the rest is its own.
            let blame = if product == "unsupported-input" { Blame::Source } else { Blame::Plugin };
            assert_eq!(failure.blame, blame, "{which}: {product}");
        }
    }
}

#[test]
fn a_detector_of_0_1_0_is_served_as_on_its_first_day() {
    for (which, component) in both(PluginKind::Detector) {
        let plugin = host().admit(frozen(PluginKind::Detector, component)).unwrap();
        let named = |name: &str, tensor| NamedTensor { name: name.to_owned(), tensor };
        let inputs = [named("image", Tensor::from_f32(&[1, 2], &[0.5, -2.0]).unwrap())];
        let outputs = [named("logits", Tensor::from_f32(&[2], &[1.0, 0.25]).unwrap())];
        let input = DetectInput { picture: &frame(), inputs: &inputs, outputs: &outputs };
        let outcome = plugin.detect(&meta(), &input, far());
        assert_golden(which, PluginKind::Detector, &report_text(&outcome.result.unwrap(), &outcome.log));
    }
}

fn observed(plugin: &AdmittedPlugin, state: &mut MonitorState) -> CallOutcome<Observation> {
    let device = DeviceUse {
        backend: "fake".to_owned(),
        asked: vec!["CPU".to_owned()],
        used: "CPU".to_owned(),
        precision: "f32-exact".to_owned(),
    };
    let answer = ModelAnswer {
        model: "demo".to_owned(),
        digest: Digest::of(b"fake"),
        device,
        probabilities: vec![0.75, 0.25],
        labels: vec!["good".to_owned(), "scratch".to_owned()],
    };
    let finding = Finding {
        label: "bright".to_owned(),
        score: 0.5,
        raised: true,
        region: Some(Region { x: 1, y: 0, width: 2, height: 3 }),
        text: Some("too bright".to_owned()),
        attributes: vec![("mean".to_owned(), "3".to_owned())],
    };
    let verdict = Verdict::Pass { label: "good".to_owned(), score: 0.75 };
    let outputs = [NamedTensor { name: "logits".to_owned(), tensor: Tensor::from_f32(&[1], &[1.0]).unwrap() }];
    let input = ObserveInput {
        picture: &frame(),
        verdict: &verdict,
        answer: Some(&answer),
        findings: &[&finding],
        outputs: &outputs,
    };
    plugin.observe(&meta(), &input, state, far())
}

#[test]
fn a_monitor_of_0_1_0_is_served_as_on_its_first_day() {
    for (which, component) in both(PluginKind::Monitor) {
        let plugin = host().admit(frozen(PluginKind::Monitor, component)).unwrap();
        let mut state = MonitorState::new();
        let mut text = String::new();
        for _ in 0..2 {
            let outcome = observed(&plugin, &mut state);
            let reports = outcome.result.unwrap().reports;
            let reports = reports.iter().map(|report| format!("report {}", serde_json::to_string(report).unwrap()));
            text += &finished(reports.collect(), &outcome.log);
        }
        assert_golden(which, PluginKind::Monitor, &text);
        let kept: Vec<_> = state.iter().map(|(key, value)| (key.as_str(), value.as_slice())).collect();
        assert_eq!(kept, [("count", 2u64.to_le_bytes().as_slice())], "{which}");
    }
}

/// What they call is all that there is: else a function could change, and no frozen plugin would notice.
#[test]
fn the_frozen_plugins_together_use_every_function_of_the_host() {
    let kept = |kind: PluginKind| read(&format!("components/{kind}.wasm")).into();
    let host = host();
    let admit = |kind| host.admit(frozen(kind, kept(kind))).unwrap();
    let mut calls = admit(PluginKind::Preprocessor).preprocess(&meta(), &frame(), far()).host_calls;
    let input = DetectInput { picture: &frame(), inputs: &[], outputs: &[] };
    calls.add(&admit(PluginKind::Detector).detect(&meta(), &input, far()).host_calls);
    calls.add(&observed(&admit(PluginKind::Monitor), &mut MonitorState::new()).host_calls);
    let used: Vec<&str> = calls.used().map(|used| used.function).collect();
    // What a later 0.1 adds, these plugins cannot know.
    let of_0_1_0 = |name: &&&str| !ADDED_LATER.contains(*name);
    assert_eq!(used, HostCalls::functions().iter().filter(of_0_1_0).copied().collect::<Vec<_>>());
}

/// All files below the folder but README.md and the list itself, relative.
fn files(dir: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            let name = path.strip_prefix(folder()).unwrap().to_str().unwrap().to_owned();
            found.extend(Some(name).filter(|name| name != "SHA256SUMS" && name != "README.md"));
        }
    }
}

#[test]
fn every_frozen_file_is_what_it_was() {
    let list = String::from_utf8(read("SHA256SUMS")).unwrap();
    let mut listed = Vec::new();
    for line in list.lines() {
        let (digest, path) = line.split_once("  ").unwrap();
        assert_eq!(Digest::of(&read(path)).to_string(), digest, "{path} is frozen; see README.md beside it");
        listed.push(path.to_owned());
    }
    let mut there = Vec::new();
    files(&folder(), &mut there);
    there.retain(|path| !path.starts_with("target/"));
    there.sort();
    listed.sort();
    assert_eq!(there, listed);
}
