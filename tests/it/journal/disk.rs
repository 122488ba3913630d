//! A SQLite VFS that writes down everything that reaches the disk, can fail on demand, and can then say what a power
//! cut at any moment would have left. It passes all calls on to the system's own VFS.
#![allow(unsafe_code, reason = "a SQLite VFS is a table of C functions")]

use rusqlite::ffi;
use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Which of the two files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Database,
    Wal,
}

/// One thing that happened, in order.
#[derive(Debug, Clone)]
pub enum Event {
    Write {
        part: Part,
        at: usize,
        bytes: Vec<u8>,
    },
    Truncate {
        part: Part,
        len: usize,
    },
    Sync {
        part: Part,
    },
    /// The test was told that this trigger is recorded, with this row.
    Confirmed {
        trigger: u64,
        row: i64,
    },
}

/// What the next writes answer.
pub type Fault = Box<dyn Fn() -> Option<c_int> + Send + Sync>;

/// A disk that remembers.
pub struct Disk {
    pub name: String,
    events: Mutex<Vec<Event>>,
    fault: Mutex<Option<Fault>>,
    /// Writes and flushes until one of them fails, once. Below 0: none.
    countdown: AtomicI64,
    real: *mut ffi::sqlite3_vfs,
}

// SAFETY: `real` points to the system's VFS, which SQLite itself calls from any thread and never frees.
unsafe impl Send for Disk {}
// SAFETY: as above; everything else is behind locks.
unsafe impl Sync for Disk {}

impl Disk {
    /// Registers a VFS of that name. It stays until the process ends, as VFS do.
    pub fn register(name: &str) -> &'static Self {
        // SAFETY: `find(null)` gives the default VFS, which is never freed. The struct is copied, the copy and all it
        // points to are leaked, so that they live as long as SQLite may call them.
        unsafe {
            ffi::sqlite3_initialize();
            let real = ffi::sqlite3_vfs_find(std::ptr::null());
            let disk = Box::leak(Box::new(Self {
                name: name.to_owned(),
                events: Mutex::default(),
                fault: Mutex::default(),
                countdown: AtomicI64::new(-1),
                real,
            }));
            let mut vfs = *real;
            vfs.zName = CString::new(name).expect("no NUL").into_raw();
            vfs.pNext = std::ptr::null_mut();
            vfs.pAppData = std::ptr::from_mut(disk).cast();
            vfs.szOsFile = (*real).szOsFile + size_of::<Handle>() as c_int;
            vfs.xOpen = Some(open);
            assert_eq!(ffi::sqlite3_vfs_register(Box::leak(Box::new(vfs)), 0), ffi::SQLITE_OK);
            disk
        }
    }

    pub fn record(&self, event: Event) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }

    pub fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Fails the `n`-th write or flush from now, once.
    pub fn fail_once_after(&self, n: i64) {
        self.countdown.store(n, Ordering::SeqCst);
    }

    /// Asked before every write and flush.
    pub fn fail_while(&self, fault: Option<Fault>) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// True when the fault of [`Disk::fail_once_after`] has happened.
    pub fn has_failed(&self) -> bool {
        self.countdown.load(Ordering::SeqCst) < 0
    }

    fn fault(&self, kind: c_int) -> Option<c_int> {
        if self.countdown.load(Ordering::SeqCst) >= 0 && self.countdown.fetch_sub(1, Ordering::SeqCst) == 0 {
            return Some(kind);
        }
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(|fault| fault())
    }
}

/// What SQLite allocates for an open file; the real file lies behind it.
#[repr(C, align(8))]
struct Handle {
    base: ffi::sqlite3_file,
    disk: *const Disk,
    /// Absent for files that do not matter here.
    part: Option<Part>,
}

/// The real file and the handle.
///
/// # Safety
/// `file` was opened by [`open`].
unsafe fn parts<'a>(file: *mut ffi::sqlite3_file) -> (*mut ffi::sqlite3_file, &'a Handle, &'a Disk) {
    // SAFETY: by the contract `file` begins with a `Handle` and the real file follows; the disk is leaked.
    unsafe {
        let handle = file.cast::<Handle>();
        (handle.add(1).cast(), &*handle, &*(*handle).disk)
    }
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives `szOsFile` bytes at `file`: a `Handle` and the real file. `pAppData` is our disk.
    unsafe {
        let disk = (*vfs).pAppData.cast::<Disk>();
        let handle = file.cast::<Handle>();
        let real_file = handle.add(1).cast::<ffi::sqlite3_file>();
        let part = match flags {
            _ if name.is_null() => None,
            flags if flags & ffi::SQLITE_OPEN_WAL != 0 => Some(Part::Wal),
            flags if flags & ffi::SQLITE_OPEN_MAIN_DB != 0 && CStr::from_ptr(name).to_bytes().ends_with(b".db") => {
                Some(Part::Database)
            }
            _ => None,
        };
        (*real_file).pMethods = std::ptr::null();
        let code =
            (*(*disk).real).xOpen.map_or(ffi::SQLITE_CANTOPEN, |open| open((*disk).real, name, real_file, flags, out));
        let methods = if (*real_file).pMethods.is_null() { std::ptr::null() } else { &raw const METHODS };
        handle.write(Handle { base: ffi::sqlite3_file { pMethods: methods }, disk, part });
        code
    }
}

/// Calls the same method of the real file.
macro_rules! pass {
    ($file:expr, $method:ident $(, $argument:expr)*) => {{
        // SAFETY: `$file` was opened by `open`; the real file has all methods of the system's VFS.
        unsafe {
            let (real, _, _) = parts($file);
            match (*(*real).pMethods).$method {
                Some(method) => method(real $(, $argument)*),
                None => ffi::SQLITE_IOERR,
            }
        }
    }};
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    pass!(file, xClose)
}

unsafe extern "C" fn read(file: *mut ffi::sqlite3_file, to: *mut c_void, len: c_int, at: i64) -> c_int {
    pass!(file, xRead, to, len, at)
}

unsafe extern "C" fn write(file: *mut ffi::sqlite3_file, from: *const c_void, len: c_int, at: i64) -> c_int {
    // SAFETY: `file` was opened by `open`, and SQLite gives `len` readable bytes at `from`.
    let (handle, disk, bytes) = unsafe {
        let (_, handle, disk) = parts(file);
        (handle, disk, std::slice::from_raw_parts(from.cast::<u8>(), len as usize))
    };
    if let Some(part) = handle.part {
        if let Some(code) = disk.fault(ffi::SQLITE_IOERR_WRITE) {
            return code;
        }
        disk.record(Event::Write { part, at: at as usize, bytes: bytes.to_vec() });
    }
    pass!(file, xWrite, from, len, at)
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, len: i64) -> c_int {
    // SAFETY: `file` was opened by `open`.
    let (_, handle, disk) = unsafe { parts(file) };
    if let Some(part) = handle.part {
        disk.record(Event::Truncate { part, len: len as usize });
    }
    pass!(file, xTruncate, len)
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: `file` was opened by `open`.
    let (_, handle, disk) = unsafe { parts(file) };
    if let Some(part) = handle.part {
        if let Some(code) = disk.fault(ffi::SQLITE_IOERR_FSYNC) {
            return code;
        }
        let code = pass!(file, xSync, flags);
        disk.record(Event::Sync { part });
        return code;
    }
    pass!(file, xSync, flags)
}

unsafe extern "C" fn size(file: *mut ffi::sqlite3_file, out: *mut i64) -> c_int {
    pass!(file, xFileSize, out)
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    pass!(file, xLock, level)
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    pass!(file, xUnlock, level)
}

unsafe extern "C" fn check_reserved(file: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    pass!(file, xCheckReservedLock, out)
}

unsafe extern "C" fn control(file: *mut ffi::sqlite3_file, op: c_int, argument: *mut c_void) -> c_int {
    pass!(file, xFileControl, op, argument)
}

unsafe extern "C" fn sector(file: *mut ffi::sqlite3_file) -> c_int {
    pass!(file, xSectorSize)
}

unsafe extern "C" fn device(file: *mut ffi::sqlite3_file) -> c_int {
    pass!(file, xDeviceCharacteristics)
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    page: c_int,
    bytes: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    pass!(file, xShmMap, page, bytes, extend, out)
}

unsafe extern "C" fn shm_lock(file: *mut ffi::sqlite3_file, offset: c_int, n: c_int, flags: c_int) -> c_int {
    pass!(file, xShmLock, offset, n, flags)
}

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    // SAFETY: as in `pass!`.
    unsafe {
        let (real, _, _) = parts(file);
        if let Some(barrier) = (*(*real).pMethods).xShmBarrier {
            barrier(real);
        }
    }
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, delete: c_int) -> c_int {
    pass!(file, xShmUnmap, delete)
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    // Version 2: with shared memory for the WAL, without memory-mapped reads.
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved),
    xFileControl: Some(control),
    xSectorSize: Some(sector),
    xDeviceCharacteristics: Some(device),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// A small generator of numbers that look random: a failed run is the same again.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit.max(1)
    }
}

/// What becomes of writes that were not flushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unflushed {
    Gone,
    /// Any of them is there or not, in parts of 512 bytes.
    Torn,
}

/// The files as a power cut behind `events` leaves them, from what was there before.
pub fn cut(
    base: &BTreeMap<Part, Vec<u8>>,
    events: &[Event],
    unflushed: Unflushed,
    dice: &mut Dice,
) -> BTreeMap<Part, Vec<u8>> {
    let mut durable = base.clone();
    let mut waiting: BTreeMap<Part, Vec<&Event>> = BTreeMap::new();
    for event in events {
        match event {
            Event::Write { part, .. } | Event::Truncate { part, .. } => waiting.entry(*part).or_default().push(event),
            Event::Sync { part } => {
                let file = durable.entry(*part).or_default();
                waiting
                    .remove(part)
                    .unwrap_or_default()
                    .into_iter()
                    .for_each(|event| apply(file, event, &mut |_| true));
            }
            Event::Confirmed { .. } => {}
        }
    }
    if unflushed == Unflushed::Torn {
        for (part, events) in waiting {
            let file = durable.entry(part).or_default();
            events.into_iter().for_each(|event| apply(file, event, &mut |limit| dice.below(limit) != 0));
        }
    }
    durable
}

/// Applies an event, sector by sector where `keep` says so.
fn apply(file: &mut Vec<u8>, event: &Event, keep: &mut dyn FnMut(u64) -> bool) {
    match event {
        Event::Truncate { len, .. } if keep(2) => file.resize(*len, 0),
        Event::Write { at, bytes, .. } => {
            for (index, sector) in bytes.chunks(512).enumerate() {
                if keep(3) {
                    let from = at + index * 512;
                    if file.len() < from + sector.len() {
                        file.resize(from + sector.len(), 0);
                    }
                    file[from..from + sector.len()].copy_from_slice(sector);
                }
            }
        }
        _ => {}
    }
}
