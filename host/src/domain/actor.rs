use std::fmt;
use std::str::FromStr;

/// What a person or a machine may do on a station. Each may do all that those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads.
    Viewer,
    /// Has parts inspected, acknowledges, reviews.
    Operator,
    /// Deploys and rolls back.
    Engineer,
    /// Users and tokens.
    Admin,
}

/// The text names no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a role is viewer, operator, engineer or admin, found {found:?}")]
pub struct RoleParseError {
    pub found: String,
}

impl Role {
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Operator, Self::Engineer, Self::Admin];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Engineer => "engineer",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = RoleParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|role| role.name() == text);
        known.ok_or_else(|| RoleParseError { found: text.chars().take(40).collect() })
    }
}

/// How somebody showed who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorKind {
    /// By name and password.
    User,
    /// A machine, by its token.
    Token,
    /// By being on the station itself: at its console, or on its loopback address while it has no users.
    Local,
}

impl ActorKind {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Token => "token",
            Self::Local => "local",
        }
    }
}

/// Who does something to the station.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    pub name: String,
    pub role: Role,
    pub kind: ActorKind,
}

impl Actor {
    /// Whoever is at the station's console.
    #[must_use]
    pub fn console() -> Self {
        Self { name: "console".to_owned(), role: Role::Admin, kind: ActorKind::Local }
    }

    /// Whoever asks from the station itself while it has no users.
    #[must_use]
    pub fn loopback() -> Self {
        Self { name: "local".to_owned(), role: Role::Admin, kind: ActorKind::Local }
    }

    /// The station itself, where it acts without being told: an automatic rollback.
    #[must_use]
    pub fn station() -> Self {
        Self { name: "station".to_owned(), role: Role::Admin, kind: ActorKind::Local }
    }
}
