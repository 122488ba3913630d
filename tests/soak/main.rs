//! `cargo xtask soak hostile`: every hostile plugin, again and again, on a line of its own.

use anyhow::bail;
use assay_tests::hostile::{CASES, Case, Dose, Row, soak};
use clap::Parser;
use std::time::Duration;

/// Runs every hostile plugin again and again and prints what came of each.
#[derive(Parser)]
struct Args {
    /// Runs of each
    #[arg(long, default_value_t = 1000)]
    runs: u32,
    /// A plugin that takes longer than this ends sooner, after at least 20 runs; without it, none does
    #[arg(long)]
    ms_each: Option<u64>,
    /// Only those with this in their name
    #[arg(long)]
    only: Option<String>,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    // What plugins log goes where nobody looks: a thousand floods would hide the table.
    let wanted = |case: &&Case| args.only.as_ref().is_none_or(|only| case.name.contains(only.as_str()));
    let cases: Vec<&Case> = CASES.iter().filter(wanted).collect();
    let dose = Dose { runs: args.runs, time: args.ms_each.map(Duration::from_millis) };
    println!("{}", Row::HEAD);
    let rows = soak(&cases, dose, |row| println!("{row}"))?;
    let wrong = rows.iter().filter(|row| row.wrong.is_some()).count();
    let full = rows.iter().filter(|row| row.runs >= args.runs).count();
    println!("{} hostile plugins, {wrong} not contained; {full} ran {} times, the others less", rows.len(), args.runs);
    if wrong > 0 || rows.is_empty() {
        bail!("{wrong} of {} are not contained", rows.len());
    }
    Ok(())
}
