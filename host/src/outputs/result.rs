use crate::domain::CloudEvent;
use crate::journal::Line;
use serde::Serialize;

/// A verdict that is sent so much later than it was formed is marked.
const LATE_US: i64 = 60_000_000;

/// What a receiver gets of one inspection.
#[derive(Debug, Serialize)]
struct ResultData<'a> {
    verdict: &'static str,
    label: Option<&'a str>,
    score: Option<f64>,
    code: Option<&'a str>,
    stage: Option<&'a str>,
    blame: Option<&'a str>,
    flagged: bool,
    product: Option<&'a str>,
    serial: Option<&'a str>,
    source: &'a str,
    origin: Option<&'a str>,
    boot: u64,
    trigger: u64,
    recipe: &'a str,
    recipe_version: &'a str,
    backend: Option<&'a str>,
    device: Option<&'a str>,
    captured_at_us: i64,
    judged_at_us: i64,
    total_us: i64,
    simulated: bool,
    /// True where the receiver was away when the verdict was formed.
    historical: bool,
}

/// The event of a recorded inspection: its id is that of the frame.
pub fn result_event(station: &str, line: &Line, now_us: i64) -> String {
    let data = ResultData {
        verdict: line.verdict.name(),
        label: line.label.as_deref(),
        score: line.score,
        code: line.code.as_deref(),
        stage: line.stage.as_deref(),
        blame: line.blame.as_deref(),
        flagged: line.flagged,
        product: line.product.as_deref(),
        serial: line.serial.as_deref(),
        source: &line.source,
        origin: line.origin.as_deref(),
        boot: line.id.boot,
        trigger: line.id.trigger,
        recipe: &line.recipe,
        recipe_version: &line.recipe_version,
        backend: line.backend.as_deref(),
        device: line.device.as_deref(),
        captured_at_us: line.captured_at_us,
        judged_at_us: line.judged_at_us,
        total_us: line.total_us,
        simulated: line.simulated,
        historical: now_us.saturating_sub(line.judged_at_us) > LATE_US,
    };
    let event = CloudEvent::new(station, "inspection", line.id.to_string(), line.judged_at_us, data);
    serde_json::to_string(&event).unwrap_or_default()
}
