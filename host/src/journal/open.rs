//! Opening a journal: every check before the first byte is written.

use super::batch::{self, Statements};
use super::chain::{Checkpoint, Kind};
use super::files::make_folders;
use super::health::Shared;
use super::options::JournalOptions;
use super::pictures::{PictureFolder, any_picture};
use super::record::text;
use super::recovery::{Identity, wal_of};
use super::refused::Refused;
use super::space::Space;
use super::writer::Writer;
use super::{Journal, JournalError, Reader, Sending, gaps, now_us, schema};
use rusqlite::Connection;
use rusqlite::types::Value;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Ranges of lost triggers that one start records; more than that is one range.
const MAX_GAPS: usize = 100;

pub fn open(options: JournalOptions) -> Result<Journal, JournalError> {
    schema::check_sqlite()?;
    let database = options.database();
    // Once before the lock, so that a foreign folder gets no lock file, and once under it.
    check_folder(&options)?;
    refuse_network(&options)?;
    make_folders(options.files.as_ref(), &options.dir).map_err(|error| JournalError::folder(&options.dir, error))?;
    let lock = lock(&options.dir)?;
    let mut space = Space::new(&options.dir, options.ballast_bytes);
    space.make_room();
    if check_folder(&options)? == schema::Found::Nothing {
        schema::create(&options)?;
    }
    renew_wal(&options)?;
    let db = schema::open_writer(&database, options.durability, options.vfs.as_deref())?;
    let opening = |error| JournalError::opening(&database, error);
    let (boot, head) = count_start(&db, &options.station).map_err(opening)??;
    // This also flushes the folder that holds the WAL: SQLite does so too, but does not say when that fails.
    let folder = PictureFolder::open(options.pictures(), Arc::clone(&options.files))?;
    let identity = Identity::of(&database).map_err(|error| JournalError::folder(&database, error))?;
    let picture_bytes = db
        .query_row("SELECT coalesce(sum(bytes), 0) FROM pictures", [], |row| row.get::<_, i64>(0))
        .map_err(opening)?;
    let shared = Arc::new(Shared::default());
    let pressure = space.look();
    let picture_bytes = u64::try_from(picture_bytes).unwrap_or(0);
    shared.change(|health| (health.pressure, health.picture_bytes) = (pressure, picture_bytes));
    let writer = Writer {
        options: options.clone(),
        boot,
        database,
        identity,
        head,
        folder,
        picture_bytes,
        space,
        shared: Arc::clone(&shared),
        sweep: Some(0),
        restarted: None,
        refused: Refused::default(),
    };
    start(options, boot, db, writer, shared, lock)
}

fn start(
    options: JournalOptions,
    boot: u64,
    db: Connection,
    writer: Writer,
    shared: Arc<Shared>,
    lock: File,
) -> Result<Journal, JournalError> {
    let (commands, queue) = crossbeam_channel::bounded(options.queue.max(1));
    let thread = std::thread::Builder::new()
        .name("journal".to_owned())
        .spawn(move || writer.run(db, &queue))
        .map_err(|error| JournalError::Stopped { detail: format!("its thread did not start: {error}") })?;
    let reader = Reader::new(&options.dir, Some(Arc::clone(&shared)));
    let (queue, queue_wait_ms) = (options.queue, options.queue_wait_ms);
    let sending = Sending { commands, queue, queue_wait_ms, shared: Arc::clone(&shared) };
    Ok(Journal { options, boot, sending, writer: Mutex::new(Some(thread)), shared, reader, lock })
}

/// Refuses a folder in which a new database would hide what was lost.
fn check_folder(options: &JournalOptions) -> Result<schema::Found, JournalError> {
    let database = options.database();
    let found = schema::look_at(&database)?;
    if found == schema::Found::Nothing {
        let pictures = options.pictures();
        let picture = any_picture(&pictures).map_err(|error| JournalError::folder(&pictures, error))?;
        if let Some(found) = picture.map(|_| pictures).or_else(|| leftover(&database)) {
            return Err(JournalError::DatabaseMissing { database, found });
        }
    }
    Ok(found)
}

fn refuse_network(options: &JournalOptions) -> Result<(), JournalError> {
    let path = &options.dir;
    match options.files.network(path).map_err(|error| JournalError::folder(path, error))? {
        Some(kind) => Err(JournalError::NetworkFolder { path: path.clone(), kind }),
        None => Ok(()),
    }
}

/// A WAL without its database: SQLite would play it into a new one.
fn leftover(database: &Path) -> Option<PathBuf> {
    Some(wal_of(database)).filter(|wal| wal.exists())
}

/// A WAL that an earlier run left: what it shows may be in the memory of the system only, where a flush had failed
/// before that run ended. What comes now is written behind it, so it has to be on the disk.
fn renew_wal(options: &JournalOptions) -> Result<(), JournalError> {
    let wal = wal_of(&options.database());
    if !fs::metadata(&wal).is_ok_and(|meta| meta.len() > 0) {
        return Ok(());
    }
    options.files.renew(&wal).map_err(|error| JournalError::folder(&wal, error))
}

/// Only one station at a time; the lock goes with the process, however it ends.
fn lock(dir: &Path) -> Result<File, JournalError> {
    let path = dir.join("station.lock");
    let file = File::options().create(true).append(true).open(&path);
    let file = file.map_err(|error| JournalError::folder(dir, error))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(JournalError::InUse { path: dir.to_owned() }),
        Err(error) => Err(JournalError::folder(&path, error.into())),
    }
}

type Start = Result<(u64, Checkpoint), JournalError>;

/// Records what the last start left open, then this one.
fn count_start(db: &Connection, station: &str) -> rusqlite::Result<Start> {
    let last: i64 = db.query_row("SELECT coalesce(max(boot), 0) FROM boots", [], |row| row.get(0))?;
    let mut gaps = gaps::gaps_of(db, last)?;
    if let (true, Some((first, _)), Some((_, end))) = (gaps.len() > MAX_GAPS, gaps.first(), gaps.last()) {
        gaps = vec![(*first, *end)];
    }
    let boot = last + 1;
    let mut head = batch::head(db)?;
    let mut statements = Statements::new(db)?;
    statements.transaction(|sql| {
        for (first, end) in &gaps {
            let columns = [last, *first, *end].map(Value::Integer);
            let rest = [text("no record when the station started again"), Value::Integer(now_us())];
            sql.plain(&mut head, Kind::Lost, &columns.into_iter().chain(rest).collect::<Vec<_>>())?;
        }
        let columns = [Value::Integer(boot), text(station), Value::Integer(now_us()), text(env!("CARGO_PKG_VERSION"))];
        sql.plain(&mut head, Kind::Boot, &columns)
    })?;
    Ok(u64::try_from(boot)
        .map(|boot| (boot, head))
        .map_err(|_| JournalError::Schema { detail: format!("its last start has number {last}") }))
}
