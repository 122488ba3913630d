//! Watches the room on the disk, and holds a ballast file: on a full disk even deleting needs space.

use super::health::Pressure;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const LOOK_EVERY: Duration = Duration::from_secs(1);
const MIB: u64 = 1 << 20;
/// What a start writes: the database's WAL and index, and one entry.
const START_BYTES: u64 = MIB;

pub struct Space {
    dir: PathBuf,
    ballast: PathBuf,
    ballast_bytes: u64,
    held: bool,
    looked: Option<Instant>,
    pressure: Pressure,
}

impl Space {
    pub fn new(dir: &Path, ballast_bytes: u64) -> Self {
        let ballast_bytes = ballast_bytes.clamp(MIB, 64 * MIB);
        let ballast = ballast_in(dir);
        let held = is_whole(&ballast, ballast_bytes);
        Self { dir: dir.to_owned(), ballast, ballast_bytes, held, looked: None, pressure: Pressure::None }
    }

    /// Room for a start: on a full disk even that needs some, and the last run may have left its ballast.
    pub fn make_room(&mut self) {
        if self.free().is_some_and(|(free, _)| free < START_BYTES) {
            self.release();
        }
    }

    fn free(&self) -> Option<(u64, u64)> {
        room_in(&self.dir)
    }

    /// How little room is left. Looks at the disk once a second at most, and takes the ballast up again when there
    /// is room for it twice.
    pub fn look(&mut self) -> Pressure {
        if self.looked.is_some_and(|at| at.elapsed() < LOOK_EVERY) {
            return self.pressure;
        }
        self.looked = Some(Instant::now());
        let Some((free, whole)) = self.free() else { return self.pressure };
        if !self.held && free > self.ballast_bytes.saturating_mul(2) {
            self.held = self.take().is_ok();
        }
        self.pressure = pressure(free, whole, self.held);
        self.pressure
    }

    /// Gives the ballast's space to the database; false where there is none to give.
    pub fn release(&mut self) -> bool {
        if !self.held {
            return false;
        }
        self.held = false;
        self.pressure = Pressure::Full;
        // Not again before the disk was looked at, or it would be taken up at once.
        self.looked = Some(Instant::now());
        fs::remove_file(&self.ballast).is_ok()
    }

    fn take(&self) -> io::Result<()> {
        if is_whole(&self.ballast, self.ballast_bytes) {
            return Ok(());
        }
        let filled = File::create(&self.ballast).and_then(|file| fill(&file, self.ballast_bytes));
        if filled.is_err() {
            // A part of a ballast is none: give its space back.
            let _ = fs::remove_file(&self.ballast);
        }
        filled
    }
}

pub fn ballast_in(dir: &Path) -> PathBuf {
    dir.join("ballast")
}

/// Bytes that are free, and all there are; none where the system does not say.
pub fn room_in(dir: &Path) -> Option<(u64, u64)> {
    let disk = rustix::fs::statvfs(dir).ok()?;
    Some((disk.f_bavail.saturating_mul(disk.f_frsize), disk.f_blocks.saturating_mul(disk.f_frsize)))
}

/// `held`: whether the ballast is there.
pub fn pressure(free: u64, whole: u64, held: bool) -> Pressure {
    match free {
        _ if !held => Pressure::Full,
        free if free < (whole / 20).min(1024 * MIB) => Pressure::NoPictures,
        free if free < (whole / 100 * 15).min(4096 * MIB) => Pressure::Low,
        _ => Pressure::None,
    }
}

fn is_whole(ballast: &Path, bytes: u64) -> bool {
    fs::metadata(ballast).is_ok_and(|meta| meta.is_file() && meta.len() == bytes)
}

fn fill(mut file: &File, bytes: u64) -> io::Result<()> {
    match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes) {
        Ok(()) => return file.sync_all(),
        Err(rustix::io::Errno::OPNOTSUPP) => {}
        Err(error) => return Err(error.into()),
    }
    let zeroes = vec![0; MIB as usize];
    for _ in 0..bytes / MIB {
        file.write_all(&zeroes)?;
    }
    file.sync_all()
}
