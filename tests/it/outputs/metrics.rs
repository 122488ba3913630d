use super::line::{Line, wait_for};

/// The value of a sample; 0 where it is not there yet.
fn value(text: &str, sample: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{sample} ")));
    line.map_or(0.0, |value| value.parse().unwrap())
}

#[test]
fn a_scrape_shows_what_was_judged_in_the_types_that_prometheus_knows() {
    let mut line = Line::new("");
    let running = line.start();
    let text = wait_for("a part that passed, and its commit", || {
        // On a busy machine one may be too late to pass.
        line.give(1);
        let mut answer = ureq::get(format!("{}/metrics", running.address)).call().unwrap();
        let kind = answer.headers().get("content-type").unwrap().to_str().unwrap().to_owned();
        assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
        let text = answer.body_mut().read_to_string().unwrap();
        let passed = value(&text, r#"assay_inspections_total{verdict="pass",recipe="surface-inspection"}"#);
        // The gauges are looked at once a second.
        (passed > 0.0 && value(&text, "assay_journal_commit_seconds_count") > 0.0).then_some(text)
    });
    for stage in ["decode", "preprocess", "infer", "detect", "decide", "journal"] {
        let count = format!("assay_stage_duration_seconds_count{{stage=\"{stage}\",recipe=\"surface-inspection\"}}");
        assert!(value(&text, &count) > 0.0, "{count}\n{text}");
    }
    for plugin in ["letterbox", "adv-squeeze", "image-quality"] {
        let count = format!("assay_plugin_duration_seconds_count{{plugin=\"{plugin}\",recipe=\"surface-inspection\"}}");
        assert!(value(&text, &count) > 0.0, "{count}\n{text}");
    }
    assert!(value(&text, "assay_storage_free_bytes") > 0.0, "{text}");
    assert!((value(&text, "assay_device_as_asked") - 1.0).abs() < 1e-9, "{text}");
    assert!(text.ends_with("# EOF\n"));
    assert_eq!(running.end().unwrap(), Some(0));
}
