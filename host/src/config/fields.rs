use super::problem::{ConfigErrors, Problem};
use crate::domain::{SettingValue, Settings, with_causes};
use crate::trust::{FileError, Rules, check_part, read_regular_file};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

const MAX_TOML_BYTES: u64 = 1 << 20;
const MAX_PROBLEMS: usize = 200;

/// A TOML file that is being read, and all that is wrong with it so far.
pub(super) struct Document {
    path: PathBuf,
    text: String,
    problems: RefCell<Vec<Problem>>,
}

impl Document {
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        // A configuration may be a link (etc/alternatives, mounted secrets): the path is followed, once.
        let real = std::fs::canonicalize(path).map_err(|source| FileError::Read { path: path.to_owned(), source });
        let text = real
            .and_then(|real| read_regular_file(&real, MAX_TOML_BYTES))
            .map_err(|error| whole_file(path, &with_causes(&error), "a TOML file that can be read"))?;
        let text = String::from_utf8(text).map_err(|_| whole_file(path, "bytes that are no text", "TOML in UTF-8"))?;
        Ok(Self { path: path.to_owned(), text, problems: RefCell::new(Vec::new()) })
    }

    /// Lets `read` take the root table, then reports the keys it did not ask for. `read` answers `None` where
    /// something that it needs is missing or wrong; it has reported that by then.
    pub fn read<T>(self, read: impl FnOnce(&Fields<'_>) -> Option<T>) -> Result<T, ConfigErrors> {
        let (root, syntax) = DeTable::parse_recoverable(&self.text);
        if !syntax.is_empty() {
            let problem = |error: &toml::de::Error| Problem {
                file: self.path.clone(),
                line: error.span().map(|span| self.line(&span)),
                key: String::new(),
                found: format!("TOML that cannot be read ({})", error.message()),
                expected: "valid TOML".to_owned(),
            };
            return Err(ConfigErrors(syntax.iter().take(MAX_PROBLEMS).map(problem).collect()));
        }
        let value = {
            let fields = Fields::new(&self, String::new(), root.get_ref(), None);
            let value = read(&fields);
            fields.report_unknown();
            value
        };
        let mut problems = self.problems.into_inner();
        // In the order of the file, for who goes through it once.
        problems.sort_by_key(|problem| problem.line);
        match value {
            Some(value) if problems.is_empty() => Ok(value),
            _ => Err(ConfigErrors(problems)),
        }
    }

    /// A path as it stands in the file, from the file's folder.
    fn resolve(&self, path: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(path)
    }

    fn line(&self, span: &Range<usize>) -> usize {
        let before = self.text.get(..span.start).unwrap_or(&self.text);
        before.bytes().filter(|byte| *byte == b'\n').count() + 1
    }
}

fn whole_file(path: &Path, found: &str, expected: &str) -> ConfigErrors {
    let (found, expected) = (found.to_owned(), expected.to_owned());
    ConfigErrors(vec![Problem { file: path.to_owned(), line: None, key: String::new(), found, expected }])
}

/// A value that a key can hold.
pub(super) trait FromToml: Sized {
    /// For the message: what to write.
    const EXPECTED: &'static str;
    fn from_toml(value: &DeValue<'_>) -> Option<Self>;
}

impl FromToml for String {
    const EXPECTED: &'static str = "a text in quotes";
    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }
}

impl FromToml for bool {
    const EXPECTED: &'static str = "true or false";
    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        value.as_bool()
    }
}

impl FromToml for i64 {
    const EXPECTED: &'static str = "a whole number";
    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        let integer = value.as_integer()?;
        Self::from_str_radix(integer.as_str(), integer.radix()).ok()
    }
}

impl FromToml for f64 {
    const EXPECTED: &'static str = "a number";
    #[allow(clippy::cast_precision_loss, reason = "a whole number written for a number is small")]
    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        match value.as_float() {
            Some(float) => float.as_str().parse().ok(),
            None => i64::from_toml(value).map(|integer| integer as Self),
        }
    }
}

impl<T: FromToml> FromToml for Vec<T> {
    const EXPECTED: &'static str = "a list in [ ] of values of one type";
    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        value.as_array()?.iter().map(|item| T::from_toml(item.get_ref())).collect()
    }
}

impl FromToml for SettingValue {
    const EXPECTED: &'static str = "true or false, a number, a text, a list of numbers or a list of texts";
    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        match value {
            DeValue::Boolean(flag) => Some(Self::Bool(*flag)),
            DeValue::Integer(_) => i64::from_toml(value).map(Self::Integer),
            DeValue::Float(_) => f64::from_toml(value).map(Self::Number),
            DeValue::String(text) => Some(Self::Text(text.to_string())),
            DeValue::Array(_) => {
                Vec::from_toml(value).map(Self::Numbers).or_else(|| Vec::from_toml(value).map(Self::Texts))
            }
            _ => None,
        }
    }
}

/// Where a walk along a dotted path stands.
#[derive(Clone, Copy)]
enum Place<'d> {
    Table(&'d DeTable<'d>),
    Value(&'d DeValue<'d>),
}

impl<'d> Place<'d> {
    fn table(self) -> Option<&'d DeTable<'d>> {
        match self {
            Self::Table(table) => Some(table),
            Self::Value(value) => value.as_table(),
        }
    }
}

/// One table of the file. Remembers which keys were asked for.
pub(super) struct Fields<'d> {
    document: &'d Document,
    path: String,
    table: &'d DeTable<'d>,
    span: Option<Range<usize>>,
    known: RefCell<Vec<&'static str>>,
    /// Any key is known.
    any: Cell<bool>,
}

impl<'d> Fields<'d> {
    fn new(document: &'d Document, path: String, table: &'d DeTable<'d>, span: Option<Range<usize>>) -> Self {
        Self { document, path, table, span, known: RefCell::new(Vec::new()), any: Cell::new(false) }
    }

    pub fn required<T: FromToml>(&self, key: &'static str) -> Option<T> {
        if self.value(key).is_none() {
            self.missing(key, T::EXPECTED);
        }
        self.optional(key)
    }

    /// `None` also where the value is of a wrong type; that is reported.
    pub fn optional<T: FromToml>(&self, key: &'static str) -> Option<T> {
        let value = self.value(key)?;
        let read = T::from_toml(value.get_ref());
        if read.is_none() {
            self.wrong(key, T::EXPECTED);
        }
        read
    }

    pub fn or<T: FromToml>(&self, key: &'static str, default: T) -> T {
        self.optional(key).unwrap_or(default)
    }

    /// A whole number in a range; `default` where the key is missing.
    pub fn number<N>(&self, key: &'static str, range: RangeInclusive<N>, default: Option<N>) -> Option<N>
    where
        N: TryFrom<i64> + PartialOrd + fmt::Display + Copy,
    {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        let Some(value) = self.value(key) else {
            if default.is_none() {
                self.missing(key, &expected);
            }
            return default;
        };
        let number = i64::from_toml(value.get_ref()).and_then(|number| N::try_from(number).ok());
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            self.wrong(key, &expected);
        }
        number
    }

    /// A text that means something: `parse` answers `None` where it does not.
    pub fn parsed<T>(&self, key: &'static str, expected: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let value = self.value(key)?;
        let read = value.get_ref().as_str().and_then(parse);
        if read.is_none() {
            self.wrong(key, expected);
        }
        read
    }

    pub fn required_parsed<T>(
        &self,
        key: &'static str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        if self.value(key).is_none() {
            self.missing(key, expected);
        }
        self.parsed(key, expected, parse)
    }

    /// A list of texts that mean something; every wrong one is reported.
    pub fn parsed_list<T>(&self, key: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> Option<Vec<T>> {
        let value = self.value(key)?;
        let Some(items) = value.get_ref().as_array() else {
            self.wrong(key, "a list of texts in [ ], such as [\"a\", \"b\"]");
            return None;
        };
        let mut parsed = Vec::with_capacity(items.len());
        for item in items.iter() {
            match item.get_ref().as_str().ok_or_else(|| String::EXPECTED.to_owned()).and_then(&parse) {
                Ok(value) => parsed.push(value),
                Err(expected) => {
                    self.report(Some(item.span()), key, self.shown(item), expected);
                }
            }
        }
        (parsed.len() == items.len()).then_some(parsed)
    }

    /// A path, from the file's folder.
    pub fn path(&self, key: &'static str) -> Option<PathBuf> {
        self.parsed(key, "a path in quotes that is not empty", |text| {
            (!text.is_empty()).then(|| self.document.resolve(text))
        })
    }

    pub fn required_path(&self, key: &'static str) -> Option<PathBuf> {
        if self.value(key).is_none() {
            self.missing(key, "a path in quotes");
        }
        self.path(key)
    }

    /// Settings: keys and values are the plugin's own.
    pub fn settings(&self, key: &'static str) -> Settings {
        let Some(table) = self.table(key) else { return Settings::new() };
        let mut settings = Settings::new();
        for (name, value) in table.table {
            match SettingValue::from_toml(value.get_ref()) {
                Some(read) => {
                    settings.insert(name.get_ref().to_string(), read);
                }
                None => table.report(
                    Some(value.span()),
                    name.get_ref(),
                    self.shown(value),
                    SettingValue::EXPECTED.to_owned(),
                ),
            }
        }
        settings
    }

    /// Reads a table below this one, and reports the keys that `read` did not ask for. Missing: `read` is not called.
    pub fn section<T>(&self, key: &'static str, read: impl FnOnce(&Fields<'d>) -> T) -> Option<T> {
        let table = self.table(key)?;
        let value = read(&table);
        table.report_unknown();
        Some(value)
    }

    pub fn required_section<T>(&self, key: &'static str, read: impl FnOnce(&Fields<'d>) -> Option<T>) -> Option<T> {
        if self.value(key).is_none() {
            self.missing(key, &format!("the section [{}]", self.full(key)));
        }
        self.section(key, read).flatten()
    }

    /// Reads every table of an array of tables. `None` where one of them is not read.
    pub fn sections<T>(&self, key: &'static str, read: impl Fn(&Fields<'d>) -> Option<T>) -> Option<Vec<T>> {
        let Some(value) = self.value(key) else { return Some(Vec::new()) };
        let Some(items) = value.get_ref().as_array() else {
            self.wrong(key, &format!("one section [[{}]] for each", self.full(key)));
            return None;
        };
        let mut all = Some(Vec::with_capacity(items.len()));
        for (index, item) in items.iter().enumerate() {
            let Some(table) = item.get_ref().as_table() else {
                self.report(Some(item.span()), key, self.shown(item), format!("a section [[{}]]", self.full(key)));
                all = None;
                continue;
            };
            let fields = Fields::new(self.document, format!("{}[{index}]", self.full(key)), table, Some(item.span()));
            let read = read(&fields);
            fields.report_unknown();
            match (&mut all, read) {
                (Some(list), Some(read)) => list.push(read),
                _ => all = None,
            }
        }
        all
    }

    /// Keys that are not read this time, and not unknown either.
    pub fn accept(&self, keys: &[&'static str]) {
        self.known.borrow_mut().extend(keys);
    }

    /// No key of this table is unknown: what they mean is not known either.
    pub fn accept_all(&self) {
        self.any.set(true);
    }

    pub fn has(&self, key: &'static str) -> bool {
        self.value(key).is_some()
    }

    /// Reports what the value of a key should have been.
    pub fn wrong(&self, key: &str, expected: &str) {
        let value = self.table.get(key);
        let found = value.map_or_else(|| "nothing".to_owned(), |value| self.shown(value));
        self.report(value.map(Spanned::span), key, found, expected.to_owned());
    }

    /// Reports a key with what was found and what is expected.
    pub fn wrong_because(&self, key: &str, found: &str, expected: &str) {
        self.report(self.table.get(key).map(Spanned::span), key, found.to_owned(), expected.to_owned());
    }

    /// Reports what `part` of a manifest breaks; its rules name keys from this table on.
    pub fn obey(&self, part: impl FnOnce(&mut Rules)) {
        for problem in check_part(part) {
            self.report_below(&problem.at, problem.found, problem.expected);
        }
    }

    /// Reports a key by its dotted path from this table on, at the line of the last part that the file has.
    pub fn report_below(&self, path: &str, found: String, expected: String) {
        let mut span = self.span.clone();
        let mut at = Some(Place::Table(self.table));
        for part in path.split(['.', '[']) {
            let value = match (at, part.strip_suffix(']').map(str::parse::<usize>)) {
                (Some(Place::Value(value)), Some(Ok(index))) => value.as_array().and_then(|list| list.get(index)),
                (Some(place), None) => place.table().and_then(|table| table.get(part)),
                _ => None,
            };
            let Some(value) = value else { break };
            span = Some(value.span());
            at = Some(Place::Value(value.get_ref()));
        }
        self.report(span, path, found, expected);
    }

    fn missing(&self, key: &'static str, expected: &str) {
        self.report(self.span.clone(), key, "nothing".to_owned(), format!("{expected}: the key is required"));
    }

    fn table(&self, key: &'static str) -> Option<Fields<'d>> {
        let value = self.value(key)?;
        let Some(table) = value.get_ref().as_table() else {
            self.wrong(key, &format!("a section [{}]", self.full(key)));
            return None;
        };
        Some(Fields::new(self.document, self.full(key), table, Some(value.span())))
    }

    fn value(&self, key: &'static str) -> Option<&'d Spanned<DeValue<'d>>> {
        let mut known = self.known.borrow_mut();
        if !known.contains(&key) {
            known.push(key);
        }
        self.table.get(key)
    }

    fn report_unknown(&self) {
        if self.any.get() {
            return;
        }
        let known = self.known.borrow();
        for key in self.table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let expected = format!("one of the keys {}", known.join(", "));
            self.report(Some(key.span()), key.get_ref(), "a key that is not known".to_owned(), expected);
        }
    }

    fn full(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The value as it stands in the file, short.
    fn shown(&self, value: &Spanned<DeValue<'_>>) -> String {
        let text = self.document.text.get(value.span()).unwrap_or("");
        let line = text.lines().next().unwrap_or("");
        let short: String = line.chars().take(80).collect();
        if short.len() < text.len() { format!("{short} ...") } else { short }
    }

    fn report(&self, span: Option<Range<usize>>, key: &str, found: String, expected: String) {
        let problem = Problem {
            file: self.document.path.clone(),
            line: span.map(|span| self.document.line(&span)),
            key: self.full(key),
            found,
            expected,
        };
        let mut problems = self.document.problems.borrow_mut();
        if problems.len() < MAX_PROBLEMS && !problems.contains(&problem) {
            problems.push(problem);
        }
    }
}
