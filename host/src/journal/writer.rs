//! The one thread that writes. It takes all that waits, makes it durable in one commit, then answers.

use super::batch::{self, Outcome, Statements, Work};
use super::chain::Checkpoint;
use super::health::{Pressure, Shared};
use super::pictures::{Class, NewPicture, PictureFolder};
use super::space::Space;
use super::{Committed, JournalError, JournalOptions, now_us, schema, verify};
use crate::domain::Digest;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// After so long without work the writer tidies up.
const IDLE: Duration = Duration::from_millis(500);
/// Between two attempts to open a database that failed.
const REOPEN_EVERY: Duration = Duration::from_millis(200);
/// Pages of the WAL that are moved into the database when nothing else waits, and at the latest.
const CHECKPOINT_PAGES: i64 = 2_000;
const CHECKPOINT_PAGES_MOST: i64 = 16_000;
/// Pictures that leave in one step.
const EVICT_STEP: usize = 64;
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
        loop {
            let worked = match commands.recv_timeout(IDLE) {
                Ok(Command::Work(first)) => {
                    let (batch, stop) = self.gather(first, commands);
                    let done = self.commit(&mut statements, batch);
                    if stop && done.is_ok() { Err(End::Stop) } else { done }
                }
                Err(RecvTimeoutError::Timeout) => self.tidy(&mut statements),
                Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => Err(End::Stop),
            };
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
        let mut attempt = self.attempt(statements, &batch, &pictures);
        if attempt.as_ref().is_err_and(|error| fault_of(error) == Fault::Full) && self.space.release() {
            attempt = self.attempt(statements, &batch, &pictures);
        }
        let (head, outcomes, evicted) = match attempt {
            Ok(done) => done,
            Err(error) => return self.failed(batch, &error),
        };
        self.head = head;
        self.shared.committed(batch.iter().map(Ticket::waited_us));
        batch.into_iter().zip(outcomes).for_each(|(ticket, outcome)| ticket.answer(outcome));
        self.picture_bytes += pictures.iter().map(|(_, new)| new).sum::<u64>();
        self.unlink(&evicted);
        Ok(())
    }

    /// One transaction with the whole batch. Nothing of it counts before it returns.
    #[expect(clippy::type_complexity, reason = "read once, by the function above")]
    fn attempt(
        &self,
        statements: &mut Statements<'_>,
        batch: &[Ticket],
        pictures: &[(NewPicture, u64)],
    ) -> rusqlite::Result<(Checkpoint, Vec<Outcome>, Vec<(Digest, u64)>)> {
        let incoming: u64 = pictures.iter().map(|(_, new)| new).sum();
        let excess = (self.picture_bytes + incoming).saturating_sub(self.options.image_quota_bytes);
        statements.transaction(|sql| {
            let mut head = self.head;
            let outcomes =
                batch.iter().map(|ticket| sql.write(&mut head, &ticket.work)).collect::<rusqlite::Result<Vec<_>>>()?;
            for (picture, _) in pictures {
                sql.picture(picture, now_us())?;
            }
            let evicted = if excess > 0 { sql.evict(excess, EVICT_STEP)? } else { Vec::new() };
            Ok((head, outcomes, evicted))
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

    /// Puts the pictures of a batch on the disk. Gives back those that are there, with the bytes each one adds.
    fn store_pictures(
        &mut self,
        statements: &mut Statements<'_>,
        batch: &[Ticket],
    ) -> rusqlite::Result<Vec<(NewPicture, u64)>> {
        let mut wanted: BTreeMap<Digest, NewPicture> = BTreeMap::new();
        let records = batch.iter().filter_map(|ticket| match &ticket.work {
            Work::Record(record) => Some(record),
            _ => None,
        });
        for picture in records.flat_map(|record| &record.pictures) {
            let known = wanted.entry(picture.digest).or_insert_with(|| picture.clone());
            known.class = known.class.max(picture.class);
        }
        if wanted.is_empty() || self.watch_space() >= Pressure::NoPictures {
            return Ok(Vec::new());
        }
        let mut there = Vec::new();
        let mut new = Vec::new();
        for picture in wanted.values() {
            let known = statements.knows_picture(&picture.digest)?;
            if known && self.folder.path(&picture.digest).exists() {
                there.push((picture.clone(), 0));
            } else {
                new.push((picture, if known { 0 } else { picture.bytes.len() as u64 }));
            }
        }
        let (stored, fault) = self.folder.store(&new.iter().map(|(picture, _)| *picture).collect::<Vec<_>>());
        let kept = stored.into_iter().map(|picture| picture.digest).collect::<Vec<_>>();
        let failed = (new.len() - kept.len()) as u64;
        there.extend(new.into_iter().filter(|(p, _)| kept.contains(&p.digest)).map(|(p, adds)| (p.clone(), adds)));
        if let Some(fault) = fault {
            self.shared.change(|health| {
                health.pictures_failed += failed;
                health.last_fault = Some(format!("a picture could not be kept: {fault}"));
            });
        }
        Ok(there)
    }

    /// Removes the files of pictures that the inventory has given up.
    fn unlink(&mut self, evicted: &[(Digest, u64)]) {
        for (digest, bytes) in evicted {
            // A file that stays is found by the next sweep, and counted again.
            self.folder.remove(digest);
            self.picture_bytes = self.picture_bytes.saturating_sub(*bytes);
        }
        let picture_bytes = self.picture_bytes;
        self.shared.change(|health| health.picture_bytes = picture_bytes);
    }

    fn watch_space(&mut self) -> Pressure {
        let pressure = self.space.look();
        self.shared.change(|health| health.pressure = pressure);
        pressure
    }

    /// In quiet moments: one step of eviction, one sub-folder compared with the inventory.
    fn tidy(&mut self, statements: &mut Statements<'_>) -> Result<(), End> {
        self.watch_space();
        let excess = self.picture_bytes.saturating_sub(self.options.image_quota_bytes);
        let mut done = Ok(Vec::new());
        if excess > 0 {
            done = statements.transaction(|sql| sql.evict(excess, EVICT_STEP));
        } else if let Some(shard) = self.sweep {
            self.sweep = shard.checked_add(1);
            done = self.adopt(statements, shard).map(|()| Vec::new());
        }
        match done {
            Ok(evicted) => {
                self.unlink(&evicted);
                Ok(())
            }
            Err(error) => self.failed(Vec::new(), &error),
        }
    }

    /// Takes files without a row into the inventory, as the least wanted: a power cut left them between the two.
    fn adopt(&mut self, statements: &mut Statements<'_>, shard: u8) -> rusqlite::Result<()> {
        let Ok(files) = self.folder.shard(shard) else { return Ok(()) };
        let mut strays = Vec::new();
        for (digest, bytes) in files {
            if !statements.knows_picture(&digest)? {
                strays.push((digest, bytes));
            }
        }
        if strays.is_empty() {
            return Ok(());
        }
        let at_us = now_us();
        statements.transaction(|sql| {
            strays.iter().try_for_each(|(digest, bytes)| {
                sql.inventory(digest, Class::Pass as i64, i64::try_from(*bytes).unwrap_or(i64::MAX), at_us)
            })
        })?;
        self.picture_bytes += strays.iter().map(|(_, bytes)| bytes).sum::<u64>();
        Ok(())
    }

    /// Moves the WAL into the database where there is enough of it.
    fn checkpoint(&mut self, db: &Connection, quiet: bool) -> Result<(), End> {
        let pages = |mode: &str| {
            db.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
                Ok(row.get::<_, i64>(1)?.saturating_sub(row.get::<_, i64>(2)?))
            })
        };
        let waiting = match pages("NOOP") {
            Ok(waiting) => waiting,
            Err(error) => return self.failed(Vec::new(), &error),
        };
        if waiting < CHECKPOINT_PAGES || (!quiet && waiting < CHECKPOINT_PAGES_MOST) {
            return Ok(());
        }
        match pages("PASSIVE") {
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
