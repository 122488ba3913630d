//! The commands of `assay`.

pub mod bundle;
pub mod journal;
pub mod key;

use clap::{Parser, Subcommand};

/// A WebAssembly plugin host for factory inspection stations.
#[derive(Debug, Parser)]
#[command(name = "assay", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Key(key::KeyArgs),
    Bundle(bundle::BundleArgs),
    Journal(journal::JournalArgs),
}

/// Reads the command line and does what it says.
///
/// # Errors
/// With what went wrong, for a person.
pub fn run() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Key(args) => key::run(args),
        Command::Bundle(args) => bundle::run(args),
        Command::Journal(args) => journal::run(args),
    }
}
