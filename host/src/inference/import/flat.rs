//! FlatBuffers, read without the generated code of a schema: the few tables that are looked at. Every offset is
//! checked, and every look at a table is counted: offsets may point at one place again and again.

/// Tables and lists that one file may make the reader look at.
const MAX_LOOKS: u64 = 2_000_000;

pub(super) struct Flat<'a> {
    bytes: &'a [u8],
    looks: u64,
}

/// A table: where it begins, and where the list of its fields does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table {
    at: usize,
    fields: usize,
    fields_bytes: usize,
}

/// A list: where its first element is, and how many there are.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct List {
    at: usize,
    pub(super) len: usize,
}

impl<'a> Flat<'a> {
    pub(super) const fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, looks: 0 }
    }

    pub(super) fn root(&mut self) -> Result<Table, String> {
        let at = self.offset(0)?;
        self.table(at)
    }

    fn look(&mut self) -> Result<(), String> {
        self.looks += 1;
        if self.looks > MAX_LOOKS { Err("it makes the reader look at too many tables".to_owned()) } else { Ok(()) }
    }

    fn array<const N: usize>(&self, at: usize) -> Result<[u8; N], String> {
        let found = at.checked_add(N).and_then(|end| self.bytes.get(at..end));
        let array = found.and_then(|bytes| bytes.try_into().ok());
        array.ok_or_else(|| format!("damaged: {N} bytes are expected at {at}, it has {}", self.bytes.len()))
    }

    fn u16(&self, at: usize) -> Result<usize, String> {
        Ok(usize::from(u16::from_le_bytes(self.array(at)?)))
    }

    fn u32(&self, at: usize) -> Result<u32, String> {
        Ok(u32::from_le_bytes(self.array(at)?))
    }

    /// Where the offset at `at` leads to.
    fn offset(&self, at: usize) -> Result<usize, String> {
        let offset = self.u32(at)? as usize;
        at.checked_add(offset).filter(|to| *to < self.bytes.len() && offset > 0).ok_or_else(|| damaged(at))
    }

    fn table(&mut self, at: usize) -> Result<Table, String> {
        self.look()?;
        let back = i64::from(i32::from_le_bytes(self.array(at)?));
        let fields = i64::try_from(at).ok().and_then(|at| at.checked_sub(back));
        let fields = fields.and_then(|fields| usize::try_from(fields).ok()).ok_or_else(|| damaged(at))?;
        let fields_bytes = self.u16(fields)?;
        Ok(Table { at, fields, fields_bytes })
    }

    /// Where a field of a table is; none where it has its default.
    fn field(&self, table: Table, index: usize) -> Result<Option<usize>, String> {
        let slot = 4 + 2 * index;
        if slot + 2 > table.fields_bytes {
            return Ok(None);
        }
        let at = self.u16(table.fields.checked_add(slot).ok_or_else(|| damaged(table.at))?)?;
        Ok((at != 0).then_some(table.at.saturating_add(at)))
    }

    pub(super) fn byte(&self, table: Table, index: usize) -> Result<u8, String> {
        let Some(at) = self.field(table, index)? else { return Ok(0) };
        Ok(u8::from_le_bytes(self.array(at)?))
    }

    pub(super) fn word(&self, table: Table, index: usize) -> Result<u32, String> {
        let Some(at) = self.field(table, index)? else { return Ok(0) };
        self.u32(at)
    }

    pub(super) fn long(&self, table: Table, index: usize) -> Result<u64, String> {
        let Some(at) = self.field(table, index)? else { return Ok(0) };
        Ok(u64::from_le_bytes(self.array(at)?))
    }

    /// A list of elements of `width` bytes, all inside the file; empty where it is not there.
    pub(super) fn list(&mut self, table: Table, index: usize, width: usize) -> Result<List, String> {
        self.look()?;
        let Some(at) = self.field(table, index)? else { return Ok(List::default()) };
        let at = self.offset(at)?;
        let len = self.u32(at)? as usize;
        let first = at.saturating_add(4);
        let end = len.checked_mul(width).and_then(|bytes| first.checked_add(bytes));
        if end.is_none_or(|end| end > self.bytes.len()) {
            return Err(damaged(at));
        }
        Ok(List { at: first, len })
    }

    pub(super) fn is_there(&self, table: Table, index: usize) -> Result<bool, String> {
        Ok(self.field(table, index)?.is_some())
    }

    pub(super) fn table_of(&mut self, list: List, index: usize) -> Result<Table, String> {
        let at = self.offset(list.at.saturating_add(index.saturating_mul(4)))?;
        self.table(at)
    }

    /// An element of a list of numbers of 32 bits.
    pub(super) fn number_of(&mut self, list: List, index: usize) -> Result<i32, String> {
        self.look()?;
        Ok(i32::from_le_bytes(self.array(list.at.saturating_add(index.saturating_mul(4)))?))
    }

    /// Up to `most` bytes of a text.
    pub(super) fn text(&mut self, table: Table, index: usize, most: usize) -> Result<String, String> {
        let list = self.list(table, index, 1)?;
        let end = list.at.saturating_add(list.len.min(most));
        Ok(String::from_utf8_lossy(self.bytes.get(list.at..end).unwrap_or_default()).into_owned())
    }
}

fn damaged(at: usize) -> String {
    format!("damaged: what stands at byte {at} leads out of the file")
}
