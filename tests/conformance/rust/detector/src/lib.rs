//! Does what its setting `case` says; what each case has to give stands in cases.json.

use assay_plugin::log::{Level, write};
use assay_plugin::{
    Detection, Detector, ElementType, Error, Evidence, Finding, Frame, Image, Model, PixelFormat, Region, ResizeFilter,
    Result, Tensor, TensorSpec, reference, settings,
};
use std::hint::black_box;

struct Plugin {
    case: String,
}

impl Detector for Plugin {
    fn new() -> Result<Self> {
        Ok(Self { case: settings::get("case")? })
    }

    fn detect(&mut self, frame: &Frame, evidence: &Evidence) -> Result<Detection> {
        let picture = &evidence.picture;
        match self.case.as_str() {
            "frame" => Ok(frame_data(frame)),
            "statistics" => Ok(statistics(picture)),
            "histogram" => Ok(histogram(picture)),
            "read" => read(picture),
            "make" => make(),
            "operations" => operations(picture),
            "tensor" => tensor(picture),
            "evidence" => named_tensors(evidence),
            "missing-tensor" => evidence.inputs.get("nothing").map(|_| Detection::new()),
            "finding" => Ok(finding()),
            "score-range" => Ok(score_range()),
            "settings" => all_settings(),
            "labels" => Ok(Detection::new().attribute("labels", settings::labels().join(" "))),
            "reference" => model_reference(),
            "inference" => ask(picture, "demo", 8),
            "unknown-model" => ask(picture, "other", 8),
            "model-refuses" => ask(picture, "demo", 4),
            "log" => Ok(log()),
            "log-flood" => Ok(log_flood()),
            "unsupported-input" => Err(Error::unsupported_input("no part in sight")),
            "bad-setting" => Err(Error::bad_setting("integer", "less", "more")),
            "other" => Err(Error::other("4 holes, expected 5")),
            "bad-argument" => picture.crop(region(15, 11, 4, 4)).map(|_| Detection::new()),
            "bad-region" => Ok(Detection::new().finding(Finding::new("outside", 0.5).region(region(15, 11, 4, 4)))),
            "endless" => endless(),
            "memory" => memory(),
            "handles" => handles(picture),
            "host-bytes" => host_bytes(),
            other => Err(Error::bad_setting("case", "a case", other)),
        }
    }
}

const fn region(x: u32, y: u32, width: u32, height: u32) -> Region {
    Region { x, y, width, height }
}

fn frame_data(frame: &Frame) -> Detection {
    let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    Detection::new()
        .attribute("station", &frame.station)
        .attribute("boot", frame.boot)
        .attribute("trigger", frame.trigger)
        .attribute("captured", frame.captured_at_us)
        .attribute("source", &frame.source)
        .attribute("product", known(&frame.product))
        .attribute("serial", known(&frame.serial))
}

fn statistics(picture: &Image) -> Detection {
    let found = picture.statistics();
    let mut detection = Detection::new()
        .attribute("mean", format!("{:.3}", found.mean))
        .attribute("sd", format!("{:.3}", found.sd))
        .attribute("laplacian-variance", format!("{:.3}", found.laplacian_variance))
        .attribute("dark-share", format!("{:.3}", found.dark_share))
        .attribute("bright-share", format!("{:.3}", found.bright_share));
    for (at, mean) in found.channel_means.iter().enumerate() {
        detection = detection.attribute(format!("channel-mean-{at}"), format!("{mean:.3}"));
    }
    detection
}

fn histogram(picture: &Image) -> Detection {
    let counts = picture.histogram();
    let weighted: u64 = counts.iter().enumerate().map(|(luma, count)| luma as u64 * count).sum();
    Detection::new().attribute("sum", counts.iter().sum::<u64>()).attribute("weighted", weighted)
}

fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().map(|&byte| u64::from(byte)).sum()
}

fn read(picture: &Image) -> Result<Detection> {
    let part = picture.crop(region(2, 3, 8, 6))?;
    let pixels = part.read_region(region(1, 1, 4, 4))?;
    let rows = picture.read_rows(2, 2)?;
    Ok(Detection::new()
        .attribute("size", format!("{} {}", part.width(), part.height()))
        .attribute("region", sum(&pixels))
        .attribute("rows", sum(&rows)))
}

fn make() -> Result<Detection> {
    let made = Image::from_pixels(2, 2, PixelFormat::Gray8, &[0, 64, 128, 255])?;
    let filled = Image::filled(3, 2, PixelFormat::Rgb8, &[10, 20, 30])?;
    Ok(Detection::new().image("made", made).image("filled", filled))
}

fn operations(picture: &Image) -> Result<Detection> {
    let top = Image::filled(4, 4, PixelFormat::Rgb8, &[255, 255, 255])?;
    Ok(Detection::new()
        .image("crop", picture.crop(region(2, 3, 8, 6))?)
        .image("resize", picture.resize(8, 6, ResizeFilter::Nearest)?)
        .image("convert", picture.convert(PixelFormat::Gray8)?)
        .image("overlay", picture.overlay(&top, 10, 2)?)
        .image("gaussian", picture.gaussian_blur(2.0)?)
        .image("median", picture.median_blur(7)?)
        .image("depth", picture.reduce_bit_depth(1)?)
        .image("jpeg", picture.jpeg_round_trip(10)?))
}

fn words(numbers: &[u32]) -> String {
    numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(" ")
}

fn total(tensor: &Tensor) -> Result<String> {
    Ok(format!("{:.3}", tensor.to_f32()?.iter().map(|&value| f64::from(value)).sum::<f64>()))
}

fn tensor(picture: &Image) -> Result<Detection> {
    let one = picture.to_tensor(&TensorSpec::nchw([127.0], [128.0]))?;
    let bytes = TensorSpec { element: ElementType::Uint8, ..TensorSpec::nhwc([0.0], [1.0]) };
    let batch = Image::batch_to_tensor(&[picture, picture], &bytes)?;
    Ok(Detection::new()
        .attribute("shape", words(&one.shape()))
        .attribute("sum", total(&one)?)
        .attribute("batch-shape", words(&batch.shape()))
        .attribute("batch-sum", sum(&batch.to_bytes())))
}

fn named_tensors(evidence: &Evidence) -> Result<Detection> {
    let (input, output) = (evidence.inputs.get("input")?, evidence.outputs.get("logits")?);
    Ok(Detection::new()
        .attribute("input-shape", words(&input.shape()))
        .attribute("input-sum", total(input)?)
        .attribute("output-shape", words(&output.shape()))
        .attribute("output-sum", total(output)?))
}

fn finding() -> Detection {
    let whole = Finding::new("scratch", 0.75).raised(true).region(region(1, 2, 3, 4));
    Detection::new()
        .finding(whole.text("Kratzer, größer als 划痕").attribute("length", 7))
        .finding(Finding::new("clear", 0.25))
}

fn score_range() -> Detection {
    let scored = |label, score| Finding::new(label, score);
    Detection::new().finding(scored("over", 2.0)).finding(scored("under", -1.0)).finding(scored("none", f64::NAN))
}

fn joined(numbers: &[f64]) -> String {
    numbers.iter().map(|number| format!("{number:.1}")).collect::<Vec<_>>().join(" ")
}

fn all_settings() -> Result<Detection> {
    Ok(Detection::new()
        .attribute("flag", settings::get::<bool>("flag")?)
        .attribute("integer", settings::get::<u32>("integer")?)
        .attribute("number", format!("{:.3}", settings::get::<f64>("number")?))
        .attribute("text", settings::get::<String>("text")?)
        .attribute("numbers", joined(&settings::get::<Vec<f64>>("numbers")?))
        .attribute("texts", settings::get::<Vec<String>>("texts")?.join(" ")))
}

fn model_reference() -> Result<Detection> {
    let brightness = reference::feature("brightness");
    Ok(Detection::new()
        .attribute("mean", format!("{:.3}", brightness.number("mean")?))
        .attribute("edges", joined(&brightness.numbers("bins/edges")?))
        .attribute("digest", reference::digest()?))
}

/// A square of the picture, its grey levels summed up by a model.
fn ask(picture: &Image, name: &str, side: u32) -> Result<Detection> {
    let grey = picture.crop(region(2, 3, side, side))?.convert(PixelFormat::Gray8)?;
    let input = grey.to_tensor(&TensorSpec::nchw([0.0], [1.0]))?;
    let outputs = Model::load(name)?.compute(vec![("image", input)])?;
    let found = outputs.get("sum")?;
    Ok(Detection::new().attribute("shape", words(&found.shape())).attribute("sum", total(found)?))
}

fn log() -> Detection {
    write(Level::Debug, "one");
    write(Level::Info, "two");
    write(Level::Warn, "three");
    write(Level::Error, "four");
    Detection::new()
}

fn log_flood() -> Detection {
    (0..100).for_each(|line| write(Level::Info, &format!("line {line}")));
    Detection::new()
}

fn endless() -> Result<Detection> {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

fn memory() -> Result<Detection> {
    let mut held = Vec::new();
    loop {
        held.push(black_box(vec![1_u8; 1 << 20]));
    }
}

fn handles(picture: &Image) -> Result<Detection> {
    let mut held = Vec::new();
    loop {
        held.push(picture.crop(region(0, 0, 1, 1))?);
    }
}

fn host_bytes() -> Result<Detection> {
    let mut held = Vec::new();
    loop {
        held.push(Image::filled(1024, 1024, PixelFormat::Gray8, &[7])?);
    }
}

assay_plugin::export_detector!(Plugin);
