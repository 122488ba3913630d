use super::book::{Book, Records};
use super::installed::InstalledRecipe;
use crate::domain::{Actor, DeployState, Deployment};
use crate::journal::LedgerError;

/// States in which a stop of the station cuts a deployment off.
const UNSETTLED: [DeployState; 6] = [
    DeployState::Received,
    DeployState::Verified,
    DeployState::Compiled,
    DeployState::Qualified,
    DeployState::Shadow,
    DeployState::Trial,
];

/// Settles what an earlier stop of the station cut off. The file that says which recipe is installed decides: whatever
/// stands there is what the station runs, and the records follow it.
pub(super) fn settle(records: &Records, installed: Option<&InstalledRecipe>) -> Result<(), LedgerError> {
    for deployment in records.ledger.deployments_in(&UNSETTLED)? {
        let (state, why, code) = ending(&deployment, installed);
        let why = Some(why.to_owned());
        Book::reopen(records, deployment).enter_by(&Actor::station(), state, why, code)?;
    }
    let committed = records.ledger.deployments_in(&[DeployState::Committed])?.into_iter().next();
    if let Some(deployment) = committed.filter(|deployment| was_taken_back(deployment, installed)) {
        let why = Some("the recipe before drives: the rollback was completed at a start of the station".to_owned());
        Book::reopen(records, deployment).enter_by(&Actor::station(), DeployState::RolledBack, why, None)?;
    }
    let newest = records.ledger.deployments(None, 1)?.into_iter().next();
    if let Some(newest) = newest {
        Book::reopen(records, newest).show();
    }
    Ok(())
}

pub(super) fn ending(
    deployment: &Deployment,
    installed: Option<&InstalledRecipe>,
) -> (DeployState, &'static str, Option<&'static str>) {
    let digest = deployment.bundle.as_ref().map(|bundle| bundle.digest);
    let runs = digest.is_some() && installed.map(|installed| installed.recipe) == digest;
    match deployment.state {
        DeployState::Trial if runs => (DeployState::Committed, "committed just before the station stopped", None),
        DeployState::Trial => {
            (DeployState::RolledBack, "the station stopped during the trial; the recipe before drives", None)
        }
        _ => {
            let why = "the station stopped before the recipe drove; the recipe before runs on: deploy it again";
            (DeployState::Failed, why, Some("station-stopped"))
        }
    }
}

/// The newest commit is not what is installed, and what is installed is what drove before it.
fn was_taken_back(deployment: &Deployment, installed: Option<&InstalledRecipe>) -> bool {
    let digest = deployment.bundle.as_ref().map(|bundle| bundle.digest);
    installed.is_some_and(|installed| Some(installed.recipe) != digest && Some(installed.recipe) == deployment.previous)
}
