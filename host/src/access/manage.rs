use super::identify::{TOKEN_PREFIX, now_us};
use super::{Access, AccessError, Actor, ActorKind, Role, Token, User, is_name, password, secret};
use crate::domain::Digest;
use crate::journal::{AuditEntry, Changed, NewToken, UserChange};

pub const MAX_TOKEN_DAYS: u32 = 3650;
const DAY_US: i64 = 24 * 3600 * 1_000_000;
/// Of a token's id: enough to tell tokens apart in a list.
const ID_CHARS: usize = 8;

/// A token that was just made. Its text is shown once; nobody can read it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTokenText {
    pub id: String,
    pub text: String,
    /// Microseconds since 1970, UTC.
    pub expires_at_us: i64,
}

/// Who wants a change, and why.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'w> {
    pub by: &'w Actor,
    /// In the actor's words, for the audit log.
    pub reason: Option<&'w str>,
}

impl<'w> From<&'w Actor> for Wish<'w> {
    fn from(by: &'w Actor) -> Self {
        Self { by, reason: None }
    }
}

impl Wish<'_> {
    fn entry(&self, action: &str, target: impl Into<String>) -> AuditEntry {
        AuditEntry::new(self.by, action, target).because(self.reason)
    }
}

impl Access {
    /// # Errors
    /// When the records cannot be read.
    pub fn users(&self) -> Result<Vec<User>, AccessError> {
        Ok(self.ledger.users()?)
    }

    /// # Errors
    /// When the records cannot be read.
    pub fn tokens(&self) -> Result<Vec<Token>, AccessError> {
        Ok(self.ledger.tokens()?)
    }

    /// # Errors
    /// When the name is taken, or name or password is not accepted.
    pub fn add_user<'w>(
        &self,
        wish: impl Into<Wish<'w>>,
        name: &str,
        role: Role,
        password: &str,
    ) -> Result<(), AccessError> {
        let wish = wish.into();
        let entry = wish.entry("user-add", format!("{name} ({role})"));
        let add = || {
            self.not_before_set_up(wish.by)?;
            let new = self.new_user(name, role, password)?;
            match self.ledger.add_user(&new, &entry)? {
                Changed::Done => Ok(()),
                _ => Err(AccessError::NameTaken { name: name.to_owned() }),
            }
        };
        self.recorded(add(), entry.clone())
    }

    /// Gives a user another role; the user's sessions end.
    ///
    /// # Errors
    /// When there is no such user, or no other admin.
    pub fn set_role<'w>(&self, wish: impl Into<Wish<'w>>, name: &str, role: Role) -> Result<(), AccessError> {
        let wish = wish.into();
        let entry = wish.entry("user-role", format!("{name} ({role})"));
        let change = UserChange { role: Some(role), ..UserChange::default() };
        self.recorded(self.changed_user(name, &change, &entry), entry)
    }

    /// Keeps a user out, or lets the user in again; the user's sessions end.
    ///
    /// # Errors
    /// When there is no such user, or no other admin.
    pub fn set_disabled<'w>(&self, wish: impl Into<Wish<'w>>, name: &str, disabled: bool) -> Result<(), AccessError> {
        let wish = wish.into();
        let entry = wish.entry(if disabled { "user-disable" } else { "user-enable" }, name);
        let change = UserChange { disabled: Some(disabled), ..UserChange::default() };
        self.recorded(self.changed_user(name, &change, &entry), entry)
    }

    /// Gives a user another password; the user's sessions end.
    ///
    /// # Errors
    /// When there is no such user, or the password is not accepted.
    pub fn set_password<'w>(&self, wish: impl Into<Wish<'w>>, name: &str, password: &str) -> Result<(), AccessError> {
        let wish = wish.into();
        let entry = wish.entry("user-password", name);
        let set = || {
            password::check(name, password)?;
            let change = UserChange { password: Some(self.hashing.hash(password)?), ..UserChange::default() };
            self.changed_user(name, &change, &entry)
        };
        self.recorded(set(), entry.clone())
    }

    pub(super) fn changed_user(&self, name: &str, change: &UserChange, entry: &AuditEntry) -> Result<(), AccessError> {
        match self.ledger.change_user(name, change, entry)? {
            Changed::Done => Ok(()),
            Changed::LastAdmin => Err(AccessError::LastAdmin),
            Changed::Taken | Changed::Unknown => Err(AccessError::UnknownUser { name: name.to_owned() }),
        }
    }

    /// Makes a token for a machine.
    ///
    /// # Errors
    /// When the name or the days are not accepted.
    pub fn create_token<'w>(
        &self,
        wish: impl Into<Wish<'w>>,
        name: &str,
        role: Role,
        days: u32,
    ) -> Result<NewTokenText, AccessError> {
        let wish = wish.into();
        let entry = wish.entry("token-create", format!("{name} ({role}, {days} days)"));
        let create = || {
            self.not_before_set_up(wish.by)?;
            if !is_name(name) {
                return Err(AccessError::BadName);
            }
            if !(1..=MAX_TOKEN_DAYS).contains(&days) {
                return Err(AccessError::TokenDays { days, max: MAX_TOKEN_DAYS });
            }
            self.token_until(wish.by, name, role, now_us() + i64::from(days) * DAY_US, &entry)
        };
        self.recorded(create(), entry.clone())
    }

    pub(super) fn token_until(
        &self,
        by: &Actor,
        name: &str,
        role: Role,
        expires_at_us: i64,
        entry: &AuditEntry,
    ) -> Result<NewTokenText, AccessError> {
        let text = format!("{TOKEN_PREFIX}{}", secret::random_text()?);
        let id: String = secret::random_text()?.chars().take(ID_CHARS).collect();
        let new = NewToken {
            id: id.clone(),
            name: name.to_owned(),
            role,
            hash: Digest::of(text.as_bytes()),
            created_by: by.name.clone(),
            expires_at_us,
        };
        self.ledger.add_token(&new, entry)?;
        Ok(NewTokenText { id, text, expires_at_us })
    }

    /// # Errors
    /// When there is no such token, or it was revoked before.
    pub fn revoke_token<'w>(&self, wish: impl Into<Wish<'w>>, id: &str) -> Result<(), AccessError> {
        let wish = wish.into();
        let entry = wish.entry("token-revoke", id);
        let revoke = || match self.ledger.revoke_token(id, &entry)? {
            Changed::Done => Ok(()),
            _ => Err(AccessError::UnknownToken { id: id.to_owned() }),
        };
        self.recorded(revoke(), entry.clone())
    }

    /// Whoever reaches an open station over loopback is not yet known to be its owner: the set-up secret shows that.
    fn not_before_set_up(&self, by: &Actor) -> Result<(), AccessError> {
        if by.kind == ActorKind::Local && *by != Actor::console() { Err(AccessError::SetUpFirst) } else { Ok(()) }
    }
}
