//! Every address of the admin and the least role that may use it. The router is made of this list, and of nothing else:
//! `guard` stands before each, its seal on every answer shows that it did, and a test asks each address as each role.
//!
//! To add one: one line below, in the group where it belongs, such as
//! `get("/api/v1/alarms", VIEWER, alarms::list)`.

use super::guard::{Guard, guard, nothing_there, wrong_method};
use super::serve::AdminState;
use super::{
    alarms, alike, api, assets, audit, browse, dashboard, deployments, drift, export, inspections, live, metrics,
    plugins, quality, replay, report, request, review, security, series, sign_in, sources, station, storage, theme,
    users,
};
use crate::access::Role;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter, on};

/// Who may use an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Least {
    /// Everybody who reaches the admin: only what shows nothing of the station.
    Public,
    /// This role, and those above it.
    Role(Role),
}

const PUBLIC: Least = Least::Public;
const VIEWER: Least = Least::Role(Role::Viewer);
const OPERATOR: Least = Least::Role(Role::Operator);
const ENGINEER: Least = Least::Role(Role::Engineer);
const ADMIN: Least = Least::Role(Role::Admin);

/// One address.
pub struct Entry {
    pub method: Method,
    pub path: &'static str,
    pub least: Least,
    body: BodyRule,
    handler: MethodRouter<AdminState>,
}

/// Who bounds the body of a request, in size and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyRule {
    /// The guard: a form's few fields, read before the handler is called.
    Form,
    /// The handler itself, part by part.
    Streamed,
}

fn public() -> Vec<Entry> {
    vec![
        get("/assets/{name}", PUBLIC, assets::asset),
        get("/healthz", PUBLIC, live::health),
        get("/language", PUBLIC, request::choose_language),
        get("/theme", PUBLIC, theme::choose),
        get("/login", PUBLIC, sign_in::show),
        post("/login", PUBLIC, sign_in::sign_in),
        get("/setup", PUBLIC, sign_in::show_set_up),
        post("/setup", PUBLIC, sign_in::set_up),
    ]
}

fn pages() -> Vec<Entry> {
    vec![
        get("/", VIEWER, live::show),
        get("/live/events", VIEWER, live::events),
        get("/station", VIEWER, station::show),
        get("/station/events", VIEWER, station::events),
        get("/dashboard", VIEWER, dashboard::show),
        get("/dashboard/events", VIEWER, dashboard::events),
        get("/inspections/{id}/heatmap", VIEWER, inspections::heatmap),
        get("/pictures/{digest}", VIEWER, inspections::picture),
        get("/drift", VIEWER, drift::show),
        get("/plugins", VIEWER, plugins::show),
        get("/plugins/{name}", VIEWER, plugins::one),
        get("/model", VIEWER, plugins::model),
        get("/deployments", VIEWER, deployments::show),
        get("/deployments/progress", VIEWER, deployments::progress),
        upload("/deployments", ENGINEER, deployments::deploy),
        post("/deployments/rollback", ENGINEER, deployments::roll_back),
        post("/logout", VIEWER, sign_in::sign_out),
        get("/account", VIEWER, sign_in::account),
        post("/account/password", VIEWER, sign_in::change_password),
        get("/alarms", VIEWER, alarms::show),
        get("/alarms/banner", VIEWER, alarms::banner),
        post("/alarms/{id}/acknowledge", OPERATOR, alarms::acknowledge),
        get("/storage", VIEWER, storage::show),
        get("/sources", VIEWER, sources::show),
        get("/audit", ENGINEER, audit::show),
        get("/security", ENGINEER, security::show),
        get("/security/pictures/{digest}", ENGINEER, security::picture),
        get("/users", ADMIN, users::show),
        post("/users", ADMIN, users::add),
        post("/users/{name}/role", ADMIN, users::set_role),
        post("/users/{name}/state", ADMIN, users::set_state),
        post("/users/{name}/password", ADMIN, users::set_password),
        post("/tokens", ADMIN, users::create_token),
        post("/tokens/{id}/revoke", ADMIN, users::revoke_token),
    ]
}

fn machines() -> Vec<Entry> {
    vec![
        get("/metrics", VIEWER, metrics::show),
        get("/api/v1/alarms", VIEWER, alarms::list),
        get("/api/v1/storage", VIEWER, storage::json),
        get("/api/v1/sources", VIEWER, sources::json),
        get("/api/v1/series", VIEWER, series::get),
        get("/api/v1/drift", VIEWER, drift::json),
        get("/api/v1/drift/episode", VIEWER, drift::episode),
        get("/api/v1/drift/series", VIEWER, drift::series),
        get("/api/v1/recipe", VIEWER, plugins::json),
        get("/api/v1/recipe/qualification", VIEWER, plugins::qualification),
        get("/api/v1/events", VIEWER, api::events::events),
        streamed("/api/v1/inspect", OPERATOR, api::inspect::post),
        get("/api/v1/whoami", VIEWER, api::whoami),
        get("/api/v1/openapi.json", VIEWER, api::openapi::document),
        delete("/api/v1/tokens/{id}", ADMIN, api::revoke_token),
        get("/api/v1/deployments", VIEWER, api::deployments::list),
        streamed("/api/v1/deployments", ENGINEER, api::deployments::deploy),
        get("/api/v1/deployments/{id}", VIEWER, api::deployments::one),
        post("/api/v1/rollback", ENGINEER, api::deployments::roll_back),
    ]
}

/// Looking through what was recorded, and saying what the parts were.
fn records() -> Vec<Entry> {
    vec![
        get("/inspections", VIEWER, browse::list),
        get("/inspections/{id}", VIEWER, inspections::detail),
        get("/inspections/{id}/alike", VIEWER, alike::show),
        post("/inspections/views", VIEWER, browse::save_view),
        post("/inspections/views/forget", VIEWER, browse::forget_view),
        get("/inspections/export/csv", VIEWER, export::csv),
        get("/inspections/export/parquet", VIEWER, export::parquet),
        get("/inspections/export/imagefolder", OPERATOR, export::image_folder),
        get("/inspections/export/coco", OPERATOR, export::coco),
        get("/review", VIEWER, review::show),
        post("/inspections/{id}/reviews", OPERATOR, review::post),
        post("/inspections/{id}/replay", OPERATOR, replay::post),
        get("/quality", VIEWER, quality::show),
        get("/report", VIEWER, report::show),
        get("/api/v1/report", VIEWER, report::json),
        get("/api/v1/inspections", VIEWER, api::inspections::list),
        get("/api/v1/inspections/{id}", VIEWER, api::inspections::one),
        get("/api/v1/inspections/{id}/alike", VIEWER, alike::json),
        post("/api/v1/inspections/{id}/reviews", OPERATOR, api::inspections::review),
        post("/api/v1/inspections/{id}/replay", OPERATOR, api::replay::post),
    ]
}

/// The whole list.
pub fn entries() -> Vec<Entry> {
    [public(), pages(), records(), machines()].into_iter().flatten().collect()
}

/// The list as data: method, path, and the least role; none where everybody may.
#[must_use]
pub fn route_table() -> Vec<(String, &'static str, Option<Role>)> {
    let role = |least| match least {
        Least::Public => None,
        Least::Role(role) => Some(role),
    };
    entries().into_iter().map(|entry| (entry.method.to_string(), entry.path, role(entry.least))).collect()
}

fn get<H: Handler<T, AdminState>, T: 'static>(path: &'static str, least: Least, handler: H) -> Entry {
    Entry { method: Method::GET, path, least, body: BodyRule::Form, handler: on(MethodFilter::GET, handler) }
}

fn post<H: Handler<T, AdminState>, T: 'static>(path: &'static str, least: Least, handler: H) -> Entry {
    Entry { method: Method::POST, path, least, body: BodyRule::Form, handler: on(MethodFilter::POST, handler) }
}

/// For bodies that the handler bounds itself, part by part.
fn upload<H: Handler<T, AdminState>, T: 'static>(path: &'static str, least: Least, handler: H) -> Entry {
    let entry = post(path, least, handler);
    Entry { handler: entry.handler.layer(DefaultBodyLimit::disable()), body: BodyRule::Streamed, ..entry }
}

/// For bodies that are no form: the handler takes them in as they come.
fn streamed<H: Handler<T, AdminState>, T: 'static>(path: &'static str, least: Least, handler: H) -> Entry {
    Entry { body: BodyRule::Streamed, ..post(path, least, handler) }
}

fn delete<H: Handler<T, AdminState>, T: 'static>(path: &'static str, least: Least, handler: H) -> Entry {
    Entry { method: Method::DELETE, path, least, body: BodyRule::Form, handler: on(MethodFilter::DELETE, handler) }
}

/// The router of the list: a guard stands before every handler.
pub fn build(entries: Vec<Entry>, state: &AdminState) -> Router<AdminState> {
    let mut router = Router::new();
    for Entry { path, least, body, handler, .. } in entries {
        let guarded = Guard { state: state.clone(), least, body };
        router = router.route(path, handler.route_layer(from_fn_with_state(guarded, guard)));
    }
    router.fallback(nothing_there).method_not_allowed_fallback(wrong_method)
}
