use super::{Access, AccessError, Actor, ActorKind, Role, is_name, lock, password, secret};
use crate::domain::Digest;
use crate::journal::{AuditEntry, Changed, NewUser, UserChange};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Stands for the set-up among the attempts; no user is called so.
const SET_UP: &str = "set up";

/// A session that has just begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// For the cookie; nowhere else.
    pub secret: String,
    pub actor: Actor,
}

impl Access {
    /// Begins a session for whoever knows the password.
    ///
    /// # Errors
    /// When name or password is wrong (it does not say which), it is too soon after others, or it cannot be recorded.
    pub fn sign_in(&self, name: &str, password: &str, from: IpAddr) -> Result<NewSession, AccessError> {
        // What is no name was perhaps a password in the wrong field: it is not written down.
        let shown = if is_name(name) { name } else { "unknown" };
        let entry = AuditEntry::unknown(shown, "sign-in", from.to_string());
        let Some(user) = self.recorded(self.checked_user(name, password, from), entry.clone())? else {
            self.refused(entry, AccessError::WrongPassword.code());
            return Err(AccessError::WrongPassword);
        };
        let actor = Actor { name: user.name, role: user.role, kind: ActorKind::User };
        let (secret, form_token) = (secret::random_text()?, secret::random_text()?);
        self.ledger.audit(&AuditEntry::new(&actor, "sign-in", from.to_string()))?;
        let hash = Digest::of(secret.as_bytes());
        lock(&self.sessions).start(hash, &actor.name, user.generation, form_token, Instant::now());
        Ok(NewSession { secret, actor })
    }

    /// The user, where the password is right and the user is not disabled.
    fn checked_user(&self, name: &str, password: &str, from: IpAddr) -> Result<Option<super::User>, AccessError> {
        let tallied = if is_name(name) { name } else { "" };
        self.begin_attempt(tallied, from)?;
        let (user, hash) =
            if is_name(name) { (self.ledger.user(name)?, self.ledger.password_of(name)?) } else { (None, None) };
        let right = self.hashing.verify(password, hash.as_deref())?;
        let user = user.filter(|user| right && !user.disabled);
        if user.is_some() {
            lock(&self.attempts).succeeded(tallied, from);
        }
        Ok(user)
    }

    fn begin_attempt(&self, name: &str, from: IpAddr) -> Result<(), AccessError> {
        let begun = lock(&self.attempts).begin(name, from, Instant::now());
        begun.map_err(|wait| AccessError::TooSoon { wait_s: wait.saturating_add(Duration::from_millis(999)).as_secs() })
    }

    /// Ends a session.
    pub fn sign_out(&self, secret: &str, actor: &Actor) {
        if lock(&self.sessions).end(&Digest::of(secret.as_bytes())).is_some() {
            self.record(&AuditEntry::new(actor, "sign-out", actor.name.clone()));
        }
    }

    /// A new set-up secret, to be shown at the console; none where there are users. An older one no longer works.
    ///
    /// # Errors
    /// When the records cannot be read or written.
    pub fn new_set_up_secret(&self) -> Result<Option<String>, AccessError> {
        if self.has_users()? {
            return Ok(None);
        }
        let secret = secret::random_typed()?;
        let entry = AuditEntry::new(&Actor::station(), "set-up-secret", "shown at the console");
        self.ledger.keep_set_up_secret(&secret::typed_hash(&secret), &entry)?;
        Ok(Some(secret))
    }

    /// Makes the first user, an admin, for whoever has the set-up secret.
    ///
    /// # Errors
    /// When there are users, or the secret, the name or the password is not accepted.
    pub fn set_up(&self, secret: &str, name: &str, password: &str, from: IpAddr) -> Result<(), AccessError> {
        let entry = AuditEntry::unknown(if is_name(name) { name } else { "unknown" }, "set-up", from.to_string());
        let answer = self.first_user(secret, name, password, from);
        self.recorded(answer, entry)
    }

    fn first_user(&self, secret: &str, name: &str, password: &str, from: IpAddr) -> Result<(), AccessError> {
        if self.has_users()? {
            return Err(AccessError::SetUpDone);
        }
        self.begin_attempt(SET_UP, from)?;
        let new = self.new_user(name, Role::Admin, password)?;
        let actor = Actor { name: name.to_owned(), role: Role::Admin, kind: ActorKind::User };
        let entry = AuditEntry::new(&actor, "set-up", format!("{name} (admin)"));
        match self.ledger.add_first_user(&secret::typed_hash(secret), &new, &entry)? {
            Changed::Done => {
                lock(&self.attempts).succeeded(SET_UP, from);
                Ok(())
            }
            Changed::Unknown => Err(AccessError::WrongSecret),
            Changed::Taken | Changed::LastAdmin => Err(AccessError::SetUpDone),
        }
    }

    pub(super) fn new_user(&self, name: &str, role: Role, password: &str) -> Result<NewUser, AccessError> {
        if !is_name(name) {
            return Err(AccessError::BadName);
        }
        password::check(name, password)?;
        Ok(NewUser { name: name.to_owned(), role, password: self.hashing.hash(password)? })
    }

    /// Changes the password of whoever asks and knows the present one; ends all of the user's sessions.
    ///
    /// # Errors
    /// When the present password is wrong, or the new one is not accepted.
    pub fn change_own_password(
        &self,
        actor: &Actor,
        present: &str,
        new: &str,
        from: IpAddr,
    ) -> Result<(), AccessError> {
        let entry = AuditEntry::new(actor, "own-password", actor.name.clone());
        let change = || {
            if self.checked_user(&actor.name, present, from)?.is_none() {
                return Err(AccessError::WrongPassword);
            }
            password::check(&actor.name, new)?;
            let change = UserChange { password: Some(self.hashing.hash(new)?), ..UserChange::default() };
            self.changed_user(&actor.name, &change, &entry)
        };
        self.recorded(change(), entry.clone())
    }
}
