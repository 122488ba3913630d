//! The keys, trust store and signed bundles of the demo's recipes.

use super::foreign;
use super::recipes::Recipe;
use super::releases::{BRITTLE, BRITTLE_GUEST, RELEASES, brittle_manifest};
use crate::process::Cmd;
use crate::workspace::Workspace;
use crate::{files, ui};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// Keys, trust store and signed bundles of a recipe below `target/demo`. Does nothing when all it is made from is unchanged.
pub fn set_up(workspace: &Workspace, recipe: Recipe) -> Result<()> {
    let home = recipe.home(workspace);
    let parts = Parts::find(workspace, recipe)?;
    let stamp = home.join("inputs.sha256");
    let inputs = files::digests(&workspace.root, &parts.inputs(workspace)?)?;
    let made = home.join("outputs.sha256");
    let same = |stamp: &Path, digests: &str| std::fs::read_to_string(stamp).is_ok_and(|found| found == digests);
    // One that somebody has changed since, as README's tour does, is made anew with all others.
    let whole = || files::digests(&home, &parts.bundles(&home)).is_ok_and(|digests| same(&made, &digests));
    if home.join("trust.json").is_file() && same(&stamp, &inputs) && whole() {
        ui::say(format!("demo: signed bundles are ready in {}", home.join("bundles").display()));
        return Ok(());
    }
    ui::step(format!("Setting up the demo in {}: a demo key, signed plugins, model and recipe", home.display()));
    // What is made anew must not be mixed with what is left of an earlier set.
    for old in [home.join("bundles"), home.join("releases"), home.join("trust.json")] {
        files::remove(&old)?;
    }
    // Nor may what was deployed from the earlier set stand in the way of this one.
    for old in ["counters.json", "installed-recipe"] {
        files::remove(&home.join("data").join(old))?;
    }
    files::make_dir(&home.join("keys"))?;
    files::make_dir(&home.join("bundles"))?;
    parts.sign_all(workspace, &home)?;
    let outputs = files::digests(&home, &parts.bundles(&home))?;
    files::write_if_changed(&made, outputs.as_bytes())?;
    files::write_if_changed(&stamp, inputs.as_bytes())?;
    Ok(())
}

/// A plugin to pack: its name, its manifest, and the module or component that was built.
#[derive(Debug, PartialEq, Eq)]
struct Plugin {
    name: String,
    manifest: PathBuf,
    module: PathBuf,
}

/// What a recipe's demo is made of.
#[derive(Debug)]
struct Parts {
    recipe: Recipe,
    plugins: Vec<Plugin>,
    /// A model bundle that its publisher signed.
    signed_models: Vec<PathBuf>,
    /// The publisher's keys.
    publisher_keys: Vec<PathBuf>,
    /// What is packed and signed here, in this order: a recipe pins what was packed before it.
    packed: Vec<PathBuf>,
}

impl Parts {
    /// The model is the same whatever the recipe.
    fn find(workspace: &Workspace, recipe: Recipe) -> Result<Self> {
        let model_home = workspace.root.join(Recipe::Surface.source());
        let below = files::list(&model_home, &["."])?;
        let ending = |end: &str| -> Vec<PathBuf> {
            let found = below.iter().filter(|file| file.to_string_lossy().ends_with(end));
            found.map(|file| model_home.join(file)).collect()
        };
        let signed_models = ending(".assay");
        let manifest = workspace.root.join(recipe.source()).join("recipe.toml");
        if !manifest.is_file() {
            bail!("{} is missing: is this a complete clone?", manifest.display());
        }
        let packed =
            if signed_models.is_empty() { vec![model_home.join("model.toml"), manifest] } else { vec![manifest] };
        Ok(Self {
            recipe,
            plugins: plugins_of(workspace, recipe)?,
            signed_models,
            publisher_keys: ending(".pub.pem"),
            packed,
        })
    }

    /// Every file that the set-up depends on.
    fn inputs(&self, workspace: &Workspace) -> Result<Vec<PathBuf>> {
        let mut all = Vec::new();
        for plugin in &self.plugins {
            all.extend([plugin.module.clone(), plugin.manifest.clone()]);
        }
        if self.recipe.has_releases() {
            all.push(guest(workspace));
        }
        for source in [Recipe::Surface.source(), self.recipe.source()].map(|source| workspace.root.join(source)) {
            let own = files::list(&source, &["."])?;
            all.extend(own.into_iter().filter(|file| !file.starts_with("./pictures")).map(|file| source.join(file)));
        }
        all.push(workspace.assay());
        all.sort();
        all.dedup();
        Ok(all)
    }

    fn bundles(&self, home: &Path) -> Vec<PathBuf> {
        let names = self.plugins.iter().map(|plugin| plugin.name.clone());
        let own = self
            .packed
            .iter()
            .chain(&self.signed_models)
            .filter_map(|file| Some(file.file_stem()?.to_string_lossy().into_owned()));
        let mut bundles: Vec<_> =
            names.chain(own).map(|name| home.join("bundles").join(format!("{name}.assay"))).collect();
        if self.recipe.has_releases() {
            bundles.push(home.join("bundles").join(format!("{BRITTLE}.assay")));
            bundles.extend(RELEASES.iter().map(|release| home.join("releases").join(release.file())));
        }
        bundles
    }

    fn sign_all(&self, workspace: &Workspace, home: &Path) -> Result<()> {
        let assay = Assay { workspace, home };
        let key = assay.key()?;
        assay.trust(&key.with_extension("pub.pem"), &["plugin:*", "model:*", "recipe:*"])?;
        for publisher in &self.publisher_keys {
            assay.trust(publisher, &["model:*"])?;
        }
        for model in &self.signed_models {
            let to = home.join("bundles").join(model.file_name().unwrap_or_default());
            std::fs::copy(model, &to)
                .with_context(|| format!("cannot copy {} to {}", model.display(), to.display()))?;
            assay.run(&["bundle", "sign", "--key"]).arg(&key).arg(&to).read()?;
            ui::say(format!("    {}: signed by its publisher, and now by the demo's key", to.display()));
        }
        for Plugin { name, manifest, module } in &self.plugins {
            let placed = home.join("manifests").join(format!("{name}.toml"));
            let text = with_places(&files::read_text(manifest)?, manifest, module)?;
            files::write_if_changed(&placed, text.as_bytes())?;
            assay.pack(&placed, name, &key)?;
        }
        for manifest in &self.packed {
            let name = manifest.file_stem().unwrap_or_default().to_string_lossy();
            assay.pack(manifest, &name, &key)?;
        }
        if self.recipe.has_releases() { sign_releases(assay, self.recipe, &key) } else { Ok(()) }
    }
}

/// What the running demo can be given: a good release, and one with a plugin that traps.
fn sign_releases(assay: Assay<'_>, recipe: Recipe, key: &Path) -> Result<()> {
    files::make_dir(&assay.home.join("releases"))?;
    let manifests = assay.home.join("manifests");
    let brittle = manifests.join(format!("{BRITTLE}.toml"));
    files::write_if_changed(&brittle, brittle_manifest(&guest(assay.workspace)).as_bytes())?;
    assay.pack(&brittle, BRITTLE, key)?;
    let source = assay.workspace.root.join(recipe.source());
    let text = files::read_text(&source.join("recipe.toml"))?;
    for release in RELEASES {
        let manifest = manifests.join(format!("recipe-{}.toml", release.version));
        files::write_if_changed(&manifest, release.manifest(&text, &source)?.as_bytes())?;
        assay.pack_to(&manifest, &assay.home.join("releases").join(release.file()), key)?;
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
    home: &'a Path,
}

impl Assay<'_> {
    fn run(self, args: &[&str]) -> Cmd {
        Cmd::new(self.workspace.assay()).dir(&self.workspace.root).args(args)
    }

    /// The demo's own key, made once.
    fn key(self) -> Result<PathBuf> {
        let key = self.home.join("keys").join("demo.pem");
        if !key.is_file() {
            self.run(&["key", "generate", "--out"]).arg(&key).read()?;
            ui::say(format!("    {}: a key for this demo only", key.display()));
        }
        Ok(key)
    }

    fn trust(self, public_key: &Path, roles: &[&str]) -> Result<()> {
        let store = self.home.join("trust.json");
        let cmd = self.run(&["key", "trust", "--store"]).arg(store).arg("--key").arg(public_key);
        cmd.args(roles.iter().flat_map(|role| ["--role", role])).read().map(drop)
    }

    fn pack(self, manifest: &Path, name: &str, key: &Path) -> Result<()> {
        self.pack_to(manifest, &self.home.join("bundles").join(format!("{name}.assay")), key)
    }

    fn pack_to(self, manifest: &Path, out: &Path, key: &Path) -> Result<()> {
        let bundles = self.home.join("bundles");
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

/// The first demo signs every plugin in Rust, whether its recipe runs it or not: a tour needs something to look at. Another
/// one signs what its recipe names.
fn plugins_of(workspace: &Workspace, recipe: Recipe) -> Result<Vec<Plugin>> {
    let text = files::read_text(&workspace.root.join(recipe.source()).join("recipe.toml"))?;
    let mut plugins = rust_plugins(workspace)?;
    if recipe != Recipe::Surface {
        plugins.retain(|plugin| text.contains(&format!("plugin = \"{}\"", plugin.name)));
    }
    plugins.extend(recipe.foreign().iter().map(|name| Plugin {
        name: (*name).to_owned(),
        manifest: workspace.root.join("plugins").join(name).join("plugin.toml"),
        module: foreign::component(workspace, name),
    }));
    plugins.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(plugins)
}

/// What `cargo xtask plugins` builds: every crate below `plugins/` with a manifest.
fn rust_plugins(workspace: &Workspace) -> Result<Vec<Plugin>> {
    let dir = workspace.root.join("plugins");
    let modules = workspace.artifacts().join("plugins");
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
            let name = name.to_string_lossy().into_owned();
            let module = modules.join(format!("{name}.wasm"));
            found.push(Plugin { name, manifest, module });
        }
    }
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
    fn the_first_demo_needs_no_compilers_and_the_second_signs_what_its_recipe_names() {
        let workspace = Workspace::find().unwrap();
        let names = |recipe| -> Vec<String> {
            plugins_of(&workspace, recipe).unwrap().into_iter().map(|plugin| plugin.name).collect()
        };
        assert_eq!(names(Recipe::Surface), ["adv-squeeze", "drift-input", "image-quality", "letterbox"]);
        let labels = ["code-check", "exposure", "fixture-align", "letterbox", "spc-monitor", "statistics-rule"];
        assert_eq!(names(Recipe::Labels), labels);
    }
}
