use super::api::{LogLevel, LogLine};
use super::failure::Refusal;
use crate::domain::{Blame, FailureCode, PluginLimits};
use wasmtime::ResourceLimiter;

/// Core instances, memories and tables of one component. A component made from one core module has three instances,
/// one memory and two tables, and so has a JavaScript runtime; a Python runtime without native packages has 42
/// instances, one for each library that it links, around one memory and two tables.
pub(super) const MAX_INSTANCES: u32 = 64;
pub(super) const MAX_MEMORIES: u32 = 4;
pub(super) const MAX_TABLES: u32 = 8;

/// Longest log line, in bytes.
pub(super) const MAX_LOG_LINE: usize = 512;

/// Counts linear memory and table elements over *all* memories and tables of a store. Growth beyond the limit ends
/// the call at once, so that the failure says why: a guest that only sees `memory.grow` fail aborts with a bare trap.
pub(super) struct MemoryMeter {
    memory_bytes: usize,
    memory_limit: usize,
    table_elements: usize,
    table_limit: usize,
}

impl MemoryMeter {
    pub(super) fn new(limits: &PluginLimits) -> Self {
        Self {
            memory_bytes: 0,
            memory_limit: usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX),
            table_elements: 0,
            table_limit: limits.table_elements as usize,
        }
    }

    pub(super) const fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    fn memory_refused(&self, wanted: usize) -> Refusal {
        let limit = self.memory_limit;
        let detail = format!(
            "wanted {wanted} bytes of linear memory, its limit is {limit}: raise limits.memory_bytes in its manifest \
             (and the station's cap) or use less"
        );
        Refusal::new(Blame::Plugin, FailureCode::MemoryLimit, detail)
    }

    fn table_refused(&self, wanted: usize) -> Refusal {
        let limit = self.table_limit;
        let detail = format!(
            "wanted {wanted} table elements, its limit is {limit}: raise limits.table_elements in its manifest \
             (and the station's cap) or use less"
        );
        Refusal::new(Blame::Plugin, FailureCode::MemoryLimit, detail)
    }
}

impl ResourceLimiter for MemoryMeter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let wanted = self.memory_bytes.saturating_add(desired.saturating_sub(current));
        if wanted > self.memory_limit {
            return Err(self.memory_refused(wanted).into());
        }
        self.memory_bytes = wanted;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(self.memory_refused(self.memory_bytes).into())
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let wanted = self.table_elements.saturating_add(desired.saturating_sub(current));
        if wanted > self.table_limit {
            return Err(self.table_refused(wanted).into());
        }
        self.table_elements = wanted;
        Ok(true)
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(self.table_refused(self.table_elements).into())
    }

    fn instances(&self) -> usize {
        MAX_INSTANCES as usize
    }

    fn tables(&self) -> usize {
        MAX_TABLES as usize
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES as usize
    }
}

/// What the host holds for one plugin during one call: bytes of pixels and tensors, and handles.
///
/// What the host lent (the frame, the model's outputs) is not counted: the plugin did not make it.
pub(super) struct Ledger {
    bytes: u64,
    peak_bytes: u64,
    byte_limit: u64,
    handles: u32,
    handle_limit: u32,
}

impl Ledger {
    pub(super) const fn new(limits: &PluginLimits) -> Self {
        Self { bytes: 0, peak_bytes: 0, byte_limit: limits.host_bytes, handles: 0, handle_limit: limits.handles }
    }

    /// Counts one more handle that holds `bytes`. Called before the bytes are allocated.
    pub(super) fn charge(&mut self, bytes: u64) -> Result<(), Refusal> {
        if self.handles >= self.handle_limit {
            let limit = self.handle_limit;
            let detail = format!(
                "wanted one more handle than its limit of {limit}: drop images and tensors when done with them, or \
                 raise limits.handles in its manifest (and the station's cap)"
            );
            return Err(Refusal::new(Blame::Plugin, FailureCode::HandleLimit, detail));
        }
        self.would_fit(bytes)?;
        self.handles += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.peak_bytes = self.peak_bytes.max(self.bytes);
        Ok(())
    }

    /// Whether `bytes` more are inside the limit.
    pub(super) fn would_fit(&self, bytes: u64) -> Result<(), Refusal> {
        if self.bytes.saturating_add(bytes) <= self.byte_limit {
            return Ok(());
        }
        let (held, limit) = (self.bytes, self.byte_limit);
        let detail = format!(
            "wanted {bytes} bytes of pixels or tensors beside {held} held, its limit is {limit}: drop images and \
             tensors when done with them, or raise limits.host_bytes in its manifest (and the station's cap)"
        );
        Err(Refusal::new(Blame::Plugin, FailureCode::ByteLimit, detail))
    }

    pub(super) const fn release(&mut self, bytes: u64) {
        self.handles = self.handles.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    pub(super) const fn peak_bytes(&self) -> u64 {
        self.peak_bytes
    }
}

/// The lines of one call.
pub(super) struct LogBuffer {
    lines: Vec<LogLine>,
    limit: usize,
    dropped: u32,
}

impl LogBuffer {
    pub(super) const fn new(limits: &PluginLimits) -> Self {
        Self { lines: Vec::new(), limit: limits.log_lines as usize, dropped: 0 }
    }

    pub(super) fn push(&mut self, level: LogLevel, message: &str) {
        if self.lines.len() >= self.limit {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        self.lines.push(LogLine { level, text: printable(message, MAX_LOG_LINE) });
    }

    pub(super) fn into_parts(self) -> (Vec<LogLine>, u32) {
        (self.lines, self.dropped)
    }
}

/// `text` as one harmless line of at most `max` bytes: control characters and characters that turn the reading
/// direction are escaped, what is longer is cut and ends in `…`.
pub(super) fn printable(text: &str, max: usize) -> String {
    const ELLIPSIS: char = '…';
    let room = max.saturating_sub(ELLIPSIS.len_utf8());
    let mut line = String::with_capacity(text.len().min(max));
    // Where to cut if the text turns out too long: the last whole character that leaves room for the ellipsis.
    let mut cut = 0;
    for c in text.chars() {
        if c.is_control() || turns_direction(c) {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
        if line.len() <= room {
            cut = line.len();
        }
        if line.len() > max {
            line.truncate(cut);
            line.push(ELLIPSIS);
            break;
        }
    }
    line
}

/// Whether `text` is one harmless line as it stands.
pub(super) fn is_printable(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || turns_direction(c))
}

const fn turns_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
