//! The web admin: router, handlers, wire types, pages.
//!
//! Invariants: it reads the board (a pointer) and the journal (short read-only queries) and holds no lock of the
//! frame path; every page works without JavaScript for reading; nothing is loaded from another host.

mod i18n;
mod pages;
mod assets;
mod live;
mod inspections;
mod drift;
mod plugins;
mod metrics;
mod request;
mod serve;

pub use serve::{AdminError, AdminServer, AdminState, bind};

#[cfg(test)]
mod tests;
