use super::api::{Problem, tagged};
use super::asked::Named;
use super::i18n::Lang;
use super::pages::layout::{Tab, page};
use super::pages::{model as model_page, plugin as plugin_page, plugins as plugins_page};
use super::parts::{RecipeView, running};
use super::request::Visitor;
use super::serve::AdminState;
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
    answer(&visitor, &state, |lang, recipe| Some((recipe.model.name.clone(), model_page::content(lang, &recipe.model))))
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
