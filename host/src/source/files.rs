use super::{Arrival, Outlet, Source, StopFlag, now_us};
use crate::domain::{Blame, Failure, FailureCode, Stage};
use rustix::fs::{Mode, OFlags, open};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Gives the files that somebody named, once each and in that order. Unlike a folder's, they may be links.
#[derive(Debug)]
pub struct FilesSource {
    name: String,
    paths: Vec<PathBuf>,
    max_file_bytes: u64,
}

impl FilesSource {
    #[must_use]
    pub fn new(name: &str, paths: Vec<PathBuf>, max_file_bytes: u64) -> Self {
        Self { name: name.to_owned(), paths, max_file_bytes }
    }
}

impl Source for FilesSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn run(self: Box<Self>, out: &Outlet, stop: &StopFlag) {
        for path in &self.paths {
            let arrival = Arrival {
                source: self.name.clone(),
                origin: Some(path.display().to_string()),
                product: None,
                serial: None,
                trigger: None,
                captured_at_us: now_us(),
                payload: read(path, self.max_file_bytes),
                simulated: true,
                receipt: None,
            };
            if out.send(arrival, stop).is_break() {
                break;
            }
        }
    }
}

/// Opens the file once and reads all of it; never more than one byte over the limit.
fn read(path: &Path, max_bytes: u64) -> Result<Arc<[u8]>, Failure> {
    let failure = |code, detail: String| Failure::new(Stage::Source, Blame::Source, code, detail);
    let unreadable =
        |error: std::io::Error| failure(FailureCode::Unreadable, format!("{} cannot be read: {error}", path.display()));
    // Not to wait for the other end of a pipe.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(open(path, flags, Mode::empty()).map_err(|error| unreadable(error.into()))?);
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(failure(FailureCode::Unreadable, format!("{} is no regular file", path.display())));
    }
    let mut bytes = Vec::new();
    file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > max_bytes {
        let detail = format!("{} has more than {max_bytes} bytes, the limit", path.display());
        return Err(failure(FailureCode::ImageTooLarge, detail));
    }
    Ok(bytes.into())
}
