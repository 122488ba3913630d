//! The hash chain: what makes a later change of the record visible.
//!
//! Each entry has `hash = SHA-256(prev ‖ seq ‖ kind ‖ SHA-256(content))`, where content is the canonical form of
//! all columns of the row, in the order of the schema. `prev` of entry 1 is 32 zero bytes. Entries of all kinds
//! share one sequence without gaps, so that a removed, added or reordered one shows as well as an edited one.

use crate::domain::Digest;
use rusqlite::types::{Value, ValueRef};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;

/// What an entry of the chain speaks of: in which table its content lies. Stored by number: add, never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Boot = 1,
    Inspection = 2,
    Observation = 3,
    Lost = 4,
    /// In the journal nothing writes it: the audit log has a database of its own, with the same chain. A journal that has
    /// such entries is verified with them.
    Audit = 5,
    LineLost = 6,
    Review = 7,
}

impl Kind {
    pub const ALL: [Self; 7] =
        [Self::Boot, Self::Inspection, Self::Observation, Self::Lost, Self::Audit, Self::LineLost, Self::Review];

    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as i64 == number)
    }

    #[must_use]
    pub const fn table(self) -> &'static str {
        match self {
            Self::Boot => "boots",
            Self::Inspection => "inspections",
            Self::Observation => "observations",
            Self::Lost => "lost",
            Self::Audit => "audit",
            Self::LineLost => "line_lost",
            Self::Review => "reviews",
        }
    }
}

/// Number of the last entry, and its hash. Written `ROWS:HASH`. Kept elsewhere, it also shows a cut-off end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    pub rows: i64,
    pub hash: Digest,
}

impl Checkpoint {
    /// Before the first entry.
    pub const START: Self = Self { rows: 0, hash: Digest::from_bytes([0; 32]) };

    /// The checkpoint after one more entry.
    #[must_use]
    pub fn then(&self, kind: Kind, content: &Content) -> Self {
        let rows = self.rows + 1;
        let mut hasher = Sha256::new();
        hasher.update(self.hash.as_bytes());
        hasher.update(rows.to_le_bytes());
        hasher.update([kind as u8]);
        hasher.update(content.0.as_bytes());
        Self { rows, hash: Digest::from_bytes(hasher.finalize().into()) }
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.rows, self.hash)
    }
}

/// The text is not a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a checkpoint is ROWS:HASH as `assay journal verify` prints it, found {found:?}")]
pub struct CheckpointParseError {
    pub found: String,
}

impl FromStr for Checkpoint {
    type Err = CheckpointParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once(':').and_then(|(rows, hash)| Some((rows.parse().ok()?, hash.parse().ok()?)));
        match parts {
            Some((rows, hash)) if rows >= 0 => Ok(Self { rows, hash }),
            _ => Err(CheckpointParseError { found: text.chars().take(100).collect() }),
        }
    }
}

/// Digest of the canonical form of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content(Digest);

/// Makes the canonical form: for each column one byte for its type, then its length, then its bytes. No two
/// different rows have the same form.
#[derive(Default)]
pub struct ContentHasher(Sha256);

impl ContentHasher {
    pub fn column(&mut self, value: ValueRef<'_>) {
        match value {
            ValueRef::Null => self.tagged(0, &[]),
            ValueRef::Integer(number) => self.tagged(1, &number.to_le_bytes()),
            ValueRef::Real(number) => self.tagged(2, &number.to_bits().to_le_bytes()),
            ValueRef::Text(text) => self.tagged(3, text),
            ValueRef::Blob(blob) => self.tagged(4, blob),
        }
    }

    pub fn columns(&mut self, values: &[Value]) {
        values.iter().for_each(|value| self.column(value.into()));
    }

    fn tagged(&mut self, tag: u8, bytes: &[u8]) {
        let mut head = [0; 9];
        head[0] = tag;
        head[1..].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.0.update(head);
        self.0.update(bytes);
    }

    #[must_use]
    pub fn finish(self) -> Content {
        Content(Digest::from_bytes(self.0.finalize().into()))
    }
}

/// Content of a row whose columns are all at hand.
#[must_use]
pub fn content_of(values: &[Value]) -> Content {
    let mut hasher = ContentHasher::default();
    hasher.columns(values);
    hasher.finish()
}

/// A number as SQLite gives it back: NaN becomes NULL and -0 becomes 0, so the hash must see them so.
#[must_use]
pub fn real(number: f64) -> Value {
    if number.is_nan() { Value::Null } else { Value::Real(number + 0.0) }
}
