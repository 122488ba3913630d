//! Judging a stored frame again with the recipe of its record: beside the line, with plugins and a model of its own,
//! one frame at a time, each in bounded time and at a lower priority than the line's. Nothing of it is recorded or
//! counted, and the line hears nothing of it.

use super::bench::{Bench, GivenUp, Unfinished};
use crate::domain::{Difference, Digest, FrameId, Inspection, Recipe, differences};
use crate::journal::{JournalError, Reader};
use crate::pipeline::{InspectContext, Judge, inspect_within};
use crate::source::Arrival;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, TryLockError};
use std::time::Duration;

/// The time that a frame has: so many times its recipe's budget, and at least so long. Its plugins and its model are
/// cold, and the machine is the line's.
const BUDGETS: u32 = 3;
const LEAST: Duration = Duration::from_secs(10);
/// Behind its deadline a frame has ended everywhere but in a driver that hangs.
const GRACE: Duration = Duration::from_secs(5);

/// Makes the recipe of an old record ready to judge, apart from the one that runs. The station's assembly does it.
pub trait RecordedRecipes: Send + Sync {
    /// # Errors
    /// In words for a person: it is not there any more, or what keeps it from running.
    fn recorded(&self, recipe: Digest) -> Result<Arc<dyn Judge>, String>;

    /// What inspecting a frame needs.
    fn context(&self) -> &InspectContext;
}

/// Why a stored frame is not judged again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error("the journal has no frame {id}")]
    UnknownFrame { id: FrameId },
    #[error("frame {id} has no picture: it was recorded as {verdict} {reason}")]
    NoPicture { id: FrameId, verdict: &'static str, reason: String },
    #[error("the picture of frame {id} is no longer kept (digest {digest})")]
    PictureGone { id: FrameId, digest: Digest },
    #[error("the recipe of that record, {recipe}, cannot judge here: {detail}")]
    Recipe { recipe: String, detail: String },
    #[error("another frame is judged again just now; one at a time, so that the line has the machine")]
    Busy,
    #[error(
        "a frame that was judged again has not ended yet: a plugin, a model or a driver hangs; where that does not pass, restart the station"
    )]
    Hanging,
    #[error("it did not end within {seconds} s: a plugin, the model or a driver hangs, or the machine is too busy")]
    Overdue { seconds: u64 },
    #[error("it panicked: {detail}")]
    Panicked { detail: String },
    #[error("there is no thread for it")]
    NoThread { source: std::io::Error },
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl ReplayError {
    /// Kebab-case; a contract: never renamed.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownFrame { .. } => "unknown-frame",
            Self::NoPicture { .. } => "no-picture",
            Self::PictureGone { .. } => "picture-gone",
            Self::Recipe { .. } => "recipe-gone",
            Self::Busy => "replay-busy",
            Self::Hanging | Self::Overdue { .. } => "replay-hangs",
            Self::Panicked { .. } | Self::NoThread { .. } | Self::Journal(_) => "replay-failed",
        }
    }
}

/// A recorded frame with its picture.
pub struct StoredFrame {
    then: Inspection,
    picture: Arc<[u8]>,
}

/// What a frame came to then and now.
#[derive(Debug)]
pub struct Replayed {
    pub then: Inspection,
    pub now: Inspection,
    pub differences: Vec<Difference>,
}

impl StoredFrame {
    /// # Errors
    /// When the journal does not have the frame or its picture, or cannot be read.
    pub fn read(reader: &Reader, id: &FrameId) -> Result<Self, ReplayError> {
        let id = || id.clone();
        let Some(entry) = reader.get(&id())? else { return Err(ReplayError::UnknownFrame { id: id() }) };
        let then = entry.inspection;
        let Some(digest) = then.picture else {
            let (verdict, reason) = (then.verdict.kind().name(), then.verdict.reason().to_owned());
            return Err(ReplayError::NoPicture { id: id(), verdict, reason });
        };
        match reader.picture(&digest)? {
            Some(bytes) => Ok(Self { then, picture: bytes.into() }),
            None => Err(ReplayError::PictureGone { id: id(), digest }),
        }
    }

    #[must_use]
    pub const fn recorded(&self) -> &Inspection {
        &self.then
    }

    /// Judges it with what was made of the recipe of its record.
    #[must_use]
    pub fn judge(self, judge: &dyn Judge, context: &InspectContext) -> Replayed {
        let Self { then, picture } = self;
        let arrival = Arrival {
            source: then.meta.source.clone(),
            origin: then.meta.origin.clone(),
            product: then.meta.product.clone(),
            serial: then.meta.serial.clone(),
            trigger: then.meta.line_trigger,
            captured_at_us: then.meta.captured_at_us,
            payload: Ok(picture),
            simulated: true,
            receipt: None,
        };
        let now = inspect_within(arrival, then.meta.id.clone(), judge, context, limit_of(judge.recipe())).inspection;
        Replayed { differences: differences(&then, &now), then, now }
    }
}

fn limit_of(recipe: &Recipe) -> Duration {
    Duration::from_millis(u64::from(recipe.frame_budget_ms)).saturating_mul(BUDGETS).max(LEAST)
}

/// Where frames are judged again while the line runs.
#[derive(Clone)]
pub struct Replayer {
    shared: Arc<Shared>,
}

struct Shared {
    recipes: Arc<dyn RecordedRecipes>,
    load_limit: Duration,
    bench: Bench,
    /// Held while a frame is judged again; nobody waits for it.
    turn: Mutex<()>,
}

impl Replayer {
    /// `load_limit` is the time in which a recipe has to be ready.
    #[must_use]
    pub fn new(recipes: Arc<dyn RecordedRecipes>, load_limit: Duration) -> Self {
        let bench = Bench::in_background();
        Self { shared: Arc::new(Shared { recipes, load_limit, bench, turn: Mutex::new(()) }) }
    }

    /// Judges a stored frame again, on a thread of its own; blocks until that is done or its time is over.
    ///
    /// # Errors
    /// When it cannot be judged again, or another one is just now.
    pub fn replay(&self, reader: &Reader, id: &FrameId) -> Result<Replayed, ReplayError> {
        let frame = StoredFrame::read(reader, id)?;
        // What a panic left is of no use to anybody: the mutex guards nothing.
        let _turn = match self.shared.turn.try_lock() {
            Ok(turn) => turn,
            Err(TryLockError::Poisoned(turn)) => turn.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(ReplayError::Busy),
        };
        let then = frame.recorded();
        let (recipe, digest) = (format!("{} {}", then.recipe, then.recipe_version), then.recipe_digest);
        let recipes = Arc::clone(&self.shared.recipes);
        let judge = self.beside(self.shared.load_limit, move || recipes.recorded(digest))?;
        let judge = judge.map_err(|detail| ReplayError::Recipe { recipe, detail })?;
        let recipes = Arc::clone(&self.shared.recipes);
        // Plugins and model are let go of there too: a driver may hang in it.
        self.beside(limit_of(judge.recipe()) + GRACE, move || frame.judge(judge.as_ref(), recipes.context()))
    }

    fn beside<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ReplayError> {
        let go_on = || Ok::<(), Infallible>(());
        let outcome = self.shared.bench.run(limit, 1, go_on, move |_: &GivenUp| work());
        outcome.map_err(|unfinished| match unfinished {
            Unfinished::Full => ReplayError::Hanging,
            Unfinished::Overdue => ReplayError::Overdue { seconds: limit.as_secs() },
            Unfinished::Panicked(detail) => ReplayError::Panicked { detail },
            Unfinished::NoThread(source) => ReplayError::NoThread { source },
            Unfinished::Ended(never) => match never {},
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::test_recipe;

    #[test]
    fn a_frame_has_three_budgets_and_at_least_ten_seconds() {
        let recipe = |frame_budget_ms| Recipe { frame_budget_ms, ..test_recipe::recipe() };
        assert_eq!(limit_of(&recipe(100)), Duration::from_secs(10));
        assert_eq!(limit_of(&recipe(5000)), Duration::from_secs(15));
    }
}
