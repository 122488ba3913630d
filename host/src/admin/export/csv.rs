use super::{ExportFault, Writer};
use crate::journal::{Line, Reader, csv_head, csv_line};

/// The columns of the list, with what people say of the parts.
pub struct Csv;

impl Writer for Csv {
    fn begin(&mut self) -> Result<Vec<u8>, ExportFault> {
        Ok(csv_head().into_bytes())
    }

    fn rows(&mut self, reader: &Reader, lines: &[Line]) -> Result<Vec<u8>, ExportFault> {
        let reviewed = reader.reviewed_rows(&lines.iter().map(|line| line.row).collect::<Vec<_>>())?;
        Ok(lines.iter().map(|line| csv_line(line, reviewed.get(&line.row))).collect::<String>().into_bytes())
    }

    fn end(&mut self) -> Result<Vec<u8>, ExportFault> {
        Ok(Vec::new())
    }
}
