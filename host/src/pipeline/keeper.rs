use super::release::{Record, RecordKeeper, RecordTicket, journal_failure};
use super::{LineHistory, MonitorStates, Recorded};
use crate::domain::{Failure, FailureCode, FrameId, NamedImage, Observation, with_causes};
use crate::imaging::encode_png;
use crate::journal::{self, Journal, JournalError, Pending};
use crate::plugin::MonitorState;
use crate::source::LostTriggers;
use std::sync::Arc;

/// The journal as the line sees it.
#[derive(Clone)]
pub struct JournalKeeper {
    journal: Arc<Journal>,
    /// False keeps the verdict's record but not what plugins painted.
    keep_images: bool,
}

impl JournalKeeper {
    #[must_use]
    pub fn new(journal: Arc<Journal>, keep_images: bool) -> Self {
        Self { journal, keep_images }
    }
}

impl RecordKeeper for JournalKeeper {
    fn submit(&self, record: Record) -> Result<Box<dyn RecordTicket>, Failure> {
        let Record { inspection, picture, images } = record;
        let images = if self.keep_images { encode_all(images) } else { Vec::new() };
        let pending = self.journal.submit(journal::Record { inspection, picture, images });
        Ok(Box::new(pending.map_err(|error| withheld(&error))?))
    }

    fn recorded(&self, source: &str, number: u64) -> Result<Option<Recorded>, Failure> {
        let entry = self.journal.reader().line_trigger(source, number);
        let entry = entry.map_err(|error| withheld(&error))?;
        Ok(entry.map(|entry| Recorded { inspection: Arc::new(entry.inspection), row: entry.row }))
    }

    fn line_history(&self, source: &str) -> Result<LineHistory, Failure> {
        let history = self.journal.reader().line_history(source);
        let journal::LineHistory { numbers, lost } = history.map_err(|error| withheld(&error))?;
        Ok(LineHistory { numbers: numbers.iter().map(|one| (one.number, one.judged_at_us)).collect(), lost })
    }

    fn lost(&self, lost: &LostTriggers) -> Result<(), Failure> {
        let LostTriggers { source, first, last, reason } = lost;
        let recorded = self.journal.line_lost(source, *first, *last, reason).and_then(Pending::wait);
        recorded.map(|_| ()).map_err(|error| withheld(&error))
    }
}

impl RecordTicket for Pending {
    fn wait(self: Box<Self>) -> Result<i64, Failure> {
        let committed = Pending::wait(*self).map_err(|error| withheld(&error))?;
        Ok(committed.row)
    }
}

/// Why a frame has no record. A full disk has a code of its own, because somebody can do something about it.
fn withheld(error: &JournalError) -> Failure {
    let failure = journal_failure(with_causes(error));
    match error {
        JournalError::DiskFull { .. } => Failure { code: FailureCode::DiskFull, ..failure },
        _ => failure,
    }
}

/// A picture that cannot be encoded is left out: it is an illustration, not a part of the record.
fn encode_all(images: Vec<(String, NamedImage)>) -> Vec<(String, String, Vec<u8>)> {
    let encode = |(plugin, named): (String, NamedImage)| match encode_png(&named.image) {
        Ok(png) => Some((plugin, named.name, png)),
        Err(error) => {
            tracing::warn!(plugin, image = named.name, %error, "a plugin's picture is not kept");
            None
        }
    };
    images.into_iter().filter_map(encode).collect()
}

impl MonitorStates for JournalKeeper {
    fn load(&self, plugin: &str) -> MonitorState {
        self.journal.load_state(plugin).unwrap_or_else(|error| {
            tracing::error!(plugin, error = with_causes(&error), "the monitor starts without its memory");
            MonitorState::new()
        })
    }

    fn save(&self, plugin: &str, state: &MonitorState) {
        // Dropped without waiting: monitors are never in the way of a verdict.
        if let Err(error) = self.journal.save_state(plugin, state.clone()).map(drop) {
            tracing::error!(plugin, error = with_causes(&error), "the monitor's memory is not saved");
        }
    }

    fn observed(&self, frame: &FrameId, plugin: &str, observation: &Observation) {
        if observation.reports.is_empty() {
            return;
        }
        if let Err(error) = self.journal.observe(frame, plugin, observation).map(drop) {
            tracing::error!(plugin, error = with_causes(&error), "the monitor's report is not recorded");
        }
    }
}
