//! The running recipe with its parts: pages and JSON.

use super::station::{Station, open, with_card};
use crate::domain::{
    Capability, Digest, ElementType, FailureLimit, FailurePolicy, ModelFormat, ModelGates, ModelOrigin, ModelSpec,
    PluginKind, PluginLimits, PluginOrigin, PluginRun, PluginUse, Port, Precision, ReportCard, SettingValue, Settings,
    WarmRules, test_recipe,
};
use crate::pipeline::RecipeCard;
use crate::telemetry::VerdictReleased;
use serde_json::{Value, json};
use std::sync::Arc;

const HOSTILE: &str = "<script>alert(1)</script>";

fn plugin() -> PluginUse {
    let signed = PluginLimits { deadline_ms: 70, log_lines: 12, ..PluginLimits::default() };
    let caps = PluginLimits { deadline_ms: 40, ..PluginLimits::default() };
    let settings = [
        ("levels".to_owned(), SettingValue::Numbers(vec![0.5, 2.0])),
        (HOSTILE.to_owned(), SettingValue::Text(format!("{HOSTILE}{}", "x".repeat(5000)))),
    ];
    PluginUse {
        name: "adv squeeze/1".into(),
        kind: PluginKind::Detector,
        component: Digest::of(b"component"),
        bundle: Digest::of(b"plugin"),
        version: "2.1.0".into(),
        signers: vec!["factory-key".into()],
        capabilities: vec![Capability::Imaging],
        settings: Settings::from(settings),
        limits: signed.capped_by(&caps),
        on_failure: FailurePolicy::Fail,
        failures: FailureLimit::default(),
        origin: PluginOrigin {
            wit: "assay:plugin@0.1.0".into(),
            asked: vec![Capability::Log, Capability::Imaging],
            limits: signed,
            caps,
            warm: Some(WarmRules { calls: 77 }),
        },
    }
}

fn station(report_card: ReportCard) -> Station {
    let port = |name: &str, shape: &[u32]| Port { name: name.into(), shape: shape.to_vec(), ty: ElementType::F32 };
    let spec = ModelSpec {
        inputs: vec![port("input", &[3, 224, 224])],
        outputs: vec![port("logits", &[2])],
        batch_sizes: vec![1, 4],
    };
    let origin = ModelOrigin {
        format: ModelFormat::Onnx,
        stored_bytes: 1 << 20,
        model_bytes: 3 << 20,
        spec,
        precision: Precision::F32Exact,
        gates: ModelGates { max_model_bytes: 10_000_000, max_load_ms: 4000, max_p95_ms: 90 },
        report_card,
    };
    let mut recipe = test_recipe::recipe();
    recipe.detectors = vec![plugin()];
    recipe.model.origin = Some(Arc::new(origin));
    let device = test_recipe::device(&["NPU", "CPU"]);
    with_card(RecipeCard { recipe, device, library_version: "1".into(), components: vec![] })
}

#[test]
fn a_plugin_shows_what_was_asked_granted_signed_and_capped() {
    let station = station(ReportCard::Absent);
    let list = station.get("/plugins", &[]).text;
    assert!(list.contains("href=\"/plugins/adv%20squeeze%2F1\"") && list.contains("href=\"/model\""), "{list}");
    let answer = station.get("/plugins/adv%20squeeze%2F1", &[]);
    assert_eq!(answer.status, 200, "{}", answer.text);
    let page = answer.text;
    for text in [
        "imaging</th><td>yes</td><td>yes</td>",
        "log</th><td>yes</td><td>no</td>",
        "Time of a call</th><td class=\"num\">70 ms</td><td class=\"num\">40 ms</td><td class=\"num\"><b>40 ms</b></td>",
        "Log lines</th><td class=\"num\">12</td><td class=\"num\">32</td><td class=\"num\"><b>12</b></td>",
        "not measured",
        "up to 77 calls",
        "factory-key",
        "[0.5,2.0]",
        &Digest::of(b"component").to_string(),
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert_eq!(station.get("/plugins/other", &[]).status, 404);
    let chinese = station.get("/plugins/adv%20squeeze%2F1", &[("cookie", "lang=zh-CN")]).text;
    assert!(chinese.contains("配方授予") && !chinese.contains(">?<"), "{chinese}");
}

#[test]
fn what_a_plugin_used_is_beside_its_limits() {
    let station = station(ReportCard::Absent);
    assert_eq!(since_start(&station)["mean_us"], Value::Null, "nothing was called");
    let mut inspection = super::records::part(&station, 1).inspection;
    for (micros, memory_bytes, host_bytes) in [(3000, 2 << 20, 5 << 20), (17_000, 3 << 20, 4 << 20)] {
        inspection.runs = vec![PluginRun {
            plugin: plugin().name,
            kind: PluginKind::Detector,
            component: Digest::of(b"component"),
            micros,
            host_micros: 0,
            memory_bytes,
            host_bytes,
            findings: vec![],
            attributes: vec![],
            replaced: None,
            failure: None,
        }];
        station.board.metrics().tell(&VerdictReleased { inspection: &inspection });
    }
    let used = since_start(&station);
    let expected = json!({
        "calls": 2, "failures": 0, "mean_us": 10_000, "p99_at_most_ms": 20, "slowest_at_most_ms": 20,
        "memory_peak_bytes": 3 << 20, "host_peak_bytes": 5 << 20
    });
    assert_eq!(used, expected);
    let page = station.get("/plugins/adv%20squeeze%2F1", &[]).text;
    let row = "32.0 MiB</b></td><td class=\"num\">3.0 MiB</td>";
    assert!(page.contains(row) && page.contains("≤ 20 ms") && page.contains("5.0 MiB"), "{page}");
    inspection.runs[0].micros = 900_000;
    station.board.metrics().tell(&VerdictReleased { inspection: &inspection });
    assert_eq!(since_start(&station)["slowest_at_most_ms"], Value::Null, "above the last bound");
    assert!(station.get("/plugins/adv%20squeeze%2F1", &[]).text.contains("&gt; 500 ms"));
}

fn since_start(station: &Station) -> Value {
    json(station)["plugins"][0]["since_start"].clone()
}

#[test]
fn the_model_shows_ports_gates_devices_and_its_report_card() {
    let card = json!({ "schema": 1, "fp32": { "accuracy": { "value": 0.997, "n": 2000 } }, "news": [[HOSTILE]] });
    let station = station(ReportCard::Read(card));
    let page = station.get("/model", &[]).text;
    for text in [
        "<td>input</td><th scope=\"row\" class=\"mono\">input</th><td class=\"mono\">[3, 224, 224]</td>",
        "1, 4",
        "4000 ms",
        "90 ms",
        "1.0 MiB",
        "NPU, CPU",
        "ONNX",
        "n 2000; value 0.997",
        "&lt;script&gt;",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    for (card, said) in [
        (ReportCard::Absent, "has no report card"),
        (ReportCard::NotJson, "no JSON"),
        (ReportCard::TooLarge { bytes: 300_000 }, "larger than 256 KiB"),
    ] {
        assert!(self::station(card).get("/model", &[]).text.contains(said), "{said}");
    }
}

#[test]
fn hostile_text_is_shown_as_text_and_bounded() {
    let card = json!({ HOSTILE: { HOSTILE: { "x": [HOSTILE] } } });
    let station = station(ReportCard::Read(card));
    for path in ["/plugins", "/plugins/adv%20squeeze%2F1", "/model"] {
        let page = station.get(path, &[]).text;
        assert!(!page.contains(HOSTILE), "{path}: {page}");
        assert!(page.len() < 60_000, "{path}: {}", page.len());
    }
    let page = station.get("/plugins/adv%20squeeze%2F1", &[]).text;
    assert!(page.contains("&lt;script&gt;") && !page.contains(&"x".repeat(500)), "{page}");
}

fn json(station: &Station) -> Value {
    serde_json::from_str(&station.get("/api/v1/recipe", &[]).text).unwrap()
}

#[test]
fn programs_get_the_same_with_an_etag() {
    let card = json!({ "accuracy": 0.99 });
    let station = station(ReportCard::Read(card.clone()));
    let recipe = json(&station);
    let plugin = &recipe["plugins"][0];
    assert_eq!(plugin["name"], "adv squeeze/1");
    assert_eq!(plugin["capabilities"][0], json!({ "name": "log", "asked": true, "granted": false }));
    let limit = |of: &str| &plugin["limits"][of]["deadline_ms"];
    assert_eq!((limit("signed"), limit("station"), limit("effective")), (&json!(70), &json!(40), &json!(40)));
    assert_eq!(plugin["instance"], json!({ "mode": "warm", "calls": 77 }));
    assert_eq!(plugin["settings"]["levels"], json!([0.5, 2.0]));
    assert_eq!(plugin["on_failure"], "fail");
    let model = &recipe["model"];
    assert_eq!(model["inputs"][0], json!({ "name": "input", "shape": [3, 224, 224], "type": "f32" }));
    assert_eq!((&model["format"], &model["precision_asked"]), (&json!("onnx"), &json!("f32-exact")));
    assert_eq!((&model["gates"]["max_p95_ms"], &model["report_card"]), (&json!(90), &card));
    assert_eq!(model["report_card_state"], "read");
    let first = station.get("/api/v1/recipe", &[]);
    let tag = first.header("etag").to_owned();
    let again = station.get("/api/v1/recipe", &[("if-none-match", &tag)]);
    assert_eq!((again.status, again.text.as_str(), again.header("etag")), (304, "", tag.as_str()));
    let none = json(&open());
    assert_eq!((&none["model"]["report_card"], &none["model"]["format"]), (&Value::Null, &Value::Null));
}
