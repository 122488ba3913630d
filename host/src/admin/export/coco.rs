use super::folder::label_of;
use super::{ExportFault, Writer, file_name};
use crate::journal::{Line, Reader};
use serde_json::json;
use std::collections::BTreeMap;

/// Pictures with the regions that plugins have found, as COCO has them. File names are those of the other export.
#[derive(Default)]
pub struct Coco {
    pictures: u64,
    annotations: Vec<String>,
    /// Numbers of labels, from 1.
    categories: BTreeMap<String, usize>,
}

impl Coco {
    fn category(&mut self, label: &str) -> usize {
        let next = self.categories.len() + 1;
        *self.categories.entry(label.to_owned()).or_insert(next)
    }

    /// One picture with its annotations; none where the record has no picture.
    fn picture(&mut self, reader: &Reader, line: &Line, label: &str) -> Result<Option<String>, ExportFault> {
        let Some(digest) = line.picture else { return Ok(None) };
        let (Some(entry), Some(bytes)) = (reader.get_row(line.row)?, reader.picture(&digest)?) else { return Ok(None) };
        self.pictures += 1;
        let number = self.pictures;
        let inspection = &entry.inspection;
        // Regions are those of the picture that the detectors saw; of another one they would mislead.
        let own = inspection.replaced_by().is_none();
        for (plugin, finding) in inspection.findings().filter(|(_, finding)| own && finding.raised) {
            let Some(region) = finding.region else { continue };
            let [x, y, width, height] = [region.x, region.y, region.width, region.height].map(f64::from);
            let annotation = json!({
                "id": self.annotations.len() + 1, "image_id": number, "category_id": self.category(&finding.label),
                "bbox": [x, y, width, height], "area": width * height, "iscrowd": 0, "score": finding.score,
                "plugin": plugin,
            });
            self.annotations.push(annotation.to_string());
        }
        let picture = json!({
            "id": number, "file_name": file_name(label, line, Some(&bytes)), "width": inspection.width,
            "height": inspection.height, "frame": line.id.to_string(), "label": label,
            "category_id": self.category(label), "verdict": line.verdict.name(),
        });
        Ok(Some(picture.to_string()))
    }
}

impl Writer for Coco {
    fn begin(&mut self) -> Result<Vec<u8>, ExportFault> {
        Ok(b"{\"info\":{\"description\":\"inspections of assay\"},\"images\":[".to_vec())
    }

    fn rows(&mut self, reader: &Reader, lines: &[Line]) -> Result<Vec<u8>, ExportFault> {
        let reviewed = reader.reviewed_rows(&lines.iter().map(|line| line.row).collect::<Vec<_>>())?;
        let mut text = String::new();
        for line in lines {
            let first = self.pictures == 0;
            let label = label_of(line, reviewed.get(&line.row));
            if let Some(picture) = self.picture(reader, line, label)? {
                text.push_str(if first { "\n" } else { ",\n" });
                text.push_str(&picture);
            }
        }
        Ok(text.into_bytes())
    }

    fn end(&mut self) -> Result<Vec<u8>, ExportFault> {
        let categories = self.categories.iter().map(|(name, id)| json!({ "id": id, "name": name }).to_string());
        let categories = categories.collect::<Vec<_>>().join(",");
        let annotations = std::mem::take(&mut self.annotations).join(",\n");
        Ok(format!("],\n\"annotations\":[{annotations}],\n\"categories\":[{categories}]}}\n").into_bytes())
    }
}
