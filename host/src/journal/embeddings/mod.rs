//! How the model sees the newest pictures, in a database of its own beside the journal (`embeddings.db`): what "more
//! like this" looks through.
//!
//! It is no part of the record and may be lost, as the figures for charts may: see `side`. It has a bound in rows, and
//! with the longest embedding in bytes.

mod read;
mod write;

#[cfg(test)]
mod tests;

pub use read::{Alike, EmbeddingReader, Like};
pub use write::{EmbeddingWriter, NewEmbedding};

use super::side::Side;

/// Pictures that are kept, the newest: 30 MB with 256 numbers each, 400 MB with the most that one can have.
pub const MAX_KEPT: usize = 100_000;

/// `row` is the journal's; a journal that began anew has the same rows for other pictures, at other times.
const TABLES: &str = "
CREATE TABLE embeddings (
    row INTEGER PRIMARY KEY, judged_at_us INTEGER NOT NULL, model BLOB NOT NULL, vector BLOB NOT NULL) STRICT;
";

pub(super) const EMBEDDINGS: Side = Side {
    what: "the embeddings of pictures",
    file: "embeddings.db",
    // "ASSE".
    application_id: 0x4153_5345,
    version: 1,
    tables: TABLES,
};
