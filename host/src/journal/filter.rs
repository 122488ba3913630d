//! What a list shows, and the SQL for it.

use crate::domain::VerdictKind;
use rusqlite::types::Value;
use std::fmt;
use std::str::FromStr;

/// Rows of one page, at most.
pub const MAX_PAGE: usize = 200;

/// What a list shows; absent is any. Times are those of the verdict, `from_us` included, `to_us` not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    pub verdict: Option<VerdictKind>,
    /// Label of a pass, reason of a fail, the model's top label of an undecided frame.
    pub label: Option<String>,
    /// Label of a raised finding.
    pub finding: Option<String>,
    pub product: Option<String>,
    pub serial: Option<String>,
    pub from_us: Option<i64>,
    pub to_us: Option<i64>,
    /// True: with any raised finding.
    pub flagged: Option<bool>,
}

/// The place behind a row in a list that shows the newest first. Written `MICROS-ROW`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    pub judged_at_us: i64,
    pub row: i64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.judged_at_us, self.row)
    }
}

/// The text is no place in a list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a place in a list is MICROS-ROW as the page before gave it, found {found:?}")]
pub struct CursorParseError {
    pub found: String,
}

impl FromStr for Cursor {
    type Err = CursorParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse =
            |(micros, row): (&str, &str)| Some(Self { judged_at_us: micros.parse().ok()?, row: row.parse().ok()? });
        let bad = || CursorParseError { found: text.chars().take(60).collect() };
        text.rsplit_once('-').and_then(parse).ok_or_else(bad)
    }
}

/// One page of a list: at most [`MAX_PAGE`] rows, older than `before`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Page {
    pub before: Option<Cursor>,
    pub limit: usize,
}

/// `FROM … ORDER BY … LIMIT …` with its values. The narrowest index is named, because SQLite has no statistics here
/// and would guess.
pub fn select_rows(filter: &Filter, page: &Page) -> (String, Vec<Value>) {
    let mut sql = Conditions::default();
    let (from, time, row) = match &filter.finding {
        Some(label) => {
            sql.add("f.label = ?", Value::Text(label.clone()));
            ("findings f CROSS JOIN inspections i ON i.seq = f.inspection".to_owned(), "f.judged_at_us", "f.inspection")
        }
        None => (format!("inspections i INDEXED BY {}", index_for(filter)), "i.judged_at_us", "i.seq"),
    };
    sql.maybe("i.verdict = ?", filter.verdict.map(|kind| Value::Text(kind.name().to_owned())));
    sql.maybe("i.label = ?", filter.label.clone().map(Value::Text));
    sql.maybe("i.product = ?", filter.product.clone().map(Value::Text));
    sql.maybe("i.serial = ?", filter.serial.clone().map(Value::Text));
    if let Some(flagged) = filter.flagged {
        // Written out: a partial index is only used for a literal.
        sql.texts.push(format!("i.flagged = {}", i64::from(flagged)));
    }
    sql.maybe(&format!("{time} >= ?"), filter.from_us.map(Value::Integer));
    sql.maybe(&format!("{time} < ?"), filter.to_us.map(Value::Integer));
    if let Some(before) = page.before {
        sql.add(&format!("{time} <= ?"), Value::Integer(before.judged_at_us));
        sql.add(&format!("({time}, {row}) < (?, "), Value::Integer(before.judged_at_us));
        sql.join("?)", Value::Integer(before.row));
    }
    let conditions = if sql.texts.is_empty() { String::new() } else { format!("WHERE {}", sql.texts.join(" AND ")) };
    let limit = page.limit.clamp(1, MAX_PAGE);
    let text = format!("FROM {from} {conditions} ORDER BY {time} DESC, {row} DESC LIMIT {limit}");
    (text, sql.values)
}

fn index_for(filter: &Filter) -> &'static str {
    match filter {
        Filter { serial: Some(_), .. } => "inspections_serial",
        Filter { flagged: Some(true), .. } => "inspections_flagged",
        Filter { verdict: Some(VerdictKind::Fail | VerdictKind::Undecided), .. } => "inspections_verdict",
        Filter { label: Some(_), .. } => "inspections_label",
        Filter { product: Some(_), .. } => "inspections_product",
        Filter { verdict: Some(VerdictKind::Pass), .. } => "inspections_verdict",
        _ => "inspections_time",
    }
}

#[derive(Default)]
struct Conditions {
    texts: Vec<String>,
    values: Vec<Value>,
}

impl Conditions {
    fn add(&mut self, text: &str, value: Value) {
        self.texts.push(text.to_owned());
        self.values.push(value);
    }

    fn maybe(&mut self, text: &str, value: Option<Value>) {
        if let Some(value) = value {
            self.add(text, value);
        }
    }

    /// Goes on with the last condition.
    fn join(&mut self, text: &str, value: Value) {
        if let Some(last) = self.texts.last_mut() {
            last.push_str(text);
            self.values.push(value);
        }
    }
}
