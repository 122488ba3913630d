//! `cargo xtask demo`: from a clean clone to a running station with pictures.

use crate::options::Options;
use crate::process::Cmd;
use crate::wheels::{self, ONNXRUNTIME, OPENVINO};
use crate::workspace::Workspace;
use crate::{files, plugins, ui};
use anyhow::{Context, Result, bail};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Model, recipe and pictures of the demo, relative to the root.
const SOURCE: &str = "sdk/models/demo";
/// All backends, in the order in which they are tried.
const BACKENDS: [&str; 3] = ["openvino", "onnxruntime", "tract"];
/// Between two pictures of the running demo, so that a person can follow.
const PACE_MS: u32 = 400;

#[derive(Debug)]
struct Wish {
    once: bool,
    json: Option<PathBuf>,
    port: u16,
    backend: Option<String>,
}

impl Wish {
    fn read(mut options: Options) -> Result<Self> {
        let wish = Self {
            once: options.flag("--once"),
            json: options.path("--json")?,
            port: match options.value("--port")? {
                None => 8080,
                Some(text) => {
                    text.parse().with_context(|| format!("--port takes a number from 0 to 65535, not `{text}`"))?
                }
            },
            backend: options.value("--backend")?,
        };
        options.finish()?;
        if let Some(backend) = wish.backend.as_deref().filter(|backend| !BACKENDS.contains(backend)) {
            bail!("--backend takes {}, not `{backend}`", BACKENDS.join(", "));
        }
        if wish.json.is_some() && !wish.once {
            bail!("--json goes with --once: cargo xtask demo --once --json FILE");
        }
        Ok(wish)
    }
}

pub fn run(workspace: &Workspace, options: Options) -> Result<()> {
    let wish = Wish::read(options)?;
    if !wish.once {
        check_port(wish.port)?;
    }
    plugins::build(workspace)?;
    let order = backends(workspace, wish.backend.as_deref())?;
    build_assay(workspace)?;
    set_up(workspace)?;
    let config = write_config(workspace, &order, wish.port)?;
    if wish.once {
        judge_once(workspace, &config, wish.json.as_deref())
    } else {
        run_station(workspace, &config, wish.port)
    }
}

/// Before minutes of building, not after.
fn check_port(port: u16) -> Result<()> {
    std::net::TcpListener::bind(("127.0.0.1", port)).map(drop).with_context(|| {
        format!(
            "the admin page can't have port {port}; choose another: cargo xtask demo --port {}",
            port.wrapping_add(1).max(1024)
        )
    })
}

/// Fetches the wished backend. Without a wish: the fastest, and where it can't be had the built-in one.
fn backends(workspace: &Workspace, wish: Option<&str>) -> Result<Vec<&'static str>> {
    match wish {
        Some("openvino") => wheels::ensure(workspace, &OPENVINO).map(|_| vec!["openvino"]),
        Some("onnxruntime") => wheels::ensure(workspace, &ONNXRUNTIME).map(|_| vec!["onnxruntime"]),
        Some(_) => Ok(vec!["tract"]),
        None => {
            if let Err(error) = wheels::ensure(workspace, &OPENVINO) {
                ui::say(format!("{error:#}"));
                ui::say(
                    "Going on with the built-in backend `tract`: the same verdicts, about eight times slower inference.",
                );
            }
            Ok(BACKENDS.to_vec())
        }
    }
}

pub fn build_assay(workspace: &Workspace) -> Result<()> {
    ui::step("Building assay (release): the first time takes some minutes, the sandbox's compiler is large");
    workspace.cargo().args(["build", "--release", "--package", "assay"]).live()
}

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
    for old in [demo.join("bundles"), demo.join("trust.json")] {
        remove(&old)?;
    }
    files::make_dir(&demo.join("keys"))?;
    files::make_dir(&demo.join("bundles"))?;
    parts.sign_all(workspace, &demo)?;
    files::write_if_changed(&stamp, inputs.as_bytes())?;
    Ok(())
}

fn remove(path: &Path) -> Result<()> {
    let result = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    match result {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
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
        names.chain(own).map(|name| demo.join("bundles").join(format!("{name}.assay"))).collect()
    }

    fn sign_all(&self, workspace: &Workspace, demo: &Path) -> Result<()> {
        let assay = || Cmd::new(workspace.assay()).dir(&workspace.root);
        let bundles = demo.join("bundles");
        let key = demo.join("keys").join("demo.pem");
        if !key.is_file() {
            assay().args(["key", "generate", "--out"]).arg(&key).read()?;
            ui::say(format!("    {}: a key for this demo only", key.display()));
        }
        let trust = |public: &Path, roles: &[&str]| {
            let roles = roles.iter().flat_map(|role| ["--role", role]);
            assay()
                .args(["key", "trust", "--store"])
                .arg(demo.join("trust.json"))
                .arg("--key")
                .arg(public)
                .args(roles)
                .read()
        };
        trust(&key.with_extension("pub.pem"), &["plugin:*", "model:*", "recipe:*"])?;
        for publisher in &self.publisher_keys {
            trust(publisher, &["model:*"])?;
        }
        for model in &self.signed_models {
            let to = bundles.join(model.file_name().unwrap_or_default());
            std::fs::copy(model, &to)
                .with_context(|| format!("cannot copy {} to {}", model.display(), to.display()))?;
            ui::say(format!("    {}: signed by its publisher", to.display()));
        }
        let pack_and_sign = |name: &str, pack: Cmd| -> Result<()> {
            let out = bundles.join(format!("{name}.assay"));
            pack.arg("--out").arg(&out).read()?;
            assay().args(["bundle", "sign", "--key"]).arg(&key).arg(&out).read()?;
            ui::say(format!("    {}: packed and signed", out.display()));
            Ok(())
        };
        for (name, manifest) in &self.plugins {
            let module = workspace.artifacts().join("plugins").join(format!("{name}.wasm"));
            let pack = assay().args(["bundle", "pack", "--manifest"]).arg(manifest).arg("--component").arg(module);
            pack_and_sign(name, pack)?;
        }
        for manifest in &self.packed {
            let name = manifest.file_stem().unwrap_or_default().to_string_lossy();
            let pack = assay().args(["bundle", "pack", "--manifest"]).arg(manifest).arg("--bundles").arg(&bundles);
            pack_and_sign(&name, pack)?;
        }
        Ok(())
    }
}

/// The plugins that ship: every folder below `plugins/` with a manifest.
fn plugin_manifests(workspace: &Workspace) -> Result<Vec<(String, PathBuf)>> {
    let dir = workspace.root.join("plugins");
    let entries = std::fs::read_dir(&dir).with_context(|| format!("cannot list {}", dir.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        let folder = entry.with_context(|| format!("cannot list {}", dir.display()))?.path();
        let manifest =
            ["bundle.toml", "plugin.toml"].map(|name| folder.join(name)).into_iter().find(|file| file.is_file());
        if let (Some(manifest), Some(name)) = (manifest, folder.file_name()) {
            found.push((name.to_string_lossy().into_owned(), manifest));
        }
    }
    found.sort();
    if found.is_empty() {
        bail!("no folder below {} has a bundle.toml", dir.display());
    }
    Ok(found)
}

fn write_config(workspace: &Workspace, order: &[&str], port: u16) -> Result<PathBuf> {
    let pictures = workspace.root.join(SOURCE).join("pictures");
    let file = workspace.demo().join("station.toml");
    files::write_if_changed(&file, config_text(workspace, order, port, &pictures)?.as_bytes())?;
    Ok(file)
}

fn config_text(workspace: &Workspace, order: &[&str], port: u16, pictures: &Path) -> Result<String> {
    let quoted = |path: &Path| toml::Value::from(path.to_string_lossy().as_ref()).to_string();
    let order: Vec<String> = order.iter().map(|name| format!("\"{name}\"")).collect();
    let mut text = String::new();
    write!(
        text,
        "# Written by `cargo xtask demo`; the next run writes it again.\n\
         station = \"demo\"\n\
         data_dir = \"data\"\n\
         bundles_dir = \"bundles\"\n\
         recipe = \"bundles/recipe.assay\"\n\
         trust = \"trust.json\"\n\n\
         [inference]\n\
         order = [{}]\n",
        order.join(", ")
    )?;
    // A folder that is named must exist.
    for (key, dir) in [("openvino_dir", workspace.openvino()), ("onnxruntime_dir", workspace.onnxruntime())] {
        if dir.is_dir() {
            writeln!(text, "{key} = {}", quoted(&dir))?;
        }
    }
    write!(
        text,
        "\n[admin]\n\
         bind = \"127.0.0.1:{port}\"\n\n\
         [[source]]\n\
         kind = \"folder\"\n\
         name = \"demo\"\n\
         path = {}\n\
         mode = \"once\"\n\
         repeat = true\n\
         pace_ms = {PACE_MS}\n\
         after = \"keep\"\n",
        quoted(pictures)
    )?;
    Ok(text)
}

fn judge_once(workspace: &Workspace, config: &Path, json: Option<&Path>) -> Result<()> {
    let pictures = Path::new(SOURCE).join("pictures");
    let mut list = files::list(&workspace.root, &[&pictures.to_string_lossy()])?;
    list.retain(|file| file.extension().is_some_and(|e| ["png", "jpg", "jpeg", "bmp"].iter().any(|known| e == *known)));
    if list.is_empty() {
        bail!("there are no pictures in {}: is this a complete clone?", workspace.root.join(pictures).display());
    }
    ui::step(format!("Judging each of the {} pictures once", list.len()));
    let cmd = Cmd::new(workspace.assay()).dir(&workspace.root).args(["inspect", "--config"]).arg(config);
    let cmd = cmd.arg("--truth").arg(pictures.join("truth.json")).arg("--summary");
    let cmd = match json {
        Some(file) => cmd.arg("--json").arg(file),
        None => cmd,
    };
    cmd.args(list).live()
}

fn run_station(workspace: &Workspace, config: &Path, port: u16) -> Result<()> {
    ui::step(format!("Starting the station. Admin page: http://127.0.0.1:{port}/ (Ctrl-C ends it)"));
    let cmd = Cmd::new(workspace.assay()).dir(&workspace.root).args(["run", "--config"]).arg(config);
    Err(cmd.replace_this_process())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
    use super::*;

    fn wish(words: &str) -> Result<Wish> {
        Wish::read(Options::new("demo", words.split_whitespace().map(str::to_owned)))
    }

    #[test]
    fn wrong_words_are_told_before_anything_is_built() {
        let error = |words: &str| wish(words).unwrap_err().to_string();
        assert!(error("--port many").contains("not `many`"));
        assert!(error("--backend cuda").contains("openvino, onnxruntime, tract"));
        assert!(error("--json x.json").contains("--once"));
        let good = wish("--once --json x.json --backend tract --port 0").unwrap();
        assert!(good.once && good.json.unwrap().is_absolute() && good.port == 0);
    }

    #[test]
    fn the_station_file_is_toml_whatever_the_folders_are_called() {
        let workspace = Workspace { root: PathBuf::from("/a \"b\""), target: PathBuf::from("/t") };
        let text = config_text(&workspace, &["tract"], 9000, Path::new("/a \"b\"/pictures")).unwrap();
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table["admin"]["bind"].as_str(), Some("127.0.0.1:9000"));
        assert_eq!(table["source"][0]["path"].as_str(), Some("/a \"b\"/pictures"));
        assert_eq!(table["inference"]["order"][0].as_str(), Some("tract"));
    }

    #[test]
    fn a_port_in_use_is_told_with_another_to_take() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        assert!(check_port(port).unwrap_err().to_string().contains("cargo xtask demo --port"));
    }
}
