//! What a command prints. A reader that has gone (`assay ... | head`) ends neither a command in the middle of its work nor
//! a running station, as `println!` would. Any other failure (a full disk) is remembered and told at the end.

use std::fmt::Arguments;
use std::io::{self, Write};
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
}
