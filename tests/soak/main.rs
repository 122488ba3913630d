//! `cargo xtask soak hostile`: every hostile plugin, again and again, on a line of its own.

mod conduct;
mod notes;
mod player;

use anyhow::bail;
use assay_tests::hostile::{CASES, Case, Dose, Listener, Row, soak};
use clap::Parser;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

/// Runs every hostile plugin again and again and prints what came of each.
#[derive(Parser)]
struct Args {
    /// Runs of each
    #[arg(long, default_value_t = 1000)]
    runs: u32,
    /// A plugin that takes longer than this ends sooner, after at least 20 runs; without it, none does
    #[arg(long, conflicts_with = "jobs")]
    ms_each: Option<u64>,
    /// Only those with this in their name
    #[arg(long)]
    only: Option<String>,
    /// A process for each plugin, so many at one time; without it, one process for all
    #[arg(long)]
    jobs: Option<NonZeroU32>,
    /// Notes each plugin that is through, and goes on where a run of the same build was cut off
    #[arg(long, requires = "jobs")]
    notes: Option<PathBuf>,
    /// The one plugin of a process that another one started: prints JSON
    #[arg(long, hide = true)]
    plays: Option<String>,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    if let Some(name) = &args.plays {
        return player::play(name, args.runs);
    }
    let wanted = |case: &&Case| args.only.as_ref().is_none_or(|only| case.name.contains(only.as_str()));
    let cases: Vec<&Case> = CASES.iter().filter(wanted).collect();
    let rows = match args.jobs {
        Some(jobs) => conduct::conduct(&cases, args.runs, jobs.get(), args.notes.as_deref())?,
        None => {
            println!("{}", Row::HEAD);
            let dose = Dose { runs: args.runs, time: args.ms_each.map(Duration::from_millis) };
            soak(&cases, dose, &mut Printed)?
        }
    };
    let wrong = rows.iter().filter(|row| row.wrong.is_some()).count();
    let full = rows.iter().filter(|row| row.runs >= args.runs).count();
    println!("{} hostile plugins, {wrong} not contained; {full} ran {} times, the others less", rows.len(), args.runs);
    if let Some(most) = rows.iter().max_by_key(|row| row.growth_kib) {
        println!("resident memory grew most, by {} KiB, at {}", most.growth_kib, most.name);
    }
    if wrong > 0 || rows.is_empty() {
        bail!("{wrong} of {} are not contained", rows.len());
    }
    Ok(())
}

struct Printed;

impl Listener for Printed {
    fn row(&mut self, row: &Row) {
        println!("{row}");
    }
}
