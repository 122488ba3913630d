use super::Fault;
use super::bits::Bits;
use std::cell::OnceCell;

/// Codes of up to that many bits are found in one step.
const LOOK: u32 = 11;

/// A Huffman table as far as it takes to pass over codes.
pub(super) struct Table {
    /// By the next `LOOK` bits: the code's length above its symbol, 0 where the code is longer or there is none.
    short: [u16; 1 << LOOK],
    /// Of each length: one more than its last code, filled up to 16 bits, and what leads from a code to its symbol.
    long: [(u32, i32); 17],
    symbols: Vec<u8>,
    steps: OnceCell<Steps>,
}

/// By the next `LOOK` bits: how far the codes among them lead, several of them at once. Most of the time that a
/// sequential picture takes goes into single codes.
pub(super) struct Steps(Box<[Step; 1 << LOOK]>);

/// Some codes for AC coefficients and the bits of their values.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(4))]
pub(super) struct Step {
    /// At most 31; 0 where not even one code is known by `LOOK` bits.
    pub bits: u8,
    /// How many coefficients.
    pub advance: u8,
    /// The last code ends the block.
    pub ends: bool,
}

impl Steps {
    #[inline]
    pub fn peek(&self, bits: &Bits<'_>) -> Step {
        self.0.get(bits.peek(LOOK) as usize).copied().unwrap_or_default()
    }
}

impl Table {
    /// From how many codes there are of each length, and their symbols.
    pub fn new(counts: &[u8; 16], symbols: &[u8]) -> Result<Self, Fault> {
        let mut table =
            Self { short: [0; 1 << LOOK], long: [(0, 0); 17], symbols: symbols.to_vec(), steps: OnceCell::new() };
        let (mut code, mut index) = (0u32, 0usize);
        for (length, count) in (1u32..).zip(counts) {
            let offset = i32::try_from(index).unwrap_or(0) - code.cast_signed();
            for symbol in symbols.iter().skip(index).take((*count).into()) {
                if length <= LOOK {
                    let width = 1usize << (LOOK - length);
                    let entry = (length << 8) as u16 | u16::from(*symbol);
                    table.short.iter_mut().skip(code as usize * width).take(width).for_each(|at| *at = entry);
                }
                code += 1;
            }
            index += usize::from(*count);
            if code > 1 << length {
                return Err(Fault::BadTable);
            }
            if let Some(long) = table.long.get_mut(length as usize) {
                *long = (code << (16 - length), offset);
            }
            code <<= 1;
        }
        Ok(table)
    }

    /// The next code's length and symbol. The bits are made ready, and left where they are.
    #[inline]
    pub fn peek(&self, bits: &mut Bits<'_>) -> Result<(u32, u8), Fault> {
        bits.fill();
        match self.short.get(bits.peek(LOOK) as usize) {
            Some(entry) if *entry != 0 => Ok((u32::from(entry >> 8), (entry & 0xff) as u8)),
            _ => self.peek_long(bits.peek(16)),
        }
    }

    #[cold]
    fn peek_long(&self, code: u32) -> Result<(u32, u8), Fault> {
        for (length, (end, offset)) in (0u32..).zip(&self.long).skip(LOOK as usize + 1) {
            if code < *end {
                let index = (code >> (16 - length)).cast_signed() + offset;
                let symbol = usize::try_from(index).ok().and_then(|index| self.symbols.get(index));
                return symbol.map(|symbol| (length, *symbol)).ok_or(Fault::WrongCode);
            }
        }
        Err(Fault::WrongCode)
    }

    pub fn steps(&self) -> &Steps {
        self.steps.get_or_init(|| {
            let mut steps = Box::new([Step::default(); 1 << LOOK]);
            for (index, step) in (0u32..).zip(steps.iter_mut()) {
                *step = self.step(index);
            }
            Steps(steps)
        })
    }

    /// Goes on while the next code lies whole in the `LOOK` bits of `index`.
    fn step(&self, index: u32) -> Step {
        let mut step = Step::default();
        while u32::from(step.bits) < LOOK && step.advance < 64 {
            let next = (index << step.bits) & ((1 << LOOK) - 1);
            let Some(entry) = self.short.get(next as usize) else { break };
            let (length, symbol) = ((entry >> 8) as u8, (entry & 0xff) as u8);
            if length == 0 || u32::from(step.bits + length) > LOOK {
                break;
            }
            step.bits += length + (symbol & 15);
            if symbol & 15 == 0 && symbol >> 4 != 15 {
                step.ends = true;
                break;
            }
            step.advance += (symbol >> 4) + 1;
        }
        step
    }
}
