//! The one thread that writes. It takes all that waits, makes it durable in one commit, then answers.

use super::batch::{self, Outcome, Statements, Stored, Work};
use super::chain::Checkpoint;
use super::health::{Pressure, Shared};
use super::keeping::EVICT_STEP;
use super::pictures::{NewPicture, PictureFolder};
use super::space::Space;
use super::{Committed, JournalError, JournalOptions, now_us, schema, verify};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The writer tidies up that often when nothing waits. Unit tests do not wait for it.
const IDLE: Duration = Duration::from_millis(if cfg!(test) { 20 } else { 500 });
/// Between two attempts to open a database that failed.
const REOPEN_EVERY: Duration = Duration::from_millis(200);
/// The WAL is moved into the database when nothing waits; with so many times the pages, even if something does.
const CHECKPOINT_AT_LATEST: i64 = 8;
/// Entries that are checked again after a fault.
const RECHECK_ENTRIES: i64 = 1_000;

/// Work with the way to answer it.
pub struct Ticket {
    pub work: Work,
    pub reply: Sender<Result<Committed, JournalError>>,
    pub since: Instant,
}

impl Ticket {
    fn answer(self, result: Result<i64, JournalError>) {
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
        Some(Code::DatabaseBusy | Code::DatabaseLocked) => Fault::Busy,
        _ => Fault::Broken,
    }
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
    pub database: PathBuf,
    /// The last entry that was answered, or was there at the start.
    pub head: Checkpoint,
    pub folder: PictureFolder,
    pub picture_bytes: u64,
    pub space: Space,
    pub shared: Arc<Shared>,
    /// The next sub-folder whose files are compared with the inventory; absent when all were.
    pub sweep: Option<u8>,
}

impl Writer {
    pub fn run(mut self, first: Connection, commands: &Receiver<Command>) {
        let mut db = first;
        loop {
            let end = self.session(&db, commands);
            drop(db);
            let End::Broken(detail) = end else { return };
            self.shared.change(|health| health.last_fault = Some(detail.clone()));
            match self.recover(commands, &detail) {
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
                Err(RecvTimeoutError::Timeout) => Ok(()),
                Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => Err(End::Stop),
            };
            // On a busy line too, but not while somebody waits.
            if worked.is_ok() && tidied.elapsed() >= IDLE && commands.is_empty() {
                tidied = Instant::now();
                worked = self.tidy(&mut statements).or_else(|error| self.failed(Vec::new(), &error));
            }
            match worked.and_then(|()| self.checkpoint(db, commands.is_empty())) {
                Ok(()) => {}
                Err(End::Stop) => {
                    // What stays in the WAL is as durable as what was moved: a failure here loses nothing.
                    let _ = db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
                    return End::Stop;
                }
                Err(broken) => return broken,
            }
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
        self.head = head;
        self.shared.committed(begun.elapsed(), batch.iter().map(Ticket::waited_us));
        batch.into_iter().zip(outcomes).for_each(|(ticket, outcome)| ticket.answer(outcome));
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
        let excess = (self.picture_bytes + incoming).saturating_sub(self.options.image_quota_bytes);
        statements.transaction(|sql| {
            let mut head = self.head;
            let outcomes =
                batch.iter().map(|ticket| sql.write(&mut head, &ticket.work)).collect::<rusqlite::Result<Vec<_>>>()?;
            for (picture, _) in pictures {
                sql.picture(picture, now_us())?;
            }
            let evicted = if excess > 0 { sql.least_wanted(excess, EVICT_STEP)? } else { Vec::new() };
            sql.forget(&evicted)?;
            Ok(Done { head, outcomes, evicted })
        })
    }

    fn failed(&mut self, batch: Vec<Ticket>, error: &rusqlite::Error) -> Result<(), End> {
        let detail = error.to_string();
        let (answer, end) = match fault_of(error) {
            Fault::Full => (JournalError::DiskFull { path: self.options.dir.clone() }, Ok(())),
            Fault::Busy => (JournalError::Locked { path: self.database.clone() }, Ok(())),
            Fault::Broken => (JournalError::NotDurable { detail: detail.clone() }, Err(End::Broken(detail.clone()))),
        };
        self.shared.change(|health| health.last_fault = Some(detail));
        batch.into_iter().for_each(|ticket| ticket.answer(Err(answer.clone())));
        self.watch_space();
        end
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
        if waiting < enough || (!quiet && waiting < enough.saturating_mul(CHECKPOINT_AT_LATEST)) {
            return Ok(());
        }
        match wal(db, "PASSIVE") {
            Ok(_) => Ok(()),
            Err(error) if fault_of(&error) == Fault::Full && self.space.release() => Ok(()),
            Err(error) => self.failed(Vec::new(), &error),
        }
    }

    /// Opens the database again and makes sure that nothing confirmed is missing. Until then, all work is refused.
    fn recover(&mut self, commands: &Receiver<Command>, detail: &str) -> Option<Connection> {
        let mut tried: Option<Instant> = None;
        loop {
            if tried.is_none_or(|at| at.elapsed() >= REOPEN_EVERY) {
                tried = Some(Instant::now());
                match self.reopen() {
                    Ok(Ok(db)) => return Some(db),
                    Ok(Err(lost)) => {
                        self.refuse_all(commands, lost);
                        return None;
                    }
                    Err(error) => self.shared.change(|health| health.last_fault = Some(error.to_string())),
                }
            }
            match commands.recv_timeout(REOPEN_EVERY) {
                Ok(Command::Work(ticket)) => {
                    ticket.answer(Err(JournalError::NotDurable { detail: detail.to_owned() }));
                }
                Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// The inner error says that confirmed entries are gone: nothing may be written behind that.
    fn reopen(&mut self) -> Result<Result<Connection, String>, JournalError> {
        let db = schema::open_writer(&self.database, self.options.durability, self.options.vfs.as_deref())?;
        let query = |error| JournalError::query("check itself after a fault", error);
        let found = batch::head(&db).map_err(query)?;
        let start = verify::checkpoint_at(&db, (self.head.rows - RECHECK_ENTRIES).max(0)).map_err(query)?;
        let Some(start) = start else { return Ok(Err(format!("entries up to {} are gone", self.head.rows))) };
        let walked = verify::walk(&db, start, i64::MAX).map_err(query)?;
        if let Some(fault) = walked.fault {
            return Ok(Err(fault.to_string()));
        }
        match verify::checkpoint_at(&db, self.head.rows).map_err(query)? {
            Some(confirmed) if confirmed == self.head => {}
            _ => return Ok(Err(format!("confirmed entry {} is gone", self.head.rows))),
        }
        self.head = found;
        Ok(Ok(db))
    }

    fn refuse_all(&self, commands: &Receiver<Command>, detail: String) {
        self.shared.change(|health| health.stopped = Some(detail.clone()));
        for command in commands {
            match command {
                Command::Work(ticket) => ticket.answer(Err(JournalError::Stopped { detail: detail.clone() })),
                Command::Stop => return,
            }
        }
    }
}

/// Pages in the WAL, and those of them that are not yet in the database, after a checkpoint of that kind.
fn wal(db: &Connection, mode: &str) -> rusqlite::Result<(i64, i64)> {
    db.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
        let (pages, moved): (i64, i64) = (row.get(1)?, row.get(2)?);
        Ok((pages, pages.saturating_sub(moved)))
    })
}
