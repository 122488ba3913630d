use super::pages::layout::{Tab, page};
use super::pages::plugins::content;
use super::request::Visitor;
use super::serve::AdminState;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

pub async fn show(visitor: Visitor, State(state): State<AdminState>) -> Response {
    let Some(card) = state.board.snapshot().recipe.clone() else {
        return visitor.problem(&state, StatusCode::NOT_FOUND, "error.not-found");
    };
    let content = content(visitor.lang, &card);
    page(&visitor.frame(&state), Some(Tab::Plugins), visitor.lang.text("plugins.title"), &content).into_response()
}
