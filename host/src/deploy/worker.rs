use super::book::Book;
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
    let mut worker =
        Worker { shared, end, baseline: Baseline::default(), trusted_at: now, shown_at: now, examined: None };
    while !worker.shared.stop.is_stopped() {
        match jobs.recv_timeout(TICK) {
            Ok(Job::Recipe { mut book, bundle, skip_shadow, seat }) => {
                worker.deploy(&mut book, &bundle, skip_shadow);
                drop(seat);
            }
            Ok(Job::RollBack { actor, reason, reply, seat }) => {
                let answer = worker.roll_back(&actor, &reason);
                drop(seat);
                let _ = reply.send(answer);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        worker.look();
    }
}

struct Worker {
    shared: Arc<Shared>,
    end: WatchEnd,
    /// Of the recipe that runs.
    baseline: Baseline,
    trusted_at: Instant,
    /// The trust store and the running recipe that were looked at together last.
    examined: Option<(Arc<TrustStore>, Digest)>,
    shown_at: Instant,
}

impl Worker {
    fn deploy(&mut self, book: &mut Book, bundle: &VerifiedBundle, skip_shadow: bool) {
        let written = match self.drive(book, bundle, skip_shadow) {
            Ok(()) => Ok(()),
            Err(Ending::Failed { code, why, by }) => book.enter_by(&by, DeployState::Failed, Some(why), Some(code)),
            Err(Ending::RolledBack { why, by }) => book.enter_by(&by, DeployState::RolledBack, Some(why), None),
            Err(Ending::Records(error)) => Err(error),
        };
        if let Err(error) = written {
            let (deployment, error) = (book.deployment.id, with_causes(&error));
            tracing::error!(deployment, error, "the deployment's state is not written; the next start settles it");
        }
    }

    /// All the way of a recipe. What it returns early has left the running recipe as it was.
    fn drive(&mut self, book: &mut Book, bundle: &VerifiedBundle, skip_shadow: bool) -> Result<(), Ending> {
        let install = self.shared.counters().map_err(|error| failed("counter", with_causes(&error)))?;
        let now = install.latest_time().max(jiff::Timestamp::now());
        let catalogue = self.catalogue(&VerifyPolicy::install().at(now)).map_err(|why| failed("bundles", why))?;
        let ready = self.shared.parts.workshop.build(bundle, &catalogue).map_err(|why| failed("compile", why))?;
        self.goes_on()?;
        book.enter(DeployState::Compiled)?;
        self.qualify(book, &ready)?;
        book.enter(DeployState::Qualified)?;
        if skip_shadow || self.shared.parts.config.shadow_frames == 0 {
            book.deployment.notes.push("no shadow: it drove without having judged beside the one before".to_owned());
        } else {
            book.enter(DeployState::Shadow)?;
            self.shadow(book, &ready.live)?;
        }
        self.trial(book, &ready)
    }

    fn catalogue(&self, policy: &VerifyPolicy<'_>) -> Result<Catalogue, String> {
        let parts = &self.shared.parts;
        Catalogue::read(&parts.bundles_dir, &parts.trust.store(), policy).map_err(|error| with_causes(&error))
    }

    fn qualify(&self, book: &mut Book, ready: &Ready) -> Result<(), Ending> {
        let context = self.shared.parts.workshop.context();
        let shared = &self.shared;
        let ends = || shared.stop.is_stopped() || shared.is_cancelled();
        let mut tell = |text: &str| tracing::info!(deployment = book.deployment.id, "{text}");
        let qualification = qualify(ready, context, &mut tell, &ends);
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
        let mut report = ShadowReport { frames_wanted: config.shadow_frames.into(), ..ShadowReport::default() };
        while report.frames < report.frames_wanted && Instant::now() < until {
            if let Ok(frame) = self.end.frames.recv_timeout(TICK)
                && frame.recipe == running
            {
                shadow::count(&mut report, &frame, &second_opinion(&frame.frame, live.as_ref()));
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
                return rolled_back(why, by);
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
    fn roll_back(&mut self, actor: &Actor, reason: &str) -> Result<Option<Deployment>, DeployError> {
        let installed = self.shared.installed.read();
        let Some((installed, previous)) = installed.and_then(|all| Some((all, all.previous?))) else {
            return Err(DeployError::NothingToRollBack);
        };
        let cannot = |detail| {
            let error = DeployError::CannotRollBack { detail };
            self.shared.refused(actor, "roll-back", "cannot-roll-back", error)
        };
        let ready = self.previous(previous).map_err(cannot)?;
        // Before anything changes: whoever finds the recipe before in force finds who wanted it, and why.
        let entry = AuditEntry::new(actor, "roll-back", format!("recipe {previous}")).because(Some(reason));
        self.shared.parts.ledger.audit(&entry)?;
        let back = InstalledRecipe { recipe: previous, previous: None, configured: installed.configured };
        self.install(&back).map_err(|error| cannot(with_causes(&error)))?;
        self.shared.parts.live.swap(ready.live);
        self.baseline.clear();
        let committed = self.shared.parts.ledger.deployments_in(&[DeployState::Committed])?;
        let deployed = |one: &Deployment| one.bundle.as_ref().is_some_and(|bundle| bundle.digest == installed.recipe);
        let Some(deployment) = committed.into_iter().find(deployed) else { return Ok(None) };
        let mut book = Book::reopen(&self.shared.records, deployment);
        book.enter_by(actor, DeployState::RolledBack, Some(reason.to_owned()), None)?;
        Ok(Some(book.deployment))
    }

    /// The recipe of before, ready to judge. It ran here, so that neither expiry nor a counter stands in its way; a
    /// revocation does.
    fn previous(&self, digest: Digest) -> Result<Ready, String> {
        self.shared.parts.trust.refresh().map_err(|error| with_causes(&error))?;
        let catalogue = self.catalogue(&VerifyPolicy::run())?;
        let Some(bundle) = catalogue.get(digest).filter(|bundle| bundle.manifest().kind == BundleKind::Recipe) else {
            return Err(format!("its bundle with digest {digest} is not among the bundles any more"));
        };
        let ready = self.shared.parts.workshop.build(bundle, &catalogue)?;
        match revocation_of(&ready.live, &self.shared.parts.trust.store()) {
            Some(revoked) => Err(revoked.what),
            None => Ok(ready),
        }
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
            Some((by, why)) => Err(Ending::Failed { code: "cancelled", why, by }),
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
            let entry = AuditEntry::new(&Actor::station(), action, "the running recipe").because(Some(alarm));
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
