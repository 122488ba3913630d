//! All inspections of a filter as a file: streamed as it is read, bounded in rows, and a few at a time. A stream that
//! cannot be finished is broken off, so that no part of an export is taken for the whole.

mod coco;
mod csv;
mod folder;
mod parquet;

use super::filter::{Pairs, Wish};
use super::request::{By, Visitor};
use super::serve::AdminState;
use super::users::ask;
use crate::domain::with_causes;
use crate::journal::{AuditEntry, Budget, Cursor, Direction, Filter, JournalError, Line, MAX_PAGE, Reader, Turn};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// Rows of an export without pictures, and pictures of one with them.
pub const MOST_ROWS: usize = 1_000_000;
pub const MOST_PICTURES: usize = 20_000;
/// What one look into the journal may cost; between two the reader is given back.
const STEP: Budget = Budget { places: 1 << 20, time: Duration::from_millis(250) };

/// Why an export was broken off.
#[derive(Debug, thiserror::Error)]
pub enum ExportFault {
    #[error("the journal cannot be read")]
    Journal { source: JournalError },
    #[error("more than {most} inspections match: narrow the filter, by time for instance, and export in parts")]
    TooMany { most: usize },
    #[error("the archive cannot be written")]
    Archive { source: zip::result::ZipError },
    #[error("the rows cannot be written as Parquet")]
    Parquet {
        #[from]
        source: ::parquet::errors::ParquetError,
    },
    #[error("the export's thread panicked")]
    Panicked,
}

impl From<JournalError> for ExportFault {
    fn from(source: JournalError) -> Self {
        Self::Journal { source }
    }
}

/// Turns rows into the bytes of a file.
pub trait Writer: Send + 'static {
    /// What stands before all rows.
    fn begin(&mut self) -> Result<Vec<u8>, ExportFault>;
    /// The next rows.
    fn rows(&mut self, reader: &Reader, lines: &[Line]) -> Result<Vec<u8>, ExportFault>;
    /// What stands behind them.
    fn end(&mut self) -> Result<Vec<u8>, ExportFault>;
}

/// An export on its way.
struct Export {
    reader: Arc<Reader>,
    filter: Filter,
    writer: Box<dyn Writer>,
    at: Option<Cursor>,
    /// Rows that may still come.
    left: usize,
    most: usize,
    /// Rows of one step: pictures are larger.
    step: usize,
    state: Progress,
}

#[derive(Clone, Copy, PartialEq)]
enum Progress {
    Begin,
    Rows,
    End,
    Done,
}

impl Export {
    /// The next bytes; none when all were given.
    fn next(&mut self) -> Result<Option<Vec<u8>>, ExportFault> {
        match self.state {
            Progress::Begin => {
                self.state = Progress::Rows;
                self.writer.begin().map(Some)
            }
            Progress::Rows => self.rows().map(Some),
            Progress::End => {
                self.state = Progress::Done;
                self.writer.end().map(Some)
            }
            Progress::Done => Ok(None),
        }
    }

    fn rows(&mut self) -> Result<Vec<u8>, ExportFault> {
        let turn = Turn { from: self.at, direction: Direction::Older, limit: self.step, budget: STEP };
        let found = self.reader.search(&self.filter, &turn)?;
        self.left = match self.left.checked_sub(found.lines.len()) {
            Some(left) => left,
            None => return Err(ExportFault::TooMany { most: self.most }),
        };
        self.at = found.stopped.or(found.lines.last().map(Line::cursor)).or(self.at);
        if !found.more {
            self.state = Progress::End;
        }
        self.writer.rows(&self.reader, &found.lines)
    }
}

pub async fn csv(visitor: Visitor, by: By, state: State<AdminState>, pairs: Pairs) -> Response {
    let of = Kind {
        name: "csv",
        media: "text/csv; charset=utf-8",
        file: "inspections.csv",
        most: MOST_ROWS,
        step: MAX_PAGE,
    };
    export(visitor, by, state, pairs, of, || Box::new(csv::Csv)).await
}

pub async fn parquet(visitor: Visitor, by: By, state: State<AdminState>, pairs: Pairs) -> Response {
    let of = Kind {
        name: "parquet",
        media: "application/vnd.apache.parquet",
        file: "inspections.parquet",
        most: MOST_ROWS,
        step: MAX_PAGE,
    };
    export(visitor, by, state, pairs, of, || Box::<parquet::Parquet>::default()).await
}

pub async fn image_folder(visitor: Visitor, by: By, state: State<AdminState>, pairs: Pairs) -> Response {
    let of =
        Kind { name: "imagefolder", media: "application/zip", file: "inspections.zip", most: MOST_PICTURES, step: 8 };
    export(visitor, by, state, pairs, of, || Box::new(folder::Folder::new())).await
}

pub async fn coco(visitor: Visitor, by: By, state: State<AdminState>, pairs: Pairs) -> Response {
    let of =
        Kind { name: "coco", media: "application/json", file: "inspections-coco.json", most: MOST_PICTURES, step: 50 };
    export(visitor, by, state, pairs, of, || Box::new(coco::Coco::default())).await
}

/// What is exported.
struct Kind {
    name: &'static str,
    media: &'static str,
    file: &'static str,
    most: usize,
    step: usize,
}

async fn export(
    visitor: Visitor,
    By(actor): By,
    State(state): State<AdminState>,
    Pairs(pairs): Pairs,
    kind: Kind,
    writer: fn() -> Box<dyn Writer>,
) -> Response {
    let wish = Wish::new(pairs, &[]);
    let Ok(asked) = wish.understand() else {
        return visitor.problem(&state, StatusCode::BAD_REQUEST, "error.bad-request");
    };
    let Some(seat) = state.take_export() else {
        return visitor.problem(&state, StatusCode::SERVICE_UNAVAILABLE, "error.export-busy");
    };
    let entry = AuditEntry::new(&actor, "export", format!("{} {}", kind.name, wish.query()));
    if ask(&state, move |access| Ok(access.ledger().audit(&entry)?)).await.is_err() {
        return visitor.problem(&state, StatusCode::SERVICE_UNAVAILABLE, "error.internal");
    }
    let Kind { most, step, .. } = kind;
    let export = Export {
        reader: Arc::clone(&state.journal),
        filter: asked.filter,
        writer: writer(),
        at: None,
        left: most,
        most,
        step,
        state: Progress::Begin,
    };
    let (chunks, stream) = mpsc::channel(2);
    tokio::spawn(async move {
        send(export, chunks).await;
        drop(seat);
    });
    let disposition = format!("attachment; filename=\"{}\"", kind.file);
    let headers = [(header::CONTENT_TYPE, kind.media.to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    (headers, Body::from_stream(ReceiverStream::new(stream))).into_response()
}

/// Reads on while somebody takes what was read. A thread is held for a step only, never for a slow reader.
async fn send(mut export: Export, chunks: mpsc::Sender<io::Result<Bytes>>) {
    loop {
        let step = tokio::task::spawn_blocking(move || {
            let next = export.next();
            (export, next)
        });
        let Ok((back, next)) = step.await else {
            let _ = chunks.send(Err(io::Error::other(ExportFault::Panicked))).await;
            return;
        };
        export = back;
        let sent = match next {
            Ok(None) => return,
            Ok(Some(bytes)) if bytes.is_empty() => Ok(()),
            Ok(Some(bytes)) => chunks.send(Ok(bytes.into())).await,
            Err(fault) => {
                tracing::warn!(error = with_causes(&fault), "an export was broken off");
                // Nobody may be reading any more.
                let _ = chunks.send(Err(io::Error::other(fault))).await;
                return;
            }
        };
        if sent.is_err() {
            return;
        }
    }
}

/// Folder and name of a picture inside an export: its label, as far as a file system takes it, and the frame's id.
fn file_name(label: &str, line: &Line, bytes: Option<&[u8]>) -> String {
    let extension = match bytes {
        Some([0xff, 0xd8, ..]) => "jpg",
        Some([b'B', b'M', ..]) => "bmp",
        _ => "png",
    };
    format!("{}/{}.{extension}", plain(label), plain(&line.id.to_string()))
}

/// Letters, digits, `.`, `_` and `-` of a text, not beginning with a dot. Where something else was in it, the beginning of
/// its digest tells it from others.
fn plain(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let cut: String = text.chars().take(80).map(|c| if is_plain(c) { c } else { '_' }).collect();
    if cut == text && !text.starts_with('.') && !text.is_empty() {
        return cut;
    }
    format!("{}-{}", cut.trim_start_matches('.'), crate::domain::Digest::of(text.as_bytes()).short())
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn no_label_leaves_its_folder() {
        assert_eq!(plain("scratch_2"), "scratch_2");
        for odd in ["../../etc/passwd", "a/b", "..", ".", "", "C:\\x", "con\u{0}", "划痕", &"x".repeat(300)] {
            let name = plain(odd);
            assert!(
                !name.starts_with('.') && !name.contains(['/', '\\', ':', '\0']) && name.len() < 100,
                "{odd:?}: {name}"
            );
        }
        assert_ne!(plain("a/b"), plain("a_b"));
        assert_ne!(plain("a/b"), plain("a:b"));
    }
}
