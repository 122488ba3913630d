#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use super::*;
use crate::domain::{Digest, Embedding};
use std::path::Path;
use std::time::{Duration, Instant};

const NEWEST: i64 = 1_000_000;

fn new(row: i64, model: &str, values: &[f32]) -> NewEmbedding {
    let embedding = Embedding::of(values).unwrap();
    NewEmbedding { row, judged_at_us: row * 10, model: Digest::of(model.as_bytes()), embedding }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn rows(dir: &Path, of: i64, most: usize) -> Vec<i64> {
    let alike = EmbeddingReader::new(dir).alike(of, of * 10, most, soon()).unwrap().unwrap();
    alike.found.iter().map(|like| like.row).collect()
}

#[test]
fn the_most_alike_come_first_and_only_of_the_same_model() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = EmbeddingWriter::open(dir.path(), NEWEST).unwrap();
    let all = [
        new(1, "a", &[1.0, 0.0]),
        new(2, "a", &[0.0, 1.0]),
        new(3, "a", &[1.0, 0.1]),
        new(4, "b", &[1.0, 0.0]),
        new(5, "a", &[1.0, 0.5]),
        new(6, "a", &[2.0, 0.2]),
        new(7, "a", &[1.0, 0.0, 0.0]),
    ];
    writer.add(&all).unwrap();
    assert_eq!(rows(dir.path(), 1, 10), [6, 3, 5, 2], "the newer of two alike first, itself not among them");
    assert_eq!(rows(dir.path(), 1, 2), [6, 3]);
    assert_eq!(rows(dir.path(), 1, 0), [0i64; 0]);
    let alike = EmbeddingReader::new(dir.path()).alike(1, 10, 2, soon()).unwrap().unwrap();
    assert_eq!((alike.compared, alike.stopped), (4, false));
    assert!((alike.found[0].likeness - 0.995).abs() < 0.01);
}

#[test]
fn a_row_of_another_time_is_another_picture() {
    let dir = tempfile::tempdir().unwrap();
    let reader = EmbeddingReader::new(dir.path());
    assert_eq!(reader.alike(1, 10, 5, soon()).unwrap(), None, "nothing is kept yet");
    EmbeddingWriter::open(dir.path(), NEWEST).unwrap().add(&[new(1, "a", &[1.0])]).unwrap();
    assert!(reader.alike(1, 10, 5, soon()).unwrap().is_some());
    assert_eq!(reader.alike(1, 11, 5, soon()).unwrap(), None);
    assert_eq!(reader.alike(2, 20, 5, soon()).unwrap(), None);
}

#[test]
fn rows_of_a_journal_that_began_anew_are_removed() {
    let dir = tempfile::tempdir().unwrap();
    let all = [new(3, "a", &[1.0, 0.0]), new(4, "a", &[1.0, 0.0]), new(9, "a", &[1.0, 0.0])];
    EmbeddingWriter::open(dir.path(), NEWEST).unwrap().add(&all).unwrap();
    drop(EmbeddingWriter::open(dir.path(), 4).unwrap());
    assert_eq!(rows(dir.path(), 3, 5), [4]);
}

#[test]
fn the_oldest_are_forgotten_beyond_the_bound() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = EmbeddingWriter::with_bound(dir.path(), NEWEST, 10).unwrap();
    for row in 1..=50 {
        writer.add(&[new(row, "a", &[1.0, 0.0])]).unwrap();
        let kept = rows(dir.path(), row, 100).len() + 1;
        assert!(kept <= 20, "{kept} are kept of at most 10 and as many on top");
    }
    assert_eq!(rows(dir.path(), 50, 3), [49, 48, 47], "the newest are there");
    let again = EmbeddingWriter::with_bound(dir.path(), NEWEST, 10);
    again.unwrap().add(&[new(51, "a", &[1.0, 0.0]), new(52, "a", &[1.0, 0.0])]).unwrap();
    assert!(rows(dir.path(), 52, 100).len() < 21, "also after a restart");
}

#[test]
fn what_there_is_no_time_for_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let all: Vec<_> = (1..=2000).map(|row| new(row, "a", &[1.0, row as f32])).collect();
    EmbeddingWriter::open(dir.path(), NEWEST).unwrap().add(&all).unwrap();
    let alike = EmbeddingReader::new(dir.path()).alike(1, 10, 5, Instant::now()).unwrap().unwrap();
    assert!(alike.stopped && alike.compared < 600, "{} of 2000 were compared", alike.compared);
}

#[test]
fn a_damaged_file_is_moved_aside() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("embeddings.db"), "no database").unwrap();
    let mut writer = EmbeddingWriter::open(dir.path(), NEWEST).unwrap();
    writer.add(&[new(1, "a", &[1.0])]).unwrap();
    assert!(dir.path().join("embeddings.db.damaged").is_file());
    assert_eq!(rows(dir.path(), 1, 5), [0i64; 0]);
}
