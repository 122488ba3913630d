//! A panic on the deployments' thread ends the deployment under way, and neither the thread nor the station.

use super::book::Book;
use super::desk::DeployError;
use super::recover;
use super::worker::Worker;
use crate::domain::{Actor, DeployState, Deployment, panic_text, with_causes};
use crate::trust::VerifiedBundle;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

impl Worker {
    pub fn deploy_guarded(&mut self, book: &mut Book, bundle: Arc<VerifiedBundle>, skip_shadow: bool) {
        let deployed = self.guarded("deploying", |worker| worker.deploy(book, bundle, skip_shadow));
        let id = book.deployment.id;
        match deployed {
            Ok(()) => self.panicked = None,
            Err(detail) => drop(self.guarded("settling what panicked", |worker| worker.settle(Some(id), &detail))),
        }
    }

    pub fn roll_back_guarded(&mut self, actor: &Actor, reason: &str) -> Result<Option<Deployment>, DeployError> {
        let answer = self.guarded("rolling back", |worker| {
            let answer = worker.roll_back(actor, reason);
            let warm = std::mem::take(&mut worker.warm);
            worker.shared.bench.let_go(warm);
            answer
        });
        answer.unwrap_or_else(|detail| {
            let _ = self.guarded("settling what panicked", |worker| worker.settle(None, &detail));
            let error = DeployError::Internal { detail };
            Err(self.shared.refused(actor, "roll-back", "internal", error))
        })
    }

    /// What `work` gives, or what its panic said.
    pub fn guarded<T>(&mut self, what: &str, work: impl FnOnce(&mut Self) -> T) -> Result<T, String> {
        // Unwind safety: what drives, what is installed and what is recorded is settled anew from the disk after a
        // panic; the rest of the worker are measures, of which none is relied on.
        catch_unwind(AssertUnwindSafe(|| work(self))).map_err(|panic| {
            let detail = panic_text(panic.as_ref());
            tracing::error!(what, detail, "the deployments' thread panicked, and goes on");
            self.panicked = Some(format!("the deployments' thread panicked while {what}, and goes on: {detail}"));
            detail
        })
    }

    /// Settles what was under way as the next start of the station would: the file that says which recipe is installed
    /// decides what drives, and the records follow it.
    fn settle(&mut self, id: Option<u64>, detail: &str) {
        self.end.end_shadow();
        let (installed, live) = (self.shared.installed.read(), &self.shared.parts.live);
        let warm = std::mem::take(&mut self.warm);
        let is_installed = |one: &&Arc<_>| installed.is_some_and(|all| all.recipe == recipe_of(one));
        if let Some(drives) = warm.iter().find(is_installed).or(warm.first()) {
            drives.set_on_trial(false);
            if recipe_of(&live.load()) != recipe_of(drives) {
                live.swap(Arc::clone(drives));
            }
        }
        self.shared.bench.let_go(warm);
        let Some(id) = id else { return };
        if let Err(error) = self.settle_records(id, detail) {
            let error = with_causes(&error);
            tracing::error!(deployment = id, error, "what panicked is not settled; the next start does it");
        }
    }

    fn settle_records(&self, id: u64, detail: &str) -> Result<(), crate::journal::LedgerError> {
        let records = &self.shared.records;
        // As it is on the disk: the panic may have come between there and here.
        let Some(deployment) = records.ledger.deployment(id)? else { return Ok(()) };
        let settled = deployment.state.is_settled();
        let (state, ..) = recover::ending(&deployment, self.shared.installed.read().as_ref());
        let name = deployment.bundle.as_ref().map_or_else(|| "a recipe".to_owned(), ToString::to_string);
        let mut book = Book::reopen(records, deployment);
        if settled {
            book.show();
            return Ok(());
        }
        let why = format!("internal error: {detail}");
        if state == DeployState::RolledBack {
            self.shared.parts.live.tell_rolled_back(&name, &why);
        }
        let code = (state == DeployState::Failed).then_some("internal");
        book.enter_by(&Actor::station(), state, Some(why), code)
    }
}

fn recipe_of(live: &crate::pipeline::LiveRecipe) -> crate::domain::Digest {
    live.recipe.digest
}
