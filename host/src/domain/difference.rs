use super::{Finding, Inspection, PluginKind, PluginRun, Stage, Verdict};
use serde::Serialize;
use std::fmt;
use utoipa::ToSchema;

/// Largest change of a probability or score that still counts as the same: another backend rounds differently.
pub const SCORE_TOLERANCE: f32 = 1e-4;

/// What is compared of two inspections of one picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Compared {
    Verdict,
    Undecided,
    Model,
    Answer,
    Probability,
    Plugins,
    Component,
    Failure,
    Findings,
    Finding,
}

impl Compared {
    pub const ALL: [Self; 10] = [
        Self::Verdict,
        Self::Undecided,
        Self::Model,
        Self::Answer,
        Self::Probability,
        Self::Plugins,
        Self::Component,
        Self::Failure,
        Self::Findings,
        Self::Finding,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Verdict => "verdict",
            Self::Undecided => "undecided",
            Self::Model => "model",
            Self::Answer => "answer",
            Self::Probability => "probability",
            Self::Plugins => "plugins",
            Self::Component => "component",
            Self::Failure => "failure",
            Self::Findings => "findings",
            Self::Finding => "finding",
        }
    }
}

/// One thing that a person would call another result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Difference {
    pub what: Compared,
    pub stage: Stage,
    /// The plugin, or the label of a probability; none where there is only one.
    pub of: Option<String>,
    pub then: String,
    pub now: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what.name())?;
        if let Some(of) = &self.of {
            write!(f, " of {of}")?;
        }
        write!(f, ": {} then, {} now", self.then, self.now)
    }
}

/// Everything in which two inspections of one picture have another result. Times and devices are none.
#[must_use]
pub fn differences(then: &Inspection, now: &Inspection) -> Vec<Difference> {
    let mut found = Found(Vec::new());
    found.verdicts(&then.verdict, &now.verdict);
    found.answers(then, now);
    found.runs(&then.runs, &now.runs);
    found.0
}

struct Found(Vec<Difference>);

impl Found {
    fn add(&mut self, what: Compared, stage: Stage, of: Option<&str>, [then, now]: [String; 2]) {
        if then != now {
            self.0.push(Difference { what, stage, of: of.map(str::to_owned), then, now });
        }
    }

    fn verdicts(&mut self, then: &Verdict, now: &Verdict) {
        let words = [then, now].map(|verdict| format!("{} {}", verdict.kind(), verdict.reason()));
        self.add(Compared::Verdict, Stage::Decide, None, words);
        if let (
            Verdict::Undecided { stage: old_stage, blame: old_blame, .. },
            Verdict::Undecided { stage: new_stage, blame: new_blame, .. },
        ) = (then, now)
        {
            let words = [format!("{old_stage} by {old_blame}"), format!("{new_stage} by {new_blame}")];
            self.add(Compared::Undecided, Stage::Decide, None, words);
        }
    }

    fn answers(&mut self, then: &Inspection, now: &Inspection) {
        let (Some(old), Some(new)) = (&then.answer, &now.answer) else {
            let words = [then, now].map(|one| if one.answer.is_some() { "given" } else { "none" }.to_owned());
            return self.add(Compared::Answer, Stage::Infer, None, words);
        };
        self.add(Compared::Model, Stage::Infer, None, [old.digest.to_string(), new.digest.to_string()]);
        self.add(Compared::Answer, Stage::Infer, None, [old.labels.join(", "), new.labels.join(", ")]);
        for ((label, old), new) in old.labels.iter().zip(&old.probabilities).zip(&new.probabilities) {
            if !same(*old, *new) {
                let words = [format!("{old:.5}"), format!("{new:.5}")];
                self.add(Compared::Probability, Stage::Infer, Some(label), words);
            }
        }
    }

    fn runs(&mut self, then: &[PluginRun], now: &[PluginRun]) {
        self.add(Compared::Plugins, Stage::Detect, None, [names(then), names(now)]);
        for (old, new) in then.iter().zip(now).filter(|(old, new)| old.plugin == new.plugin) {
            let (stage, plugin) = (stage_of(old.kind), Some(old.plugin.as_str()));
            self.add(Compared::Component, stage, plugin, [old.component.to_string(), new.component.to_string()]);
            let code = |run: &PluginRun| run.failure.as_ref().map_or("none", |failure| failure.code.name()).to_owned();
            self.add(Compared::Failure, stage, plugin, [code(old), code(new)]);
            let counts = [old.findings.len().to_string(), new.findings.len().to_string()];
            self.add(Compared::Findings, stage, plugin, counts);
            for (a, b) in old.findings.iter().zip(&new.findings) {
                if a.label != b.label || a.raised != b.raised || !same(a.score, b.score) {
                    self.add(Compared::Finding, stage, plugin, [words(a), words(b)]);
                }
            }
        }
    }
}

/// Also where both are no number: a plugin that gave none gives none again.
fn same(one: f32, other: f32) -> bool {
    (one - other).abs() <= SCORE_TOLERANCE || one.is_nan() && other.is_nan()
}

fn names(runs: &[PluginRun]) -> String {
    runs.iter().map(|run| run.plugin.as_str()).collect::<Vec<_>>().join(", ")
}

fn words(finding: &Finding) -> String {
    format!("{} {:.5}{}", finding.label, finding.score, if finding.raised { " raised" } else { "" })
}

const fn stage_of(kind: PluginKind) -> Stage {
    match kind {
        PluginKind::Preprocessor => Stage::Preprocess,
        PluginKind::Detector => Stage::Detect,
        PluginKind::Monitor => Stage::Monitor,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
    use super::*;
    use serde_json::{Value, json};

    fn inspection() -> Value {
        let digest = |what: &str| serde_json::to_value(crate::domain::Digest::of(what.as_bytes())).unwrap();
        let device = json!({ "backend": "fake", "asked": ["CPU"], "used": "CPU", "precision": "exact" });
        let finding = json!({ "label": "spot", "score": 0.9, "raised": true, "region": null, "text": null });
        json!({
            "meta": {
                "id": { "station": "line-1", "boot": 1, "trigger": 1 }, "captured_at_us": 0, "source": "folder",
                "origin": null, "product": null, "serial": null, "simulated": false
            },
            "picture": digest("frame"), "width": 3, "height": 2, "recipe": "r", "recipe_version": "1.0.0",
            "recipe_digest": digest("r"), "verdict": { "verdict": "fail", "reason": "spot", "score": 0.9 },
            "answer": {
                "model": "m", "digest": digest("m"), "device": device, "labels": ["good", "spot"],
                "probabilities": [0.25, 0.75]
            },
            "runs": [{
                "plugin": "finder", "kind": "detector", "component": digest("finder"), "micros": 1, "host_micros": 0,
                "memory_bytes": 0, "host_bytes": 0, "findings": [finding], "replaced": null, "failure": null
            }],
            "stages": [], "judged_at_us": 0
        })
    }

    /// What differs once `change` was made.
    fn found(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let mut changed = inspection();
        change(&mut changed);
        let read = |value: Value| serde_json::from_value::<Inspection>(value).unwrap();
        let all = differences(&read(inspection()), &read(changed));
        all.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn times_devices_and_rounding_are_no_difference() {
        let changed = found(|one| {
            one["judged_at_us"] = json!(7);
            one["runs"][0]["micros"] = json!(99);
            one["stages"] = json!([{ "stage": "infer", "micros": 5 }]);
            one["answer"]["device"]["used"] = json!("NPU");
            one["answer"]["probabilities"] = json!([0.25005, 0.74995]);
            one["runs"][0]["findings"][0]["score"] = json!(0.90005);
        });
        assert_eq!(changed, [""; 0]);
    }

    #[test]
    fn each_thing_that_is_another_result_is_found() {
        let other = serde_json::to_value(crate::domain::Digest::of(b"other")).unwrap();
        let says = |found: Vec<String>, start: &str| {
            assert!(found.iter().any(|one| one.starts_with(start)), "{start}: {found:?}");
        };
        says(found(|one| one["verdict"]["reason"] = json!("pit")), "verdict: fail spot then, fail pit now");
        says(found(|one| one["answer"] = Value::Null), "answer: given then, none now");
        says(found(|one| one["answer"]["digest"] = other.clone()), "model: ");
        says(found(|one| one["answer"]["labels"] = json!(["good", "pit"])), "answer: good, spot then, good, pit now");
        says(found(|one| one["answer"]["probabilities"][0] = json!(0.2503)), "probability of good: 0.25000 then");
        says(found(|one| one["runs"] = json!([])), "plugins: finder then,  now");
        says(found(|one| one["runs"][0]["component"] = other.clone()), "component of finder: ");
        says(found(|one| one["runs"][0]["findings"] = json!([])), "findings of finder: 1 then, 0 now");
        says(
            found(|one| one["runs"][0]["findings"][0]["raised"] = json!(false)),
            "finding of finder: spot 0.90000 raised then, spot 0.90000 now",
        );
        let failure = json!({
            "stage": "detect", "blame": "plugin", "code": "timeout", "detail": "slow", "plugin": "finder"
        });
        says(found(|one| one["runs"][0]["failure"] = failure), "failure of finder: none then, timeout now");
    }
}
