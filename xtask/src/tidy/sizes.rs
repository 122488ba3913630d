//! Files and functions that a person can take in.

use super::{File, Problem};

/// Lines of a file. A file of tests may have more: its length costs the reader nothing.
const FILE_LINES: usize = 500;
/// Lines of a function, from `fn` to its closing brace.
const FUNCTION_LINES: usize = 70;
/// Endings of files that people write.
const WRITTEN: [&str; 6] = [".rs", ".py", ".js", ".mjs", ".css", ".wit"];

pub fn check(file: &File, problems: &mut Vec<Problem>) {
    let Some(text) = &file.text else { return };
    if file.is_vendored() || !WRITTEN.iter().any(|ending| file.path.ends_with(ending)) {
        return;
    }
    let lines = text.lines().count();
    if lines > FILE_LINES && !file.path.ends_with("/tests.rs") {
        problems.push(file.problem(0, format!("{lines} lines; at most {FILE_LINES}: split it")));
    }
    let Some(code) = &file.code else { return };
    for at in code.words("fn") {
        let Some(body) = body(code.after(at)) else { continue };
        let Some(end) = code.close(at + body) else { continue };
        let lines = code.line(end) - code.line(at) + 1;
        if lines > FUNCTION_LINES {
            let message = format!("a function of {lines} lines; at most {FUNCTION_LINES}: split it");
            problems.push(file.problem(code.line(at), message));
        }
    }
}

/// Where the body of the function opens; None for a declaration or a function's type.
fn body(code: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, character) in code.char_indices() {
        match character {
            '{' if depth == 0 => return Some(at),
            ';' | ',' | '=' if depth == 0 => return None,
            '(' | '[' | '<' | '{' => depth += 1,
            '>' if code.get(..at).is_some_and(|before| before.ends_with('-')) => {}
            ')' | ']' | '>' | '}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::problems_of;
    use super::*;

    fn function(lines: usize) -> String {
        format!("fn f<T: Into<u8>>(x: [u8; 3]) -> u8 where T: Copy {{\n{}}}\n", "    x(\"}\");\n".repeat(lines - 2))
    }

    #[test]
    fn a_function_of_seventy_lines_passes_and_one_more_does_not() {
        assert!(problems_of(check, "host/src/a.rs", &function(70)).is_empty());
        let found = problems_of(check, "host/src/a.rs", &format!("\n{}", function(71)));
        assert_eq!(found, ["host/src/a.rs:2: a function of 71 lines; at most 70: split it"]);
    }

    #[test]
    fn declarations_and_function_types_have_no_body() {
        let text = format!(
            "trait T {{ fn a(&self); }}\ntype F = fn(u8) -> u8;\nstruct S {{ f: fn(), g: u8 }}\n{}",
            "//\n".repeat(100)
        );
        assert!(problems_of(check, "host/src/a.rs", &text).is_empty());
    }

    #[test]
    fn a_file_has_at_most_500_lines_unless_it_is_tests_or_vendored() {
        let long = "//\n".repeat(501);
        assert_eq!(problems_of(check, "host/src/a.rs", &long).len(), 1);
        assert!(problems_of(check, "host/src/a.rs", &"//\n".repeat(500)).is_empty());
        assert!(problems_of(check, "host/src/a/tests.rs", &long).is_empty());
        assert!(problems_of(check, "host/src/admin/vendor/chart.js", &long).is_empty());
    }
}
