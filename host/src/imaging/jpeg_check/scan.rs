use super::bits::Bits;
use super::huffman::{Steps, Table};
use super::{Band, Fault};

/// How the blocks of one component are coded in one scan.
pub(super) enum Coding<'a> {
    Sequential { dc: &'a Table, ac: &'a Table, steps: &'a Steps },
    DcFirst { dc: &'a Table },
    DcRefine,
    AcFirst { ac: &'a Table, band: Band, seen: &'a mut [u64] },
    AcRefine { ac: &'a Table, band: Band, seen: &'a mut [u64] },
}

/// A component's part of each unit of a scan.
pub(super) struct Part<'a> {
    pub coding: Coding<'a>,
    pub blocks: u32,
}

/// Passes over the data of one scan and returns where it ends. Each unit has to be there, and nothing else.
pub(super) fn walk(data: &[u8], units: usize, restart_every: u16, parts: &mut [Part<'_>]) -> Result<usize, Fault> {
    let mut bits = Bits::new(data);
    let mut eob_run = 0;
    let mut number = 0;
    let mut until_restart = u32::from(restart_every);
    for unit in 0..units {
        if restart_every > 0 {
            if until_restart == 0 {
                check_run(eob_run)?;
                bits.restart(number)?;
                number = (number + 1) % 8;
                until_restart = restart_every.into();
            }
            until_restart -= 1;
        }
        for part in parts.iter_mut() {
            for _ in 0..part.blocks {
                part.coding.block(&mut bits, unit, &mut eob_run)?;
            }
        }
        bits.check()?;
    }
    check_run(eob_run)?;
    bits.end()
}

/// A run of empty blocks ends with the scan or before.
const fn check_run(eob_run: u32) -> Result<(), Fault> {
    if eob_run > 0 { Err(Fault::DataMissing) } else { Ok(()) }
}

impl Coding<'_> {
    #[inline]
    fn block(&mut self, bits: &mut Bits<'_>, unit: usize, eob_run: &mut u32) -> Result<(), Fault> {
        match self {
            Self::Sequential { dc, ac, steps } => {
                dc_value(bits, dc)?;
                ac_values(bits, ac, steps)
            }
            Self::DcFirst { dc } => dc_value(bits, dc),
            Self::DcRefine => {
                bits.fill();
                bits.skip(1);
                Ok(())
            }
            Self::AcFirst { ac, band, seen } => match seen.get_mut(unit) {
                Some(seen) => ac_first(bits, ac, *band, seen, eob_run),
                None => Err(Fault::BadHeader),
            },
            Self::AcRefine { ac, band, seen } => match seen.get_mut(unit) {
                Some(seen) => ac_refine(bits, ac, *band, seen, eob_run),
                None => Err(Fault::BadHeader),
            },
        }
    }
}

#[inline]
fn dc_value(bits: &mut Bits<'_>, dc: &Table) -> Result<(), Fault> {
    let (length, size) = dc.peek(bits)?;
    if size > 15 {
        return Err(Fault::WrongCode);
    }
    bits.skip(length + u32::from(size));
    Ok(())
}

#[inline]
fn ac_values(bits: &mut Bits<'_>, ac: &Table, steps: &Steps) -> Result<(), Fault> {
    let mut at = 1;
    while at < 64 {
        bits.fill();
        let step = steps.peek(bits);
        // Codes behind the block's last coefficient are of the next block: there it goes code by code.
        if step.bits > 0 && at + step.advance + u8::from(step.ends) <= 64 {
            bits.skip(step.bits.into());
            if step.ends {
                return Ok(());
            }
            at += step.advance;
            continue;
        }
        let (length, symbol) = ac.peek(bits)?;
        let (run, size) = (symbol >> 4, symbol & 15);
        bits.skip(length + u32::from(size));
        if size == 0 && run != 15 {
            return Ok(());
        }
        at += run + 1;
    }
    if at > 64 { Err(Fault::WrongCode) } else { Ok(()) }
}

fn ac_first(bits: &mut Bits<'_>, ac: &Table, band: Band, seen: &mut u64, eob_run: &mut u32) -> Result<(), Fault> {
    if *eob_run > 0 {
        *eob_run -= 1;
        return Ok(());
    }
    let mut at = band.first;
    while at <= band.last {
        let (length, symbol) = ac.peek(bits)?;
        let (run, size) = (symbol >> 4, symbol & 15);
        bits.skip(length);
        if size == 0 && run != 15 {
            *eob_run = run_of_ends(bits, run) - 1;
            return Ok(());
        }
        at += run;
        if size > 0 {
            if at > band.last {
                return Err(Fault::WrongCode);
            }
            *seen |= 1 << at;
            bits.skip(size.into());
        }
        at += 1;
    }
    Ok(())
}

/// How many blocks end here, this one among them. `run` is below 15.
fn run_of_ends(bits: &mut Bits<'_>, run: u8) -> u32 {
    let more = if run == 0 { 0 } else { bits.peek(run.into()) };
    bits.skip(run.into());
    (1 << run) + more
}

/// Each coefficient that is not zero yet takes one bit of the scan, wherever the codes pass it.
fn ac_refine(bits: &mut Bits<'_>, ac: &Table, band: Band, seen: &mut u64, eob_run: &mut u32) -> Result<(), Fault> {
    let mut at = band.first;
    while *eob_run == 0 && at <= band.last {
        let (length, symbol) = ac.peek(bits)?;
        let (run, size) = (symbol >> 4, symbol & 15);
        bits.skip(length);
        match size {
            0 if run != 15 => {
                *eob_run = run_of_ends(bits, run);
                break;
            }
            0 => {}
            // A coefficient that begins in a refinement has one bit, and this is its sign.
            1 => bits.skip(1),
            _ => return Err(Fault::WrongCode),
        }
        let place = zero_after(*seen, band, at, run);
        bits.skip_many(ones(*seen, at, place));
        if size == 1 {
            if place > band.last {
                return Err(Fault::WrongCode);
            }
            *seen |= 1 << place;
        }
        at = place + 1;
    }
    if *eob_run > 0 {
        bits.skip_many(ones(*seen, at, band.last + 1));
        *eob_run -= 1;
    }
    Ok(())
}

/// The place of the zero coefficient before which `run` others are passed; behind the band where it has no such.
fn zero_after(seen: u64, band: Band, from: u8, run: u8) -> u8 {
    let mut left = run;
    for at in from..=band.last {
        if seen >> at & 1 == 0 {
            if left == 0 {
                return at;
            }
            left -= 1;
        }
    }
    band.last + 1
}

/// How many coefficients from `from` on and before `end` are not zero.
const fn ones(seen: u64, from: u8, end: u8) -> u32 {
    if from >= end {
        return 0;
    }
    let upto = if end >= 64 { u64::MAX } else { (1 << end) - 1 };
    ((seen & upto) >> from).count_ones()
}
