//! `cargo xtask bench`: every figure beside its target, as ratios in one run wherever there is something honest to
//! measure against. A figure that misses its target is printed as missed.

mod boundary;
mod feed;
mod figure;
mod fixture;
mod frame;
mod kernels;
mod languages;
mod list;
mod native;
mod pictures;
mod raw;
mod record;
mod running;
mod sse;
mod straight;
mod telemetry;
mod throughput;
mod uploads;

use anyhow::Context as _;
use clap::Parser;
use figure::{Figure, Machine, Report};
use fixture::Fixture;
use std::path::PathBuf;

/// Measures Assay on this machine.
#[derive(Parser)]
struct Args {
    /// Write all that is printed as one JSON object (docs/json.md)
    #[arg(long)]
    json: Option<PathBuf>,
    /// Only groups with this in their name
    #[arg(long)]
    only: Option<String>,
}

/// Groups that take minutes and gigabytes, and run only when they are asked for.
const ON_DEMAND: [&str; 1] = ["list"];

fn wanted(name: &str, only: Option<&str>) -> bool {
    only.map_or(!ON_DEMAND.contains(&name), |only| name.contains(only))
}

/// One group of figures.
type Group = fn(&Fixture) -> anyhow::Result<Vec<Figure>>;

const GROUPS: [(&str, Group); 13] = [
    ("boundary", boundary::measure),
    ("frame", frame::measure),
    ("kernels", kernels::measure),
    ("imaging", pictures::measure),
    ("inference", native::measure),
    ("journal", record::measure),
    ("telemetry", telemetry::measure),
    ("throughput", throughput::measure),
    ("running", running::measure),
    ("uploads", uploads::measure),
    ("sse", sse::measure),
    ("list", list::measure),
    ("languages", languages::measure),
];

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let fixture = Fixture::open()?;
    let machine = Machine::look(&fixture);
    println!("{} x {}, {}\n", machine.cores, machine.cpu, machine.backend);
    if args.only.as_ref().is_some_and(|only| !GROUPS.iter().any(|(name, _)| name.contains(only.as_str()))) {
        let names: Vec<_> = GROUPS.iter().map(|(name, _)| *name).collect();
        anyhow::bail!("no such group; there are {}", names.join(", "));
    }
    let mut figures = Vec::new();
    for (name, group) in GROUPS {
        if !wanted(name, args.only.as_deref()) {
            continue;
        }
        eprintln!("measuring: {name}");
        let measured = group(&fixture).with_context(|| format!("the figures of {name} could not be measured"))?;
        measured.iter().for_each(|figure| println!("{figure}"));
        figures.extend(measured);
    }
    let missed = figures.iter().filter(|figure| figure.met == Some(false)).count();
    let met = figures.iter().filter(|figure| figure.met == Some(true)).count();
    println!("\n{met} targets met, {missed} missed");
    if let Some(path) = args.json {
        let text = serde_json::to_string_pretty(&Report { machine, figures })?;
        std::fs::write(&path, text + "\n").with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
