//! How bundles come to the running station that `assay run` has put together.

use super::station::{Assembly, Configured};
use crate::deploy::{DeployParts, DeployThread, Deployer, Workshop};
use crate::domain::Deployment;
use crate::journal::Ledger;
use crate::pipeline::Line;
use std::sync::Arc;

/// Starts the thread that deploys.
pub fn start(
    parts: &Arc<Assembly>,
    configured: &Configured,
    ledger: Arc<Ledger>,
    line: &Line,
) -> anyhow::Result<(Deployer, DeployThread)> {
    let halt = line.halt();
    let workshop: Arc<dyn Workshop> = Arc::<Assembly>::clone(parts);
    Ok(Deployer::start(DeployParts {
        config: parts.config.deploy,
        data_dir: parts.config.data_dir.clone(),
        bundles_dir: parts.config.bundles_dir.clone(),
        configured: configured.configured(),
        ledger,
        trust: Arc::clone(&parts.trust),
        workshop,
        live: line.live.clone(),
        stop_line: Box::new(move || {
            say!("ALARM: the running recipe is revoked: the line stops, nothing is judged any more");
            halt("the running recipe is revoked; restart the station with another");
        }),
        entered: Arc::new(tell),
    })?)
}

/// One line for each state of a deployment.
fn tell(deployment: &Deployment) {
    let bundle = deployment.bundle.as_ref().map_or_else(|| "a bundle".to_owned(), ToString::to_string);
    let outcome = deployment.outcome.as_ref().map(|outcome| format!(" ({outcome})")).unwrap_or_default();
    say!("deployment {}: {bundle}: {}{outcome}", deployment.id, deployment.state);
}
