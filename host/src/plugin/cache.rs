//! Compiled code on disk, believed only with a proof.
//!
//! wasmtime trusts what it deserialises: a flipped bit in a `.cwasm` still loads and then runs as native code. So
//! every file carries a keyed BLAKE3 under the station's secret over the engine's compatibility hash, the component's
//! digest and the code. A file that does not prove itself is as good as absent: the component is compiled again.

use super::api::CacheOptions;
use crate::domain::Digest;
use sha2::{Digest as _, Sha256};
use std::fs::{File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;
use wasmtime::Engine;
use wasmtime::component::Component;

const MAGIC: &[u8; 8] = b"ASSAYCW2";
const MAC_LEN: usize = 32;

/// Compiled code of the largest plugins (language runtimes) is under 100 MiB.
const MAX_FILE: u64 = 512 << 20;

/// What the key is for, so that it is no other key of the same secret.
const PURPOSE: &str = "assay 2026-11-24 compiled code of plugins";

pub(super) struct CodeCache {
    dir: PathBuf,
    key: [u8; 32],
    /// Of the engine: version, target, CPU features and settings.
    compatibility: [u8; 32],
}

impl CodeCache {
    pub(super) fn new(options: CacheOptions, engine: &Engine) -> Self {
        let mut hasher = Sha256Hasher(Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let key = blake3::derive_key(PURPOSE, &options.secret);
        Self { dir: options.dir, key, compatibility: hasher.0.finalize().into() }
    }

    /// Code from the cache if it proves itself, else compiled and kept.
    pub(super) fn load_or_compile<E>(
        &self,
        engine: &Engine,
        digest: &Digest,
        compile: impl FnOnce() -> Result<Component, E>,
    ) -> Result<Component, E> {
        if let Some(component) = self.load(engine, digest) {
            return Ok(component);
        }
        let component = compile()?;
        // A cache that cannot be written costs time, not correctness: the next start compiles again.
        if let Ok(code) = component.serialize() {
            let _ = self.store(digest, &code);
        }
        Ok(component)
    }

    #[allow(unsafe_code, reason = "deserialising compiled code; argued where it happens")]
    fn load(&self, engine: &Engine, digest: &Digest) -> Option<Component> {
        let file = self.read(digest).ok()?;
        let rest = file.strip_prefix(MAGIC)?;
        let (mac, code) = rest.split_at_checked(MAC_LEN)?;
        // Compared in constant time.
        if self.mac(digest, code) != *mac.first_chunk::<MAC_LEN>()? {
            return None;
        }
        // SAFETY: `deserialize` needs bytes that this very engine's `serialize` produced, unchanged. The MAC, checked
        // just above over this same in-memory copy, proves that a holder of the station's secret wrote them for an
        // engine of the same compatibility hash, and only `store` does that. No file is opened again.
        unsafe { Component::deserialize(engine, code) }.ok()
    }

    fn read(&self, digest: &Digest) -> std::io::Result<Vec<u8>> {
        let no_follow = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
        let file = File::options().read(true).custom_flags(no_follow).open(self.path(digest))?;
        // Its length is only a hint, to read without moving what was read.
        let length = file.metadata()?.len().min(MAX_FILE);
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
        file.take(MAX_FILE).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Under another name first, so that a crash leaves the old file or the new one, never half of one.
    fn store(&self, digest: &Digest, code: &[u8]) -> std::io::Result<()> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)?;
        let mac = self.mac(digest, code);
        let path = self.path(digest);
        let partial = path.with_extension(format!("{}.partial", std::process::id()));
        let written = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&partial);
        let written = written.and_then(|mut file| {
            file.write_all(MAGIC)?;
            file.write_all(mac.as_bytes())?;
            file.write_all(code)?;
            file.sync_all()?;
            std::fs::rename(&partial, &path)
        });
        if written.is_err() {
            let _ = std::fs::remove_file(&partial);
        }
        written
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        let engine = Digest::from_bytes(self.compatibility).short();
        self.dir.join(format!("{digest}-{engine}.code"))
    }

    fn mac(&self, digest: &Digest, code: &[u8]) -> blake3::Hash {
        let mut mac = blake3::Hasher::new_keyed(&self.key);
        mac.update(MAGIC);
        mac.update(&self.compatibility);
        mac.update(digest.as_bytes());
        mac.update(code);
        mac.finalize()
    }
}

/// Lets `Hash` feed SHA-256: the compatibility hash has no bytes of its own, and the standard hasher's 64 bits are too
/// few for a file name that must not collide.
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}
