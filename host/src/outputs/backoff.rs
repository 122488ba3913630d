use std::time::Duration;

const FIRST: Duration = Duration::from_millis(500);

/// How long to leave a receiver alone after it failed: twice as long each time, up to a bound, and never quite as long as
/// another station does.
#[derive(Debug)]
pub struct Backoff {
    failures: u32,
    longest: Duration,
}

impl Backoff {
    pub const fn new(longest: Duration) -> Self {
        Self { failures: 0, longest }
    }

    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// Counts a failure and says how long to wait.
    pub fn failed(&mut self) -> Duration {
        let mut byte = [0u8; 1];
        // Without random bytes the stations just wait equally long.
        let _ = getrandom::fill(&mut byte);
        let wait = self.wait(u32::from(byte[0]));
        self.failures = self.failures.saturating_add(1);
        wait
    }

    /// Between a half and the whole of the present bound; `random` is 0 to 255.
    fn wait(&self, random: u32) -> Duration {
        let bound = FIRST.saturating_mul(1 << self.failures.min(16)).min(self.longest);
        bound / 2 + bound / 2 * random / 255
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_bound_and_begin_anew_after_a_success() {
        let mut backoff = Backoff::new(Duration::from_secs(5));
        let mut bounds = Vec::new();
        for _ in 0..6 {
            bounds.push((backoff.wait(0).as_millis(), backoff.wait(255).as_millis()));
            let waited = backoff.failed();
            assert!(waited <= Duration::from_secs(5));
        }
        assert_eq!(bounds, [(250, 500), (500, 1000), (1000, 2000), (2000, 4000), (2500, 5000), (2500, 5000)]);
        for _ in 0..100 {
            let _ = backoff.failed();
        }
        backoff.succeeded();
        assert_eq!(backoff.wait(255), FIRST);
    }
}
