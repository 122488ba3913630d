use super::station::Assembly;
use crate::admin::reason_of;
use crate::config::load;
use crate::deploy::{Replayed, StoredFrame};
use crate::domain::{DeviceUse, FrameId, Inspection, SCORE_TOLERANCE};
use crate::journal::Reader;
use crate::pipeline::now_us;
use anyhow::{Context as _, bail};
use std::path::PathBuf;

/// Judges a stored frame again, with the recipe of its record, and shows any difference.
#[derive(Debug, clap::Args)]
pub struct ReplayArgs {
    /// The station's configuration, station.toml
    #[arg(long)]
    config: PathBuf,
    /// The frame's id, as the admin and `inspect` show it: STATION-BOOT-TRIGGER
    id: String,
}

pub fn run(args: ReplayArgs) -> anyhow::Result<()> {
    let id =
        FrameId::parse(&args.id).with_context(|| format!("{:?} is no id: expected STATION-BOOT-TRIGGER", args.id))?;
    let config = load(&args.config)?;
    let reader = Reader::open(&config.data_dir.join("journal"))?;
    let frame = StoredFrame::read(&reader, &id)?;
    let parts = Assembly::open(config)?;
    let recipe = parts.recorded_recipe(frame.recorded().recipe_digest)?.live;
    say!("frame {id}, judged {} s ago", (now_us() - frame.recorded().judged_at_us) / 1_000_000);
    let Replayed { then, now, differences } = frame.judge(recipe.as_ref(), &parts.context);
    say!("then  {}", describe(&then));
    say!("now   {}", describe(&now));
    if let Some(note) = other_device(&then, &now) {
        say!("note: {note}");
    }
    if differences.is_empty() {
        say!("no difference (tolerance {SCORE_TOLERANCE})");
        return Ok(());
    }
    for difference in &differences {
        say!("differs: {difference}");
    }
    bail!("{} differences", differences.len());
}

fn describe(inspection: &Inspection) -> String {
    let (reason, detail) = reason_of(&inspection.verdict);
    let score = inspection.verdict.score().map(|score| format!(" {score:.4}")).unwrap_or_default();
    let device =
        inspection.answer.as_ref().map(|answer| format!(" on {} {}", answer.device.backend, answer.device.used));
    let detail = detail.map(|detail| format!(" ({detail})")).unwrap_or_default();
    format!("{} {reason}{score}{}{detail}", inspection.verdict.kind(), device.unwrap_or_default())
}

/// Where the frame ran then and now, where that is not the same: no other result, but a reason for one.
fn other_device(then: &Inspection, now: &Inspection) -> Option<String> {
    let (old, new) = (&then.answer.as_ref()?.device, &now.answer.as_ref()?.device);
    let words = |device: &DeviceUse| format!("{} {}", device.backend, device.used);
    (words(old) != words(new)).then(|| format!("judged on {} then, on {} now", words(old), words(new)))
}
