//! `cargo xtask bindings`: the C bindings of `sdk/c/gen`, written anew or compared with `wit/`.

use assay_tests::bindings;
use clap::Parser;

/// Writes the C bindings of the worlds.
#[derive(Parser)]
struct Args {
    /// Only says whether they are what wit/ says
    #[arg(long)]
    check: bool,
}

fn main() -> anyhow::Result<()> {
    if Args::parse().check { bindings::check(&bindings::folder()) } else { bindings::write() }
}
