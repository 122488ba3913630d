//! Rules for passwords, and their hashing: expensive by intent, so only a few at a time.

use super::AccessError;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

pub const MIN_CHARS: usize = 8;
pub const MAX_CHARS: usize = 128;

/// Memory of one hash. OWASP's least for argon2id with these passes and lanes.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Hashes at one time: more would let a flood of sign-ins eat the station's memory.
const SEATS: usize = 2;
/// Callers that may wait for a seat, and how long.
const WAITING: usize = 4;
const WAIT: Duration = Duration::from_secs(2);

/// One password per line, in lower case: those that are tried first.
const WORST: &str = include_str!("worst_passwords.txt");

/// Verified for a name that nobody has, so that the time does not tell.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// # Errors
/// With the first rule that the password breaks.
pub fn check(name: &str, password: &str) -> Result<(), AccessError> {
    if !(MIN_CHARS..=MAX_CHARS).contains(&password.chars().count()) {
        return Err(AccessError::PasswordLength);
    }
    let lower = password.to_lowercase();
    // A short name stands in many a good password by chance.
    if lower == name || (name.len() >= 4 && lower.contains(name)) {
        return Err(AccessError::PasswordIsName);
    }
    let mut characters = lower.chars();
    let first = characters.next();
    if characters.all(|character| Some(character) == first) || WORST.lines().any(|worst| worst == lower) {
        return Err(AccessError::PasswordIsKnown);
    }
    Ok(())
}

/// Hashes and verifies, at most [`SEATS`] at one time.
#[derive(Default)]
pub struct Hashing {
    seats: Mutex<Seats>,
    freed: Condvar,
}

#[derive(Default)]
struct Seats {
    taken: usize,
    waiting: usize,
}

impl Hashing {
    /// The password's hash in PHC format.
    pub fn hash(&self, password: &str) -> Result<String, AccessError> {
        let _seat = self.seat()?;
        let failed = |error: String| AccessError::Hash { detail: error };
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| failed(error.to_string()))?;
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash: PasswordHash = argon.hash_password(password.as_bytes()).map_err(|error| failed(error.to_string()))?;
        Ok(hash.to_string())
    }

    /// Whether the password is that of the hash. Without a hash it takes as long, and the answer is no.
    pub fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, AccessError> {
        let _seat = self.seat()?;
        // What is longer was never accepted; hashing it is only work.
        if password.len() > 4 * MAX_CHARS {
            return Ok(false);
        }
        let holds = Argon2::default().verify_password(password.as_bytes(), hash.unwrap_or(NOBODY)).is_ok();
        Ok(holds && hash.is_some())
    }

    fn seat(&self) -> Result<Seat<'_>, AccessError> {
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        if seats.taken >= SEATS {
            if seats.waiting >= WAITING {
                return Err(AccessError::Busy);
            }
            seats.waiting += 1;
            let waited = self.freed.wait_timeout_while(seats, WAIT, |seats| seats.taken >= SEATS);
            seats = waited.unwrap_or_else(PoisonError::into_inner).0;
            seats.waiting -= 1;
            if seats.taken >= SEATS {
                return Err(AccessError::Busy);
            }
        }
        seats.taken += 1;
        Ok(Seat { of: self })
    }
}

struct Seat<'h> {
    of: &'h Hashing,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.of.seats.lock().unwrap_or_else(PoisonError::into_inner).taken -= 1;
        self.of.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn weak_passwords_are_refused_with_the_rule_that_they_break() {
        let code = |name: &str, password: &str| check(name, password).err().map(|error| error.code());
        assert_eq!(code("ada", "1234567"), Some("password-length"));
        assert_eq!(code("ada", "\u{5de5}\u{5382}\u{5de5}\u{5382}\u{5de5}\u{5382}"), Some("password-length"));
        assert_eq!(code("ada", &"x".repeat(129)), Some("password-length"));
        assert_eq!(code("lovelace", "Lovelace1843"), Some("password-is-name"));
        assert_eq!(code("ada", "Password1"), Some("password-is-known"));
        assert_eq!(code("ada", "aaaaaaaaaa"), Some("password-is-known"));
        assert_eq!(code("ada", "canada-goose-7"), None);
        assert_eq!(code("ada", "8 characters"), None);
        assert_eq!(code("ada", &"xy".repeat(64)), None);
    }

    #[test]
    fn the_list_of_the_worst_is_lower_case_and_long_enough_to_matter() {
        for worst in WORST.lines() {
            assert!(worst.len() >= MIN_CHARS && *worst == worst.to_lowercase(), "{worst:?}");
        }
    }

    #[test]
    fn a_hash_is_of_its_password_alone_and_says_what_it_cost() {
        let hashing = Hashing::default();
        let hash = hashing.hash("canada-goose-7").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, hashing.hash("canada-goose-7").unwrap(), "each has its own salt");
        assert!(hashing.verify("canada-goose-7", Some(&hash)).unwrap());
        assert!(!hashing.verify("canada-goose-8", Some(&hash)).unwrap());
        assert!(!hashing.verify("canada-goose-7", None).unwrap());
        PasswordHash::new(NOBODY).unwrap();
    }

    #[test]
    fn two_hash_at_a_time_some_wait_and_the_rest_is_told() {
        let hashing = Hashing::default();
        let (first, second) = (hashing.seat().unwrap(), hashing.seat().unwrap());
        hashing.seats.lock().unwrap().waiting = WAITING;
        assert!(matches!(hashing.seat().err(), Some(AccessError::Busy)));
        hashing.seats.lock().unwrap().waiting = 0;
        std::thread::scope(|scope| {
            let third = scope.spawn(|| hashing.seat().map(drop).is_ok());
            while hashing.seats.lock().unwrap().waiting == 0 {
                std::thread::yield_now();
            }
            drop(first);
            assert!(third.join().unwrap());
        });
        drop(second);
        assert_eq!(hashing.seats.lock().unwrap().taken, 0);
    }
}
