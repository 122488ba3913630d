//! A Rust file without its comments and literals, so that rules see only code.

/// The text of a file with comments and the inside of literals as spaces: every byte keeps its place and line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Masked(pub String);

/// Masks a Rust file. Wrong code gives some masked text and never fails.
pub fn mask(text: &str) -> Masked {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = literal_end(bytes, at);
        if end > at {
            blank(&mut out, at, end);
            at = end;
        } else {
            at += identifier_length(bytes, at).max(1);
        }
    }
    Masked(String::from_utf8_lossy(&out).into_owned())
}

/// The inside of every plain string literal.
pub fn strings(text: &str) -> impl Iterator<Item = &str> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let (start, end) = (at, literal_end(bytes, at));
            if end <= start {
                at += identifier_length(bytes, at).max(1);
                continue;
            }
            at = end;
            if byte(bytes, start) == b'"' {
                return Some(text.get(start + 1..end - 1).unwrap_or_default());
            }
        }
        None
    })
}

fn byte(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

fn blank(out: &mut [u8], from: usize, to: usize) {
    if let Some(part) = out.get_mut(from..to) {
        // Not only ASCII: every byte of a longer character becomes a space too.
        part.iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn identifier_length(bytes: &[u8], at: usize) -> usize {
    bytes.get(at..).unwrap_or_default().iter().take_while(|byte| is_word(**byte)).count()
}

/// The end of the comment or literal that begins at `at`, else `at`.
fn literal_end(bytes: &[u8], at: usize) -> usize {
    match (byte(bytes, at), byte(bytes, at + 1)) {
        (b'/', b'/') => find(bytes, at, b"\n").unwrap_or(bytes.len()),
        (b'/', b'*') => block_comment_end(bytes, at),
        (b'"', _) => string_end(bytes, at + 1),
        (b'\'', _) => char_end(bytes, at),
        (b'r' | b'b' | b'c', _) => prefixed_end(bytes, at),
        _ => at,
    }
}

fn find(bytes: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    let rest = bytes.get(from..)?;
    rest.windows(what.len()).position(|window| window == what).map(|at| from + at)
}

fn block_comment_end(bytes: &[u8], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0_usize);
    while at < bytes.len() {
        match (byte(bytes, at), byte(bytes, at + 1)) {
            (b'/', b'*') => (depth, at) = (depth + 1, at + 2),
            (b'*', b'/') if depth <= 1 => return at + 2,
            (b'*', b'/') => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    bytes.len()
}

/// `at` is behind the opening quote.
fn string_end(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() {
        match byte(bytes, at) {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// A character literal; a lifetime is none.
fn char_end(bytes: &[u8], at: usize) -> usize {
    if byte(bytes, at + 1) == b'\\' {
        return find(bytes, at + 3, b"'").map_or(bytes.len(), |end| end + 1);
    }
    let length = match byte(bytes, at + 1) {
        0xf0.. => 4,
        0xe0.. => 3,
        0xc0.. => 2,
        _ => 1,
    };
    if byte(bytes, at + 1 + length) == b'\'' { at + length + 2 } else { at }
}

/// `r"..."`, `br#"..."#`, `b'x'`, `c"..."`: only where the letters are the whole word.
fn prefixed_end(bytes: &[u8], at: usize) -> usize {
    let word = identifier_length(bytes, at);
    let raw = byte(bytes, at + word - 1) == b'r';
    let quote = at + word;
    if word > 2 || !bytes.get(at..quote).unwrap_or_default().iter().all(|byte| matches!(byte, b'r' | b'b' | b'c')) {
        return at;
    }
    if raw {
        let hashes = bytes.get(quote..).unwrap_or_default().iter().take_while(|byte| **byte == b'#').count();
        if byte(bytes, quote + hashes) != b'"' {
            return at;
        }
        let close = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
        return find(bytes, quote + hashes + 1, &close).map_or(bytes.len(), |end| end + close.len());
    }
    match byte(bytes, quote) {
        b'"' => string_end(bytes, quote + 1),
        b'\'' => char_end(bytes, quote).max(at),
        _ => at,
    }
}

impl Masked {
    /// Places where `word` stands as a word of its own.
    pub fn words<'a>(&'a self, word: &'a str) -> impl Iterator<Item = usize> + 'a {
        let bytes = self.0.as_bytes();
        self.0.match_indices(word).map(|(at, _)| at).filter(move |&at| {
            let before = at.checked_sub(1).map_or(0, |at| byte(bytes, at));
            !is_word(before) && !is_word(byte(bytes, at + word.len()))
        })
    }

    /// What follows a place.
    pub fn after(&self, at: usize) -> &str {
        self.0.get(at..).unwrap_or_default()
    }

    /// 1 is the first.
    pub fn line(&self, at: usize) -> usize {
        self.0.get(..at).unwrap_or_default().matches('\n').count() + 1
    }

    /// The end of the bracketed part that opens at `at`, behind the closing bracket.
    pub fn close(&self, at: usize) -> Option<usize> {
        let mut depth = 0_usize;
        for (offset, character) in self.after(at).char_indices() {
            match character {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return Some(at + offset + 1);
                    }
                }
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        let Masked(out) = mask(text);
        assert_eq!(out.len(), text.len(), "every byte keeps its place");
        out.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_and_literals_are_no_code() {
        assert_eq!(masked("a // b\nc /* d /* e */ f */ g"), "a c g");
        assert_eq!(masked(r#"x("a \" { b", '{', '\'', 'ä', b'}', b"{", c"{")"#), "x( , , , , , , )");
        assert_eq!(masked(r##"let s = r#"a " { b"#; br"{" r"\" z"##), "let s = ; z");
    }

    #[test]
    fn strings_are_found_outside_of_comments() {
        let found: Vec<&str> = strings(
            r#"a("b"); // "c"
            '"'; "d {e}" "f\" g""#,
        )
        .collect();
        assert_eq!(found, ["b", "d {e}", "f\\\" g"]);
    }

    #[test]
    fn lifetimes_and_words_that_look_like_prefixes_stay() {
        assert_eq!(
            masked("fn f<'a>(x: &'a str, br: u8, r#type: u8) {}"),
            "fn f<'a>(x: &'a str, br: u8, r#type: u8) {}"
        );
        assert_eq!(masked("'outer: loop { break 'outer }"), "'outer: loop { break 'outer }");
    }

    #[test]
    fn code_that_ends_in_a_literal_is_masked_to_its_end() {
        assert_eq!(masked("a \"open"), "a");
        assert_eq!(masked("a /* open"), "a");
        assert_eq!(masked("a r#\"open\""), "a");
    }

    #[test]
    fn words_lines_and_brackets_are_found() {
        let code = mask("use a::fun;\nfn fun(x: [u8; 2]) {\n  { }\n}\nfunny");
        assert_eq!(code.words("fun").map(|at| code.line(at)).collect::<Vec<_>>(), [1, 2]);
        let open = code.0.find('{').unwrap_or_default();
        assert_eq!(code.close(open).map(|end| code.line(end - 1)), Some(4));
        assert_eq!(mask("{ (").close(0), None);
    }
}
