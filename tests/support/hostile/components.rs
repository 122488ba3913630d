use super::cases::{Case, Made};
use super::slow;
use crate::artifacts;
use anyhow::{Context as _, Result, bail};
use assay::plugin::componentize;

/// The component of a case.
pub fn component(case: &Case) -> Result<Vec<u8>> {
    match case.made {
        Made::Detector => guest("hostile"),
        Made::Preprocessor => guest("hostile-preprocessor"),
        Made::Monitor => guest("hostile-monitor"),
        Made::Wat => wat(case.name),
        Made::WatUtf16 => finish(text(case.name)?, Encoding::Utf16),
        Made::Generated => finish(slow::module(case.name)?, Encoding::Utf8),
        Made::Papers if case.name == "wrong_world" => guest("healthy-preprocessor"),
        Made::Papers => guest("healthy-detector"),
    }
}

pub fn guest(name: &str) -> Result<Vec<u8>> {
    Ok(componentize(&artifacts::guest(name)?)?)
}

/// The component of `tests/guests/wat/NAME.wat`: a component, or a core module that becomes a detector.
pub fn wat(name: &str) -> Result<Vec<u8>> {
    finish(text(name)?, Encoding::Utf8)
}

fn text(name: &str) -> Result<Vec<u8>> {
    let path = artifacts::root().join("tests/guests/wat").join(format!("{name}.wat"));
    Ok(wat::parse_file(&path)?)
}

/// Detectors that are just cheap enough to compile, with what each has much of.
pub fn just_admitted() -> Result<Vec<(&'static str, Vec<u8>)>> {
    let finish = |(what, module)| Ok((what, finish(module, Encoding::Utf8)?));
    slow::just_admitted().into_iter().map(finish).collect()
}

#[derive(Clone, Copy)]
enum Encoding {
    Utf8,
    Utf16,
}

/// A core module gets the WIT metadata of a detector that a compiler wrote.
fn finish(mut bytes: Vec<u8>, encoding: Encoding) -> Result<Vec<u8>> {
    if bytes.get(4..8) == Some(&[0x0d, 0, 1, 0]) {
        return Ok(bytes);
    }
    let mut metadata = metadata(&artifacts::guest("hostile")?)?;
    if let Encoding::Utf16 = encoding {
        speak_utf16(&mut metadata)?;
    }
    bytes.extend(metadata);
    Ok(componentize(&bytes)?)
}

/// The custom section `component-type...` of a core module, with its head.
fn metadata(module: &[u8]) -> Result<Vec<u8>> {
    let mut at = 8;
    while let Some(&id) = module.get(at) {
        let (size, body) = leb(module, at + 1)?;
        let end = body + size;
        let (name_len, name) = if id == 0 { leb(module, body)? } else { (0, body) };
        if module.get(name..name + name_len).is_some_and(|name| name.starts_with(b"component-type")) {
            return Ok(module.get(at..end).context("the section ends with the module")?.to_vec());
        }
        at = end;
    }
    bail!("the guest has no WIT metadata")
}

/// The metadata says how strings are encoded: version 4, then 0 for UTF-8 or 1 for UTF-16.
fn speak_utf16(metadata: &mut [u8]) -> Result<()> {
    const MARK: &[u8] = b"wit-component-encoding\x04";
    let at = metadata.windows(MARK.len()).position(|window| window == MARK).context("no encoding in the metadata")?;
    *metadata.get_mut(at + MARK.len()).context("the encoding is there")? = 1;
    Ok(())
}

/// An unsigned number, and where it ends.
fn leb(bytes: &[u8], mut at: usize) -> Result<(usize, usize)> {
    let mut value = 0usize;
    for shift in (0..35).step_by(7) {
        let byte = *bytes.get(at).context("the module ends inside a number")?;
        at += 1;
        value |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok((value, at));
        }
    }
    bail!("a number of more than five bytes")
}
