use super::{ExportFault, Writer};
use crate::journal::{Line, Reader, Reviewed};
use parquet::basic::Compression;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// Rows of one group, which is in memory until it is whole: some megabytes.
const GROUP_ROWS: usize = 16_384;

/// A row with what people say of the part.
struct Row<'r> {
    line: &'r Line,
    reviewed: Option<&'r Reviewed>,
}

/// What a column has of a row; none is null.
enum Cell {
    Whole(i64),
    Flag(bool),
    Number(Option<f64>),
    Text(Option<String>),
}

type Column = (&'static str, fn(&Row<'_>) -> Cell);

/// The columns of the CSV, each as the schema declares it; times are times here.
const COLUMNS: [Column; 27] = [
    ("required int64 row", |row| Cell::Whole(row.line.row)),
    ("required binary station (STRING)", |row| text(&row.line.id.station)),
    ("required int64 boot (INTEGER(64,false))", |row| Cell::Whole(row.line.id.boot.cast_signed())),
    ("required int64 trigger (INTEGER(64,false))", |row| Cell::Whole(row.line.id.trigger.cast_signed())),
    ("required int64 captured_at (TIMESTAMP(MICROS,true))", |row| Cell::Whole(row.line.captured_at_us)),
    ("required int64 judged_at (TIMESTAMP(MICROS,true))", |row| Cell::Whole(row.line.judged_at_us)),
    ("required binary source (STRING)", |row| text(&row.line.source)),
    ("optional binary origin (STRING)", |row| Cell::Text(row.line.origin.clone())),
    ("optional binary product (STRING)", |row| Cell::Text(row.line.product.clone())),
    ("optional binary serial (STRING)", |row| Cell::Text(row.line.serial.clone())),
    ("required boolean simulated", |row| Cell::Flag(row.line.simulated)),
    ("required binary verdict (STRING)", |row| text(row.line.verdict.name())),
    ("optional binary label (STRING)", |row| Cell::Text(row.line.label.clone())),
    ("optional double score", |row| Cell::Number(row.line.score)),
    ("optional binary code (STRING)", |row| Cell::Text(row.line.code.clone())),
    ("optional binary stage (STRING)", |row| Cell::Text(row.line.stage.clone())),
    ("optional binary blame (STRING)", |row| Cell::Text(row.line.blame.clone())),
    ("required binary recipe (STRING)", |row| text(&row.line.recipe)),
    ("required binary recipe_version (STRING)", |row| text(&row.line.recipe_version)),
    ("optional binary picture (STRING)", |row| Cell::Text(row.line.picture.map(|digest| digest.to_string()))),
    ("optional binary backend (STRING)", |row| Cell::Text(row.line.backend.clone())),
    ("optional binary device (STRING)", |row| Cell::Text(row.line.device.clone())),
    ("required boolean flagged", |row| Cell::Flag(row.line.flagged)),
    ("required int64 total_us", |row| Cell::Whole(row.line.total_us)),
    ("optional binary review (STRING)", |row| {
        Cell::Text(row.reviewed.map(|reviewed| reviewed.verdict.name().to_owned()))
    }),
    ("optional binary review_label (STRING)", |row| {
        Cell::Text(row.reviewed.and_then(|reviewed| reviewed.label.clone()))
    }),
    ("required int64 reviews (INTEGER(64,false))", |row| {
        Cell::Whole(row.reviewed.map_or(0, |reviewed| reviewed.reviews.cast_signed()))
    }),
];

fn text(text: &str) -> Cell {
    Cell::Text(Some(text.to_owned()))
}

/// One column of the group that is being filled; only one kind of values is in it.
#[derive(Default)]
struct Values {
    whole: Vec<i64>,
    flags: Vec<bool>,
    numbers: Vec<f64>,
    texts: Vec<ByteArray>,
    /// 1 for each row with a value, 0 for each null.
    levels: Vec<i16>,
}

impl Values {
    fn push(&mut self, cell: Cell) {
        let is_there = !matches!(cell, Cell::Number(None) | Cell::Text(None));
        self.levels.push(i16::from(is_there));
        match cell {
            Cell::Whole(value) => self.whole.push(value),
            Cell::Flag(value) => self.flags.push(value),
            Cell::Number(value) => self.numbers.extend(value),
            Cell::Text(value) => self.texts.extend(value.map(|text| ByteArray::from(text.into_bytes()))),
        }
    }

    fn write(&self, column: &mut ColumnWriter<'_>) -> Result<usize, ParquetError> {
        let levels = Some(&*self.levels);
        match column {
            ColumnWriter::Int64ColumnWriter(column) => column.write_batch(&self.whole, None, None),
            ColumnWriter::BoolColumnWriter(column) => column.write_batch(&self.flags, None, None),
            ColumnWriter::DoubleColumnWriter(column) => column.write_batch(&self.numbers, levels, None),
            ColumnWriter::ByteArrayColumnWriter(column) => {
                let is_optional = column.get_descriptor().max_def_level() > 0;
                column.write_batch(&self.texts, levels.filter(|_| is_optional), None)
            }
            _ => Err(ParquetError::General("a column of a kind that no row has".to_owned())),
        }
    }
}

/// What was written and not yet sent.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The rows in groups of bounded size, each sent when it is whole.
#[derive(Default)]
pub struct Parquet {
    written: Written,
    /// None before the first bytes.
    file: Option<SerializedFileWriter<Written>>,
    group: Vec<Values>,
    rows: usize,
}

impl Parquet {
    fn push(&mut self, row: &Row<'_>) -> Result<(), ParquetError> {
        self.group.resize_with(COLUMNS.len(), Values::default);
        self.group.iter_mut().zip(COLUMNS).for_each(|(values, (_, cell))| values.push(cell(row)));
        self.rows += 1;
        if self.rows == GROUP_ROWS { self.write_group() } else { Ok(()) }
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        let group = std::mem::take(&mut self.group);
        let Some(file) = self.file.as_mut().filter(|_| self.rows > 0) else { return Ok(()) };
        self.rows = 0;
        let mut rows = file.next_row_group()?;
        for values in group {
            let Some(mut column) = rows.next_column()? else { break };
            values.write(column.untyped())?;
            column.close()?;
        }
        rows.close()?;
        Ok(())
    }
}

impl Writer for Parquet {
    fn begin(&mut self) -> Result<Vec<u8>, ExportFault> {
        let columns = COLUMNS.map(|(column, _)| column).join("; ");
        let schema = parse_message_type(&format!("message inspections {{ {columns}; }}"))?;
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        self.file = Some(SerializedFileWriter::new(self.written.clone(), Arc::new(schema), Arc::new(properties))?);
        Ok(self.written.take())
    }

    fn rows(&mut self, reader: &Reader, lines: &[Line]) -> Result<Vec<u8>, ExportFault> {
        let reviewed = reader.reviewed_rows(&lines.iter().map(|line| line.row).collect::<Vec<_>>())?;
        for line in lines {
            self.push(&Row { line, reviewed: reviewed.get(&line.row) })?;
        }
        Ok(self.written.take())
    }

    fn end(&mut self) -> Result<Vec<u8>, ExportFault> {
        self.write_group()?;
        if let Some(file) = self.file.take() {
            file.close()?;
        }
        Ok(self.written.take())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;
    use crate::domain::{Digest, FrameId, VerdictKind};
    use parquet::file::reader::{FileReader as _, SerializedFileReader};

    #[test]
    fn no_more_rows_are_in_memory_than_one_group_has() {
        let mut line = Line {
            row: 0,
            id: FrameId { station: "line-1".to_owned(), boot: 1, trigger: u64::MAX },
            captured_at_us: 1,
            judged_at_us: 2,
            source: "folder".to_owned(),
            origin: None,
            product: None,
            serial: None,
            simulated: false,
            verdict: VerdictKind::Pass,
            label: Some("划痕".to_owned()),
            score: None,
            code: None,
            stage: None,
            blame: None,
            recipe: "test".to_owned(),
            recipe_version: "1.0.0".to_owned(),
            recipe_digest: Digest::of(b"recipe"),
            picture: None,
            backend: None,
            device: None,
            flagged: true,
            total_us: 3,
        };
        let mut file = Parquet::default();
        let mut bytes = file.begin().unwrap();
        for row in 0..=GROUP_ROWS {
            line.row = i64::try_from(row).unwrap();
            file.push(&Row { line: &line, reviewed: None }).unwrap();
        }
        assert_eq!((file.rows, file.group.len()), (1, COLUMNS.len()));
        bytes.extend(file.end().unwrap());
        let read = SerializedFileReader::new(axum::body::Bytes::from(bytes)).unwrap();
        let groups: Vec<i64> = read.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
        assert_eq!(groups, [i64::try_from(GROUP_ROWS).unwrap(), 1]);
        let last = read.get_row_iter(None).unwrap().last().unwrap().unwrap();
        assert_eq!((last.get_column_iter().count(), last.to_string().contains("划痕")), (COLUMNS.len(), true));
        assert!(last.to_string().contains(&u64::MAX.to_string()), "numbers without a sign are read as such: {last}");
    }
}
