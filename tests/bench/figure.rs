//! Figures, and how times are taken.

use crate::fixture::Fixture;
use serde::Serialize;
use std::fmt;
use std::time::{Duration, Instant};

#[derive(Serialize)]
pub struct Report {
    pub machine: Machine,
    pub figures: Vec<Figure>,
}

#[derive(Serialize)]
pub struct Machine {
    pub cpu: String,
    pub cores: usize,
    pub backend: String,
}

impl Machine {
    pub fn look(fixture: &Fixture) -> Self {
        let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        let placement = fixture.live.model.placement();
        Self {
            cpu: name.map_or_else(|| "unknown CPU".to_owned(), |(_, name)| name.trim().to_owned()),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            backend: format!("{} {}", placement.device.backend, placement.library_version),
        }
    }
}

/// One measured figure.
#[derive(Serialize)]
pub struct Figure {
    pub name: String,
    pub unit: &'static str,
    pub value: f64,
    /// In words; none where there is nothing to reach.
    pub target: Option<String>,
    pub met: Option<bool>,
    /// What it is measured against, or how.
    pub against: String,
}

impl Figure {
    pub fn plain(name: &str, value: f64, unit: &'static str, against: &str) -> Self {
        Self { name: name.to_owned(), unit, value, target: None, met: None, against: against.to_owned() }
    }

    pub fn at_most(name: &str, value: f64, unit: &'static str, most: f64, against: &str) -> Self {
        let target = Some(format!("<= {most} {unit}"));
        Self { target, met: Some(value <= most), ..Self::plain(name, value, unit, against) }
    }

    pub fn at_least(name: &str, value: f64, unit: &'static str, least: f64, against: &str) -> Self {
        let target = Some(format!(">= {least} {unit}"));
        Self { target, met: Some(value >= least), ..Self::plain(name, value, unit, against) }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.met {
            Some(true) => "met   ",
            Some(false) => "MISSED",
            None => "      ",
        };
        let value = if self.value.abs() >= 100.0 { format!("{:.0}", self.value) } else { format!("{:.2}", self.value) };
        let target = self.target.as_deref().unwrap_or("");
        write!(f, "{mark} {:<52} {value:>10} {:<6} {target:<14} {}", self.name, self.unit, self.against)
    }
}

/// Times of single runs, sorted.
pub struct Times(Vec<Duration>);

impl Times {
    /// Runs `work` `warm` times for nothing, then `count` times on the clock.
    pub fn of(warm: usize, count: usize, mut work: impl FnMut()) -> Self {
        (0..warm).for_each(|_| work());
        let mut times: Vec<Duration> = (0..count)
            .map(|_| {
                let start = Instant::now();
                work();
                start.elapsed()
            })
            .collect();
        times.sort_unstable();
        Self(times)
    }

    pub fn from_micros(mut micros: Vec<f64>) -> Self {
        micros.sort_by(f64::total_cmp);
        Self(micros.into_iter().map(|micros| Duration::from_secs_f64(micros.max(0.0) / 1e6)).collect())
    }

    /// Nearest rank, in microseconds.
    pub fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).map_or(f64::NAN, Duration::as_secs_f64) * 1e6
    }

    pub fn p50(&self) -> f64 {
        self.percentile(50)
    }
}
