//! The demo's keys, trust store and signed bundles.

use super::SOURCE;
use super::releases::{BRITTLE, BRITTLE_GUEST, RELEASES, brittle_manifest};
use crate::process::Cmd;
use crate::workspace::Workspace;
use crate::{files, ui};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// Keys, trust store and signed bundles below `target/demo`. Does nothing when all it is made from is unchanged.
pub fn set_up(workspace: &Workspace) -> Result<()> {
    let demo = workspace.demo();
    let parts = Parts::find(workspace)?;
    let stamp = demo.join("inputs.sha256");
    let inputs = files::digests(&workspace.root, &parts.inputs(workspace))?;
    let complete = demo.join("trust.json").is_file() && parts.bundles(&demo).iter().all(|bundle| bundle.is_file());
    if complete && std::fs::read_to_string(&stamp).is_ok_and(|found| found == inputs) {
        ui::say(format!("demo: signed bundles are ready in {}", demo.join("bundles").display()));
        return Ok(());
    }
    ui::step(format!("Setting up the demo in {}: a demo key, signed plugins, model and recipe", demo.display()));
    // What is made anew must not be mixed with what is left of an earlier set.
    for old in [demo.join("bundles"), demo.join("releases"), demo.join("trust.json")] {
        files::remove(&old)?;
    }
    // Nor may what was deployed from the earlier set stand in the way of this one.
    for old in ["counters.json", "installed-recipe"] {
        files::remove(&demo.join("data").join(old))?;
    }
    files::make_dir(&demo.join("keys"))?;
    files::make_dir(&demo.join("bundles"))?;
    files::make_dir(&demo.join("releases"))?;
    parts.sign_all(workspace, &demo)?;
    files::write_if_changed(&stamp, inputs.as_bytes())?;
    Ok(())
}

/// What the demo is made of.
#[derive(Debug)]
struct Parts {
    /// Name and manifest of each plugin.
    plugins: Vec<(String, PathBuf)>,
    /// A model bundle that its publisher signed.
    signed_models: Vec<PathBuf>,
    /// The publisher's keys.
    publisher_keys: Vec<PathBuf>,
    /// What is packed and signed here, in this order: a recipe pins what was packed before it.
    packed: Vec<PathBuf>,
}

impl Parts {
    fn find(workspace: &Workspace) -> Result<Self> {
        let source = workspace.root.join(SOURCE);
        let below = files::list(&source, &["."])?;
        let ending = |end: &str| -> Vec<PathBuf> {
            below.iter().filter(|file| file.to_string_lossy().ends_with(end)).map(|file| source.join(file)).collect()
        };
        let signed_models = ending(".assay");
        let (model, recipe) = (source.join("model.toml"), source.join("recipe.toml"));
        if !recipe.is_file() {
            bail!("{} is missing: is this a complete clone?", recipe.display());
        }
        let packed = if signed_models.is_empty() { vec![model, recipe] } else { vec![recipe] };
        Ok(Self { plugins: plugin_manifests(workspace)?, signed_models, publisher_keys: ending(".pub.pem"), packed })
    }

    /// Every file that the set-up depends on.
    fn inputs(&self, workspace: &Workspace) -> Vec<PathBuf> {
        let modules = workspace.artifacts().join("plugins");
        let mut all: Vec<PathBuf> = self.plugins.iter().map(|(name, _)| modules.join(format!("{name}.wasm"))).collect();
        all.extend(self.plugins.iter().map(|(_, manifest)| manifest.clone()));
        all.push(guest(workspace));
        let source = workspace.root.join(SOURCE);
        let own = files::list(&source, &["."]).unwrap_or_default();
        all.extend(own.into_iter().filter(|file| !file.starts_with("./pictures")).map(|file| source.join(file)));
        all.push(workspace.assay());
        all
    }

    fn bundles(&self, demo: &Path) -> Vec<PathBuf> {
        let names = self.plugins.iter().map(|(name, _)| name.clone());
        let own = self
            .packed
            .iter()
            .chain(&self.signed_models)
            .filter_map(|file| Some(file.file_stem()?.to_string_lossy().into_owned()));
        let bundles = names.chain(own).chain([BRITTLE.to_owned()]);
        let releases = RELEASES.iter().map(|release| demo.join("releases").join(release.file()));
        bundles.map(|name| demo.join("bundles").join(format!("{name}.assay"))).chain(releases).collect()
    }

    fn sign_all(&self, workspace: &Workspace, demo: &Path) -> Result<()> {
        let assay = Assay { workspace, demo };
        let key = assay.key()?;
        assay.trust(&key.with_extension("pub.pem"), &["plugin:*", "model:*", "recipe:*"])?;
        for publisher in &self.publisher_keys {
            assay.trust(publisher, &["model:*"])?;
        }
        for model in &self.signed_models {
            let to = demo.join("bundles").join(model.file_name().unwrap_or_default());
            std::fs::copy(model, &to)
                .with_context(|| format!("cannot copy {} to {}", model.display(), to.display()))?;
            assay.run(&["bundle", "sign", "--key"]).arg(&key).arg(&to).read()?;
            ui::say(format!("    {}: signed by its publisher, and now by the demo's key", to.display()));
        }
        for (name, manifest) in &self.plugins {
            let module = workspace.artifacts().join("plugins").join(format!("{name}.wasm"));
            let placed = demo.join("manifests").join(format!("{name}.toml"));
            let text = with_places(&files::read_text(manifest)?, manifest, &module)?;
            files::write_if_changed(&placed, text.as_bytes())?;
            assay.pack(&placed, name, &key)?;
        }
        for manifest in &self.packed {
            let name = manifest.file_stem().unwrap_or_default().to_string_lossy();
            assay.pack(manifest, &name, &key)?;
        }
        sign_releases(assay, &key)
    }
}

/// What the running demo can be given: a good release, and one with a plugin that traps.
fn sign_releases(assay: Assay<'_>, key: &Path) -> Result<()> {
    let manifests = assay.demo.join("manifests");
    let brittle = manifests.join(format!("{BRITTLE}.toml"));
    files::write_if_changed(&brittle, brittle_manifest(&guest(assay.workspace)).as_bytes())?;
    assay.pack(&brittle, BRITTLE, key)?;
    let source = assay.workspace.root.join(SOURCE);
    let recipe = files::read_text(&source.join("recipe.toml"))?;
    for release in RELEASES {
        let manifest = manifests.join(format!("recipe-{}.toml", release.version));
        files::write_if_changed(&manifest, release.manifest(&recipe, &source)?.as_bytes())?;
        assay.pack_to(&manifest, &assay.demo.join("releases").join(release.file()), key)?;
    }
    Ok(())
}

/// The test guest that the demo's bad release carries.
fn guest(workspace: &Workspace) -> PathBuf {
    workspace.artifacts().join("guests").join(format!("{BRITTLE_GUEST}.wasm"))
}

/// The built `assay`, and where it puts things.
#[derive(Debug, Clone, Copy)]
struct Assay<'a> {
    workspace: &'a Workspace,
    demo: &'a Path,
}

impl Assay<'_> {
    fn run(self, args: &[&str]) -> Cmd {
        Cmd::new(self.workspace.assay()).dir(&self.workspace.root).args(args)
    }

    /// The demo's own key, made once.
    fn key(self) -> Result<PathBuf> {
        let key = self.demo.join("keys").join("demo.pem");
        if !key.is_file() {
            self.run(&["key", "generate", "--out"]).arg(&key).read()?;
            ui::say(format!("    {}: a key for this demo only", key.display()));
        }
        Ok(key)
    }

    fn trust(self, public_key: &Path, roles: &[&str]) -> Result<()> {
        let store = self.demo.join("trust.json");
        let cmd = self.run(&["key", "trust", "--store"]).arg(store).arg("--key").arg(public_key);
        cmd.args(roles.iter().flat_map(|role| ["--role", role])).read().map(drop)
    }

    fn pack(self, manifest: &Path, name: &str, key: &Path) -> Result<()> {
        self.pack_to(manifest, &self.demo.join("bundles").join(format!("{name}.assay")), key)
    }

    fn pack_to(self, manifest: &Path, out: &Path, key: &Path) -> Result<()> {
        let bundles = self.demo.join("bundles");
        let cmd = self.run(&["bundle", "pack", "--manifest"]).arg(manifest).arg("--bundles").arg(&bundles);
        cmd.arg("--key").arg(key).arg("--out").arg(out).read()?;
        ui::say(format!("    {}: packed and signed", out.display()));
        Ok(())
    }
}

/// A plugin's manifest that can be packed from any folder, with the module that was built.
fn with_places(text: &str, manifest: &Path, module: &Path) -> Result<String> {
    let mut table: toml::Table = text.parse().with_context(|| format!("{} is not TOML", manifest.display()))?;
    let text_of = |path: &Path| toml::Value::from(path.to_string_lossy().as_ref());
    let plugin = table.get_mut("plugin").and_then(toml::Value::as_table_mut);
    let Some(plugin) = plugin else {
        bail!("{} has no section [plugin]", manifest.display());
    };
    plugin.insert("component".to_owned(), text_of(module));
    let folder = manifest.parent().unwrap_or(Path::new("."));
    let further = table.get_mut("file").and_then(toml::Value::as_array_mut);
    for path in further.into_iter().flatten().filter_map(|file| file.get_mut("path")) {
        let full = folder.join(path.as_str().unwrap_or_default());
        *path = text_of(&full);
    }
    Ok(table.to_string())
}

/// The plugins that `cargo xtask plugins` builds: every crate below `plugins/` with a manifest. The demo needs no compilers
/// of other languages.
fn plugin_manifests(workspace: &Workspace) -> Result<Vec<(String, PathBuf)>> {
    let dir = workspace.root.join("plugins");
    let entries = std::fs::read_dir(&dir).with_context(|| format!("cannot list {}", dir.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        let folder = entry.with_context(|| format!("cannot list {}", dir.display()))?.path();
        if !folder.join("Cargo.toml").is_file() {
            continue;
        }
        let manifest =
            ["bundle.toml", "plugin.toml"].map(|name| folder.join(name)).into_iter().find(|file| file.is_file());
        if let (Some(manifest), Some(name)) = (manifest, folder.file_name()) {
            found.push((name.to_string_lossy().into_owned(), manifest));
        }
    }
    found.sort();
    if found.is_empty() {
        bail!("no crate below {} has a bundle.toml or plugin.toml", dir.display());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn a_manifest_keeps_all_but_its_places() {
        let text = "[bundle]\nname = \"a\"\n[plugin]\nworld = \"detector\"\ncomponent = \"x.wasm\"\n[[file]]\nrole = \"licence\"\npath = \"LICENSE\"\n";
        let out = with_places(text, Path::new("/p/a/bundle.toml"), Path::new("/t/plugins/a.wasm")).unwrap();
        let table: toml::Table = out.parse().unwrap();
        assert_eq!(table["bundle"]["name"].as_str(), Some("a"));
        assert_eq!(table["plugin"]["world"].as_str(), Some("detector"));
        assert_eq!(table["plugin"]["component"].as_str(), Some("/t/plugins/a.wasm"));
        assert_eq!(table["file"][0]["path"].as_str(), Some("/p/a/LICENSE"));
        let error = with_places("[bundle]", Path::new("/p/a/bundle.toml"), Path::new("m")).unwrap_err().to_string();
        assert!(error.contains("/p/a/bundle.toml has no section [plugin]"), "{error}");
    }

    #[test]
    fn the_demo_signs_the_crates_and_no_plugin_of_another_language() {
        let workspace = Workspace::find().unwrap();
        let names: Vec<String> = plugin_manifests(&workspace).unwrap().into_iter().map(|(name, _)| name).collect();
        assert!(names.contains(&"letterbox".to_owned()), "{names:?}");
        assert!(workspace.root.join("plugins/exposure/plugin.toml").is_file());
        assert!(!names.contains(&"exposure".to_owned()), "{names:?}");
    }
}
