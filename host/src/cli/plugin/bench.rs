use super::project::{TrialArgs, around, start};
use super::run::{pictures, size};
use crate::pipeline::percentile;
use crate::plugin::{HostCalls, HostUse};
use crate::toolbox::{Candidate, Cost, Measured};
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

/// Calls before the first that counts: caches and branch predictors are as on a running line.
const WARM_UP: usize = 20;
/// Calls that are stopped in the middle.
const STOPPED: usize = 20;
/// Deadlines are kept to a tick of a millisecond: a plugin that is faster cannot be stopped in the middle.
const TICK_US: u64 = 1000;
const PATIENCE: Duration = Duration::from_secs(60);

/// Time the plugin: p50, p99, share of the host, against a plugin that does nothing.
#[derive(Debug, Args)]
pub struct BenchArgs {
    #[command(flatten)]
    trial: TrialArgs,
    /// Calls that are timed, over all pictures
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(10..=1_000_000))]
    calls: u32,
    /// One JSON object instead of the table
    #[arg(long)]
    json: bool,
    /// Pictures, or folders of pictures
    #[arg(required = true)]
    pictures: Vec<PathBuf>,
}

#[derive(Debug, Serialize)]
struct Timing {
    plugin: String,
    calls: usize,
    p50_us: u64,
    p99_us: u64,
    max_us: u64,
    /// Part of the time inside host functions, in [0, 1].
    host_share: f64,
    /// Highest linear memory of a call.
    memory_bytes: u64,
    /// Most bytes of pictures and tensors that the host held for a call.
    host_bytes: u64,
    /// Bytes that host functions copied out of the plugin's memory and into it, the mean of a call.
    copied_bytes: u64,
    /// Calls of host functions, the dearest first.
    host_calls: Vec<HostFunction>,
    /// A call of a plugin of the same kind that does nothing, on the same pictures in the same run.
    idle_p50_us: u64,
    ratio_to_idle: f64,
    /// How long after its deadline a call ended that was stopped in the middle, the worst of some; none where the
    /// plugin is too fast to be stopped.
    worst_stop_us: Option<u64>,
}

/// One host function, the mean of a call.
#[derive(Debug, Serialize)]
struct HostFunction {
    function: &'static str,
    calls: f64,
    us: f64,
}

pub fn run(args: &BenchArgs) -> anyhow::Result<()> {
    let pictures = pictures(&args.pictures)?;
    let candidate = args.trial.candidate()?;
    let (kind, limits, name) = (candidate.manifest.world, candidate.manifest.limits, candidate.name.clone());
    let surroundings = || args.trial.recipe.as_deref().map(around).transpose();
    let mut started = start(candidate, surroundings()?)?;
    let mut idle = start(Candidate::idle(kind)?, surroundings()?)?.trial;
    let calls = (args.calls as usize).div_ceil(pictures.len());
    let (mut own, mut nothing) = (Measured::default(), Vec::new());
    for picture in &pictures {
        started.trial.measure(picture, WARM_UP, PATIENCE)?;
        let measured = started.trial.measure(picture, calls, PATIENCE)?;
        own.costs.extend(measured.costs);
        own.host_calls.add(&measured.host_calls);
        idle.measure(picture, WARM_UP, PATIENCE)?;
        nothing.extend(idle.measure(picture, calls, PATIENCE)?.costs);
    }
    let half = percentile_us(&own.costs, 50) / 2;
    let worst_stop_us = match pictures.first().filter(|_| half > TICK_US) {
        Some(picture) => {
            let stopped = started.trial.measure(picture, STOPPED, Duration::from_micros(half))?;
            stopped.costs.iter().map(|cost| cost.micros.saturating_sub(half)).max()
        }
        None => None,
    };
    let timing = timing(name, &own, &nothing, worst_stop_us);
    if args.json {
        say!("{}", serde_json::to_string_pretty(&timing)?);
    } else {
        print(&timing, limits.deadline_ms);
    }
    Ok(())
}

fn timing(plugin: String, measured: &Measured, nothing: &[Cost], worst_stop_us: Option<u64>) -> Timing {
    let own = &measured.costs;
    let sum = |part: fn(&Cost) -> u64| own.iter().map(part).sum::<u64>() as f64;
    let most = |part: fn(&Cost) -> u64| own.iter().map(part).max().unwrap_or(0);
    let (p50_us, idle_p50_us) = (percentile_us(own, 50), percentile_us(nothing, 50));
    Timing {
        plugin,
        calls: own.len(),
        p50_us,
        p99_us: percentile_us(own, 99),
        max_us: most(|cost| cost.micros),
        host_share: sum(|cost| cost.host_micros) / sum(|cost| cost.micros).max(1.0),
        memory_bytes: most(|cost| cost.memory_bytes),
        host_bytes: most(|cost| cost.host_bytes),
        copied_bytes: measured.host_calls.copied_bytes() / own.len().max(1) as u64,
        host_calls: host_functions(&measured.host_calls, own.len()),
        idle_p50_us,
        ratio_to_idle: p50_us as f64 / idle_p50_us.max(1) as f64,
        worst_stop_us,
    }
}

fn host_functions(all: &HostCalls, calls: usize) -> Vec<HostFunction> {
    let mean = |sum: f64| sum / calls.max(1) as f64;
    let of =
        |used: HostUse| HostFunction { function: used.function, calls: mean(used.calls as f64), us: mean(used.micros) };
    let mut functions: Vec<HostFunction> = all.used().map(of).collect();
    functions.sort_by(|a, b| b.us.total_cmp(&a.us).then(b.calls.total_cmp(&a.calls)));
    functions
}

/// In microseconds; 0 of none.
fn percentile_us(costs: &[Cost], percent: usize) -> u64 {
    let mut micros: Vec<u64> = costs.iter().map(|cost| cost.micros).collect();
    micros.sort_unstable();
    percentile(&micros, percent).unwrap_or(0)
}

fn print(timing: &Timing, deadline_ms: u32) {
    let ms = |micros: u64| micros as f64 / 1000.0;
    say!("{} in {} calls; its deadline is {deadline_ms} ms", timing.plugin, timing.calls);
    say!("  p50 {:.3} ms   p99 {:.3} ms   max {:.3} ms", ms(timing.p50_us), ms(timing.p99_us), ms(timing.max_us));
    say!(
        "  {:.0} % of the time in the host, {} copied by its functions in a call",
        timing.host_share * 100.0,
        size(timing.copied_bytes)
    );
    for HostFunction { function, calls, us } in &timing.host_calls {
        let time = if *us > 0.0 { format!("{us:9.1} us") } else { String::new() };
        say!("    {calls:>6.1} x {function:40}{time}");
    }
    say!("  memory {} KiB, pictures and tensors {} KiB", timing.memory_bytes / 1024, timing.host_bytes / 1024);
    say!("  {:.1} times a plugin that does nothing ({:.3} ms)", timing.ratio_to_idle, ms(timing.idle_p50_us));
    match timing.worst_stop_us {
        Some(late) => say!("  stopped in the middle it ends {:.3} ms after its deadline at the latest", ms(late)),
        None => say!("  too fast to be stopped in the middle: deadlines are kept to 1 ms"),
    }
}
