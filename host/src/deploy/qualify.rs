use super::self_test::SelfTest;
use super::workshop::Ready;
use crate::domain::{FailureCode, FrameId, NamedTensor, QualityCheck, Verdict};
use crate::pipeline::{InspectContext, Inspected, inspect_frame, now_us, percentile};
use crate::source::Arrival;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Inspections that are timed: enough for a 95th percentile that forgives one bad moment.
const TIMED_RUNS: usize = 20;
/// A slow recipe is measured on fewer.
const MEASURE_AT_MOST: Duration = Duration::from_secs(20);
/// Tries of a self-test frame that is late.
const ATTEMPTS: usize = 10;

/// What a recipe was asked for and what was found, on this device.
#[derive(Debug, Clone)]
pub struct Qualification {
    pub checks: Vec<QualityCheck>,
    pub notes: Vec<String>,
}

impl Qualification {
    #[must_use]
    pub fn passed(&self) -> bool {
        self.checks.iter().all(|check| check.passed)
    }

    /// The checks that did not pass, as one line.
    #[must_use]
    pub fn refusal(&self) -> String {
        let failed = self.checks.iter().filter(|check| !check.passed);
        let words: Vec<String> =
            failed.map(|check| format!("{}: asked {}, found {}", check.what, check.asked, check.found)).collect();
        words.join("; ")
    }
}

/// Takes the self-test frames through the whole way of a frame, and measures. `tell` hears what is being done, with
/// what was found so far; `stopped` ends it early.
#[must_use]
pub fn qualify(
    ready: &Ready,
    context: &InspectContext,
    tell: &mut dyn FnMut(&str, &[QualityCheck]),
    stopped: &dyn Fn() -> bool,
) -> Qualification {
    let mut checks = vec![size(ready), load_time(ready), device(ready)];
    let mut notes = Vec::new();
    if ready.self_tests.is_empty() {
        notes.push("the bundles carry no self-test frames: outputs and latency were not tested".to_owned());
        tell("no self-test frames: outputs and latency are not tested", &checks);
        return Qualification { checks, notes };
    }
    tell(&format!("self-test: {} frames", ready.self_tests.len()), &checks);
    for test in &ready.self_tests {
        if stopped() {
            break;
        }
        let mut inspected = inspect(test, ready, context);
        // How long it takes is measured below: here only the answer counts, and the machine may have been busy.
        for _ in 1..ATTEMPTS {
            if !is_late(&inspected) {
                break;
            }
            inspected = inspect(test, ready, context);
        }
        checks.push(answer(test, &inspected, &ready.live.recipe.model.logits));
        tell("", &checks);
    }
    // Also where something was wrong: who puts it right reads of everything at once.
    tell("self-test: measuring latency", &checks);
    checks.push(latency(ready, context, stopped));
    Qualification { checks, notes }
}

fn size(ready: &Ready) -> QualityCheck {
    let (limit, found) = (ready.limits.max_model_bytes, ready.model_bytes);
    let decoded = ready.decoded_bytes.map(|bytes| format!(" ({bytes} decoded)")).unwrap_or_default();
    QualityCheck {
        what: QualityCheck::SIZE.to_owned(),
        asked: format!("at most {limit} bytes"),
        found: format!("{found} bytes{decoded}"),
        passed: found <= limit,
    }
}

/// How long it took here until the model was ready to judge, for all that may run at one time.
fn load_time(ready: &Ready) -> QualityCheck {
    let (limit, found) = (ready.limits.max_load_ms, ready.load_ms);
    QualityCheck {
        what: QualityCheck::LOAD_TIME.to_owned(),
        asked: format!("at most {limit} ms"),
        found: format!("{found} ms"),
        passed: found <= u64::from(limit),
    }
}

/// The wish list is kept by the backend: a device outside of it is never used.
fn device(ready: &Ready) -> QualityCheck {
    let device = &ready.live.model.placement().device;
    QualityCheck {
        what: QualityCheck::DEVICE.to_owned(),
        asked: device.asked.join(", "),
        found: format!("{} on {} ({})", device.used, device.backend, device.precision),
        passed: true,
    }
}

fn inspect(test: &SelfTest, ready: &Ready, context: &InspectContext) -> Inspected {
    let arrival = Arrival {
        source: "self-test".to_owned(),
        origin: Some(test.picture.clone()),
        product: None,
        serial: None,
        trigger: None,
        captured_at_us: now_us(),
        payload: Ok(Arc::clone(&test.bytes)),
        simulated: true,
        receipt: None,
    };
    let id = FrameId { station: "self-test".to_owned(), boot: 0, trigger: 0 };
    inspect_frame(arrival, id, ready.live.as_ref(), context)
}

fn is_late(inspected: &Inspected) -> bool {
    matches!(&inspected.inspection.verdict, Verdict::Undecided { code, .. } if code == FailureCode::Timeout.name())
}

fn answer(test: &SelfTest, inspected: &Inspected, logits: &str) -> QualityCheck {
    let asked = match test.verdict {
        Some(verdict) => format!("{verdict}, logits within {}", test.tolerance),
        None => format!("logits within {}", test.tolerance),
    };
    let check = |found: String, passed: bool| QualityCheck {
        what: format!("{} {}", QualityCheck::SELF_TEST, test.picture),
        asked: asked.clone(),
        found,
        passed,
    };
    let verdict = &inspected.inspection.verdict;
    if let Some(failure) = inspected.inspection.runs.iter().find_map(|run| run.failure.as_ref()) {
        return check(failure.to_string(), false);
    }
    let Some(difference) = difference(&inspected.outputs, logits, &test.logits) else {
        let detail = if let Verdict::Undecided { detail, .. } = verdict { detail } else { "no logits" };
        return check(format!("{}: {detail}", verdict.kind()), false);
    };
    let same_verdict = test.verdict.is_none_or(|wanted| wanted == verdict.kind());
    let found = format!("{}, largest difference {difference:.3}", verdict.kind());
    check(found, same_verdict && difference <= test.tolerance)
}

/// The largest difference of a logit; none where they cannot be compared.
fn difference(outputs: &[NamedTensor], name: &str, expected: &[f32]) -> Option<f32> {
    let output = outputs.iter().find(|output| output.name == name)?;
    let found = output.tensor.as_f32().ok()?;
    if found.len() != expected.len() || !found.iter().all(|logit| logit.is_finite()) {
        return None;
    }
    Some(found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max))
}

fn latency(ready: &Ready, context: &InspectContext, stopped: &dyn Fn() -> bool) -> QualityCheck {
    let begin = Instant::now();
    let mut times = Vec::with_capacity(TIMED_RUNS);
    // The answers before were the warm-up.
    for test in ready.self_tests.iter().cycle().take(TIMED_RUNS.max(ready.self_tests.len())) {
        let start = Instant::now();
        let inspected = inspect(test, ready, context);
        // What fails is often fast: it says nothing of the time that an answer takes.
        if !inspected.outputs.is_empty() || is_late(&inspected) {
            times.push(u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX));
        }
        if stopped() || begin.elapsed() > MEASURE_AT_MOST {
            break;
        }
    }
    times.sort_unstable();
    let limit_ms = ready.limits.max_p95_ms;
    let check = |found: String, passed: bool| QualityCheck {
        what: QualityCheck::LATENCY.to_owned(),
        asked: format!("at most {limit_ms} ms"),
        found,
        passed,
    };
    match percentile(&times, 95) {
        Some(p95_us) => {
            let found = format!("{:.1} ms over {} inspections", p95_us as f64 / 1000.0, times.len());
            check(found, p95_us <= u64::from(limit_ms) * 1000)
        }
        None => check("no inspection came to an answer".to_owned(), false),
    }
}
