//! A SQLite VFS over a [`Disk`]: passes all calls on to the system's own, and tells the disk of what changes something.
#![allow(unsafe_code, reason = "a SQLite VFS is a table of C functions")]

use super::disk::{Disk, Step};
use super::image::{Event, Inode, parent};
use rusqlite::ffi;
use std::ffi::{CStr, CString, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What the VFS carries.
struct Ours {
    disk: &'static Disk,
    real: *mut ffi::sqlite3_vfs,
    /// Files opened so far.
    opened: AtomicUsize,
}

/// Registers a VFS of that name. It stays until the process ends, as VFS do.
pub fn register(name: &str, disk: &'static Disk) {
    // SAFETY: `find(null)` gives the default VFS, which SQLite calls from any thread and never frees. The struct is
    // copied; the copy and all it points to are leaked, so that they live as long as SQLite may call them.
    unsafe {
        ffi::sqlite3_initialize();
        let real = ffi::sqlite3_vfs_find(std::ptr::null());
        let ours = Box::leak(Box::new(Ours { disk, real, opened: AtomicUsize::new(0) }));
        let mut vfs = *real;
        vfs.zName = CString::new(name).expect("no NUL").into_raw();
        vfs.pNext = std::ptr::null_mut();
        vfs.pAppData = std::ptr::from_mut(ours).cast();
        vfs.szOsFile = (*real).szOsFile + size_of::<Handle>() as c_int;
        vfs.xOpen = Some(open);
        vfs.xDelete = Some(delete);
        assert_eq!(ffi::sqlite3_vfs_register(Box::leak(Box::new(vfs)), 0), ffi::SQLITE_OK);
    }
}

/// What SQLite allocates for an open file; the real file lies behind it.
#[repr(C, align(8))]
struct Handle {
    base: ffi::sqlite3_file,
    ours: *const Ours,
    number: usize,
    /// The first flush of it flushes its folder too, as the system's VFS does for files that it may have made.
    flushes_folder: bool,
    /// Absent for files that do not matter here.
    file: Option<Box<(Inode, String)>>,
}

/// The real file, the handle and the disk.
///
/// # Safety
/// `file` was opened by [`open`], and no other reference to its handle is in use: SQLite calls one method at a time.
unsafe fn parts<'a>(file: *mut ffi::sqlite3_file) -> (*mut ffi::sqlite3_file, &'a mut Handle, &'static Disk) {
    // SAFETY: by the contract `file` begins with a `Handle` and the real file follows; `ours` is leaked.
    unsafe {
        let handle = file.cast::<Handle>();
        (handle.add(1).cast(), &mut *handle, (*(*handle).ours).disk)
    }
}

/// The path that SQLite names.
///
/// # Safety
/// `name` is null or ends with a zero byte.
unsafe fn path_of(disk: &Disk, name: *const c_char) -> Option<String> {
    if name.is_null() {
        return None;
    }
    // SAFETY: by the contract.
    let bytes = unsafe { CStr::from_ptr(name) }.to_bytes();
    disk.relative(Path::new(OsStr::from_bytes(bytes)))
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives `szOsFile` bytes at `file`: a `Handle` and the real file. `pAppData` is `Ours`.
    unsafe {
        let ours = &*(*vfs).pAppData.cast::<Ours>();
        let handle = file.cast::<Handle>();
        let real_file = handle.add(1).cast::<ffi::sqlite3_file>();
        let path = path_of(ours.disk, name);
        (*real_file).pMethods = std::ptr::null();
        let code = (*ours.real).xOpen.map_or(ffi::SQLITE_CANTOPEN, |open| open(ours.real, name, real_file, flags, out));
        let methods = if (*real_file).pMethods.is_null() { std::ptr::null() } else { &raw const METHODS };
        let log = ffi::SQLITE_OPEN_WAL | ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL;
        handle.write(Handle {
            base: ffi::sqlite3_file { pMethods: methods },
            ours,
            number: ours.opened.fetch_add(1, Ordering::SeqCst),
            flushes_folder: flags & ffi::SQLITE_OPEN_CREATE != 0 && flags & log != 0,
            file: path.filter(|_| code == ffi::SQLITE_OK).map(|path| Box::new((ours.disk.inode(&path), path))),
        });
        code
    }
}

unsafe extern "C" fn delete(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, flush_folder: c_int) -> c_int {
    // SAFETY: `pAppData` is `Ours`; SQLite gives a name that ends with a zero byte.
    unsafe {
        let ours = &*(*vfs).pAppData.cast::<Ours>();
        let disk = ours.disk;
        let code =
            (*ours.real).xDelete.map_or(ffi::SQLITE_IOERR_DELETE, |delete| delete(ours.real, name, flush_folder));
        if let (ffi::SQLITE_OK, Some(path)) = (code, path_of(disk, name)) {
            disk.removed(&path);
            if flush_folder != 0 {
                disk.record(Event::FlushFolder { path: parent(&path).to_owned() });
            }
        }
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

/// The file and the fault of a step on it.
///
/// # Safety
/// `file` was opened by [`open`].
unsafe fn step(file: *mut ffi::sqlite3_file, step: Step) -> (Option<Inode>, Option<c_int>, &'static Disk) {
    // SAFETY: by the contract.
    let (_, handle, disk) = unsafe { parts(file) };
    let Some((inode, path)) = handle.file.as_deref() else { return (None, None, disk) };
    (Some(*inode), disk.step_of_sqlite(step, handle.number, *inode, path), disk)
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    let code = pass!(file, xClose);
    // SAFETY: `file` was opened by `open`, and SQLite does not use it again.
    unsafe { parts(file).1.file = None };
    code
}

unsafe extern "C" fn read(file: *mut ffi::sqlite3_file, to: *mut c_void, len: c_int, at: i64) -> c_int {
    pass!(file, xRead, to, len, at)
}

unsafe extern "C" fn write(file: *mut ffi::sqlite3_file, from: *const c_void, len: c_int, at: i64) -> c_int {
    // SAFETY: `file` was opened by `open`, and SQLite gives `len` readable bytes at `from`.
    let ((inode, fault, disk), bytes) =
        unsafe { (step(file, Step::Write), std::slice::from_raw_parts(from.cast::<u8>(), len as usize)) };
    if let Some(code) = fault {
        return code;
    }
    if let Some(inode) = inode {
        disk.record(Event::Write { inode, at: at as usize, bytes: bytes.to_vec() });
    }
    pass!(file, xWrite, from, len, at)
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, len: i64) -> c_int {
    // SAFETY: `file` was opened by `open`.
    let (inode, fault, disk) = unsafe { step(file, Step::Truncate) };
    if let Some(code) = fault {
        return code;
    }
    if let Some(inode) = inode {
        disk.record(Event::Truncate { inode, len: len as usize });
    }
    pass!(file, xTruncate, len)
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: `file` was opened by `open`.
    let ((inode, fault, disk), handle) = unsafe { (step(file, Step::Flush), parts(file).1) };
    if let Some(code) = fault {
        return code;
    }
    let code = pass!(file, xSync, flags);
    if let (Some(inode), Some((_, path))) = (inode, handle.file.as_deref()) {
        disk.record(Event::Flush { inode });
        if std::mem::take(&mut handle.flushes_folder) {
            disk.record(Event::FlushFolder { path: parent(path).to_owned() });
        }
    }
    code
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
