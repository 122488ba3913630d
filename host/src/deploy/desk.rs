use super::admission::Refusal;
use super::bench::{Bench, MAX_HANGING};
use super::book::{Book, OnEntered, Records};
use super::installed::{Installed, InstalledRecipe};
use super::staging::{Staging, StagingError, Upload};
use super::trust_file::TrustFile;
use super::watch::line_watch;
use super::worker;
use super::workshop::Workshop;
use crate::config::DeployConfig;
use crate::domain::{Actor, DeployState, Deployment, Digest};
use crate::journal::{AuditEntry, Ledger, LedgerError};
use crate::pipeline::LiveSlot;
use crate::source::StopFlag;
use crate::trust::{BundleKind, CounterError, Counters, TrustStore, VerifiedBundle};
use arc_swap::ArcSwap;
use crossbeam_channel::{Sender, bounded};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a rollback is waited for, beside the time in which the recipe before may have to be loaded again.
const ROLLBACK_LIMIT: Duration = Duration::from_secs(30);

/// How long the deployments' thread is waited for at the end of the station.
const END_PATIENCE: Duration = Duration::from_secs(30);

/// What deployments need of the station.
pub struct DeployParts {
    pub config: DeployConfig,
    pub data_dir: PathBuf,
    pub bundles_dir: PathBuf,
    /// The recipe that station.toml names.
    pub configured: Option<Digest>,
    pub ledger: Arc<Ledger>,
    pub trust: Arc<TrustFile>,
    pub workshop: Arc<dyn Workshop>,
    pub live: LiveSlot,
    /// Ends judging, for a revoked recipe.
    pub stop_line: Box<dyn Fn() + Send + Sync>,
    pub entered: OnEntered,
}

/// What is deployed, for whoever looks. Readers load a pointer.
#[derive(Debug, Clone, Default)]
pub struct DeployView {
    /// The deployment of the last time, in progress or settled.
    pub newest: Option<Arc<Deployment>>,
    pub in_progress: bool,
    pub installed: Option<InstalledRecipe>,
    /// What somebody has to look at: a revocation of what runs, a trust store that cannot be read.
    pub alarms: Vec<String>,
}

/// Why nothing is deployed or rolled back. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    #[error("a deployment is in progress; wait until it is settled, or roll it back")]
    Busy,
    #[error("a rollback is under way; wait until it is done")]
    RollingBack,
    #[error("recipe {name} {version} ({digest}) runs already")]
    Running { name: String, version: String, digest: Digest },
    #[error(
        "there is nothing to roll back to: no deployment is in progress, and no recipe is kept that this one has replaced"
    )]
    NothingToRollBack,
    #[error("deployment {id} is not in progress any more: look what became of it")]
    Ended { id: u64 },
    #[error("the bundle is refused by the {check} check: {detail}")]
    Refused { id: u64, check: String, detail: String },
    #[error("the recipe before cannot drive again: {detail}")]
    CannotRollBack { detail: String },
    #[error("the bundle has more than {max} bytes; `[deploy] max_bundle_mb` sets the limit")]
    TooLarge { max: u64 },
    #[error(
        "{hanging} candidates hang in a plugin, a model or a driver; nothing is deployed before one comes back or the \
         station is restarted"
    )]
    Hanging { hanging: usize },
    #[error("the station failed in it: {detail}")]
    Internal { detail: String },
    #[error("the station is ending")]
    Ending,
    #[error(transparent)]
    Staging(StagingError),
    #[error(transparent)]
    Counters(#[from] CounterError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl From<StagingError> for DeployError {
    fn from(error: StagingError) -> Self {
        match error {
            StagingError::TooLarge { max } => Self::TooLarge { max },
            other => Self::Staging(other),
        }
    }
}

/// What a deployment is asked for with.
#[derive(Debug, Clone)]
pub struct DeployRequest {
    pub actor: Actor,
    /// Why, in the actor's words.
    pub reason: String,
    /// Lets it drive without a shadow: for what cannot wait.
    pub skip_shadow: bool,
}

/// Where bundles are handed in. One deployment at a time.
#[derive(Clone)]
pub struct Deployer {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub parts: DeployParts,
    pub records: Records,
    pub staging: Staging,
    pub installed: Installed,
    pub stop: StopFlag,
    pub bench: Bench,
    busy: AtomicBool,
    /// A bundle is on its way in. Apart from `busy`, so that a slow sender holds up no rollback.
    uploading: Arc<AtomicBool>,
    /// Somebody waits for a rollback. One at a time: each holds a thread that the rest of the admin needs too.
    rolling_back: Arc<AtomicBool>,
    /// Somebody wants the deployment in progress to end.
    cancel: Mutex<Option<(Actor, String)>>,
    jobs: Sender<Job>,
}

pub(super) enum Job {
    Recipe { book: Box<Book>, bundle: Box<VerifiedBundle>, skip_shadow: bool, seat: Seat },
    RollBack { actor: Actor, reason: String, reply: Sender<RollBackReply>, seat: Seat },
}

type RollBackReply = Result<Option<Deployment>, DeployError>;

/// What one at a time has: handing a bundle in, waiting for a rollback. Dropping it lets the next one in.
pub struct Turn {
    taken: Arc<AtomicBool>,
}

impl Turn {
    fn take(taken: &Arc<AtomicBool>) -> Option<Self> {
        (!taken.swap(true, Ordering::AcqRel)).then(|| Self { taken: Arc::clone(taken) })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.taken.store(false, Ordering::Release);
    }
}

/// The right to be the one deployment in progress.
pub(super) struct Seat {
    shared: Arc<Shared>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.shared.cancelled();
        self.shared.busy.store(false, Ordering::Release);
        self.shared.show_progress(false);
    }
}

/// The thread that deploys.
pub struct DeployThread {
    stop: StopFlag,
    pub(super) patience: Duration,
    thread: JoinHandle<()>,
}

impl DeployThread {
    /// Ends what is in progress, so that the recipe of before is the station's, and waits for the thread, but not for
    /// one that hangs in a model or a driver: the next start settles what it leaves. False where it hangs.
    pub fn stop(self) -> bool {
        self.stop.stop();
        let begin = Instant::now();
        while !self.thread.is_finished() && begin.elapsed() < self.patience {
            std::thread::park_timeout(Duration::from_millis(20));
        }
        let ended = self.thread.is_finished();
        if !ended {
            tracing::error!("the deployments' thread hangs and is left behind");
        } else if self.thread.join().is_err() {
            tracing::error!("the deployments' thread panicked");
        }
        ended
    }
}

impl Deployer {
    /// Settles what an earlier stop of the station cut off, and starts the deployments' thread.
    ///
    /// # Errors
    /// When the records or the staging folder cannot be used, or the system gives no thread.
    pub fn start(parts: DeployParts) -> Result<(Self, DeployThread), DeployError> {
        let installed = Installed::at(&parts.data_dir);
        let staging = Staging::open(&parts.data_dir, parts.config.max_bundle_bytes)?;
        let view = DeployView { installed: installed.read(), ..DeployView::default() };
        let view = Arc::new(ArcSwap::from_pointee(view));
        let records = Records { ledger: Arc::clone(&parts.ledger), view, entered: Arc::clone(&parts.entered) };
        super::recover::settle(&records, installed.read().as_ref())?;
        let (jobs, jobs_out) = bounded(1);
        let stop = StopFlag::new();
        let (watch, end) = line_watch();
        parts.live.watch(Some(Box::new(watch)));
        let cancel = Mutex::new(None);
        let stop_too = stop.clone();
        let shared = Arc::new(Shared {
            parts,
            records,
            staging,
            installed,
            stop,
            bench: Bench::default(),
            busy: AtomicBool::new(false),
            uploading: Arc::default(),
            rolling_back: Arc::default(),
            cancel,
            jobs,
        });
        let theirs = Arc::clone(&shared);
        let run = move || worker::run(theirs, &jobs_out, end);
        let started = std::thread::Builder::new().name("deploy".to_owned()).spawn(run);
        let folder = |source| StagingError::Folder { path: shared.parts.data_dir.clone(), source };
        let thread = started.map_err(folder)?;
        Ok((Self { shared }, DeployThread { stop: stop_too, patience: END_PATIENCE, thread }))
    }

    #[must_use]
    pub fn view(&self) -> Arc<DeployView> {
        self.shared.records.view.load_full()
    }

    pub(super) fn data_dir(&self) -> &Path {
        &self.shared.parts.data_dir
    }

    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.shared.parts.ledger
    }

    /// The recipe that judges now: name, version, digest.
    #[must_use]
    pub fn running(&self) -> (String, String, Digest) {
        let live = self.shared.parts.live.load();
        (live.recipe.name.clone(), live.recipe.version.clone(), live.recipe.digest)
    }

    /// Who may sign what, as it was read last.
    #[must_use]
    pub fn trust_store(&self) -> Arc<TrustStore> {
        self.shared.parts.trust.store()
    }

    /// The counters against older releases; reads their file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn counters(&self) -> Result<Counters, CounterError> {
        self.shared.counters()
    }

    #[must_use]
    pub fn max_bundle_bytes(&self) -> u64 {
        self.shared.staging.max_bytes()
    }

    /// Takes the one seat for a bundle, before it is read: who comes second is told at once.
    ///
    /// # Errors
    /// When a deployment is in progress, or another bundle on its way in, or too many candidates hang.
    pub fn reserve(&self, actor: &Actor) -> Result<Turn, DeployError> {
        let shared = &self.shared;
        let hanging = shared.bench.hanging();
        if hanging >= MAX_HANGING {
            return Err(shared.refused(actor, "deploy", "hanging", DeployError::Hanging { hanging }));
        }
        let ends_or_busy = shared.stop.is_stopped() || shared.busy.load(Ordering::Acquire);
        let turn = if ends_or_busy { None } else { Turn::take(&shared.uploading) };
        turn.ok_or_else(|| shared.refused(actor, "deploy", "in-progress", DeployError::Busy))
    }

    /// A place for the bytes of a bundle.
    ///
    /// # Errors
    /// When the disk does not take them.
    pub fn upload(&self) -> Result<Upload, DeployError> {
        Ok(self.shared.staging.begin()?)
    }

    /// Verifies a bundle and stores it; a recipe is on its way then, everything else is settled. Blocks while it
    /// hashes.
    ///
    /// # Errors
    /// With the check that refused it, or when it runs already. Nothing runs that did not run before.
    pub fn deploy(&self, upload: Turn, bytes: &[u8], request: &DeployRequest) -> Result<Deployment, DeployError> {
        let shared = &self.shared;
        let Some(seat) = shared.take_seat() else {
            return Err(shared.refused(&request.actor, "deploy", "in-progress", DeployError::Busy));
        };
        drop(upload);
        let mut book = Book::begin(&shared.records, &request.actor, &request.reason)?;
        let bundle = match shared.verify_new(bytes, &mut book) {
            Ok(bundle) => bundle,
            Err(refusal) => return Err(shared.refuse(book, refusal)),
        };
        book.names(&bundle);
        let running = shared.parts.live.load();
        if running.recipe.digest == bundle.digest() {
            let (name, version) = (running.recipe.name.clone(), running.recipe.version.clone());
            let error = DeployError::Running { name, version, digest: bundle.digest() };
            book.enter_by(&request.actor, DeployState::Failed, Some(error.to_string()), Some("already-running"))?;
            return Err(error);
        }
        book.enter(DeployState::Verified)?;
        if let Err(refusal) = shared.keep(&mut book, &bundle, bytes) {
            return Err(shared.refuse(book, refusal));
        }
        if bundle.manifest().kind != BundleKind::Recipe {
            book.enter(DeployState::Stored)?;
            return Ok(book.deployment);
        }
        let deployment = book.deployment.clone();
        let (book, bundle) = (Box::new(book), Box::new(bundle));
        let job = Job::Recipe { book, bundle, skip_shadow: request.skip_shadow, seat };
        shared.jobs.try_send(job).map_err(|_| DeployError::Ending)?;
        Ok(deployment)
    }

    /// Ends the deployment in progress, or lets the recipe before drive again. Blocks until that is done; gives the
    /// deployment that was taken back, if the present recipe came by one.
    ///
    /// # Errors
    /// When there is nothing to go back to, or it cannot drive any more. Nothing has changed then.
    pub fn roll_back(&self, actor: &Actor, reason: &str) -> Result<Option<Deployment>, DeployError> {
        let shared = &self.shared;
        let Some(_turn) = Turn::take(&shared.rolling_back) else {
            return Err(shared.refused(actor, "roll-back", "in-progress", DeployError::RollingBack));
        };
        self.take_back(actor, reason)
    }

    /// Ends this deployment and no other: a page may show one as in progress that has ended since. Blocks until that is
    /// done; gives what became of it.
    ///
    /// # Errors
    /// When it is not in progress. Nothing has changed then.
    pub fn cancel(&self, actor: &Actor, reason: &str, id: u64) -> Result<Deployment, DeployError> {
        let shared = &self.shared;
        let Some(_turn) = Turn::take(&shared.rolling_back) else {
            return Err(shared.refused(actor, "roll-back", "in-progress", DeployError::RollingBack));
        };
        let newest = shared.records.view.load().newest.clone();
        if !newest.is_some_and(|newest| newest.id == id && !newest.state.is_settled()) {
            return Err(shared.refused(actor, "roll-back", "ended", DeployError::Ended { id }));
        }
        shared.cancel_and_wait(actor, reason, Some(id))
    }

    fn take_back(&self, actor: &Actor, reason: &str) -> Result<Option<Deployment>, DeployError> {
        let shared = &self.shared;
        let Some(seat) = shared.take_seat() else {
            let settled = shared.cancel_and_wait(actor, reason, None)?;
            // It was faster than the wish: then it is what is taken back.
            let committed = settled.state == DeployState::Committed;
            return if committed { self.take_back(actor, reason) } else { Ok(Some(settled)) };
        };
        if shared.installed.read().and_then(|installed| installed.previous).is_none() {
            return Err(shared.refused(actor, "roll-back", "nothing-to-roll-back", DeployError::NothingToRollBack));
        }
        let (reply, answer) = bounded(1);
        let job = Job::RollBack { actor: actor.clone(), reason: reason.to_owned(), reply, seat };
        shared.jobs.try_send(job).map_err(|_| DeployError::Ending)?;
        let limit = shared.compile_limit() + ROLLBACK_LIMIT;
        answer.recv_timeout(limit).unwrap_or(Err(DeployError::Ending))
    }
}

impl Shared {
    fn take_seat(self: &Arc<Self>) -> Option<Seat> {
        if self.stop.is_stopped() || self.busy.swap(true, Ordering::AcqRel) {
            return None;
        }
        self.cancelled();
        self.show_progress(true);
        Some(Seat { shared: Arc::clone(self) })
    }

    fn show_progress(&self, in_progress: bool) {
        self.records.view.rcu(|view| DeployView { in_progress, ..DeployView::clone(view) });
    }

    /// Who wants the deployment in progress to end, and why. Asking takes the wish away.
    pub fn cancelled(&self) -> Option<(Actor, String)> {
        self.cancel.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Of `only`, where one is named.
    fn cancel_and_wait(&self, actor: &Actor, reason: &str, only: Option<u64>) -> Result<Deployment, DeployError> {
        let newest = self.records.view.load().newest.clone();
        if let Some(id) = only.filter(|id| newest.as_ref().is_none_or(|newest| newest.id != *id)) {
            return Err(self.refused(actor, "roll-back", "ended", DeployError::Ended { id }));
        }
        let Some(newest) = newest.filter(|newest| !newest.state.is_settled()) else {
            // The seat is taken by a bundle that is being verified.
            return Err(self.refused(actor, "roll-back", "in-progress", DeployError::Busy));
        };
        // Before it is done, as every rollback: it may end by itself in this moment, and then nothing else tells of it.
        let entry = AuditEntry::new(actor, "roll-back", format!("deployment {}", newest.id)).because(Some(reason));
        self.parts.ledger.audit(&entry)?;
        let wish = (actor.clone(), reason.to_owned());
        *self.cancel.lock().unwrap_or_else(PoisonError::into_inner) = Some(wish);
        let begin = Instant::now();
        while self.busy.load(Ordering::Acquire) {
            if begin.elapsed() > ROLLBACK_LIMIT || self.stop.wait(Duration::from_millis(20)) {
                return Err(DeployError::Ending);
            }
        }
        let settled = self.records.view.load().newest.as_deref().cloned();
        settled.ok_or(DeployError::NothingToRollBack)
    }

    pub fn compile_limit(&self) -> Duration {
        Duration::from_secs(self.parts.config.compile_seconds.into())
    }

    pub fn counters(&self) -> Result<Counters, CounterError> {
        Counters::open(&self.parts.data_dir.join("counters.json"))
    }

    fn refuse(&self, mut book: Book, refusal: Refusal) -> DeployError {
        let Refusal { check, asked, detail } = refusal;
        book.step(check, asked, detail.clone(), false);
        let id = book.deployment.id;
        let outcome = format!("{check} check: {detail}");
        match book.enter_by(&Actor::station(), DeployState::Failed, Some(outcome), Some(check)) {
            Ok(()) => DeployError::Refused { id, check: check.to_owned(), detail },
            Err(error) => error.into(),
        }
    }

    /// Writes down that something was not done.
    pub fn refused(&self, actor: &Actor, action: &str, code: &str, error: DeployError) -> DeployError {
        let entry = AuditEntry::new(actor, action, "").refused(code);
        match self.parts.ledger.audit(&entry) {
            Ok(()) => error,
            Err(error) => error.into(),
        }
    }
}
