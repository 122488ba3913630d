use crate::domain::{Finding, Image, NamedImage, NamedTensor, Observation, PluginReport, Report};
use crate::imaging::statistics;
use serde::{Deserialize, Serialize};
use std::fmt::Debug;

/// How far numbers of a golden file may be off: 0.1 % of the number, and never less than this.
const NEAR: f64 = 1e-3;
/// Two pictures of one size are taken for the same when mean and standard deviation of their luma are that near.
const NEAR_LUMA: f64 = 0.5;

/// What a plugin answered on one picture, as it is shown and as golden files keep it: the findings whole, pictures and
/// tensors by what tells them apart.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Answer {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<(String, String)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tensors: Vec<TensorNote>,
    /// Of a preprocessor: the picture that takes the frame's place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<PictureNote>,
    /// Pictures to look at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<PictureNote>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<Report>,
    /// Why there is no answer; then the others are empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorNote {
    pub name: String,
    #[serde(rename = "type")]
    pub ty: String,
    pub shape: Vec<u32>,
    /// Mean and population standard deviation of its values; none for types that are not numbers of 32 bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sd: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PictureNote {
    /// Empty for the picture that takes the frame's place.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    pub width: u32,
    pub height: u32,
    pub format: String,
    /// Of luma, 0 to 255.
    pub mean: f64,
    pub sd: f64,
}

impl Answer {
    #[must_use]
    pub fn of_report(report: &PluginReport) -> Self {
        Self {
            findings: report.findings.clone(),
            attributes: report.attributes.clone(),
            tensors: report.tensors.iter().map(TensorNote::of).collect(),
            picture: report.picture.as_ref().map(|image| PictureNote::of("", image)),
            images: report.images.iter().map(|NamedImage { name, image }| PictureNote::of(name, image)).collect(),
            ..Self::default()
        }
    }

    #[must_use]
    pub fn of_observation(observation: &Observation) -> Self {
        Self { reports: observation.reports.clone(), ..Self::default() }
    }

    #[must_use]
    pub fn of_failure(failure: String) -> Self {
        Self { failure: Some(failure), ..Self::default() }
    }

    /// What differs from `expected`, a line each; empty where nothing does.
    #[must_use]
    pub fn differences(&self, expected: &Self) -> Vec<String> {
        let mut found = Differences(Vec::new());
        found.same("failure", &self.failure, &expected.failure);
        found.each("findings", &self.findings, &expected.findings, finding);
        found.each("attributes", &self.attributes, &expected.attributes, attribute);
        found.each("tensors", &self.tensors, &expected.tensors, tensor);
        found.each("images", &self.images, &expected.images, picture);
        let (now, then): (Vec<_>, Vec<_>) = (self.picture.iter().collect(), expected.picture.iter().collect());
        found.each("picture", &now, &then, |found, at, now, then| picture(found, at, now, then));
        found.each("reports", &self.reports, &expected.reports, report);
        found.0
    }
}

impl TensorNote {
    fn of(named: &NamedTensor) -> Self {
        let NamedTensor { name, tensor } = named;
        let moments = tensor.as_f32().ok().filter(|values| !values.is_empty()).map(|values| {
            let count = values.len() as f64;
            let mean = values.iter().copied().map(f64::from).sum::<f64>() / count;
            let variance = values.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / count;
            (mean, variance.sqrt())
        });
        let (mean, sd) = (moments.map(|moments| moments.0), moments.map(|moments| moments.1));
        Self {
            name: name.clone(),
            ty: tensor.element_type().name().to_owned(),
            shape: tensor.shape().to_vec(),
            mean,
            sd,
        }
    }
}

impl PictureNote {
    fn of(name: &str, image: &Image) -> Self {
        let luma = statistics(image);
        Self {
            name: name.to_owned(),
            width: image.width(),
            height: image.height(),
            format: image.format().name().to_owned(),
            mean: luma.mean,
            sd: luma.sd,
        }
    }
}

/// Lines `what: found A, the golden file has B`.
struct Differences(Vec<String>);

impl Differences {
    fn same<T: PartialEq + Debug>(&mut self, what: &str, now: &T, then: &T) {
        if now != then {
            self.0.push(format!("{what}: found {now:?}, the golden file has {then:?}"));
        }
    }

    fn near(&mut self, what: &str, now: f64, then: f64, least: f64) {
        let allowed = least.max(then.abs() * NEAR);
        if (now - then).abs() > allowed || now.is_nan() != then.is_nan() {
            self.0.push(format!("{what}: found {now}, the golden file has {then} (allowed {allowed:.4})"));
        }
    }

    /// Numbers as text are compared as numbers.
    fn text(&mut self, what: &str, now: &str, then: &str) {
        match (now.parse::<f64>(), then.parse::<f64>()) {
            (Ok(now), Ok(then)) => self.near(what, now, then, NEAR),
            _ => self.same(what, &now, &then),
        }
    }

    fn each<T>(&mut self, what: &str, now: &[T], then: &[T], compare: impl Fn(&mut Self, &str, &T, &T)) {
        if now.len() != then.len() {
            self.0.push(format!("{what}: found {}, the golden file has {}", now.len(), then.len()));
        }
        for (index, (now, then)) in now.iter().zip(then).enumerate() {
            compare(self, &format!("{what}[{index}]"), now, then);
        }
    }
}

fn finding(found: &mut Differences, at: &str, now: &Finding, then: &Finding) {
    found.same(&format!("{at}.label"), &now.label, &then.label);
    found.near(&format!("{at}.score"), now.score.into(), then.score.into(), NEAR);
    found.same(&format!("{at}.raised"), &now.raised, &then.raised);
    found.same(&format!("{at}.region"), &now.region, &then.region);
    found.same(&format!("{at}.text"), &now.text, &then.text);
    found.each(&format!("{at}.attributes"), &now.attributes, &then.attributes, attribute);
}

fn attribute(found: &mut Differences, at: &str, now: &(String, String), then: &(String, String)) {
    found.same(&format!("{at} key"), &now.0, &then.0);
    found.text(&format!("{at} {}", now.0), &now.1, &then.1);
}

fn tensor(found: &mut Differences, at: &str, now: &TensorNote, then: &TensorNote) {
    found.same(&format!("{at}.name"), &now.name, &then.name);
    found.same(&format!("{at}.type"), &now.ty, &then.ty);
    found.same(&format!("{at}.shape"), &now.shape, &then.shape);
    for (what, now, then) in [("mean", now.mean, then.mean), ("sd", now.sd, then.sd)] {
        let (now, then) = (now.unwrap_or(f64::NAN), then.unwrap_or(f64::NAN));
        found.near(&format!("{at}.{what}"), now, then, NEAR);
    }
}

fn picture(found: &mut Differences, at: &str, now: &PictureNote, then: &PictureNote) {
    found.same(&format!("{at}.name"), &now.name, &then.name);
    found.same(&format!("{at} size"), &(now.width, now.height), &(then.width, then.height));
    found.same(&format!("{at}.format"), &now.format, &then.format);
    found.near(&format!("{at}.mean"), now.mean, then.mean, NEAR_LUMA);
    found.near(&format!("{at}.sd"), now.sd, then.sd, NEAR_LUMA);
}

fn report(found: &mut Differences, at: &str, now: &Report, then: &Report) {
    let name = |report: &Report| format!("{} {}", report.feature, report.statistic);
    found.same(at, &name(now), &name(then));
    found.near(&format!("{at}.value"), now.value, then.value, NEAR);
    found.near(&format!("{at}.threshold"), now.threshold, then.threshold, NEAR);
    found.same(&format!("{at}.drifted"), &now.drifted, &then.drifted);
    found.same(&format!("{at}.window"), &now.window, &then.window);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    const GOLDEN: &str = r#"{
        "findings": [{"label": "spot", "score": 0.5, "raised": true, "text": "a spot",
                      "region": {"x": 1, "y": 2, "width": 3, "height": 4}, "attributes": [["size", "12.0"]]}],
        "attributes": [["mean", "86.546"]],
        "tensors": [{"name": "input", "type": "f32", "shape": [1, 3], "mean": 0.2, "sd": 0.4}],
        "picture": {"width": 8, "height": 6, "format": "rgb8", "mean": 40.0, "sd": 9.0},
        "images": [{"name": "edges", "width": 8, "height": 6, "format": "gray8", "mean": 40.0, "sd": 9.0}],
        "reports": [{"feature": "f", "statistic": "s", "value": 1.0, "threshold": 2.0, "drifted": false, "window": 4}]
    }"#;

    fn answer(from: &str, to: &str) -> Answer {
        assert!(GOLDEN.contains(from), "{from}");
        serde_json::from_str(&GOLDEN.replacen(from, to, 1)).unwrap()
    }

    #[test]
    fn every_part_of_an_answer_is_compared() {
        let golden = answer("", "");
        assert_eq!(golden.differences(&golden), [""; 0]);
        for (from, to, named) in [
            ("\"spot\"", "\"pit\"", "findings[0].label"),
            ("0.5", "0.51", "findings[0].score"),
            ("\"raised\": true", "\"raised\": false", "findings[0].raised"),
            ("\"x\": 1", "\"x\": 2", "findings[0].region"),
            ("a spot", "two spots", "findings[0].text"),
            ("12.0", "12.1", "findings[0].attributes[0] size"),
            ("\"size\"", "\"area\"", "findings[0].attributes[0] key"),
            ("86.546", "87.546", "attributes[0] mean"),
            ("\"f32\"", "\"u8\"", "tensors[0].type"),
            ("[1, 3]", "[3, 1]", "tensors[0].shape"),
            ("0.2", "0.3", "tensors[0].mean"),
            ("0.4", "0.5", "tensors[0].sd"),
            ("\"input\"", "\"other\"", "tensors[0].name"),
            ("rgb8", "bgr8", "picture[0].format"),
            ("\"edges\"", "\"lines\"", "images[0].name"),
            ("\"value\": 1.0", "\"value\": 1.1", "reports[0].value"),
            ("\"threshold\": 2.0", "\"threshold\": 2.1", "reports[0].threshold"),
            ("\"drifted\": false", "\"drifted\": true", "reports[0].drifted"),
            ("\"window\": 4", "\"window\": 5", "reports[0].window"),
        ] {
            let found = answer(from, to).differences(&golden);
            assert!(found.len() == 1 && found.iter().all(|line| line.starts_with(named)), "{from} -> {to}: {found:?}");
        }
        let nothing = Answer::of_failure("timeout".to_owned()).differences(&golden);
        assert_eq!(nothing.len(), 7, "{nothing:?}");
    }

    #[test]
    fn numbers_may_be_off_by_a_thousandth_and_no_more() {
        let golden = answer("", "");
        assert_eq!(answer("0.5", "0.5009").differences(&golden), [""; 0]);
        assert_eq!(answer("86.546", "86.6").differences(&golden), [""; 0]);
        assert_eq!(answer("86.546", "86.7").differences(&golden).len(), 1);
    }
}
