//! A parser for our own WIT files: one item, field, case or function on a line, as they are written here. A line of
//! another form is an error and not left out.

use anyhow::{Context, Result, bail};

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Package {
    pub name: String,
    pub blocks: Vec<Block>,
}

/// An interface or a world.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// `interface` or `world`.
    pub keyword: String,
    pub name: String,
    pub doc: Vec<String>,
    pub items: Vec<Item>,
    pub functions: Vec<Row>,
    pub imports: Vec<String>,
    pub exports: Vec<String>,
}

/// A type of an interface.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// `record`, `variant`, `enum`, `resource` or `type`.
    pub keyword: String,
    pub name: String,
    pub doc: Vec<String>,
    /// What a `type` stands for.
    pub alias: Option<String>,
    pub rows: Vec<Row>,
}

/// A field, a case or a function.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Row {
    pub name: String,
    /// Empty for a case without a value.
    pub what: String,
    pub doc: Vec<String>,
}

const BLOCKS: [&str; 2] = ["interface", "world"];
const ITEMS: [&str; 4] = ["record", "variant", "enum", "resource"];

/// Adds what a file holds to the package.
pub fn parse(text: &str, package: &mut Package) -> Result<()> {
    let mut reader = Reader { package, block: None, item: None, doc: Vec::new() };
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        reader.line(line).with_context(|| format!("line {}: {line:?}", number + 1))?;
    }
    if reader.block.is_some() {
        bail!("the file ends before its last interface or world does");
    }
    Ok(())
}

struct Reader<'a> {
    package: &'a mut Package,
    block: Option<Block>,
    item: Option<Item>,
    doc: Vec<String>,
}

impl Reader<'_> {
    fn line(&mut self, line: &str) -> Result<()> {
        if let Some(doc) = line.strip_prefix("///") {
            self.doc.push(doc.trim().to_owned());
            return Ok(());
        }
        match (line, &mut self.block, &mut self.item) {
            ("", _, _) => Ok(()),
            ("}", _, _) => self.close(),
            (_, _, Some(item)) => {
                item.rows.push(row(line, std::mem::take(&mut self.doc))?);
                Ok(())
            }
            (_, Some(_), None) => self.inside(line),
            (_, None, None) => self.outside(line),
        }
    }

    fn close(&mut self) -> Result<()> {
        if !self.doc.is_empty() {
            bail!("a comment that belongs to nothing");
        }
        match (self.item.take(), self.block.take()) {
            (Some(item), Some(mut block)) => {
                block.items.push(item);
                self.block = Some(block);
            }
            (None, Some(block)) => self.package.blocks.push(block),
            (_, None) => bail!("a bracket too many"),
        }
        Ok(())
    }

    fn outside(&mut self, line: &str) -> Result<()> {
        if let Some(name) = line.strip_prefix("package ").and_then(|rest| rest.strip_suffix(';')) {
            self.package.name = name.to_owned();
            return Ok(());
        }
        let (keyword, name) = opened(line, &BLOCKS).context("expected an interface or a world")?;
        let doc = std::mem::take(&mut self.doc);
        self.block = Some(Block { keyword, name, doc, ..Block::default() });
        Ok(())
    }

    /// In an interface or a world, in no item of it.
    fn inside(&mut self, line: &str) -> Result<()> {
        let doc = std::mem::take(&mut self.doc);
        let Some(block) = &mut self.block else { bail!("outside of an interface") };
        if let Some((keyword, name)) = opened(line, &ITEMS) {
            self.item = Some(Item { keyword, name, doc, ..Item::default() });
            return Ok(());
        }
        let statement = line.strip_suffix(';').context("expected one statement on this line, up to a `;`")?;
        match statement.split_once(' ') {
            // Names of other interfaces: the page has each type where it is defined.
            Some(("use", _)) => {}
            Some(("import", name)) => block.imports.push(name.to_owned()),
            Some(("export", name)) => block.exports.push(name.to_owned()),
            Some(("type", rest)) => {
                let (name, alias) = rest.split_once(" = ").context("expected `type NAME = TYPE;`")?;
                let (keyword, name, alias) = ("type".to_owned(), name.to_owned(), Some(alias.to_owned()));
                block.items.push(Item { keyword, name, doc, alias, rows: Vec::new() });
            }
            _ => block.functions.push(row(line, doc)?),
        }
        Ok(())
    }
}

/// `KEYWORD NAME {`
fn opened(line: &str, keywords: &[&str]) -> Option<(String, String)> {
    let (keyword, name) = line.strip_suffix(" {")?.split_once(' ')?;
    keywords.contains(&keyword).then(|| (keyword.to_owned(), name.to_owned()))
}

/// `name: type,`, `name,`, `name(type),` or `name: func(...);`
fn row(line: &str, doc: Vec<String>) -> Result<Row> {
    let code = line.strip_suffix([',', ';']).context("expected a field, a case or a function on one line")?;
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let end = code.find([':', '(']).unwrap_or(code.len());
    let (name, rest) = code.split_at(end);
    if !is_name(name) {
        bail!("{name:?} is no name");
    }
    let what = match rest.strip_prefix(':') {
        Some(what) => what.trim(),
        None => rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(rest),
    };
    Ok(Row { name: name.to_owned(), what: what.to_owned(), doc })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "\
package a:b@0.1.0;

/// Two
/// lines.
interface one {
    use other.{thing};
    type pair = tuple<u8, u8>;

    /// Has a value.
    variant kind {
        /// With text.
        named(string),
        none,
    }

    get: func(key: string) -> option<kind>;
}

world both {
    import one;
    export two;
}
";

    fn parsed(text: &str) -> Result<Package> {
        let mut package = Package::default();
        parse(text, &mut package)?;
        Ok(package)
    }

    fn text(text: &str) -> String {
        text.to_owned()
    }

    #[test]
    fn all_of_a_file_is_kept() -> Result<()> {
        let row = |name, what, doc: &[&str]| Row {
            name: text(name),
            what: text(what),
            doc: doc.iter().map(|line| text(line)).collect(),
        };
        let pair =
            Item { keyword: text("type"), name: text("pair"), alias: Some(text("tuple<u8, u8>")), ..Item::default() };
        let kind = Item {
            keyword: text("variant"),
            name: text("kind"),
            doc: vec![text("Has a value.")],
            rows: vec![row("named", "string", &["With text."]), row("none", "", &[])],
            ..Item::default()
        };
        let one = Block {
            keyword: text("interface"),
            name: text("one"),
            doc: vec![text("Two"), text("lines.")],
            items: vec![pair, kind],
            functions: vec![row("get", "func(key: string) -> option<kind>", &[])],
            ..Block::default()
        };
        let both = Block {
            keyword: text("world"),
            name: text("both"),
            imports: vec![text("one")],
            exports: vec![text("two")],
            ..Block::default()
        };
        assert_eq!(parsed(SMALL)?, Package { name: text("a:b@0.1.0"), blocks: vec![one, both] });
        Ok(())
    }

    #[test]
    fn what_it_does_not_know_is_an_error_with_its_line() {
        for (from, to) in [
            ("interface one {", "iface one {"),
            ("named(string),", "named(string)"),
            ("option<kind>;", "option<kind>"),
            ("        none,\n", "        none,\n        /// Of nothing.\n"),
            ("export two;\n}\n", "export two;\n"),
        ] {
            let changed = SMALL.replace(from, to);
            assert_ne!(changed, SMALL);
            assert!(parsed(&changed).is_err(), "{to:?} was taken");
        }
        let error = parsed(&SMALL.replace("named(string),", "na med(string),")).err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some("line 12: \"na med(string),\""));
    }
}
