//! Pages as functions from data to HTML. They ask nothing of the station: handlers give them all they show.

pub mod layout;
pub mod live;
pub mod list;
pub mod detail;
pub mod drift;
pub mod deployments;
pub mod plugins;
pub mod alarms;
pub mod problem;
pub mod sign_in;
pub mod users;
pub mod audit;
