use super::{Use, admit, far, measures, meta, pool, reference, texture, usual};
use assay::domain::{FailureCode, Image, PixelFormat, PluginReport};
use assay::imaging;
use assay::plugin::{AdmittedPlugin, DetectInput};
use std::sync::Arc;

fn plugin() -> Arc<AdmittedPlugin> {
    admit("image-quality", Use { reference: Some(reference()), ..Use::default() })
}

fn run(plugin: &AdmittedPlugin, picture: &Image) -> PluginReport {
    plugin.detect(&meta(), &DetectInput { picture, inputs: &[], outputs: &[] }, far()).result.unwrap()
}

/// Labels of what is raised.
fn raised(plugin: &AdmittedPlugin, picture: &Image) -> Vec<String> {
    let findings = run(plugin, picture).findings;
    findings.into_iter().filter(|finding| finding.raised).map(|finding| finding.label).collect()
}

#[test]
fn pictures_of_the_line_raise_nothing() {
    let plugin = plugin();
    for seed in 200..230 {
        assert_eq!(raised(&plugin, &usual(seed)), [""; 0], "picture {seed}");
    }
}

#[test]
fn the_measures_are_the_hosts_own() {
    let picture = usual(300);
    let report = run(&plugin(), &picture);
    for ((key, value), expected) in report.attributes.iter().zip(measures(&picture, 0.0)) {
        assert!((value.parse::<f64>().unwrap() - expected).abs() < 1e-3, "{key}: {value} {expected}");
    }
    assert_eq!(report.attributes.len(), 4);
}

#[test]
fn each_fault_is_raised_by_its_own_name() {
    let plugin = plugin();
    let dark = texture(64, 64, PixelFormat::Rgb8, 1, 60.0, 20.0);
    assert_eq!(raised(&plugin, &dark), ["too-dark"]);
    let bright = texture(64, 64, PixelFormat::Rgb8, 2, 200.0, 20.0);
    assert_eq!(raised(&plugin, &bright), ["too-bright"]);
    let blurred = imaging::gaussian_blur(&usual(3), 2.0, &pool()).unwrap();
    assert_eq!(raised(&plugin, &blurred), ["low-contrast", "out-of-focus"]);
    let noise = texture(64, 64, PixelFormat::Rgb8, 5, 120.0, 100.0);
    assert_eq!(raised(&plugin, &noise), ["noisy"]);
    let lamp = imaging::filled(20, 20, PixelFormat::Rgb8, &[255; 3], &pool()).unwrap();
    let burnt = imaging::overlay(&usual(4), &lamp, 5, 5, &pool()).unwrap();
    assert!(raised(&plugin, &burnt).contains(&"saturated".to_owned()));
}

#[test]
fn a_model_without_a_reference_is_an_answer_that_says_so() {
    let plugin = admit("image-quality", Use::default());
    let input = DetectInput { picture: &usual(1), inputs: &[], outputs: &[] };
    let failure = plugin.detect(&meta(), &input, far()).result.unwrap_err();
    assert_eq!(failure.code, FailureCode::PluginError);
    assert!(failure.detail.contains("reference"), "{}", failure.detail);
}
