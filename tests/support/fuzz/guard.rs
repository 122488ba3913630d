//! What is watched while an input is tried: panics that are caught, memory, time.

use anyhow::{Context as _, Result, bail};
use assay::domain::panic_text;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two looks at how long an input takes.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The process's allocator, where it has a limit.
pub trait Heap: Sync {
    /// Lets the process take so many bytes more than it has now; what passes it is not given, which ends the process.
    fn allow(&self, more: usize);
    /// Takes the limit away.
    fn free(&self);
}

/// Stands around every input of one target.
pub struct Guard {
    heap: &'static dyn Heap,
    heap_bytes: usize,
    /// Where the present input lies while it is tried: what ends the process leaves it there.
    current: PathBuf,
    /// Milliseconds from `start` to the begin of the present input, plus one; 0 between two.
    begun: Arc<AtomicU64>,
    start: Instant,
    panics: Arc<Mutex<Vec<String>>>,
}

impl Guard {
    /// Watches inputs from now on. One that takes longer than `patience` ends the process.
    pub fn begin(current: &Path, heap: &'static dyn Heap, heap_bytes: usize, patience: Duration) -> Result<Self> {
        let (begun, start) = (Arc::<AtomicU64>::default(), Instant::now());
        let panics = note_panics();
        watch(Arc::clone(&begun), start, patience, current.to_owned())?;
        Ok(Self { heap, heap_bytes, current: current.to_owned(), begun, start, panics })
    }

    /// Lets `input` be tried; an error is what does not hold.
    pub fn around(&self, input: &[u8], attempt: impl FnOnce(&[u8]) -> Result<bool>) -> Result<bool> {
        std::fs::write(&self.current, input).with_context(|| format!("cannot write {}", self.current.display()))?;
        self.begun.store(millis(self.start.elapsed()) + 1, Ordering::Release);
        self.heap.allow(self.heap_bytes);
        let outcome = catch_unwind(AssertUnwindSafe(|| attempt(input)));
        self.heap.free();
        self.begun.store(0, Ordering::Release);
        let ours = std::mem::take(&mut *self.panics.lock().unwrap_or_else(PoisonError::into_inner));
        match outcome {
            Err(panic) => bail!("panicked: {} {}", panic_text(panic.as_ref()), ours.join("; ")),
            Ok(_) if !ours.is_empty() => bail!("panicked: {}", ours.join("; ")),
            Ok(outcome) => outcome,
        }
    }
}

/// Notes each panic in this project's code, on any thread, whoever catches it. One in a library is that library's; it
/// has to be caught, or it is a panic all the same.
fn note_panics() -> Arc<Mutex<Vec<String>>> {
    let panics = Arc::<Mutex<Vec<String>>>::default();
    let noted = Arc::clone(&panics);
    std::panic::set_hook(Box::new(move |info| {
        let ours = info.location().is_some_and(|place| is_ours(place.file()));
        if ours {
            noted.lock().unwrap_or_else(PoisonError::into_inner).push(info.to_string());
        }
    }));
    panics
}

/// Cargo gives the files of the workspace as paths from its root, those of libraries as absolute ones.
fn is_ours(file: &str) -> bool {
    Path::new(file).is_relative()
}

fn watch(begun: Arc<AtomicU64>, start: Instant, patience: Duration, current: PathBuf) -> Result<()> {
    let look = move || {
        loop {
            std::thread::park_timeout(LOOK_EVERY);
            let began = begun.load(Ordering::Acquire);
            if began > 0 && millis(start.elapsed()).saturating_sub(began) > millis(patience) {
                eprintln!("an input takes longer than {patience:?}: it lies in {}", current.display());
                std::process::abort();
            }
        }
    };
    std::thread::Builder::new().name("fuzz-watch".to_owned()).spawn(look)?;
    Ok(())
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
