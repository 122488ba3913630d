use super::admission::{compiled, not_compiled};
use super::bench::{GivenUp, MAX_HANGING, MAX_HANGING_GOING_BACK, Unfinished};
use super::book::{Book, taken_back};
use super::desk::{DeployError, DeployView, Job, Shared};
use super::installed::InstalledRecipe;
use super::qualify::qualify;
use super::shadow::{self, ShadowRules};
use super::trial::{Baseline, Trial, TrialRules};
use super::trust_file::revocation_of;
use super::watch::WatchEnd;
use super::workshop::Ready;
use crate::config::{Catalogue, OnRevoked};
use crate::domain::{Actor, DeployState, Deployment, Digest, ShadowReport, with_causes};
use crate::journal::{AuditEntry, LedgerError};
use crate::pipeline::{LiveRecipe, second_opinion};
use crate::trust::{BundleKind, Severity, TrustStore, VerifiedBundle, VerifyPolicy};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Between two looks for something to do.
const TICK: Duration = Duration::from_millis(100);
/// Between two looks at the trust store's file.
const TRUST_EVERY: Duration = Duration::from_secs(1);
/// How old what is shown of a shadow or a trial may be.
const SHOW_EVERY: Duration = Duration::from_millis(200);

/// How long a frame of the shadow may be over its budget before it hangs.
const SHADOW_GRACE: Duration = Duration::from_secs(2);

/// How a deployment ends short of its commit.
enum Ending {
    /// It never drove. The check that refused it, and why.
    Failed { code: &'static str, why: String, by: Actor },
    /// It drove, and does no more.
    RolledBack { why: String, by: Actor },
    /// Its records cannot be written: it ends where it stands, and is settled at the next start.
    Records(LedgerError),
}

impl From<LedgerError> for Ending {
    fn from(error: LedgerError) -> Self {
        Self::Records(error)
    }
}

fn failed(code: &'static str, why: impl Into<String>) -> Ending {
    Ending::Failed { code, why: why.into(), by: Actor::station() }
}

/// The thread that deploys, watches trials, and looks at the trust store.
pub(super) fn run(shared: Arc<Shared>, jobs: &Receiver<Job>, end: WatchEnd) {
    let now = Instant::now();
    let (baseline, warm) = (Baseline::default(), Vec::new());
    let mut worker =
        Worker { shared, end, baseline, warm, trusted_at: now, shown_at: now, examined: None, panicked: None };
    while !worker.shared.stop.is_stopped() {
        match jobs.recv_timeout(TICK) {
            Ok(Job::Recipe { mut book, bundle, skip_shadow, seat }) => {
                worker.deploy_guarded(&mut book, Arc::from(bundle), skip_shadow);
                drop(seat);
            }
            Ok(Job::RollBack { actor, reason, reply, seat }) => {
                let answer = worker.roll_back_guarded(&actor, &reason);
                drop(seat);
                let _ = reply.send(answer);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        let _ = worker.guarded("looking after the line", Worker::look);
    }
}

pub(super) struct Worker {
    pub shared: Arc<Shared>,
    pub end: WatchEnd,
    /// Of the recipe that runs.
    baseline: Baseline,
    /// During a trial or a rollback: the recipe that drove before, and the other one.
    pub warm: Vec<Arc<LiveRecipe>>,
    /// What the last panic of this thread was; none once a deployment has come to its end since.
    pub panicked: Option<String>,
    trusted_at: Instant,
    /// The trust store and the running recipe that were looked at together last.
    examined: Option<(Arc<TrustStore>, Digest)>,
    shown_at: Instant,
}

impl Worker {
    pub fn deploy(&mut self, book: &mut Book, bundle: Arc<VerifiedBundle>, skip_shadow: bool) {
        let written = match self.drive(book, bundle, skip_shadow) {
            Ok(()) => Ok(()),
            Err(Ending::Failed { code, why, by }) => {
                not_compiled(book, code, &why);
                book.enter_by(&by, DeployState::Failed, Some(why), Some(code))
            }
            Err(Ending::RolledBack { why, by }) => book.enter_by(&by, DeployState::RolledBack, Some(why), None),
            Err(Ending::Records(error)) => Err(error),
        };
        if let Err(error) = written {
            let (deployment, error) = (book.deployment.id, with_causes(&error));
            tracing::error!(deployment, error, "the deployment's state is not written; the next start settles it");
        }
    }

    /// All the way of a recipe. What it returns early has left the running recipe as it was.
    fn drive(&mut self, book: &mut Book, bundle: Arc<VerifiedBundle>, skip_shadow: bool) -> Result<(), Ending> {
        let install = self.shared.counters().map_err(|error| failed("counter", with_causes(&error)))?;
        let now = install.latest_time().max(jiff::Timestamp::now());
        let catalogue = self.catalogue(&VerifyPolicy::install().at(now)).map_err(|why| failed("bundles", why))?;
        let (workshop, limit) = (Arc::clone(&self.shared.parts.workshop), self.shared.compile_limit());
        let build = move |_: &GivenUp| workshop.build(&bundle, &catalogue).map(Arc::new);
        let began = Instant::now();
        let ready = self.beside("its compilation", limit, build)?.map_err(|why| failed("compile", why))?;
        compiled(book, &ready, began.elapsed());
        let ended = self.prove(book, &ready, skip_shadow);
        let warm = std::mem::take(&mut self.warm);
        self.shared.bench.let_go((ready, warm));
        ended
    }

    /// Lets `work` of a candidate run beside this thread, which goes on looking after the line.
    fn beside<T: Send + 'static>(
        &mut self,
        what: &str,
        limit: Duration,
        work: impl FnOnce(&GivenUp) -> T + Send + 'static,
    ) -> Result<T, Ending> {
        let shared = Arc::clone(&self.shared);
        let meanwhile = || {
            self.look();
            self.goes_on()
        };
        shared.bench.run(limit, MAX_HANGING, meanwhile, work).map_err(|unfinished| match unfinished {
            Unfinished::Ended(ending) => ending,
            Unfinished::Overdue => {
                let seconds = limit.as_secs();
                failed("hangs", format!("{what} did not end within {seconds} s: it hangs, and is left behind"))
            }
            Unfinished::Panicked(detail) => failed("internal", format!("{what} panicked: {detail}")),
            Unfinished::Full => failed("hanging", "too many candidates hang; restart the station"),
            Unfinished::NoThread(error) => failed("internal", format!("no thread for {what}: {error}")),
        })
    }

    /// From a recipe that is ready to judge to its commit.
    fn prove(&mut self, book: &mut Book, ready: &Arc<Ready>, skip_shadow: bool) -> Result<(), Ending> {
        self.goes_on()?;
        book.enter(DeployState::Compiled)?;
        self.qualify(book, ready)?;
        book.enter(DeployState::Qualified)?;
        if skip_shadow || self.shared.parts.config.shadow_frames == 0 {
            book.deployment.notes.push("no shadow: it drove without having judged beside the one before".to_owned());
        } else {
            book.enter(DeployState::Shadow)?;
            self.shadow(book, &ready.live)?;
        }
        let (live, limit) = (Arc::clone(&ready.live), self.shared.compile_limit());
        self.beside("making its instances anew", limit, move |_: &GivenUp| live.begin_anew())?;
        self.trial(book, ready)
    }

    fn catalogue(&self, policy: &VerifyPolicy<'_>) -> Result<Catalogue, String> {
        let parts = &self.shared.parts;
        Catalogue::read(&parts.bundles_dir, &parts.trust.store(), policy).map_err(|error| with_causes(&error))
    }

    fn qualify(&mut self, book: &mut Book, ready: &Arc<Ready>) -> Result<(), Ending> {
        let (ready, workshop) = (Arc::clone(ready), Arc::clone(&self.shared.parts.workshop));
        let (limit, shown) = (self.shared.parts.config.qualification_seconds, book.checks_shown());
        let work = move |given_up: &GivenUp| {
            qualify(&ready, workshop.context(), &mut |text, found| shown.tell(text, found), &|| given_up.is_set())
        };
        let qualification = self.beside("its qualification", Duration::from_secs(limit.into()), work)?;
        self.goes_on()?;
        let (passed, refusal) = (qualification.passed(), qualification.refusal());
        book.deployment.checks = qualification.checks;
        book.deployment.notes.extend(qualification.notes);
        if passed { Ok(()) } else { Err(failed("qualification", refusal)) }
    }

    /// Lets `live` judge what the line judges, until it has seen enough.
    fn shadow(&mut self, book: &mut Book, live: &Arc<LiveRecipe>) -> Result<(), Ending> {
        self.end.begin_shadow();
        let ended = self.shadow_frames(book, live);
        self.end.end_shadow();
        ended
    }

    fn shadow_frames(&mut self, book: &mut Book, live: &Arc<LiveRecipe>) -> Result<(), Ending> {
        let config = self.shared.parts.config;
        let share = |percent: u32| f64::from(percent) / 100.0;
        let rules = ShadowRules {
            max_escapes: config.max_escapes.into(),
            max_disagreements: share(config.max_disagreements_percent),
            max_failures: share(config.max_failures_percent),
            max_timeouts: share(config.max_timeouts_percent),
        };
        let running = self.running();
        let until = Instant::now() + Duration::from_secs(config.shadow_seconds.into());
        let limit = Duration::from_millis(live.recipe.frame_budget_ms.into()) + SHADOW_GRACE;
        let mut report = ShadowReport { frames_wanted: config.shadow_frames.into(), ..ShadowReport::default() };
        while report.frames < report.frames_wanted && Instant::now() < until {
            if let Ok(frame) = self.end.frames.recv_timeout(TICK)
                && frame.recipe == running
            {
                let (judge, picture) = (Arc::clone(live), frame.frame.clone());
                let work = move |_: &GivenUp| second_opinion(&picture, judge.as_ref());
                let opinion = self.beside("a frame of the shadow", limit, work)?;
                shadow::count(&mut report, &frame, &opinion);
            }
            report.skipped = self.end.skipped();
            book.deployment.shadow = Some(report.clone());
            self.show(book);
            self.goes_on()?;
            if let Some(why) = shadow::refusal(&report, &rules, false) {
                return Err(failed("shadow", why));
            }
            self.look();
            if let Some(why) = self.revoked(live) {
                return Err(failed("revoked", why));
            }
        }
        if report.frames < report.frames_wanted {
            let (seen, wanted) = (report.frames, report.frames_wanted);
            book.deployment.notes.push(format!("the shadow saw {seen} of {wanted} frames in its time"));
        }
        shadow::refusal(&report, &rules, true).map_or(Ok(()), |why| Err(failed("shadow", why)))
    }

    /// Lets the new recipe drive while the one before stays warm, then commits it.
    fn trial(&mut self, book: &mut Book, ready: &Ready) -> Result<(), Ending> {
        self.look();
        book.deployment.previous = Some(self.running());
        // On the disk first: who finds this state there after a stop knows that the recipe before is the station's.
        book.enter(DeployState::Trial)?;
        ready.live.set_on_trial(true);
        self.warm = vec![self.shared.parts.live.load(), Arc::clone(&ready.live)];
        let before = self.shared.parts.live.swap(Arc::clone(&ready.live));
        let outcome = self.trial_frames(book, ready).and_then(|()| self.commit(book, ready));
        match outcome {
            Ok(()) => {
                ready.live.set_on_trial(false);
                // Its frames are the measure for the next one.
                self.baseline.clear();
                Ok(book.enter(DeployState::Committed)?)
            }
            Err(ending) => {
                self.shared.parts.live.swap(before);
                self.tell(&ready.live, &ending);
                Err(ending)
            }
        }
    }

    /// What the station took back itself is an alarm; what somebody took back, or the station's end, is not.
    fn tell(&self, live: &LiveRecipe, ending: &Ending) {
        let Ending::RolledBack { why, by } = ending else { return };
        if *by == Actor::station() && !self.shared.stop.is_stopped() {
            let (name, version) = (&live.recipe.name, &live.recipe.version);
            self.shared.parts.live.tell_rolled_back(&format!("{name} {version}"), why);
        }
    }

    fn trial_frames(&mut self, book: &mut Book, ready: &Ready) -> Result<(), Ending> {
        let config = self.shared.parts.config;
        let recipe = &ready.live.recipe;
        let rules = TrialRules {
            max_failures: f64::from(config.max_failures_percent) / 100.0,
            max_timeouts: f64::from(config.max_timeouts_percent) / 100.0,
            max_shift: f64::from(config.max_shift_percent) / 100.0,
            budget_us: u64::from(recipe.frame_budget_ms) * 1000,
        };
        let rolled_back = |why: String, by: Actor| Err(Ending::RolledBack { why, by });
        let mut trial = Trial::new(config.trial_frames.into(), self.baseline.rejected());
        let until = Instant::now() + Duration::from_secs(config.trial_seconds.into());
        while trial.report.frames < trial.report.frames_wanted && Instant::now() < until {
            if let Ok(seen) = self.end.seen.recv_timeout(TICK)
                && seen.recipe == recipe.digest
            {
                trial.add(&seen);
            }
            book.deployment.trial = Some(trial.report.clone());
            self.show(book);
            if let Some(why) = trial.refusal(&rules) {
                return rolled_back(why, Actor::station());
            }
            if let Some((by, why)) = self.shared.cancelled() {
                return rolled_back(taken_back(&by, &why), by);
            }
            if self.shared.stop.is_stopped() {
                return rolled_back("the station was ended during the trial".to_owned(), Actor::station());
            }
            // Back to the recipe before, rather than a line that stops for one that was only tried.
            if let Some(why) = self.revoked(&ready.live) {
                return rolled_back(why, Actor::station());
            }
        }
        if trial.report.frames < trial.report.frames_wanted {
            let (seen, wanted) = (trial.report.frames, trial.report.frames_wanted);
            book.deployment.notes.push(format!("the trial saw {seen} of {wanted} frames in its time"));
        }
        match trial.refusal_at_end(&rules) {
            Some(why) => rolled_back(why, Actor::station()),
            None => Ok(()),
        }
    }

    /// Why a recipe that does not run yet, or only on trial, may not be committed; reads the store once a second.
    fn revoked(&mut self, live: &LiveRecipe) -> Option<String> {
        if self.trusted_at.elapsed() >= TRUST_EVERY {
            self.trusted_at = Instant::now();
            // A store that cannot be read revokes nothing; what it said before still counts.
            let _ = self.shared.parts.trust.refresh();
        }
        revocation_of(live, &self.shared.parts.trust.store()).map(|revoked| revoked.what)
    }

    /// From here on the new recipe is the station's, also after a restart. Counters move now and never before, so that
    /// a rollback of a trial has nothing to undo; the replaced file is the one step that commits.
    fn commit(&self, book: &Book, ready: &Ready) -> Result<(), Ending> {
        let not_committed = |error: &dyn std::error::Error| {
            let why = format!("it could not be committed: {}", with_causes(error));
            Ending::RolledBack { why, by: Actor::station() }
        };
        let _ = self.shared.parts.trust.refresh();
        if let Some(revoked) = revocation_of(&ready.live, &self.shared.parts.trust.store()) {
            return Err(Ending::RolledBack { why: revoked.what, by: Actor::station() });
        }
        let mut counters = self.shared.counters().map_err(|error| not_committed(&error))?;
        counters.commit(&ready.marks, jiff::Timestamp::now()).map_err(|error| not_committed(&error))?;
        let installed = InstalledRecipe {
            recipe: ready.live.recipe.digest,
            previous: book.deployment.previous,
            configured: self.shared.parts.configured,
        };
        self.install(&installed).map_err(|error| not_committed(&error))
    }

    fn install(&self, installed: &InstalledRecipe) -> Result<(), crate::trust::FileError> {
        self.shared.installed.set(installed)?;
        let installed = Some(*installed);
        self.shared.records.view.rcu(|view| DeployView { installed, ..DeployView::clone(view) });
        Ok(())
    }

    /// Lets the recipe that was committed before drive again.
    pub fn roll_back(&mut self, actor: &Actor, reason: &str) -> Result<Option<Deployment>, DeployError> {
        let installed = self.shared.installed.read();
        let Some((installed, previous)) = installed.and_then(|all| Some((all, all.previous?))) else {
            return Err(DeployError::NothingToRollBack);
        };
        let shared = Arc::clone(&self.shared);
        let cannot = |detail| {
            let error = DeployError::CannotRollBack { detail };
            shared.refused(actor, "roll-back", "cannot-roll-back", error)
        };
        let ready = self.previous(previous).map_err(cannot)?;
        self.warm = vec![self.shared.parts.live.load(), Arc::clone(&ready.live)];
        // Before anything changes: whoever finds the recipe before in force finds who wanted it, and why.
        let entry = AuditEntry::new(actor, "roll-back", format!("recipe {previous}")).because(Some(reason));
        self.shared.parts.ledger.audit(&entry)?;
        let back = InstalledRecipe { recipe: previous, previous: None, configured: installed.configured };
        self.install(&back).map_err(|error| cannot(with_causes(&error)))?;
        self.shared.parts.live.swap(Arc::clone(&ready.live));
        self.baseline.clear();
        let committed = self.shared.parts.ledger.deployments_in(&[DeployState::Committed])?;
        let deployed = |one: &Deployment| one.bundle.as_ref().is_some_and(|bundle| bundle.digest == installed.recipe);
        let Some(deployment) = committed.into_iter().find(deployed) else { return Ok(None) };
        let mut book = Book::reopen(&self.shared.records, deployment);
        book.enter_by(actor, DeployState::RolledBack, Some(taken_back(actor, reason)), None)?;
        Ok(Some(book.deployment))
    }

    /// The recipe of before, ready to judge. It ran here, so that neither expiry nor a counter stands in its way; a
    /// revocation does.
    fn previous(&mut self, digest: Digest) -> Result<Arc<Ready>, String> {
        self.shared.parts.trust.refresh().map_err(|error| with_causes(&error))?;
        let catalogue = self.catalogue(&VerifyPolicy::run())?;
        let shared = Arc::clone(&self.shared);
        let (workshop, limit) = (Arc::clone(&shared.parts.workshop), shared.compile_limit());
        let build = move |_: &GivenUp| {
            let bundle = catalogue.get(digest).filter(|bundle| bundle.manifest().kind == BundleKind::Recipe);
            let gone = || format!("its bundle with digest {digest} is not among the bundles any more");
            workshop.build(bundle.ok_or_else(gone)?, &catalogue).map(Arc::new)
        };
        let meanwhile = || {
            self.look();
            if shared.stop.is_stopped() { Err("the station is ending".to_owned()) } else { Ok(()) }
        };
        let built = shared.bench.run(limit, MAX_HANGING_GOING_BACK, meanwhile, build);
        let ready = built.map_err(|unfinished| match unfinished {
            Unfinished::Ended(why) => why,
            Unfinished::Overdue => {
                format!("it was not ready within {} s: it hangs, and is left behind", limit.as_secs())
            }
            Unfinished::Panicked(detail) => format!("making it ready panicked: {detail}"),
            Unfinished::Full => {
                "too many recipes hang in a plugin, a model or a driver; restart the station".to_owned()
            }
            Unfinished::NoThread(error) => format!("no thread to make it ready: {error}"),
        })??;
        match revocation_of(&ready.live, &self.shared.parts.trust.store()) {
            Some(revoked) => Err(revoked.what),
            None => Ok(ready),
        }
    }

    /// What of this thread's own somebody has to look at.
    fn troubles(&self) -> Vec<String> {
        let hanging = self.shared.bench.hanging();
        let hangs = (hanging > 0).then(|| {
            format!(
                "left behind because they hang in a plugin, a model or a driver: {hanging} recipes; with {MAX_HANGING} \
                 nothing is deployed before one comes back or the station is restarted"
            )
        });
        hangs.into_iter().chain(self.panicked.clone()).collect()
    }

    fn running(&self) -> Digest {
        self.shared.parts.live.load().recipe.digest
    }

    /// Ends a deployment that has not driven yet, where somebody or the station's end wants that.
    fn goes_on(&self) -> Result<(), Ending> {
        if self.shared.stop.is_stopped() {
            return Err(failed("station-stopped", "the station was ended before the recipe drove"));
        }
        match self.shared.cancelled() {
            Some((by, why)) => Err(Ending::Failed { code: "cancelled", why: taken_back(&by, &why), by }),
            None => Ok(()),
        }
    }

    fn show(&mut self, book: &Book) {
        if self.shown_at.elapsed() >= SHOW_EVERY {
            self.shown_at = Instant::now();
            book.show();
        }
    }

    /// What is to be done while nothing else is: the measure of the running recipe, and the trust store.
    fn look(&mut self) {
        let running = self.running();
        while let Ok(seen) = self.end.seen.try_recv() {
            if seen.recipe == running {
                self.baseline.add(seen.verdict);
            }
        }
        self.check_trust();
    }

    /// Reads the trust store when it has changed. A line never stops for what has expired; what a revocation does to
    /// it is a setting.
    fn check_trust(&mut self) {
        if self.trusted_at.elapsed() < TRUST_EVERY {
            return;
        }
        self.trusted_at = Instant::now();
        let trust = &self.shared.parts.trust;
        let mut alarms = Vec::new();
        // Whoever else read the store first: what counts is what was looked at here.
        if let Err(error) = trust.refresh() {
            alarms.push(format!("the trust store cannot be read, nothing new is accepted: {}", with_causes(&error)));
        }
        alarms.extend(self.troubles());
        let (store, running) = (trust.store(), self.running());
        let same = self.examined.as_ref().is_some_and(|(seen, of)| Arc::ptr_eq(seen, &store) && *of == running);
        if same && alarms.is_empty() && self.shared.records.view.load().alarms.is_empty() {
            return;
        }
        self.examined = Some((Arc::clone(&store), running));
        let revoked = revocation_of(&self.shared.parts.live.load(), &store);
        let stops = revoked.as_ref().is_some_and(|revoked| {
            revoked.severity == Severity::Stop && self.shared.parts.config.on_revoked == OnRevoked::StopLine
        });
        alarms.extend(revoked.map(|revoked| revoked.what));
        if self.shared.records.view.load().alarms == alarms {
            return;
        }
        for alarm in &alarms {
            tracing::error!(stops, "{alarm}");
            let action = if stops { "stop-line" } else { "alarm" };
            let entry = AuditEntry::new(&Actor::station(), action, "the station").because(Some(alarm));
            if let Err(error) = self.shared.parts.ledger.audit(&entry) {
                tracing::error!(error = with_causes(&error), "the audit log is not written");
            }
        }
        self.shared.records.view.rcu(|view| DeployView { alarms: alarms.clone(), ..DeployView::clone(view) });
        if stops {
            (self.shared.parts.stop_line)();
        }
    }
}
