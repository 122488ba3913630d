//! `cargo xtask demo`: from a clean clone to a running station with pictures.

mod foreign;
mod recipes;
mod releases;
mod set_up;

pub use recipes::Recipe;

use crate::options::Options;
use crate::process::Cmd;
use crate::wheels::{self, ONNXRUNTIME, OPENVINO};
use crate::workspace::Workspace;
use crate::{files, plugins, ui};
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// All backends, in the order in which they are tried.
pub const BACKENDS: [&str; 3] = ["openvino", "onnxruntime", "tract"];
/// Between two pictures of the running demo, so that a person can follow.
const PACE_MS: u32 = 400;

#[derive(Debug)]
struct Wish {
    recipe: Recipe,
    once: bool,
    json: Option<PathBuf>,
    port: u16,
    backend: Option<String>,
}

impl Wish {
    fn read(mut options: Options) -> Result<Self> {
        let wish = Self {
            recipe: options.value("--recipe")?.map_or(Ok(Recipe::Surface), |name| Recipe::parse(&name))?,
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
    set_up(workspace, wish.recipe)?;
    let station = Station { recipe: wish.recipe, order: &order, port: wish.port, data_dir: "data" };
    let config = write_config(workspace, "station.toml", &station)?;
    if wish.once {
        judge_once(workspace, wish.recipe, &config, wish.json.as_deref())
    } else {
        run_station(workspace, &config, wish.port)
    }
}

/// The plugins in other languages that a recipe needs, then keys, trust store and signed bundles; with an `assay` that is
/// built.
pub fn set_up(workspace: &Workspace, recipe: Recipe) -> Result<()> {
    foreign::build(workspace, recipe)?;
    set_up::set_up(workspace, recipe)
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
                ui::say("Going on with the built-in backend `tract`: the same verdicts, much slower inference.");
            }
            Ok(BACKENDS.to_vec())
        }
    }
}

pub fn build_assay(workspace: &Workspace) -> Result<()> {
    ui::step("Building assay (release): the first time takes some minutes, the sandbox's compiler is large");
    workspace.cargo().args(["build", "--release", "--package", "assay"]).live()
}

/// Writes the station's configuration beside the bundles.
pub fn write_config(workspace: &Workspace, name: &str, station: &Station<'_>) -> Result<PathBuf> {
    let file = station.recipe.home(workspace).join(name);
    files::write_if_changed(&file, station.to_toml(workspace)?.as_bytes())?;
    Ok(file)
}

/// What differs between the stations that run on the demo's bundles.
#[derive(Debug)]
pub struct Station<'a> {
    pub recipe: Recipe,
    /// Backends, in the order in which they are tried.
    pub order: &'a [&'a str],
    pub port: u16,
    /// Beside the recipe's bundles.
    pub data_dir: &'a str,
}

impl Station<'_> {
    fn to_toml(&self, workspace: &Workspace) -> Result<String> {
        let quoted = |path: &Path| toml::Value::from(path.to_string_lossy().as_ref()).to_string();
        let order: Vec<String> = self.order.iter().map(|name| format!("\"{name}\"")).collect();
        let mut text = String::new();
        write!(
            text,
            "# Written by cargo xtask; its next run writes it again.\n\
             station = \"{}\"\n\
             data_dir = \"{}\"\n\
             bundles_dir = \"bundles\"\n\
             recipe = \"bundles/recipe.assay\"\n\
             trust = \"trust.json\"\n\n\
             [inference]\n\
             order = [{}]\n",
            self.recipe.station(),
            self.data_dir,
            order.join(", ")
        )?;
        for (key, wheel) in [("openvino_dir", &OPENVINO), ("onnxruntime_dir", &ONNXRUNTIME)] {
            if let Some(dir) = wheels::ready(workspace, wheel) {
                writeln!(text, "{key} = {}", quoted(&dir))?;
            }
        }
        write!(
            text,
            "\n# A line draws one pass in 50 for people to look at; the demo has few.\n\
             [journal]\n\
             review_pass_one_in = 8\n\n\
             [admin]\n\
             bind = \"127.0.0.1:{}\"\n\n\
             [[source]]\n\
             kind = \"folder\"\n\
             name = \"demo\"\n\
             path = {}\n\
             mode = \"once\"\n\
             repeat = true\n\
             pace_ms = {PACE_MS}\n\
             after = \"keep\"\n\n\
             [[source]]\n\
             kind = \"http\"\n\
             name = \"upload\"\n\n\
             # A line takes 300 frames for the shadow and 1000 for the trial. This trial is too short for a percentile or\n\
             # a mix of verdicts, since the pictures come in the order of a story; and a busy machine may be late.\n\
             [deploy]\n\
             shadow_frames = 10\n\
             trial_frames = 19\n\
             max_timeouts_percent = 100\n",
            self.port,
            quoted(&workspace.root.join(self.recipe.source()).join("pictures"))
        )?;
        text.push_str(self.recipe.station_toml());
        Ok(text)
    }
}

fn judge_once(workspace: &Workspace, recipe: Recipe, config: &Path, json: Option<&Path>) -> Result<()> {
    let pictures = Path::new(recipe.source()).join("pictures");
    let truth = pictures.join("truth.json");
    let names = picture_names(&files::read_text(&workspace.root.join(&truth))?)
        .with_context(|| format!("{} does not list the demo's pictures: is this a complete clone?", truth.display()))?;
    ui::step(format!("Judging each of the {} pictures once", names.len()));
    let cmd = Cmd::new(workspace.assay()).dir(&workspace.root).args(["inspect", "--config"]).arg(config);
    // A scratch journal: the table is the same each time, and a demo that runs beside it is not disturbed.
    let cmd = cmd.arg("--truth").arg(truth).args(["--summary", "--scratch"]);
    let cmd = match json {
        Some(file) => cmd.arg("--json").arg(file),
        None => cmd,
    };
    cmd.args(names.iter().map(|name| pictures.join(name))).live()
}

/// The pictures in the order of the truth file: the ordinary ones come first, so that drift shows as it would in a line.
fn picture_names(truth: &str) -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Entry {
        file: String,
    }
    let entries: Vec<Entry> = serde_json::from_str(truth)?;
    if entries.is_empty() {
        bail!("the list is empty");
    }
    Ok(entries.into_iter().map(|entry| entry.file).collect())
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
        assert!(error("--recipe parts").contains("surface or labels"));
        assert!(error("--backend cuda").contains("openvino, onnxruntime, tract"));
        assert!(error("--json x.json").contains("--once"));
        let good = wish("--once --json x.json --backend tract --port 0").unwrap();
        assert!(good.once && good.json.unwrap().is_absolute() && good.port == 0);
        assert_eq!(good.recipe, Recipe::Surface);
        assert_eq!(wish("--recipe labels").unwrap().recipe, Recipe::Labels);
    }

    #[test]
    fn the_station_file_is_toml_whatever_the_folders_are_called() {
        let workspace = Workspace { root: PathBuf::from("/a \"b\""), target: PathBuf::from("/t") };
        let station = Station { recipe: Recipe::Surface, order: &["tract"], port: 9000, data_dir: "data" };
        let text = station.to_toml(&workspace).unwrap();
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table["admin"]["bind"].as_str(), Some("127.0.0.1:9000"));
        assert_eq!(table["source"][0]["path"].as_str(), Some("/a \"b\"/sdk/models/demo/pictures"));
        assert_eq!(table["source"][1]["kind"].as_str(), Some("http"), "README sends it a picture");
        assert_eq!(table["inference"]["order"][0].as_str(), Some("tract"));
        let labels = Station { recipe: Recipe::Labels, ..station }.to_toml(&workspace).unwrap();
        let table: toml::Table = labels.parse().unwrap();
        assert_eq!(
            (table["station"].as_str(), table["alarm"][0]["kind"].as_str()),
            (Some("labels"), Some("plugin-failures"))
        );
    }

    #[test]
    fn pictures_come_in_the_order_of_the_truth_file() {
        let names = picture_names(r#"[{"file": "b.png", "truth": "good"}, {"file": "a.png"}]"#).unwrap();
        assert_eq!(names, ["b.png", "a.png"]);
        assert!(picture_names("[]").is_err() && picture_names("{}").is_err());
    }

    #[test]
    fn a_port_in_use_is_told_with_another_to_take() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        assert!(check_port(port).unwrap_err().to_string().contains("cargo xtask demo --port"));
    }
}
