use super::{ExportFault, Writer, file_name};
use crate::journal::{Line, Reader, Reviewed, csv_cell};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

/// Pictures in a folder per label, as training programs take them, in a zip. What people say counts for more than the
/// station. `metadata.csv` is behind the pictures.
pub struct Folder {
    zip: Option<ZipWriter<StreamWriter<Shared>>>,
    written: Shared,
    metadata: String,
}

/// What was written and not yet sent.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What stands for a part without any label.
const NO_LABEL: &str = "unlabelled";

impl Folder {
    pub fn new() -> Self {
        let written = Shared::default();
        let metadata = "file_name,id,label,verdict,review\r\n".to_owned();
        Self { zip: Some(ZipWriter::new_stream(written.clone())), written, metadata }
    }

    fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), ExportFault> {
        // Pictures are compressed already.
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        let Some(zip) = &mut self.zip else { return Ok(()) };
        zip.start_file(name, options).map_err(|source| ExportFault::Archive { source })?;
        zip.write_all(bytes).map_err(|error| ExportFault::Archive { source: error.into() })
    }
}

/// The label that people gave, else the station's.
pub fn label_of<'l>(line: &'l Line, reviewed: Option<&'l Reviewed>) -> &'l str {
    let said = reviewed.and_then(|reviewed| reviewed.label.as_deref());
    said.or(line.label.as_deref()).or(line.code.as_deref()).unwrap_or(NO_LABEL)
}

impl Writer for Folder {
    fn begin(&mut self) -> Result<Vec<u8>, ExportFault> {
        Ok(Vec::new())
    }

    fn rows(&mut self, reader: &Reader, lines: &[Line]) -> Result<Vec<u8>, ExportFault> {
        let reviewed = reader.reviewed_rows(&lines.iter().map(|line| line.row).collect::<Vec<_>>())?;
        for line in lines {
            let Some(digest) = line.picture else { continue };
            // One that is not kept any more is left out: metadata.csv has what is there.
            let Some(bytes) = reader.picture(&digest)? else { continue };
            let reviewed = reviewed.get(&line.row);
            let label = label_of(line, reviewed);
            let name = file_name(label, line, Some(&bytes));
            self.add(&name, &bytes)?;
            let review = reviewed.map_or("", |reviewed| reviewed.verdict.name());
            let cells = [&name, &line.id.to_string(), label, line.verdict.name(), review].map(csv_cell);
            self.metadata.push_str(&cells.join(","));
            self.metadata.push_str("\r\n");
        }
        Ok(self.written.take())
    }

    fn end(&mut self) -> Result<Vec<u8>, ExportFault> {
        let metadata = std::mem::take(&mut self.metadata);
        self.add("metadata.csv", metadata.as_bytes())?;
        if let Some(zip) = self.zip.take() {
            zip.finish().map_err(|source| ExportFault::Archive { source })?;
        }
        Ok(self.written.take())
    }
}
