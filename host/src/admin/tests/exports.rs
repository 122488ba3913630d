//! The export for programs that calculate.

use super::records::{fill, id};
use super::station::open;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use serde_json::json;

#[test]
fn a_parquet_export_has_what_the_csv_has() {
    let station = open();
    fill(&station, 450);
    let body = json!({ "verdict": "pass", "label": "划痕", "reason": "looked at" }).to_string();
    let path = format!("/api/v1/inspections/{}/reviews", id(3));
    assert_eq!(station.ask("POST", &path, &[("content-type", "application/json")], &body).status, 201);
    let bytes = station.bytes("/inspections/export/parquet?verdict=fail");
    let file = SerializedFileReader::new(axum::body::Bytes::from(bytes)).unwrap();
    let cell = |field: &Field| match field {
        Field::Null => String::new(),
        Field::Str(text) => text.clone(),
        Field::TimestampMicros(at) => at.to_string(),
        Field::Double(number) => number.to_string(),
        other => other.to_string(),
    };
    let rows = file.get_row_iter(None).unwrap().map(|row| row.unwrap());
    let rows: Vec<Vec<String>> =
        rows.map(|row| row.get_column_iter().map(|(_, field)| cell(field)).collect()).collect();
    let csv = station.get("/inspections/export/csv?verdict=fail", &[]).text;
    let plain = |cell: &str| match cell.strip_prefix('"').and_then(|cell| cell.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => cell.to_owned(),
    };
    let mut lines = csv.lines().map(|line| line.split(',').map(plain).collect::<Vec<_>>());
    let names: Vec<String> = file
        .metadata()
        .file_metadata()
        .schema_descr()
        .columns()
        .iter()
        .map(|column| column.name().to_owned())
        .collect();
    let head: Vec<String> = lines
        .next()
        .unwrap()
        .into_iter()
        .map(|name| match name.as_str() {
            "captured_at_us" | "judged_at_us" => name.trim_end_matches("_us").to_owned(),
            _ => name,
        })
        .collect();
    assert_eq!(names, head);
    assert_eq!(rows.len(), 150);
    for (row, line) in rows.iter().zip(lines) {
        assert_eq!(*row, line);
    }
    assert_eq!(station.bytes("/inspections/export/parquet?serial=nobody").first_chunk(), Some(b"PAR1"), "without rows");
    let line = station.newest_audit();
    assert_eq!((line.action.as_str(), line.target.as_str()), ("export", "parquet serial=nobody"));
}
