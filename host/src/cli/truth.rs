use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Pictures that do not show the line as it was when the model was made are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    Ordinary,
    Drifted,
    Attacked,
}

impl Group {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ordinary => "ordinary",
            Self::Drifted => "drifted",
            Self::Attacked => "attacked",
        }
    }
}

/// What is known of one demo picture.
#[derive(Debug, Clone, Deserialize)]
pub struct TruthEntry {
    pub file: String,
    /// The label that a person would give; where the model judges a part of the picture, to that part.
    pub truth: String,
    pub group: Group,
    /// The reason that the verdict has to give, where it is not for the model alone to say.
    #[serde(default)]
    pub reason: Option<String>,
}

/// What is known of each picture, by file name.
pub type Truths = BTreeMap<String, TruthEntry>;

/// Reads a truth file: a JSON array of objects with `file`, `truth`, `group` and perhaps `reason`.
pub fn read(path: &Path) -> anyhow::Result<Truths> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let entries: Vec<TruthEntry> = serde_json::from_str(&text).with_context(|| {
        format!("{}: expected an array of {{file, truth, group, reason}}, the last where it differs", path.display())
    })?;
    Ok(entries.into_iter().map(|entry| (entry.file.clone(), entry)).collect())
}
