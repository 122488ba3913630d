//! The same targets for libFuzzer, which is linked in by `cargo xtask fuzz` and brings `main`. `ASSAY_FUZZ_TARGET` names
//! the target, `ASSAY_FUZZ_FOLDER` where the present input lies.
#![no_main]

mod heap;

use assay_tests::fuzz::{Guard, Try, find};
use heap::Capped;
use std::cell::RefCell;
use std::path::Path;
use std::time::Duration;

/// libFuzzer's own limit comes first; this one is for what its signal does not reach.
const PATIENCE: Duration = Duration::from_secs(120);

thread_local! {
    static TARGET: RefCell<Option<(Guard, Try)>> = const { RefCell::new(None) };
}

fn begin() -> anyhow::Result<(Guard, Try)> {
    let variable = |name: &str| std::env::var(name).map_err(|_| anyhow::anyhow!("{name} is not set"));
    let name = variable("ASSAY_FUZZ_TARGET")?;
    let target = find(&name).ok_or_else(|| anyhow::anyhow!("there is no target {name:?}"))?;
    let current = Path::new(&variable("ASSAY_FUZZ_FOLDER")?).join(format!("{name}-current"));
    let attempt = (target.begin)()?;
    Ok((Guard::begin(&current, &Capped, target.heap_bytes, PATIENCE)?, attempt))
}

fn put(bytes: &[u8]) {
    let outcome = TARGET.with_borrow_mut(|target| {
        if target.is_none() {
            *target = Some(begin()?);
        }
        match target {
            Some((guard, attempt)) => guard.around(bytes, attempt),
            None => Ok(false),
        }
    });
    if let Err(error) = outcome {
        eprintln!("FOUND: {error:#}");
        // libFuzzer keeps the input of a process that ends so.
        std::process::abort();
    }
}

#[allow(unsafe_code, reason = "the function that libFuzzer calls has this name and gives a pointer with a length")]
#[unsafe(no_mangle)]
extern "C" fn LLVMFuzzerTestOneInput(data: *const u8, size: usize) -> i32 {
    if size == 0 || data.is_null() {
        put(&[]);
    } else {
        // SAFETY: libFuzzer gives `size` readable bytes at `data`, which nobody changes before this returns.
        put(unsafe { std::slice::from_raw_parts(data, size) });
    }
    0
}
