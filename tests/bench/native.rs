//! The same work as straight-line native Rust, and inference against OpenVINO used directly.

use crate::figure::{Figure, Times};
use crate::fixture::Fixture;
use anyhow::Context as _;
use assay::domain::{BufferPool, Image, NamedTensor, PixelFormat, Tensor};
use assay::imaging::{
    PixelElement, ResizeFilter, Statistics, TensorLayout, TensorSpec, convert, jpeg_round_trip, median_blur,
    reduce_bit_depth, resize, statistics, to_tensor,
};
use assay::inference::{LoadedModel, softmax};
use std::hint::black_box;
use std::time::{Duration, Instant};

const SIDE: u32 = 224;
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
    let mut raw = RawOpenvino::load(fixture)?;
    raw.infer(&tensor)?;
    // In turn, so that a machine whose speed drifts treats both alike.
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..400 {
        let start = Instant::now();
        black_box(infer(model, tensor.clone())?);
        ours.push(start.elapsed().as_secs_f64() * 1e6);
        let start = Instant::now();
        raw.infer(&tensor)?;
        theirs.push(start.elapsed().as_secs_f64() * 1e6);
    }
    let (ours, theirs) = (Times::from_micros(ours), Times::from_micros(theirs));
    let against = format!("OpenVINO directly, input written into its own tensor: {:.0} us, in turn", theirs.p50());
    Ok(vec![
        Figure::plain("inference of the demo's model, p50", ours.p50(), "us", "Assay's backend, one thread"),
        Figure::at_most("inference over native OpenVINO, p50", ours.p50() - theirs.p50(), "us", 10.0, &against),
    ])
}

/// OpenVINO as somebody uses it who does nothing else.
pub struct RawOpenvino {
    request: openvino::InferRequest,
    input: openvino::Tensor,
}

impl RawOpenvino {
    pub fn load(fixture: &Fixture) -> anyhow::Result<Self> {
        // The backend has loaded the library already; the bindings share it.
        let mut core = openvino::Core::new()?;
        let onnx = assay_tests::artifacts::root().join("sdk/models/demo/surface-int8.onnx");
        let path = onnx.to_str().context("the model's path is text")?;
        let mut model = core.read_model_from_file(path, "")?;
        let shape = openvino::PartialShape::new_static(4, &[1, 3, i64::from(SIDE), i64::from(SIDE)])?;
        model.reshape_single_input(&shape)?;
        core.set_properties(
            &openvino::DeviceType::CPU,
            [
                (openvino::RwPropertyKey::HintInferencePrecision, "f32"),
                (openvino::RwPropertyKey::HintPerformanceMode, "LATENCY"),
                (openvino::RwPropertyKey::InferenceNumThreads, "1"),
                (openvino::RwPropertyKey::NumStreams, "1"),
            ],
        )?;
        let mut compiled = core.compile_model(&model, openvino::DeviceType::CPU)?;
        let request = compiled.create_infer_request()?;
        let shape = openvino::Shape::new(&[1, 3, i64::from(SIDE), i64::from(SIDE)])?;
        let input = openvino::Tensor::new(openvino::ElementType::F32, &shape)?;
        black_box(fixture.pictures.len());
        Ok(Self { request, input })
    }

    /// The tensor's own memory is the request's: one write, as any program has it that makes its input there.
    pub fn infer(&mut self, tensor: &Tensor) -> anyhow::Result<f32> {
        let bytes = self.input.get_raw_data_mut()?;
        bytes.copy_from_slice(tensor.bytes());
        self.request.set_input_tensor(&self.input)?;
        self.request.infer()?;
        let output = self.request.get_output_tensor_by_index(0)?;
        Ok(output.get_data::<f32>()?.first().copied().unwrap_or(f32::NAN))
    }
}
