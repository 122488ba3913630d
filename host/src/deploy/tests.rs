#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod cut;
mod hanging;
mod panics;
mod parts;
mod plant;
mod rules;
mod steps;
mod warm;
mod way;
