//! The line's own trigger numbers, end to end through a line with a keeper in memory.

use super::*;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// Keeps records as the journal does.
#[derive(Default)]
struct Memory {
    rows: Mutex<Vec<Inspection>>,
    lost: Mutex<Vec<LostTriggers>>,
    /// Records become durable one by one when the test says so.
    gate: Option<Receiver<()>>,
    full: AtomicBool,
}

struct Kept(Arc<Memory>);
struct KeptTicket(Arc<Memory>, Inspection);

impl RecordKeeper for Kept {
    fn submit(&self, record: Record) -> Result<Box<dyn RecordTicket>, Failure> {
        Ok(Box::new(KeptTicket(Arc::clone(&self.0), record.inspection)))
    }
    fn recorded(&self, source: &str, number: u64) -> Result<Option<Recorded>, Failure> {
        let rows = self.0.rows.lock().unwrap();
        let same = |row: &Inspection| row.meta.source == source && row.meta.line_trigger == Some(number);
        let found = (1i64..).zip(rows.iter()).filter(|(_, row)| same(row)).last();
        Ok(found.map(|(row, inspection)| Recorded { inspection: Arc::new(inspection.clone()), row }))
    }
    fn line_history(&self, source: &str) -> Result<LineHistory, Failure> {
        let rows = self.0.rows.lock().unwrap();
        let own = rows.iter().filter(|row| row.meta.source == source);
        let numbers = own.filter_map(|row| Some((row.meta.line_trigger?, row.judged_at_us))).collect();
        let lost = self.0.lost.lock().unwrap().iter().map(|lost| (lost.first, lost.last)).collect();
        Ok(LineHistory { numbers, lost })
    }
    fn lost(&self, lost: &LostTriggers) -> Result<(), Failure> {
        if self.0.full.load(Ordering::Relaxed) {
            return Err(journal_failure("disk full"));
        }
        self.0.lost.lock().unwrap().push(lost.clone());
        Ok(())
    }
}

impl RecordTicket for KeptTicket {
    fn wait(self: Box<Self>) -> Result<i64, Failure> {
        if let Some(gate) = &self.0.gate {
            let _ = gate.recv();
        }
        if self.0.full.load(Ordering::Relaxed) {
            return Err(journal_failure("disk full"));
        }
        let mut rows = self.0.rows.lock().unwrap();
        rows.push(self.1);
        Ok(i64::try_from(rows.len()).unwrap())
    }
}

/// Hands the test the line's end of the queue.
struct Lend(Sender<Outlet>);

impl Source for Lend {
    fn name(&self) -> &str {
        "plc"
    }
    fn run(self: Box<Self>, out: &Outlet, _: &StopFlag) {
        self.0.send(out.clone()).unwrap();
    }
}

/// A running line and the way into it.
struct Running {
    line: Line,
    out: Outlet,
}

impl Running {
    fn start(memory: &Arc<Memory>, trigger_wait_ms: u64) -> Self {
        let (lend, lent) = bounded(1);
        let line = Line::start(LineParts {
            sources: vec![Box::new(Lend(lend))],
            options: LaneOptions { trigger_wait_ms, ..LaneOptions::default() },
            ..parts(Arc::new(Kept(Arc::clone(memory))))
        });
        Self { line: line.unwrap(), out: lent.recv_timeout(LONG).unwrap() }
    }

    fn send(&self, number: u64, picture: &str) -> Receiver<Option<Settlement>> {
        let (tell, told) = bounded(1);
        let receipt = Receipt::new(move |settlement| tell.send(settlement).unwrap());
        let arrival = Arrival {
            source: "plc".into(),
            trigger: Some(number),
            receipt: Some(receipt),
            ..arrival(Ok(picture.as_bytes().into()))
        };
        assert!(self.out.send(arrival, &StopFlag::new()).is_continue());
        told
    }

    /// Row and whether it was a duplicate.
    fn judge(&self, number: u64, picture: &str) -> (Option<i64>, bool) {
        let settlement = self.send(number, picture).recv_timeout(LONG).unwrap().unwrap();
        (settlement.row, settlement.duplicate)
    }

    fn end(self) -> Board {
        let board = self.line.board.clone();
        drop(self.out);
        self.line.join();
        board
    }
}

fn lost(memory: &Memory) -> Vec<(u64, u64)> {
    memory.lost.lock().unwrap().iter().map(|lost| (lost.first, lost.last)).collect()
}

#[test]
fn a_number_that_is_left_out_becomes_a_lost_row() {
    let memory = Arc::new(Memory::default());
    let running = Running::start(&memory, 0);
    for number in [7, 8, 12] {
        assert!(!running.judge(number, "part").1);
    }
    running.end();
    assert_eq!(lost(&memory), [(9, 11)]);
    assert!(memory.lost.lock().unwrap()[0].source == "plc");
}

#[test]
fn a_number_that_comes_late_is_judged_and_not_lost() {
    let memory = Arc::new(Memory::default());
    let running = Running::start(&memory, 600_000);
    for number in [7, 9, 8, 10] {
        assert_eq!(running.judge(number, "part"), (Some(memory.rows.lock().unwrap().len() as i64), false));
    }
    running.end();
    assert_eq!(lost(&memory), []);
}

#[test]
fn the_same_trigger_again_is_answered_with_its_record_and_makes_no_second() {
    let memory = Arc::new(Memory::default());
    let running = Running::start(&memory, 0);
    assert_eq!(running.judge(7, "part"), (Some(1), false));
    assert_eq!(running.judge(8, "next"), (Some(2), false));
    assert_eq!(running.judge(7, "part"), (Some(1), true));
    let board = running.end();
    assert_eq!((memory.rows.lock().unwrap().len(), board.snapshot().counters.total()), (2, 2));

    let running = Running::start(&memory, 0);
    assert_eq!(running.judge(7, "part"), (Some(1), true), "across a start of the station");
    assert_eq!(running.judge(10, "part"), (Some(3), false));
    running.end();
    assert_eq!(lost(&memory), [(9, 9)], "what was left out while the station was down");
}

#[test]
fn the_same_trigger_while_the_first_is_in_flight_shares_its_record() {
    let (open, gate) = bounded(1);
    let memory = Arc::new(Memory { gate: Some(gate), ..Memory::default() });
    let running = Running::start(&memory, 0);
    let (first, second) = (running.send(7, "part"), running.send(7, "part"));
    // A third number behind them shows that both were looked at before the first was durable.
    let third = running.send(8, "part");
    open.send(()).unwrap();
    let told: Vec<_> = [&first, &second].map(|told| told.recv_timeout(LONG).unwrap().unwrap()).into();
    assert_eq!(told.iter().map(|one| one.row).collect::<Vec<_>>(), [Some(1), Some(1)]);
    assert_eq!(told.iter().filter(|one| one.duplicate).count(), 1);
    open.send(()).unwrap();
    assert_eq!(third.recv_timeout(LONG).unwrap().unwrap().row, Some(2));
    drop(open);
    running.end();
    assert_eq!(memory.rows.lock().unwrap().len(), 2);
}

#[test]
fn another_picture_under_a_number_that_was_seen_is_another_part() {
    let memory = Arc::new(Memory::default());
    let running = Running::start(&memory, 0);
    for (number, picture) in [(99, "a"), (100, "b"), (1, "c"), (2, "d"), (100, "e")] {
        assert!(!running.judge(number, picture).1, "never the verdict of another part");
    }
    assert_eq!(running.judge(100, "e"), (Some(5), true), "the newest under that number");
    running.end();
    assert_eq!(lost(&memory), [(3, 99)], "the counter began again at 1 and then left numbers out");
}

#[test]
fn what_is_missing_when_the_counter_begins_again_is_lost() {
    let memory = Arc::new(Memory::default());
    let running = Running::start(&memory, 600_000);
    for (number, picture) in [(98, "a"), (100, "b"), (98, "c")] {
        assert!(!running.judge(number, picture).1);
    }
    running.end();
    assert_eq!(lost(&memory), [(99, 99)]);
    assert!(memory.lost.lock().unwrap()[0].reason.contains("began again"));
}

#[test]
fn a_trigger_without_a_durable_record_is_judged_when_it_comes_again() {
    let memory = Arc::new(Memory::default());
    let running = Running::start(&memory, 600_000);
    assert_eq!(running.judge(7, "part").0, Some(1));
    memory.full.store(true, Ordering::Relaxed);
    assert_eq!(running.judge(8, "next"), (None, false));
    memory.full.store(false, Ordering::Relaxed);
    assert_eq!(running.judge(8, "next"), (Some(2), false));
    running.end();
    assert_eq!(lost(&memory), []);
}

#[test]
fn lost_numbers_are_recorded_when_the_journal_is_back() {
    let memory = Arc::new(Memory::default());
    let running = Running::start(&memory, 0);
    running.judge(1, "a");
    running.judge(5, "b");
    memory.full.store(true, Ordering::Relaxed);
    running.judge(9, "c");
    memory.full.store(false, Ordering::Relaxed);
    running.end();
    let mut found = lost(&memory);
    found.sort_unstable();
    // The last number had no record: it is lost too.
    assert_eq!(found, [(2, 4), (6, 8), (9, 9)]);
}

#[test]
fn what_a_source_says_it_lost_is_recorded() {
    let memory = Arc::new(Memory::default());
    let running = Running::start(&memory, 600_000);
    let report = LostTriggers { source: "burst".into(), first: 3, last: 5, reason: "queue full".into() };
    assert!(running.out.report_lost(report.clone(), &StopFlag::new()).is_continue());
    running.end();
    assert_eq!(*memory.lost.lock().unwrap(), [report]);
}
