//! The second demo as a user runs it: plugins in C, C++, Zig, Python and JavaScript on the pictures of labelled parts, through
//! a station, and every verdict against what is known of the picture.

use assay_tests::artifacts::root;
use assay_tests::station::{TestStation, labels};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// Runs at most, where a busy machine keeps a plugin from its deadline.
const ATTEMPTS: usize = 5;
const FAST: &str = "[inference]\norder = [\"onnxruntime\"]";

fn folder() -> PathBuf {
    root().join("sdk/models/labels/pictures")
}

/// The rows of the truth file.
fn truths() -> Vec<Value> {
    let text = std::fs::read_to_string(folder().join("truth.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Judges all pictures in the order of the truth file, as `cargo xtask demo --recipe labels --once` does. Once for all tests:
/// a runtime of Python and one of JavaScript take their time to compile.
fn judged() -> &'static Value {
    static REPORT: LazyLock<Value> = LazyLock::new(|| {
        let station = TestStation::on(&labels().unwrap(), FAST).unwrap();
        let mut report = inspect(&station);
        // What is judged here does not depend on how busy the machine is.
        for _ in 1..ATTEMPTS {
            if report["pictures"].as_array().unwrap().iter().all(|row| row["reason"] != "timeout") {
                break;
            }
            report = inspect(&station);
        }
        report
    });
    &REPORT
}

fn inspect(station: &TestStation) -> Value {
    let truth = folder().join("truth.json");
    let pictures: Vec<PathBuf> = truths().iter().map(|row| folder().join(row["file"].as_str().unwrap())).collect();
    let mut args = vec![Path::new("--truth"), truth.as_path(), Path::new("--json"), Path::new("-")];
    args.extend(pictures.iter().map(PathBuf::as_path));
    // Records of its own each time: a monitor goes on counting where it left off.
    let output = station.run(&["inspect", "--scratch"], &args).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn raised<'a>(row: &'a Value, plugin: &str) -> Vec<&'a Value> {
    let findings = row["findings"].as_array().unwrap().iter();
    findings.filter(|finding| finding["plugin"] == plugin && finding["raised"] == true).collect()
}

#[test]
fn every_labelled_part_is_judged_as_its_truth_says() {
    let report = judged();
    let truths = truths();
    let rows = report["pictures"].as_array().unwrap();
    assert_eq!(rows.len(), truths.len());
    for (row, truth) in rows.iter().zip(&truths) {
        assert_eq!(row["reason"], truth["reason"], "{row}");
        let reason = truth["reason"].as_str().unwrap();
        let wanted = match reason {
            "good" => "pass",
            "scratch" | "pit" | "stain" | "crack" | "code-wrong" | "code-check-digit" => "fail",
            _ => "undecided",
        };
        assert_eq!(row["verdict"], wanted, "{row}");
        // The model's own answer, whatever the detectors found; a part out of the picture never came to it.
        if reason != "plugin-error" {
            assert_eq!(row["label"], truth["truth"], "{row}");
        }
    }
    let quality = &report["summary"]["quality"];
    assert_eq!(quality["reasons"], serde_json::json!({ "count": truths.len(), "of": truths.len() }));
    assert_eq!((&quality["escapes"]["count"], &quality["false_rejects"]["count"]), (&0.into(), &0.into()));
}

#[test]
fn each_of_the_five_languages_has_its_say() {
    let report = judged();
    let by_reason = |reason: &str| {
        let rows = report["pictures"].as_array().unwrap();
        rows.iter().find(|row| row["reason"] == reason).unwrap_or_else(|| panic!("no {reason}"))
    };
    // C++: a part that reaches out of the picture is refused, not guessed at.
    let cut = by_reason("plugin-error");
    assert!(cut["detail"].as_str().unwrap().contains("reaches the edge"), "{cut}");
    // Zig and Python: where the light is wrong.
    assert_eq!(raised(by_reason("under-exposed"), "exposure")[0]["label"], "under-exposed");
    let half = raised(by_reason("too-dark"), "statistics-rule");
    assert_eq!(half.len(), 1, "the surface is lit: {half:?}");
    assert_eq!(half[0]["region"], serde_json::json!({ "x": 292, "y": 26, "width": 104, "height": 268 }));
    // C: which code, and where on the upright part.
    let wrong = raised(by_reason("code-wrong"), "code-check");
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    let side = |key: &str| wrong[0]["region"][key].as_u64().unwrap();
    assert!((292..=396).contains(&side("x")) && side("height") > 200, "the bars lie on the label: {wrong:?}");
    // JavaScript: the rejects of the second half are too many, by its own chart.
    let drift = report["summary"]["drift"].as_array().unwrap();
    let chart = drift.iter().find(|row| row["plugin"] == "spc-monitor" && row["statistic"] == "p-chart");
    let chart = chart.unwrap_or_else(|| panic!("no reading of the p-chart: {drift:?}"));
    assert_eq!((&chart["feature"], &chart["drifted"]), (&"reject_rate".into(), &true.into()));
    assert_eq!(chart["value"], 1.0, "five rejects in a row: {chart}");
}
