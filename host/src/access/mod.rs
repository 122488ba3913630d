//! Who may do what on a station: users with passwords, sessions, tokens of machines, the first set-up.
//!
//! Guarantees: a password or a token is kept only as a hash; every change and every sign-in is in the audit log before
//! it counts, every refusal too (a flood of them is counted); attempts are slowed, never locked; everything here is
//! bounded. Nothing of it touches the frame path. Calls may block for the disk or a hash: not for async threads.

mod attempts;
mod error;
mod identify;
mod manage;
mod password;
mod refusals;
mod secret;
mod sessions;
mod sign_in;

#[cfg(test)]
mod tests;

pub use crate::domain::{Actor, ActorKind, Role};
pub use crate::journal::{Token, User};
pub use error::AccessError;
pub use identify::{Denied, Identity, Presented};
pub use manage::{MAX_TOKEN_DAYS, NewTokenText, Wish};
pub use sessions::SessionLimits;
pub use sign_in::NewSession;

use crate::journal::{AuditEntry, Ledger};
use attempts::Attempts;
use password::Hashing;
use refusals::{Listing, Refusals};
use sessions::Sessions;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a station's configuration says of access.
#[derive(Debug, Clone, Copy)]
pub struct AccessOptions {
    pub sessions: SessionLimits,
    /// While there are no users, whoever asks without credentials may do everything. Only for a loopback address that
    /// no proxy makes reachable.
    pub open_without_users: bool,
}

impl Default for AccessOptions {
    fn default() -> Self {
        let sessions = SessionLimits { idle: Duration::from_secs(15 * 60), absolute: Duration::from_secs(8 * 3600) };
        Self { sessions, open_without_users: false }
    }
}

/// Decides who may do what.
pub struct Access {
    ledger: Arc<Ledger>,
    open_without_users: bool,
    hashing: Hashing,
    sessions: Mutex<Sessions>,
    attempts: Mutex<Attempts>,
    /// Of somebody known, and of the rest: a stranger's flood does not hide what a user was refused.
    refusals: [Mutex<Refusals>; 2],
    /// Forms of the person at the station while it has no users.
    local_form_token: String,
    /// Users are never deleted: once there are some, there are.
    has_users: AtomicBool,
}

impl Access {
    /// # Errors
    /// When the system gives no random bytes.
    pub fn new(ledger: Arc<Ledger>, options: AccessOptions) -> Result<Self, AccessError> {
        Ok(Self {
            ledger,
            open_without_users: options.open_without_users,
            hashing: Hashing::default(),
            sessions: Mutex::new(Sessions::new(options.sessions)),
            attempts: Mutex::default(),
            refusals: Default::default(),
            local_form_token: secret::random_text()?,
            has_users: AtomicBool::new(false),
        })
    }

    /// The station's own records: where the audit log is.
    #[must_use]
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// # Errors
    /// When the records cannot be read.
    pub fn has_users(&self) -> Result<bool, AccessError> {
        if self.has_users.load(Ordering::Relaxed) {
            return Ok(true);
        }
        let has = self.ledger.has_users()?;
        self.has_users.store(has, Ordering::Relaxed);
        Ok(has)
    }

    /// Records what was refused. That it cannot be recorded is logged; refused it is in any case.
    pub fn refused(&self, entry: AuditEntry, code: &str) {
        let entry = entry.refused(code);
        let [known, unknown] = &self.refusals;
        let refusals = if entry.kind == "unknown" { unknown } else { known };
        let Listing::Row { unlisted } = lock(refusals).list(Instant::now()) else { return };
        self.unlisted(unlisted);
        tracing::warn!(actor = entry.actor, action = entry.action, target = entry.target, code, "refused");
        self.record(&entry);
    }

    /// Records how many refusals of a window that is over have no row. To be called every few seconds: a flood that ends
    /// is followed by no other refusal that would tell of it.
    pub fn settle_refusals(&self) {
        let now = Instant::now();
        for refusals in &self.refusals {
            // Not locked while the row is written.
            let count = lock(refusals).settle(now);
            self.unlisted(count);
        }
    }

    /// The same for all windows, at the end of the station.
    pub fn end_refusals(&self) {
        for refusals in &self.refusals {
            let count = lock(refusals).rest();
            self.unlisted(count);
        }
    }

    fn unlisted(&self, count: u64) {
        if count > 0 {
            tracing::warn!(count, "refused, without a row in the audit log each");
            let target = format!("{count} refusals before this have no row");
            self.record(&AuditEntry::new(&Actor::station(), "refusals-unlisted", target));
        }
    }

    fn record(&self, entry: &AuditEntry) {
        if let Err(error) = self.ledger.audit(entry) {
            tracing::error!(%error, action = entry.action, "the audit log cannot be written");
        }
    }

    /// Passes an answer on, and records it where it is a refusal.
    fn recorded<T>(&self, answer: Result<T, AccessError>, entry: AuditEntry) -> Result<T, AccessError> {
        if let Err(error) = &answer {
            self.refused(entry, error.code());
        }
        answer
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each holds plain counters and maps, whole after every step.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// 1 to 32 characters: small letters, digits, `.`, `_`, `-`; a letter or a digit first.
fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let first = name.bytes().next().is_some_and(plain);
    first && name.len() <= 32 && name.bytes().all(|byte| plain(byte) || matches!(byte, b'.' | b'_' | b'-'))
}
