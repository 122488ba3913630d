//! The words after a command: few enough to need no library.

use anyhow::{Result, bail};
use std::path::PathBuf;

/// Takes the known options out of a command's words; `finish` refuses what is left.
#[derive(Debug)]
pub struct Options {
    command: String,
    words: Vec<String>,
}

impl Options {
    pub fn new(command: &str, words: impl IntoIterator<Item = String>) -> Self {
        Self { command: command.to_owned(), words: words.into_iter().collect() }
    }

    pub fn flag(&mut self, name: &str) -> bool {
        let before = self.words.len();
        self.words.retain(|word| word != name);
        self.words.len() != before
    }

    /// The value of `NAME VALUE` or `NAME=VALUE`.
    pub fn value(&mut self, name: &str) -> Result<Option<String>> {
        let with_value = format!("{name}=");
        let Some(at) = self.words.iter().position(|word| word == name || word.starts_with(&with_value)) else {
            return Ok(None);
        };
        let word = self.words.remove(at);
        if let Some(value) = word.strip_prefix(&with_value) {
            return Ok(Some(value.to_owned()));
        }
        if at == self.words.len() {
            bail!("{name} needs a value: cargo xtask {} {name} VALUE", self.command);
        }
        Ok(Some(self.words.remove(at)))
    }

    /// A path, made absolute: the programs that get it may run in another folder.
    pub fn path(&mut self, name: &str) -> Result<Option<PathBuf>> {
        self.value(name)?.map(|value| Ok(std::path::absolute(value)?)).transpose()
    }

    /// One word that is no option, such as a filter.
    pub fn word(&mut self) -> Option<String> {
        let at = self.words.iter().position(|word| !word.starts_with('-'))?;
        Some(self.words.remove(at))
    }

    pub fn finish(self) -> Result<()> {
        match self.words.first() {
            None => Ok(()),
            Some(word) => {
                bail!("cargo xtask {} does not know `{word}`; `cargo xtask help` lists what it knows", self.command)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    fn options(words: &str) -> Options {
        Options::new("demo", words.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn takes_flags_values_and_words_in_any_order() {
        let mut options = options("--port 9000 filter --once --backend=tract");
        assert!(options.flag("--once") && !options.flag("--once"));
        assert_eq!(options.value("--port").unwrap().as_deref(), Some("9000"));
        assert_eq!(options.value("--backend").unwrap().as_deref(), Some("tract"));
        assert_eq!(options.value("--json").unwrap(), None);
        assert_eq!(options.word().as_deref(), Some("filter"));
        options.finish().unwrap();
    }

    #[test]
    fn refuses_what_it_does_not_know_and_a_value_that_is_missing() {
        assert!(options("--twice").finish().unwrap_err().to_string().contains("does not know `--twice`"));
        assert!(options("--port").value("--port").unwrap_err().to_string().contains("--port needs a value"));
    }
}
