//! `assay model`: what a model's file holds, and how fast it is here.

mod bench;
mod inspect;
mod opened;

use super::say;
use clap::{Args, Subcommand};
use serde::Serialize;
use std::path::Path;

/// Look at models: what is in a file, and how fast it is on this machine.
#[derive(Debug, Args)]
pub struct ModelArgs {
    #[command(subcommand)]
    command: ModelCommand,
}

#[derive(Debug, Subcommand)]
enum ModelCommand {
    Inspect(inspect::InspectArgs),
    Bench(bench::BenchArgs),
}

/// Writes a report to a file; `-` prints it.
fn write(path: &Path, report: &impl Serialize) -> anyhow::Result<()> {
    if path.as_os_str() == "-" {
        say!("{}", serde_json::to_string_pretty(report)?);
        return Ok(());
    }
    say::write_json(path, report)
}

/// # Errors
/// When a file cannot be read, or is one that no station would take.
pub fn run(args: ModelArgs) -> anyhow::Result<()> {
    match args.command {
        ModelCommand::Inspect(args) => inspect::run(&args),
        ModelCommand::Bench(args) => bench::run(&args),
    }
}
