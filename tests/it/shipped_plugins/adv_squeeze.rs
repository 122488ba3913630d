use super::{Surface, Use, admit, far, meta, pool, spec, texture};
use assay::domain::{FailureCode, Finding, Image, NamedTensor, PixelFormat, SettingValue, Tensor};
use assay::imaging;
use assay::plugin::DetectInput;
use std::sync::Arc;

fn outputs(picture: &Image) -> Vec<NamedTensor> {
    let logits = Surface::logits(&imaging::to_tensor(&[picture], &spec()).unwrap());
    let tensor = Tensor::from_f32(&[1, logits.len() as u32], &logits).unwrap();
    vec![NamedTensor { name: "logits".to_owned(), tensor }]
}

fn run(picture: &Image, model: &Arc<Surface>, settings: Vec<(&'static str, SettingValue)>) -> Finding {
    let by = Use { settings, model: Some(Arc::clone(model)), reference: None };
    let input = DetectInput { picture, inputs: &[], outputs: &outputs(picture) };
    let report = admit("adv-squeeze", by).detect(&meta(), &input, far()).result.unwrap();
    let [finding] = report.findings.as_slice() else { panic!("{:?}", report.findings) };
    assert_eq!(finding.label, "adversarial");
    finding.clone()
}

fn softmax(logits: &[f32]) -> Vec<f64> {
    let powers: Vec<f64> = logits.iter().map(|z| f64::from(*z).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

/// L1 distances by the host's operations, one picture at a time: bits, median, JPEG.
fn straight(picture: &Image) -> [f64; 3] {
    let probabilities = |image: &Image| softmax(&Surface::logits(&imaging::to_tensor(&[image], &spec()).unwrap()));
    let plain = probabilities(picture);
    let copies = [
        imaging::reduce_bit_depth(picture, 5, &pool()).unwrap(),
        imaging::median_blur(picture, 3, &pool()).unwrap(),
        imaging::jpeg_round_trip(picture, 75, &pool()).unwrap(),
    ];
    copies.map(|copy| plain.iter().zip(probabilities(&copy)).map(|(a, b)| (a - b).abs()).sum())
}

fn attribute(finding: &Finding, key: &str) -> f64 {
    finding.attributes.iter().find(|(name, _)| name == key).unwrap().1.parse().unwrap()
}

#[test]
fn the_score_equals_a_straight_computation() {
    let picture = texture(224, 224, PixelFormat::Rgb8, 1, 120.0, 60.0);
    let model = Surface::new();
    let finding = run(&picture, &model, Vec::new());
    let [bits, median, jpeg] = straight(&picture);
    let largest = bits.max(median).max(jpeg);
    assert!(largest > 0.05, "the case says something: {largest}");
    for (key, expected) in [("l1-bits", bits), ("l1-median", median), ("l1-jpeg", jpeg), ("l1", largest)] {
        assert!((attribute(&finding, key) - expected).abs() < 1e-5, "{key} {finding:?} {expected}");
    }
    assert!((f64::from(finding.score) - largest / 2.0).abs() < 1e-6);
    assert_eq!(*model.batches.lock().unwrap(), [3], "one batch of three");
}

#[test]
fn three_single_inferences_give_the_same() {
    let picture = texture(224, 224, PixelFormat::Rgb8, 2, 120.0, 60.0);
    let (model, other) = (Surface::new(), Surface::new());
    let batched = run(&picture, &model, Vec::new());
    let single = run(&picture, &other, vec![("batched", SettingValue::Bool(false))]);
    assert_eq!(batched, single);
    assert_eq!(*other.batches.lock().unwrap(), [1, 1, 1]);
}

#[test]
fn it_is_raised_above_the_threshold_only() {
    let picture = texture(224, 224, PixelFormat::Rgb8, 3, 120.0, 60.0);
    let largest = straight(&picture).into_iter().fold(0.0, f64::max);
    let at = |threshold: f64| vec![("threshold", SettingValue::Number(threshold))];
    assert!(run(&picture, &Surface::new(), at(largest * 0.99)).raised);
    assert!(!run(&picture, &Surface::new(), at(largest * 1.01)).raised);
    let plain = imaging::filled(224, 224, PixelFormat::Rgb8, &[132; 3], &pool()).unwrap();
    assert!(run(&plain, &Surface::new(), Vec::new()).score < 0.01, "nothing to squeeze");
}

/// What calibration writes into a model's bundle.
fn calibrated(at_5: f64) -> Option<Arc<str>> {
    let text = format!(
        r#"{{"schema":1,"features":[],"detectors":[{{"name":"adv-squeeze","thresholds":{{"0.05":{at_5},"0.01":1.75}},"n":600}}]}}"#
    );
    Some(text.into())
}

#[test]
fn its_threshold_is_the_recipes_else_the_models_else_the_one_that_is_built_in() {
    let picture = texture(224, 224, PixelFormat::Rgb8, 3, 120.0, 60.0);
    let threshold = |settings: Vec<(&'static str, SettingValue)>, reference: Option<Arc<str>>| {
        let by = Use { settings, model: Some(Surface::new()), reference };
        let input = DetectInput { picture: &picture, inputs: &[], outputs: &outputs(&picture) };
        let report = admit("adv-squeeze", by).detect(&meta(), &input, far()).result.unwrap();
        attribute(&report.findings[0], "threshold")
    };
    let own = || vec![("threshold", SettingValue::Number(0.4))];
    let strict = vec![("false-positive-rate", SettingValue::Text("0.01".to_owned()))];
    assert_eq!(threshold(own(), calibrated(0.125)), 0.4);
    assert_eq!(threshold(Vec::new(), calibrated(0.125)), 0.125);
    assert_eq!(threshold(strict, calibrated(0.125)), 1.75);
    assert_eq!(threshold(Vec::new(), None), 0.2698, "a model bundle from before");
    assert_eq!(threshold(Vec::new(), calibrated(7.0)), 0.2698, "no distance is as large");
}

#[test]
fn a_model_that_is_not_granted_is_an_answer_that_names_it() {
    let picture = texture(224, 224, PixelFormat::Rgb8, 4, 120.0, 60.0);
    let settings = vec![("model", SettingValue::Text("other".to_owned()))];
    let plugin = admit("adv-squeeze", Use { settings, model: Some(Surface::new()), reference: None });
    let input = DetectInput { picture: &picture, inputs: &[], outputs: &outputs(&picture) };
    let failure = plugin.detect(&meta(), &input, far()).result.unwrap_err();
    assert!(failure.detail.contains("other"), "{failure}");
}

#[test]
fn a_model_without_logits_is_an_answer_that_names_what_is_there() {
    let picture = texture(224, 224, PixelFormat::Rgb8, 5, 120.0, 60.0);
    let plugin = admit("adv-squeeze", Use { model: Some(Surface::new()), ..Use::default() });
    let mut outputs = outputs(&picture);
    outputs[0].name = "scores".to_owned();
    let input = DetectInput { picture: &picture, inputs: &[], outputs: &outputs };
    let failure = plugin.detect(&meta(), &input, far()).result.unwrap_err();
    assert_eq!(failure.code, FailureCode::PluginError);
    assert!(failure.detail.contains("logits") && failure.detail.contains("scores"), "{}", failure.detail);
}
