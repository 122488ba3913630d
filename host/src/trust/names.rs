use serde::{Deserialize, Serialize};
use std::fmt;

/// What [`is_name`] asks for, for messages.
pub const NAME_RULE: &str = "1 to 64 characters of a-z 0-9 . _ -, the first a letter or digit";

/// True for names of bundles, blobs and stations: `^[a-z0-9][a-z0-9._-]{0,63}$`.
///
/// Such a name is safe as a file name: it has no separator, is not hidden and is not `..`.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    first
        && text.len() <= 64
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-'))
}

/// One exact name, or all names with a beginning: `letterbox`, `acme-*`, `*`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NamePattern {
    stem: String,
    any_ending: bool,
}

impl NamePattern {
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        if self.any_ending { name.starts_with(&self.stem) } else { name == self.stem }
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.stem, if self.any_ending { "*" } else { "" })
    }
}

impl From<NamePattern> for String {
    fn from(pattern: NamePattern) -> Self {
        pattern.to_string()
    }
}

impl TryFrom<String> for NamePattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (stem, any_ending) = text.strip_suffix('*').map_or((text.as_str(), false), |stem| (stem, true));
        if is_name(stem) || (any_ending && stem.is_empty()) {
            return Ok(Self { stem: stem.to_owned(), any_ending });
        }
        Err(format!("a name in a role is a bundle's name, the beginning of one with * behind it, or *; found {text:?}"))
    }
}
