//! A stored frame judged again, for programs.

use super::verdict::JudgedJson;
use super::{Problem, RETRY_AFTER_S};
use crate::admin::asked::Named;
use crate::admin::replay::judge_again;
use crate::admin::request::By;
use crate::admin::serve::AdminState;
use crate::deploy::Replayed;
use crate::domain::{DeviceUse, Difference, Digest, FrameId, Inspection, SCORE_TOLERANCE};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;

const TITLE: &str = "The frame was not judged again";

/// What a stored frame came to when it was judged again.
#[derive(Serialize, ToSchema)]
struct ReplayJson {
    id: String,
    /// True where `differences` is empty.
    same: bool,
    differences: Vec<Difference>,
    /// Probabilities and scores that differ by at most so much are the same.
    tolerance: f32,
    /// The recipe of the record: it has judged both times.
    recipe: RecipeJson,
    /// The recipe that judges the line now; null where none does.
    running: Option<RecipeJson>,
    then: SideJson,
    now: SideJson,
}

#[derive(Serialize, ToSchema)]
struct RecipeJson {
    name: String,
    version: String,
    digest: Digest,
}

/// One of the two inspections.
#[derive(Serialize, ToSchema)]
struct SideJson {
    #[serde(flatten)]
    judged: JudgedJson,
    judged_at_us: i64,
    /// The model that answered; null where none did.
    model: Option<Digest>,
    device: Option<DeviceUse>,
    plugins: Vec<ComponentJson>,
}

/// A plugin that ran.
#[derive(Serialize, ToSchema)]
struct ComponentJson {
    plugin: String,
    component: Digest,
    micros: u64,
}

impl SideJson {
    fn new(inspection: &Inspection) -> Self {
        let runs = inspection.runs.iter().map(|run| ComponentJson {
            plugin: run.plugin.clone(),
            component: run.component,
            micros: run.micros,
        });
        Self {
            judged: JudgedJson::new(inspection),
            judged_at_us: inspection.judged_at_us,
            model: inspection.answer.as_ref().map(|answer| answer.digest),
            device: inspection.answer.as_ref().map(|answer| answer.device.clone()),
            plugins: runs.collect(),
        }
    }
}

/// Judges a stored frame again with the recipe of its record, beside the line, and tells every difference. Nothing of
/// it is recorded or counted. One at a time.
#[utoipa::path(post, path = "/api/v1/inspections/{id}/replay", operation_id = "replay", tag = "inspections",
    params(("id" = String, Path, description = "The frame: station, start and trigger")),
    responses(
        (status = 200, description = "What it came to then and now", body = ReplayJson),
        (status = 404, response = Problem),
        (status = 409, response = Problem), (status = 429, response = Problem), (status = 503, response = Problem)))]
pub async fn post(By(actor): By, State(state): State<AdminState>, Named(id): Named) -> Response {
    let Some(frame) = FrameId::parse(&id) else {
        let detail = format!("the journal has no frame {}", id.chars().take(200).collect::<String>());
        return Problem::new(StatusCode::NOT_FOUND, "unknown-frame", TITLE, detail).into_response();
    };
    match judge_again(&state, actor, frame).await {
        Ok(replayed) => Json(answer(&state, &replayed)).into_response(),
        Err(refused) => {
            let problem = Problem::new(refused.status, refused.code, TITLE, refused.detail);
            let later = refused.status == StatusCode::TOO_MANY_REQUESTS;
            if later { problem.retry_after(RETRY_AFTER_S) } else { problem }.into_response()
        }
    }
}

fn answer(state: &AdminState, replayed: &Replayed) -> ReplayJson {
    let Replayed { then, now, differences } = replayed;
    let running = state.board.snapshot().recipe.as_ref().map(|card| RecipeJson {
        name: card.recipe.name.clone(),
        version: card.recipe.version.clone(),
        digest: card.recipe.digest,
    });
    ReplayJson {
        id: then.meta.id.to_string(),
        same: differences.is_empty(),
        differences: differences.clone(),
        tolerance: SCORE_TOLERANCE,
        recipe: RecipeJson { name: now.recipe.clone(), version: now.recipe_version.clone(), digest: now.recipe_digest },
        running,
        then: SideJson::new(then),
        now: SideJson::new(now),
    }
}
