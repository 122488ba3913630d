use super::flight::{Flight, Seen, describe};
use super::{Judge, Trace};
use crate::domain::{
    Blame, BufferPool, Digest, Evidence, Failure, FailureCode, Frame, FrameId, FrameMeta, Inspection, Judgement,
    NamedImage, NamedTensor, Recipe, Stage, decide,
};
use crate::imaging::{DecodeLimits, decode};
use crate::source::Arrival;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What inspecting needs beside the frame and the recipe.
#[derive(Clone)]
pub struct InspectContext {
    pub limits: DecodeLimits,
    pub pool: BufferPool,
}

/// A judged frame before its record is durable: nobody outside the station has seen its verdict.
#[derive(Debug)]
pub struct Inspected {
    pub inspection: Inspection,
    /// The encoded picture as the source gave it.
    pub picture: Option<Arc<[u8]>>,
    pub images: Vec<(String, NamedImage)>,
    /// For monitors: the decoded frame and the model's raw outputs.
    pub frame: Option<Frame>,
    pub outputs: Vec<NamedTensor>,
}

/// Takes one arrival all the way to its verdict: decode, judge, decide.
///
/// Whatever goes wrong on the way makes the verdict `undecided`; there is no error and no panic to handle. Nobody keeps
/// the deadline from outside: that is what a line does.
#[must_use]
pub fn inspect_frame(arrival: Arrival, id: FrameId, judge: &dyn Judge, context: &InspectContext) -> Inspected {
    inspect_within(arrival, id, judge, context, budget(judge.recipe()))
}

/// As [`inspect_frame`], with other time than the recipe's budget: for a frame that nobody on the line waits for.
#[must_use]
pub fn inspect_within(
    arrival: Arrival,
    id: FrameId,
    judge: &dyn Judge,
    context: &InspectContext,
    limit: Duration,
) -> Inspected {
    let trace = Trace::start();
    let deadline = trace.started() + limit;
    let (meta, payload) = describe(arrival, id);
    let seen = Seen::default();
    inspect(&Subject { meta: &meta, payload: &payload, deadline, limit, seen: &seen }, judge, trace, context)
}

fn budget(recipe: &Recipe) -> Duration {
    Duration::from_millis(u64::from(recipe.frame_budget_ms))
}

/// As [`inspect_frame`], for a frame that another thread watches.
pub(super) fn inspect_flight(flight: &Flight, context: &InspectContext) -> Inspected {
    let Flight { meta, payload, deadline, seen, .. } = flight;
    let subject = Subject { meta, payload, deadline: *deadline, limit: budget(&flight.recipe.recipe), seen };
    inspect(&subject, flight.recipe.as_ref(), Trace::of(Arc::clone(&flight.progress)), context)
}

struct Subject<'a> {
    meta: &'a FrameMeta,
    payload: &'a Result<Arc<[u8]>, Failure>,
    deadline: Instant,
    /// From the arrival to `deadline`.
    limit: Duration,
    seen: &'a Seen,
}

fn inspect(subject: &Subject<'_>, judge: &dyn Judge, mut trace: Trace, context: &InspectContext) -> Inspected {
    let recipe = judge.recipe();
    let picture = subject.payload.as_ref().ok().map(Arc::clone);
    let digest = picture.as_deref().map(|bytes| *subject.seen.digest.get_or_init(|| Digest::of(bytes)));

    let frame = trace.stage(Stage::Decode, || open_frame(subject, digest, context));
    let mut judgement = match &frame {
        Ok(frame) => judge.judge(frame, subject.deadline, &mut trace),
        Err(failure) => Judgement { failure: Some(failure.clone()), ..Judgement::default() },
    };
    if judgement.failure.is_none() && Instant::now() > subject.deadline {
        judgement.failure = Some(over_budget(subject.limit, &trace));
    }
    let verdict = trace.stage(Stage::Decide, || decide_on(recipe, &judgement));

    let image = frame.as_ref().ok().map(|frame| &frame.image);
    let inspection = Inspection {
        meta: subject.meta.clone(),
        picture: digest,
        width: image.map_or(0, |image| image.width()),
        height: image.map_or(0, |image| image.height()),
        recipe: recipe.name.clone(),
        recipe_version: recipe.version.clone(),
        recipe_digest: recipe.digest,
        verdict,
        answer: judgement.answer,
        runs: judgement.runs,
        stages: trace.stages(),
        judged_at_us: now_us(),
    };
    Inspected { inspection, picture, images: judgement.images, frame: frame.ok(), outputs: judgement.outputs }
}

fn open_frame(subject: &Subject<'_>, digest: Option<Digest>, context: &InspectContext) -> Result<Frame, Failure> {
    let bytes = subject.payload.as_ref().map_err(Clone::clone)?;
    let image = decode(bytes, &context.limits, &context.pool)?;
    let _ = subject.seen.size.set((image.width(), image.height()));
    let picture = digest.unwrap_or_else(|| Digest::of(bytes));
    Ok(Frame { meta: subject.meta.clone(), image, picture })
}

/// The verdict of a recipe on a judgement.
#[must_use]
pub fn decide_on(recipe: &Recipe, judgement: &Judgement) -> crate::domain::Verdict {
    let findings: Vec<_> = judgement.runs.iter().flat_map(|run| &run.findings).collect();
    let evidence = Evidence {
        answer: judgement.answer.as_ref(),
        findings: &findings,
        failure: judgement.failure.as_ref(),
        failed_by_policy: judgement.failed_by_policy,
    };
    decide(&recipe.policy, &evidence)
}

/// The whole was too slow though no single stage failed: the slowest stage is named.
fn over_budget(limit: Duration, trace: &Trace) -> Failure {
    let slowest = trace.stages().into_iter().max_by_key(|stage| stage.micros);
    let (stage, micros) = slowest.map_or((Stage::Decide, 0), |slowest| (slowest.stage, slowest.micros));
    let detail = format!(
        "the frame took longer than its budget of {} ms; the slowest stage was {stage} with {:.1} ms",
        limit.as_millis(),
        micros as f64 / 1000.0
    );
    Failure::new(stage, Blame::Host, FailureCode::Timeout, detail)
}

/// Microseconds since 1970-01-01 UTC; 0 where the clock stands before that.
#[must_use]
pub fn now_us() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
