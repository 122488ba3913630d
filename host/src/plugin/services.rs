//! The small interfaces: `log`, `config`, `state`.

use super::api::{LogLevel, MonitorState};
use super::bindings::{config, log, state, types};
use super::convert;
use super::state::CallState;
use std::collections::BTreeMap;
use std::sync::Arc;

impl types::Host for CallState {}

impl log::Host for CallState {
    fn log(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            log::Level::Debug => LogLevel::Debug,
            log::Level::Info => LogLevel::Info,
            log::Level::Warn => LogLevel::Warn,
            log::Level::Error => LogLevel::Error,
        };
        self.log.push(level, &message);
        Ok(())
    }
}

impl config::Host for CallState {
    fn get(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        Ok(self.shared.settings.get(&key).cloned())
    }

    fn setting(&mut self, key: String) -> wasmtime::Result<Option<config::Value>> {
        Ok(self.shared.typed_settings.get(&key).map(convert::value_out))
    }

    fn labels(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(self.shared.labels.clone())
    }

    fn reference(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(self.shared.reference.as_ref().map(|reference| reference.text().to_owned()))
    }

    fn reference_value(&mut self, path: String) -> wasmtime::Result<Option<config::Value>> {
        let value = self.shared.reference.as_ref().and_then(|reference| reference.value(&path));
        Ok(value.map(convert::value_out))
    }

    fn reference_digest(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(self.shared.reference.as_ref().map(|reference| reference.digest().to_owned()))
    }
}

/// What a monitor remembers: what it had before this call, and over it what this call changed. The changes reach the
/// caller only when the call succeeds.
pub(super) struct Memory {
    before: Arc<MonitorState>,
    /// None: deleted.
    changed: BTreeMap<String, Option<Vec<u8>>>,
    bytes: u64,
    limit: u64,
}

impl Memory {
    pub(super) fn new(before: Arc<MonitorState>, limit: u64) -> Self {
        let bytes = before.iter().map(|(key, value)| size(key, value)).sum();
        Self { before, changed: BTreeMap::new(), bytes, limit }
    }

    fn get(&self, key: &str) -> Option<&Vec<u8>> {
        match self.changed.get(key) {
            Some(changed) => changed.as_ref(),
            None => self.before.get(key),
        }
    }

    pub(super) fn set(&mut self, key: String, value: Vec<u8>) -> Result<(), state::StateError> {
        let freed = self.get(&key).map_or(0, |old| size(&key, old));
        let wanted = self.bytes.saturating_sub(freed).saturating_add(size(&key, &value));
        if wanted > self.limit {
            let limit = self.limit;
            return Err(state::StateError::Limit(format!(
                "all keys and values together, with {ENTRY_BYTES} bytes for each entry, would be {wanted} bytes, \
                 limits.state_bytes allows {limit}"
            )));
        }
        self.bytes = wanted;
        self.changed.insert(key, Some(value));
        Ok(())
    }

    pub(super) fn delete(&mut self, key: String) {
        if let Some(old) = self.get(&key) {
            self.bytes = self.bytes.saturating_sub(size(&key, old));
            // A note of the deletion is needed only for what was there before the call; others would pile up.
            if self.before.contains_key(&key) {
                self.changed.insert(key, None);
            } else {
                self.changed.remove(&key);
            }
        }
    }

    pub(super) fn into_changes(self) -> BTreeMap<String, Option<Vec<u8>>> {
        self.changed
    }
}

/// What an entry costs beside its bytes: a million empty ones are not free.
const ENTRY_BYTES: usize = 64;

const fn size(key: &str, value: &[u8]) -> u64 {
    (key.len() + value.len() + ENTRY_BYTES) as u64
}

impl state::Host for CallState {
    fn get(&mut self, key: String) -> wasmtime::Result<Option<Vec<u8>>> {
        Ok(self.memory.get(&key).cloned())
    }

    fn set(&mut self, key: String, value: Vec<u8>) -> wasmtime::Result<Result<(), state::StateError>> {
        Ok(self.memory.set(key, value))
    }

    fn delete(&mut self, key: String) -> wasmtime::Result<()> {
        self.memory.delete(key);
        Ok(())
    }
}
