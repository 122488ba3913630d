//! The SDK's pixel kernels as a plugin runs them, epochs on, against the same source compiled natively.

use crate::boundary::{self, detect};
use crate::figure::{Figure, Times};
use crate::fixture::Fixture;
use anyhow::Context as _;
use assay::domain::{Image, PixelFormat, PluginLimits, SettingValue, Settings};
use std::hint::black_box;
use std::time::Instant;

#[path = "../../sdk/rust/src/kernels.rs"]
#[allow(dead_code, reason = "the SDK's own source: what is not measured stays unused here")]
mod sdk;

const SIDE: u32 = 1024;
/// Runs of a kernel in one call of the plugin.
const ROUNDS: u32 = 8;
/// In turn, natively and in wasm: the machine's speed drifts.
const SAMPLES: usize = 25;

const KERNELS: [&str; 7] = ["normalise", "threshold", "count", "sum", "histogram", "box-blur", "mscn"];

/// The same arguments as in `tests/guests/kernels`.
struct Native {
    pixels: Vec<u8>,
    numbers: Vec<f32>,
    bytes: Vec<u8>,
}

impl Native {
    fn run(&mut self, kernel: &str) {
        let pixels = black_box(self.pixels.as_slice());
        let side = SIDE as usize;
        match kernel {
            "normalise" => sdk::normalise(pixels, 127.0, 128.0, &mut self.numbers),
            "count" => drop(black_box(sdk::count_at_least(pixels, 128))),
            "sum" => drop(black_box(sdk::sum(pixels))),
            "histogram" => drop(black_box(sdk::histogram(pixels))),
            "threshold" => sdk::threshold(pixels, 128, &mut self.bytes),
            "mscn" => drop(black_box(sdk::mscn(pixels, side, side, &mut self.numbers))),
            _ => drop(black_box(sdk::box_blur_3x3(pixels, side, side, &mut self.bytes))),
        }
        black_box((self.numbers.as_slice(), self.bytes.as_slice()));
    }
}

pub fn measure(fixture: &Fixture) -> anyhow::Result<Vec<Figure>> {
    let count = (SIDE * SIDE) as usize;
    // Values that neither repeat at once nor follow a pattern that a predictor learns.
    let pixels: Vec<u8> = (0..count as u64).map(|at| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect();
    let picture = Image::new(SIDE, SIDE, PixelFormat::Gray8, pixels.clone().into())?;
    let mut native = Native { pixels, numbers: vec![0.0; count], bytes: vec![0; count] };
    KERNELS.iter().map(|kernel| one(fixture, kernel, &picture, &mut native)).collect()
}

fn one(fixture: &Fixture, kernel: &str, picture: &Image, native: &mut Native) -> anyhow::Result<Figure> {
    // Some kernels take longer for all rounds of a call than a station gives to a plugin.
    let limits = PluginLimits { deadline_ms: 5000, ..PluginLimits::default() };
    let host = boundary::host_with(None, limits, fixture)?;
    let admit = |rounds: u32| {
        let mut source = boundary::source(
            "kernels",
            Settings::from([
                ("kernel".to_owned(), SettingValue::Text(kernel.to_owned())),
                ("rounds".to_owned(), SettingValue::Integer(i64::from(rounds))),
            ]),
        )?;
        source.limits = limits;
        host.admit(source).context("the kernels are admitted")
    };
    // What a call costs besides: reading the pixels in, and the pages of what is written.
    let (busy, idle) = (admit(1 + ROUNDS)?, admit(1)?);
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    for sample in 0..SAMPLES + 3 {
        let start = Instant::now();
        detect(&busy, picture, &[])?;
        let with = start.elapsed();
        let start = Instant::now();
        detect(&idle, picture, &[])?;
        let without = start.elapsed();
        let start = Instant::now();
        (0..ROUNDS).for_each(|_| native.run(kernel));
        let natively = start.elapsed();
        if sample >= 3 {
            let micros = |seconds: f64| seconds * 1e6 / f64::from(ROUNDS);
            inside.push(micros(with.as_secs_f64() - without.as_secs_f64()));
            outside.push(micros(natively.as_secs_f64()));
        }
    }
    let (inside, outside) = (Times::from_micros(inside).p50(), Times::from_micros(outside).p50());
    let name = format!("SDK kernel {kernel} in wasm over native");
    let against = format!("1 MiB, epochs on: {inside:.0} us; the same source natively: {outside:.0} us");
    Ok(Figure::at_most(&name, inside / outside, "x", 1.6, &against))
}
