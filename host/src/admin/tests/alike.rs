//! Parts that are like another, over real HTTP.

use super::records::part;
use super::station::{Station, open};
use crate::domain::{Digest, Embedding};
use crate::journal::{EmbeddingWriter, NewEmbedding};
use serde_json::Value;

/// Parts with these embeddings, the first is trigger 1; kept beside the journal as the keeper does.
fn fill(station: &Station, embeddings: &[&[f32]]) {
    let mut new = Vec::new();
    for (trigger, values) in (1..).zip(embeddings) {
        let record = part(station, trigger);
        let judged_at_us = record.inspection.judged_at_us;
        let row = station.journal().submit(record).unwrap().wait().unwrap().row;
        let embedding = Embedding::of(values).unwrap();
        new.push(NewEmbedding { row, judged_at_us, model: Digest::of(b"model"), embedding });
    }
    EmbeddingWriter::open(station.dir(), i64::MAX).unwrap().add(&new).unwrap();
}

fn found(station: &Station, query: &str) -> (Value, Vec<String>) {
    let answer = station.get(&format!("/api/v1/inspections/line-1-1-1/alike{query}"), &[]);
    assert_eq!(answer.status, 200, "{}", answer.text);
    let body: Value = serde_json::from_str(&answer.text).unwrap();
    let serials = body["alike"].as_array().unwrap().iter().map(|one| one["inspection"]["serial"].as_str().unwrap());
    (body.clone(), serials.map(str::to_owned).collect())
}

#[test]
fn the_parts_that_are_most_like_one_are_shown_and_told() {
    let station = open();
    fill(&station, &[&[1.0, 0.0], &[0.0, 1.0], &[1.0, 0.2], &[1.0, 0.1]]);
    let (body, serials) = found(&station, "");
    assert_eq!(serials, ["S4", "S3", "S2"]);
    assert_eq!((&body["compared"], &body["stopped"]), (&3.into(), &false.into()));
    assert!(body["alike"][0]["likeness"].as_f64().unwrap() > 0.99);
    assert_eq!(found(&station, "?limit=1").1, ["S4"]);
    let page = station.get("/inspections/line-1-1-1/alike", &[]).text;
    let places =
        ["99.5 %", "98.1 %", "0.0 %"].map(|text| page.find(text).unwrap_or_else(|| panic!("{text} in {page}")));
    assert!(places.is_sorted(), "the most alike first");
    assert!(page.contains("href=\"/inspections/line-1-1-4\""));
    assert!(!page.contains("<script>alert"), "serials and files are shown as text");
    assert!(station.get("/inspections/line-1-1-1", &[]).text.contains("href=\"/inspections/line-1-1-1/alike\""));
}

#[test]
fn a_part_of_which_nothing_is_kept_has_none_that_are_alike() {
    let station = open();
    station.journal().submit(part(&station, 1)).unwrap().wait().unwrap();
    let (body, serials) = found(&station, "");
    assert_eq!((&body["compared"], serials.len()), (&Value::Null, 0));
    let page = station.get("/inspections/line-1-1-1/alike", &[]);
    assert!(page.status == 200 && page.text.contains("nothing to compare"), "{}", page.text);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let station = open();
    fill(&station, &[&[1.0]]);
    for (path, status, kind) in [
        ("/api/v1/inspections/line-1-1-9/alike", 404, "not-found"),
        ("/api/v1/inspections/none/alike", 404, "not-found"),
        ("/api/v1/inspections/line-1-1-1/alike?limit=0", 400, "bad-request"),
        ("/api/v1/inspections/line-1-1-1/alike?limit=201", 400, "bad-request"),
        ("/api/v1/inspections/line-1-1-1/alike?limit=many", 400, "bad-request"),
    ] {
        let answer = station.get(path, &[]);
        assert_eq!((answer.status, answer.problem().as_str()), (status, kind), "{path}");
    }
    assert_eq!(station.get("/inspections/line-1-1-9/alike", &[]).status, 404);
}

#[test]
fn a_row_that_is_another_part_by_now_is_not_shown() {
    let station = open();
    fill(&station, &[&[1.0, 0.0], &[1.0, 0.1]]);
    // As a journal that began anew leaves it: the row is there, of another time.
    let stale = NewEmbedding {
        row: station.journal().reader().newest_row().unwrap(),
        judged_at_us: 1,
        model: Digest::of(b"model"),
        embedding: Embedding::of(&[1.0, 0.0]).unwrap(),
    };
    EmbeddingWriter::open(station.dir(), i64::MAX).unwrap().add(&[stale]).unwrap();
    let (body, serials) = found(&station, "");
    assert_eq!((&body["compared"], serials.len()), (&1.into(), 0));
}
