//! The one thread that writes. It takes all that waits, makes it durable in one commit, then answers.

use super::batch::{Outcome, Statements, Stored, Work};
use super::chain::Checkpoint;
use super::health::{Pressure, Shared};
use super::keeping::EVICT_STEP;
use super::pictures::{NewPicture, PictureFolder};
use super::recovery::{self, Identity, wal};
use super::refused::Refused;
use super::space::Space;
use super::{Committed, Durability, JournalError, JournalOptions, now_us, schema};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The writer tidies up that often when nothing waits. Unit tests do not wait for it.
const IDLE: Duration = Duration::from_millis(if cfg!(test) { 20 } else { 500 });
/// The WAL is moved into the database when nothing waits; with so many times the pages, even if something does.
const CHECKPOINT_AT_LATEST: i64 = 8;
/// With so many times the pages the WAL is started anew. For that, readers must be outside of it for a moment: so long
/// they are waited for, and so often.
const RESTART_AT: i64 = 4;
const RESTART_WAIT: Duration = Duration::from_millis(20);
const RESTART_WAIT_AT_LATEST: Duration = Duration::from_millis(100);
const RESTART_EVERY: Duration = Duration::from_secs(1);

/// Work with the way to answer it.
pub struct Ticket {
    pub work: Work,
    pub reply: Sender<Result<Committed, JournalError>>,
    pub since: Instant,
}

impl Ticket {
    pub fn answer(self, result: Result<i64, JournalError>) {
        let micros = self.waited_us();
        // Nobody may be waiting any more: then the answer has no reader, and that is fine.
        let _ = self.reply.send(result.map(|row| Committed { row, micros }));
    }

    fn waited_us(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

pub enum Command {
    Work(Ticket),
    Stop,
}

/// How a session with one connection ended.
enum End {
    Stop,
    /// The connection is not to be trusted any more.
    Broken(String),
}

/// What an error of SQLite means for the batch and for the connection.
#[derive(PartialEq)]
enum Fault {
    Full,
    /// Another program holds the database: nothing was written, the connection is sound.
    Busy,
    Broken,
}

fn fault_of(error: &rusqlite::Error) -> Fault {
    use rusqlite::ErrorCode as Code;
    match error.sqlite_error_code() {
        Some(Code::DiskFull) => Fault::Full,
        // The index of the WAL is a file too, and has to grow.
        _ if is_index_full(error) => Fault::Full,
        Some(Code::DatabaseBusy | Code::DatabaseLocked) => Fault::Busy,
        _ => Fault::Broken,
    }
}

pub fn is_index_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|inner| inner.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE)
}

/// What a transaction did.
struct Done {
    head: Checkpoint,
    outcomes: Vec<Outcome>,
    /// Pictures that left the inventory; their files are still there.
    evicted: Vec<Stored>,
}

pub struct Writer {
    pub options: JournalOptions,
    /// The number of this start.
    pub boot: u64,
    pub database: PathBuf,
    /// Which file the database was when it was opened.
    pub identity: Identity,
    /// The last entry that was answered, or was there at the start.
    pub head: Checkpoint,
    pub folder: PictureFolder,
    pub picture_bytes: u64,
    pub space: Space,
    pub shared: Arc<Shared>,
    /// The next sub-folder whose files are compared with the inventory; absent when all were.
    pub sweep: Option<u8>,
    /// When the WAL was last to be started anew although readers were in it.
    pub restarted: Option<Instant>,
    /// Triggers whose records were refused, and no row says so yet.
    pub refused: Refused,
}

impl Writer {
    pub fn run(mut self, first: Connection, commands: &Receiver<Command>) {
        let mut db = first;
        loop {
            let End::Broken(detail) = self.session(&db, commands) else { return };
            self.shared.change(|health| health.last_fault = Some(detail.clone()));
            match self.recover(db, commands, &detail) {
                Some(sound) => db = sound,
                None => return,
            }
        }
    }

    fn session(&mut self, db: &Connection, commands: &Receiver<Command>) -> End {
        let mut statements = match Statements::new(db) {
            Ok(statements) => statements,
            Err(error) => return End::Broken(error.to_string()),
        };
        let mut tidied = Instant::now();
        loop {
            let mut worked = match commands.recv_timeout(IDLE) {
                Ok(Command::Work(first)) => {
                    let (batch, stop) = self.gather(first, commands);
                    let done = self.commit(&mut statements, batch);
                    if stop && done.is_ok() { Err(End::Stop) } else { done }
                }
                // What was refused is said without waiting for the next record, which also shows that there is room.
                Err(RecvTimeoutError::Timeout) if !self.refused.is_empty() => self.commit(&mut statements, Vec::new()),
                Err(RecvTimeoutError::Timeout) => Ok(()),
                Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => Err(End::Stop),
            };
            // On a busy line too, but not while somebody waits.
            if worked.is_ok() && (tidied.elapsed() >= IDLE || self.excess() > 0) {
                tidied = Instant::now();
                worked = self.tidy(&mut statements, commands).or_else(|error| self.failed(Vec::new(), &error));
            }
            match worked.and_then(|()| self.checkpoint(db, commands.is_empty())) {
                Ok(()) => {}
                Err(End::Stop) => {
                    self.end(&mut statements, db);
                    return End::Stop;
                }
                Err(broken) => return broken,
            }
        }
    }

    fn end(&mut self, statements: &mut Statements<'_>, db: &Connection) {
        // Where it fails, the next start finds most of them.
        let said = self.refused.is_empty() || self.commit(statements, Vec::new()).is_ok();
        // What stays in the WAL is as durable as what was moved: a failure here loses nothing.
        if !said || db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").is_err() {
            let _ = recovery::leave(db);
        }
    }

    /// All that waits behind `first`; and whether the end was among it.
    fn gather(&self, first: Ticket, commands: &Receiver<Command>) -> (Vec<Ticket>, bool) {
        let until = Instant::now() + Duration::from_micros(self.options.batch_wait_us);
        let mut batch = vec![first];
        while batch.len() < self.options.batch_rows.max(1) {
            let next = match self.options.batch_wait_us {
                0 => commands.try_recv().ok(),
                _ => commands.recv_deadline(until).ok(),
            };
            match next {
                Some(Command::Work(ticket)) => batch.push(ticket),
                Some(Command::Stop) => return (batch, true),
                None => break,
            }
        }
        (batch, false)
    }

    fn commit(&mut self, statements: &mut Statements<'_>, batch: Vec<Ticket>) -> Result<(), End> {
        let pictures = match self.store_pictures(statements, &batch) {
            Ok(pictures) => pictures,
            Err(error) => return self.failed(batch, &error),
        };
        let early = self.options.durability == Durability::AnswersBeforeCommit;
        if early {
            self.answer_early(&batch);
        }
        let begun = Instant::now();
        let mut attempt = self.attempt(statements, &batch, &pictures);
        if attempt.as_ref().is_err_and(|error| fault_of(error) == Fault::Full) && self.space.release() {
            self.watch_space();
            attempt = self.attempt(statements, &batch, &pictures);
        }
        let Done { head, outcomes, evicted } = match attempt {
            Ok(done) => done,
            Err(error) => return self.failed(batch, &error),
        };
        if !self.is_in_place() {
            let path = self.database.display();
            let detail = format!("{path} was moved or deleted while the station runs: put it back, or restart");
            return self.broken(batch, detail);
        }
        self.head = head;
        self.shared.add_lost(self.refused.triggers());
        self.refused.clear();
        self.shared.committed(begun.elapsed(), batch.iter().map(Ticket::waited_us));
        if !early {
            batch.into_iter().zip(outcomes).for_each(|(ticket, outcome)| ticket.answer(outcome));
        }
        self.picture_bytes += pictures.iter().map(|(_, new)| new).sum::<u64>();
        self.unlink(&evicted);
        Ok(())
    }

    /// One transaction with the whole batch. Nothing of it counts before it returns.
    fn attempt(
        &self,
        statements: &mut Statements<'_>,
        batch: &[Ticket],
        pictures: &[(NewPicture, u64)],
    ) -> rusqlite::Result<Done> {
        let incoming: u64 = pictures.iter().map(|(_, new)| new).sum();
        let excess = self.excess_with(incoming);
        statements.transaction(|sql| {
            let mut head = self.head;
            let outcomes =
                batch.iter().map(|ticket| sql.write(&mut head, &ticket.work)).collect::<rusqlite::Result<Vec<_>>>()?;
            for (picture, _) in pictures {
                sql.picture(picture, now_us())?;
            }
            self.refused.say(sql, &mut head, self.boot)?;
            let evicted = if excess > 0 { sql.least_wanted(excess, EVICT_STEP)? } else { Vec::new() };
            sql.forget(&evicted)?;
            Ok(Done { head, outcomes, evicted })
        })
    }

    /// What a station must never do, for the test that shows that it would be seen.
    fn answer_early(&self, batch: &[Ticket]) {
        for (row, ticket) in (self.head.rows + 1..).zip(batch) {
            let _ = ticket.reply.send(Ok(Committed { row, micros: 0 }));
        }
    }

    fn failed(&mut self, batch: Vec<Ticket>, error: &rusqlite::Error) -> Result<(), End> {
        let detail = error.to_string();
        let answer = match fault_of(error) {
            Fault::Full => JournalError::DiskFull { path: self.options.dir.clone() },
            Fault::Busy => JournalError::Locked { path: self.database.clone() },
            Fault::Broken => return self.broken(batch, detail),
        };
        self.refuse(batch, &answer, detail);
        Ok(())
    }

    fn broken(&mut self, batch: Vec<Ticket>, detail: String) -> Result<(), End> {
        self.refuse(batch, &JournalError::NotDurable { detail: detail.clone() }, detail.clone());
        Err(End::Broken(detail))
    }

    fn refuse(&mut self, batch: Vec<Ticket>, answer: &JournalError, detail: String) {
        let refusing = (!batch.is_empty()).then(|| answer.to_string());
        self.shared.change(|health| {
            health.last_fault = Some(detail);
            health.refusing = refusing.or(health.refusing.take());
        });
        for ticket in batch {
            self.remember(&ticket.work);
            ticket.answer(Err(answer.clone()));
        }
        self.watch_space();
    }

    pub(super) fn remember(&mut self, refused: &Work) {
        if let Work::Record(record) = refused {
            self.refused.add(record.id.trigger);
        }
    }

    pub(super) fn watch_space(&mut self) -> Pressure {
        let pressure = self.space.look();
        self.shared.change(|health| health.pressure = pressure);
        pressure
    }

    /// Moves the WAL into the database where there is enough of it.
    fn checkpoint(&mut self, db: &Connection, quiet: bool) -> Result<(), End> {
        let (pages, waiting) = match wal(db, "NOOP") {
            Ok(wal) => wal,
            Err(error) => return self.failed(Vec::new(), &error),
        };
        self.shared.change(|health| health.wal_pages = pages);
        let enough = self.options.checkpoint_pages.max(1);
        let most = enough.saturating_mul(CHECKPOINT_AT_LATEST);
        let restart =
            pages >= enough.saturating_mul(RESTART_AT) && self.restarted.is_none_or(|at| at.elapsed() >= RESTART_EVERY);
        if !restart && (waiting < enough || (!quiet && waiting < most)) {
            return Ok(());
        }
        let wait = if pages < most { RESTART_WAIT } else { RESTART_WAIT_AT_LATEST };
        let moved = if restart { self.restart(db, wait) } else { wal(db, "PASSIVE").map(|_| ()) };
        match moved {
            Ok(()) => Ok(()),
            Err(error) if fault_of(&error) == Fault::Full && self.space.release() => Ok(()),
            Err(error) => self.failed(Vec::new(), &error),
        }
    }

    /// Moves the WAL and starts it anew. A moment is waited for readers: with one always in it, it would only grow.
    fn restart(&mut self, db: &Connection, wait: Duration) -> rusqlite::Result<()> {
        self.restarted = Some(Instant::now());
        db.busy_timeout(wait)?;
        // A reader that stays longer is no fault: the WAL is moved up to it, and it is tried again later.
        let moved = wal(db, "RESTART").map(|_| ());
        db.busy_timeout(Duration::from_millis(schema::BUSY_MS))?;
        moved
    }
}
