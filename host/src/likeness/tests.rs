#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use super::*;
use crate::domain::{Embedding, Inspection, ModelAnswer, Verdict, test_inspection, test_recipe};
use crate::journal::{Journal, JournalOptions};
use crate::pipeline::RecipeCard;

fn board() -> Board {
    let device = test_recipe::device(&["CPU"]);
    Board::new(RecipeCard { recipe: test_recipe::recipe(), device, library_version: "1".into(), components: vec![] })
}

fn outcome(trigger: u64, row: Option<i64>, embedding: Option<&[f32]>) -> Arc<Outcome> {
    let recipe = test_recipe::recipe();
    let answer = ModelAnswer {
        model: "surface".to_owned(),
        digest: recipe.model.model,
        device: test_recipe::device(&["CPU"]),
        probabilities: vec![0.9, 0.1],
        labels: recipe.model.labels,
    };
    let verdict = Verdict::Pass { label: "good".to_owned(), score: 0.9 };
    let plain = test_inspection::inspection(trigger, verdict);
    let inspection = Inspection { answer: Some(answer), judged_at_us: 7, ..plain };
    let embedding = embedding.map(|values| Embedding::of(values).unwrap());
    Arc::new(Outcome { inspection: Arc::new(inspection), row, embedding })
}

#[test]
fn what_was_released_is_compared_once_the_keeper_has_ended() {
    let dir = tempfile::tempdir().unwrap();
    let options = JournalOptions { ballast_bytes: 1 << 20, ..JournalOptions::new(dir.path(), "line-1") };
    let journal = Journal::open(options).unwrap();
    let board = board();
    let newest = journal.reader().newest_row().unwrap();
    let keeper = LikenessKeeper::start(dir.path(), &board, journal.reader()).unwrap();
    let released = [
        outcome(1, Some(newest + 1), Some(&[1.0, 0.0])),
        outcome(2, Some(newest + 2), Some(&[0.9, 0.1])),
        outcome(3, Some(newest + 3), None),
        outcome(4, None, Some(&[1.0, 0.0])),
    ];
    released.iter().for_each(|outcome| board.release(outcome));
    keeper.stop();
    board.release(&outcome(5, Some(newest + 5), Some(&[1.0, 0.0])));
    let due = Instant::now() + Duration::from_secs(60);
    let alike = journal.reader().embeddings().alike(newest + 1, 7, 10, due).unwrap().unwrap();
    let rows: Vec<_> = alike.found.iter().map(|like| like.row).collect();
    assert_eq!(rows, [newest + 2], "neither what has no embedding, nor what has no record, nor what came later");
}

#[test]
fn a_file_that_cannot_be_opened_is_tried_again_later_and_not_with_every_batch() {
    let dir = tempfile::tempdir().unwrap();
    let options = JournalOptions { ballast_bytes: 1 << 20, ..JournalOptions::new(dir.path(), "line-1") };
    let journal = Journal::open(options).unwrap();
    let in_the_way = dir.path().join("embeddings.db");
    std::fs::create_dir(&in_the_way).unwrap();
    std::fs::create_dir(dir.path().join("embeddings.db.damaged")).unwrap();
    std::fs::write(dir.path().join("embeddings.db.damaged/full"), "").unwrap();
    let mut keeper = Keeper::new(dir.path(), journal.reader());
    let batch = [new(&outcome(1, Some(1), Some(&[1.0, 0.0]))).unwrap()];
    keeper.write(&batch);
    assert!(keeper.writer.is_none() && keeper.told);
    std::fs::remove_dir(&in_the_way).unwrap();
    keeper.write(&batch);
    assert!(keeper.writer.is_none(), "it was looked at again at once");
    keeper.opens_at = Instant::now();
    keeper.write(&batch);
    assert!(keeper.writer.is_some() && !keeper.told);
}
