//! Inference against OpenVINO used directly, and what the native loops of other groups share.

use crate::figure::{Figure, Times};
use crate::fixture::{Fixture, THREADS};
use crate::raw::RawOpenvino;
use anyhow::Context as _;
use assay::cli::station::Assembly;
use assay::domain::{BufferPool, Image, NamedTensor, PixelFormat, Tensor};
use assay::imaging::{PixelElement, ResizeFilter, TensorLayout, TensorSpec, convert, resize, to_tensor};
use assay::inference::LoadedModel;
use assay_tests::station::TestStation;
use std::hint::black_box;
use std::time::{Duration, Instant};

pub const SIDE: u32 = 224;
const LONG: Duration = Duration::from_secs(10);
const PAIRS: usize = 600;
const WARM: usize = 40;

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

pub fn logits(outputs: &[NamedTensor]) -> anyhow::Result<&[f32]> {
    let found = outputs.iter().find(|output| output.name == "logits").context("there are logits")?;
    Ok(found.tensor.as_f32()?)
}

pub fn measure(fixture: &Fixture) -> anyhow::Result<Vec<Figure>> {
    let frame = fixture.frame(0)?;
    let model = fixture.live.model.as_ref();
    let tensor = to_tensor(&[&letterbox(&frame.image, fixture.pool())?], &spec())?;
    let mut raw = RawOpenvino::load()?;
    raw.infer(&tensor)?;
    // In pairs, and each of both first as often as second: neither the machine's drift nor what the other left in the
    // caches favours one. What a pair differs by is the figure: two medians of their own would add their noise.
    let (mut ours, mut theirs, mut over) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..PAIRS + WARM {
        let own = || timed(|| infer(model, tensor.clone()));
        let (a, b) = if round % 2 == 0 {
            let a = own()?;
            (a, timed(|| raw.infer(&tensor))?)
        } else {
            let b = timed(|| raw.infer(&tensor))?;
            (own()?, b)
        };
        if round >= WARM {
            ours.push(a);
            theirs.push(b);
            over.push(a - b);
        }
    }
    let (ours, theirs) = (Times::from_micros(ours), Times::from_micros(theirs));
    over.sort_by(f64::total_cmp);
    let quarter = |part: usize| over.get(over.len() * part / 4).copied().unwrap_or(f64::NAN);
    let against = format!(
        "OpenVINO directly on the same memory, nothing copied or checked: {:.0} us; {PAIRS} pairs in turn, half of them \
         between {:.0} and {:.0} us",
        theirs.p50(),
        quarter(1),
        quarter(3)
    );
    let mut figures = vec![
        Figure::plain("inference of the demo's model, p50", ours.p50(), "us", "Assay's backend, one thread"),
        Figure::at_most("inference over native OpenVINO, p50", quarter(2), "us", 10.0, &against),
    ];
    for backend in ["openvino", "onnxruntime", "tract"] {
        figures.push(on_backend(backend, &tensor)?);
    }
    Ok(figures)
}

/// What `work` takes, in microseconds.
fn timed<T>(work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<f64> {
    let start = Instant::now();
    black_box(work()?);
    Ok(start.elapsed().as_secs_f64() * 1e6)
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
