use super::{Access, AccessError, Actor, ActorKind, lock};
use crate::domain::Digest;
use crate::journal::Token;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// How every token begins, so that it is recognised where it should not be.
pub const TOKEN_PREFIX: &str = "assay_";

/// What a request brings to show who asks.
#[derive(Debug, Clone, Default)]
pub struct Presented {
    /// Of `Authorization: Bearer`.
    pub bearer: Option<String>,
    /// More than one `Authorization`: what stands before us may have looked at the other.
    pub several: bool,
    /// Of the session's cookie.
    pub session: Option<String>,
    /// Whether a person did something; what a page fetches by itself does not keep a session alive.
    pub active: bool,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub actor: Actor,
    /// What this person's forms must carry; none for machines.
    pub form_token: Option<String>,
}

/// Why nobody is known to ask.
#[derive(Debug, thiserror::Error)]
pub enum Denied {
    #[error("sign in, or send a token as `Authorization: Bearer assay_...`")]
    NoCredentials,
    #[error("the session has ended: sign in again")]
    SessionEnded,
    #[error("the request has more than one header Authorization: send one")]
    SeveralCredentials,
    #[error("the token is not known here")]
    UnknownToken,
    #[error("the token of {name:?} has expired: an admin makes a new one with `assay token create`")]
    ExpiredToken { name: String },
    #[error("the token of {name:?} was revoked")]
    RevokedToken { name: String },
    #[error("who asks cannot be looked up")]
    Trouble(#[from] AccessError),
}

impl Denied {
    /// As the audit log and the API have it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoCredentials => "not-signed-in",
            Self::SessionEnded => "session-ended",
            Self::SeveralCredentials => "several-credentials",
            Self::UnknownToken => "unknown-token",
            Self::ExpiredToken { .. } => "expired-token",
            Self::RevokedToken { .. } => "revoked-token",
            Self::Trouble(_) => "internal",
        }
    }

    /// Whose credentials they were, where that is known.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::ExpiredToken { name } | Self::RevokedToken { name } => name,
            _ => "unknown",
        }
    }
}

impl Access {
    /// Says who asks. A token counts before a session, and a wrong token is not made good by one.
    ///
    /// # Errors
    /// Where nobody is known to ask.
    pub fn identify(&self, presented: &Presented) -> Result<Identity, Denied> {
        if presented.several {
            return Err(Denied::SeveralCredentials);
        }
        if let Some(bearer) = &presented.bearer {
            return self.of_token(bearer);
        }
        if let Some(secret) = &presented.session
            && let Some(identity) = self.of_session(&Digest::of(secret.as_bytes()), presented.active)?
        {
            return Ok(identity);
        }
        if self.open_without_users && !self.has_users()? {
            let form_token = Some(self.local_form_token.clone());
            return Ok(Identity { actor: Actor::loopback(), form_token });
        }
        Err(if presented.session.is_some() { Denied::SessionEnded } else { Denied::NoCredentials })
    }

    fn of_session(&self, hash: &Digest, active: bool) -> Result<Option<Identity>, AccessError> {
        let Some(session) = lock(&self.sessions).find(hash, active, Instant::now()) else { return Ok(None) };
        let user = self.ledger.user(&session.user)?;
        // A change of role, password or state ends what was begun before it, also one made by another process.
        let Some(user) = user.filter(|user| !user.disabled && user.generation == session.generation) else {
            lock(&self.sessions).end(hash);
            return Ok(None);
        };
        let actor = Actor { name: user.name, role: user.role, kind: ActorKind::User };
        Ok(Some(Identity { actor, form_token: Some(session.form_token) }))
    }

    fn of_token(&self, text: &str) -> Result<Identity, Denied> {
        if !text.starts_with(TOKEN_PREFIX) || text.len() > 100 {
            return Err(Denied::UnknownToken);
        }
        let found = self.ledger.token(&Digest::of(text.as_bytes())).map_err(AccessError::from)?;
        let Some(Token { name, role, expires_at_us, revoked_at_us, .. }) = found else {
            return Err(Denied::UnknownToken);
        };
        if revoked_at_us.is_some() {
            return Err(Denied::RevokedToken { name });
        }
        if expires_at_us <= now_us() {
            return Err(Denied::ExpiredToken { name });
        }
        Ok(Identity { actor: Actor { name, role, kind: ActorKind::Token }, form_token: None })
    }
}

/// Microseconds since 1970, UTC.
pub(super) fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
