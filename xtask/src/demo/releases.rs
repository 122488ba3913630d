//! Further releases of the demo's recipe, for deploying them on the running station: one that is good, and one that
//! misbehaves.

use anyhow::{Context, Result, bail};
use std::path::Path;
use toml::{Table, Value};

/// The guest that traps on pictures which are not of the self-test's size, and its name as a plugin.
pub const BRITTLE_GUEST: &str = "brittle-detector";
pub const BRITTLE: &str = "brittle";

/// One further release.
#[derive(Debug, Clone, Copy)]
pub struct Release {
    pub version: &'static str,
    counter: i64,
    description: &'static str,
    /// With the plugin that traps.
    brittle: bool,
}

pub const RELEASES: [Release; 2] = [
    Release {
        version: "1.1.0",
        counter: 2,
        description: "A little stricter: a part passes only where the model is 65 % sure",
        brittle: false,
    },
    Release {
        version: "1.2.0",
        counter: 3,
        description: "Misbehaves: its further detector was only ever tried on pictures of the self-test's size",
        brittle: true,
    },
];

impl Release {
    /// The file of the signed bundle.
    pub fn file(&self) -> String {
        format!("recipe-{}.assay", self.version)
    }

    /// The recipe's manifest for this release; paths in it are from any folder.
    pub fn manifest(&self, recipe: &str, folder: &Path) -> Result<String> {
        let mut table: Table = recipe.parse().context("recipe.toml is not TOML")?;
        let bundle = section(&mut table, "bundle")?;
        bundle.insert("version".to_owned(), self.version.into());
        bundle.insert("counter".to_owned(), self.counter.into());
        bundle.insert("description".to_owned(), self.description.into());
        for path in table.get_mut("file").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(path) = path.get_mut("path") {
                let full = folder.join(path.as_str().unwrap_or_default());
                *path = full.to_string_lossy().as_ref().into();
            }
        }
        let recipe = section(&mut table, "recipe")?;
        section(recipe, "policy")?.insert("min_pass_probability".to_owned(), 0.65.into());
        if self.brittle {
            let pin = Table::from_iter([
                ("plugin".to_owned(), Value::from(BRITTLE)),
                ("grants".to_owned(), Value::Array(vec!["imaging".into()])),
            ]);
            let detectors = recipe.entry("detector").or_insert_with(|| Value::Array(Vec::new()));
            detectors.as_array_mut().context("recipe.detector is no list")?.push(Value::Table(pin));
        }
        Ok(table.to_string())
    }
}

fn section<'t>(table: &'t mut Table, key: &str) -> Result<&'t mut Table> {
    match table.get_mut(key).and_then(Value::as_table_mut) {
        Some(section) => Ok(section),
        None => bail!("recipe.toml has no section [{key}]"),
    }
}

/// The manifest of the plugin that traps.
pub fn brittle_manifest(module: &Path) -> String {
    let module = Value::from(module.to_string_lossy().as_ref());
    format!(
        "[bundle]\nkind = \"plugin\"\nname = \"{BRITTLE}\"\nversion = \"0.1.0\"\ncounter = 1\n\
         description = \"Traps on pictures that are not of the self-test's size: for showing a rollback\"\n\n\
         [plugin]\nworld = \"detector\"\nwit = \"assay:plugin@0.1.0\"\ncomponent = {module}\n\
         capabilities = [\"imaging\"]\n"
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
    use super::*;

    const RECIPE: &str = "[bundle]\nname = \"r\"\nversion = \"1.0.0\"\ncounter = 1\n[recipe.policy]\n\
                          min_pass_probability = 0.6\n[[file]]\nrole = \"self-test\"\npath = \"selftest/a.png\"\n";

    #[test]
    fn a_release_differs_in_what_it_says_and_nothing_else() {
        let text = RELEASES[1].manifest(RECIPE, Path::new("/demo")).unwrap();
        let table: Table = text.parse().unwrap();
        assert_eq!(table["bundle"]["version"].as_str(), Some("1.2.0"));
        assert_eq!((table["bundle"]["counter"].as_integer(), table["bundle"]["name"].as_str()), (Some(3), Some("r")));
        assert_eq!(table["file"][0]["path"].as_str(), Some("/demo/selftest/a.png"));
        assert_eq!(table["recipe"]["detector"][0]["plugin"].as_str(), Some(BRITTLE));
        let good: Table = RELEASES[0].manifest(RECIPE, Path::new("/demo")).unwrap().parse().unwrap();
        assert!(good["recipe"].get("detector").is_none());
        assert!(RELEASES[0].manifest("[bundle]", Path::new("/demo")).is_err());
    }

    #[test]
    fn the_counters_grow_with_the_versions() {
        assert!(RELEASES.windows(2).all(|pair| pair[0].counter < pair[1].counter));
        assert!(brittle_manifest(Path::new("/x \"y\"/b.wasm")).parse::<Table>().is_ok());
    }
}
