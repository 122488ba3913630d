//! A model's report card as tables. It is what the author's tools wrote: signed, but of any form. Every field is shown
//! as text by its path, none is understood, and size and depth are bounded.

use crate::admin::i18n::Lang;
use maud::{Markup, html};
use serde_json::{Map, Value};

/// Rows of all tables together.
const MAX_ROWS: usize = 600;
/// Characters of one cell.
const MAX_CELL: usize = 600;
/// What lies deeper is written as JSON into one cell.
const MAX_DEPTH: usize = 6;
/// Fields of an object that is small enough for one cell, where none of them is an object.
const MAX_INLINE: usize = 6;

/// A field by its path, as text.
type Row = (String, String);

/// Fields of the top first; each object below is a part of its own that can be opened.
pub fn content(lang: Lang, card: &Value) -> Markup {
    let mut left = MAX_ROWS;
    let mut facts = Vec::new();
    let mut parts: Vec<(&str, Vec<Row>)> = Vec::new();
    match card {
        Value::Object(fields) => {
            for (name, value) in fields {
                if is_plain(value) {
                    collect(name.clone(), value, 0, &mut left, &mut facts);
                } else {
                    let mut rows = Vec::new();
                    below("", value, 0, &mut left, &mut rows);
                    parts.push((name, rows));
                }
            }
        }
        other => collect(String::new(), other, 0, &mut left, &mut facts),
    }
    html! {
        @if !facts.is_empty() { (table(lang, &facts)) }
        @for (name, rows) in parts.iter().filter(|(_, rows)| !rows.is_empty()) {
            details { summary { (bounded(name, MAX_CELL)) } (table(lang, rows)) }
        }
        @if left == 0 { p class="dim" { (lang.text("plugins.cut")) } }
    }
}

fn table(lang: Lang, rows: &[Row]) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        table class="words" {
            thead { tr { th { (t("model.field")) } th { (t("plugins.value")) } } }
            tbody { @for (path, text) in rows { tr { th scope="row" { (path) } td { (text) } } } }
        }
    }
}

/// One row, or one for each field below.
fn collect(path: String, value: &Value, depth: usize, left: &mut usize, rows: &mut Vec<Row>) {
    if *left == 0 {
        return;
    }
    if depth >= MAX_DEPTH || is_plain(value) {
        *left -= 1;
        rows.push((bounded(&path, MAX_CELL), bounded(&plain(value), MAX_CELL)));
    } else {
        below(&path, value, depth, left, rows);
    }
}

fn below(path: &str, value: &Value, depth: usize, left: &mut usize, rows: &mut Vec<Row>) {
    let joined = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path} · {name}") };
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| collect(joined(name), value, depth + 1, left, rows));
        }
        Value::Array(all) => {
            let numbered = all.iter().enumerate();
            numbered.for_each(|(at, value)| collect(joined(&(at + 1).to_string()), value, depth + 1, left, rows));
        }
        other => collect(path.to_owned(), other, MAX_DEPTH, left, rows),
    }
}

/// Whether it is shown in one cell: a value, a list of values, or a small object of such.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::Array(all) => all.iter().all(is_scalar),
        Value::Object(fields) => fields.len() <= MAX_INLINE && fields.values().all(is_inline),
        _ => true,
    }
}

fn is_inline(value: &Value) -> bool {
    is_scalar(value) || matches!(value, Value::Array(all) if all.iter().all(is_scalar))
}

const fn is_scalar(value: &Value) -> bool {
    !matches!(value, Value::Array(_) | Value::Object(_))
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(all) if all.iter().all(is_scalar) => all.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(fields) if is_plain(value) => inline(fields),
        other => other.to_string(),
    }
}

fn inline(fields: &Map<String, Value>) -> String {
    let one = |(name, value): (&String, &Value)| match value {
        Value::Array(_) => format!("{name} [{}]", plain(value)),
        _ => format!("{name} {}", plain(value)),
    };
    fields.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// The beginning of a text that may be long.
pub fn bounded(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(card: &Value) -> String {
        content(Lang::En, card).into_string()
    }

    #[test]
    fn fields_are_shown_by_their_path_and_small_objects_in_one_cell() {
        let card = json!({
            "schema": 1, "labels": ["good", "pit"],
            "fp32": { "accuracy": { "value": 0.997, "wilson95": [0.99, 1.0] }, "confusion": [[5, 0], [1, 4]], "deep": { "a": { "b": { "x": 1 } } } }
        });
        let page = shown(&card);
        for text in [
            "<th scope=\"row\">schema</th><td>1</td>",
            "<td>good, pit</td>",
            "<details><summary>fp32</summary>",
            "<th scope=\"row\">accuracy</th><td>value 0.997; wilson95 [0.99, 1.0]</td>",
            "<th scope=\"row\">confusion · 2</th><td>1, 4</td>",
            "<th scope=\"row\">deep · a · b</th><td>x 1</td>",
        ] {
            assert!(page.contains(text), "{text}: {page}");
        }
    }

    #[test]
    fn what_is_hostile_is_text_and_what_is_long_or_deep_is_cut() {
        let page = shown(&json!({ "<script>x</script>": "<img src=x onerror=x>", "y": { "<b>": [{ "<i>": {} }] } }));
        for tag in ["<script", "<img", "<b>", "<i>"] {
            assert!(!page.contains(tag), "{tag}: {page}");
        }
        assert!(page.contains("&lt;script&gt;"), "{page}");
        let rows: Vec<Value> = (0..5000).map(|at| json!([{ "at": at }])).collect();
        let page = shown(&json!({ "rows": rows }));
        assert_eq!(page.matches("<tr>").count(), MAX_ROWS + 1);
        assert!(page.contains("not everything is shown here"), "{page}");
        assert!(shown(&json!({ "a": "é".repeat(5000) })).len() < 2 * MAX_CELL + 500);
        let deep = (0..100).fold(json!({ "x": [[1]] }), |inner, _| json!({ "d": inner, "e": [[1]] }));
        assert!(shown(&deep).len() < 4000);
        for odd in [json!(null), json!([1, 2]), json!("text"), json!([[1], { "a": [[2]] }])] {
            assert!(shown(&odd).contains("<td>"), "{odd}");
        }
    }
}
