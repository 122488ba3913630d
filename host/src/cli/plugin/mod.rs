//! `assay plugin`: the author's commands, in the order in which an author needs them.

mod bench;
mod check;
pub mod doctor;
mod project;
mod run;
mod scaffold;
mod test;
mod watch;

use clap::{Args, Subcommand};

/// Write plugins: new, build, run, test, bench, check, watch, pack, sign.
#[derive(Debug, Args)]
pub struct PluginArgs {
    #[command(subcommand)]
    command: PluginCommand,
}

#[derive(Debug, Subcommand)]
enum PluginCommand {
    New(scaffold::NewArgs),
    /// Make the component with the language's own tools, which are installed once where they are missing.
    Build(project::ProjectArgs),
    Run(run::RunArgs),
    Test(test::TestArgs),
    Bench(bench::BenchArgs),
    Check(check::CheckArgs),
    Watch(watch::WatchArgs),
    Pack(project::PackArgs),
    /// Add a key's signature to packed plugins, in place.
    Sign {
        /// The private key, PKCS#8 PEM
        #[arg(long)]
        key: std::path::PathBuf,
        #[arg(required = true)]
        files: Vec<std::path::PathBuf>,
    },
    Doctor(doctor::DoctorArgs),
}

pub fn run(args: PluginArgs) -> anyhow::Result<()> {
    match args.command {
        PluginCommand::New(args) => scaffold::run(&args),
        PluginCommand::Build(args) => project::run_build(&args),
        PluginCommand::Run(args) => run::run(&args),
        PluginCommand::Test(args) => test::run(&args),
        PluginCommand::Bench(args) => bench::run(&args),
        PluginCommand::Check(args) => check::run(&args),
        PluginCommand::Watch(args) => watch::run(&args),
        PluginCommand::Pack(args) => project::run_pack(&args),
        PluginCommand::Sign { key, files } => super::bundle::run_sign(&key, &files),
        PluginCommand::Doctor(args) => doctor::run(&args),
    }
}
