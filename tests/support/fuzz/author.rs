use super::target::Try;
use crate::artifacts::root;
use anyhow::{Result, ensure};
use assay::config::{BuildPlan, load_author_manifest};

const CREATED: &str = "2026-01-01T00:00:00Z";

/// Files that the manifests name, beside them.
const FILES: [&str; 3] = ["component.wasm", "model.onnx", "expected.json"];

const PLUGIN: &str = r#"[bundle]
kind = "plugin"
name = "letterbox"
version = "0.1.0"
counter = 1
description = "Brings a picture to the model's size"
[plugin]
world = "preprocessor"
wit = "assay:plugin@0.1.0"
component = "component.wasm"
capabilities = ["imaging", "log", "config"]
instance = "warm"
[plugin.warm]
calls = 100
[plugin.limits]
deadline_ms = 100
memory_bytes = 8388608
[plugin.settings]
width = 224
mean = [127.0]
filter = "bilinear"
"#;

const MODEL: &str = r#"[bundle]
kind = "model"
name = "demo"
version = "1.0.0"
counter = 3
not_after = "2036-01-01T00:00:00Z"
[model]
format = "onnx"
file = "model.onnx"
labels = ["good", "pit", "scratch", "stain", "crack"]
logits = "logits"
temperature = 1.5
batch_sizes = [1]
[[model.input]]
name = "input"
shape = [3, 16, 16]
type = "f32"
[[model.output]]
name = "logits"
shape = [5]
type = "f32"
[[model.output]]
name = "embedding"
shape = [12]
type = "f32"
"#;

/// A recipe finds no bundles here: its text is read as far as that.
fn recipe() -> Result<String> {
    let text = std::fs::read_to_string(root().join("sdk/models/demo/recipe.toml"))?;
    let end = text.find("[[file]]").unwrap_or(text.len());
    Ok(text.chars().take(end).collect())
}

pub fn texts() -> Result<Vec<Vec<u8>>> {
    Ok(vec![PLUGIN.as_bytes().to_vec(), MODEL.as_bytes().to_vec(), recipe()?.into_bytes()])
}

pub fn reads() -> Result<Try> {
    let dir = tempfile::tempdir()?;
    for file in FILES {
        std::fs::write(dir.path().join(file), file)?;
    }
    // A model's file is read, so this one is a model.
    std::fs::copy(root().join("tests/fixtures/models/tiny.onnx"), dir.path().join("model.onnx"))?;
    Ok(Box::new(move |bytes| {
        let path = dir.path().join("plugin.toml");
        std::fs::write(&path, bytes)?;
        let plan = BuildPlan::load(&path);
        if let Err(errors) = &plan {
            plain(errors.0.iter().map(ToString::to_string))?;
        }
        match load_author_manifest(&path, CREATED, None) {
            Ok(_) => Ok(true),
            Err(errors) => {
                ensure!(!errors.0.is_empty(), "refused without a problem");
                plain(errors.0.iter().map(ToString::to_string))?;
                // Without bundles that is as far as a recipe comes.
                Ok(errors.0.iter().all(|problem| problem.to_string().contains("bundle")))
            }
        }
    }))
}

/// Problems quote what was found: nothing in them may command a terminal.
pub fn plain(problems: impl Iterator<Item = String>) -> Result<()> {
    for problem in problems {
        let odd = problem.chars().find(|one| one.is_control() && *one != '\n');
        ensure!(odd.is_none(), "a problem holds the control character {odd:?}: {problem:?}");
    }
    Ok(())
}
