use crate::domain::one_line;
use std::fmt;
use std::path::PathBuf;

/// One thing to change in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub file: PathBuf,
    /// From 1.
    pub line: Option<usize>,
    /// Dotted: `source[1].poll_ms`. Empty for the file as a whole.
    pub key: String,
    pub found: String,
    /// What to write instead.
    pub expected: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", one_line(&self.key))?;
        }
        write!(f, ": found {}, expected {}", self.found, self.expected)
    }
}

/// Every problem of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<Problem>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for ConfigErrors {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_cannot_write_over_its_own_message() {
        let problem = Problem {
            file: "station.toml".into(),
            line: Some(3),
            key: "a\u{1b}[2Jb\u{202e}c".to_owned(),
            found: "an unknown key".to_owned(),
            expected: "none".to_owned(),
        };
        let text = problem.to_string();
        assert_eq!(text, "station.toml:3: a\\u{1b}[2Jb\\u{202e}c: found an unknown key, expected none");
    }
}
