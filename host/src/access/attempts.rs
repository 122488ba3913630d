//! How often somebody may try a password. A delay that grows, never a lock: on a factory floor nobody may be shut out
//! for good, neither by mistakes of their own nor by those of others.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// Without an attempt for so long, earlier ones are forgotten.
const FORGET: Duration = Duration::from_secs(15 * 60);
const MAX_TALLIES: usize = 10_000;

/// Attempts that cost nothing, and the longest delay after them.
struct Rule {
    free: u32,
    longest: Duration,
}

/// One name from one address: a person, or whoever guesses.
const PAIR: Rule = Rule { free: 5, longest: Duration::from_secs(60) };
/// One address, whatever the name. Many people may share one.
const ADDRESS: Rule = Rule { free: 20, longest: Duration::from_secs(60) };
/// One name from everywhere: slows a spread attack, and keeps the person who has the name waiting for seconds only.
const NAME: Rule = Rule { free: 20, longest: Duration::from_secs(10) };

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Pair(String, IpAddr),
    Address(IpAddr),
    Name(String),
}

impl Key {
    const fn rule(&self) -> Rule {
        match self {
            Self::Pair(..) => PAIR,
            Self::Address(_) => ADDRESS,
            Self::Name(_) => NAME,
        }
    }
}

struct Tally {
    attempts: u32,
    last: Instant,
}

/// Attempts that were not followed by a success.
#[derive(Default)]
pub struct Attempts {
    tallies: HashMap<Key, Tally>,
}

impl Attempts {
    /// Counts an attempt before it is made, so that many at once do not slip through.
    ///
    /// # Errors
    /// With the time to wait, where it is too soon; then nothing is counted.
    pub fn begin(&mut self, name: &str, from: IpAddr, now: Instant) -> Result<(), Duration> {
        let keys = keys(name, from);
        let wait = keys.iter().filter_map(|key| self.wait(key, now)).max();
        if let Some(wait) = wait {
            return Err(wait);
        }
        for key in keys {
            self.count(key, now);
        }
        Ok(())
    }

    /// The attempt was right: the person's own earlier ones are forgotten, those of others are not.
    pub fn succeeded(&mut self, name: &str, from: IpAddr) {
        let [pair, address, by_name] = keys(name, from);
        self.tallies.remove(&pair);
        for key in [address, by_name] {
            if let Some(tally) = self.tallies.get_mut(&key) {
                tally.attempts = tally.attempts.saturating_sub(1);
            }
        }
    }

    fn wait(&self, key: &Key, now: Instant) -> Option<Duration> {
        let tally = self.tallies.get(key)?;
        let since = now.duration_since(tally.last);
        let Rule { free, longest } = key.rule();
        if since >= FORGET || tally.attempts < free {
            return None;
        }
        let doublings = (tally.attempts - free).min(20);
        let delay = Duration::from_secs(1 << doublings).min(longest);
        delay.checked_sub(since).filter(|wait| !wait.is_zero())
    }

    fn count(&mut self, key: Key, now: Instant) {
        if self.tallies.len() >= MAX_TALLIES && !self.tallies.contains_key(&key) {
            self.make_room(now);
        }
        let tally = self.tallies.entry(key).or_insert(Tally { attempts: 0, last: now });
        if now.duration_since(tally.last) >= FORGET {
            tally.attempts = 0;
        }
        tally.attempts = tally.attempts.saturating_add(1);
        tally.last = now;
    }

    fn make_room(&mut self, now: Instant) {
        self.tallies.retain(|_, tally| now.duration_since(tally.last) < FORGET);
        if self.tallies.len() >= MAX_TALLIES {
            let oldest = self.tallies.iter().min_by_key(|(_, tally)| tally.last).map(|(key, _)| key.clone());
            oldest.map(|key| self.tallies.remove(&key));
        }
    }
}

fn keys(name: &str, from: IpAddr) -> [Key; 3] {
    let from = network(from);
    [Key::Pair(name.to_owned(), from), Key::Address(from), Key::Name(name.to_owned())]
}

/// One machine has a whole /64 of IPv6 addresses.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() & !u128::from(u64::MAX))),
        four @ IpAddr::V4(_) => four,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[test]
    fn the_delay_grows_and_stops_growing() {
        let (mut attempts, mut now) = (Attempts::default(), Instant::now());
        for _ in 0..5 {
            attempts.begin("ada", address(1), now).unwrap();
        }
        let mut waits = Vec::new();
        for _ in 0..9 {
            let wait = attempts.begin("ada", address(1), now).unwrap_err();
            waits.push(wait.as_secs());
            now += wait;
            attempts.begin("ada", address(1), now).unwrap();
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        attempts.begin("ada", address(1), now + FORGET).unwrap();
        attempts.begin("ada", address(1), now + FORGET).unwrap();
    }

    #[test]
    fn somebody_elses_mistakes_cost_a_person_seconds_at_most() {
        let (mut attempts, mut now) = (Attempts::default(), Instant::now());
        for _ in 0..200 {
            while let Err(wait) = attempts.begin("ada", address(66), now) {
                now += wait;
            }
        }
        let wait = attempts.begin("ada", address(1), now).err().unwrap_or_default();
        assert!(wait <= NAME.longest, "{wait:?}");
        assert!(attempts.begin("ben", address(1), now).is_ok());
    }

    #[test]
    fn one_address_cannot_try_name_after_name() {
        let (mut attempts, now) = (Attempts::default(), Instant::now());
        for number in 0..20 {
            attempts.begin(&format!("user-{number}"), address(1), now).unwrap();
        }
        assert!(attempts.begin("another", address(1), now).is_err());
        let mut six = Attempts::default();
        for number in 0..20_u128 {
            let from = IpAddr::V6(Ipv6Addr::from_bits((0x2001_u128 << 112) + number));
            six.begin(&format!("user-{number}"), from, now).unwrap();
        }
        assert!(six.begin("another", "2001::99".parse().unwrap(), now).is_err());
    }

    #[test]
    fn a_success_forgets_the_persons_own_mistakes() {
        let (mut attempts, now) = (Attempts::default(), Instant::now());
        for _ in 0..5 {
            attempts.begin("ada", address(1), now).unwrap();
        }
        attempts.succeeded("ada", address(1));
        attempts.begin("ada", address(1), now).unwrap();
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (mut attempts, now) = (Attempts::default(), Instant::now());
        for number in 0..6_000_u32 {
            let from = IpAddr::from(number.to_be_bytes());
            attempts.begin(&format!("user-{number}"), from, now + Duration::from_millis(number.into())).unwrap();
        }
        assert!(attempts.tallies.len() <= MAX_TALLIES);
    }
}
