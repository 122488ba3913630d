//! `assay doctor`: what this machine and this station have, and what is missing.

mod authors;
mod machine;
mod station;

use crate::config::{StationConfig, load};
use anyhow::bail;
use serde::Serialize;
use std::path::PathBuf;

/// Says what this machine and a station on it have, and what is missing.
#[derive(Debug, clap::Args)]
pub struct DoctorArgs {
    /// Look at this station too, station.toml
    #[arg(long)]
    config: Option<PathBuf>,
    /// Write all that is found as one JSON object; `-` prints it instead of the table
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    Ok,
    /// Nothing that a station needs; good to know.
    Absent,
    /// It works, and somebody should look.
    Warning,
    /// The station cannot run so.
    Missing,
}

impl Status {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Absent => "-",
            Self::Warning => "WARNING",
            Self::Missing => "MISSING",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    group: &'static str,
    name: String,
    status: Status,
    found: String,
    /// What to do about it.
    advice: Option<String>,
}

impl Check {
    fn new(group: &'static str, name: impl Into<String>, status: Status, found: impl Into<String>) -> Self {
        Self { group, name: name.into(), status, found: found.into(), advice: None }
    }

    fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

#[derive(Debug, Serialize)]
struct Report {
    version: &'static str,
    /// False where something that the station needs is missing.
    ready: bool,
    checks: Vec<Check>,
}

pub fn run(args: DoctorArgs) -> anyhow::Result<()> {
    let report = examine(args.config.as_deref());
    match &args.json {
        Some(path) if path.as_os_str() == "-" => say!("{}", serde_json::to_string_pretty(&report)?),
        Some(path) => {
            super::say::write_json(path, &report)?;
            say_text!(table(&report));
        }
        None => say_text!(table(&report)),
    }
    if !report.ready {
        let missing = report.checks.iter().filter(|check| check.status == Status::Missing).count();
        bail!("{missing} of the things that this station needs are missing");
    }
    Ok(())
}

fn examine(path: Option<&std::path::Path>) -> Report {
    let mut checks = machine::checks();
    let config = path.map(load).transpose();
    match &config {
        Ok(config) => {
            checks.extend(machine::backends(config.as_ref().map(|config| &config.inference)));
            checks.extend(config.iter().flat_map(|config: &StationConfig| station::checks(config)));
        }
        Err(errors) => {
            checks.extend(machine::backends(None));
            let advice = "correct what is named";
            checks.push(Check::new("station", "configuration", Status::Missing, errors.to_string()).advise(advice));
        }
    }
    checks.extend(authors::checks());
    let ready = checks.iter().all(|check| check.status != Status::Missing);
    Report { version: env!("CARGO_PKG_VERSION"), ready, checks }
}

fn table(report: &Report) -> String {
    use std::fmt::Write as _;
    let width = report.checks.iter().map(|check| check.name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    let mut group = "";
    for check in &report.checks {
        if check.group != group {
            group = check.group;
            let _ = writeln!(text, "{group}");
        }
        let mut lines = check.found.lines();
        let first = lines.next().unwrap_or("");
        let _ = writeln!(text, "  {:<8} {:<width$}  {first}", check.status.word(), check.name);
        let indent = " ".repeat(13 + width);
        lines.chain(check.advice.as_deref().map_or("", |advice| advice).lines()).for_each(|line| {
            let _ = writeln!(text, "{indent}{line}");
        });
    }
    let _ = writeln!(text, "{}", if report.ready { "ready" } else { "not ready" });
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_groups_checks_and_shows_what_to_do_below_them() {
        let checks = vec![
            Check::new("machine", "cores", Status::Ok, "4"),
            Check::new("station", "trust store", Status::Missing, "not there").advise("make one\nwith a key"),
        ];
        let text = table(&Report { version: "1", ready: false, checks });
        let expected = "machine\n  ok       cores        4\nstation\n  MISSING  trust store  not there\n\
                        \x20                       make one\n                        with a key\nnot ready\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_machine_without_a_station_is_ready_and_names_its_backends() {
        let report = examine(None);
        assert!(report.ready, "{report:?}");
        let names: Vec<&str> = report.checks.iter().map(|check| check.name.as_str()).collect();
        for name in ["processor", "backend tract", "clock"] {
            assert!(names.contains(&name), "{names:?}");
        }
        for language in crate::config::Language::ALL {
            assert!(names.contains(&format!("plugins in {language}").as_str()), "{names:?}");
        }
    }
}
