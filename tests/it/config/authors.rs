use assay::config::load_author_manifest;
use assay::domain::{Capability, ModelFormat, PluginKind, SettingValue};
use assay::trust::{BlobRole, BundleKind, pack};
use assay_tests::onnx_file;
use std::path::Path;

const CREATED: &str = "2026-01-01T00:00:00Z";

pub const PLUGIN: &str = r#"
[bundle]
kind = "plugin"
name = "letterbox"
version = "1.0.0"
counter = 1
description = "Fits a picture into a square"
[plugin]
world = "preprocessor"
component = "Letterbox.wasm"
capabilities = ["imaging", "inference:surface"]
[plugin.limits]
deadline_ms = 20
[plugin.settings]
width = 224
scale = 0.5
mean = [1, 2.5]
filter = "bilinear"
pads = ["a", "b"]
keep = true
[[file]]
role = "licence"
path = "LICENSE"
"#;

pub const MODEL: &str = r#"
[bundle]
kind = "model"
name = "surface"
version = "1.0.0"
counter = 1
[model]
format = "onnx"
file = "surface.onnx"
labels = ["good", "scratch"]
logits = "logits"
temperature = 1.5
batch_sizes = [1, 3]
reference = "reference.json"
[[model.input]]
name = "image"
shape = [3, 8, 8]
type = "f32"
[[model.output]]
name = "logits"
shape = [2]
type = "f32"
"#;

/// The file that the model's manifest names.
pub fn model_file() -> Vec<u8> {
    onnx_file::plain(("image", &[3, 8, 8]), ("logits", &[2]))
}

/// A folder with the files that the manifests name.
pub fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let model = model_file();
    for (name, contents) in [
        ("Letterbox.wasm", &b"component"[..]),
        ("LICENSE", b"licence"),
        ("surface.onnx", &model),
        ("reference.json", b"{\"brightness\":[]}"),
    ] {
        std::fs::write(dir.path().join(name), contents).unwrap();
    }
    dir
}

pub fn write(dir: &Path, name: &str, text: &str) -> std::path::PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn problems(text: &str) -> Vec<String> {
    let dir = folder();
    let path = write(dir.path(), "bundle.toml", text);
    let errors = load_author_manifest(&path, CREATED, None).unwrap_err();
    let in_folder = format!("{}/", dir.path().display());
    errors.0.iter().map(|one| one.to_string().replace(&in_folder, "")).collect()
}

fn problem(text: &str) -> String {
    let problems = problems(text);
    assert_eq!(problems.len(), 1, "{problems:#?}");
    problems[0].clone()
}

#[test]
fn a_plugins_manifest_becomes_a_bundle() {
    let dir = folder();
    let authored = load_author_manifest(&write(dir.path(), "p.toml", PLUGIN), CREATED, None).unwrap();
    let plugin = authored.manifest.plugin.as_ref().unwrap();
    assert_eq!((plugin.world, plugin.wit.as_str()), (PluginKind::Preprocessor, "assay:plugin@0.1.0"));
    assert_eq!(plugin.capabilities, [Capability::Imaging, Capability::Inference("surface".to_owned())]);
    assert_eq!(plugin.limits.deadline_ms, 20);
    assert_eq!(plugin.settings["width"], SettingValue::Integer(224));
    assert_eq!(plugin.settings["scale"], SettingValue::Number(0.5));
    assert_eq!(plugin.settings["mean"], SettingValue::Numbers(vec![1.0, 2.5]));
    assert_eq!(plugin.settings["pads"], SettingValue::Texts(vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(plugin.settings["keep"], SettingValue::Bool(true));
    assert_eq!(authored.manifest.created, CREATED);
    let blobs: Vec<_> = authored.blobs.iter().map(|blob| (blob.name.as_str(), blob.role)).collect();
    assert_eq!(blobs, [("component.wasm", BlobRole::Component), ("license", BlobRole::Licence)]);
    pack(authored.manifest, &authored.blobs).unwrap();
}

#[test]
fn a_models_manifest_becomes_a_bundle() {
    let dir = folder();
    let authored = load_author_manifest(&write(dir.path(), "m.toml", MODEL), CREATED, None).unwrap();
    let model = authored.manifest.model.as_ref().unwrap();
    assert_eq!((authored.manifest.kind, model.format), (BundleKind::Model, ModelFormat::Onnx));
    assert_eq!((model.temperature, model.spec.batch_sizes.as_slice()), (1.5, &[1, 3][..]));
    let blobs: Vec<_> = authored.blobs.iter().map(|blob| (blob.name.as_str(), blob.role)).collect();
    assert_eq!(blobs, [("surface.onnx", BlobRole::Model), ("reference.json", BlobRole::Reference)]);
    pack(authored.manifest, &authored.blobs).unwrap();
}

#[test]
fn all_problems_of_a_manifest_are_told_at_once() {
    let found = problems(
        r#"[bundle]
kind = "plugin"
name = "Letter Box"
version = "one"
[plugin]
world = "watcher"
component = "gone.wasm"
capabilities = ["imaging", "disk"]
network = true
[plugin.limits]
deadline_ms = 0
[plugin.settings]
when = 2020-01-01
[model]
"#,
    );
    let starts = [
        "bundle.toml:1: bundle.counter: found nothing",
        "bundle.toml:3: bundle.name: found \"Letter Box\"",
        "bundle.toml:4: bundle.version: found \"one\", expected a version",
        "bundle.toml:6: plugin.world: found \"watcher\"",
        "bundle.toml:7: plugin.component: found gone.wasm (No such file",
        "bundle.toml:8: plugin.capabilities: found \"disk\", expected one of \"imaging\"",
        "bundle.toml:9: plugin.network: found a key that is not known",
        "bundle.toml:11: plugin.limits.deadline_ms: found 0",
        "bundle.toml:13: plugin.settings.when: found 2020-01-01, expected true or false, a number",
        "bundle.toml:14: model: found a key that is not known",
    ];
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for (line, start) in found.iter().zip(starts) {
        assert!(line.starts_with(start), "{line}\n{start}");
    }
}

#[test]
fn values_out_of_range_are_told_together_with_what_cannot_be_read_each_with_its_line() {
    let text = MODEL
        .replace("version = \"1.0.0\"", "version = \"one\"")
        .replace("temperature = 1.5", "temperature = -1.5")
        .replace("[1, 3]", "[1, 1]")
        .replace("[\"good\", \"scratch\"]", "[\"good\", \"good\"]")
        .replace("shape = [2]", "shape = [0]");
    let starts = [
        "bundle.toml:5: bundle.version: found \"one\"",
        "bundle.toml:10: model.labels: found label \"good\" twice",
        "bundle.toml:12: model.temperature: found -1.5, expected a finite number above 0",
        "bundle.toml:13: model.batch_sizes: found [1, 1]",
        "bundle.toml:21: model.output[0].shape: found [0]",
    ];
    let mut found = problems(&text);
    found.sort();
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for start in starts {
        assert!(found.iter().any(|line| line.starts_with(start)), "{start}\n{found:#?}");
    }
}

#[test]
fn a_rule_between_two_keys_names_the_line_of_the_one_to_change() {
    let found = problem(&MODEL.replace("shape = [2]", "shape = [3]"));
    assert!(found.starts_with("bundle.toml:11: model.logits: found [3] of f32, expected one f32 for each"), "{found}");
    let found = problem(&PLUGIN.replace("\"imaging\",", "\"state\","));
    assert!(found.starts_with("bundle.toml:11: plugin.capabilities: found state in a preprocessor"), "{found}");
    let port = "[[model.input]]\nname = \"image\"\nshape = [1]\ntype = \"f32\"\n";
    let found = problem(&format!("{MODEL}{port}"));
    assert!(found.starts_with("bundle.toml:15: model.input: found name \"image\" twice"), "{found}");
    let found = problem(&PLUGIN.replace("path = \"LICENSE\"", "path = \"LICENSE\"\nname = \"component.wasm\""));
    assert!(found.starts_with("bundle.toml:21: file: found blob name \"component.wasm\" twice"), "{found}");
}

#[test]
fn an_unknown_kind_does_not_hide_behind_other_problems() {
    let found = problem(&PLUGIN.replace("kind = \"plugin\"", "kind = \"widget\""));
    assert!(found.contains("bundle.kind: found \"widget\""), "{found}");
}

#[test]
fn a_file_that_cannot_name_a_blob_needs_a_name() {
    let dir = folder();
    std::fs::write(dir.path().join("Über.txt"), "x").unwrap();
    let text = PLUGIN.replace("path = \"LICENSE\"", "path = \"Über.txt\"");
    let path = write(dir.path(), "p.toml", &text);
    assert!(load_author_manifest(&path, CREATED, None).unwrap_err().to_string().contains("can name a blob"));
    let path = write(dir.path(), "p.toml", &text.replace("role =", "name = \"uber.txt\"\nrole ="));
    let authored = load_author_manifest(&path, CREATED, None).unwrap();
    assert_eq!(authored.blobs[1].name, "uber.txt");
}

#[test]
fn openvino_ir_needs_its_weights() {
    let found = problem(&MODEL.replace("\"onnx\"", "\"openvinoir\""));
    assert!(found.contains("model.weights: found nothing, expected the path of the .bin file"), "{found}");
}

#[test]
fn shapes_are_whole_numbers() {
    for shape in ["[3, -1]", "[3.5]", "[\"a\"]", "3"] {
        let found = problem(&MODEL.replace("[3, 8, 8]", shape));
        assert!(found.starts_with("bundle.toml:17: model.input[0].shape: "), "{shape}: {found}");
    }
}
