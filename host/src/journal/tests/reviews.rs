use super::*;
use crate::domain::{Actor, ActorKind, Role, VerdictKind};
use crate::journal::ReviewDesk;

fn person(name: &str) -> Actor {
    Actor { name: name.to_owned(), role: Role::Operator, kind: ActorKind::User }
}

fn id(journal: &Journal, trigger: u64) -> FrameId {
    FrameId { station: "line-1".to_owned(), boot: journal.boot(), trigger }
}

fn says(verdict: VerdictKind, seen: i64) -> NewReview {
    let (label, reason) = (Some("scratch".to_owned()), Some("seen on the part itself".to_owned()));
    NewReview { verdict, label, reason, seen }
}

fn hand_in(desk: &ReviewDesk, id: &FrameId, review: &NewReview, by: &str) -> Result<i64, ReviewError> {
    desk.record(desk.check(id, review, &person(by))?).map(|committed| committed.row)
}

#[test]
fn a_review_is_part_of_the_record_and_the_latest_counts() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    fill(&journal, 5);
    let (desk, reader) = (journal.review_desk(), journal.reader());
    let part = id(&journal, 3);
    let row = reader.get(&part).unwrap().unwrap().row;
    assert_eq!(reader.reviewed_row(row).unwrap(), None);
    let first = hand_in(&desk, &part, &says(VerdictKind::Pass, 0), "ada").unwrap();
    let second = hand_in(&desk, &part, &says(VerdictKind::Fail, first), "bob").unwrap();
    let reviews = reader.reviews(row, 10).unwrap();
    let told: Vec<_> = reviews.iter().map(|review| (review.row, review.reviewer.as_str(), review.verdict)).collect();
    assert_eq!(told, [(first, "ada", VerdictKind::Pass), (second, "bob", VerdictKind::Fail)]);
    assert_eq!((reviews[0].kind.as_str(), reviews[0].role.as_str()), ("user", "operator"));
    assert_eq!(reviews[1].reason.as_deref(), Some("seen on the part itself"));
    let sum = reader.reviewed_row(row).unwrap().unwrap();
    assert_eq!((sum.latest, sum.reviews, sum.verdict), (second, 2, VerdictKind::Fail));
    assert_eq!((sum.first_reviewer.as_str(), sum.first_verdict), ("ada", VerdictKind::Pass));
    assert!(sum.is_disputed() && sum.second == Some(("bob".to_owned(), VerdictKind::Fail)));
    // The record of the frame itself is as it was.
    assert_eq!(reader.get(&part).unwrap().unwrap().inspection.verdict, fail());
    drop(journal);
    let verified = verify(dir.path(), None).unwrap();
    assert!(verified.holds(), "{:?}", verified.fault);
    assert!(verified.entries.contains(&(Kind::Review, 2)));
}

#[test]
fn a_review_that_has_not_seen_the_latest_one_is_refused_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    fill(&journal, 3);
    let desk = journal.review_desk();
    let part = id(&journal, 3);
    // Both forms were opened before the first was sent: the check lets both through, the writer only one.
    let [one, other] =
        ["ada", "bob"].map(|name| desk.check(&part, &says(VerdictKind::Fail, 0), &person(name)).unwrap());
    let first = desk.record(one).unwrap().row;
    let refused = desk.record(other).map(|committed| committed.row).unwrap_err();
    assert!(matches!(refused, ReviewError::Stale { seen: 0, latest } if latest == first), "{refused}");
    let late = hand_in(&desk, &part, &says(VerdictKind::Fail, 0), "bob").unwrap_err();
    assert_eq!(late.code(), "stale-review");
    hand_in(&desk, &part, &says(VerdictKind::Fail, first), "bob").unwrap();
    drop((journal, desk));
    assert!(verify(dir.path(), None).unwrap().entries.contains(&(Kind::Review, 2)));
}

#[test]
fn what_a_review_may_not_be_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    fill(&journal, 3);
    let desk = journal.review_desk();
    let code =
        |trigger: u64, review: NewReview| hand_in(&desk, &id(&journal, trigger), &review, "ada").unwrap_err().code();
    let without = |verdict| NewReview { verdict, label: None, reason: None, seen: 0 };
    assert_eq!(code(99, without(VerdictKind::Pass)), "unknown-frame");
    assert_eq!(code(3, without(VerdictKind::Pass)), "reason-missing", "the station failed it");
    let blank = NewReview { reason: Some("  ".to_owned()), ..without(VerdictKind::Pass) };
    assert_eq!(code(3, blank), "reason-missing");
    let long = NewReview { reason: Some("x".repeat(501)), ..without(VerdictKind::Fail) };
    assert_eq!(code(3, long), "too-long");
    let lines = NewReview { label: Some("a\nb".to_owned()), ..without(VerdictKind::Fail) };
    assert_eq!(code(3, lines), "not-one-line");
    let agrees = without(VerdictKind::Fail);
    hand_in(&desk, &id(&journal, 3), &agrees, "ada").unwrap();
}

#[test]
fn a_second_opinion_is_that_of_another_person() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    fill(&journal, 9);
    let (desk, reader) = (journal.review_desk(), journal.reader());
    let parts = [3, 6, 9].map(|trigger| id(&journal, trigger));
    let rows = parts.clone().map(|part| reader.get(&part).unwrap().unwrap().row);
    // Ada changes her mind: that is no second opinion, and her latest is the first one.
    let first = hand_in(&desk, &parts[0], &says(VerdictKind::Pass, 0), "ada").unwrap();
    hand_in(&desk, &parts[0], &says(VerdictKind::Fail, first), "ada").unwrap();
    let sum = reader.reviewed_row(rows[0]).unwrap().unwrap();
    assert_eq!((sum.first_verdict, sum.second.clone(), sum.reviews), (VerdictKind::Fail, None, 2));
    for (part, verdict) in [(&parts[1], VerdictKind::Fail), (&parts[2], VerdictKind::Pass)] {
        let first = hand_in(&desk, part, &says(VerdictKind::Fail, 0), "ada").unwrap();
        hand_in(&desk, part, &says(verdict, first), "bob").unwrap();
    }
    let triggers = |lines: Vec<Line>| lines.into_iter().map(|line| line.id.trigger).collect::<Vec<_>>();
    assert_eq!(triggers(reader.second_looks("bob", 10).unwrap()), [3], "what ada alone has seen");
    assert_eq!(triggers(reader.second_looks("ada", 10).unwrap()), Vec::<u64>::new(), "not her own");
    assert_eq!(triggers(reader.disputed(10).unwrap()), [9]);
    let opinions = reader.opinions(i64::MIN, i64::MAX).unwrap();
    assert_eq!(
        opinions,
        [(VerdictKind::Fail, VerdictKind::Fail, 1), (VerdictKind::Fail, VerdictKind::Pass, 1)],
        "of parts that two have seen"
    );
}

#[test]
fn figures_are_made_of_what_was_reviewed() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(JournalOptions { review_one_in: 2, ..options(dir.path()) }).unwrap();
    fill(&journal, 30);
    let (desk, reader) = (journal.review_desk(), journal.reader());
    for trigger in [3, 4, 5] {
        hand_in(&desk, &id(&journal, trigger), &says(VerdictKind::Fail, 0), "ada").unwrap();
    }
    let rows = reader.labelled(i64::MIN, i64::MAX, 100).unwrap();
    let told: Vec<_> = rows.iter().map(|row| (row.verdict, row.truth, row.code.as_deref())).collect();
    let (fails, passes, undecided) = (VerdictKind::Fail, VerdictKind::Pass, VerdictKind::Undecided);
    assert_eq!(told, [(fails, fails, None), (passes, fails, None), (undecided, fails, Some("timeout"))]);
    assert_eq!(rows[1].one_in.is_some(), is_drawn(&id(&journal, 4), 2));
    let strata = reader.strata(i64::MIN, i64::MAX).unwrap();
    let drawn = (1..=30).filter(|trigger| trigger % 3 == 1 && is_drawn(&id(&journal, *trigger), 2)).count() as u64;
    assert_eq!((strata.fail, strata.undecided, strata.drawn, strata.drawn_for), (10, 10, drawn, 2 * drawn));
    assert!(drawn > 0);
    assert_eq!(reader.labelled(0, 1, 100).unwrap(), [], "of its time");
}

#[test]
fn every_change_of_a_review_or_of_what_follows_from_it_is_found() {
    let changes = [
        "UPDATE reviews SET verdict = 'pass'",
        "UPDATE reviews SET reason = NULL",
        "UPDATE reviews SET reviewer = 'eve'",
        "DELETE FROM reviews",
        "UPDATE reviewed SET verdict = 'pass'",
        "UPDATE reviewed SET label = 'x'",
        "UPDATE reviewed SET reviews = 7",
        "UPDATE reviewed SET judged_at_us = 7",
        "DELETE FROM reviewed",
        "INSERT INTO reviewed SELECT inspection + 1, judged_at_us, latest, reviews, verdict, label, first_reviewer, \
         first_verdict, first_label, NULL, NULL, NULL FROM reviewed",
        "DELETE FROM recipe_parts",
        "INSERT OR REPLACE INTO review_samples VALUES (3, 1764000000003000, 50)",
        "UPDATE review_samples SET judged_at_us = judged_at_us + 1",
        "INSERT OR REPLACE INTO review_samples SELECT seq, judged_at_us, 1000000 FROM inspections WHERE verdict = 'pass'",
    ];
    for change in changes {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(JournalOptions { review_one_in: 1, ..options(dir.path()) }).unwrap();
        fill(&journal, 6);
        hand_in(&journal.review_desk(), &id(&journal, 3), &says(VerdictKind::Fail, 0), "ada").unwrap();
        drop(journal);
        assert!(verify(dir.path(), None).unwrap().holds());
        let changed = stranger(dir.path()).execute(change, []).unwrap();
        assert!(changed > 0, "{change}");
        assert!(!verify(dir.path(), None).unwrap().holds(), "{change}");
    }
}

#[test]
fn reviews_wait_behind_the_frames_that_came_before_and_never_hold_the_writer() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    fill(&journal, 60);
    let desk = journal.review_desk();
    std::thread::scope(|scope| {
        for name in ["ada", "bob", "eve"] {
            let (desk, journal) = (desk.clone(), &journal);
            scope.spawn(move || {
                for trigger in 1..=60 {
                    // Some are refused, since another was faster: that is their answer.
                    let _ = hand_in(&desk, &id(journal, trigger), &says(VerdictKind::Fail, 0), name);
                }
            });
        }
        for trigger in 61..=160 {
            journal.submit(record(&journal, trigger, pass(), Vec::new())).unwrap().wait().unwrap();
        }
    });
    let reader = journal.reader();
    assert_eq!(reader.counts(0).unwrap().total(), 160);
    let found = reader.search(&Filter { reviewed: Some(true), ..Filter::default() }, &Turn::newest(200)).unwrap();
    assert_eq!(found.lines.len(), 60, "each part was reviewed once");
    drop((journal, desk));
    let verified = verify(dir.path(), None).unwrap();
    assert!(verified.holds() && verified.entries.contains(&(Kind::Review, 60)), "{:?}", verified.fault);
}

#[test]
fn a_desk_of_a_journal_that_was_closed_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    fill(&journal, 3);
    let desk = journal.review_desk();
    let part = id(&journal, 3);
    journal.close();
    let error = hand_in(&desk, &part, &says(VerdictKind::Fail, 0), "ada").unwrap_err();
    assert_eq!(error.code(), "review-not-recorded");
}

#[test]
fn a_drawn_pass_keeps_its_picture_where_other_passes_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let options = JournalOptions { review_one_in: 5, pass_one_in: 0, ..options(dir.path()) };
    let journal = Journal::open(options).unwrap();
    let reader = journal.reader();
    let mut drawn = 0;
    for trigger in 1..=40 {
        let one = pictured(&journal, trigger, pass(), 64);
        let (id, picture) = (one.inspection.meta.id.clone(), one.inspection.picture.unwrap());
        journal.submit(one).unwrap().wait().unwrap();
        let is_there = reader.picture(&picture).unwrap().is_some();
        assert_eq!(is_there, is_drawn(&id, 5), "{id}");
        drawn += u64::from(is_there);
    }
    assert!(drawn > 0);
}
