//! Tables and lines for a terminal.

use super::summary::{InspectReport, PictureRow, Summary};
use crate::domain::{Stage, one_line};
use std::fmt::Write as _;

/// One line per picture.
pub fn table(report: &InspectReport) -> String {
    let stages: Vec<Stage> = Stage::ALL.into_iter().filter(|stage| used(report, *stage)).collect();
    let mut head: Vec<String> =
        ["picture", "truth", "verdict", "reason", "score", "findings"].map(String::from).to_vec();
    head.extend(stages.iter().map(|stage| format!("{stage} ms")));
    let mut lines = vec![head];
    lines.extend(report.pictures.iter().map(|row| cells(row, &stages)));
    let causes: String = report.pictures.iter().filter_map(cause).collect();
    if causes.is_empty() { align(&lines) } else { format!("{}\n{causes}", align(&lines)) }
}

/// Why a picture is undecided, and whose fault that is, as a line under the table.
fn cause(row: &PictureRow) -> Option<String> {
    let (stage, blame) = (row.stage?, row.blame?);
    let detail = row.judged.detail.as_deref().unwrap_or_default();
    let said = format!("{}: {} (stage {stage}, blame {blame}): {detail}", row.picture, row.judged.reason);
    Some(one_line(&said) + "\n")
}

fn used(report: &InspectReport, stage: Stage) -> bool {
    report.pictures.iter().any(|row| row.judged.stages_ms.contains_key(stage.name()))
}

fn cells(row: &PictureRow, stages: &[Stage]) -> Vec<String> {
    let raised: Vec<&str> =
        row.judged.findings.iter().filter(|finding| finding.raised).map(|finding| finding.label.as_str()).collect();
    let truth = match (row.expected.as_ref().or(row.truth.as_ref()), row.group) {
        (Some(truth), Some(super::truth::Group::Ordinary)) => truth.clone(),
        (Some(truth), Some(group)) => format!("{truth}, {}", group.name()),
        _ => "-".to_owned(),
    };
    let mut cells = vec![
        row.picture.clone(),
        truth,
        row.judged.verdict.to_owned(),
        row.judged.reason.clone(),
        row.judged.score.map_or_else(|| "-".to_owned(), |score| format!("{score:.3}")),
        if raised.is_empty() { "-".to_owned() } else { raised.join(",") },
    ];
    let time =
        |stage: &Stage| row.judged.stages_ms.get(stage.name()).map_or_else(|| "-".to_owned(), |ms| format!("{ms:.2}"));
    cells.extend(stages.iter().map(time));
    cells
}

/// Columns padded to their widest cell; the first line is underlined. A cell cannot leave its place: names of pictures
/// and texts of plugins are not ours.
fn align(lines: &[Vec<String>]) -> String {
    let lines: Vec<Vec<String>> = lines.iter().map(|line| line.iter().map(|cell| one_line(cell)).collect()).collect();
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| {
        lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        let cells: Vec<String> = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
        if number == 0 {
            let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
            let _ = writeln!(text, "{}", rules.join("  "));
        }
    }
    text
}

/// The summary in words.
pub fn summary(summary: &Summary) -> String {
    let mut text = String::new();
    let mut line = |key: &str, value: String| {
        let _ = writeln!(text, "{key:<22} {value}");
    };
    line("pictures", summary.pictures.to_string());
    line("verdicts", format!("{} pass, {} fail, {} undecided", summary.pass, summary.fail, summary.undecided));
    if let Some(quality) = &summary.quality {
        if let Some(reasons) = quality.reasons {
            line("reasons as expected", reasons.to_string());
        }
        line("accuracy", quality.accuracy.to_string());
        line("false rejects", quality.false_rejects.to_string());
        line("escapes", quality.escapes.to_string());
        line("left undecided", quality.undecided.to_string());
        line("accuracy, drifted", quality.accuracy_drifted.to_string());
        line("attacks flagged", quality.attacks_flagged.to_string());
        line("attacks escaped", quality.attacks_escaped.to_string());
        line("false flags", quality.false_flags.to_string());
    }
    line("drift", drift(summary));
    line("recipe", format!("{} ({})", summary.recipe, summary.recipe_digest.chars().take(12).collect::<String>()));
    let asked = summary.device_asked.join(", ");
    line("inference", format!("{} {}", summary.backend, summary.backend_version));
    line("device", format!("used {}, asked {asked}, {}", summary.device_used, summary.precision));
    for stage in &summary.stages {
        line(&format!("{} ms", stage.stage), format!("p50 {:.2}  p99 {:.2}", stage.p50_ms, stage.p99_ms));
    }
    text
}

fn drift(summary: &Summary) -> String {
    if summary.drift.is_empty() {
        return "no report yet: no window is full".to_owned();
    }
    let drifted: Vec<String> = summary
        .drift
        .iter()
        .filter(|row| row.report.drifted)
        .map(|row| format!("{} ({})", row.report.feature, row.report.statistic))
        .collect();
    if drifted.is_empty() { "none".to_owned() } else { format!("DRIFT in {}", drifted.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::JudgedJson;
    use crate::domain::Blame;

    #[test]
    fn a_pictures_name_cannot_write_over_the_table() {
        let line = |name: &str| vec![name.to_owned(), "pass".to_owned()];
        let text = align(&[line("picture"), line("a\u{1b}[2J\nb.png")]);
        assert_eq!(text.lines().count(), 3, "{text:?}");
        assert!(text.ends_with("a\\u{1b}[2J\\nb.png  pass\n"), "{text:?}");
    }

    #[test]
    fn an_undecided_picture_says_where_it_failed_and_whose_fault_that_is() {
        let judged = |verdict: &'static str, detail: Option<&str>| JudgedJson {
            id: "inspect-1-1".to_owned(),
            verdict,
            reason: "not-an-image".to_owned(),
            detail: detail.map(str::to_owned),
            score: None,
            label: None,
            findings: Vec::new(),
            stages_ms: std::collections::BTreeMap::new(),
        };
        let row = PictureRow {
            picture: "a\nb.png".to_owned(),
            truth: None,
            group: None,
            expected: None,
            judged: judged("undecided", Some("no format is known by its first bytes")),
            stage: Some(Stage::Decode),
            blame: Some(Blame::Source),
        };
        let said = "a\\nb.png: not-an-image (stage decode, blame source): no format is known by its first bytes\n";
        assert_eq!(cause(&row).as_deref(), Some(said));
        let decided = PictureRow { judged: judged("pass", None), stage: None, blame: None, ..row };
        assert_eq!(cause(&decided), None);
    }
}
