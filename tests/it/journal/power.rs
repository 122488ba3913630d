//! The power goes, at any moment.

use super::disk::{Disk, Step};
use super::harness::{Run, Session, Tally, Violation};
use super::image::{Dice, Event, Image, Model, Unflushed};
use super::say;
use assay::journal::Durability;
use rusqlite::ffi;
use std::time::{Duration, Instant};

/// A station's first three starts, from an empty disk on.
fn three_starts(mut session: Session, records: [u64; 3]) -> Run {
    for count in records {
        let journal = session.open();
        session.write(&journal, count);
    }
    session.end(true)
}

/// The station starts again on what a cut of `run` has left, and goes on.
fn goes_on_after_cut(disk: &'static Disk, run: &Run, at: usize, unflushed: Unflushed) -> Run {
    let mut model = Model::new(run.base.clone());
    run.events[..at].iter().for_each(|event| model.play(event));
    let image = model.cut(unflushed, &mut Dice(at as u64));
    let mut session = Session::after_cut(disk, run, at, image);
    let journal = session.open();
    session.write(&journal, 12);
    drop(journal);
    session.end(true)
}

#[test]
fn a_power_cut_at_any_moment_loses_nothing_that_was_confirmed() {
    let started = Instant::now();
    let disk = Disk::register("assay-cut");
    let run = three_starts(Session::new(disk, Image::default()), [40, 30, 10]);
    let moved = run.events.iter().filter(|event| matches!(event, Event::Flush { .. })).count();
    assert!(moved > 50, "{moved} flushes");
    let mut tally = run.cut_everywhere(1);
    // A second cut, also while the station recovers from the first.
    let mut dice = Dice(3);
    for unflushed in [Unflushed::Gone, Unflushed::Torn, Unflushed::Reordered] {
        let at = run.events.len() / 3 + dice.below(run.events.len() as u64 / 2) as usize;
        tally.add(goes_on_after_cut(disk, &run, at, unflushed).cut_everywhere(2));
    }
    say(&format!("power cuts: {} points, {} disks looked at, {:.0?}", tally.points, tally.images, started.elapsed()));
    assert!(tally.points >= 1000, "only {} points", tally.points);
    tally.assert_clean();
}

/// Pictures leave by the quota while others come: their rows go before their files do.
#[test]
fn a_power_cut_while_pictures_leave_costs_no_picture_that_is_still_in_the_inventory() {
    let mut session = Session::new(Disk::register("assay-cut-quota"), Image::default());
    session.quota_bytes = 4000;
    let run = three_starts(session, [30, 10, 5]);
    assert!(run.events.iter().filter(|event| matches!(event, Event::Remove { .. })).count() > 5, "nothing left");
    run.cut_everywhere(4).assert_clean();
}

// ---------------------------------------------------------------------------------------------------------------
// The tests above have teeth: each of these makes the journal worse in one way, and the same cuts find it.

fn is_lost((_, _, violation): &(usize, Unflushed, Violation)) -> bool {
    matches!(violation, Violation::Lost(_))
}

fn is_picture((_, _, violation): &(usize, Unflushed, Violation)) -> bool {
    matches!(violation, Violation::Picture(_))
}

fn worse(name: &str, change: impl FnOnce(&mut Session)) -> Tally {
    let mut session = Session::new(Disk::register(name), Image::default());
    change(&mut session);
    three_starts(session, [12, 4, 2]).cut_everywhere(5)
}

#[test]
fn the_cuts_see_commits_that_are_not_flushed() {
    let found = worse("assay-cut-normal", |session| session.durability = Durability::LosesConfirmedRows);
    assert!(found.violations.iter().any(is_lost), "{found:?}");
}

#[test]
fn the_cuts_see_answers_before_the_commit() {
    let disk = Disk::register("assay-cut-early");
    let mut session = Session::new(disk, Image::default());
    session.durability = Durability::AnswersBeforeCommit;
    let journal = session.open();
    let (frame, pending) = session.submit(&journal);
    // The commit reaches the disk only once the answer is there: with an honest journal that would be never.
    let (answered, waits) = crossbeam_channel::bounded::<()>(1);
    disk.fail_while(Some(Box::new(move |_, _| {
        let _ = waits.recv_timeout(Duration::from_secs(60));
        None::<i32>
    })));
    let row = pending.wait().unwrap().row;
    session.confirmed(frame, row);
    drop(answered);
    drop(journal);
    disk.fail_while(None);
    let found = session.end(true).cut_everywhere(6);
    assert!(found.violations.iter().any(is_lost), "{found:?}");
}

#[test]
fn the_cuts_see_pictures_that_are_not_flushed() {
    let found = worse("assay-cut-picture", |session| {
        session.forgets = |step, path| step == Step::Flush && path.starts_with("journal/pictures/tmp/");
    });
    assert!(found.violations.iter().any(is_picture), "{found:?}");
}

#[test]
fn the_cuts_see_names_of_pictures_that_are_not_flushed() {
    for folder in ["journal/pictures/", "journal/pictures"] {
        let name = format!("assay-cut-{}", folder.len());
        let found = worse(
            &name,
            match folder.ends_with('/') {
                // The sub-folders, then the folder that names them.
                true => |session: &mut Session| {
                    session.forgets = |step, path| step == Step::Flush && path.starts_with("journal/pictures/");
                },
                false => |session: &mut Session| {
                    session.forgets = |step, path| step == Step::Flush && path == "journal/pictures";
                },
            },
        );
        assert!(found.violations.iter().any(is_picture), "{folder}: {found:?}");
    }
}

#[test]
fn the_cuts_see_a_folder_or_a_database_whose_name_is_not_flushed() {
    for (name, forgotten) in [("root", ""), ("folder", "journal")] {
        let forgets: fn(Step, &str) -> bool = match forgotten {
            "" => |_, path| path.is_empty(),
            _ => |_, path| path == "journal",
        };
        let found = worse(&format!("assay-cut-name-{name}"), |session| session.forgets = forgets);
        assert!(found.violations.iter().any(|found| is_lost(found) || is_picture(found)), "{name}: {found:?}");
    }
}

/// A disk that fails a flush has thrown the bytes away: what the model does then, the tests of faults rest on.
#[test]
fn the_model_forgets_what_a_failed_flush_was_to_write() {
    let write = |byte| Event::Write { inode: 1, at: 0, bytes: vec![byte; 4096] };
    let events = [write(1), Event::Flush { inode: 1 }, write(2), Event::FlushFailed { inode: 1 }];
    let later = [Event::Flush { inode: 1 }];
    let mut model = Model::new(Image::default());
    events.iter().chain(&later).for_each(|event| model.play(event));
    let file = &model.cut(Unflushed::Gone, &mut Dice(1)).files[&1];
    assert!(file.contains(&1), "nothing was forgotten");
    assert_eq!(ffi::SQLITE_IOERR_FSYNC, Step::Flush.broken());
}
