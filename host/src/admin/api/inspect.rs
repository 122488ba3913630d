//! `POST /api/v1/inspect`: a picture in, its verdict out once the record is durable.

use super::Problem;
use super::upload::{Upload, check_head, discard, read_upload};
use super::verdict::VerdictJson;
use crate::admin::guard::record;
use crate::admin::request::By;
use crate::admin::serve::AdminState;
use crate::domain::FrameId;
use crate::journal::AuditEntry;
use crate::pipeline::now_us;
use crate::source::{Arrival, Intake, Receipt, Refused, Settlement, UploadSeat};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use std::sync::OnceLock;
use std::time::Duration;
use tokio::sync::oneshot;
use utoipa::IntoParams;

/// Longest text of a product, a serial or a file name.
const MAX_TEXT_CHARS: usize = 200;

/// What is said of a picture beside its bytes.
#[derive(Debug, Default, Clone, PartialEq, Eq, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub struct InspectQuery {
    /// Which source of kind "http"; may be left out where there is one.
    source: Option<String>,
    #[param(max_length = 200)]
    pub product: Option<String>,
    #[param(max_length = 200)]
    pub serial: Option<String>,
    /// The line's own number of the trigger.
    #[param(value_type = Option<u64>, maximum = 9_223_372_036_854_775_807_i64)]
    pub trigger: Option<String>,
}

/// A picture and what is said of it, as a form. What is said stands here or in the address, not in both.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "only described: `read_form` takes the parts as they come")]
struct InspectForm {
    #[schema(value_type = String, format = Binary)]
    picture: Vec<u8>,
    #[schema(max_length = 200)]
    product: Option<String>,
    #[schema(max_length = 200)]
    serial: Option<String>,
    #[schema(maximum = 9_223_372_036_854_775_807_i64)]
    trigger: Option<u64>,
}

/// A picture in, its verdict out once the record is durable.
///
/// What is wrong with the request itself has a row in the audit log; a busy or ending station is nobody's fault.
#[utoipa::path(post, path = "/api/v1/inspect", operation_id = "inspect", tag = "inspections", params(InspectQuery),
    request_body(description = "The picture: PNG, JPEG, BMP or PNM; or a form", content(
        (Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/bmp"),
        (Vec<u8> = "image/x-portable-anymap"), (Vec<u8> = "application/octet-stream"),
        (InspectForm = "multipart/form-data"))),
    responses(
        (status = 200, description = "The verdict; `duplicate` where this trigger has one", body = VerdictJson),
        (status = 400, response = Problem), (status = 404, response = Problem), (status = 408, response = Problem),
        (status = 413, response = Problem), (status = 415, response = Problem), (status = 429, response = Problem),
        (status = 503, response = Problem), (status = 504, response = Problem)))]
pub async fn post(
    By(actor): By,
    State(state): State<AdminState>,
    query: Result<Query<InspectQuery>, QueryRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let answer = inspect(&state.intakes, query, request).await;
    if let Err(problem) = &answer
        && problem.status.is_client_error()
        && problem.status != StatusCode::TOO_MANY_REQUESTS
    {
        record(&state, AuditEntry::new(&actor, "inspect", "POST /api/v1/inspect"), problem.kind).await;
    }
    answer
}

async fn inspect(
    intakes: &[Intake],
    query: Result<Query<InspectQuery>, QueryRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let (query, intake, seat, form) = match accept(intakes, query, request.headers()) {
        Ok(accepted) => accepted,
        Err(problem) => {
            discard(request).await;
            return Err(problem);
        }
    };
    let upload = read_upload(request, query, intake, form).await?;
    let (arrival, receipt) = arrival(upload, intake)?;
    intake.offer(arrival).map_err(|refused| match refused {
        Refused::Full => full(),
        Refused::Closed => ending(),
    })?;
    drop(seat);
    receipt.answer(Duration::from_millis(intake.options.answer_ms)).await
}

type Accepted<'i> = (InspectQuery, &'i Intake, UploadSeat, bool);

/// All that can be refused without a byte of the body.
fn accept<'i>(
    intakes: &'i [Intake],
    query: Result<Query<InspectQuery>, QueryRejection>,
    headers: &HeaderMap,
) -> Result<Accepted<'i>, Problem> {
    let Query(query) = query.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    let intake = choose(intakes, query.source.as_deref())?;
    let form = check_head(headers, intake)?;
    let seat = intake.begin_upload().ok_or_else(full)?;
    Ok((query, intake, seat, form))
}

fn choose<'i>(intakes: &'i [Intake], source: Option<&str>) -> Result<&'i Intake, Problem> {
    let known = || intakes.iter().map(|intake| intake.options.name.as_str()).collect::<Vec<_>>().join(", ");
    match (source, intakes) {
        (_, []) => Err(no_source("this station takes no pictures here; add a [[source]] of kind \"http\"".to_owned())),
        (None, [only]) => Ok(only),
        (None, _) => Err(Problem::bad_request(format!("which source? Give source= with one of {}", known()))),
        (Some(name), _) => intakes
            .iter()
            .find(|intake| intake.options.name == name)
            .ok_or_else(|| no_source(format!("no source of kind \"http\" has that name; there are {}", known()))),
    }
}

/// The way back of one upload.
struct Awaited {
    told: oneshot::Receiver<Option<Settlement>>,
    frame: std::sync::Arc<OnceLock<FrameId>>,
}

fn arrival(upload: Upload, intake: &Intake) -> Result<(Arrival, Awaited), Problem> {
    let Upload { picture, file_name, said } = upload;
    let trigger = said.trigger.as_deref().map(parse_trigger).transpose()?;
    let (tell, told) = oneshot::channel();
    // The client may have gone: then nobody is told.
    let receipt = Receipt::new(move |settlement| drop(tell.send(settlement)));
    let awaited = Awaited { told, frame: receipt.frame() };
    let arrival = Arrival {
        source: intake.options.name.clone(),
        origin: text("file name", file_name)?,
        product: text("product", said.product)?,
        serial: text("serial", said.serial)?,
        trigger,
        captured_at_us: now_us(),
        payload: Ok(picture),
        simulated: false,
        receipt: Some(receipt),
    };
    Ok((arrival, awaited))
}

fn parse_trigger(found: &str) -> Result<u64, Problem> {
    let number = found.parse().ok().filter(|number: &u64| i64::try_from(*number).is_ok());
    number.ok_or_else(|| {
        let found: String = found.chars().take(40).collect();
        Problem::bad_request(format!("trigger is {found:?}, expected a whole number from 0 to {}", i64::MAX))
    })
}

/// An empty text is none.
fn text(name: &str, found: Option<String>) -> Result<Option<String>, Problem> {
    let Some(found) = found.filter(|found| !found.is_empty()) else { return Ok(None) };
    if found.chars().count() > MAX_TEXT_CHARS || found.chars().any(char::is_control) {
        let expected = format!("{name} is too long or holds control characters; at most {MAX_TEXT_CHARS} characters");
        return Err(Problem::bad_request(expected));
    }
    Ok(Some(found))
}

impl Awaited {
    async fn answer(self, limit: Duration) -> Result<Response, Problem> {
        match tokio::time::timeout(limit, self.told).await {
            Ok(Ok(Some(Settlement { inspection, row: Some(row), duplicate }))) => {
                Ok(Json(VerdictJson::new(&inspection, row, duplicate)).into_response())
            }
            Ok(Ok(Some(settlement))) => Err(not_recorded(&settlement.inspection.meta.id)),
            Ok(Ok(None) | Err(_)) => Err(ending()),
            Err(_) => Err(not_in_time(limit, self.frame.get())),
        }
    }
}

fn no_source(detail: String) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no-source", "There is no such source", detail)
}

fn full() -> Problem {
    let detail = "as many pictures wait as this source takes; send it again later";
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "queue-full", "The line is busy", detail).retry_after(1)
}

fn ending() -> Problem {
    let detail = "the station is ending; the picture was not judged";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-judged", "The picture was not judged", detail).retry_after(10)
}

fn not_recorded(id: &FrameId) -> Problem {
    let detail = format!("frame {id} was judged, but its record is not durable, so its verdict is withheld");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-recorded", "The verdict could not be recorded", detail)
        .retry_after(5)
}

fn not_in_time(limit: Duration, frame: Option<&FrameId>) -> Problem {
    let which = frame.map_or_else(|| "the picture still waits for a lane".to_owned(), |id| format!("frame {id}"));
    let detail = format!(
        "{which}: no durable verdict within {} ms; it is judged and recorded all the same, and the same trigger sent \
         again is answered with it",
        limit.as_millis()
    );
    Problem::new(StatusCode::GATEWAY_TIMEOUT, "not-in-time", "The verdict took too long", detail)
}
