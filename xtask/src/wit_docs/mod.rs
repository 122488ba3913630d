//! `cargo xtask wit-docs`: docs/authors/wit.md, the reference of the plugin boundary, from the comments of `wit/*.wit`.

mod page;
mod parse;

use crate::options::Options;
use crate::ui;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::path::Path;

pub const PAGE: &str = "docs/authors/wit.md";
/// In the order of the page: what is shared first, then the kinds of plugin in the order of a frame's way.
const FILES: [&str; 6] = ["types", "imaging", "host", "preprocess", "detect", "monitor"];

pub fn run(workspace: &Workspace, mut options: Options) -> Result<()> {
    let check = options.flag("--check");
    options.finish()?;
    let wanted = reference(&workspace.root)?;
    let path = workspace.root.join(PAGE);
    let same = std::fs::read_to_string(&path).is_ok_and(|found| found == wanted);
    match (same, check) {
        (true, _) => ui::say(format!("{PAGE} is as wit/ has it")),
        (false, true) => bail!("{PAGE} is not what wit/ says: run `cargo xtask wit-docs`"),
        (false, false) => {
            std::fs::write(&path, wanted).with_context(|| format!("writing {PAGE}"))?;
            ui::say(format!("{PAGE} is written anew"));
        }
    }
    Ok(())
}

/// The whole page.
///
/// # Errors
/// When a file cannot be read, has a line that the parser does not know, or is not named in [`FILES`].
pub fn reference(root: &Path) -> Result<String> {
    let folder = root.join("wit");
    for entry in std::fs::read_dir(&folder).context("reading wit/")? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.strip_suffix(".wit").is_some_and(|name| !FILES.contains(&name)) {
            bail!("wit/{name} has no place in {PAGE}: name it in xtask/src/wit_docs/mod.rs");
        }
    }
    let mut package = parse::Package::default();
    for name in FILES {
        let file = format!("wit/{name}.wit");
        let text = std::fs::read_to_string(root.join(&file)).with_context(|| format!("reading {file}"))?;
        parse::parse(&text, &mut package).with_context(|| file)?;
    }
    Ok(page::page(&package))
}
