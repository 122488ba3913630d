//! What the record takes of the disk, and what is left.

use super::api::Problem;
use super::inspections::read;
use super::pages::layout::{Tab, page};
use super::pages::storage::content;
use super::request::Visitor;
use super::serve::AdminState;
use crate::journal::{ClassUse, KeepDays, PictureClass, Storage};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::time::{Duration, Instant};
use utoipa::ToSchema;

/// How long pictures are counted: the inventory of some million of them.
const TIME: Duration = Duration::from_millis(500);

/// What the record takes of the disk, and what is left.
#[derive(Serialize, ToSchema)]
pub struct StorageView {
    /// Why verdicts are withheld at the moment; null while records are kept.
    pub trouble: Option<String>,
    /// Null where the system does not say.
    pub disk: Option<DiskView>,
    /// Space held back for a full disk; 0 while it is given up.
    pub ballast_bytes: u64,
    /// Entries of the chain: inspections, reviews, reports of monitors, lost triggers.
    pub rows: i64,
    /// Those that are there, the journal first.
    pub databases: Vec<DatabaseView>,
    pub pictures: PicturesView,
}

#[derive(Serialize, ToSchema)]
pub struct DiskView {
    pub free_bytes: u64,
    pub whole_bytes: u64,
    /// `none`, `low`, `no-pictures` or `full`: with `no-pictures` no more are kept, with `full` records may be refused.
    pub pressure: &'static str,
}

#[derive(Serialize, ToSchema)]
pub struct DatabaseView {
    pub file: String,
    pub bytes: u64,
    /// What is written and not yet moved into the file.
    pub wal_bytes: u64,
}

#[derive(Serialize, ToSchema)]
pub struct PicturesView {
    /// They take this at most; beyond it the least wanted go first.
    pub quota_bytes: u64,
    /// Null where there was no time to count them.
    pub bytes: Option<u64>,
    /// When the oldest that is kept was stored, in microseconds since 1970; null where none is, or they were not counted.
    pub oldest_us: Option<i64>,
    /// The most wanted first.
    pub classes: Vec<ClassView>,
}

#[derive(Serialize, ToSchema)]
pub struct ClassView {
    /// `fail`, `undecided`, `flagged` (passed, with a raised finding) or `pass`.
    pub class: &'static str,
    /// 0 keeps none; null where only the quota ends their stay.
    pub keep_days: Option<u32>,
    /// Null where there was no time to count them.
    pub pictures: Option<u64>,
    pub bytes: Option<u64>,
    pub oldest_us: Option<i64>,
}

impl PicturesView {
    fn new(quota_bytes: u64, keep_days: &KeepDays, counted: Option<&[ClassUse]>) -> Self {
        let class = |class: PictureClass| {
            let found = counted.map(|uses| uses.iter().find(|one| one.class == class));
            let days = class.days(keep_days);
            ClassView {
                class: class.name(),
                keep_days: (days != u32::MAX).then_some(days),
                pictures: found.map(|found| found.map_or(0, |one| one.pictures)),
                bytes: found.map(|found| found.map_or(0, |one| one.bytes)),
                oldest_us: found.flatten().map(|one| one.oldest_us),
            }
        };
        Self {
            quota_bytes,
            bytes: counted.map(|uses| uses.iter().map(|one| one.bytes).sum()),
            oldest_us: counted.and_then(|uses| uses.iter().map(|one| one.oldest_us).min()),
            classes: PictureClass::ALL.into_iter().rev().map(class).collect(),
        }
    }
}

/// None where the journal cannot be read.
async fn look(state: &AdminState) -> Option<StorageView> {
    let Storage { databases, rows, pictures, ballast_bytes, disk } =
        read(state, |reader| reader.storage(Instant::now() + TIME)).await?;
    let limits = &state.picture_limits;
    Some(StorageView {
        trouble: (state.trouble)(),
        disk: disk.map(|disk| DiskView {
            free_bytes: disk.free_bytes,
            whole_bytes: disk.whole_bytes,
            pressure: disk.pressure.name(),
        }),
        ballast_bytes,
        rows,
        databases: databases
            .into_iter()
            .map(|one| DatabaseView { file: one.file, bytes: one.bytes, wal_bytes: one.wal_bytes })
            .collect(),
        pictures: PicturesView::new(limits.quota_bytes, &limits.keep_days, pictures.as_deref()),
    })
}

pub async fn show(visitor: Visitor, State(state): State<AdminState>) -> Response {
    let Some(view) = look(&state).await else {
        return visitor.problem(&state, StatusCode::INTERNAL_SERVER_ERROR, "error.internal");
    };
    let title = visitor.lang.text("storage.title");
    page(&visitor.frame(&state), Some(Tab::Storage), title, &content(visitor.lang, &view)).into_response()
}

/// What the record takes of the disk, and what is left of it.
#[utoipa::path(get, path = "/api/v1/storage", operation_id = "getStorage", tag = "station",
    responses((status = 200, description = "Sizes, limits and what is wrong", body = StorageView)))]
pub async fn json(State(state): State<AdminState>) -> Result<Response, Problem> {
    let view = look(&state).await.ok_or_else(Problem::internal)?;
    Ok(Json(view).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_counted_is_not_called_nothing() {
        let view = PicturesView::new(10, &KeepDays::FOREVER, None);
        assert_eq!((view.bytes, view.oldest_us), (None, None));
        assert!(view.classes.iter().all(|class| class.pictures.is_none() && class.keep_days.is_none()));
        let none = PicturesView::new(10, &KeepDays { fail: 3, ..KeepDays::FOREVER }, Some(&[]));
        assert_eq!(none.bytes, Some(0));
        let fail = none.classes.first().map(|class| (class.class, class.pictures, class.keep_days));
        assert_eq!(fail, Some(("fail", Some(0), Some(3))));
    }
}
