//! What the monitor remembers between frames, and its bytes in the host's state.

use crate::adwin::{Adwin, Bucket};

/// Of the bytes; another version is read as no memory at all.
const VERSION: u8 = 1;

/// Upper bounds of what is read back, so that damaged bytes cannot ask for much.
const MAX_VALUES: usize = 4096;
const MAX_ROWS: usize = 48;
const MAX_BUCKETS: usize = 64;

/// One watched feature.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Track {
    /// Of the reference: values are standardised by these.
    pub mean: f64,
    pub sd: f64,
    pub adwin: Adwin,
    /// The window that is being filled.
    pub window: Vec<f64>,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Memory {
    /// Of the reference and the settings that it was begun with.
    pub fingerprint: u64,
    /// Frames since then.
    pub frames: u64,
    pub tracks: Vec<Track>,
}

impl Memory {
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer(Vec::with_capacity(4096));
        out.0.push(VERSION);
        out.u64(self.fingerprint);
        out.u64(self.frames);
        out.count(self.tracks.len());
        for track in &self.tracks {
            out.numbers(&[track.mean, track.sd]);
            out.0.push(u8::from(track.adwin.changed));
            out.u64(track.adwin.tick);
            out.numbers(&[track.adwin.width, track.adwin.total, track.adwin.variance]);
            out.count(track.adwin.rows.len());
            for row in &track.adwin.rows {
                out.count(row.len());
                row.iter().for_each(|bucket| out.numbers(&[bucket.total, bucket.variance]));
            }
            out.count(track.window.len());
            out.numbers(&track.window);
        }
        out.0
    }

    /// `None` where the bytes are of another version, damaged, or hold numbers that are not finite.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut input = Reader(bytes);
        if input.u8()? != VERSION {
            return None;
        }
        let (fingerprint, frames) = (input.u64()?, input.u64()?);
        let count = input.count(MAX_ROWS)?;
        let tracks = (0..count).map(|_| read_track(&mut input)).collect::<Option<_>>()?;
        input.0.is_empty().then_some(Self { fingerprint, frames, tracks })
    }
}

fn read_track(input: &mut Reader<'_>) -> Option<Track> {
    let (mean, sd) = (input.number()?, input.number()?);
    let changed = input.u8()? != 0;
    let mut adwin = Adwin { changed, tick: input.u64()?, ..Adwin::default() };
    (adwin.width, adwin.total, adwin.variance) = (input.number()?, input.number()?, input.number()?);
    for _ in 0..input.count(MAX_ROWS)? {
        let count = input.count(MAX_BUCKETS)?;
        let bucket = |_| Some(Bucket { total: input.number()?, variance: input.number()? });
        adwin.rows.push((0..count).map(bucket).collect::<Option<_>>()?);
    }
    let count = input.count(MAX_VALUES)?;
    let window = (0..count).map(|_| input.number()).collect::<Option<_>>()?;
    Some(Track { mean, sd, adwin, window })
}

struct Writer(Vec<u8>);

impl Writer {
    fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn count(&mut self, count: usize) {
        let count = u16::try_from(count).unwrap_or(u16::MAX);
        self.0.extend_from_slice(&count.to_le_bytes());
    }

    fn numbers(&mut self, values: &[f64]) {
        values.iter().for_each(|value| self.0.extend_from_slice(&value.to_le_bytes()));
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn count(&mut self, most: usize) -> Option<usize> {
        self.take().map(u16::from_le_bytes).map(usize::from).filter(|count| *count <= most)
    }

    fn number(&mut self) -> Option<f64> {
        self.take().map(f64::from_le_bytes).filter(|value| value.is_finite())
    }
}

/// A hash of text in blocks of 8 bytes: to see that a reference is another one, not to keep an attacker out (the
/// reference is signed).
#[must_use]
pub fn fingerprint(text: &str, seed: u64) -> u64 {
    let mix = |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    let (blocks, rest) = text.as_bytes().as_chunks::<64>();
    let mut hash = mix(seed, text.len() as u64);
    for block in blocks {
        for word in block.as_chunks::<8>().0 {
            hash = mix(hash, u64::from_le_bytes(*word));
        }
    }
    rest.iter().fold(hash, |hash, byte| mix(hash, u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::{Memory, Track, fingerprint};
    use crate::adwin::AdwinOptions;

    fn memory() -> Memory {
        let mut track = Track { mean: 150.0, sd: 10.0, ..Track::default() };
        for at in 0..500 {
            track.adwin.update(f64::from(at % 7), &AdwinOptions::default());
        }
        track.window = vec![1.0, 2.0, 3.0];
        Memory { fingerprint: 7, frames: 500, tracks: vec![track, Track::default()] }
    }

    #[test]
    fn memory_survives_the_way_to_bytes_and_back() {
        let bytes = memory().to_bytes();
        assert!(bytes.len() < 2048, "{}", bytes.len());
        assert_eq!(Memory::from_bytes(&bytes), Some(memory()));
    }

    #[test]
    fn damaged_bytes_are_no_memory() {
        let bytes = memory().to_bytes();
        for end in 0..bytes.len() {
            assert_eq!(Memory::from_bytes(bytes.get(..end).unwrap()), None, "cut at {end}");
        }
        assert_eq!(Memory::from_bytes(&[bytes.as_slice(), &[0]].concat()), None, "bytes behind the end");
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            *flipped.get_mut(at).unwrap() ^= 0xff;
            let _ = Memory::from_bytes(&flipped);
        }
        let mut other = bytes;
        *other.first_mut().unwrap() = 2;
        assert_eq!(Memory::from_bytes(&other), None, "another version");
    }

    #[test]
    fn numbers_that_are_not_finite_are_no_memory() {
        let mut broken = memory();
        broken.tracks.first_mut().unwrap().window = vec![f64::NAN];
        assert_eq!(Memory::from_bytes(&broken.to_bytes()), None);
    }

    #[test]
    fn another_text_has_another_fingerprint() {
        let text = "x".repeat(200);
        let hash = fingerprint(&text, 1);
        assert_eq!(hash, fingerprint(&text, 1));
        assert_ne!(hash, fingerprint(&text, 2));
        for at in [0, 63, 64, 191, 192, 199] {
            let mut other = text.clone().into_bytes();
            *other.get_mut(at).unwrap() = b'y';
            assert_ne!(hash, fingerprint(std::str::from_utf8(&other).unwrap(), 1), "{at}");
        }
    }
}
