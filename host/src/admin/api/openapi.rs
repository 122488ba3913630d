//! What the API takes and gives, as OpenAPI 3.1: written by the handlers themselves, with the roles of `routes`.
//!
//! A test holds the document against the list of routes, in both directions.

use super::inspections::tagged;
use super::problem::Body;
use super::{Problem, deployments, events, inspect, inspections, replay};
use crate::access::Role;
use crate::admin::routes::{Least, entries};
use crate::admin::{alarms, alike, drift, plugins, report, series, sources, storage};
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse as _, Response};
use std::sync::LazyLock;
use utoipa::OpenApi as _;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{OpenApi, Ref, RefOr};

/// Where this API begins.
pub const V1: &str = "/api/v1/";
const BEARER: &str = "token";
const SESSION: &str = "session";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Assay: the API of a station",
        description = "Every refusal is problem+json; the `type` of a problem is for programs. docs/api.md has more."
    ),
    paths(
        document,
        super::whoami,
        super::revoke_token,
        report::json,
        series::get,
        drift::json,
        drift::episode,
        drift::series,
        plugins::json,
        plugins::qualification,
        events::events,
        alarms::list,
        storage::json,
        sources::json,
        inspect::post,
        inspections::list,
        inspections::one,
        alike::json,
        inspections::review,
        replay::post,
        deployments::list,
        deployments::one,
        deployments::deploy,
        deployments::roll_back,
    ),
    components(schemas(Body), responses(Problem)),
    tags(
        (name = "inspections", description = "Pictures in, verdicts out; what was recorded, and what people say of it"),
        (name = "deployments", description = "How bundles come to the station"),
        (name = "station", description = "How the station is"),
        (name = "access", description = "Who may do what"),
    ),
    modifiers(&Guarded)
)]
struct Document;

/// Adds what the guard does before each handler: who may ask, and how a refusal looks.
struct Guarded;

impl utoipa::Modify for Guarded {
    fn modify(&self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_default();
        let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A token of a machine"));
        components.add_security_scheme(BEARER, SecurityScheme::Http(token.build()));
        let cookie = ApiKeyValue::with_description(
            "assay-session",
            "A session of the pages; a change needs its X-CSRF-Token and has to come from the station's own pages",
        );
        components.add_security_scheme(SESSION, SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
        for entry in entries().into_iter().filter(|entry| entry.path.starts_with(V1)) {
            let item = document.paths.paths.get_mut(entry.path);
            if let (Some(operation), Least::Role(role)) =
                (item.and_then(|item| operation(item, &entry.method)), entry.least)
            {
                guarded(operation, role, &entry.method);
            }
        }
    }
}

fn operation<'o>(item: &'o mut PathItem, method: &Method) -> Option<&'o mut Operation> {
    match method.as_str() {
        "GET" => item.get.as_mut(),
        "POST" => item.post.as_mut(),
        "DELETE" => item.delete.as_mut(),
        _ => None,
    }
}

fn guarded(operation: &mut Operation, role: Role, method: &Method) {
    let none: [&str; 0] = [];
    operation.security = Some(vec![SecurityRequirement::new(BEARER, none), SecurityRequirement::new(SESSION, none)]);
    let above = if role == Role::Admin { "" } else { " or above" };
    let needs = format!("Needs the role {role}{above}.");
    operation.description = Some(match &operation.description {
        Some(said) if !said.is_empty() => format!("{said}\n\n{needs}"),
        _ => needs,
    });
    operation.extensions = Some(ExtensionsBuilder::new().add("x-assay-role", role.name()).build());
    // Bytes as they are have no schema in OpenAPI 3.1; that of a `Vec<u8>` would be a list of numbers.
    let bodies = operation.request_body.iter_mut().flat_map(|body| &mut body.content);
    for (_, content) in bodies.filter(|(media, _)| media.starts_with("image/") || *media == "application/octet-stream")
    {
        content.schema = None;
    }
    let refusal = || RefOr::Ref(Ref::from_response_name("Problem"));
    let responses = &mut operation.responses.responses;
    responses.entry("401".to_owned()).or_insert_with(refusal);
    if role > Role::Viewer || method != Method::GET {
        responses.entry("403".to_owned()).or_insert_with(refusal);
    }
    responses.entry("default".to_owned()).or_insert_with(refusal);
}

/// The document as JSON; none only if it could not be written, which a test excludes.
static DOCUMENT: LazyLock<Option<serde_json::Value>> = LazyLock::new(|| serde_json::to_value(Document::openapi()).ok());

/// This document.
#[utoipa::path(get, path = "/api/v1/openapi.json", operation_id = "getDocument", tag = "station",
    responses((status = 200, description = "OpenAPI 3.1", body = Object), (status = 304, description = "As it was")))]
pub async fn document(headers: HeaderMap) -> Response {
    match &*DOCUMENT {
        Some(document) => tagged(&headers, document),
        None => Problem::internal().into_response(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
    use super::*;
    use crate::admin::route_table;
    use serde_json::Value;
    use std::collections::BTreeSet;

    fn document() -> &'static Value {
        DOCUMENT.as_ref().unwrap()
    }

    fn operations() -> impl Iterator<Item = (String, &'static str, &'static Value)> {
        let paths = document()["paths"].as_object().unwrap().iter();
        paths.flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().iter();
            methods.map(|(method, operation)| (method.to_uppercase(), path.as_str(), operation))
        })
    }

    #[test]
    fn every_route_of_the_api_is_in_the_document_and_no_other() {
        let routes = route_table().into_iter().filter(|(_, path, _)| path.starts_with("/api/"));
        let routes: BTreeSet<_> = routes.map(|(method, path, _)| (method, path)).collect();
        let described: BTreeSet<_> = operations().map(|(method, path, _)| (method, path)).collect();
        assert_eq!(described, routes);
        assert!(routes.len() > 10);
    }

    #[test]
    fn each_operation_says_who_may_ask_and_how_it_is_refused() {
        assert_eq!(document()["openapi"], "3.1.0");
        let roles = route_table();
        let mut ids = BTreeSet::new();
        for (method, path, operation) in operations() {
            let (.., role) = roles.iter().find(|(one, at, _)| (one, *at) == (&method, path)).unwrap();
            assert_eq!(operation["x-assay-role"].as_str(), role.map(Role::name), "{method} {path}");
            assert_eq!(operation["responses"]["default"]["$ref"], "#/components/responses/Problem", "{method} {path}");
            assert!(operation["security"].as_array().is_some_and(|ways| ways.len() == 2), "{method} {path}");
            assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{method} {path}");
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let in_path = parameters.filter(|one| one["in"] == "path").map(|one| one["name"].as_str().unwrap());
            let named: Vec<String> = in_path.map(|name| format!("{{{name}}}")).collect();
            assert_eq!(named.len(), path.matches('{').count(), "{method} {path}: {named:?}");
            assert!(named.iter().all(|name| path.contains(name)), "{method} {path}: {named:?}");
            let summary = operation["summary"].as_str().or(operation["description"].as_str());
            assert!(summary.is_some_and(|text| text.len() > 5), "{method} {path} says nothing");
        }
    }

    #[test]
    fn a_body_of_plain_bytes_has_no_schema() {
        let body = |path: &str| document()["paths"][path]["post"]["requestBody"]["content"].as_object().unwrap();
        assert_eq!(body("/api/v1/deployments")["application/octet-stream"], serde_json::json!({}));
        assert_eq!(body("/api/v1/inspect")["image/jpeg"], serde_json::json!({}));
        assert!(body("/api/v1/inspect")["multipart/form-data"]["schema"].is_object());
        assert!(body("/api/v1/inspections/{id}/reviews")["application/json"]["schema"].is_object());
    }

    /// Every `$ref` of the document leads somewhere in it.
    #[test]
    fn no_reference_leads_nowhere() {
        fn walk(value: &Value, found: &mut BTreeSet<String>) {
            match value {
                Value::Object(map) => map.iter().for_each(|(key, value)| match value {
                    Value::String(text) if key == "$ref" => drop(found.insert(text.clone())),
                    _ => walk(value, found),
                }),
                Value::Array(all) => all.iter().for_each(|value| walk(value, found)),
                _ => {}
            }
        }
        let mut found = BTreeSet::new();
        walk(document(), &mut found);
        assert!(found.len() > 20, "{found:?}");
        for reference in found {
            assert!(document().pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
    }
}
