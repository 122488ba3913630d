//! What takes bytes from outside, as targets for a fuzzer, with what must hold of each whatever the bytes are.
//!
//! A target never panics in this project's code, also not where a panic would be caught; takes no more memory than it
//! says; and ends. `short` puts seeded mutations of its seeds to it, the same in every run. `cargo xtask fuzz` lets
//! libFuzzer do so, guided by what code each input reaches.

mod author;
mod bundles;
mod guard;
mod mutate;
mod onnx;
mod others;
mod pictures;
mod planted;
mod server;
mod short;
mod stations;
mod target;

pub use guard::{Guard, Heap};
pub use planted::PLANTED;
pub use short::{Tally, short};
pub use target::{TARGETS, Target, Try, files_of, find};
