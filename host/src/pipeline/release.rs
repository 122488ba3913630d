use super::board::BoardWriter;
use super::control::Control;
use super::monitors::{MonitorFeed, MonitorJob};
use super::{Inspected, LineHistory, LiveRecipe, LiveSlot, Recorded};
use crate::domain::{
    Blame, EMBEDDING_OUTPUT, Embedding, Failure, FailureCode, Inspection, NamedImage, NamedTensor, Stage, StageTime,
    Verdict,
};
use crate::source::{LostTriggers, Receipt, Settlement};
use crate::telemetry::{FrameUnmonitored, Metrics, RecordNotDurable, VerdictReleased};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What has to be durable before a verdict may leave.
pub struct Record {
    pub inspection: Inspection,
    pub picture: Option<Arc<[u8]>>,
    pub images: Vec<(String, NamedImage)>,
}

/// Keeps records for ever; the journal does.
pub trait RecordKeeper: Send + Sync {
    /// Takes a record. Bounded in time; what cannot be taken is an error, never a silent loss.
    ///
    /// # Errors
    /// When the queue stays full or the journal has stopped.
    fn submit(&self, record: Record) -> Result<Box<dyn RecordTicket>, Failure>;

    /// The newest record under a number of a source's own counter. A keeper that forgets has none.
    ///
    /// # Errors
    /// When that cannot be found out.
    fn recorded(&self, _source: &str, _number: u64) -> Result<Option<Recorded>, Failure> {
        Ok(None)
    }

    /// The newest that is recorded of a source's counter. A keeper that forgets has nothing.
    ///
    /// # Errors
    /// When that cannot be found out.
    fn line_history(&self, _source: &str) -> Result<LineHistory, Failure> {
        Ok(LineHistory::default())
    }

    /// Records that numbers of a source's counter gave no frame; returns when that is durable.
    ///
    /// # Errors
    /// When it is not.
    fn lost(&self, lost: &LostTriggers) -> Result<(), Failure>;
}

/// The promise of a durable record.
pub trait RecordTicket: Send {
    /// Returns only after the record is on disk, or cannot get there. Gives its row.
    ///
    /// # Errors
    /// When the record is not durable.
    fn wait(self: Box<Self>) -> Result<i64, Failure>;
}

/// A released verdict.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub inspection: Arc<Inspection>,
    /// The journal's row; none where the record could not be made durable (the verdict is `undecided` then).
    pub row: Option<i64>,
    /// How the model sees the picture, where it says so.
    pub embedding: Option<Embedding>,
}

/// A judged frame on its way to release.
pub(super) struct Waiting {
    /// What judged it.
    pub recipe: Arc<LiveRecipe>,
    pub inspected: Inspected,
    pub ticket: Result<Box<dyn RecordTicket>, Failure>,
    pub submitted: Instant,
    /// Tells the source what became of its arrival.
    pub receipt: Option<Receipt>,
}

/// How long the board may show something old while frames come in.
pub(super) const PUBLISH_EVERY: Duration = Duration::from_millis(100);

/// Releases verdicts in the order in which the lanes finish, each after its record is durable.
pub(super) fn run(
    waiting: &Receiver<Waiting>,
    control: &Control,
    live: &LiveSlot,
    monitors: &MonitorFeed,
    outcomes: Option<&Sender<Arc<Outcome>>>,
) {
    let board = &control.board;
    let mut writer = BoardWriter::new(board.clone());
    loop {
        match waiting.recv_timeout(PUBLISH_EVERY) {
            Ok(waiting) => {
                let (outcome, job) = release(waiting, board.metrics());
                control.book(&job.recipe, &outcome.inspection.runs);
                control.moved();
                writer.add(&outcome, monitors.skipped());
                live.released(&outcome, job.frame.as_ref());
                board.offer_to_tap(&outcome);
                if !monitors.offer(job) {
                    board.metrics().tell(&FrameUnmonitored);
                }
                if let Some(outcomes) = outcomes {
                    // A reader that went away does not stop the line.
                    let _ = outcomes.send(outcome);
                }
            }
            Err(RecvTimeoutError::Timeout) => writer.publish(),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    writer.publish();
}

/// Waits for the record and only then makes the outcome.
fn release(waiting: Waiting, metrics: &Metrics) -> (Arc<Outcome>, MonitorJob) {
    let Waiting { recipe, inspected, ticket, submitted, receipt } = waiting;
    let Inspected { mut inspection, frame, outputs, .. } = inspected;
    let row = match ticket.and_then(RecordTicket::wait) {
        Ok(row) => Some(row),
        Err(failure) => {
            metrics.tell(&RecordNotDurable { frame: &inspection.meta.id, failure: &failure });
            inspection.verdict = Verdict::undecided_by(&failure);
            None
        }
    };
    let micros = u64::try_from(submitted.elapsed().as_micros()).unwrap_or(u64::MAX);
    inspection.stages.push(StageTime { stage: Stage::Journal, micros });
    metrics.tell(&VerdictReleased { inspection: &inspection });
    let inspection = Arc::new(inspection);
    if let Some(receipt) = receipt {
        receipt.settle(Settlement { inspection: Arc::clone(&inspection), row, duplicate: false });
    }
    let embedding = embedding(&outputs);
    let outcome = Arc::new(Outcome { inspection, row, embedding });
    let job = MonitorJob { recipe, outcome: Arc::clone(&outcome), frame, outputs };
    (outcome, job)
}

fn embedding(outputs: &[NamedTensor]) -> Option<Embedding> {
    let output = outputs.iter().find(|output| output.name == EMBEDDING_OUTPUT)?;
    Embedding::of(output.tensor.as_f32().ok()?)
}

/// A journal's refusal as a failure of the frame.
pub(super) fn journal_failure(detail: impl Into<String>) -> Failure {
    Failure::new(Stage::Journal, Blame::Host, FailureCode::JournalFailed, detail)
}
