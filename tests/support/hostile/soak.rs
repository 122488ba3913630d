//! Runs the cases again and again and says what came of each.

use super::cases::{Case, Outcome};
use super::line::HostileLine;
use anyhow::{Context as _, Result, bail, ensure};
use assay::domain::{Blame, Failure, FailureCode, Finding, Inspection, Stage, Verdict, VerdictKind};
use assay::pipeline::LiveRecipe;
use assay::plugin::{MonitorState, ObserveInput};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::{Duration, Instant};

/// How often each case runs.
#[derive(Debug, Clone, Copy)]
pub struct Dose {
    pub runs: u32,
    /// A case ends sooner, though never before [`Dose::LEAST`] runs, when this is spent. None: never.
    pub time: Option<Duration>,
}

impl Dose {
    /// Before the memory is first looked at: pools and caches have filled by then.
    const WARM_UP: u32 = 10;
    pub const LEAST: u32 = 20;

    fn is_spent(&self, runs: u32, start: Instant) -> bool {
        runs >= self.runs || (runs >= Self::LEAST && self.time.is_some_and(|time| start.elapsed() >= time))
    }
}

/// Most that resident memory may grow over the runs of one case.
const MAX_GROWTH_KIB: i64 = 16 << 10;

/// A line of the table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Row {
    pub name: String,
    /// What came of it: `refused`, `undecided`, `contained`, `unobserved`.
    pub end: String,
    pub stage: String,
    pub blame: String,
    pub code: String,
    pub runs: u32,
    pub took: Duration,
    pub growth_kib: i64,
    /// Why it is not as it must be.
    pub wrong: Option<String>,
}

/// What is heard of a soak while it runs.
pub trait Listener {
    /// A run of the present case has ended as it must.
    fn ran(&mut self, _runs: u32) {}
    fn row(&mut self, row: &Row);
}

/// Runs every case; gives a row for each, whatever went wrong with it.
pub fn soak(cases: &[&Case], dose: Dose, listener: &mut dyn Listener) -> Result<Vec<Row>> {
    let mut line = HostileLine::start(cases)?;
    line.healthy_frame_passes()?;
    let mut rows = Vec::new();
    for case in cases {
        let start = Instant::now();
        let mut run = CaseRun { case, dose, line: &mut line, listener, start, runs: 0, warm_kib: 0 };
        let end = run.all();
        let row = run.row(end);
        listener.row(&row);
        rows.push(row);
    }
    Ok(rows)
}

/// What a run came to.
#[derive(Debug, Default)]
struct End {
    what: &'static str,
    stage: String,
    blame: String,
    code: String,
}

struct CaseRun<'a> {
    case: &'a Case,
    dose: Dose,
    line: &'a mut HostileLine,
    listener: &'a mut dyn Listener,
    start: Instant,
    runs: u32,
    warm_kib: i64,
}

impl CaseRun<'_> {
    fn all(&mut self) -> Result<End> {
        match self.case.outcome {
            Outcome::Refused(words) => self.admissions(words),
            Outcome::Fails(Stage::Monitor, code, words) => self.observations(code, words),
            Outcome::Fails(stage, code, words) => {
                let end = End {
                    what: "undecided",
                    stage: stage.to_string(),
                    blame: Blame::Plugin.to_string(),
                    code: code.to_string(),
                };
                let name = self.case.name;
                self.inspections(end, |inspection| fails(name, inspection, stage, code, words))
            }
            Outcome::Contained => {
                let end = End { what: "contained", code: "survived".to_owned(), ..End::default() };
                self.inspections(end, survives)
            }
        }
    }

    /// One more run: its number is counted, and the memory is looked at once the pools have filled.
    fn count(&mut self) -> Result<()> {
        self.runs += 1;
        if self.runs == Dose::WARM_UP {
            self.warm_kib = resident_kib()?;
        }
        self.listener.ran(self.runs);
        Ok(())
    }

    fn admissions(&mut self, words: &str) -> Result<End> {
        while !self.dose.is_spent(self.runs, self.start) {
            let Err(error) = self.line.admit(self.case) else { bail!("it was admitted") };
            let text = format!("{error:#}");
            ensure!(text.contains(words), "it is refused by {text:?}, expected {words:?}");
            ensure!(!text.contains(char::is_control), "the refusal is not one plain line: {text:?}");
            ensure!(text.len() < 2000, "the refusal has {} bytes", text.len());
            self.line.healthy_frame_passes()?;
            self.count()?;
        }
        Ok(End { what: "refused", ..End::default() })
    }

    fn inspections(&mut self, end: End, check: impl Fn(&Inspection) -> Result<()>) -> Result<End> {
        let recipe = self.line.admit(self.case).context("it is not admitted")?;
        self.start = Instant::now();
        while !self.dose.is_spent(self.runs, self.start) {
            let inspected = self.line.inspect(&recipe);
            check(&inspected.inspection)?;
            if self.runs == 0 {
                let verdict = inspected.inspection.verdict.clone();
                ensure!(self.line.record(inspected)? == verdict, "the record holds another verdict");
            } else {
                drop(inspected);
            }
            self.line.healthy_frame_passes()?;
            self.count()?;
        }
        Ok(end)
    }

    fn observations(&mut self, code: FailureCode, words: &str) -> Result<End> {
        let recipe = self.line.admit(self.case).context("it is not admitted")?;
        self.start = Instant::now();
        let mut state = MonitorState::new();
        while !self.dose.is_spent(self.runs, self.start) {
            let failure = self.observe(&recipe, &mut state)?;
            is_failure(self.case.name, &failure, Stage::Monitor, code, words)?;
            ensure!(state.is_empty(), "a call that failed changed the state");
            self.line.healthy_frame_passes()?;
            self.count()?;
        }
        let (stage, blame) = (Stage::Monitor.to_string(), Blame::Plugin.to_string());
        Ok(End { what: "unobserved", stage, blame, code: code.to_string() })
    }

    /// A monitor sees a frame after its verdict, which it cannot change.
    fn observe(&mut self, recipe: &LiveRecipe, state: &mut MonitorState) -> Result<Failure> {
        let inspected = self.line.inspect(recipe);
        let (frame, inspection) = (inspected.frame.context("the picture is there")?, inspected.inspection);
        ensure!(inspection.verdict.kind() == VerdictKind::Pass, "the frame itself: {:?}", inspection.verdict);
        let findings: Vec<&Finding> = inspection.findings().map(|(_, finding)| finding).collect();
        let input = ObserveInput {
            picture: &frame.image,
            verdict: &inspection.verdict,
            answer: inspection.answer.as_ref(),
            findings: &findings,
            outputs: &inspected.outputs,
        };
        let monitor = recipe.monitors.first().context("the recipe has its monitor")?;
        let outcome = monitor.observe(&frame.meta, &input, state, Instant::now() + Duration::from_secs(10));
        match outcome.result {
            Ok(observation) => bail!("it answered: {observation:?}"),
            Err(failure) => Ok(failure),
        }
    }

    fn row(&self, end: Result<End>) -> Row {
        let growth_kib = if self.runs > Dose::WARM_UP { resident_kib().unwrap_or(i64::MAX) - self.warm_kib } else { 0 };
        let (end, mut wrong) = match end {
            Ok(end) => (end, None),
            Err(error) => (End { what: "WRONG", ..End::default() }, Some(format!("{error:#}"))),
        };
        if wrong.is_none() && growth_kib >= MAX_GROWTH_KIB {
            wrong = Some(format!("resident memory grew by {growth_kib} KiB over {} runs", self.runs));
        }
        let End { what, stage, blame, code } = end;
        let (name, runs, took) = (self.case.name.to_owned(), self.runs, self.start.elapsed());
        Row { name, end: what.to_owned(), stage, blame, code, runs, took, growth_kib, wrong }
    }
}

/// The verdict is `undecided` by this failure, and the plugin's own run says so too.
fn fails(name: &str, inspection: &Inspection, stage: Stage, code: FailureCode, words: &str) -> Result<()> {
    let Verdict::Undecided { stage: at, blame, code: by, detail } = &inspection.verdict else {
        bail!("the verdict is {:?}", inspection.verdict);
    };
    let right = (*at, *blame, by.as_str()) == (stage, Blame::Plugin, code.name()) && detail.contains(words);
    ensure!(right, "the verdict is {:?}, expected {stage}, plugin, {code}, {words:?}", inspection.verdict);
    ensure!(detail.len() <= 1000 && !detail.contains(char::is_control), "the detail is not one plain line: {detail:?}");
    // What the model refuses is a failure of the stage, not of a run.
    if stage == Stage::Infer {
        return Ok(());
    }
    let run = inspection.runs.last().context("the plugin's run is recorded")?;
    is_failure(name, run.failure.as_ref().context("the run has its failure")?, stage, code, words)
}

fn is_failure(name: &str, failure: &Failure, stage: Stage, code: FailureCode, words: &str) -> Result<()> {
    let right = (failure.stage, failure.blame, failure.code) == (stage, Blame::Plugin, code)
        && failure.plugin.as_deref() == Some(name)
        && failure.detail.contains(words);
    ensure!(right, "the failure is {failure:?}, expected {stage}, plugin, {code}, {words:?}");
    Ok(())
}

/// The plugin kept its contract, and its finding leaves the part undecided.
fn survives(inspection: &Inspection) -> Result<()> {
    match &inspection.verdict {
        Verdict::Undecided { code, .. } if code == "survived" => {}
        other => bail!("the verdict is {other:?}, expected undecided by its finding"),
    }
    let plain = |text: &str| !text.contains(char::is_control);
    for (_, finding) in inspection.findings() {
        let texts = finding.attributes.iter().map(|(_, value)| value).chain(&finding.text);
        ensure!(texts.clone().all(|text| plain(text)), "a text is not one plain line: {finding:?}");
    }
    Ok(())
}

/// `VmRSS` of this process.
fn resident_kib() -> Result<i64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("/proc/self/status has VmRSS")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

impl Row {
    pub const HEAD: &'static str =
        "mode                     end        stage      blame  code            runs  ms/run  RSS KiB";

    /// The row of a case whose process came to no end of its own.
    #[must_use]
    pub fn broken(name: &str, runs: u32, why: String) -> Self {
        let (stage, blame, code) = Default::default();
        let (name, end) = (name.to_owned(), "WRONG".to_owned());
        Self { name, end, stage, blame, code, runs, took: Duration::ZERO, growth_kib: 0, wrong: Some(why) }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, end, stage, blame, code, runs, growth_kib, .. } = self;
        let each = self.took.as_secs_f64() * 1000.0 / f64::from((*runs).max(1));
        write!(f, "{name:<24} {end:<10} {stage:<10} {blame:<6} {code:<14} {runs:>5} {each:>7.2} {growth_kib:>8}")?;
        self.wrong.iter().try_for_each(|wrong| write!(f, "\n    {wrong}"))
    }
}
