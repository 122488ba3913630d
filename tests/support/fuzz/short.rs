use super::guard::Guard;
use super::mutate::{apply, edits};
use super::target::{Target, files_of};
use anyhow::{Context as _, Result, bail, ensure};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use std::cell::RefCell;
use std::path::Path;

/// Steps in which a found input is made smaller.
const SHRINK_STEPS: u32 = 4096;

/// What became of the inputs of one target.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    pub taken: u64,
    pub refused: u64,
}

/// Puts the seeds, what was found before, and `cases` seeded mutations to a target. What is found is made smaller and
/// written into `found`.
pub fn short(target: &Target, cases: u32, guard: &Guard, found: &Path) -> Result<Tally> {
    let seeds = (target.seeds)()?;
    ensure!(!seeds.is_empty(), "{} has no seed", target.name);
    let mut attempt = (target.begin)()?;
    for (number, seed) in seeds.iter().enumerate() {
        ensure!(seed.len() <= target.max_bytes, "seed {number} of {} is longer than an input may be", target.name);
        let taken = guard.around(seed, &mut attempt).with_context(|| format!("seed {number} of {}", target.name))?;
        ensure!(taken, "seed {number} of {} is refused: its mutations would reach nothing", target.name);
    }
    for (path, bytes) in files_of(target)? {
        guard.around(&bytes, &mut attempt).with_context(|| path.display().to_string())?;
    }
    let (attempt, tally) = (RefCell::new(attempt), RefCell::new(Tally::default()));
    let input = |(seed, other, edits): &(Index, Index, Vec<_>)| {
        let empty = Vec::new();
        let of = |at: &Index| seeds.get(at.index(seeds.len())).unwrap_or(&empty);
        apply(of(seed), of(other), edits, target.max_bytes)
    };
    let config = Config { cases, failure_persistence: None, max_shrink_iters: SHRINK_STEPS, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &rng_seed(target)));
    let strategy = (any::<Index>(), any::<Index>(), edits());
    let ended = runner.run(&strategy, |case| {
        let outcome = guard.around(&input(&case), &mut *attempt.borrow_mut());
        let taken = outcome.map_err(|error| TestCaseError::fail(format!("{error:#}")))?;
        let mut tally = tally.borrow_mut();
        if taken {
            tally.taken += 1
        } else {
            tally.refused += 1
        }
        Ok(())
    });
    match ended {
        Ok(()) => Ok(*tally.borrow()),
        Err(TestError::Fail(why, case)) => {
            let path = found.join(format!("{}-smallest", target.name));
            std::fs::write(&path, input(&case))?;
            bail!("{}: {why}; the smallest input that shows it lies in {}", target.name, path.display())
        }
        Err(TestError::Abort(why)) => bail!("{}: {why}", target.name),
    }
}

/// Each target has numbers of its own, the same in every run.
fn rng_seed(target: &Target) -> [u8; 32] {
    *assay::domain::Digest::of(target.name.as_bytes()).as_bytes()
}
