use super::project::{TrialArgs, around, start};
use crate::domain::PluginLimits;
use clap::Args;

/// Say whether a station would take the plugin: world, imports, size, limits, a first instance.
#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    trial: TrialArgs,
}

pub fn run(args: &CheckArgs) -> anyhow::Result<()> {
    let candidate = args.trial.candidate()?;
    let around = args.trial.recipe.as_deref().map(around).transpose()?;
    let caps = around.as_ref().map_or_else(|| crate::config::no_limits().0, |around| around.caps());
    let (manifest, size) = (candidate.manifest.clone(), candidate.component.len());
    say!("ok   component  {} KiB, digest {}", size / 1024, candidate.digest);
    let asked: Vec<String> = manifest.capabilities.iter().map(ToString::to_string).collect();
    say!("ok   asks for   {}", if asked.is_empty() { "nothing".to_owned() } else { asked.join(", ") });
    start(candidate, around)?;
    say!("ok   world      {} of {}, its imports are among what it asks for", manifest.world, manifest.wit);
    say!("ok   instance   made once under its limits");
    let cut = cut(&manifest.limits, &caps);
    cut.iter().for_each(|line| say!("CUT  {line}"));
    let whose = if args.trial.recipe.is_some() { "this station" } else { "a station with default limits" };
    say!("{whose} takes it{}", if cut.is_empty() { "" } else { ", with less than it asks for" });
    Ok(())
}

/// Limits that the station's own caps lower.
fn cut(asked: &PluginLimits, caps: &PluginLimits) -> Vec<String> {
    let rows = [
        ("deadline_ms", u64::from(asked.deadline_ms), u64::from(caps.deadline_ms)),
        ("memory_bytes", asked.memory_bytes, caps.memory_bytes),
        ("host_bytes", asked.host_bytes, caps.host_bytes),
        ("handles", u64::from(asked.handles), u64::from(caps.handles)),
        ("table_elements", u64::from(asked.table_elements), u64::from(caps.table_elements)),
        ("log_lines", u64::from(asked.log_lines), u64::from(caps.log_lines)),
        ("result_bytes", asked.result_bytes, caps.result_bytes),
        ("state_bytes", asked.state_bytes, caps.state_bytes),
    ];
    let line = |(name, asked, cap)| format!("limits.{name}: asked {asked}, the station gives {cap}");
    rows.into_iter().filter(|(_, asked, cap)| asked > cap).map(line).collect()
}
