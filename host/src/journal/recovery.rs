//! After a fault: the failed connection is left without asking its files for anything, the database is opened again,
//! and nothing is written before all that was confirmed has been found there.
//!
//! A flush that failed is not tried again. The system forgets which bytes it did not write, says yes to the next
//! flush, and goes on showing them; a power cut later shows the hole, and all behind it is gone. So the WAL is cut
//! off behind the last commit that was flushed, and what comes next is written anew.

use super::writer::{Command, Writer};
use super::{JournalError, batch, schema, verify};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Between two attempts to open a database that failed.
const REOPEN_EVERY: Duration = Duration::from_millis(200);
/// Entries that are checked again after a fault.
const RECHECK_ENTRIES: i64 = 1_000;
/// Bytes before the first frame of a WAL, and before the page in each frame.
const WAL_HEAD: u64 = 32;
const FRAME_HEAD: u64 = 24;

/// Which file a path led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    pub fn of(path: &Path) -> io::Result<Self> {
        let meta = fs::metadata(path)?;
        Ok(Self { device: meta.dev(), inode: meta.ino() })
    }
}

/// The WAL of a database.
pub fn wal_of(database: &Path) -> PathBuf {
    let mut wal = database.as_os_str().to_owned();
    wal.push("-wal");
    PathBuf::from(wal)
}

/// Pages in the WAL, and those of them that are not yet in the database, after a checkpoint of that kind.
pub fn wal(db: &Connection, mode: &str) -> rusqlite::Result<(i64, i64)> {
    db.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
        let (pages, moved): (i64, i64) = (row.get(1)?, row.get(2)?);
        Ok((pages, pages.saturating_sub(moved)))
    })
}

/// Closing `db` will not move the WAL, so that a file whose flush failed is not flushed once more.
pub fn leave(db: &Connection) -> rusqlite::Result<()> {
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map(|_| ())
}

impl Writer {
    /// False when the database was moved or deleted: what is written to it then is on no disk that anybody looks at.
    pub(super) fn is_in_place(&self) -> bool {
        Identity::of(&self.database).is_ok_and(|found| found == self.identity)
    }

    /// Opens the database again and makes sure that nothing confirmed is missing. Until then, all work is refused.
    pub(super) fn recover(
        &mut self,
        failed: Connection,
        commands: &Receiver<Command>,
        detail: &str,
    ) -> Option<Connection> {
        let mut failed = Some(failed);
        let mut tried: Option<Instant> = None;
        loop {
            if tried.is_none_or(|at| at.elapsed() >= REOPEN_EVERY) {
                tried = Some(Instant::now());
                match self.come_back(&mut failed) {
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
                    self.remember(&ticket.work);
                    ticket.answer(Err(JournalError::NotDurable { detail: detail.to_owned() }));
                }
                Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => {
                    // Leaving can fail only on a connection that has no WAL to move.
                    let _ = failed.as_ref().map(leave);
                    return None;
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.watch_space();
                }
            }
        }
    }

    /// Leaves the failed connection, then opens the database again. The inner error is for good.
    fn come_back(&mut self, failed: &mut Option<Connection>) -> Result<Result<Connection, String>, JournalError> {
        if let Some(db) = failed {
            let query = |error| JournalError::query("leave a connection that failed", error);
            leave(db).map_err(query)?;
            // Another database may lie in its place by now: that one's WAL is left alone.
            if self.is_in_place() {
                self.cut_back(db)?;
            }
        }
        *failed = None;
        self.reopen()
    }

    /// Cuts the WAL off behind the last commit that was flushed. Its index, in memory, ends there, and nobody reads
    /// behind that while the failed connection holds the index.
    fn cut_back(&self, db: &Connection) -> Result<(), JournalError> {
        let query = |error| JournalError::query("see where the WAL ends", error);
        let (frames, _) = wal(db, "NOOP").map_err(query)?;
        let page: i64 = db.pragma_query_value(None, "page_size", |row| row.get(0)).map_err(query)?;
        let frame = FRAME_HEAD + u64::try_from(page).unwrap_or(0);
        let bytes = match u64::try_from(frames).unwrap_or(0) {
            0 => 0,
            frames => WAL_HEAD + frames * frame,
        };
        let wal = wal_of(&self.database);
        self.options.files.cut(&wal, bytes).map_err(|error| JournalError::folder(&wal, error))
    }

    /// The inner error says that confirmed entries are gone: nothing may be written behind that.
    fn reopen(&mut self) -> Result<Result<Connection, String>, JournalError> {
        let db = schema::open_writer(&self.database, self.options.durability, self.options.vfs.as_deref())?;
        let found = self.look_again(&db);
        if !matches!(found, Ok(Ok(()))) {
            // What is not as it should be is not changed by closing it.
            let _ = leave(&db);
        }
        Ok(found?.map(|()| db))
    }

    fn look_again(&mut self, db: &Connection) -> Result<Result<(), String>, JournalError> {
        let query = |error| JournalError::query("check itself after a fault", error);
        let found = batch::head(db).map_err(query)?;
        let start = verify::checkpoint_at(db, (self.head.rows - RECHECK_ENTRIES).max(0)).map_err(query)?;
        let Some(start) = start else { return Ok(Err(format!("entries up to {} are gone", self.head.rows))) };
        let walked = verify::walk(db, start, i64::MAX).map_err(query)?;
        if let Some(fault) = walked.fault {
            return Ok(Err(fault.to_string()));
        }
        match verify::checkpoint_at(db, self.head.rows).map_err(query)? {
            Some(confirmed) if confirmed == self.head => {}
            _ => return Ok(Err(format!("confirmed entry {} is gone", self.head.rows))),
        }
        let dir = &self.options.dir;
        // SQLite flushes the name of a new WAL too, but does not say when that fails.
        self.options.files.flush_folder(dir).map_err(|error| JournalError::folder(dir, error))?;
        self.identity = Identity::of(&self.database).map_err(|error| JournalError::folder(&self.database, error))?;
        self.head = found;
        Ok(Ok(()))
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
