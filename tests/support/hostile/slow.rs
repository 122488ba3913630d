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
        "wide_frames" => detector_calling(&[0x10, 2], &[function(FRAME, &wide_frame())]),
        "many_locals" => detector(&[function(40_000, &ifs(2000))]),
        other => bail!("nobody writes {other}"),
    })
}

/// Largest that are admitted: what a test of the compile time measures.
pub fn just_admitted() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("99,000 functions", detector(&vec![function(0, &[]); 99_000])),
        ("one function of 1 MB", detector(&[function(1, &add_to_local(149_000))])),
        ("one br_table of 500,000", detector(&[function(60, &br_table(500_000))])),
        ("19,000 blocks inside blocks", detector(&[function(1, &deep(19_000))])),
        ("40,000 locals, 990 jumps", detector(&[function(40_000, &ifs(990))])),
        ("1,900 locals, 20,000 jumps", detector(&[function(1900, &ifs(20_000))])),
    ]
}

/// A detector that answers well, with more functions behind its own two.
fn detector(functions: &[Vec<u8>]) -> Vec<u8> {
    detector_calling(&[], functions)
}

/// The same, and it begins with this code.
fn detector_calling(begin: &[u8], functions: &[Vec<u8>]) -> Vec<u8> {
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
    code.extend(body(0, &[begin, &[0x41, 0xc0, 0x00]].concat()));
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

/// Locals that are all alive over a call.
const FRAME: usize = 10_000;

/// Reads all of its locals from memory, calls itself, and adds them up: each call takes tens of kilobytes of stack.
fn wide_frame() -> Vec<u8> {
    let mut code = Vec::new();
    for local in 0..FRAME {
        code.push(0x41);
        // Constants are signed: two bytes, the second below 64.
        code.extend(leb(1024 + local % 1500 * 4));
        code.extend([0x28, 2, 0, 0x21]);
        code.extend(leb(local));
    }
    code.extend([0x10, 2, 0x41, 0, 0x41, 0]);
    for local in 0..FRAME {
        code.push(0x20);
        code.extend(leb(local));
        code.push(0x6a);
    }
    code.extend([0x36, 2, 0]);
    code
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
