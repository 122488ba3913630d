//! `cargo xtask bindings`: the bindings of `sdk/c/gen` and `sdk/go/internal/gen`, written anew or compared with `wit/`.

use assay_tests::{artifacts, bindings};
use clap::Parser;

/// Writes the bindings of the worlds.
#[derive(Parser)]
struct Args {
    /// Only says whether they are what wit/ says
    #[arg(long)]
    check: bool,
}

fn main() -> anyhow::Result<()> {
    if Args::parse().check { bindings::check(&artifacts::root()) } else { bindings::write() }
}
