//! A station of a test's own, on the demo's signed bundles.

use super::artifacts::root;
use anyhow::{Context, Result, bail};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// What a start may take: the plugins are compiled and the model is loaded.
const START_LIMIT: Duration = Duration::from_secs(120);

/// The built `assay`.
pub fn assay() -> Result<Command> {
    let path = std::env::var_os("ASSAY_BIN").map_or_else(|| root().join("target/release/assay"), PathBuf::from);
    if !path.is_file() {
        bail!("{} is not there; run `cargo xtask test`, or build it and set ASSAY_BIN", path.display());
    }
    Ok(Command::new(path))
}

/// The folder with the demo's keys, trust store and signed bundles.
pub fn demo() -> Result<PathBuf> {
    let dir = std::env::var_os("ASSAY_DEMO_DIR").map_or_else(|| root().join("target/demo"), PathBuf::from);
    if !dir.join("bundles/recipe.assay").is_file() {
        bail!("{} holds no signed bundles; run `cargo xtask test` or `cargo xtask demo --once`", dir.display());
    }
    Ok(dir)
}

/// Pictures of the demo, by file name.
pub fn picture(name: &str) -> PathBuf {
    root().join("sdk/models/demo/pictures").join(name)
}

/// The folder with the second demo's trust store and signed bundles.
pub fn labels() -> Result<PathBuf> {
    let dir = demo()?.join("labels");
    if !dir.join("bundles/recipe.assay").is_file() {
        bail!(
            "{} holds no signed bundles; run `cargo xtask test` or `cargo xtask demo --recipe labels`",
            dir.display()
        );
    }
    Ok(dir)
}

/// The demo's recipe as its author writes it, with paths that hold from any folder.
pub fn recipe_manifest() -> Result<String> {
    let folder = root().join("sdk/models/demo");
    let text = std::fs::read_to_string(folder.join("recipe.toml"))?;
    Ok(text.replace("path = \"selftest/", &format!("path = \"{}/selftest/", folder.display())))
}

/// The demo's `expected.json` with another first logit of its first picture, `good.png`, written into `dir`.
pub fn wrong_self_test(dir: &Path) -> Result<PathBuf> {
    let text = std::fs::read_to_string(root().join("sdk/models/demo/selftest/expected.json"))?;
    let mut expected: serde_json::Value = serde_json::from_str(&text)?;
    let logit = expected.pointer_mut("/pictures/0/logits/0").context("the first picture has logits")?;
    *logit = (logit.as_f64().context("a logit is a number")? + 5.0).into();
    let file = dir.join("expected.json");
    std::fs::write(&file, expected.to_string())?;
    Ok(file)
}

/// A configuration in a folder of its own.
pub struct TestStation {
    pub dir: tempfile::TempDir,
    /// Bundles of its own, copied from the demo.
    pub bundles: PathBuf,
}

impl TestStation {
    /// With the demo's trust store and copies of its bundles. `more` is added to station.toml.
    pub fn new(more: &str) -> Result<Self> {
        Self::on(&demo()?, more)
    }

    /// With the trust store of a demo's folder and copies of its bundles.
    pub fn on(demo: &Path, more: &str) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let bundles = dir.path().join("bundles");
        std::fs::create_dir(&bundles)?;
        for entry in std::fs::read_dir(demo.join("bundles"))? {
            let path = entry?.path();
            std::fs::copy(&path, bundles.join(path.file_name().context("a bundle has a name")?))?;
        }
        let station = Self { dir, bundles };
        let trust = demo.join("trust.json");
        let text = format!(
            "station = \"test\"\ndata_dir = \"data\"\nbundles_dir = \"bundles\"\nrecipe = \"bundles/recipe.assay\"\n\
             trust = {trust:?}\n{more}\n"
        );
        std::fs::write(station.config(), text)?;
        Ok(station)
    }

    pub fn config(&self) -> PathBuf {
        self.dir.path().join("station.toml")
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Runs a command of `assay` with this configuration to its end.
    pub fn run(&self, command: &[&str], args: &[&Path]) -> Result<Output> {
        Ok(assay()?.args(command).arg("--config").arg(self.config()).args(args).output()?)
    }

    /// Starts the station on a free port.
    pub fn start(&self) -> Result<Running> {
        let mut command = assay()?;
        command.args(["run", "--bind", "127.0.0.1:0", "--config"]).arg(self.config());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn()?;
        let lines = lines_of(&mut child)?;
        let mut seen = String::new();
        loop {
            let Ok(line) = lines.recv_timeout(START_LIMIT) else {
                let _ = child.kill();
                bail!("the station gave no address:\n{seen}");
            };
            if let Some(address) = line.strip_prefix("admin: ") {
                return Ok(Running { child, address: address.trim().to_owned(), printed: seen });
            }
            seen += &line;
            seen.push('\n');
        }
    }
}

/// Its standard output, line by line; read to the end so that it never blocks.
fn lines_of(child: &mut Child) -> Result<Receiver<String>> {
    let stdout = child.stdout.take().context("standard output is piped")?;
    let (lines_in, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let _ = lines_in.send(line);
        }
    });
    Ok(lines)
}

/// A running station. Killed when it is dropped without being ended.
pub struct Running {
    child: Child,
    pub address: String,
    /// What it printed before its address.
    pub printed: String,
}

impl Running {
    /// Ends it as Ctrl-C does; gives its exit code.
    pub fn end(mut self) -> Result<Option<i32>> {
        let pid = self.child.id().to_string();
        if !Command::new("kill").args(["-INT", &pid]).status()?.success() {
            bail!("process {pid} is not there any more");
        }
        Ok(self.child.wait()?.code())
    }
}

impl Running {
    /// Ends it as a power failure of the process does: at once, with nothing finished.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
