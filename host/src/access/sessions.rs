use crate::domain::Digest;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Sessions at one time; the one that was quiet for longest makes room.
const MAX_SESSIONS: usize = 1000;
/// Of one user.
const MAX_PER_USER: usize = 10;

/// How long a session lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimits {
    /// Without a request of the person.
    pub idle: Duration,
    /// However busy.
    pub absolute: Duration,
}

/// A signed-in user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub user: String,
    /// Of the user when signing in; a later one ends the session.
    pub generation: i64,
    /// What a form of this session carries.
    pub form_token: String,
    started: Instant,
    seen: Instant,
}

/// Sessions by the hash of their secret. In memory only: a restart of the station ends them.
pub struct Sessions {
    limits: SessionLimits,
    open: HashMap<Digest, Session>,
}

impl Sessions {
    pub fn new(limits: SessionLimits) -> Self {
        Self { limits, open: HashMap::new() }
    }

    pub fn start(&mut self, hash: Digest, user: &str, generation: i64, form_token: String, now: Instant) {
        let limits = self.limits;
        self.open.retain(|_, session| is_live(session, limits, now));
        let of_user = self.open.values().filter(|session| session.user == user).count();
        if of_user >= MAX_PER_USER {
            self.end_quietest(|session| session.user == user);
        }
        if self.open.len() >= MAX_SESSIONS {
            self.end_quietest(|_| true);
        }
        let session = Session { user: user.to_owned(), generation, form_token, started: now, seen: now };
        self.open.insert(hash, session);
    }

    /// The session, where it has not ended. `active`: the person did something, so it lasts on.
    pub fn find(&mut self, hash: &Digest, active: bool, now: Instant) -> Option<Session> {
        let limits = self.limits;
        let session = self.open.get_mut(hash)?;
        if !is_live(session, limits, now) {
            self.open.remove(hash);
            return None;
        }
        if active {
            session.seen = now;
        }
        Some(session.clone())
    }

    pub fn end(&mut self, hash: &Digest) -> Option<Session> {
        self.open.remove(hash)
    }

    fn end_quietest(&mut self, of: impl Fn(&Session) -> bool) {
        let quietest = self.open.iter().filter(|(_, session)| of(session)).min_by_key(|(_, session)| session.seen);
        if let Some(hash) = quietest.map(|(hash, _)| *hash) {
            self.open.remove(&hash);
        }
    }
}

fn is_live(session: &Session, limits: SessionLimits, now: Instant) -> bool {
    now.duration_since(session.seen) < limits.idle && now.duration_since(session.started) < limits.absolute
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: SessionLimits =
        SessionLimits { idle: Duration::from_secs(900), absolute: Duration::from_secs(8 * 3600) };

    fn hash(number: usize) -> Digest {
        Digest::of(&number.to_le_bytes())
    }

    fn started(sessions: &mut Sessions, number: usize, user: &str, now: Instant) {
        sessions.start(hash(number), user, 1, String::new(), now);
    }

    #[test]
    fn a_session_ends_when_idle_or_too_old() {
        let (mut sessions, start) = (Sessions::new(LIMITS), Instant::now());
        let after = |minutes: u64| start + Duration::from_secs(60 * minutes);
        started(&mut sessions, 1, "ada", start);
        assert!(sessions.find(&hash(1), false, after(14)).is_some());
        assert!(sessions.find(&hash(1), true, after(15)).is_none(), "what a page fetches by itself does not count");
        started(&mut sessions, 2, "ada", start);
        for minutes in (0..8 * 60).step_by(10) {
            assert!(sessions.find(&hash(2), true, after(minutes)).is_some(), "{minutes}");
        }
        assert!(sessions.find(&hash(2), true, after(8 * 60)).is_none());
    }

    #[test]
    fn sessions_are_bounded_and_the_quietest_makes_room() {
        let (mut sessions, start) = (Sessions::new(LIMITS), Instant::now());
        for number in 0..=MAX_PER_USER {
            started(&mut sessions, number, "ada", start + Duration::from_secs(number as u64));
        }
        let now = start + Duration::from_secs(20);
        assert!(sessions.find(&hash(0), false, now).is_none());
        assert!(sessions.find(&hash(1), false, now).is_some());
        for number in 100..100 + MAX_SESSIONS {
            started(&mut sessions, number, &format!("user-{number}"), now);
        }
        assert_eq!(sessions.open.len(), MAX_SESSIONS);
        assert!(sessions.find(&hash(1), false, now).is_none());
    }

    #[test]
    fn a_session_that_was_ended_is_gone() {
        let (mut sessions, start) = (Sessions::new(LIMITS), Instant::now());
        started(&mut sessions, 1, "ada", start);
        assert!(sessions.end(&hash(1)).is_some());
        assert!(sessions.find(&hash(1), true, start).is_none());
    }
}
