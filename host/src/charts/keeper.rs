use super::machine::Machine;
use super::tally::{Recent, ShiftCounts, Verdicts, between};
use super::{ChartBoard, Now};
use crate::alarms::AlarmBoard;
use crate::domain::{ShiftPlan, ShiftSpan, with_causes};
use crate::journal::{Figures, SeriesReader, SeriesWriter, SideError, Tier};
use crate::pipeline::{Board, now_us};
use crate::telemetry::Reading;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Between two looks at the station.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The thread that keeps figures for charts.
pub struct ChartKeeper {
    pub board: ChartBoard,
    stop: Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl ChartKeeper {
    /// `dir` is the journal's folder. What is wrong there is logged, and tried again: it stops nothing. Where `shifts` are
    /// the station's own they are counted.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(dir: &Path, line: &Board, alarms: &AlarmBoard, shifts: Arc<ShiftPlan>) -> std::io::Result<Self> {
        let board = ChartBoard::new(dir);
        let mut keeper = Keeper { shifts, ..Keeper::new(dir, line.clone(), alarms.clone(), board.clone()) };
        let (stop, stopped) = bounded(1);
        let run = move || keeper.run(&stopped);
        let thread = std::thread::Builder::new().name("charts".to_owned()).spawn(run)?;
        Ok(Self { board, stop, thread: Some(thread) })
    }

    /// Writes what is not yet written, and ends.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for ChartKeeper {
    fn drop(&mut self) {
        let _ = self.stop.try_send(());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

pub(super) struct Keeper {
    dir: PathBuf,
    line: Board,
    alarms: AlarmBoard,
    board: ChartBoard,
    writer: Option<SeriesWriter>,
    /// What is written already.
    written: Reading,
    recent: Recent,
    pub shifts: Arc<ShiftPlan>,
    pub shift: Option<Arc<ShiftCounts>>,
    /// What no counter keeps, since the last write.
    seen: Figures,
    machine: Option<Machine>,
    looked: Instant,
    /// The interval of the shortest tier that the last look was in.
    interval: i64,
    /// So that a disk that stays full is one line of the log.
    told: bool,
}

impl Keeper {
    pub fn new(dir: &Path, line: Board, alarms: AlarmBoard, board: ChartBoard) -> Self {
        let interval = Tier::TenSeconds.start_of(now_us() / 1_000_000);
        Self {
            dir: dir.to_owned(),
            line,
            alarms,
            board,
            writer: None,
            written: Reading::default(),
            recent: Recent::default(),
            shifts: Arc::default(),
            shift: None,
            seen: Figures::default(),
            machine: Machine::look(),
            looked: Instant::now(),
            interval,
            told: false,
        }
    }

    fn run(&mut self, stopped: &Receiver<()>) {
        self.open();
        while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(LOOK_EVERY) {
            self.look(now_us() / 1_000_000);
        }
        self.see();
        self.write(now_us() / 1_000_000);
    }

    pub fn look(&mut self, at_s: i64) {
        let (own_cpu, busy_cpu) = self.see();
        let interval = Tier::TenSeconds.start_of(at_s);
        if interval != self.interval {
            // To the interval that has just ended, also where the clock was set.
            self.write(self.interval);
            self.interval = interval;
        }
        self.board.publish(Now {
            machine: self.machine,
            own_cpu,
            busy_cpu,
            recent: self.recent,
            shift: self.shift.clone(),
            in_trouble: self.writer.is_none() || self.told,
            began_anew: self.writer.as_ref().is_some_and(SeriesWriter::began_anew),
        });
    }

    /// Looks at what no counter keeps; gives the shares of processor time since the last look.
    fn see(&mut self) -> (Option<f64>, Option<f64>) {
        let passed = self.looked.elapsed();
        self.looked = Instant::now();
        let passed_ms = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
        let gauges = self.alarms.gauges();
        let card = self.line.snapshot().recipe.clone();
        let as_asked = card.is_none_or(|card| card.device.is_first_wish());
        let before = std::mem::replace(&mut self.machine, Machine::look());
        let mut seen = Figures {
            covered_ms: passed_ms,
            other_device_ms: if as_asked { 0 } else { passed_ms },
            queue_frames: self.line.queued(),
            outbox_pending: gauges.outbox_pending,
            // Nothing was looked at before the first alarm look; no disk is that full.
            disk_free_bytes: Some(gauges.storage_free_bytes).filter(|free| *free > 0),
            ..Figures::default()
        };
        let mut shares = (None, None);
        if let (Some(before), Some(machine)) = (before, self.machine) {
            let (own_ms, busy_ms, all_ms) = machine.cpu_ms_since(&before);
            (seen.own_cpu_ms, seen.busy_cpu_ms, seen.all_cpu_ms) = (own_ms, busy_ms, all_ms);
            seen.own_memory_bytes = machine.own_memory_bytes;
            seen.memory_free_bytes = Some(machine.memory_free_bytes);
            let share = |part: u64| (all_ms > 0).then(|| (part as f64 / all_ms as f64).min(1.0));
            shares = (share(own_ms), share(busy_ms));
        }
        self.seen.add(&seen);
        shares
    }

    pub fn write(&mut self, at_s: i64) {
        if self.writer.is_none() {
            self.open();
        }
        let now = self.line.metrics().reading();
        let mut figures = between(&self.written, &now);
        figures.add(&self.seen);
        let Some(writer) = &mut self.writer else { return };
        match writer.add(at_s, &figures) {
            Ok(()) => {
                (self.written, self.seen, self.told) = (now, Figures::default(), false);
                self.count_recent(at_s);
            }
            Err(error) => {
                if writer.is_lost() {
                    self.writer = None;
                }
                self.tell(&error);
            }
        }
    }

    fn open(&mut self) {
        match SeriesWriter::open(&self.dir) {
            Ok(writer) => {
                if writer.began_anew() {
                    let file = self.dir.join("series.db.damaged");
                    tracing::error!(file = %file.display(), "the history of charts was damaged and begins anew");
                }
                self.writer = Some(writer);
                self.count_recent(now_us() / 1_000_000);
            }
            Err(error) => self.tell(&error),
        }
    }

    /// Said once, until it is well again.
    fn tell(&mut self, error: &SideError) {
        if !self.told {
            tracing::error!(error = with_causes(error), "charts have no history until this is mended");
        }
        self.told = true;
    }

    fn count_recent(&mut self, at_s: i64) {
        let Some(writer) = &self.writer else { return };
        let reader = writer.reader();
        let at =
            Verdicts { passed: self.written.passed, failed: self.written.failed, undecided: self.written.undecided };
        // With the interval that was just written.
        let to_s = at_s + Tier::TenSeconds.step_s();
        let from_s = at_s - i64::from(Recent::HOURS) * 3600;
        let Some(recent) = verdicts(&reader, from_s, at_s + Tier::Minute.step_s()) else { return };
        self.recent = Recent::new(recent, at);
        self.shift = by_shift(&reader, &self.shifts, to_s, at).map(Arc::new);
    }
}

/// The shift at a moment, and the one before it; none where nobody has said what shifts there are.
fn by_shift(reader: &SeriesReader, shifts: &ShiftPlan, at_s: i64, at: Verdicts) -> Option<ShiftCounts> {
    if !shifts.is_chosen() {
        return None;
    }
    let count = |span: &ShiftSpan| verdicts(reader, span.from_us / 1_000_000, span.to_us / 1_000_000);
    let running = shifts.at(at_s.saturating_mul(1_000_000))?;
    let before = shifts.at(running.from_us - 1).and_then(|before| count(&before).map(|counts| (before, counts)));
    Some(ShiftCounts { counts: Recent::new(count(&running)?, at), before, running })
}

/// Of the minutes that begin within a span.
fn verdicts(reader: &SeriesReader, from_s: i64, to_s: i64) -> Option<Verdicts> {
    let [passed, failed, undecided] = reader.verdicts(Tier::Minute, from_s, to_s).ok()?;
    Some(Verdicts { passed, failed, undecided })
}
