//! Whether a JPEG has all that it is made of.
//!
//! A decoder paints a picture whose data ends early, or is out of step, without a word: it fills up with zeros. Here
//! the codes are walked, no pixel is made, and each unit of each scan has to be there: no more, no less, with the restart
//! markers in their order. Damage that leaves the same number of codes is not seen: JPEG has no checksum.

mod bits;
mod huffman;
mod scan;
mod standard;

use huffman::Table;
use scan::{Coding, Part};

/// The decoder takes no more.
const MAX_SCANS: u32 = 100;
/// Eight for each scan: no more can be in use.
const MAX_TABLES: u32 = 8 * (MAX_SCANS + 1);
/// No scan has coded a coefficient so far.
const UNCODED: u8 = u8::MAX;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("its end marker is missing")]
    NoEnd,
    #[error("picture data is missing")]
    DataMissing,
    #[error("there is more picture data than the picture needs")]
    DataLeft,
    #[error("its data holds a code that does not exist")]
    WrongCode,
    #[error("restart marker {expected} is not where it belongs")]
    WrongRestart { expected: u8 },
    #[error("a table of codes is wrong or missing")]
    BadTable,
    #[error("its headers do not fit together")]
    BadHeader,
    #[error("its scans do not make a whole picture")]
    ScansMissing,
}

/// The coefficients that a scan is about.
#[derive(Debug, Clone, Copy)]
struct Band {
    first: u8,
    last: u8,
}

struct Component {
    id: u8,
    across: u32,
    down: u32,
    /// The lowest bit that is known of each coefficient, 0 where it is whole.
    known_to: [u8; 64],
    /// Of each block, the coefficients that are not zero: what a refinement depends on.
    seen: Vec<u64>,
}

#[derive(Default)]
struct Picture {
    width: u32,
    height: u32,
    progressive: bool,
    components: Vec<Component>,
    dc: [Option<Table>; 4],
    ac: [Option<Table>; 4],
    restart_every: u16,
    scans: u32,
    tables: u32,
}

/// Walks the file from marker to marker up to the end of the picture. Time and memory are bounded by the number of
/// blocks and the size of the file, so the size of the picture has to be checked before.
pub(super) fn check(bytes: &[u8]) -> Result<(), Fault> {
    let mut picture = Picture::default();
    let mut rest = bytes;
    // Each round takes at least the two bytes of a marker.
    while let Some(at) = rest.windows(2).position(|pair| matches!(pair, [0xff, 0x01..=0xfe])) {
        let (marker, after) = rest.get(at + 1..).and_then(<[u8]>::split_first).ok_or(Fault::NoEnd)?;
        rest = after;
        match marker {
            0xd9 => return picture.whole(),
            // Start of image, restarts and the temporary marker stand alone.
            0x01 | 0xd0..=0xd8 => continue,
            _ => {}
        }
        let length = rest.first_chunk::<2>().map_or(0, |bytes| usize::from(u16::from_be_bytes(*bytes))).max(2);
        let (segment, after) = rest.split_at_checked(length).ok_or(Fault::NoEnd)?;
        rest = after;
        let body = segment.get(2..).unwrap_or_default();
        match marker {
            0xc0..=0xc2 => picture.frame(body, *marker == 0xc2)?,
            0xc4 => picture.tables(body)?,
            0xdd => picture.restart_every = body.first_chunk().map_or(0, |bytes| u16::from_be_bytes(*bytes)),
            0xe0 if body.starts_with(b"AVI1\0") => picture.standard_tables()?,
            0xda => {
                let end = picture.scan(body, rest)?;
                rest = rest.get(end..).unwrap_or_default();
            }
            _ => {}
        }
    }
    Err(Fault::NoEnd)
}

impl Picture {
    fn frame(&mut self, body: &[u8], progressive: bool) -> Result<(), Fault> {
        let Some((&[_, high, low, wide_high, wide_low, count], rest)) = body.split_first_chunk() else {
            return Err(Fault::BadHeader);
        };
        let (components, _) = rest.as_chunks::<3>();
        if !self.components.is_empty() || components.len() < count.into() || !(1..=4).contains(&count) {
            return Err(Fault::BadHeader);
        }
        self.height = u16::from_be_bytes([high, low]).into();
        self.width = u16::from_be_bytes([wide_high, wide_low]).into();
        self.progressive = progressive;
        for &[id, sampling, _] in components.iter().take(count.into()) {
            let (across, down) = (u32::from(sampling >> 4), u32::from(sampling & 15));
            if !(1..=4).contains(&across) || !(1..=4).contains(&down) {
                return Err(Fault::BadHeader);
            }
            self.components.push(Component { id, across, down, known_to: [UNCODED; 64], seen: Vec::new() });
        }
        Ok(())
    }

    fn tables(&mut self, mut body: &[u8]) -> Result<(), Fault> {
        while let Some((place, rest)) = body.split_first() {
            self.tables += 1;
            if self.tables > MAX_TABLES {
                return Err(Fault::BadTable);
            }
            let (counts, rest) = rest.split_first_chunk::<16>().ok_or(Fault::BadTable)?;
            let symbols = counts.iter().map(|count| usize::from(*count)).sum();
            let (symbols, rest) = rest.split_at_checked(symbols).ok_or(Fault::BadTable)?;
            let tables = if place >> 4 == 0 { &mut self.dc } else { &mut self.ac };
            *tables.get_mut(usize::from(place & 15)).ok_or(Fault::BadTable)? = Some(Table::new(counts, symbols)?);
            body = rest;
        }
        Ok(())
    }

    /// As in every picture of a Motion JPEG stream, until the picture brings its own.
    fn standard_tables(&mut self) -> Result<(), Fault> {
        let [dc_luma, dc_chroma, ..] = &mut self.dc;
        let [ac_luma, ac_chroma, ..] = &mut self.ac;
        let standard = [
            (dc_luma, standard::DC_LUMA),
            (dc_chroma, standard::DC_CHROMA),
            (ac_luma, standard::AC_LUMA),
            (ac_chroma, standard::AC_CHROMA),
        ];
        for (place, (counts, symbols)) in standard {
            if place.is_none() {
                *place = Some(Table::new(&counts, symbols)?);
            }
        }
        Ok(())
    }

    /// Walks one scan; returns where its data ends.
    fn scan(&mut self, body: &[u8], data: &[u8]) -> Result<usize, Fault> {
        let (count, rest) = body.split_first().ok_or(Fault::BadHeader)?;
        let (chosen, rest) = rest.split_at_checked(usize::from(*count) * 2).ok_or(Fault::BadHeader)?;
        let Some(&[first, last, bits]) = rest.first_chunk() else { return Err(Fault::BadHeader) };
        let (chosen, _) = chosen.as_chunks::<2>();
        self.scans += 1;
        if chosen.is_empty() || self.scans > MAX_SCANS {
            return Err(Fault::BadHeader);
        }
        let band = if self.progressive { Band { first, last } } else { Band { first: 0, last: 63 } };
        let (from, to) = if self.progressive { (bits >> 4, bits & 15) } else { (0, 0) };
        let only_dc = band.first == 0 && band.last == 0;
        if self.progressive && !only_dc && (chosen.len() > 1 || band.first == 0) {
            return Err(Fault::BadHeader);
        }
        let units = self.units(chosen)?;
        let Self { components, dc, ac, .. } = self;
        let mut parts = Vec::with_capacity(chosen.len());
        for component in components.iter_mut() {
            let Some([_, tables]) = chosen.iter().find(|[id, _]| *id == component.id) else { continue };
            component.advance(band, from, to)?;
            let dc = || dc.get(usize::from(tables >> 4)).and_then(Option::as_ref).ok_or(Fault::BadTable);
            let ac = || ac.get(usize::from(tables & 15)).and_then(Option::as_ref).ok_or(Fault::BadTable);
            let blocks = if chosen.len() > 1 { component.across * component.down } else { 1 };
            let seen = &mut component.seen;
            if self.progressive && !only_dc {
                seen.resize(units, 0);
            }
            let coding = match (self.progressive, only_dc, from) {
                (false, ..) => {
                    let ac = ac()?;
                    Coding::Sequential { dc: dc()?, ac, steps: ac.steps() }
                }
                (true, true, 0) => Coding::DcFirst { dc: dc()? },
                (true, true, _) => Coding::DcRefine,
                (true, false, 0) => Coding::AcFirst { ac: ac()?, band, seen },
                (true, false, _) => Coding::AcRefine { ac: ac()?, band, seen },
            };
            parts.push(Part { coding, blocks });
        }
        if parts.len() != chosen.len() {
            return Err(Fault::BadHeader);
        }
        scan::walk(data, units, self.restart_every, &mut parts)
    }

    /// Of how many units a scan of these components is made: groups of blocks, or the blocks of the only one.
    fn units(&self, chosen: &[[u8; 2]]) -> Result<usize, Fault> {
        let most = |side: fn(&Component) -> u32| self.components.iter().map(side).max().unwrap_or(1);
        let (across, down) = (most(|component| component.across), most(|component| component.down));
        let (wide, high) = match chosen {
            [[id, _]] => {
                let only = self.components.iter().find(|component| component.id == *id).ok_or(Fault::BadHeader)?;
                ((self.width * only.across).div_ceil(across * 8), (self.height * only.down).div_ceil(down * 8))
            }
            _ => (self.width.div_ceil(across * 8), self.height.div_ceil(down * 8)),
        };
        Ok(wide as usize * high as usize)
    }

    /// At the end: every coefficient of every component has come, to its last bit.
    fn whole(&self) -> Result<(), Fault> {
        let whole = |component: &Component| component.known_to.iter().all(|bit| *bit == 0);
        if self.components.is_empty() || !self.components.iter().all(whole) {
            return Err(Fault::ScansMissing);
        }
        Ok(())
    }
}

impl Component {
    /// A scan brings what is not known yet, or the very next bit of it.
    fn advance(&mut self, band: Band, from: u8, to: u8) -> Result<(), Fault> {
        let places = self.known_to.get_mut(usize::from(band.first)..=usize::from(band.last)).ok_or(Fault::BadHeader)?;
        for known_to in places {
            let fits = if from == 0 { *known_to == UNCODED } else { *known_to == from && from - 1 == to };
            if !fits {
                return Err(Fault::BadHeader);
            }
            *known_to = to;
        }
        Ok(())
    }
}
