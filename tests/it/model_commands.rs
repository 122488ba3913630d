//! `assay model inspect` and `assay model bench`, as people and `assay-models` call them.

use crate::import::{fixture, fixture_bytes};
use crate::inference::library_dir;
use assay::domain::Digest;
use assay_tests::station::assay;
use serde_json::Value;
use std::path::Path;
use std::process::Output;

fn model(args: &[&str], files: &[&Path]) -> Output {
    let mut command = assay().unwrap();
    command.arg("model").args(args).args(files);
    command.env("ASSAY_OPENVINO_DIR", library_dir("ASSAY_OPENVINO_DIR", "openvino"));
    command.env("ASSAY_ONNXRUNTIME_DIR", library_dir("ASSAY_ONNXRUNTIME_DIR", "onnxruntime"));
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", said(output)))
}

#[test]
fn inspect_says_what_a_file_holds_and_runs_nothing() {
    let output = model(&["inspect", "--json", "-"], &[&fixture("tiny-int8.onnx")]);
    assert!(output.status.success(), "{}", said(&output));
    let report = json(&output);
    let bytes = fixture_bytes("tiny-int8.onnx");
    assert_eq!((report["format"].as_str(), report["stored_bytes"].as_u64()), (Some("onnx"), Some(bytes.len() as u64)));
    assert_eq!(report["sha256"], Digest::of(&bytes).to_string());
    assert_eq!((&report["accepted"], &report["bundle"]), (&true.into(), &Value::Null));
    assert_eq!(report["facts"]["inputs"][0]["shape"], serde_json::json!([null, 3, 16, 16]));
    assert!(report["facts"]["operators"]["QuantizeLinear"].as_u64().unwrap() > 0, "{report}");
    let dir = tempfile::tempdir().unwrap();
    let stored = dir.path().join("tiny.awc");
    std::fs::write(&stored, crate::formats::stored(&bytes)).unwrap();
    let report = json(&model(&["inspect", "--json", "-"], &[&stored]));
    assert_eq!(report["sha256"], Digest::of(&bytes).to_string());
    assert!(report["stored_bytes"].as_u64() < report["model_bytes"].as_u64(), "{report}");
    let text = said(&model(&["inspect"], &[&fixture("tiny-ir.xml")]));
    for words in
        ["OpenVINO IR", "input       input: f32 [?, 3, 16, 16]", "output      logits: f32 [?, 5]", "Convolution"]
    {
        assert!(text.contains(words), "{words}:\n{text}");
    }
}

#[test]
fn inspect_ends_badly_on_what_a_station_would_refuse() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("evil.onnx");
    let mut bytes = fixture_bytes("tiny.onnx");
    let at = bytes.windows(4).position(|four| four == b"Relu").unwrap();
    bytes[at..at + 4].copy_from_slice(b"Evil");
    std::fs::write(&path, bytes).unwrap();
    let output = model(&["inspect", "--json", "-"], &[&path]);
    assert!(!output.status.success());
    let report = json(&output);
    assert_eq!(report["accepted"], false);
    assert!(report["reasons"][0].as_str().unwrap().contains("operator \"Evil\" is not known"), "{report}");
    assert!(said(&output).contains("a station refuses this model"), "{}", said(&output));
    std::fs::write(&path, "nothing").unwrap();
    let text = said(&model(&["inspect"], &[&path]));
    assert!(text.contains("not an ONNX model"), "{text}");
    let alone = dir.path().join("tiny-ir.xml");
    std::fs::copy(fixture("tiny-ir.xml"), &alone).unwrap();
    let text = said(&model(&["inspect"], &[&alone]));
    assert!(text.contains("the weights of this OpenVINO IR are expected in") && text.contains("tiny-ir.bin"), "{text}");
}

#[test]
fn bench_measures_every_combination_or_says_why_not() {
    let args = ["bench", "--json", "-", "--threads", "1,2", "--runs", "3", "--backends", "tract,onnxruntime,openvino"];
    let output = model(&args, &[&fixture("tiny.onnx"), &fixture("tiny.tflite")]);
    assert!(output.status.success(), "{}", said(&output));
    let report = json(&output);
    let rows = report["results"].as_array().unwrap();
    assert_eq!(rows.len(), 2 * 3 * 2, "{report}");
    for row in rows {
        let runs = |backend: &str, threads: u64| row["backend"] == backend && row["threads"] == threads;
        let (onnx, tract) = (row["file"].as_str().unwrap().ends_with("tiny.onnx"), row["backend"] == "tract");
        let timed = if onnx { !tract || runs("tract", 1) } else { row["backend"] == "openvino" };
        if timed {
            assert_eq!((row["runs"].as_u64(), &row["precision"]), (Some(3), &"f32-exact".into()), "{row}");
            let (least, p50, p95) = (row["min_ms"].as_f64(), row["p50_ms"].as_f64(), row["p95_ms"].as_f64());
            assert!(least > Some(0.0) && least <= p50 && p50 <= p95 && row["load_ms"].as_f64() > Some(0.0), "{row}");
        } else {
            let words = if runs("tract", 2) { "runs on one thread" } else { "is needed for format tflite" };
            assert!(row["error"].as_str().unwrap().contains(words), "{row}");
        }
    }
    let table = said(&model(&["bench", "--backend", "tract", "--runs", "2"], &[&fixture("tiny.onnx")]));
    assert!(table.contains("p95 ms") && table.contains("tract"), "{table}");
}

#[test]
fn bench_ends_badly_where_nothing_runs() {
    let output = model(&["bench", "--backend", "tract", "--device", "NPU"], &[&fixture("tiny.onnx")]);
    assert!(!output.status.success() && said(&output).contains("no device of [\"NPU\"]"), "{}", said(&output));
}
