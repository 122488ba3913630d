//! Places for answers that do not end: so many in all, and of these only a share for one user or token, so that none of
//! them keeps the others out.

use super::api::{Problem, RETRY_AFTER_S};
use crate::domain::{Actor, ActorKind};
use axum::http::StatusCode;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// One user or token has this part of the places at most.
const SHARE: usize = 4;

/// The kind of an actor and its name: a user and a token of one name are two.
type Owner = (&'static str, String);

/// A number of places.
#[derive(Clone)]
pub struct Places {
    most: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    /// Nobody is in here without a place.
    by: BTreeMap<Owner, usize>,
}

/// No place is free, or none of the share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPlace {
    All { most: usize },
    Share { most: usize },
}

impl Places {
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, taken: Arc::default() }
    }

    /// A place for `actor`, until it is dropped. Who is only known to be on the station itself shares with nobody: on a
    /// station without users all screens are that one.
    ///
    /// # Errors
    /// When all places are taken, or all of the actor's share.
    pub fn take(&self, actor: &Actor) -> Result<Place, NoPlace> {
        let owner = (actor.kind.name(), actor.name.clone());
        let share = if actor.kind == ActorKind::Local { self.most } else { (self.most / SHARE).max(1) };
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.all >= self.most {
            return Err(NoPlace::All { most: self.most });
        }
        if taken.by.get(&owner).is_some_and(|own| *own >= share) {
            return Err(NoPlace::Share { most: share });
        }
        taken.all += 1;
        *taken.by.entry(owner.clone()).or_default() += 1;
        drop(taken);
        Ok(Place { owner, taken: Arc::clone(&self.taken) })
    }
}

/// A place that is taken.
pub struct Place {
    owner: Owner,
    taken: Arc<Mutex<Taken>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(1);
        if let Some(own) = taken.by.get_mut(&self.owner) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                taken.by.remove(&self.owner);
            }
        }
    }
}

impl From<NoPlace> for Problem {
    fn from(none: NoPlace) -> Self {
        let problem = match none {
            NoPlace::All { most } => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "too-many-readers",
                "No place is free",
                format!("{most} event streams are open, as many as may be"),
            ),
            NoPlace::Share { most } => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "share-taken",
                "All places of this user or token are taken",
                format!("{most} event streams are open under this name, as many as one may have: close some"),
            ),
        };
        problem.retry_after(RETRY_AFTER_S)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;
    use crate::domain::Role;

    fn actor(name: &str, kind: ActorKind) -> Actor {
        Actor { name: name.to_owned(), role: Role::Viewer, kind }
    }

    #[test]
    fn one_name_has_a_quarter_and_a_place_comes_back() {
        let places = Places::new(8);
        let (ada, press) = (actor("ada", ActorKind::User), actor("ada", ActorKind::Token));
        let mut held: Vec<Place> = (0..2).map(|_| places.take(&ada).unwrap()).collect();
        assert_eq!(places.take(&ada).err(), Some(NoPlace::Share { most: 2 }));
        held.push(places.take(&press).unwrap());
        held.remove(0);
        held.push(places.take(&ada).unwrap());
        drop(held);
        let taken = places.taken.lock().unwrap();
        assert_eq!((taken.all, taken.by.len()), (0, 0), "who has no place is forgotten");
    }

    #[test]
    fn who_is_on_the_station_itself_may_have_all_and_no_more() {
        let places = Places::new(8);
        let _held: Vec<Place> = (0..8).map(|_| places.take(&Actor::loopback()).unwrap()).collect();
        assert_eq!(places.take(&Actor::loopback()).err(), Some(NoPlace::All { most: 8 }));
        assert_eq!(places.take(&actor("ada", ActorKind::User)).err(), Some(NoPlace::All { most: 8 }));
    }
}
