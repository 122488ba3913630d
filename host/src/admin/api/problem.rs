use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::borrow::Cow;
use utoipa::openapi::{Content, Ref, RefOr, Response as OpenApiResponse, ResponseBuilder};
use utoipa::{ToResponse, ToSchema};

/// Prefix of the `type` of every problem; what follows is its kind.
const TYPE_PREFIX: &str = "urn:assay:problem:";
const MEDIA_TYPE: &str = "application/problem+json";

/// Why the API refuses a request, as RFC 9457 has it. Programs read `kind`, people the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub status: StatusCode,
    /// Kebab-case; a contract: never renamed.
    pub kind: &'static str,
    /// The same for every problem of the kind.
    pub title: &'static str,
    /// What was found this time, what is expected, what to do.
    pub detail: Cow<'static, str>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    #[must_use]
    pub fn new(
        status: StatusCode,
        kind: &'static str,
        title: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, kind, title, detail: detail.into(), headers: Vec::new() }
    }

    /// With a header beside it, such as `Allow`.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// With `Retry-After`.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        self.header(header::RETRY_AFTER, &seconds.max(1).to_string())
    }

    #[must_use]
    pub fn bad_request(detail: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", "The request is not understood", detail)
    }

    #[must_use]
    pub fn not_found(path: &str) -> Self {
        let path: String = path.chars().take(200).collect();
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is nothing here", format!("no resource at {path}"))
    }

    #[must_use]
    pub fn method_not_allowed(method: &str) -> Self {
        let detail = format!("{method} is not understood here; the header Allow says what is");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Another method is expected", detail)
    }

    /// For a request under a name, or by a way, that is not this station's.
    #[must_use]
    pub fn misdirected(detail: &'static str) -> Self {
        Self::new(StatusCode::MISDIRECTED_REQUEST, "misdirected", "This is not the station's address", detail)
    }

    /// For what takes a while and is done for a few at a time.
    #[must_use]
    pub fn busy() -> Self {
        let detail = "others wait for reports or pictures too; ask again in a moment";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "The station is busy", detail).retry_after(5)
    }

    /// Says no more than that: the reason is in the station's log.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "The station could not do it",
            "the reason is in the station's log",
        )
    }
}

/// Why a request was refused (RFC 9457).
#[derive(serde::Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct Body<'p> {
    /// `urn:assay:problem:` and a short word that does not change, for programs.
    r#type: String,
    /// The same for every problem of this type.
    title: &'p str,
    /// That of the answer.
    status: u16,
    /// What was found this time, what is expected, what to do.
    detail: &'p str,
}

impl<'r> ToResponse<'r> for Problem {
    fn response() -> (&'r str, RefOr<OpenApiResponse>) {
        let content = Content::new(Some(Ref::from_schema_name("Problem")));
        let refusal = ResponseBuilder::new().description("Refused: `type` says why").content(MEDIA_TYPE, content);
        ("Problem", refusal.build().into())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Body {
            r#type: format!("{TYPE_PREFIX}{}", self.kind),
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
        };
        let text = serde_json::to_string(&body).unwrap_or_default();
        let mut response = (self.status, [(header::CONTENT_TYPE, MEDIA_TYPE)], text).into_response();
        for (name, value) in self.headers {
            response.headers_mut().append(name, value);
        }
        response
    }
}
