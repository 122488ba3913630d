//! The commands of `assay`, and how a station is put together (`station.rs`).

#[macro_use]
mod say;

pub mod bundle;
pub mod journal;
pub mod key;
pub mod station;
mod accounts;
mod ask;
mod audit;
mod deploy;
mod deployer;
mod inspect;
mod model;
mod doctor;
mod ends;
mod outputs;
mod plugin;
mod replay;
mod run;
mod secret;
mod sources;
mod stored;
mod summary;
mod truth;
mod words;

#[cfg(test)]
mod tests;

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
    Run(run::RunArgs),
    Inspect(inspect::InspectArgs),
    Replay(replay::ReplayArgs),
    Doctor(doctor::DoctorArgs),
    Key(key::KeyArgs),
    Plugin(plugin::PluginArgs),
    Bundle(bundle::BundleArgs),
    Model(model::ModelArgs),
    Journal(journal::JournalArgs),
    Audit(audit::AuditArgs),
    User(accounts::UserArgs),
    Token(accounts::TokenArgs),
    Deploy(deploy::DeployArgs),
    Rollback(deploy::RollbackArgs),
    Status(deploy::StatusArgs),
}

/// Reads the command line and does what it says.
///
/// # Errors
/// With what went wrong, for a person.
pub fn run() -> anyhow::Result<()> {
    let command = Cli::parse().command;
    crate::telemetry::start_log();
    let done = match command {
        Command::Run(args) => run::run(args),
        Command::Inspect(args) => inspect::run(args),
        Command::Replay(args) => replay::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Key(args) => key::run(args),
        Command::Plugin(args) => plugin::run(args),
        Command::Bundle(args) => bundle::run(args),
        Command::Model(args) => model::run(args),
        Command::Journal(args) => journal::run(args),
        Command::Audit(args) => audit::run(args),
        Command::User(args) => accounts::run_user(args),
        Command::Token(args) => accounts::run_token(args),
        Command::Deploy(args) => deploy::deploy(args),
        Command::Rollback(args) => deploy::roll_back(args),
        Command::Status(args) => deploy::status(args),
    };
    done.and_then(|()| say::all_said())
}
