//! Puts seeded mutations to everything that takes bytes from outside, the same in every run, and tries single inputs.
//! What goes further is `cargo xtask fuzz`.

mod heap;

use anyhow::{Context as _, Result, bail};
use assay_tests::fuzz::{Guard, TARGETS, Target, files_of, find, short};
use clap::{Parser, Subcommand};
use heap::Capped;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Puts mutations to every target
    Short {
        /// Mutations for each
        #[arg(long, default_value_t = 2000)]
        cases: u32,
        /// Only this target
        #[arg(long)]
        only: Option<String>,
        /// An input may take so long
        #[arg(long, default_value_t = 30_000)]
        patience_ms: u64,
        /// Where an input lies while it is tried, and what is found
        #[arg(long)]
        folder: PathBuf,
    },
    /// Tries the inputs of files
    Try { target: String, files: Vec<PathBuf> },
    /// Names of all targets, with their longest input
    List,
    /// Writes the seeds of a target, and what was found before
    Seeds { target: String, folder: PathBuf },
}

fn main() -> Result<()> {
    match Args::parse().command {
        Command::Short { cases, only, patience_ms, folder } => {
            let targets: Vec<&Target> = match &only {
                Some(name) => vec![named(name)?],
                None => TARGETS.iter().collect(),
            };
            all_short(&targets, cases, Duration::from_millis(patience_ms), &folder)
        }
        Command::Try { target, files } => try_files(named(&target)?, &files),
        Command::List => {
            TARGETS.iter().for_each(|target| println!("{} {}", target.name, target.max_bytes));
            Ok(())
        }
        Command::Seeds { target, folder } => write_seeds(named(&target)?, &folder),
    }
}

fn named(name: &str) -> Result<&'static Target> {
    let names = || TARGETS.iter().map(|target| target.name).collect::<Vec<_>>().join(", ");
    find(name).with_context(|| format!("there is no target {name:?}; there are {}", names()))
}

fn all_short(targets: &[&Target], cases: u32, patience: Duration, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut wrong = 0;
    for target in targets {
        // Before: what ends the process has its target's name above it, and its input in this file.
        let current = folder.join(format!("{}-current", target.name));
        println!("{:<12} {}; each input lies in {}", target.name, target.what, current.display());
        let guard = Guard::begin(&current, &Capped, target.heap_bytes, patience)?;
        let start = Instant::now();
        match short(target, cases, &guard, folder) {
            Ok(tally) => {
                let seconds = start.elapsed().as_secs_f64();
                println!("{:12} ok: {} taken, {} refused, {seconds:.1} s", "", tally.taken, tally.refused);
            }
            Err(error) => {
                wrong += 1;
                println!("{:12} FOUND: {error:#}", "");
            }
        }
    }
    if wrong > 0 {
        bail!("{wrong} of {} targets do not hold", targets.len());
    }
    println!("{} targets hold, {cases} mutations each", targets.len());
    Ok(())
}

fn try_files(target: &Target, files: &[PathBuf]) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let guard = Guard::begin(&dir.path().join("current"), &Capped, target.heap_bytes, Duration::from_secs(60))?;
    let mut attempt = (target.begin)()?;
    for path in files {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let taken = guard.around(&bytes, &mut attempt).with_context(|| path.display().to_string())?;
        println!("{}: {}", path.display(), if taken { "taken" } else { "refused" });
    }
    Ok(())
}

fn write_seeds(target: &Target, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    for (number, seed) in (target.seeds)()?.iter().enumerate() {
        std::fs::write(folder.join(format!("seed-{number}")), seed)?;
    }
    for (path, bytes) in files_of(target)? {
        std::fs::write(folder.join(path.file_name().context("a file has a name")?), bytes)?;
    }
    Ok(())
}
