use super::api::deployments::{blocking, of};
use super::api::{Problem, tagged};
use super::asked::Named;
use super::i18n::Lang;
use super::pages::layout::{Tab, page};
use super::pages::{model as model_page, plugin as plugin_page, plugins as plugins_page};
use super::parts::{RecipeView, running};
use super::request::Visitor;
use super::serve::AdminState;
use crate::domain::Qualified;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use maud::Markup;

pub async fn show(visitor: Visitor, State(state): State<AdminState>) -> Response {
    let title = visitor.lang.text("plugins.title");
    answer(&visitor, &state, |lang, recipe| Some((title.to_owned(), plugins_page::content(lang, recipe))))
}

/// One plugin of the running recipe.
pub async fn one(visitor: Visitor, State(state): State<AdminState>, Named(name): Named) -> Response {
    answer(&visitor, &state, |lang, recipe| {
        let plugin = recipe.plugins.iter().find(|plugin| plugin.name == name)?;
        Some((plugin.name.clone(), plugin_page::content(lang, plugin)))
    })
}

/// The model of the running recipe.
pub async fn model(visitor: Visitor, State(state): State<AdminState>) -> Response {
    // What was found is beside the page's matter: without records the rest is shown.
    let qualified = qualified(&state).await.unwrap_or_default();
    answer(&visitor, &state, |lang, recipe| {
        let qualified = qualified.as_ref().filter(|qualified| qualified.recipe == recipe.digest);
        Some((recipe.model.name.clone(), model_page::content(lang, &recipe.model, qualified)))
    })
}

/// What the qualification of the recipe that runs found here, where that is known.
async fn qualified(state: &AdminState) -> Result<Option<Qualified>, Problem> {
    let deployer = of(state)?;
    let (_, _, digest) = deployer.running();
    blocking(deployer, move |deployer| deployer.qualified(digest)).await
}

/// What the running recipe was asked for at its qualification on this station, and what was found.
///
/// Model size, load time, device, self-test frames, latency: measured on this device before the recipe drove.
#[utoipa::path(get, path = "/api/v1/recipe/qualification", operation_id = "getQualification", tag = "station",
    responses(
        (status = 200, description = "The last qualification of the recipe that runs", body = Qualified),
        (status = 404, response = Problem),
        (status = 503, response = Problem)))]
pub async fn qualification(State(state): State<AdminState>) -> Result<Response, Problem> {
    let found = qualified(&state).await?;
    found.map(|found| Json(found).into_response()).ok_or_else(|| Problem::not_found("/api/v1/recipe/qualification"))
}

fn answer(
    visitor: &Visitor,
    state: &AdminState,
    content: impl FnOnce(Lang, &RecipeView) -> Option<(String, Markup)>,
) -> Response {
    match running(state).and_then(|recipe| content(visitor.lang, &recipe)) {
        Some((title, content)) => page(&visitor.frame(state), Some(Tab::Plugins), &title, &content).into_response(),
        None => visitor.problem(state, StatusCode::NOT_FOUND, "error.not-found"),
    }
}

/// The running recipe with its plugins and its model.
///
/// Versions, digests, signers, capabilities asked and granted, limits beside use, settings, the model's report card.
#[utoipa::path(get, path = "/api/v1/recipe", operation_id = "getRecipe", tag = "station",
    params(("if-none-match" = Option<String>, Header, description = "The ETag of an answer before")),
    responses(
        (status = 200, description = "What judges now", body = RecipeView, headers(("etag" = String))),
        (status = 304, description = "As it was"),
        (status = 404, response = Problem)))]
pub async fn json(State(state): State<AdminState>, headers: HeaderMap) -> Response {
    match running(&state) {
        Some(recipe) => tagged(&headers, &recipe),
        None => Problem::not_found("/api/v1/recipe").into_response(),
    }
}
