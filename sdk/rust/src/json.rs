//! Reads JSON text in place: nothing is built, what is not asked for is only skipped.
//!
//! Settings and references come from the host, which has parsed and written them; so this reader checks only what it
//! reads. Text that is no JSON gives `None`, never a panic and never an endless loop.

/// Deeper nesting than this is not followed.
const MAX_DEPTH: u32 = 64;

/// One JSON value inside a longer text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Json<'a>(&'a str);

impl<'a> Json<'a> {
    /// Takes the first value of `text`; `None` where there is none or text follows it.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let (value, rest) = split_value(text)?;
        rest.trim_ascii_start().is_empty().then_some(value)
    }

    /// The value's own text.
    #[must_use]
    pub const fn text(&self) -> &'a str {
        self.0
    }

    /// A number; also one that is written as an integer.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        let first = *self.0.as_bytes().first()?;
        if !(first == b'-' || first.is_ascii_digit()) {
            return None;
        }
        self.0.parse().ok().filter(|value: &f64| value.is_finite())
    }

    /// `true` or `false`.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self.0 {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// A string, with its escapes resolved.
    #[must_use]
    pub fn as_text(&self) -> Option<String> {
        let inner = self.0.strip_prefix('"')?.strip_suffix('"')?;
        if inner.contains('\\') { unescape(inner) } else { Some(inner.to_owned()) }
    }

    /// The values of an array; empty for anything else.
    pub fn items(&self) -> impl Iterator<Item = Json<'a>> + use<'a> {
        Parts { rest: inside(self.0, b'['), keyed: false }.map(|(_, value)| value)
    }

    /// The keys (as they are written, without their quotes) and values of an object; empty for anything else.
    pub fn entries(&self) -> impl Iterator<Item = (&'a str, Json<'a>)> + use<'a> {
        Parts { rest: inside(self.0, b'{'), keyed: true }
    }

    /// The value of `key` in an object.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Json<'a>> {
        self.entries().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// An array of numbers; `None` where it is no array or holds anything but numbers.
    #[must_use]
    pub fn as_numbers(&self) -> Option<Vec<f64>> {
        self.0.starts_with('[').then(|| self.items().map(|item| item.as_f64()).collect())?
    }
}

/// The text after the opening bracket; empty where the value does not begin with it.
fn inside(text: &str, open: u8) -> &str {
    match text.as_bytes().first() {
        Some(&first) if first == open => text.get(1..).unwrap_or_default(),
        _ => "",
    }
}

/// Walks through an array or an object. Ends at the first thing that is not as it has to be.
struct Parts<'a> {
    rest: &'a str,
    keyed: bool,
}

impl<'a> Iterator for Parts<'a> {
    type Item = (&'a str, Json<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let mut rest = self.rest.trim_ascii_start();
        rest = rest.strip_prefix(',').unwrap_or(rest);
        let mut name = "";
        if self.keyed {
            let (key, after) = split_value(rest)?;
            name = key.0.strip_prefix('"')?.strip_suffix('"')?;
            rest = after.trim_ascii_start().strip_prefix(':')?;
        }
        let (value, after) = split_value(rest)?;
        self.rest = after;
        Some((name, value))
    }
}

/// Cuts the first value off.
fn split_value(text: &str) -> Option<(Json<'_>, &str)> {
    let text = text.trim_ascii_start();
    let length = value_length(text.as_bytes())?;
    let (value, rest) = text.split_at_checked(length)?;
    Some((Json(value), rest))
}

fn value_length(bytes: &[u8]) -> Option<usize> {
    match bytes.first()? {
        b'"' => string_length(bytes),
        b'[' | b'{' => nested_length(bytes),
        b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => {
            let end = bytes.iter().position(|b| matches!(b, b',' | b']' | b'}' | b':' | b' ' | b'\n' | b'\r' | b'\t'));
            Some(end.unwrap_or(bytes.len()))
        }
        _ => None,
    }
}

/// Length of a string with both quotes.
fn string_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Length of an array or object with both brackets.
fn nested_length(bytes: &[u8]) -> Option<usize> {
    let (mut at, mut depth) = (0, 0u32);
    loop {
        at += plain_length(bytes.get(at..)?);
        match bytes.get(at)? {
            b'"' => at += string_length(bytes.get(at..)?)?,
            b'[' | b'{' => {
                depth += 1;
                at += 1;
                if depth > MAX_DEPTH {
                    return None;
                }
            }
            b']' | b'}' => {
                depth -= 1;
                at += 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => at += 1,
        }
    }
}

/// Bytes at the head, in whole blocks, that are neither quote nor bracket: long lists of numbers go by 64 at a time.
fn plain_length(bytes: &[u8]) -> usize {
    let plain = |block: &&[u8; 64]| {
        let special = |b: &u8| matches!(b, b'"' | b'[' | b']' | b'{' | b'}');
        !block.iter().fold(false, |any, b| any | special(b))
    };
    bytes.as_chunks::<64>().0.iter().take_while(plain).count() * 64
}

fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next()? {
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'u' => out.push(unescape_unit(&mut chars)?),
            other => out.push(other),
        }
    }
    Some(out)
}

/// The character of `\uXXXX`, or of two of them where the first is half of a pair.
fn unescape_unit(chars: &mut std::str::Chars<'_>) -> Option<char> {
    let first = hex4(chars)?;
    if !(0xd800..0xdc00).contains(&first) {
        return char::from_u32(first);
    }
    let second = (chars.next()? == '\\' && chars.next()? == 'u').then(|| hex4(chars))??;
    let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
    char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + low)
}

fn hex4(chars: &mut std::str::Chars<'_>) -> Option<u32> {
    (0..4).try_fold(0, |value, _| Some(value * 16 + chars.next()?.to_digit(16)?))
}

#[cfg(test)]
mod tests;
