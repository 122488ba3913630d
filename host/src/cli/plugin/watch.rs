use super::project::TrialArgs;
use super::run::{RunArgs, run as run_once};
use crate::source::FolderChanges;
use clap::Args;
use std::path::PathBuf;

/// Build and run again whenever a file of the project is saved, until Ctrl-C.
#[derive(Debug, Args)]
pub struct WatchArgs {
    #[command(flatten)]
    trial: TrialArgs,
    /// Pictures, or folders of pictures
    #[arg(required = true)]
    pictures: Vec<PathBuf>,
    /// End after so many runs
    #[arg(long, value_name = "N")]
    runs: Option<u64>,
}

pub fn run(args: &WatchArgs) -> anyhow::Result<()> {
    let folder = &args.trial.project.project;
    let changes = FolderChanges::below(folder)?;
    let once = RunArgs { trial: args.trial.clone(), json: false, pictures: args.pictures.clone() };
    let mut runs = 0;
    loop {
        if let Err(error) = run_once(&once) {
            eprintln!("{error:#}");
        }
        runs += 1;
        if args.runs.is_some_and(|limit| runs >= limit) {
            return Ok(());
        }
        eprintln!("waiting for a change in {} (Ctrl-C ends)", folder.display());
        changes.wait(|path| !is_made(path))?;
    }
}

/// What the build itself writes.
fn is_made(path: &std::path::Path) -> bool {
    path.components().any(|part| matches!(part.as_os_str().to_str(), Some("build" | "__pycache__" | "Cargo.lock")))
}
