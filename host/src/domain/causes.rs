use std::any::Any;

/// What a panic said, cut to a length for a log.
#[must_use]
pub fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").chars().take(400).collect()
}

/// An error and its causes on one line. A cause in the words of what it caused is not said twice.
#[must_use]
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut last = text.clone();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !last.ends_with(&words) {
            text.push_str(": ");
            text.push_str(&words);
            last = words;
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{words}")]
    struct Failed {
        words: &'static str,
        source: Option<Box<Failed>>,
    }

    fn failed(words: &[&'static str]) -> Option<Box<Failed>> {
        let (first, rest) = words.split_first()?;
        Some(Box::new(Failed { words: first, source: failed(rest) }))
    }

    #[test]
    fn a_cause_that_says_the_same_again_is_left_out() {
        let text = |words: &[&'static str]| failed(words).map(|error| with_causes(&*error)).unwrap_or_default();
        assert_eq!(text(&["it failed", "the disk", "is full"]), "it failed: the disk: is full");
        assert_eq!(text(&["it failed: no space", "no space", "no space", "28"]), "it failed: no space: 28");
    }
}
