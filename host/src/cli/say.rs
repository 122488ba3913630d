//! What a command prints. A reader that has gone (`assay ... | head`) ends neither a command in the middle of its work nor
//! a running station, as `println!` would. Any other failure (a full disk) is remembered and told at the end.

use crate::trust::write_atomically;
use serde::Serialize;
use std::fmt::Arguments;
use std::io::{self, Write};
use std::path::Path;
use std::sync::OnceLock;

macro_rules! say {
    ($($words:tt)*) => { $crate::cli::say::line(format_args!($($words)*)) };
}

/// Without an end of line of its own.
macro_rules! say_text {
    ($text:expr) => {
        $crate::cli::say::text(format_args!("{}", $text))
    };
}

/// The first thing that could not be printed.
static FAILED: OnceLock<io::Error> = OnceLock::new();

pub fn line(words: Arguments<'_>) {
    note(&FAILED, writeln!(io::stdout(), "{words}"));
}

pub fn text(words: Arguments<'_>) {
    note(&FAILED, write!(io::stdout(), "{words}").and_then(|()| io::stdout().flush()));
}

fn note(failed: &OnceLock<io::Error>, printed: io::Result<()>) {
    if let Err(error) = printed
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        failed.get_or_init(|| error);
    }
}

/// Writes a result as JSON to a file: whole, or not at all.
///
/// # Errors
/// When the file cannot be written, or something other than a regular file is there.
pub fn write_json(path: &Path, result: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(result)? + "\n";
    Ok(write_atomically(path, text.as_bytes(), 0o644)?)
}

/// # Errors
/// When something of what the command said was not printed, although somebody may read it.
pub fn all_said() -> anyhow::Result<()> {
    match FAILED.get() {
        Some(error) => anyhow::bail!("not all of the result could be printed: {error}"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn only_a_reader_that_has_gone_is_nothing_to_tell() {
        let failed = OnceLock::new();
        note(&failed, Ok(()));
        note(&failed, Err(io::ErrorKind::BrokenPipe.into()));
        assert!(failed.get().is_none());
        note(&failed, Err(io::ErrorKind::StorageFull.into()));
        note(&failed, Err(io::ErrorKind::Other.into()));
        assert_eq!(failed.get().map(io::Error::kind), Some(io::ErrorKind::StorageFull));
    }

    #[test]
    fn a_result_in_a_file_is_written_whole_and_through_no_link() {
        let dir = tempfile::tempdir().unwrap();
        let (kept, link, new) = (dir.path().join("kept"), dir.path().join("link"), dir.path().join("new"));
        std::fs::write(&kept, "kept").unwrap();
        std::os::unix::fs::symlink(&kept, &link).unwrap();
        assert!(write_json(&link, &[1]).unwrap_err().to_string().contains("not a regular file"));
        assert_eq!(std::fs::read_to_string(&kept).unwrap(), "kept");
        write_json(&new, &[1]).unwrap();
        assert_eq!(std::fs::read_to_string(&new).unwrap(), "[\n  1\n]\n");
    }
}
