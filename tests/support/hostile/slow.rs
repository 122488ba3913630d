//! Modules that would keep a compiler busy, written byte by byte: as text they would have tens of megabytes.

use anyhow::{Result, bail};

const I32: u8 = 0x7f;
const END: u8 = 0x0b;

/// The core module of a case.
pub fn module(name: &str) -> Result<Vec<u8>> {
    Ok(match name {
        "million_functions" => detector(&vec![function(0, &[]); 999_000]),
        "huge_function" => detector(&[function(1, &add_to_local(200_000))]),
        "huge_br_table" => detector(&[function(60, &br_table(600_000))]),
        "deep_blocks" => detector(&[function(1, &deep(100_000))]),
        "many_locals" => detector(&[function(40_000, &ifs(2000))]),
        other => bail!("nobody writes {other}"),
    })
}

/// A detector that answers well, with more functions behind its own two.
fn detector(functions: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = b"\0asm\x01\0\0\0".to_vec();
    let types = [&[3, 0x60, 0, 0][..], &[0x60, 4, I32, I32, I32, I32, 1, I32], &[0x60, 1, I32, 1, I32]].concat();
    section(&mut bytes, 1, &types);
    let mut kinds = leb(functions.len() + 2);
    kinds.extend([1, 2]);
    kinds.extend(std::iter::repeat_n(0, functions.len()));
    section(&mut bytes, 3, &kinds);
    section(&mut bytes, 5, &[1, 0, 2]);
    let mut exports = vec![3];
    for (name, kind, index) in [("memory", 2, 0), ("cabi_realloc", 0, 0), ("assay:plugin/detect@0.1.0#detect", 0, 1)] {
        exports.extend(leb(name.len()));
        exports.extend(name.as_bytes());
        exports.extend([kind, index]);
    }
    section(&mut bytes, 7, &exports);
    let mut code = leb(functions.len() + 2);
    // i32.const 1024, i32.const 64
    code.extend(body(0, &[0x41, 0x80, 0x08]));
    code.extend(body(0, &[0x41, 0xc0, 0x00]));
    functions.iter().for_each(|function| code.extend(function));
    section(&mut bytes, 10, &code);
    bytes
}

fn section(bytes: &mut Vec<u8>, id: u8, content: &[u8]) {
    bytes.push(id);
    bytes.extend(leb(content.len()));
    bytes.extend(content);
}

fn function(locals: usize, code: &[u8]) -> Vec<u8> {
    body(locals, code)
}

/// A function's body with its size; `locals` of i32.
fn body(locals: usize, code: &[u8]) -> Vec<u8> {
    let mut inner = vec![1];
    inner.extend(leb(locals));
    inner.push(I32);
    inner.extend(code);
    inner.push(END);
    let mut sized = leb(inner.len());
    sized.extend(inner);
    sized
}

/// `local 0 = local 0 + 1`, many times: straight-line code.
fn add_to_local(times: usize) -> Vec<u8> {
    [0x20, 0, 0x41, 1, 0x6a, 0x21, 0].repeat(times)
}

/// One switch whose cases all go to one of 50 places, each of which changes a local.
fn br_table(targets: usize) -> Vec<u8> {
    const PLACES: usize = 50;
    let mut code = [0x02, 0x40].repeat(PLACES);
    code.extend([0x20, 0, 0x0e]);
    code.extend(leb(targets));
    (0..targets).for_each(|target| code.push((target % PLACES) as u8));
    code.push(0);
    for local in 0..PLACES {
        code.push(END);
        code.extend([0x20, local as u8, 0x41, 1, 0x6a, 0x21, local as u8]);
    }
    code
}

/// Blocks inside blocks, each left from the innermost.
fn deep(depth: usize) -> Vec<u8> {
    let mut code = [0x02, 0x40].repeat(depth);
    for level in 0..depth {
        code.extend([0x20, 0, 0x0d]);
        code.extend(leb(level));
    }
    code.extend(std::iter::repeat_n(END, depth));
    code
}

/// Many `if`s, each of which changes a local that a later one reads.
fn ifs(count: usize) -> Vec<u8> {
    let mut code = Vec::new();
    for number in 0..count {
        let (from, to) = (leb(number % 1500), leb((number * 7 + 1) % 1500));
        code.push(0x20);
        code.extend(&from);
        code.extend([0x04, 0x40, 0x20]);
        code.extend(&from);
        code.extend([0x41, 1, 0x6a, 0x21]);
        code.extend(&to);
        code.push(END);
    }
    code
}

fn leb(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            bytes.push(byte);
            return bytes;
        }
        bytes.push(byte | 0x80);
    }
}
