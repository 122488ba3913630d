use super::asked::Asked;
use super::request::{cookie, own_path};
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// As the system of whoever looks is set.
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.name() == name)
    }

    /// The value of `data-theme`; none where the style sheet asks the system.
    #[must_use]
    pub fn attribute(self) -> Option<&'static str> {
        (self != Self::System).then_some(self.name())
    }

    /// What the switch of the page goes to.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::System => Self::Dark,
            Self::Dark => Self::Light,
            Self::Light => Self::System,
        }
    }

    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        cookie(headers, "theme").find_map(Self::from_name).unwrap_or_default()
    }
}

#[derive(serde::Deserialize)]
pub struct ThemeQuery {
    to: String,
    back: String,
}

/// Remembers the theme in a cookie and goes back to the page it was chosen on.
pub async fn choose(Asked(query): Asked<ThemeQuery>) -> Response {
    let Some(theme) = Theme::from_name(&query.to) else { return StatusCode::BAD_REQUEST.into_response() };
    let cookie = format!("theme={}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly", theme.name());
    (StatusCode::SEE_OTHER, [(SET_COOKIE, cookie), (LOCATION, own_path(&query.back))]).into_response()
}
