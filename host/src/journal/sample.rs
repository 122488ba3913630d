//! Which passes people are to look at: drawn by the digest of the frame's id, so that nobody chooses them, everybody can
//! check the draw, and a restart changes nothing.

use crate::domain::{Digest, FrameId};

/// Says what is drawn, so that no other use of the id's digest draws the same frames.
const PURPOSE: &str = "assay review sample ";

/// Whether a frame is in the random sample of one in `one_in`. 0 draws none. What is drawn at a lower rate is also
/// drawn at a higher one.
#[must_use]
pub fn is_drawn(id: &FrameId, one_in: u64) -> bool {
    let Some(limit) = u64::MAX.checked_div(one_in) else { return false };
    let digest = Digest::of(format!("{PURPOSE}{id}").as_bytes());
    let first = digest.as_bytes().first_chunk().copied().map(u64::from_be_bytes);
    first.is_some_and(|first| first <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(trigger: u64) -> FrameId {
        FrameId { station: "line-1".to_owned(), boot: 3, trigger }
    }

    #[test]
    fn the_draw_has_the_rate_that_it_says_and_a_lower_one_is_part_of_a_higher() {
        let drawn = |one_in| (1..=20_000).filter(|trigger| is_drawn(&id(*trigger), one_in)).collect::<Vec<_>>();
        // 20,000 draws of 1/50: 400, with a standard deviation of 20.
        assert!((320..=480).contains(&drawn(50).len()), "{}", drawn(50).len());
        assert!(drawn(200).iter().all(|trigger| drawn(50).contains(trigger)));
        assert_eq!((drawn(1).len(), drawn(0).len()), (20_000, 0));
    }

    #[test]
    fn the_draw_never_changes() {
        // SHA-256 of the purpose and the id, by another program: a station that draws otherwise breaks its own sample.
        let drawn: Vec<u64> = (1..=300).filter(|trigger| is_drawn(&id(*trigger), 50)).collect();
        assert_eq!(drawn, DRAWN);
    }

    // python3: [t for t in range(1, 301) if int.from_bytes(hashlib.sha256(f"assay review sample line-1-3-{t}".encode())
    //   .digest()[:8], "big") <= (2**64 - 1) // 50]
    const DRAWN: &[u64] = &[58, 99, 174, 176, 184, 205];
}
