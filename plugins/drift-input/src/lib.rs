//! Monitor: drift of the pictures and of the model's certainty, against the reference in the model's bundle.
//!
//! Five features (brightness, contrast, focus, saturation, the largest probability) go through three watchers:
//!
//! - `adwin`: has the mean of the standardised feature moved at some time within an adaptive window? Quick, and needs
//!   no reference to be exact;
//! - `mean`: how far the mean of that window lies from the reference's, in its sd;
//! - `psi` and `ks`, per full window: is the whole distribution still the reference's?
//!
//! Drift of the input says "collect samples and look", not "train again": accuracy may be as good as before.
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "counts of frames stay far below 2^52, and the pure modules are all about counts"
)]

mod adwin;
mod ks;
mod memory;
mod psi;
mod watch;

use adwin::AdwinOptions;
use assay_plugin::reference;
use assay_plugin::{Error, Frame, Inspection, Monitor, Observation, Result, settings, state, warn};
use memory::{Memory, Track, fingerprint};
use psi::Bins;
use watch::{Options, Sample, step};

/// Names in the reference and in reports, with the least sd that a value is divided by: a reference of pictures that
/// hardly differ must not make drift of what no camera can avoid.
const FEATURES: [(&str, f64); 5] =
    [("brightness", 0.5), ("contrast", 0.1), ("focus", 0.1), ("saturation", 0.005), ("max_prob", 0.01)];

/// A longer reference sample is thinned out evenly.
const MAX_SAMPLE: usize = 2000;

const STATE_KEY: &str = "memory";

struct Plugin {
    options: Options,
}

impl Monitor for Plugin {
    fn new() -> Result<Self> {
        let number = settings::number_in;
        let adwin = AdwinOptions { delta: number("delta", 1e-9..=0.5, 0.002)?, ..AdwinOptions::default() };
        let options = Options {
            adwin,
            window: number("window", 20.0..=1000.0, 50.0)? as usize,
            mean_every: number("mean-every", 1.0..=1e6, 10.0)? as u64,
            mean_limit: number("mean-limit", 0.01..=100.0, 1.0)?,
            psi_limit: number("psi-limit", 0.01..=100.0, 0.25)?,
            alpha: number("alpha", 1e-9..=0.05, 0.001)?,
        };
        Ok(Self { options })
    }

    fn observe(&mut self, _frame: &Frame, inspection: &Inspection) -> Result<Observation> {
        let mut memory = self.recall()?;
        memory.frames += 1;
        let values = measure(inspection);
        let mut observation = Observation::default();
        for ((track, (name, _)), value) in memory.tracks.iter_mut().zip(FEATURES).zip(values) {
            if let Some(value) = value {
                observation.reports.extend(step(track, name, value, &self.options, || sample(name))?);
            }
        }
        state::set(STATE_KEY, &memory.to_bytes())?;
        Ok(observation)
    }
}

impl Plugin {
    /// What was remembered, or a fresh start where there is nothing, or it belongs to another reference or window.
    fn recall(&self) -> Result<Memory> {
        let fingerprint = fingerprint(&reference::digest()?, self.options.window as u64);
        let bytes = state::get(STATE_KEY);
        let found = bytes.as_deref().and_then(Memory::from_bytes);
        if let Some(memory) = found.filter(|m| m.fingerprint == fingerprint && m.tracks.len() == FEATURES.len()) {
            return Ok(memory);
        }
        if bytes.is_some() {
            warn!("the memory belongs to another reference, window or version: starting afresh");
        }
        let track = |(name, least_sd): (&str, f64)| {
            let feature = reference::feature(name);
            let sd = feature.number("sd")?.max(least_sd);
            Ok(Track { mean: feature.number("mean")?, sd, ..Track::default() })
        };
        Ok(Memory { fingerprint, frames: 0, tracks: FEATURES.into_iter().map(track).collect::<Result<_>>()? })
    }
}

/// In the order of [`FEATURES`]; nothing for a certainty that the model did not give.
fn measure(inspection: &Inspection) -> [Option<f64>; 5] {
    let statistics = inspection.picture.statistics();
    let certainty = inspection.probabilities.iter().copied().reduce(f32::max).map(f64::from);
    [
        Some(statistics.mean),
        Some(statistics.sd),
        Some(statistics.laplacian_variance),
        Some(statistics.dark_share + statistics.bright_share),
        certainty,
    ]
}

fn sample(name: &str) -> Result<Sample> {
    let feature = reference::feature(name);
    let mut values = feature.numbers("samples")?;
    let every = values.len().div_ceil(MAX_SAMPLE);
    values = values.into_iter().step_by(every.max(1)).collect();
    values.sort_by(f64::total_cmp);
    let edges = feature.numbers("bins/edges")?;
    if !edges.is_sorted() {
        return Err(Error::bad_setting("reference", &format!("bins/edges of {name} in order"), "others"));
    }
    Ok(Sample { bins: Bins::new(&edges, &values), values })
}

assay_plugin::export_monitor!(Plugin);
