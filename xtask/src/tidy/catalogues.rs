//! The texts of the admin in its languages: none is missing, none is empty, none is left over.

use super::source::strings;
use super::{File, Problem};
use std::collections::{BTreeMap, BTreeSet};

const CATALOGUES: &str = "host/src/admin/i18n/";
/// Where texts are asked for.
const CODE: &str = "host/src/";

/// Texts by key.
type Texts = BTreeMap<String, String>;

pub fn check(files: &[File], problems: &mut Vec<Problem>) {
    let catalogues = read(files, problems);
    same_keys(&catalogues, problems);
    let used = Used::of(files);
    for (path, texts) in &catalogues {
        for (key, text) in texts {
            if text.trim().is_empty() {
                problems.push(problem(path, format!("the text of `{key}` is empty")));
            }
            if !used.has(key) {
                problems.push(problem(path, format!("no code asks for `{key}`: remove it from every language")));
            }
        }
    }
    same_placeholders(&catalogues, problems);
}

fn problem(path: &str, message: String) -> Problem {
    Problem { path: path.to_owned(), line: 0, message }
}

fn read<'f>(files: &'f [File], problems: &mut Vec<Problem>) -> Vec<(&'f str, Texts)> {
    let mut catalogues = Vec::new();
    for file in files.iter().filter(|file| file.path.starts_with(CATALOGUES) && file.path.ends_with(".toml")) {
        match toml::from_str::<Texts>(file.text.as_deref().unwrap_or_default()) {
            Ok(texts) => catalogues.push((file.path.as_str(), texts)),
            Err(error) => problems.push(problem(&file.path, format!("no catalogue: {error}"))),
        }
    }
    catalogues
}

fn same_keys(catalogues: &[(&str, Texts)], problems: &mut Vec<Problem>) {
    let all: BTreeSet<&String> = catalogues.iter().flat_map(|(_, texts)| texts.keys()).collect();
    for (path, texts) in catalogues {
        for missing in all.iter().filter(|key| !texts.contains_key(**key)) {
            problems.push(problem(path, format!("the message `{missing}` is missing; another language has it")));
        }
    }
}

/// What is filled in has the same names in every language.
fn same_placeholders(catalogues: &[(&str, Texts)], problems: &mut Vec<Problem>) {
    let Some(((first, texts), others)) = catalogues.split_first() else { return };
    for (path, other) in others {
        for (key, text) in texts {
            let Some(found) = other.get(key).map(|text| placeholders(text)) else { continue };
            let expected = placeholders(text);
            if found != expected {
                let message = format!("`{key}` has the place-holders {found:?}, in {first} it has {expected:?}");
                problems.push(problem(path, message));
            }
        }
    }
}

/// `{name}` and `{}`, in no order: languages have their own.
fn placeholders(text: &str) -> Vec<&str> {
    let mut found: Vec<&str> = text
        .match_indices('{')
        .filter_map(|(at, _)| {
            let rest = text.get(at + 1..)?;
            let name = rest.get(..rest.find('}')?)?;
            name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_').then_some(name)
        })
        .collect();
    found.sort_unstable();
    found
}

/// What the code asks for.
struct Used<'f> {
    words: BTreeSet<&'f str>,
    /// Parts of keys around what is filled in: `stage.{stage}`, `queue.{}-hint`.
    patterns: BTreeSet<(&'f str, &'f str)>,
}

impl<'f> Used<'f> {
    fn of(files: &'f [File]) -> Self {
        let code = files.iter().filter(|file| file.path.starts_with(CODE) && file.path.ends_with(".rs"));
        let texts = code.filter(|file| !file.is_test()).filter_map(|file| file.text.as_deref());
        let words: BTreeSet<&str> = texts.flat_map(strings).collect();
        let patterns = words.iter().filter_map(|word| {
            let (before, rest) = word.split_once('{')?;
            let (_, after) = rest.split_once('}')?;
            (before.contains('.') && before.ends_with(['.', '-']) || before.is_empty() && after.starts_with('-'))
                .then_some((before, after))
        });
        let patterns =
            patterns.filter(|(_, after)| after.chars().all(|c| c.is_ascii_lowercase() || c == '-')).collect();
        Self { words, patterns }
    }

    /// As a whole, or as a pattern whose hole a word of the code fills; with nothing before the hole, another key does.
    fn has(&self, key: &str) -> bool {
        let filled = |(before, after): &(&str, &str)| {
            let middle = key.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
            middle.is_some_and(|middle| match before.is_empty() {
                true => self.has(middle),
                false => self.words.contains(middle),
            })
        };
        self.words.contains(key) || self.patterns.iter().any(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EN: &str = "host/src/admin/i18n/en.toml";
    const ZH: &str = "host/src/admin/i18n/zh-CN.toml";
    const CODE_FILE: &str = "host/src/admin/pages/x.rs";

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<File> = files.iter().map(|(path, text)| File::new(path, text.as_bytes().to_vec())).collect();
        let mut problems = Vec::new();
        check(&files, &mut problems);
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_language_has_every_text() {
        let code = (CODE_FILE, r#"t("live.total"); t("live.lost")"#);
        let en = (EN, "\"live.total\" = \"Frames\"\n\"live.lost\" = \"Lost\"\n");
        let zh = (ZH, "\"live.total\" = \"帧数\"\n");
        let missing = format!("{ZH}: the message `live.lost` is missing; another language has it");
        assert_eq!(found(&[code, en, zh]), [missing]);
        assert!(found(&[code, en]).is_empty());
        assert_eq!(found(&[(EN, "= no")]).len(), 1);
    }

    #[test]
    fn no_text_is_empty() {
        let code = (CODE_FILE, r#"t("a.b")"#);
        assert_eq!(found(&[code, (EN, "\"a.b\" = \" \"")]), [format!("{EN}: the text of `a.b` is empty")]);
    }

    #[test]
    fn every_language_fills_in_the_same() {
        let code = (CODE_FILE, r#"t("a.b")"#);
        let en = (EN, "\"a.b\" = \"{count} of {all}\"");
        assert!(found(&[code, en, (ZH, "\"a.b\" = \"共 {all}，其中 {count}\"")]).is_empty());
        let problems = found(&[code, en, (ZH, "\"a.b\" = \"{count}\"")]);
        assert_eq!(problems.len(), 1);
        assert!(problems.iter().all(|one| one.contains("`a.b` has the place-holders")), "{problems:?}");
    }

    #[test]
    fn every_text_is_asked_for() {
        let all = "\"a.b\" = \"x\"\n\"stage.decode\" = \"x\"\n\"stage.later\" = \"x\"\n\"q.near-hint\" = \"x\"\n\
                   \"a.b-hint\" = \"x\"\n\"old\" = \"x\"\n\"c.d\" = \"x\"\n\"r.of-near\" = \"x\"\n";
        let code = r#"t("a.b"); // t("old")
            format!("stage.{stage}"); format!("q.{}-hint", "near"); format!("{key}-hint"); "decode"; "c.{odd} and more";
            format!("r.of-{}", "near")"#;
        let named = |one: &String| one.split('`').nth(1).unwrap_or_default().to_owned();
        let left: Vec<String> = found(&[(CODE_FILE, code), (EN, all)]).iter().map(named).collect();
        assert_eq!(left, ["c.d", "old", "stage.later"]);
        // A test asks for what it likes.
        let test = ("host/src/admin/tests/x.rs", r#"t("old")"#);
        assert_eq!(found(&[test, (EN, "\"old\" = \"x\"")]).len(), 1);
    }
}
