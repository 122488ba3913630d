//! What is derived from records and reviews must follow from them.

use super::record::parts_of;
use super::rows::unsigned;
use super::sample::is_drawn;
use super::schema;
use super::verify::ChainFault;
use crate::domain::{Digest, FrameId, Inspection};
use rusqlite::{Connection, OptionalExtension as _, Statement};
use std::collections::BTreeSet;

/// The list of what recipes are made of.
pub struct ListedParts<'c> {
    /// None in a database that is older than the table.
    statement: Option<Statement<'c>>,
    /// Part and recipe that were found in it.
    found: BTreeSet<(Digest, Digest)>,
}

impl<'c> ListedParts<'c> {
    pub fn new(db: &'c Connection) -> rusqlite::Result<Self> {
        let sql = "SELECT 1 FROM recipe_parts WHERE part = ? AND recipe = ?";
        let statement = if schema::has_table(db, "recipe_parts")? { Some(db.prepare(sql)?) } else { None };
        Ok(Self { statement, found: BTreeSet::new() })
    }

    /// Whether all that a record names is listed with its recipe.
    pub fn has_all_of(&mut self, inspection: &Inspection) -> rusqlite::Result<bool> {
        let Some(statement) = &mut self.statement else { return Ok(true) };
        for part in parts_of(inspection) {
            let key = (part, inspection.recipe_digest);
            if self.found.contains(&key) {
                continue;
            }
            if !statement.exists([part.as_bytes(), inspection.recipe_digest.as_bytes()])? {
                return Ok(false);
            }
            self.found.insert(key);
        }
        Ok(true)
    }
}

/// What does not follow from the reviews, from the draw or from the reports of monitors.
pub fn fault_of(db: &Connection) -> rusqlite::Result<Option<ChainFault>> {
    if let Some(row) = false_change(db)? {
        return Ok(Some(ChainFault::DriftChange { row }));
    }
    if !schema::has_table(db, "reviewed")? {
        return Ok(None);
    }
    let sql = "SELECT coalesce(r.inspection, d.inspection) FROM
            (SELECT inspection, max(seq) AS latest, count(*) AS reviews FROM reviews GROUP BY inspection) r
            FULL JOIN reviewed d ON d.inspection = r.inspection
            LEFT JOIN reviews last ON last.seq = r.latest
            LEFT JOIN inspections i ON i.seq = d.inspection
        WHERE d.latest IS NOT r.latest OR d.reviews IS NOT r.reviews OR d.verdict IS NOT last.verdict
            OR d.label IS NOT last.label OR d.judged_at_us IS NOT i.judged_at_us LIMIT 1";
    if let Some(row) = db.query_row(sql, [], |row| row.get(0)).optional()? {
        return Ok(Some(ChainFault::Reviewed { row }));
    }
    falsely_drawn(db)
}

/// A pass that was taken out of the sample does not show here: which rate there was is known from the sample alone.
fn falsely_drawn(db: &Connection) -> rusqlite::Result<Option<ChainFault>> {
    let sql = "SELECT s.inspection, s.one_in, i.station, i.boot, i.trigger
        FROM review_samples s LEFT JOIN inspections i ON i.seq = s.inspection AND i.verdict = 'pass'
            AND i.judged_at_us = s.judged_at_us";
    let mut statement = db.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let station: Option<String> = row.get(2)?;
        let drawn = match station {
            None => false,
            Some(station) => {
                let id = FrameId { station, boot: unsigned(row.get(3)?), trigger: unsigned(row.get(4)?) };
                is_drawn(&id, unsigned(row.get(1)?))
            }
        };
        if !drawn {
            return Ok(Some(ChainFault::Drawn { row: row.get(0)? }));
        }
    }
    Ok(None)
}

/// A change of drift that is listed and was none, or was one and is not listed.
fn false_change(db: &Connection) -> rusqlite::Result<Option<i64>> {
    if !schema::has_table(db, "drift_changes")? {
        return Ok(None);
    }
    // In one pass, without a table of all reports: those whose entry in the list is not as it should be, ...
    let wrong = "SELECT seq FROM (
            SELECT seq, ord, drifted,
                lag(drifted, 1, 0) OVER (PARTITION BY plugin, feature, statistic ORDER BY seq, ord) AS before
            FROM observations) AS o
        WHERE (drifted <> before)
            <> EXISTS (SELECT 1 FROM drift_changes AS d WHERE d.seq = o.seq AND d.ord = o.ord) LIMIT 1";
    if let Some(row) = db.query_row(wrong, [], |row| row.get(0)).optional()? {
        return Ok(Some(row));
    }
    // ... and entries of reports that are not there.
    let of_nothing = "SELECT d.seq FROM drift_changes AS d
        WHERE NOT EXISTS (SELECT 1 FROM observations AS o WHERE o.seq = d.seq AND o.ord = d.ord) LIMIT 1";
    db.query_row(of_nothing, [], |row| row.get(0)).optional()
}
