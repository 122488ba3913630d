//! The plugins that ship, in the real runtime, under their own manifests: what they answer equals what the host's own
//! functions give for the same picture.

use assay::config::load_author_manifest;
use assay::domain::{
    BufferPool, DeviceUse, Digest, ElementType, FrameId, FrameMeta, Image, ModelAnswer, ModelSpec, NamedTensor,
    PixelBuffer, PixelFormat, PluginLimits, Port, SettingValue, Tensor,
};
use assay::imaging::{self, PixelElement, TensorLayout, TensorSpec};
use assay::inference::{InferenceError, LoadedModel, Placement};
use assay::plugin::{AdmittedPlugin, PluginHost, PluginHostOptions, PluginSource, componentize};
use assay_tests::artifacts;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

mod adv_squeeze;
mod drift_input;
mod image_quality;
mod letterbox;

/// What a recipe would add to a plugin's manifest.
#[derive(Default)]
struct Use {
    settings: Vec<(&'static str, SettingValue)>,
    reference: Option<Arc<str>>,
    model: Option<Arc<Surface>>,
}

/// Reads the manifest that ships, with the module where it was built, and admits the plugin as a recipe would that
/// grants what the manifest asks for.
fn admit(name: &str, by: Use) -> Arc<AdmittedPlugin> {
    let module = artifacts::plugin(name).unwrap_or_else(|error| panic!("{error:#}"));
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("module.wasm"), &module).unwrap();
    let text = std::fs::read_to_string(artifacts::root().join(format!("plugins/{name}/plugin.toml"))).unwrap();
    let here = format!("component = \"../../target/plugins/{name}.wasm\"");
    assert!(text.contains(&here), "plugins/{name}/plugin.toml names its module as xtask builds it");
    let manifest = dir.path().join("plugin.toml");
    std::fs::write(&manifest, text.replace(&here, "component = \"module.wasm\"")).unwrap();
    let bundle = load_author_manifest(&manifest, "2026-01-01T00:00:00Z", None).unwrap();
    let plugin = bundle.manifest.plugin.unwrap();

    let component: Arc<[u8]> = componentize(&module).unwrap().into();
    let warm = plugin.warm_rules();
    let mut settings = plugin.settings;
    settings.extend(by.settings.into_iter().map(|(key, value)| (key.to_owned(), value)));
    let as_loaded = |model: Arc<Surface>| ("surface".to_owned(), model as Arc<dyn LoadedModel>);
    let caps =
        PluginLimits { deadline_ms: 60_000, memory_bytes: 1 << 30, host_bytes: 1 << 30, ..PluginLimits::default() };
    let host = PluginHost::new(PluginHostOptions { cache: None, caps, pool: pool() }).unwrap();
    let source = PluginSource {
        name: name.to_owned(),
        kind: plugin.world,
        digest: Digest::of(&component),
        component,
        wit: plugin.wit,
        granted: plugin.capabilities.clone(),
        asked: plugin.capabilities,
        // Machines that run tests are slow at times; how long a plugin may take is not what is tested here.
        limits: PluginLimits { deadline_ms: 60_000, ..plugin.limits },
        warm,
        settings,
        labels: Vec::new(),
        reference: by.reference,
        models: by.model.map(as_loaded).into_iter().collect::<BTreeMap<_, _>>(),
    };
    host.admit(source).unwrap()
}

fn pool() -> BufferPool {
    BufferPool::new(8, 64 << 20)
}

/// A deadline that no test runs into.
fn far() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn meta() -> FrameMeta {
    FrameMeta {
        id: FrameId { station: "test".to_owned(), boot: 1, trigger: 1 },
        captured_at_us: 1_764_000_000_000_000,
        source: "folder".to_owned(),
        origin: None,
        product: None,
        serial: None,
        line_trigger: None,
        simulated: false,
    }
}

/// Pseudo-random numbers in [0, 1): the same on every machine.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A texture: grey level `mean` with noise of `spread` levels on both sides.
fn texture(width: u32, height: u32, format: PixelFormat, seed: u64, mean: f64, spread: f64) -> Image {
    let mut noise = Noise(seed);
    let count = Image::byte_len(width, height, format).unwrap();
    let bytes: Vec<u8> = (0..count).map(|_| (mean + spread * (2.0 * noise.next() - 1.0)) as u8).collect();
    Image::new(width, height, format, PixelBuffer::from(bytes)).unwrap()
}

/// As the demo's model takes pictures.
fn spec() -> TensorSpec {
    let (layout, element) = (TensorLayout::Nchw, PixelElement::F32);
    TensorSpec { layout, element, mean: vec![127.0], scale: vec![128.0] }
}

/// `input` f32 `[1 or 3, 3, 224, 224]` -> `logits` f32 `[batch, 3]`: sums that depend on the finest detail.
struct Surface {
    spec: ModelSpec,
    placement: Placement,
    /// Batch sizes it was asked with.
    batches: Mutex<Vec<u32>>,
}

impl Surface {
    fn new() -> Arc<Self> {
        let port = |name: &str, shape: &[u32]| {
            let (name, shape) = (name.to_owned(), shape.to_vec());
            Port { name, shape, ty: ElementType::F32 }
        };
        let spec = ModelSpec {
            inputs: vec![port("input", &[3, 224, 224])],
            outputs: vec![port("logits", &[3])],
            batch_sizes: vec![1, 3],
        };
        let placement = Placement { device: device(), library_version: "0".to_owned() };
        Arc::new(Self { spec, placement, batches: Mutex::default() })
    }

    fn logits(input: &Tensor) -> Vec<f32> {
        let pictures = input.as_f32().unwrap().chunks_exact(3 * 224 * 224);
        let of = |picture: &[f32]| {
            let differences: f32 = picture.windows(2).map(|pair| (pair[0] - pair[1]).abs()).sum();
            let sum: f32 = picture.iter().sum();
            [differences / 40_000.0, sum / 60_000.0, 0.5]
        };
        pictures.flat_map(of).collect()
    }
}

fn device() -> DeviceUse {
    let (backend, used, precision) = ("test".to_owned(), "CPU".to_owned(), "f32-exact".to_owned());
    DeviceUse { backend, asked: vec!["CPU".to_owned()], used, precision }
}

impl LoadedModel for Surface {
    fn name(&self) -> &str {
        "surface"
    }

    fn digest(&self) -> Digest {
        Digest::of(b"surface")
    }

    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn placement(&self) -> &Placement {
        &self.placement
    }

    fn infer(&self, inputs: &[NamedTensor], _deadline: Instant) -> Result<Vec<NamedTensor>, InferenceError> {
        let [input] = inputs else { panic!("one input, found {}", inputs.len()) };
        let [batch, 3, 224, 224] = *input.tensor.shape() else { panic!("shape {:?}", input.tensor.shape()) };
        self.batches.lock().unwrap().push(batch);
        let tensor = Tensor::from_f32(&[batch, 3], &Self::logits(&input.tensor)).unwrap();
        Ok(vec![NamedTensor { name: "logits".to_owned(), tensor }])
    }
}

/// What the model kit writes into `reference.json`, for pictures of `texture` and certainties around 0.8.
fn reference() -> Arc<str> {
    let mut noise = Noise(5);
    let mut columns: [(&str, Vec<f64>); 5] =
        ["brightness", "contrast", "focus", "saturation", "max_prob"].map(|name| (name, Vec::new()));
    for seed in 0..200 {
        let certainty = 0.7 + 0.2 * noise.next();
        for ((_, column), value) in columns.iter_mut().zip(measures(&usual(seed), certainty)) {
            column.push(value);
        }
    }
    let features: Vec<_> = columns.into_iter().map(|(name, values)| feature(name, values)).collect();
    serde_json::to_string_pretty(&serde_json::json!({ "schema": 1, "features": features })).unwrap().into()
}

/// A picture as the line takes them: 64 x 64, brightness around 120.
fn usual(seed: u64) -> Image {
    let mut noise = Noise(seed.wrapping_mul(77) + 1);
    let _ = noise.next();
    texture(64, 64, PixelFormat::Rgb8, seed, 115.0 + 10.0 * noise.next(), 18.0 + 4.0 * noise.next())
}

/// The five features in the reference's order.
fn measures(picture: &Image, certainty: f64) -> [f64; 5] {
    let found = imaging::statistics(picture);
    [found.mean, found.sd, found.laplacian_variance, found.dark_share + found.bright_share, certainty]
}

fn feature(name: &str, mut values: Vec<f64>) -> serde_json::Value {
    values.sort_by(f64::total_cmp);
    let (count, last) = (values.len() as f64, values.len() - 1);
    let mean = values.iter().sum::<f64>() / count;
    let sd = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0)).sqrt();
    let quantile = |at: usize, of: usize| values[at * last / of];
    serde_json::json!({
        "name": name, "mean": mean, "sd": sd, "min": values[0], "max": values[last],
        "quantiles": (0..=20).map(|at| quantile(at, 20)).collect::<Vec<_>>(),
        "bins": {
            "edges": (0..=10).map(|at| quantile(at, 10)).collect::<Vec<_>>(),
            "shares": vec![0.1; 10],
        },
        "samples": values,
    })
}

fn answer(probabilities: &[f32]) -> ModelAnswer {
    ModelAnswer {
        model: "surface".to_owned(),
        digest: Digest::of(b"surface"),
        device: device(),
        probabilities: probabilities.to_vec(),
        labels: vec!["good".to_owned(), "scratch".to_owned()],
    }
}
