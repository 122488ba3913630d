//! The same work as straight-line native Rust, and inference against OpenVINO used directly.

use crate::figure::{Figure, Times};
use crate::fixture::{Fixture, THREADS};
use crate::raw::RawOpenvino;
use anyhow::Context as _;
use assay::cli::station::Assembly;
use assay::domain::{BufferPool, Image, NamedTensor, PixelFormat, Tensor};
use assay::imaging::{
    PixelElement, ResizeFilter, Statistics, TensorLayout, TensorSpec, convert, jpeg_round_trip, median_blur,
    reduce_bit_depth, resize, statistics, to_tensor,
};
use assay::inference::{LoadedModel, softmax};
use assay_tests::station::TestStation;
use std::hint::black_box;
use std::time::{Duration, Instant};

pub const SIDE: u32 = 224;
const LONG: Duration = Duration::from_secs(10);

pub fn spec() -> TensorSpec {
    TensorSpec { layout: TensorLayout::Nchw, element: PixelElement::F32, mean: vec![127.0], scale: vec![128.0] }
}

/// The demo's pictures are square: keeping their aspect needs no border.
pub fn letterbox(image: &Image, pool: &BufferPool) -> anyhow::Result<Image> {
    let colour = convert(image, PixelFormat::Rgb8, pool)?;
    Ok(resize(&colour, SIDE, SIDE, ResizeFilter::Bilinear, pool)?)
}

pub fn infer(model: &dyn LoadedModel, tensor: Tensor) -> anyhow::Result<Vec<NamedTensor>> {
    Ok(model.infer(&[NamedTensor { name: "input".to_owned(), tensor }], Instant::now() + LONG)?)
}

fn logits(outputs: &[NamedTensor]) -> anyhow::Result<&[f32]> {
    let found = outputs.iter().find(|output| output.name == "logits").context("there are logits")?;
    Ok(found.tensor.as_f32()?)
}

/// What the demo's recipe does to a frame, without plugins: letterbox, inference, squeezers, picture statistics.
pub fn judge(image: &Image, model: &dyn LoadedModel, pool: &BufferPool) -> anyhow::Result<(f32, Statistics)> {
    let small = letterbox(image, pool)?;
    let outputs = infer(model, to_tensor(&[&small], &spec())?)?;
    let plain = softmax(logits(&outputs)?, 1.0);
    let small = letterbox(image, pool)?;
    let squeezed =
        [reduce_bit_depth(&small, 5, pool)?, median_blur(&small, 3, pool)?, jpeg_round_trip(&small, 75, pool)?];
    let outputs = infer(model, to_tensor(&squeezed.each_ref(), &spec())?)?;
    let distance = logits(&outputs)?
        .chunks(plain.len().max(1))
        .map(|row| softmax(row, 1.0).iter().zip(&plain).map(|(a, b)| (a - b).abs()).sum::<f32>())
        .fold(0.0, f32::max);
    Ok((distance, statistics(image)))
}

pub fn measure(fixture: &Fixture) -> anyhow::Result<Vec<Figure>> {
    let frame = fixture.frame(0)?;
    let model = fixture.live.model.as_ref();
    let tensor = to_tensor(&[&letterbox(&frame.image, fixture.pool())?], &spec())?;
    let mut raw = RawOpenvino::load()?;
    raw.infer(&tensor)?;
    // In turn, and each of both first as often as second: neither the machine's drift nor what the other left in the
    // caches favours one.
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..800 {
        let start = Instant::now();
        if (round / 2 + round) % 2 == 0 {
            black_box(infer(model, tensor.clone())?);
            ours.push(start.elapsed().as_secs_f64() * 1e6);
        } else {
            black_box(raw.infer(&tensor)?);
            theirs.push(start.elapsed().as_secs_f64() * 1e6);
        }
    }
    let (ours, theirs) = (Times::from_micros(ours), Times::from_micros(theirs));
    let against =
        format!("OpenVINO directly on the same memory, nothing copied or checked: {:.0} us, in turn", theirs.p50());
    let mut figures = vec![
        Figure::plain("inference of the demo's model, p50", ours.p50(), "us", "Assay's backend, one thread"),
        Figure::at_most("inference over native OpenVINO, p50", ours.p50() - theirs.p50(), "us", 10.0, &against),
    ];
    for backend in ["openvino", "onnxruntime", "tract"] {
        figures.push(on_backend(backend, &tensor)?);
    }
    Ok(figures)
}

/// The demo's model on one backend. Tract has no Python package, so that the report card cannot measure it.
fn on_backend(backend: &str, tensor: &Tensor) -> anyhow::Result<Figure> {
    let station = TestStation::new(&format!("[inference]\norder = [\"{backend}\"]\nthreads = {THREADS}"))?;
    let parts = std::sync::Arc::new(Assembly::open(assay::config::load(&station.config())?)?);
    let live = parts.configured_recipe(&mut |_| ())?.ready.live;
    let used = &live.model.placement().device.backend;
    anyhow::ensure!(used == backend, "{used} ran in place of {backend}");
    infer(live.model.as_ref(), tensor.clone())?;
    let times = Times::of(10, 100, || drop(black_box(infer(live.model.as_ref(), tensor.clone()))));
    Ok(Figure::plain(&format!("demo's model on {backend}, p50"), times.p50() / 1e3, "ms", "int8, one thread"))
}
