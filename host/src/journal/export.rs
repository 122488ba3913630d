//! Inspections as text: one JSON object per line, or CSV for a spreadsheet.

use super::rows::Line;
use super::{JournalError, Reader, Reviewed};
use std::io::{self, Write};

/// Inspections that are read under one view of the database.
const STEP: i64 = 500;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// Each line has `row`, `hash`, `inspection` and `images`: all that is recorded.
    Jsonl,
    /// The columns of the list.
    Csv,
}

/// An export ended early.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("the export was read up to row {row} only")]
    Read { row: i64, source: JournalError },
    #[error("the export was written up to row {row} only")]
    Write { row: i64, source: io::Error },
}

/// Writes all inspections, the oldest first; says how many. Holds at most a few hundred in memory.
///
/// # Errors
/// When the journal cannot be read or `out` cannot be written.
pub fn export(reader: &Reader, format: ExportFormat, out: &mut dyn Write) -> Result<u64, ExportError> {
    let mut row = 0;
    let mut count = 0;
    if format == ExportFormat::Csv {
        out.write_all(csv_head().as_bytes()).map_err(|source| ExportError::Write { row, source })?;
    }
    loop {
        let written = match format {
            ExportFormat::Jsonl => jsonl(reader, &mut row, out)?,
            ExportFormat::Csv => csv(reader, &mut row, out)?,
        };
        if written == 0 {
            out.flush().map_err(|source| ExportError::Write { row, source })?;
            return Ok(count);
        }
        count += written;
    }
}

fn jsonl(reader: &Reader, row: &mut i64, out: &mut dyn Write) -> Result<u64, ExportError> {
    let texts = reader.texts(*row, STEP).map_err(|source| ExportError::Read { row: *row, source })?;
    for (seq, hash, text) in &texts {
        let open = format!("{{\"row\":{seq},\"hash\":\"{hash}\",");
        // The record is an object: its brace is replaced by ours.
        let rest = text.strip_prefix('{').unwrap_or(text);
        writeln!(out, "{open}{rest}").map_err(|source| ExportError::Write { row: *row, source })?;
        *row = *seq;
    }
    Ok(texts.len() as u64)
}

const CSV_HEAD: &str = "row,station,boot,trigger,captured_at_us,judged_at_us,source,origin,product,serial,simulated,\
verdict,label,score,code,stage,blame,recipe,recipe_version,picture,backend,device,flagged,total_us";

/// The first line of a CSV of inspections with what people say of them.
#[must_use]
pub fn csv_head() -> String {
    format!("{CSV_HEAD},review,review_label,reviews\r\n")
}

/// An inspection with what people say of it.
#[must_use]
pub fn csv_line(line: &Line, reviewed: Option<&Reviewed>) -> String {
    let review = reviewed.map_or("", |reviewed| reviewed.verdict.name());
    let label = reviewed.and_then(|reviewed| reviewed.label.as_deref()).unwrap_or("");
    let reviews = reviewed.map_or(0, |reviewed| reviewed.reviews);
    format!("{},{review},{},{reviews}\r\n", cells(line), csv_cell(label))
}

fn csv(reader: &Reader, row: &mut i64, out: &mut dyn Write) -> Result<u64, ExportError> {
    let lines = reader.lines(*row, STEP).map_err(|source| ExportError::Read { row: *row, source })?;
    let rows: Vec<i64> = lines.iter().map(|line| line.row).collect();
    let reviewed = reader.reviewed_rows(&rows).map_err(|source| ExportError::Read { row: *row, source })?;
    for line in &lines {
        out.write_all(csv_line(line, reviewed.get(&line.row)).as_bytes())
            .map_err(|source| ExportError::Write { row: *row, source })?;
        *row = line.row;
    }
    Ok(lines.len() as u64)
}

fn cells(line: &Line) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let cells = [
        line.row.to_string(),
        line.id.station.clone(),
        line.id.boot.to_string(),
        line.id.trigger.to_string(),
        line.captured_at_us.to_string(),
        line.judged_at_us.to_string(),
        line.source.clone(),
        text(&line.origin),
        text(&line.product),
        text(&line.serial),
        line.simulated.to_string(),
        line.verdict.to_string(),
        text(&line.label),
        line.score.map(|score| score.to_string()).unwrap_or_default(),
        text(&line.code),
        text(&line.stage),
        text(&line.blame),
        line.recipe.clone(),
        line.recipe_version.clone(),
        line.picture.map(|digest| digest.to_string()).unwrap_or_default(),
        text(&line.backend),
        text(&line.device),
        line.flagged.to_string(),
        line.total_us.to_string(),
    ];
    cells.map(|cell| csv_cell(&cell)).join(",")
}

/// RFC 4180 quoting. A cell that a spreadsheet would run as a formula gets an apostrophe before it.
#[must_use]
pub fn csv_cell(cell: &str) -> String {
    let formula =
        cell.starts_with(['=', '+', '@', '\t', '\r']) || (cell.starts_with('-') && cell.parse::<f64>().is_err());
    let cell = if formula { format!("'{cell}") } else { cell.to_owned() };
    if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}
