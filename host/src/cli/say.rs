//! What a command prints. A reader that has gone (`assay ... | head`) ends neither a command in the middle of its work nor
//! a running station, as `println!` would.

macro_rules! say {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($words)*);
    }};
}

/// Without an end of line of its own.
macro_rules! say_text {
    ($text:expr) => {{
        use std::io::Write as _;
        let _ = write!(std::io::stdout(), "{}", $text).and_then(|()| std::io::stdout().flush());
    }};
}
