use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(60);
/// Rows of refusals in one window: whoever is refused cannot fill the disk with it.
const ROWS: u32 = 60;

/// Whether a refusal gets a row of its own in the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// It does; so many before it did not.
    Row { unlisted: u64 },
    /// It is only counted.
    Counted,
}

/// Bounds the rows that refusals make.
#[derive(Default)]
pub struct Refusals {
    window: Option<Instant>,
    rows: u32,
    unlisted: u64,
}

impl Refusals {
    pub fn list(&mut self, now: Instant) -> Listing {
        if self.window.is_none_or(|start| now.duration_since(start) >= WINDOW) {
            (self.window, self.rows) = (Some(now), 0);
        }
        if self.rows >= ROWS {
            self.unlisted += 1;
            return Listing::Counted;
        }
        self.rows += 1;
        Listing::Row { unlisted: std::mem::take(&mut self.unlisted) }
    }

    /// How many got no row in a window that is over, each told once.
    pub fn settle(&mut self, now: Instant) -> u64 {
        let over = self.window.is_none_or(|start| now.duration_since(start) >= WINDOW);
        if over { self.rest() } else { 0 }
    }

    /// How many got no row so far, each told once.
    pub const fn rest(&mut self) -> u64 {
        std::mem::replace(&mut self.unlisted, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_refusals_is_counted_not_listed() {
        let (mut refusals, now) = (Refusals::default(), Instant::now());
        for _ in 0..ROWS {
            assert_eq!(refusals.list(now), Listing::Row { unlisted: 0 });
        }
        for _ in 0..500 {
            assert_eq!(refusals.list(now), Listing::Counted);
        }
        assert_eq!(refusals.list(now + WINDOW), Listing::Row { unlisted: 500 });
        assert_eq!(refusals.list(now + WINDOW), Listing::Row { unlisted: 0 });
    }

    #[test]
    fn what_was_counted_is_told_once_after_its_window_or_at_the_end() {
        let (mut refusals, now) = (Refusals::default(), Instant::now());
        let flood = |refusals: &mut Refusals| {
            (0..ROWS + 5).for_each(|_| {
                refusals.list(now);
            })
        };
        flood(&mut refusals);
        assert_eq!(refusals.settle(now), 0, "the window is not over");
        assert_eq!((refusals.settle(now + WINDOW), refusals.settle(now + WINDOW)), (5, 0));
        let mut refusals = Refusals::default();
        flood(&mut refusals);
        assert_eq!((refusals.rest(), refusals.rest()), (5, 0));
    }
}
