use super::desk::DeployView;
use crate::domain::{Actor, DeployState, DeployedBundle, Deployment, Entered, QualityCheck};
use crate::journal::{AuditEntry, Ledger, LedgerError};
use crate::pipeline::now_us;
use crate::trust::VerifiedBundle;
use arc_swap::ArcSwap;
use std::sync::Arc;

/// Of what one step found; why it did not pass is in the outcome whole.
const MAX_FOUND_CHARS: usize = 1000;

/// Told of every state once it is on the disk, before anything is done in it.
pub type OnEntered = Arc<dyn Fn(&Deployment) + Send + Sync>;

/// What every deployment is written into, and shown on.
#[derive(Clone)]
pub struct Records {
    pub ledger: Arc<Ledger>,
    pub view: Arc<ArcSwap<DeployView>>,
    pub entered: OnEntered,
}

/// One deployment with its place in the records: a state is entered only through here.
pub struct Book {
    pub deployment: Deployment,
    records: Records,
}

impl Book {
    /// Writes down that a bundle was received.
    ///
    /// # Errors
    /// When it cannot be written; then nothing is deployed.
    pub fn begin(records: &Records, actor: &Actor, reason: &str) -> Result<Self, LedgerError> {
        let received = Deployment {
            id: 0,
            state: DeployState::Received,
            bundle: None,
            actor: actor.name.clone(),
            role: actor.role.name().to_owned(),
            reason: reason.to_owned(),
            outcome: None,
            previous: None,
            history: vec![Entered { state: DeployState::Received, at_us: now_us() }],
            admission: Vec::new(),
            checks: Vec::new(),
            shadow: None,
            trial: None,
            notes: Vec::new(),
        };
        let entry = AuditEntry::new(actor, "deployment-received", "a bundle").because(Some(reason));
        let deployment = records.ledger.begin_deployment(&received, &entry)?;
        let book = Self { deployment, records: records.clone() };
        (book.records.entered)(&book.deployment);
        book.show();
        Ok(book)
    }

    /// Goes on with a deployment that the records hold already.
    pub fn reopen(records: &Records, deployment: Deployment) -> Self {
        Self { deployment, records: records.clone() }
    }

    pub fn names(&mut self, bundle: &VerifiedBundle) {
        let manifest = bundle.manifest();
        self.deployment.bundle = Some(DeployedBundle {
            kind: manifest.kind.name().to_owned(),
            name: manifest.name.clone(),
            version: manifest.version.to_string(),
            digest: bundle.digest(),
        });
    }

    /// Enters the next state: first on the disk, then here.
    ///
    /// # Errors
    /// When it cannot be written; then the deployment stands where it stood.
    pub fn enter(&mut self, state: DeployState) -> Result<(), LedgerError> {
        self.enter_by(&Actor::station(), state, None, None)
    }

    /// As [`Book::enter`], by somebody, with why it ends there. `code` names the check that refused it.
    ///
    /// # Errors
    /// As [`Book::enter`].
    pub fn enter_by(
        &mut self,
        actor: &Actor,
        state: DeployState,
        outcome: Option<String>,
        code: Option<&str>,
    ) -> Result<(), LedgerError> {
        let mut next = self.deployment.clone();
        next.state = state;
        next.history.push(Entered { state, at_us: now_us() });
        if outcome.is_some() {
            next.outcome = outcome;
        }
        let entry = AuditEntry::new(actor, &format!("deployment-{state}"), self.target());
        let entry = entry.because(next.outcome.as_deref());
        let entry = match code {
            Some(code) => entry.refused(code),
            None => entry,
        };
        self.records.ledger.move_deployment(&next, &entry)?;
        self.deployment = next;
        let (id, outcome) = (self.deployment.id, self.deployment.outcome.as_deref().unwrap_or(""));
        if matches!(state, DeployState::Failed | DeployState::RolledBack) {
            tracing::warn!(deployment = id, state = state.name(), outcome, "deployment");
        } else {
            tracing::info!(deployment = id, state = state.name(), outcome, "deployment");
        }
        (self.records.entered)(&self.deployment);
        self.show();
        Ok(())
    }

    /// One more step of the admission, shown at once; it is on the disk with the next state.
    pub fn step(&mut self, what: &str, asked: &str, mut found: String, passed: bool) {
        if let Some((at, _)) = found.char_indices().nth(MAX_FOUND_CHARS) {
            found.truncate(at);
            found.push_str(" ...");
        }
        let step = QualityCheck { what: what.to_owned(), asked: asked.to_owned(), found, passed };
        self.deployment.admission.push(step);
        self.show();
    }

    /// Where checks are shown while the qualification runs beside this thread.
    pub fn checks_shown(&self) -> ShownChecks {
        ShownChecks { id: self.deployment.id, view: Arc::clone(&self.records.view) }
    }

    fn target(&self) -> String {
        let id = self.deployment.id;
        match &self.deployment.bundle {
            Some(bundle) => format!("deployment {id}: {bundle} {}", bundle.digest),
            None => format!("deployment {id}"),
        }
    }

    /// Shows how far it is, between two states.
    pub fn show(&self) {
        let deployment = Arc::new(self.deployment.clone());
        self.records.view.rcu(|view| DeployView { newest: Some(Arc::clone(&deployment)), ..DeployView::clone(view) });
    }
}

/// Shows what a qualification has found so far. A candidate that was given up may still find something: that is shown
/// nowhere, since its deployment is at another state by then.
pub struct ShownChecks {
    id: u64,
    view: Arc<ArcSwap<DeployView>>,
}

impl ShownChecks {
    /// `text` is for the log, where there is something to say.
    pub fn tell(&self, text: &str, checks: &[QualityCheck]) {
        if !text.is_empty() {
            tracing::info!(deployment = self.id, "{text}");
        }
        self.view.rcu(|view| {
            let mut view = DeployView::clone(view);
            if let Some(newest) = view.newest.as_ref()
                && newest.id == self.id
                && newest.state == DeployState::Compiled
            {
                let checks = checks.to_vec();
                view.newest = Some(Arc::new(Deployment { checks, ..Deployment::clone(newest) }));
            }
            view
        });
    }
}

/// How a deployment ended that somebody took back, whether he says why or not.
pub fn taken_back(by: &Actor, reason: &str) -> String {
    let name = &by.name;
    if reason.trim().is_empty() {
        format!("taken back by {name}, who gave no reason")
    } else {
        format!("taken back by {name}: {reason}")
    }
}
