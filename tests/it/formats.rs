//! Models in every format, and stored in fewer bytes: from an author's manifest into a signed bundle, out of it, through
//! the checks, into a backend, to an answer.

use crate::import::{fixture, fixture_bytes};
use crate::inference::{backend, cpu, one_thread};
use assay::config::{check_model, load_author_manifest, open_model};
use assay::domain::{Digest, NamedTensor, Precision, Tensor};
use assay::inference::{InferenceError, ModelSource};
use assay::trust::{PrivateKey, TrustStore, TrustedKey, VerifiedBundle, VerifyPolicy, pack, sign, verify};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

const LABELS: &str = "labels = [\"a\", \"b\", \"c\", \"d\", \"e\"]\nlogits = \"logits\"";
const OUTPUT: &str = "[[model.output]]\nname = \"logits\"\nshape = [5]\ntype = \"f32\"";

fn manifest(model: &str, shape: &str, more: &str) -> String {
    format!(
        "[bundle]\nkind = \"model\"\nname = \"tiny\"\nversion = \"1.0.0\"\ncounter = 1\n[model]\n{model}\n{LABELS}\n\
         [[model.input]]\nname = \"input\"\nshape = {shape}\ntype = \"f32\"\n{OUTPUT}\n{more}"
    )
}

const EMBEDDING: &str = "[[model.output]]\nname = \"embedding\"\nshape = [12]\ntype = \"f32\"";

/// Packs what the manifest names, signs it, and verifies it as a station does.
fn bundled(folder: &Path, text: &str) -> Result<VerifiedBundle, String> {
    let path = folder.join("model.toml");
    std::fs::write(&path, text).unwrap();
    let authored = load_author_manifest(&path, "2026-01-01T00:00:00Z", None).map_err(|errors| errors.to_string())?;
    let key = PrivateKey::generate().unwrap();
    let mut store = TrustStore::new();
    let roles = vec!["model:*".parse().unwrap()];
    store.trust(TrustedKey { public: key.public().clone(), roles, not_after: None, comment: None }).unwrap();
    let file = sign(&pack(authored.manifest, &authored.blobs).unwrap(), &key).unwrap();
    Ok(verify(&file, &store, &VerifyPolicy::install()).unwrap())
}

fn with_fixtures(names: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in names {
        std::fs::copy(fixture(name), dir.path().join(name)).unwrap();
    }
    dir
}

fn source(bundle: &VerifiedBundle) -> ModelSource {
    check_model(bundle).unwrap();
    let (file, content) = (open_model(bundle).unwrap(), bundle.manifest().model.clone().unwrap());
    let (bytes, weights, digest) = (file.bytes, file.weights, file.digest);
    assert_eq!(digest, Digest::of(&bytes));
    ModelSource { name: "tiny".to_owned(), digest, format: content.format, bytes, weights, spec: content.spec }
}

/// Element i is (i * 7919 mod 1009) / 1009 - 0.5: the picture of the fixtures.
fn picture(shape: &[u32]) -> Vec<NamedTensor> {
    let count = shape.iter().product::<u32>();
    let values: Vec<f32> = (0..count).map(|i| (i * 7919 % 1009) as f32 / 1009.0 - 0.5).collect();
    vec![NamedTensor { name: "input".to_owned(), tensor: Tensor::from_f32(shape, &values).unwrap() }]
}

fn logits(on: &str, source: &ModelSource, shape: &[u32]) -> Vec<f32> {
    let model = backend(on).load(source, &cpu(Precision::F32Exact), &one_thread()).unwrap();
    let outputs = model.infer(&picture(shape), Instant::now() + Duration::from_secs(60)).unwrap();
    outputs.iter().find(|output| output.name == "logits").unwrap().tensor.as_f32().unwrap().to_vec()
}

fn expected(file: &str, pointer: &str) -> Vec<f32> {
    let answers: Value = serde_json::from_slice(&fixture_bytes(file)).unwrap();
    answers.pointer(pointer).unwrap().as_array().unwrap().iter().map(|value| value.as_f64().unwrap() as f32).collect()
}

fn assert_near(found: &[f32], expected: &[f32]) {
    let off = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(found.len() == expected.len() && off <= 1e-3, "{found:?}, expected {expected:?}");
}

#[test]
fn an_openvino_ir_goes_from_its_two_files_through_a_bundle_to_an_answer() {
    let dir = with_fixtures(&["tiny-ir.xml", "tiny-ir.bin"]);
    let model = "format = \"openvinoir\"\nfile = \"tiny-ir.xml\"\nweights = \"tiny-ir.bin\"\nbatch_sizes = [1, 3]";
    let bundle = bundled(dir.path(), &manifest(model, "[3, 16, 16]", EMBEDDING)).unwrap();
    assert_eq!(open_model(&bundle).unwrap().stored_bytes, 13_527 + 1_640);
    let source = source(&bundle);
    assert_near(&logits("openvino", &source, &[1, 3, 16, 16]), &expected("tiny.json", "/logits/0"));
    let other = backend("tract").load(&source, &cpu(Precision::F32Exact), &one_thread()).err().unwrap();
    assert!(other.to_string().contains("format openvino-ir"), "{other}");
}

#[test]
fn a_tensorflow_lite_model_goes_through_a_bundle_to_an_answer() {
    let dir = with_fixtures(&["tiny.tflite"]);
    let model = "format = \"tflite\"\nfile = \"tiny.tflite\"\nbatch_sizes = [1]";
    let source = source(&bundled(dir.path(), &manifest(model, "[16, 16, 3]", "")).unwrap());
    assert_near(&logits("openvino", &source, &[1, 16, 16, 3]), &expected("tiny-tflite.json", "/logits/0"));
}

/// As `assay-models` writes it, with every byte as it is.
pub fn stored(model: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(model).unwrap();
    let header = json!({
        "schema": 1, "decoded_bytes": model.len(), "decoded_sha256": Digest::of(model).to_string(),
        "payload_bytes": model.len(), "segments": [{ "kind": "copy", "bytes": model.len() }]
    });
    let text = header.to_string();
    let length = u32::try_from(text.len()).unwrap().to_le_bytes();
    [b"ASSAYWC1", &length[..], text.as_bytes(), &encoder.finish().unwrap()].concat()
}

const ENCODED: &str = "format = \"onnx\"\nfile = \"tiny.awc\"\nencoding = \"assay-weights-1\"";

#[test]
fn a_model_that_is_stored_in_fewer_bytes_is_judged_with_what_it_decodes_to() {
    let dir = tempfile::tempdir().unwrap();
    let whole = fixture_bytes("tiny.onnx");
    std::fs::write(dir.path().join("tiny.awc"), stored(&whole)).unwrap();
    let bundle = bundled(dir.path(), &manifest(ENCODED, "[3, 16, 16]", EMBEDDING)).unwrap();
    let encoding = bundle.manifest().model.as_ref().unwrap().encoding.unwrap();
    assert_eq!((encoding.decoded_bytes, encoding.decoded_sha256), (whole.len() as u64, Digest::of(&whole)));
    let source = source(&bundle);
    assert_eq!(*source.bytes, *whole);
    assert_near(&logits("tract", &source, &[1, 3, 16, 16]), &expected("tiny.json", "/logits/0"));
}

#[test]
fn what_no_station_would_take_is_not_packed() {
    let dir = tempfile::tempdir().unwrap();
    let pack = |file: &[u8], model: &str, shape: &str| {
        std::fs::write(dir.path().join("tiny.awc"), file).unwrap();
        bundled(dir.path(), &manifest(model, shape, EMBEDDING)).map(drop).unwrap_err()
    };
    let whole = fixture_bytes("tiny.onnx");
    let cut = pack(&stored(&whole)[..300], ENCODED, "[3, 16, 16]");
    assert!(cut.contains("model.file: found tiny.awc (its stream is damaged"), "{cut}");
    let plain = "format = \"onnx\"\nfile = \"tiny.awc\"";
    let container = pack(&stored(&whole), plain, "[3, 16, 16]");
    assert!(container.contains("not an ONNX model: damaged"), "{container}");
    let shape = pack(&whole, plain, "[3, 32, 32]");
    assert!(shape.contains("f32 [?, 3, 16, 16] in the file, f32 [N, 3, 32, 32] is specified"), "{shape}");
    let codec = pack(&whole, "format = \"onnx\"\nfile = \"tiny.awc\"\nencoding = \"zip\"", "[3, 16, 16]");
    assert!(codec.contains("model.encoding: found \"zip\", expected \"assay-weights-1\""), "{codec}");
}

#[test]
fn no_backend_sees_a_file_that_is_refused() {
    let dir = with_fixtures(&["tiny.onnx"]);
    let text = manifest("format = \"onnx\"\nfile = \"tiny.onnx\"", "[3, 16, 16]", EMBEDDING);
    let mut source = source(&bundled(dir.path(), &text).unwrap());
    let custom: Vec<u8> = source.bytes.iter().copied().collect();
    let at = custom.windows(4).position(|four| four == b"Relu").unwrap();
    source.bytes = [&custom[..at], b"Evil", &custom[at + 4..]].concat().into();
    for name in crate::inference::ALL {
        let error = backend(name).load(&source, &cpu(Precision::F32Exact), &one_thread()).err().unwrap();
        assert!(matches!(error, InferenceError::Refused { .. }), "{name}: {error}");
        assert!(error.to_string().contains("operator \"Evil\" is not known"), "{name}: {error}");
    }
}
