//! The page that people read.

use super::parse::{Block, Item, Package, Row};
use std::fmt::Write as _;

const HEAD: &str = "\
<!-- Written by `cargo xtask wit-docs` from wit/*.wit. Change those, not this page. -->

Every SDK gives these interfaces in its own language's way. wit/README.md has the capability of each import and the
rules of change. `tensor` is the resource of `wasi:nn`, which lies in wit/deps/wasi-nn.
";

pub fn page(package: &Package) -> String {
    let mut page = format!("# The plugin boundary: `{}`\n\n{HEAD}\n", package.name);
    worlds(package, &mut page);
    for block in package.blocks.iter().filter(|block| block.keyword == "interface") {
        interface(block, &mut page);
    }
    page
}

fn worlds(package: &Package, page: &mut String) {
    page.push_str("## Worlds\n\n| world | exports | may import | what |\n|---|---|---|---|\n");
    for world in package.blocks.iter().filter(|block| block.keyword == "world") {
        let names = |names: &[String]| names.iter().map(|name| code(name)).collect::<Vec<_>>().join(", ");
        let (exports, imports) = (names(&world.exports), names(&world.imports));
        // Writing to a text cannot fail.
        let _ = writeln!(page, "| {} | {exports} | {imports} | {} |", code(&world.name), cell(&world.doc));
    }
}

fn interface(block: &Block, page: &mut String) {
    let _ = writeln!(page, "\n## Interface `{}`", block.name);
    paragraphs(&block.doc, page);
    for item in &block.items {
        type_of(item, page);
    }
    if !block.functions.is_empty() {
        page.push_str("\n### Functions\n");
        table("function", "signature", &block.functions, page);
    }
}

fn type_of(item: &Item, page: &mut String) {
    let _ = writeln!(page, "\n### {} `{}`", item.keyword, item.name);
    paragraphs(&item.doc, page);
    if let Some(alias) = &item.alias {
        let _ = writeln!(page, "\nThe same as {}.", code(alias));
    }
    match item.keyword.as_str() {
        "record" => table("field", "type", &item.rows, page),
        "resource" => table("method", "signature", &item.rows, page),
        _ if item.rows.iter().any(|row| !row.what.is_empty()) => table("case", "carries", &item.rows, page),
        "type" => {}
        _ => cases(&item.rows, page),
    }
}

fn table(first: &str, second: &str, rows: &[Row], page: &mut String) {
    let _ = writeln!(page, "\n| {first} | {second} | what |\n|---|---|---|");
    for row in rows {
        let _ = writeln!(page, "| {} | {} | {} |", code(&row.name), code(&row.what), cell(&row.doc));
    }
}

/// Cases that carry nothing.
fn cases(rows: &[Row], page: &mut String) {
    page.push_str("\n| case | what |\n|---|---|\n");
    for row in rows {
        let _ = writeln!(page, "| {} | {} |", code(&row.name), cell(&row.doc));
    }
}

fn paragraphs(doc: &[String], page: &mut String) {
    if !doc.is_empty() {
        page.push('\n');
    }
    for line in doc {
        let _ = writeln!(page, "{line}");
    }
}

fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{}`", text.replace('|', "\\|")) }
}

/// One line, in which no `|` ends the cell.
fn cell(doc: &[String]) -> String {
    doc.join(" ").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_ends_where_it_should() {
        let row = Row { name: "or".to_owned(), what: "a|b".to_owned(), doc: vec!["x | y,".to_owned(), "z".to_owned()] };
        let mut page = String::new();
        table("field", "type", &[row], &mut page);
        assert_eq!(page.lines().last(), Some("| `or` | `a\\|b` | x \\| y, z |"));
    }
}
