//! The web admin: router, handlers, wire types, pages.
//!
//! Invariants: it reads the board (a pointer) and the journal (short read-only queries) and holds no lock of the
//! frame path; every page works without JavaScript; nothing is loaded from another host; nothing is answered that
//! `routes` does not list with the least role that may ask for it.

mod api;
mod i18n;
mod connections;
mod pages;
mod guard;
mod same_origin;
mod routes;
mod assets;
mod theme;
mod places;
mod stream;
mod live;
mod station;
mod feed;
mod series;
mod dashboard;
mod filter;
mod browse;
mod draft;
mod inspections;
mod review;
mod replay;
mod alike;
mod quality;
mod export;
mod drift;
mod deployments;
mod plugins;
mod parts;
mod metrics;
mod alarms;
mod storage;
mod sources;
mod sign_in;
mod users;
mod asked;
mod audit;
mod report;
mod security;
mod request;
mod serve;

pub use api::{JudgedJson, reason_of};
pub use request::Reach;
pub use routes::route_table;
pub use serve::{AdminError, AdminParts, AdminServer, AdminState, bind};

#[cfg(test)]
mod tests;
