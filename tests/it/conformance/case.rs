//! `tests/conformance/cases.json`, read so that nothing in it is passed over: a key that no code reads, a case that
//! demands nothing, and two cases of one name are refused.

use super::frame::{FoundHere, Given};
use anyhow::{Context as _, Result, ensure};
use assay::domain::{Capability, FailureCode, PluginKind, PluginLimits, Report, Settings};
use assay::plugin::LogLevel;
use assay::toolbox::{Answer, PictureNote, TensorNote};
use assay_tests::artifacts::root;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Frames that a report of the conformance monitors speaks of.
const WINDOW: u64 = 9;

/// One case; tests/conformance/README.md says what each key means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub world: PluginKind,
    pub case: String,
    #[serde(default)]
    note: Option<String>,
    #[serde(default)]
    pub settings: Settings,
    #[serde(default)]
    limits: Map<String, Value>,
    #[serde(default)]
    pub labels: Vec<String>,
    #[serde(default)]
    pub reference: Option<String>,
    #[serde(default)]
    pub frame: Given,
    #[serde(default)]
    pub without: Option<Capability>,
    #[serde(default)]
    pub ungranted: Option<Capability>,
    #[serde(default)]
    pub calls: Option<Vec<Expected>>,
    #[serde(default)]
    pub log: Vec<(Level, String)>,
    #[serde(default)]
    pub log_lines: Option<usize>,
    #[serde(default)]
    pub log_dropped: u32,
    #[serde(default)]
    pub failure: Option<Failing>,
    #[serde(default)]
    pub refused: Option<Vec<String>>,
}

/// What one call has to give: an [`Answer`] with short reports.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expected {
    findings: Vec<FoundHere>,
    attributes: Vec<(String, String)>,
    tensors: Vec<TensorNote>,
    picture: Option<PictureNote>,
    images: Vec<PictureNote>,
    /// Feature, statistic, value, threshold.
    reports: Vec<(String, String, f64, f64)>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failing {
    pub code: FailureCode,
    pub words: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

impl From<LogLevel> for Level {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Debug => Self::Debug,
            LogLevel::Info => Self::Info,
            LogLevel::Warn => Self::Warn,
            LogLevel::Error => Self::Error,
        }
    }
}

impl Expected {
    pub fn answer(&self) -> Answer {
        let report = |(feature, statistic, value, threshold): &(String, String, f64, f64)| Report {
            feature: feature.clone(),
            statistic: statistic.clone(),
            value: *value,
            threshold: *threshold,
            drifted: value >= threshold,
            window: WINDOW,
        };
        Answer {
            findings: self.findings.iter().cloned().map(Into::into).collect(),
            attributes: self.attributes.clone(),
            tensors: self.tensors.clone(),
            picture: self.picture.clone(),
            images: self.images.clone(),
            reports: self.reports.iter().map(report).collect(),
            failure: None,
        }
    }
}

impl Case {
    pub fn parse(value: &Value) -> Result<Self> {
        let case: Self = serde_json::from_value(value.clone())?;
        case.check().with_context(|| case.name())?;
        Ok(case)
    }

    /// World, setting, and what tells it from others with the same.
    pub fn name(&self) -> String {
        let more = [
            self.note.clone(),
            self.without.as_ref().map(|capability| format!("without {capability}")),
            self.ungranted.as_ref().map(|capability| format!("{capability} not granted")),
        ];
        let more: String = more.into_iter().flatten().map(|more| format!(", {more}")).collect();
        format!("{} {}{more}", self.world, self.case)
    }

    /// The manifest's limits with the case's own over them; `deadline_ms` where it names none.
    pub fn limits(&self, manifest: PluginLimits, deadline_ms: u32) -> Result<PluginLimits> {
        let mut limits = serde_json::to_value(PluginLimits { deadline_ms, ..manifest })?;
        for (key, value) in &self.limits {
            let place = limits.get_mut(key).with_context(|| format!("there is no limit {key:?}"))?;
            *place = value.clone();
        }
        Ok(serde_json::from_value(limits)?)
    }

    /// A case demands one thing, and is given only what its world reads.
    fn check(&self) -> Result<()> {
        self.limits(PluginLimits::default(), 1)?;
        let ends = [self.calls.is_some(), self.failure.is_some(), self.refused.is_some()];
        ensure!(ends.iter().filter(|end| **end).count() == 1, "one of calls, failure and refused is needed");
        let denied = usize::from(self.without.is_some()) + usize::from(self.ungranted.is_some());
        let refused = usize::from(self.refused.is_some());
        ensure!(denied == refused, "refused stands with one of without and ungranted, and only there");
        ensure!(self.calls.as_ref().is_none_or(|calls| !calls.is_empty()), "calls has none");
        let words = self.refused.as_ref().or(self.failure.as_ref().map(|failure| &failure.words));
        let bare = words.is_some_and(|words| words.is_empty() || words.iter().any(|word| word.trim().is_empty()));
        ensure!(!bare, "words are missing");
        let logs = !self.log.is_empty() || self.log_lines.is_some() || self.log_dropped > 0;
        ensure!(!logs || self.calls.is_some(), "log, log_lines and log_dropped stand with calls");
        ensure!(self.log.is_empty() || self.log_lines.is_none(), "log and log_lines say the same");
        self.frame.check(self.world)
    }
}

pub fn path() -> PathBuf {
    root().join("tests/conformance/cases.json")
}

/// The cases as they are written.
pub fn written() -> Result<Vec<Value>> {
    let path = path();
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}

/// The cases, each with a name of its own.
pub fn all(written: &[Value]) -> Result<Vec<Case>> {
    let mut names = BTreeSet::new();
    let mut cases = Vec::new();
    for (index, value) in written.iter().enumerate() {
        let case = Case::parse(value).with_context(|| format!("case {index} of cases.json: {value}"))?;
        ensure!(names.insert(case.name()), "two cases are called {:?}: tell them apart by \"note\"", case.name());
        cases.push(case);
    }
    ensure!(!cases.is_empty(), "cases.json has no case");
    Ok(cases)
}
