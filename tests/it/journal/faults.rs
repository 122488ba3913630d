//! The disk fails: at any one write, flush or cut, for a while, or because it is full.

use super::disk::{Disk, Step};
use super::harness::{Frame, Run, Session, Violation};
use super::image::{Dice, Image, Model, Unflushed};
use super::{options, record, say, triggers_in, until};
use assay::journal::{Journal, JournalError, JournalOptions, Pressure, Reader, verify};
use rusqlite::ffi;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

/// Records while the disk may fail.
const RECORDS: u64 = 14;

/// A journal with some records, all of it on the disk.
struct Base {
    run: Run,
    image: Image,
}

impl Base {
    fn new(disk: &'static Disk) -> Self {
        let mut session = Session::new(disk, Image::default());
        let journal = session.open();
        session.write(&journal, 5);
        drop(journal);
        let run = session.end(true);
        let mut model = Model::new(run.base.clone());
        run.events.iter().for_each(|event| model.play(event));
        let image = model.durable;
        Self { run, image }
    }

    /// Goes on with it.
    fn session(&self, disk: &'static Disk) -> Session {
        Session::after_cut(disk, &self.run, self.run.events.len(), self.image.clone())
    }
}

/// What a run on a failing disk has shown.
struct Outcome {
    refused: u64,
    confirmed: BTreeSet<Frame>,
    /// Frames that the program itself sees afterwards.
    seen: BTreeSet<Frame>,
    retried: usize,
    run: Run,
}

/// Hands over records one by one; `after` is called behind each with its number.
fn submit_all(session: &mut Session, journal: &Journal, count: u64, after: impl Fn(u64)) -> (BTreeSet<Frame>, u64) {
    let (mut confirmed, mut refused) = (BTreeSet::new(), 0);
    for number in 0..count {
        let (frame, pending) = session.submit(journal);
        match pending.wait() {
            Ok(committed) => {
                session.confirmed(frame, committed.row);
                confirmed.extend(frame);
            }
            Err(JournalError::NotDurable { .. } | JournalError::DiskFull { .. }) => refused += 1,
            Err(error) => panic!("{error}"),
        }
        after(number);
    }
    (confirmed, refused)
}

/// It comes back by itself, however often it has to try.
fn until_it_is_back(session: &mut Session, journal: &Journal) -> BTreeSet<Frame> {
    until("it never came back", || {
        let (frame, pending) = session.submit(journal);
        let committed = pending.wait().ok()?;
        session.confirmed(frame, committed.row);
        Some(frame.into_iter().collect())
    })
}

/// Records on a disk that `breaks` at some time and is whole again behind the record `healed_after`.
fn on_a_failing_disk(disk: &'static Disk, base: &Base, healed_after: u64, breaks: impl FnOnce()) -> Outcome {
    let mut session = base.session(disk);
    session.checkpoint_pages = 20;
    let journal = session.open();
    let boot = journal.boot();
    breaks();
    let heal = |number| {
        if number == healed_after {
            disk.fail_while(None);
        }
    };
    let (mut confirmed, refused) = submit_all(&mut session, &journal, RECORDS, heal);
    confirmed.extend(until_it_is_back(&mut session, &journal));
    confirmed.extend(submit_all(&mut session, &journal, 3, |_| {}).0);
    drop(journal);
    let verified = verify(&session.dir(), None).unwrap();
    assert!(verified.holds(), "{verified:?}");
    let mut seen = triggers_in(&session.dir());
    seen.retain(|frame| frame.0 == boot);
    Outcome { refused, confirmed, seen, retried: disk.retried(), run: session.end(false) }
}

/// Cuts the power at the end and at some moments after a fault: the answers given until then still hold.
fn cut_afterwards(run: &Run, seed: u64) -> Result<(), Violation> {
    let mut dice = Dice(seed);
    let some = (0..3).map(|_| dice.below(run.events.len() as u64 + 1) as usize);
    let mut points: Vec<usize> = some.chain([run.events.len()]).collect();
    points.sort_unstable();
    let mut model = Model::new(run.base.clone());
    let mut played = 0;
    for at in points {
        run.events[played..at].iter().for_each(|event| model.play(event));
        played = at;
        run.check(at, &model.cut(Unflushed::Gone, &mut dice))?;
        run.check(at, &model.cut(Unflushed::Torn, &mut dice))?;
    }
    Ok(())
}

/// Runs `test` for every `stride`-th number from 0 on until it says that there are no more, on two disks at a time.
/// Gives the count.
fn for_every(name: &str, stride: u64, test: impl Fn(&'static Disk, &Base, u64) -> bool + Sync) -> u64 {
    let next = AtomicU64::new(0);
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let (next, ended, test) = (&next, &ended, &test);
            scope.spawn(move || {
                let disk = Disk::register(&format!("{name}-{thread}"));
                let base = Base::new(disk);
                while !ended.load(Ordering::SeqCst) {
                    let n = next.fetch_add(1, Ordering::SeqCst);
                    if !test(disk, &base, n * stride) {
                        ended.store(true, Ordering::SeqCst);
                    }
                }
            });
        }
    });
    next.into_inner()
}

/// Fails every step of that kind from the `n`-th on, until it is told otherwise.
fn fails_from(disk: &'static Disk, n: u64, code: impl Fn(Step, &str) -> Option<i32> + Send + Sync + 'static) {
    let left = AtomicI64::new(i64::try_from(n).unwrap());
    disk.fail_while(Some(Box::new(move |step, path| {
        let code = code(step, path)?;
        (left.fetch_sub(1, Ordering::SeqCst) <= 0).then_some(code)
    })));
}

#[test]
fn any_one_failed_write_or_flush_costs_its_batch_only() {
    let refused = AtomicU64::new(0);
    let count = for_every("assay-eio-once", 1, |disk, base, n| {
        let outcome = on_a_failing_disk(disk, base, u64::MAX, || disk.fail_once_after(n as i64));
        assert_eq!(outcome.seen, outcome.confirmed, "fault {n}: what is recorded is not what was confirmed");
        assert_eq!(outcome.retried, 0, "fault {n}: a file whose flush had failed was used again");
        cut_afterwards(&outcome.run, n).unwrap_or_else(|violation| panic!("fault {n}: {violation:?}"));
        refused.fetch_add(outcome.refused, Ordering::SeqCst);
        disk.has_failed()
    });
    let refused = refused.into_inner();
    say(&format!("one fault: {count} runs, {refused} records refused"));
    assert!(count > 200 && refused > 50, "{count} runs, {refused} refused");
}

#[test]
fn a_disk_that_fails_for_a_while_costs_what_comes_in_meanwhile_only() {
    for_every("assay-eio-while", 11, |disk, base, n| {
        let breaks = || fails_from(disk, n, |step, _| Some(step.broken()));
        let outcome = on_a_failing_disk(disk, base, RECORDS - 1, breaks);
        assert_eq!(outcome.seen, outcome.confirmed, "from {n}: what is recorded is not what was confirmed");
        assert_eq!(outcome.retried, 0, "from {n}: a file whose flush had failed was used again");
        cut_afterwards(&outcome.run, n).unwrap_or_else(|violation| panic!("from {n}: {violation:?}"));
        outcome.refused > 0
    });
}

/// The station ends on a failing disk, starts again on the repaired one, and only then the power goes.
fn restarted_after_failed_flush(disk: &'static Disk, base: &Base, n: u64, forgets: fn(Step, &str) -> bool) -> Run {
    let mut session = base.session(disk);
    session.forgets = forgets;
    let journal = session.open();
    fails_from(disk, n, |step, _| (step != Step::Write).then(|| step.broken()));
    submit_all(&mut session, &journal, 2, |_| {});
    drop(journal);
    disk.fail_while(None);
    let journal = session.open();
    submit_all(&mut session, &journal, 3, |_| {});
    // Cut before it is closed: that would move all of it to safety.
    let happened = disk.happened();
    drop(journal);
    let mut run = session.end(false);
    run.events.truncate(happened);
    run
}

#[test]
fn a_restart_after_a_failed_flush_trusts_nothing_that_only_the_memory_has() {
    for n in 0..4 {
        let disk = Disk::register(&format!("assay-eio-restart-{n}"));
        let base = Base::new(disk);
        let run = restarted_after_failed_flush(disk, &base, n, |_, _| false);
        cut_afterwards(&run, n).unwrap_or_else(|violation| panic!("from {n}: {violation:?}"));
    }
}

/// The same test without that care sees lost rows.
#[test]
fn the_cuts_see_a_wal_that_was_trusted_after_a_failed_flush() {
    let lost = (0..4).any(|n| {
        let disk = Disk::register(&format!("assay-eio-trusting-{n}"));
        let base = Base::new(disk);
        let run =
            restarted_after_failed_flush(disk, &base, n, |step, path| step == Step::Write && path.ends_with("-wal"));
        matches!(cut_afterwards(&run, n), Err(Violation::Lost(_)))
    });
    assert!(lost, "nothing was lost without writing the WAL anew");
}

/// The first start makes the database, later ones find it. One that fails leaves nothing that stops the next.
#[test]
fn a_start_that_fails_at_any_step_leaves_a_journal_that_starts() {
    let failed = AtomicU64::new(0);
    let test = |mut session: Session, disk: &'static Disk, n: u64| {
        disk.fail_once_after(n as i64);
        match session.try_open() {
            Ok(journal) => drop(submit_all(&mut session, &journal, 1, |_| {})),
            Err(_) => drop(failed.fetch_add(1, Ordering::SeqCst)),
        }
        let reached = disk.has_failed();
        disk.fail_once_after(i64::MAX);
        let journal = session.open();
        let (confirmed, _) = submit_all(&mut session, &journal, 3, |_| {});
        assert_eq!(confirmed.len(), 3, "step {n}");
        let happened = disk.happened();
        drop(journal);
        let mut run = session.end(false);
        cut_afterwards(&run, n).unwrap_or_else(|violation| panic!("step {n}: {violation:?}"));
        run.events.truncate(happened);
        cut_afterwards(&run, n).unwrap_or_else(|violation| panic!("step {n}, not closed: {violation:?}"));
        reached
    };
    let first = for_every("assay-start-first", 1, |disk, _, n| test(Session::new(disk, Image::default()), disk, n));
    let later = for_every("assay-start-later", 1, |disk, base, n| test(base.session(disk), disk, n));
    let failed = failed.into_inner();
    say(&format!("one fault in a start: {first} first and {later} later ones, {failed} failed"));
    assert!(failed > 30, "{failed} starts failed");
}

// ---------------------------------------------------------------------------------------------------------------
// A full disk

#[test]
fn on_a_full_disk_the_ballast_carries_the_records_and_then_they_are_refused_until_there_is_room() {
    let disk = Disk::register("assay-full");
    let root = super::harness::scratch();
    disk.start(root.path(), &Image::default());
    let dir = root.path().join("journal");
    let journal = Journal::open(JournalOptions { vfs: Some(disk.name.clone()), ..options(&dir) }).unwrap();
    let submit = |trigger| journal.submit(record(journal.boot(), trigger)).unwrap().wait();
    submit(1).unwrap();
    let ballast = dir.join("ballast");
    assert!(ballast.exists());
    // Full as long as the ballast lies on the disk.
    let held = ballast.clone();
    disk.fail_while(Some(Box::new(move |_, _| held.exists().then_some(ffi::SQLITE_FULL))));
    submit(2).unwrap();
    assert_eq!(journal.health().pressure, Pressure::Full);
    assert!(!ballast.exists());
    // Full for good.
    let full = Arc::new(AtomicBool::new(true));
    let seen = Arc::clone(&full);
    disk.fail_while(Some(Box::new(move |_, _| seen.load(Ordering::SeqCst).then_some(ffi::SQLITE_FULL))));
    for trigger in 3..6 {
        let refused = submit(trigger);
        assert!(matches!(refused, Err(JournalError::DiskFull { .. })), "{refused:?}");
        assert!(journal.health().trouble().is_some_and(|why| why.contains("no space")), "{:?}", journal.health());
    }
    full.store(false, Ordering::SeqCst);
    submit(6).unwrap();
    assert_eq!(journal.health().trouble(), None);
    disk.fail_while(None);
    drop(journal);
    assert!(verify(&dir, None).unwrap().holds());
    assert_eq!(triggers_in(&dir), BTreeSet::from([(1, 1), (1, 2), (1, 6)]));
    let lost = Reader::open(&dir).unwrap().lost(10).unwrap();
    let said: Vec<_> = lost.iter().map(|lost| (lost.boot, lost.first, lost.last)).collect();
    assert_eq!(said, [(1, 3, 5)], "what was refused is not left out in silence");
}

/// From any write on, wherever it goes, the moves of the WAL into the database included.
#[test]
fn a_disk_that_is_full_from_any_write_on_loses_nothing_confirmed() {
    let full = |step: Step| (step == Step::Write).then_some(ffi::SQLITE_FULL);
    let everywhere = for_every("assay-full-any", 5, |disk, base, n| {
        let breaks = || fails_from(disk, n, move |step, _| full(step));
        let outcome = on_a_failing_disk(disk, base, RECORDS - 1, breaks);
        assert_eq!(outcome.seen, outcome.confirmed, "from {n}");
        cut_afterwards(&outcome.run, n).unwrap_or_else(|violation| panic!("from {n}: {violation:?}"));
        outcome.refused > 0
    });
    let moving = for_every("assay-full-moving", 1, |disk, base, n| {
        let reached = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&reached);
        let breaks = || {
            fails_from(disk, n, move |step, path| {
                let moves = path == "journal/journal.db" && step == Step::Write;
                seen.fetch_or(moves, Ordering::SeqCst);
                moves.then_some(ffi::SQLITE_FULL)
            });
        };
        let outcome = on_a_failing_disk(disk, base, RECORDS - 1, breaks);
        assert_eq!(outcome.refused, 0, "from {n}: what is in the WAL is durable already");
        assert_eq!(outcome.seen, outcome.confirmed, "from {n}");
        cut_afterwards(&outcome.run, n).unwrap_or_else(|violation| panic!("from {n}: {violation:?}"));
        reached.load(Ordering::SeqCst) && n < 40
    });
    say(&format!("full disk: {everywhere} runs from any write on, {moving} while the WAL is moved"));
    assert!(everywhere > 20 && moving > 10, "{everywhere} and {moving} runs");
}
