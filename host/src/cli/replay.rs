use super::station::Assembly;
use crate::admin::reason_of;
use crate::config::load;
use crate::domain::{DeviceUse, FrameId, Inspection, PluginRun, Verdict};
use crate::journal::Reader;
use crate::pipeline::{inspect_frame, now_us};
use crate::source::Arrival;
use anyhow::{Context as _, bail};
use std::path::PathBuf;
use std::sync::Arc;

/// Judges a stored frame again, with the recipe of its record, and shows any difference.
#[derive(Debug, clap::Args)]
pub struct ReplayArgs {
    /// The station's configuration, station.toml
    #[arg(long)]
    config: PathBuf,
    /// The frame's id, as the admin and `inspect` show it: STATION-BOOT-TRIGGER
    id: String,
}

/// Largest change of a probability or score that still counts as the same: another backend rounds differently.
const TOLERANCE: f32 = 1e-4;

pub fn run(args: ReplayArgs) -> anyhow::Result<()> {
    let id =
        FrameId::parse(&args.id).with_context(|| format!("{:?} is no id: expected STATION-BOOT-TRIGGER", args.id))?;
    let config = load(&args.config)?;
    let reader = Reader::open(&config.data_dir.join("journal"))?;
    let Some(entry) = reader.get(&id)? else { bail!("the journal has no frame {id}") };
    let then = entry.inspection;
    let Some(digest) = then.picture else { bail!("frame {id} has no picture: {}", describe(&then)) };
    let Some(bytes) = reader.picture(&digest)? else {
        bail!("the picture of frame {id} is no longer kept (digest {digest})");
    };
    let parts = Assembly::open(config)?;
    let recipe = parts.recorded_recipe(then.recipe_digest)?.live;
    let arrival = Arrival {
        source: then.meta.source.clone(),
        origin: then.meta.origin.clone(),
        product: then.meta.product.clone(),
        serial: then.meta.serial.clone(),
        trigger: then.meta.line_trigger,
        captured_at_us: then.meta.captured_at_us,
        payload: Ok(Arc::from(bytes)),
        simulated: true,
        receipt: None,
    };
    say!("frame {id}, judged {} s ago", (now_us() - then.judged_at_us) / 1_000_000);
    let now = inspect_frame(arrival, id, recipe.as_ref(), &parts.context).inspection;
    say!("then  {}", describe(&then));
    say!("now   {}", describe(&now));
    if let Some(note) = other_device(&then, &now) {
        say!("note: {note}");
    }
    let differences = differences(&then, &now);
    if differences.is_empty() {
        say!("no difference (tolerance {TOLERANCE})");
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

/// Everything that a person would call another result. Times are not.
fn differences(then: &Inspection, now: &Inspection) -> Vec<String> {
    let mut found = Vec::new();
    let (old, new) = (reason_of(&then.verdict).0, reason_of(&now.verdict).0);
    if then.verdict.kind() != now.verdict.kind() || old != new {
        found.push(format!("verdict: {} {old} then, {} {new} now", then.verdict.kind(), now.verdict.kind()));
    }
    if let (
        Verdict::Undecided { stage: old_stage, blame: old_blame, .. },
        Verdict::Undecided { stage: new_stage, blame: new_blame, .. },
    ) = (&then.verdict, &now.verdict)
        && (old_stage, old_blame) != (new_stage, new_blame)
    {
        found.push(format!("undecided: {old_stage} by {old_blame} then, {new_stage} by {new_blame} now"));
    }
    match (&then.answer, &now.answer) {
        (Some(old), Some(new)) => {
            if old.digest != new.digest {
                found.push(format!("model: {} then, {} now", old.digest, new.digest));
            }
            for ((label, old), new) in old.labels.iter().zip(&old.probabilities).zip(&new.probabilities) {
                if (old - new).abs() > TOLERANCE {
                    found.push(format!("probability of {label}: {old:.5} then, {new:.5} now"));
                }
            }
        }
        (None, None) => {}
        (old, _) => {
            let answered = |yes: bool| if yes { "answered" } else { "did not answer" };
            found.push(format!("the model {} then, {} now", answered(old.is_some()), answered(old.is_none())));
        }
    }
    runs(&then.runs, &now.runs, &mut found);
    found
}

fn runs(then: &[PluginRun], now: &[PluginRun], found: &mut Vec<String>) {
    if then.len() != now.len() {
        found.push(format!("{} plugins ran then, {} now", then.len(), now.len()));
    }
    for (old, new) in then.iter().zip(now) {
        if old.component != new.component {
            found.push(format!("{}: component {} then, {} now", old.plugin, old.component, new.component));
        }
        let code = |run: &PluginRun| run.failure.as_ref().map_or("no failure", |failure| failure.code.name());
        if code(old) != code(new) {
            found.push(format!("{}: {} then, {} now", old.plugin, code(old), code(new)));
        }
        if old.findings.len() != new.findings.len() {
            found.push(format!("{}: {} findings then, {} now", old.plugin, old.findings.len(), new.findings.len()));
        }
        for (a, b) in old.findings.iter().zip(&new.findings) {
            if a.label != b.label || a.raised != b.raised || (a.score - b.score).abs() > TOLERANCE {
                let words = |f: &crate::domain::Finding| {
                    format!("{} {:.5}{}", f.label, f.score, if f.raised { " raised" } else { "" })
                };
                found.push(format!("{}: finding {} then, {} now", old.plugin, words(a), words(b)));
            }
        }
    }
}
