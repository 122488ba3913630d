use super::Fault;

/// Zero bytes before a marker, with which encoders in cameras align their data to words.
const MAX_PADDING_BYTES: u32 = 3;

/// The bits of entropy-coded data, up to the next marker or the end of the file.
pub(super) struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    /// What comes next, its first bit at the top; zeros behind what there is.
    window: u64,
    /// How many bits of `window` there are; below zero where more were taken.
    left: i32,
    /// Nothing is left to read before the marker.
    ended: bool,
}

impl<'a> Bits<'a> {
    pub fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0, window: 0, left: 0, ended: false }
    }

    /// Makes 32 bits or more ready, where there are as many.
    #[inline]
    pub fn fill(&mut self) {
        if self.left > 32 || self.ended {
            return;
        }
        let word =
            self.data.get(self.at..).and_then(<[u8]>::first_chunk).map_or(u32::MAX, |at| u32::from_be_bytes(*at));
        if has_ff(word) {
            self.fill_by_bytes();
            return;
        }
        self.window |= u64::from(word) << (32 - self.left);
        self.left += 32;
        self.at += 4;
    }

    fn fill_by_bytes(&mut self) {
        while self.left <= 56 {
            let (byte, taken) = match self.data.get(self.at..) {
                Some([0xff, 0, ..]) => (0xff, 2),
                Some([0xff, ..] | []) | None => {
                    self.ended = true;
                    return;
                }
                Some([byte, ..]) => (*byte, 1),
            };
            self.window |= u64::from(byte) << (56 - self.left);
            self.left += 8;
            self.at += taken;
        }
    }

    /// The next `count` bits, 1 to 16, as a number.
    #[inline]
    pub const fn peek(&self, count: u32) -> u32 {
        (self.window >> (64 - count)) as u32
    }

    /// Passes over `count` bits, at most 32 since the last [`Bits::fill`].
    #[inline]
    pub fn skip(&mut self, count: u32) {
        self.window <<= count;
        self.left -= count.cast_signed();
    }

    /// Passes over up to 64 bits.
    pub fn skip_many(&mut self, mut count: u32) {
        while count > 0 {
            self.fill();
            let now = count.min(32);
            self.skip(now);
            count -= now;
        }
    }

    #[inline]
    pub const fn check(&self) -> Result<(), Fault> {
        if self.left < 0 { Err(Fault::DataMissing) } else { Ok(()) }
    }

    /// Ends a run of data: but for padding, no whole byte may be left before the marker. Returns where the marker is.
    pub fn end(&mut self) -> Result<usize, Fault> {
        self.check()?;
        self.fill();
        self.skip(self.left.cast_unsigned() % 8);
        for _ in 0..MAX_PADDING_BYTES {
            if self.left < 8 || self.peek(8) != 0 {
                break;
            }
            self.skip(8);
            self.fill();
        }
        if self.ended && self.left < 8 { Ok(self.at) } else { Err(Fault::DataLeft) }
    }

    /// Passes the restart marker of this number, the only thing that may come here.
    pub fn restart(&mut self, number: u8) -> Result<(), Fault> {
        let at = self.end()?;
        let rest = self.data.get(at..).unwrap_or_default();
        let fill = rest.iter().take_while(|byte| **byte == 0xff).count();
        match rest.get(fill) {
            Some(marker) if fill > 0 && *marker == 0xd0 + number => {
                *self = Self { at: at + fill + 1, ..Self::new(self.data) };
                Ok(())
            }
            _ => Err(Fault::WrongRestart { expected: number }),
        }
    }
}

/// Whether a byte of `word` begins a marker or an escape: one that its complement has as zero.
#[inline]
const fn has_ff(word: u32) -> bool {
    (!word).wrapping_sub(0x0101_0101) & word & 0x8080_8080 != 0
}
