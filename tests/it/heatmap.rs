//! A one-class model on a station: its verdict, and its heat map beside the frame's picture.

use assay::domain::BufferPool;
use assay::imaging::{DecodeLimits, decode};
use assay_tests::artifacts::root;
use assay_tests::station::{Running, TestStation, assay, demo, picture};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(120);
const PICTURE: &str = "1-ordinary-02-good-metal.jpg";

/// A manifest of the one-class model, or of a recipe for it: the browser's tests have the same.
fn manifest(name: &str) -> PathBuf {
    root().join("tests/fixtures/models").join(name)
}

/// Packs the model with `more` in place of its heat map.
fn pack_model(station: &TestStation, more: &str, out: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(manifest("tiny-heat.toml")).unwrap();
    let changed = text.replacen("heatmap = \"heatmap\"", more, 1);
    let file = format!("file = {:?}", manifest("tiny-heat.onnx"));
    let path = station.dir.path().join("manifest.toml");
    std::fs::write(&path, changed.replacen("file = \"tiny-heat.onnx\"", &file, 1)).unwrap();
    pack(station, &path, out)
}

fn pack(station: &TestStation, manifest: &Path, out: &Path) -> Result<(), String> {
    let mut command = assay().unwrap();
    command.args(["bundle", "pack", "--manifest"]).arg(manifest).arg("--bundles").arg(&station.bundles);
    let key = demo().unwrap().join("keys/demo.pem");
    let output = command.arg("--key").arg(key).arg("--out").arg(out).output().unwrap();
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// A station that judges one picture again and again.
fn station() -> TestStation {
    let pictures = tempfile::tempdir().unwrap().keep();
    std::fs::copy(picture(PICTURE), pictures.join(PICTURE)).unwrap();
    let more = format!(
        "[inference]\norder = [\"tract\"]\n[[source]]\nkind = \"folder\"\nname = \"belt\"\npath = {pictures:?}\n\
         mode = \"once\"\nrepeat = true\npace_ms = 100\n"
    );
    let station = TestStation::new(&more).unwrap();
    pack(&station, &manifest("tiny-heat.toml"), &station.bundles.join("heat.assay")).unwrap();
    let recipe = station.bundles.join("recipe.assay");
    std::fs::remove_file(&recipe).unwrap();
    pack(&station, &manifest("tiny-heat-recipe.toml"), &recipe).unwrap();
    station
}

fn get(running: &Running, path: &str) -> Option<(String, Vec<u8>)> {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(LIMIT)).build().into();
    let mut answer = agent.get(format!("{}{path}", running.address)).call().unwrap();
    let media = answer.headers().get("content-type").map_or("", |media| media.to_str().unwrap()).to_owned();
    let body = answer.body_mut().read_to_vec().unwrap();
    answer.status().is_success().then_some((media, body))
}

fn page(running: &Running, path: &str) -> String {
    String::from_utf8(get(running, path).unwrap_or_else(|| panic!("{path} is not there")).1).unwrap()
}

/// What stands between two marks of a text, the first of them.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|(found, _)| found)
}

#[test]
fn the_heat_map_is_kept_with_the_picture_and_drawn_over_it() {
    let station = station();
    let running = station.start().unwrap();
    let begin = Instant::now();
    let live = loop {
        let live = page(&running, "/");
        if live.contains("/heatmap\"") {
            break live;
        }
        assert!(begin.elapsed() < LIMIT, "no frame with a heat map: {live}");
        std::thread::park_timeout(Duration::from_millis(50));
    };
    assert!(live.contains("id=\"show-heat\"") && live.contains("url(#heat-colours)"), "{live}");
    let id = between(&live, "href=\"/inspections/", "/heatmap").unwrap().to_owned();
    let (media, png) = get(&running, &format!("/inspections/{id}/heatmap")).unwrap();
    assert_eq!(media, "image/png");
    let pool = BufferPool::new(2, 1 << 20);
    let frame = decode(&std::fs::read(picture(PICTURE)).unwrap(), &DecodeLimits::default(), &pool).unwrap();
    let map = decode(&png, &DecodeLimits::default(), &pool).unwrap();
    assert_eq!(map.width().max(map.height()), 8, "as fine as the model's map");
    let (wide, high) = (f64::from(frame.width()), f64::from(frame.height()));
    let off = f64::from(map.width()) / f64::from(map.height()) / (wide / high);
    assert!((0.85..1.18).contains(&off), "{} x {} of {wide} x {high}", map.width(), map.height());
    assert!(map.bytes().iter().any(|value| *value != map.bytes()[0]), "it says more than one thing");

    let detail = page(&running, &format!("/inspections/{id}"));
    let overlay = between(&detail, "<image href=\"/pictures/", "\"").unwrap();
    assert_eq!(get(&running, &format!("/pictures/{overlay}")).unwrap().1, png, "the very map, by its digest");
    assert!(detail.contains("model:heat") || detail.contains("heat map alone"), "{detail}");
    assert!(get(&running, "/inspections/test-9-9/heatmap").is_none());
    assert_eq!(running.end().unwrap(), Some(0));
}

#[test]
fn a_one_class_model_gives_a_verdict_with_its_two_logits() {
    let station = station();
    let json = station.dir.path().join("out.json");
    let output = station.run(&["inspect", "--scratch"], &[Path::new("--json"), &json, &picture(PICTURE)]).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    let judged = &report["pictures"][0];
    let (verdict, reason) = (judged["verdict"].as_str().unwrap(), judged["reason"].as_str().unwrap());
    assert!([("pass", "good"), ("fail", "anomalous")].contains(&(verdict, reason)), "{judged}");
}

#[test]
fn a_heat_map_is_an_output_of_the_right_shape() {
    let station = station();
    let out = station.dir.path().join("out.assay");
    let wrong = pack_model(&station, "heatmap = \"score\"", &out).unwrap_err();
    assert!(
        wrong.contains("model.heatmap: found [1] of f32, expected the name of an output [1, height, width]"),
        "{wrong}"
    );
    let none = pack_model(&station, "heatmap = \"heat\"", &out).unwrap_err();
    assert!(none.contains("model.heatmap: found \"heat\""), "{none}");
    let fit = pack_model(&station, "heatmap_fit = \"stretch\"", &out).unwrap_err();
    assert!(fit.contains("heatmap_fit") && fit.contains("without `heatmap`"), "{fit}");
    pack_model(&station, "heatmap = \"heatmap\"\nheatmap_fit = \"stretch\"", &out).unwrap();
}
