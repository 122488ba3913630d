use super::password::{MAX_CHARS, MIN_CHARS};
use crate::journal::LedgerError;

/// Why access was not given, or an account not changed. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    #[error("the name or the password is wrong")]
    WrongPassword,
    #[error("too many attempts: try again in {wait_s} s")]
    TooSoon { wait_s: u64 },
    #[error("too many people sign in at this moment: try again in a few seconds")]
    Busy,
    #[error("a name is 1 to 32 of a-z, 0-9, '.', '_' and '-', beginning with a letter or a digit")]
    BadName,
    #[error("a password has {MIN_CHARS} to {MAX_CHARS} characters")]
    PasswordLength,
    #[error("the password has the user's name in it: choose one that cannot be guessed from it")]
    PasswordIsName,
    #[error("the password is one of the first that somebody would try: choose another")]
    PasswordIsKnown,
    #[error("there is a user {name:?} already")]
    NameTaken { name: String },
    #[error("there is no user {name:?}")]
    UnknownUser { name: String },
    #[error("there is no valid token {id:?}")]
    UnknownToken { id: String },
    #[error("nobody could manage users any more: make another admin first")]
    LastAdmin,
    #[error("the set-up secret is wrong: a start of the station without users prints it, and only the last one counts")]
    WrongSecret,
    #[error("the station has users already: an admin makes further ones")]
    SetUpDone,
    #[error("the station has no users yet: make the first one with the set-up secret that its start printed")]
    SetUpFirst,
    #[error("a token is valid for 1 to {max} days, found {days}")]
    TokenDays { days: u32, max: u32 },
    #[error("the system gives no random bytes: {detail}")]
    Random { detail: String },
    #[error("the password could not be hashed: {detail}")]
    Hash { detail: String },
    #[error("the station's records cannot be used")]
    Ledger(#[from] LedgerError),
}

impl AccessError {
    /// As the audit log and the API have it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::WrongPassword => "wrong-password",
            Self::TooSoon { .. } => "too-many-attempts",
            Self::Busy => "busy",
            Self::BadName => "bad-name",
            Self::PasswordLength => "password-length",
            Self::PasswordIsName => "password-is-name",
            Self::PasswordIsKnown => "password-is-known",
            Self::NameTaken { .. } => "name-taken",
            Self::UnknownUser { .. } => "unknown-user",
            Self::UnknownToken { .. } => "unknown-token",
            Self::LastAdmin => "last-admin",
            Self::WrongSecret => "wrong-secret",
            Self::SetUpDone => "set-up-done",
            Self::SetUpFirst => "set-up-first",
            Self::TokenDays { .. } => "token-days",
            Self::Random { .. } | Self::Hash { .. } => "internal",
            Self::Ledger(_) => "not-recorded",
        }
    }
}
