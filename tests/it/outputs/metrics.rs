use assay_tests::station::{TestStation, picture};
use std::time::{Duration, Instant};

const FAST: &str = "[inference]\norder = [\"onnxruntime\"]";

/// The value of a sample; 0 where it is not there yet.
fn value(text: &str, sample: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{sample} ")));
    line.map_or(0.0, |value| value.parse().unwrap())
}

#[test]
fn a_scrape_shows_what_was_judged_in_the_types_that_prometheus_knows() {
    let watch = "[[source]]\nkind = \"folder\"\nname = \"camera\"\npath = \"in\"\nmode = \"watch\"\npoll_ms = 20";
    let station = TestStation::new(&format!("{FAST}\n{watch}")).unwrap();
    let folder = station.dir.path().join("in");
    std::fs::create_dir(&folder).unwrap();
    let running = station.start().unwrap();
    std::fs::copy(picture("1-ordinary-00-good-brick.jpg"), folder.join("a.jpg")).unwrap();
    let start = Instant::now();
    let text = loop {
        let mut answer = ureq::get(format!("{}/metrics", running.address)).call().unwrap();
        let kind = answer.headers().get("content-type").unwrap().to_str().unwrap().to_owned();
        assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
        let text = answer.body_mut().read_to_string().unwrap();
        if value(&text, r#"assay_inspections_total{verdict="pass",recipe="surface-inspection"}"#) > 0.0 {
            break text;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{text}");
        std::thread::park_timeout(Duration::from_millis(50));
    };
    for stage in ["decode", "preprocess", "infer", "detect", "decide", "journal"] {
        let count = format!("assay_stage_duration_seconds_count{{stage=\"{stage}\",recipe=\"surface-inspection\"}}");
        assert!((value(&text, &count) - 1.0).abs() < 1e-9, "{count}\n{text}");
    }
    for plugin in ["letterbox", "adv-squeeze", "image-quality"] {
        let count = format!("assay_plugin_duration_seconds_count{{plugin=\"{plugin}\",recipe=\"surface-inspection\"}}");
        assert!((value(&text, &count) - 1.0).abs() < 1e-9, "{count}\n{text}");
    }
    assert!(value(&text, "assay_journal_commit_seconds_count") >= 1.0, "{text}");
    assert!(value(&text, "assay_storage_free_bytes") > 0.0, "{text}");
    assert!((value(&text, "assay_device_as_asked") - 1.0).abs() < 1e-9, "{text}");
    assert!(text.ends_with("# EOF\n"));
    assert_eq!(running.end().unwrap(), Some(0));
}
