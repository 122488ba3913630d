//! Triggers without a record: said aloud, never left out.

use super::now_us;
use super::record::{text, whole};
use rusqlite::Connection;
use rusqlite::types::Value;

/// Triggers of the last start that are looked at, from its end. Lanes are far shorter, so a gap that a crash left
/// lies in these.
const LOOKED_AT: i64 = 200_000;

/// Columns of `lost` behind `seq`.
pub fn lost_columns(boot: u64, first: u64, last: u64, reason: &str) -> Result<Vec<Value>, String> {
    Ok(vec![
        whole("boot", boot)?,
        whole("trigger", first)?,
        whole("trigger", last)?,
        text(reason),
        Value::Integer(now_us()),
    ])
}

/// Columns of `line_lost` behind `seq`.
pub fn line_lost_columns(boot: u64, source: &str, first: u64, last: u64, reason: &str) -> Result<Vec<Value>, String> {
    Ok(vec![
        whole("boot", boot)?,
        text(source),
        whole("line trigger", first)?,
        whole("line trigger", last)?,
        text(reason),
        Value::Integer(now_us()),
    ])
}

/// Ranges of triggers of `boot` below its last one that have neither a record nor a row in `lost`.
pub fn gaps_of(db: &Connection, boot: i64) -> rusqlite::Result<Vec<(i64, i64)>> {
    let mut covered = Vec::new();
    let mut statement = db.prepare("SELECT trigger FROM inspections WHERE boot = ? ORDER BY trigger DESC LIMIT ?")?;
    let mut rows = statement.query([boot, LOOKED_AT])?;
    while let Some(row) = rows.next()? {
        let trigger: i64 = row.get(0)?;
        covered.push((trigger, trigger));
    }
    let from = match covered.last() {
        Some((oldest, _)) if covered.len() as i64 == LOOKED_AT => *oldest,
        _ => 1,
    };
    let mut statement = db.prepare("SELECT first, last FROM lost WHERE boot = ?")?;
    let ranges = statement.query_map([boot], |row| Ok((row.get(0)?, row.get(1)?)))?;
    covered.extend(ranges.collect::<rusqlite::Result<Vec<(i64, i64)>>>()?);
    covered.sort_unstable();
    let mut gaps = Vec::new();
    let mut next = from;
    for (first, last) in covered {
        if first > next {
            gaps.push((next, first - 1));
        }
        next = next.max(last.saturating_add(1));
    }
    Ok(gaps)
}
