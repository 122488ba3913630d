//! Pictures of the journal, for judging them again.

use crate::domain::{Blame, Digest, Failure, FailureCode, Stage};
use crate::journal::{Cursor, Filter, JournalError, Line, MAX_PAGE, Page, Reader};
use crate::source::StoredPicture;
use std::sync::Arc;

/// What is kept of a record until its turn comes.
struct Stored {
    origin: String,
    product: Option<String>,
    serial: Option<String>,
    captured_at_us: i64,
    picture: Digest,
}

/// The newest records of a filter that have a picture, the oldest first. What this source made itself is not among them,
/// so that it never judges its own records.
pub struct StoredPictures {
    reader: Reader,
    name: String,
    filter: Filter,
    limit: usize,
    /// None until the first is asked for.
    found: Option<Vec<Stored>>,
}

impl StoredPictures {
    pub fn new(reader: Reader, name: &str, filter: Filter, limit: usize) -> Self {
        Self { reader, name: name.to_owned(), filter, limit, found: None }
    }

    /// The newest last.
    fn search(&self) -> Result<Vec<Stored>, JournalError> {
        let mut found = Vec::new();
        let mut before: Option<Cursor> = None;
        loop {
            let listing = self.reader.list(&self.filter, &Page { before, limit: MAX_PAGE })?;
            let wanted = listing.lines.into_iter().filter(|line| line.source != self.name).filter_map(stored);
            found.extend(wanted.take(self.limit - found.len()));
            before = listing.next;
            if before.is_none() || found.len() >= self.limit {
                return Ok(found);
            }
        }
    }

    fn open(&self, stored: Stored) -> StoredPicture {
        let failed = |detail: String| Failure::new(Stage::Source, Blame::Source, FailureCode::Unreadable, detail);
        let payload = match self.reader.picture(&stored.picture) {
            Ok(Some(bytes)) => Ok(Arc::from(bytes)),
            Ok(None) => Err(failed(format!("the picture of frame {} is no longer kept", stored.origin))),
            Err(error) => Err(failed(format!("the picture of frame {}: {error}", stored.origin))),
        };
        let Stored { origin, product, serial, captured_at_us, .. } = stored;
        StoredPicture { origin, product, serial, captured_at_us, payload }
    }
}

fn stored(line: Line) -> Option<Stored> {
    let (origin, captured_at_us) = (line.id.to_string(), line.captured_at_us);
    Some(Stored { origin, product: line.product, serial: line.serial, captured_at_us, picture: line.picture? })
}

impl Iterator for StoredPictures {
    type Item = StoredPicture;

    fn next(&mut self) -> Option<StoredPicture> {
        if self.found.is_none() {
            self.found = Some(self.search().unwrap_or_else(|error| {
                tracing::error!(source = self.name, %error, "the journal cannot be read: nothing is judged again");
                Vec::new()
            }));
        }
        let next = self.found.as_mut()?.pop()?;
        Some(self.open(next))
    }
}
