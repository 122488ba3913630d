use super::say::write_json;
use super::station::{Assembly, open_journal};
use super::summary::InspectReport;
use super::{truth, words};
use crate::config::load;
use crate::pipeline::{JournalKeeper, LaneOptions, Line, LineEvents, LineParts, Outcome, RecipeCard};
use crate::source::{FilesSource, StopFlag};
use anyhow::{Context as _, bail};
use crossbeam_channel::bounded;
use signal_hook::iterator::{Handle, Signals};
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

/// Judges pictures once each and says what came out.
#[derive(Debug, clap::Args)]
pub struct InspectArgs {
    /// The station's configuration, station.toml
    #[arg(long)]
    config: PathBuf,
    /// JSON array of {file, truth, group, reason}: what the pictures really show
    #[arg(long)]
    truth: Option<PathBuf>,
    /// Print the summary too
    #[arg(long)]
    summary: bool,
    /// Write all that is printed as one JSON object; `-` prints it instead of the table
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Keep the records in a temporary folder: for a look beside a running station
    #[arg(long)]
    scratch: bool,
    #[arg(required = true)]
    pictures: Vec<PathBuf>,
}

pub fn run(args: InspectArgs) -> anyhow::Result<()> {
    let truths = args.truth.as_deref().map(truth::read).transpose()?.unwrap_or_default();
    let parts = Arc::new(Assembly::open(load(&args.config)?)?);
    let configured = parts.configured_recipe(&mut |text| eprintln!("{text}"))?;
    let recipe = Arc::clone(&configured.ready.live);
    let card = RecipeCard::of(&recipe);
    let scratch = args.scratch.then(tempfile::tempdir).transpose().context("no temporary folder can be made")?;
    let journal = open_journal(&parts.config, scratch.as_ref().map(tempfile::TempDir::path))?;

    let keeper = JournalKeeper::new(Arc::clone(&journal), true);
    let (outcomes_in, outcomes) = bounded(64);
    let count = args.pictures.len();
    let line = Line::start(LineParts {
        station: parts.config.station.clone(),
        boot: journal.boot(),
        recipe,
        context: parts.context.clone(),
        keeper: Arc::new(keeper.clone()),
        states: Box::new(keeper),
        sources: vec![Box::new(FilesSource::new("inspect", args.pictures, parts.config.image_limits.max_file_bytes))],
        outcomes: Some(outcomes_in),
        events: LineEvents::default(),
        // One lane: pictures are judged in the order in which they were named, and so are the monitors fed.
        options: LaneOptions { lanes: 1, wait_for_monitors: true, ..LaneOptions::default() },
    })?;
    if !args.scratch {
        configured.commit(&parts)?;
    }
    let board = line.board.clone();
    let (ending, watcher) = stop_on_signal(line.stop.clone())?;
    let outcomes = collect(&outcomes, count);
    super::station::report_end(&line.join());
    journal.close();
    ending.close();
    let _ = watcher.join();
    if outcomes.len() != count {
        bail!("{} of {count} pictures were judged and recorded, then the run was ended", outcomes.len());
    }
    let report = InspectReport::new(&outcomes, &truths, &board.drift(), &card);
    print(&report, args.json.as_deref(), args.summary)
}

/// Ctrl-C ends the run after the frames in flight.
fn stop_on_signal(stop: StopFlag) -> anyhow::Result<(Handle, JoinHandle<()>)> {
    let mut signals = Signals::new(super::ends::signals()).context("Ctrl-C cannot be caught")?;
    let ending = signals.handle();
    let watcher = std::thread::spawn(move || {
        if signals.forever().next().is_some() {
            stop.stop();
        }
    });
    Ok((ending, watcher))
}

/// Waits for all outcomes and shows on a terminal how far it is.
fn collect(outcomes: &crossbeam_channel::Receiver<Arc<Outcome>>, count: usize) -> Vec<Arc<Outcome>> {
    let terminal = std::io::stderr().is_terminal();
    let mut all = Vec::with_capacity(count);
    for outcome in outcomes {
        all.push(outcome);
        if terminal {
            eprint!("\r{} of {count} pictures", all.len());
            let _ = std::io::stderr().flush();
        }
    }
    if terminal {
        eprintln!();
    }
    all
}

fn print(report: &InspectReport, json: Option<&std::path::Path>, summary: bool) -> anyhow::Result<()> {
    if json == Some(std::path::Path::new("-")) {
        say!("{}", serde_json::to_string_pretty(report)?);
        return Ok(());
    }
    say_text!(words::table(report));
    if summary {
        say!("\n{}", words::summary(&report.summary).trim_end());
    }
    if let Some(path) = json {
        write_json(path, report)?;
    }
    Ok(())
}
