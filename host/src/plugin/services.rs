//! The small interfaces: `log`, `config`, `state`.

use super::api::{LogLevel, MonitorState};
use super::bindings::{config, log, state, types};
use super::convert;
use super::host_calls::HostFunction;
use super::state::CallState;
use std::collections::BTreeMap;
use std::sync::Arc;

impl types::Host for CallState {}

impl CallState {
    /// Counts a call of a function that looks something up, and the text that it gives.
    fn gives_text(&mut self, function: HostFunction, text: Option<String>) -> wasmtime::Result<Option<String>> {
        self.host_calls.called(function);
        self.host_calls.copied(text.as_ref().map_or(0, String::len));
        Ok(text)
    }

    /// The same for a value in its own type.
    fn gives_value(
        &mut self,
        function: HostFunction,
        value: Option<config::Value>,
    ) -> wasmtime::Result<Option<config::Value>> {
        self.host_calls.called(function);
        self.host_calls.copied(value.as_ref().map_or(0, value_bytes));
        Ok(value)
    }
}

/// Bytes of lists and texts in a value.
fn value_bytes(value: &config::Value) -> usize {
    match value {
        config::Value::Text(text) | config::Value::Other(text) => text.len(),
        config::Value::Numbers(numbers) => size_of_val(numbers.as_slice()),
        config::Value::Texts(texts) => texts.iter().map(String::len).sum(),
        config::Value::Flag(_) | config::Value::Integer(_) | config::Value::Number(_) => 0,
    }
}

impl log::Host for CallState {
    fn log(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            log::Level::Debug => LogLevel::Debug,
            log::Level::Info => LogLevel::Info,
            log::Level::Warn => LogLevel::Warn,
            log::Level::Error => LogLevel::Error,
        };
        self.host_calls.called(HostFunction::Log);
        self.host_calls.copied(message.len());
        self.log.push(level, &message);
        Ok(())
    }
}

impl config::Host for CallState {
    fn get(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        let text = self.shared.settings.get(&key).cloned();
        self.gives_text(HostFunction::Get, text)
    }

    fn setting(&mut self, key: String) -> wasmtime::Result<Option<config::Value>> {
        let value = self.shared.typed_settings.get(&key).map(convert::value_out);
        self.gives_value(HostFunction::Setting, value)
    }

    fn labels(&mut self) -> wasmtime::Result<Vec<String>> {
        let labels = self.shared.labels.clone();
        self.host_calls.called(HostFunction::Labels);
        self.host_calls.copied(labels.iter().map(String::len).sum());
        Ok(labels)
    }

    fn reference(&mut self) -> wasmtime::Result<Option<String>> {
        let text = self.shared.reference.as_ref().map(|reference| reference.text().to_owned());
        self.gives_text(HostFunction::Reference, text)
    }

    fn reference_value(&mut self, path: String) -> wasmtime::Result<Option<config::Value>> {
        let value = self.shared.reference.as_ref().and_then(|reference| reference.value(&path));
        let value = value.map(convert::value_out);
        self.gives_value(HostFunction::ReferenceValue, value)
    }

    fn reference_digest(&mut self) -> wasmtime::Result<Option<String>> {
        let text = self.shared.reference.as_ref().map(|reference| reference.digest().to_owned());
        self.gives_text(HostFunction::ReferenceDigest, text)
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
        let value = self.memory.get(&key).cloned();
        self.host_calls.called(HostFunction::StateGet);
        self.host_calls.copied(value.as_ref().map_or(0, Vec::len));
        Ok(value)
    }

    fn set(&mut self, key: String, value: Vec<u8>) -> wasmtime::Result<Result<(), state::StateError>> {
        self.host_calls.called(HostFunction::StateSet);
        self.host_calls.copied(value.len());
        Ok(self.memory.set(key, value))
    }

    fn delete(&mut self, key: String) -> wasmtime::Result<()> {
        self.host_calls.called(HostFunction::StateDelete);
        self.memory.delete(key);
        Ok(())
    }
}
