//! What somebody has entered into a review and could not send: their session had ended. It goes to the login and back to
//! the form in the address, so that nothing is lost, and nothing is recorded before they send it themselves.

use super::filter::Wish;
use super::pages::layout::percent;
use super::same_origin;
use axum::body::Bytes;
use axum::extract::Query;
use axum::http::header::LOCATION;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};

/// Keys of the detail page's address that fill its form.
pub const KEYS: [&str; 4] = ["draft_verdict", "draft_label", "draft_reason", "draft_back"];
/// Bytes of one value that are kept: more than a form takes.
const MAX_BYTES: usize = 2048;

/// What a review form shows when it is opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draft {
    pub verdict: String,
    pub label: String,
    pub reason: String,
    /// Where to go when it was recorded; empty: stay.
    pub back: String,
}

impl Draft {
    #[must_use]
    pub fn of(wish: &Wish) -> Self {
        let [verdict, label, reason, back] = KEYS.map(|key| wish.other(key).to_owned());
        Self { verdict, label, reason, back }
    }

    /// True where somebody had entered something.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        !(self.verdict.is_empty() && self.label.is_empty() && self.reason.is_empty())
    }

    /// From the body of a form.
    fn from_form(body: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        let uri = format!("/?{text}").parse::<axum::http::Uri>().ok()?;
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&uri).ok()?;
        let value = |key: &str| {
            let found = pairs.iter().find(|(known, _)| known == key).map_or("", |(_, value)| value);
            found.get(..found.floor_char_boundary(MAX_BYTES)).unwrap_or_default().to_owned()
        };
        Some(Self { verdict: value("verdict"), label: value("label"), reason: value("reason"), back: value("back") })
    }

    fn address(&self, page: &str) -> String {
        let values = [&self.verdict, &self.label, &self.reason, &self.back];
        let pairs = KEYS.iter().zip(values).filter(|(_, value)| !value.is_empty());
        let pairs: Vec<String> = pairs.map(|(key, value)| format!("{key}={}", percent(value))).collect();
        if pairs.is_empty() { page.to_owned() } else { format!("{page}?{}", pairs.join("&")) }
    }
}

/// The page of the form that a request sends a review from; none for every other request, and for one that another site
/// may have made.
pub fn page_of(parts: &Parts) -> Option<String> {
    let page = parts.uri.path().strip_suffix("/reviews")?;
    let own = parts.method == Method::POST && page.starts_with("/inspections/") && same_origin::is_own(&parts.headers);
    own.then(|| page.to_owned())
}

/// Back to the form, by the login where `login` says so, with what was entered.
pub fn keep(page: &str, body: &Bytes, login: bool) -> Response {
    let back = Draft::from_form(body).unwrap_or_default().address(page);
    let to = if login { format!("/login?back={}", percent(&back)) } else { back };
    (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response()
}

/// Name and cursor of a queue's page; none where the address says something else.
pub fn queue_page(pairs: Vec<(String, String)>) -> Option<(String, String)> {
    let mut asked = (String::new(), String::new());
    for (key, value) in pairs {
        match key.as_str() {
            "queue" => asked.0 = value,
            "cursor" => asked.1 = value,
            _ => return None,
        }
    }
    Some(asked)
}
