//! Pages as functions from data to HTML. They ask nothing of the station: handlers give them all they show.

pub mod layout;
pub mod live;
pub mod station;
pub mod dashboard;
pub mod filter;
pub mod list;
pub mod review;
pub mod replay;
pub mod alike;
pub mod chart;
pub mod quality;
pub mod detail;
pub mod drift;
pub mod histogram;
pub mod deploy_forms;
pub mod deploy_steps;
pub mod deployments;
pub mod plugins;
pub mod plugin;
pub mod model;
pub mod report_card;
pub mod alarms;
pub mod storage;
pub mod sources;
pub mod problem;
pub mod sign_in;
pub mod users;
pub mod audit;
pub mod report;
pub mod security;

/// Style and script of the pages for browsing, reviewing and quality. Not in every page's head: the others need neither.
fn kit() -> maud::Markup {
    maud::html! {
        link rel="stylesheet" href="/assets/browse.css";
        script src="/assets/browse.js" defer {}
    }
}

/// What draws charts: a page has it only where it has some.
fn chart_kit() -> maud::Markup {
    maud::html! {
        link rel="stylesheet" href="/assets/uplot.min.css";
        script src="/assets/uplot.min.js" defer {}
    }
}
