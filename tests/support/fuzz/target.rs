use super::{author, bundles, onnx, others, pictures, planted, server, stations};
use crate::artifacts::root;
use anyhow::{Context as _, Result};
use std::path::PathBuf;

/// Puts one input to a target. True where it was taken, false where it was refused as it should be; an error where
/// something does not hold that must.
pub type Try = Box<dyn FnMut(&[u8]) -> Result<bool>>;

/// One thing that takes bytes from outside.
pub struct Target {
    pub name: &'static str,
    /// For people.
    pub what: &'static str,
    /// Inputs that are taken, to begin with.
    pub seeds: fn() -> Result<Vec<Vec<u8>>>,
    pub begin: fn() -> Result<Try>,
    /// Longest input.
    pub max_bytes: usize,
    /// Heap that one input may take beside what was there before.
    pub heap_bytes: usize,
}

const MIB: usize = 1 << 20;

/// All of them.
pub const TARGETS: &[Target] = &[
    Target {
        name: "bundle",
        what: "a bundle's file, up to its verified blobs",
        seeds: bundles::files,
        begin: bundles::verifies,
        max_bytes: 16 << 10,
        heap_bytes: 4 * MIB,
    },
    Target {
        name: "manifest",
        what: "a manifest that a trusted key has signed",
        seeds: bundles::payloads,
        begin: bundles::takes_payload,
        max_bytes: 16 << 10,
        heap_bytes: 16 * MIB,
    },
    Target {
        name: "self-test",
        what: "expected.json of a signed bundle",
        seeds: bundles::expectations,
        begin: bundles::reads_expectation,
        max_bytes: 8 << 10,
        heap_bytes: 16 * MIB,
    },
    Target {
        name: "trust-store",
        what: "trust.json",
        seeds: others::stores,
        begin: others::reads_store,
        max_bytes: 16 << 10,
        heap_bytes: 16 * MIB,
    },
    Target {
        name: "key",
        what: "PEM of public and private keys",
        seeds: others::keys,
        begin: others::reads_key,
        max_bytes: 2 << 10,
        heap_bytes: MIB,
    },
    Target {
        name: "texts",
        what: "digests, ids, roles, places in lists and checkpoints as text",
        seeds: others::texts,
        begin: others::reads_text,
        max_bytes: 256,
        heap_bytes: MIB,
    },
    Target {
        name: "png",
        what: "a PNG picture",
        seeds: pictures::png,
        begin: pictures::decodes,
        max_bytes: 32 << 10,
        heap_bytes: pictures::HEAP,
    },
    Target {
        name: "jpeg",
        what: "a JPEG picture",
        seeds: pictures::jpeg,
        begin: pictures::decodes,
        max_bytes: 32 << 10,
        heap_bytes: pictures::HEAP,
    },
    Target {
        name: "bmp",
        what: "a BMP picture",
        seeds: pictures::bmp,
        begin: pictures::decodes,
        max_bytes: 32 << 10,
        heap_bytes: pictures::HEAP,
    },
    Target {
        name: "pnm",
        what: "a PNM picture",
        seeds: pictures::pnm,
        begin: pictures::decodes,
        max_bytes: 32 << 10,
        heap_bytes: pictures::HEAP,
    },
    Target {
        name: "station",
        what: "station.toml",
        seeds: stations::texts,
        begin: stations::reads,
        max_bytes: 16 << 10,
        heap_bytes: 32 * MIB,
    },
    Target {
        name: "author",
        what: "the manifest that an author of a plugin, model or recipe writes",
        seeds: author::texts,
        begin: author::reads,
        max_bytes: 16 << 10,
        heap_bytes: 32 * MIB,
    },
    Target {
        name: "component",
        what: "a plugin's component before it is compiled",
        seeds: others::components,
        begin: others::examines,
        max_bytes: 64 << 10,
        heap_bytes: 128 * MIB,
    },
    Target {
        name: "onnx",
        what: "an ONNX model, on tract",
        seeds: onnx::models,
        begin: onnx::loads,
        max_bytes: 32 << 10,
        heap_bytes: 256 * MIB,
    },
    Target {
        name: "http",
        what: "what a client sends to the admin's port",
        seeds: server::requests,
        begin: server::answers,
        max_bytes: 8 << 10,
        heap_bytes: 64 * MIB,
    },
];

/// A target by its name, also one of those that are there to fail.
#[must_use]
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().chain(planted::PLANTED).find(|target| target.name == name)
}

/// What was found once and mended since, with its file name: `tests/fixtures/fuzz/TARGET/`.
pub fn files_of(target: &Target) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let folder = root().join("tests/fixtures/fuzz").join(target.name);
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(&folder)?.collect::<Result<Vec<_>, _>>()?;
    let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok((path, bytes))
    };
    paths.into_iter().map(read).collect()
}
