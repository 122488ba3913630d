use super::project::{Started, TrialArgs};
use crate::plugin::{HostCalls, HostUse, LogLevel};
use crate::toolbox::{Answer, Cost, Tried, sheet};
use crate::trust::write_atomically;
use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Build the plugin and show what it answers on pictures: findings, pictures, times, memory.
#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    pub trial: TrialArgs,
    /// One JSON object instead of the table
    #[arg(long)]
    pub json: bool,
    /// Pictures, or folders of pictures
    #[arg(required = true)]
    pub pictures: Vec<PathBuf>,
}

/// What is printed of one picture.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    /// Not `picture`: that is what a preprocessor answers.
    file: &'a Path,
    width: u32,
    height: u32,
    #[serde(flatten)]
    answer: &'a Answer,
    cost: Cost,
    host_calls: HostCalls,
    log: Vec<String>,
    log_dropped: u32,
    /// The PNG with what it saw and made.
    sheet: PathBuf,
}

pub fn run(args: &RunArgs) -> anyhow::Result<()> {
    let pictures = pictures(&args.pictures)?;
    let mut started = args.trial.start()?;
    let folder = args.trial.project.project.join("build/run");
    std::fs::create_dir_all(&folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    let mut all = Vec::new();
    for picture in &pictures {
        let tried = started.trial.on(picture)?;
        let path = write_sheet(&folder, &tried, &started)?;
        if !args.json {
            say_text!(block(&tried, &path));
        }
        all.push((tried, path));
    }
    let failed = all.iter().filter(|(tried, _)| tried.answer.failure.is_some()).count();
    if args.json {
        let shown: Vec<Shown<'_>> = all.iter().map(|(tried, path)| shown(tried, path)).collect();
        say!("{}", serde_json::to_string_pretty(&serde_json::json!({ "pictures": shown }))?);
    }
    anyhow::ensure!(failed == 0, "the plugin gave no answer on {failed} of {} pictures", all.len());
    Ok(())
}

/// Folders stand for the pictures in them.
pub fn pictures(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for path in paths {
        if path.is_dir() {
            all.extend(crate::toolbox::pictures(path)?);
        } else {
            all.push(path.clone());
        }
    }
    Ok(all)
}

fn write_sheet(folder: &Path, tried: &Tried, started: &Started) -> anyhow::Result<PathBuf> {
    let name = tried.picture.file_stem().unwrap_or_default();
    let path = folder.join(name).with_extension("png");
    let png = sheet(tried, &started.pool).with_context(|| format!("the sheet of {}", tried.picture.display()))?;
    write_atomically(&path, &png, 0o644)?;
    Ok(path)
}

fn shown<'a>(tried: &'a Tried, sheet: &Path) -> Shown<'a> {
    Shown {
        file: &tried.picture,
        width: tried.seen.width(),
        height: tried.seen.height(),
        answer: &tried.answer,
        cost: tried.cost,
        host_calls: tried.host_calls,
        log: tried.log.iter().map(|line| format!("{} {}", level(line.level), line.text)).collect(),
        log_dropped: tried.log_dropped,
        sheet: sheet.to_owned(),
    }
}

const fn level(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    }
}

/// One picture, for a person.
fn block(tried: &Tried, sheet: &Path) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_block(&mut text, tried, sheet);
    text
}

fn write_block(text: &mut String, tried: &Tried, sheet: &Path) -> std::fmt::Result {
    let Tried { answer, cost, seen, .. } = tried;
    writeln!(text, "{}  {}x{} {}", tried.picture.display(), seen.width(), seen.height(), seen.format().name())?;
    writeln!(
        text,
        "  {:.2} ms, {:.2} of them in the host; memory {} KiB, pictures and tensors {} KiB",
        cost.micros as f64 / 1000.0,
        cost.host_micros as f64 / 1000.0,
        cost.memory_bytes / 1024,
        cost.host_bytes / 1024
    )?;
    write_host_calls(text, tried)?;
    if let Some(failure) = &answer.failure {
        writeln!(text, "  NO ANSWER  {failure}")?;
    }
    for finding in &answer.findings {
        let mark = if finding.raised { "RAISED" } else { "      " };
        let region = finding.region.map(|r| format!("  {},{} {}x{}", r.x, r.y, r.width, r.height)).unwrap_or_default();
        let words = finding.text.as_deref().unwrap_or_default();
        writeln!(text, "  {mark}  {:20} {:.3}{region}  {words}", finding.label, finding.score)?;
    }
    for report in &answer.reports {
        let mark = if report.drifted { "DRIFT " } else { "      " };
        let (name, statistic) = (&report.feature, &report.statistic);
        writeln!(text, "  {mark}  {name} {statistic} {:.4}, limit {:.4}", report.value, report.threshold)?;
    }
    for (key, value) in &answer.attributes {
        writeln!(text, "  {key} = {value}")?;
    }
    for tensor in &answer.tensors {
        writeln!(text, "  tensor {} {} {:?}", tensor.name, tensor.ty, tensor.shape)?;
    }
    for image in answer.picture.iter().chain(&answer.images) {
        let name = if image.name.is_empty() { "the frame's new picture" } else { &image.name };
        writeln!(text, "  made {name}: {}x{} {}", image.width, image.height, image.format)?;
    }
    for line in &tried.log {
        writeln!(text, "  log {}: {}", level(line.level), line.text)?;
    }
    if tried.log_dropped > 0 {
        writeln!(text, "  {} log lines over limits.log_lines were dropped", tried.log_dropped)?;
    }
    writeln!(text, "  see {}", sheet.display())
}

/// What it asked of the host, the dearest first.
fn write_host_calls(text: &mut String, tried: &Tried) -> std::fmt::Result {
    let calls = &tried.host_calls;
    writeln!(text, "  {} calls of host functions, {} copied", calls.total(), size(calls.copied_bytes()))?;
    let mut used: Vec<HostUse> = calls.used().collect();
    used.sort_by(|a, b| b.micros.total_cmp(&a.micros).then(b.calls.cmp(&a.calls)));
    for HostUse { function, calls, micros } in used {
        let time = if micros > 0.0 { format!("{:8.3} ms", micros / 1000.0) } else { String::new() };
        writeln!(text, "    {calls:>6} x {function:40}{time}")?;
    }
    Ok(())
}

/// Bytes for a person.
pub fn size(bytes: u64) -> String {
    if bytes < 10 << 10 { format!("{bytes} bytes") } else { format!("{} KiB", bytes / 1024) }
}
