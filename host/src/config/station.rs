use super::alarms::alarms;
use super::author::limits;
use super::deploy::{DeployConfig, deploy};
use super::fields::{Document, Fields};
use super::outputs::{MqttConfig, TelemetryConfig, WebhookConfig, mqtt, telemetry, webhook};
use super::problem::ConfigErrors;
use super::shifts::shifts;
use super::sources::{QueueConfig, SourceConfig, queue, sources};
use crate::domain::{AlarmRule, PluginLimits, ShiftPlan};
use crate::trust::{NAME_RULE, is_name};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

const MB: u64 = 1 << 20;
const DEFAULT_SESSION_IDLE_MIN: u32 = 15;
const BACKENDS: [&str; 3] = ["openvino", "onnxruntime", "tract"];

/// A station's configuration, fully checked.
#[derive(Debug, Clone, PartialEq)]
pub struct StationConfig {
    /// The station's name: part of every frame's id.
    pub station: String,
    /// The station's own files: journal, pictures, cache, counters.
    pub data_dir: PathBuf,
    /// The folder with the bundles, `*.assay`.
    pub bundles_dir: PathBuf,
    /// The bundle of the recipe to run.
    pub recipe: PathBuf,
    /// The trust store's file.
    pub trust: PathBuf,
    pub inference: InferenceConfig,
    pub admin: AdminConfig,
    pub journal: JournalConfig,
    pub deploy: DeployConfig,
    /// Caps over what plugin manifests ask for.
    pub plugin_limits: PluginLimits,
    pub image_limits: ImageLimits,
    pub queue: QueueConfig,
    pub sources: Vec<SourceConfig>,
    pub alarms: Vec<AlarmRule>,
    /// How the days of the shift report are divided.
    pub shifts: ShiftPlan,
    pub webhook: Option<WebhookConfig>,
    pub mqtt: Option<MqttConfig>,
    pub telemetry: TelemetryConfig,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InferenceConfig {
    /// Backends in order of preference.
    pub order: Vec<String>,
    pub openvino_dir: Option<PathBuf>,
    pub onnxruntime_dir: Option<PathBuf>,
    /// Threads inside one inference.
    pub threads: u32,
    /// Inferences at one time.
    pub parallel: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminConfig {
    pub bind: SocketAddr,
    /// The name under which a reverse proxy that brings TLS serves the admin; none where only this machine reaches it.
    pub public_host: Option<String>,
    /// A session without a request of its person ends after so long.
    pub session_idle_min: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalConfig {
    pub image_quota_bytes: u64,
    pub retention_days: RetentionDays,
    /// Of the passed parts one in so many is drawn for people to look at. 0 draws none.
    pub review_pass_one_in: u64,
}

/// How long pictures are kept, by what became of the part. 0 keeps none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionDays {
    pub fail: u32,
    pub undecided: u32,
    /// Passed, with a finding raised.
    pub flagged: u32,
    pub pass: u32,
}

/// What a picture may be before it is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageLimits {
    pub max_file_bytes: u64,
    pub max_width: u32,
    pub max_height: u32,
    pub max_pixels: u64,
}

impl Default for ImageLimits {
    fn default() -> Self {
        Self { max_file_bytes: 32 * MB, max_width: 16_384, max_height: 16_384, max_pixels: 50_000_000 }
    }
}

/// Reads `station.toml`. Paths in it are from its own folder.
///
/// # Errors
/// With every problem of the file at once.
pub fn load(path: &Path) -> Result<StationConfig, ConfigErrors> {
    Document::load(path)?.read(station)
}

fn station(root: &Fields<'_>) -> Option<StationConfig> {
    // Everything is read before anything is given up, so that all problems are reported.
    let name = root.required_parsed("station", NAME_RULE, |text| is_name(text).then(|| text.to_owned()));
    let data_dir = root.required_path("data_dir");
    let bundles_dir = root.required_path("bundles_dir");
    let recipe = root.required_path("recipe");
    let trust = root.required_path("trust");
    let inference = root.section("inference", inference).unwrap_or_else(|| Some(InferenceConfig::default()));
    let admin = root.section("admin", admin).unwrap_or_else(|| Some(AdminConfig::default()));
    let journal = root.section("journal", journal).unwrap_or_else(|| Some(JournalConfig::default()));
    let deploy = root.section("deploy", deploy).unwrap_or_else(|| Some(DeployConfig::default()));
    let limits = root.section("limits", station_limits).unwrap_or_else(|| Some(no_limits()));
    let queue = root.section("queue", queue).unwrap_or_else(|| Some(QueueConfig::default()));
    let sources = sources(root);
    let alarms = alarms(root);
    let shifts = shifts(root);
    let webhook = optional(root.section("webhook", webhook));
    let mqtt = optional(root.section("mqtt", mqtt));
    let telemetry = root.section("telemetry", telemetry).unwrap_or_else(|| Some(TelemetryConfig::default()));
    let (plugin_limits, image_limits) = limits?;
    Some(StationConfig {
        station: name?,
        data_dir: data_dir?,
        bundles_dir: bundles_dir?,
        recipe: recipe?,
        trust: trust?,
        inference: inference?,
        admin: admin?,
        journal: journal?,
        deploy: deploy?,
        plugin_limits,
        image_limits,
        queue: queue?,
        sources: sources?,
        alarms: alarms?,
        shifts: shifts?,
        webhook: webhook?,
        mqtt: mqtt?,
        telemetry: telemetry?,
    })
}

/// A section that may be missing, but not wrong.
fn optional<T>(section: Option<Option<T>>) -> Option<Option<T>> {
    section.map_or(Some(None), |read| read.map(Some))
}

impl Default for InferenceConfig {
    fn default() -> Self {
        let order = BACKENDS.map(str::to_owned).to_vec();
        Self { order, openvino_dir: None, onnxruntime_dir: None, threads: 1, parallel: 1 }
    }
}

fn inference(fields: &Fields<'_>) -> Option<InferenceConfig> {
    let order = if fields.has("order") {
        fields.parsed_list("order", |text| {
            let known = BACKENDS.contains(&text);
            if known { Ok(text.to_owned()) } else { Err(format!("one of {}", BACKENDS.join(", "))) }
        })
    } else {
        Some(InferenceConfig::default().order)
    };
    if let Some(order) = &order {
        let distinct: BTreeSet<_> = order.iter().collect();
        if order.is_empty() || distinct.len() != order.len() {
            fields.wrong("order", "each backend at most once, at least one");
        }
    }
    let (openvino_dir, onnxruntime_dir) = (fields.path("openvino_dir"), fields.path("onnxruntime_dir"));
    let (threads, parallel) = (fields.number("threads", 1..=256, Some(1)), fields.number("parallel", 1..=64, Some(1)));
    Some(InferenceConfig { openvino_dir, onnxruntime_dir, threads: threads?, parallel: parallel?, order: order? })
}

impl Default for AdminConfig {
    fn default() -> Self {
        let bind = SocketAddr::from(([127, 0, 0, 1], 8080));
        Self { bind, public_host: None, session_idle_min: DEFAULT_SESSION_IDLE_MIN }
    }
}

fn admin(fields: &Fields<'_>) -> Option<AdminConfig> {
    let bind = if fields.has("bind") {
        fields.parsed("bind", "an address and a port such as \"127.0.0.1:8080\"", |text| text.parse().ok())
    } else {
        Some(AdminConfig::default().bind)
    };
    let behind_proxy = fields.or("behind_proxy", false);
    let expected = "the name that people type, such as \"line3.plant.example\", without a port";
    let public_host = fields.parsed("public_host", expected, host_name);
    let session_idle_min = fields.number("session_idle_min", 1..=480, Some(DEFAULT_SESSION_IDLE_MIN));
    let bind: SocketAddr = bind?;
    if !bind.ip().is_loopback() && !behind_proxy {
        // Passwords would cross the network in the clear.
        let expected = "a loopback address such as \"127.0.0.1:8080\", or behind_proxy = true and public_host: the \
                        admin speaks no TLS itself, a reverse proxy has to";
        fields.wrong("bind", expected);
        return None;
    }
    match (behind_proxy, &public_host) {
        (true, None) if !fields.has("public_host") => {
            fields.wrong("public_host", &format!("{expected}: behind_proxy = true needs it"));
            return None;
        }
        (false, Some(_)) => {
            fields.wrong("public_host", "no such key, unless behind_proxy = true");
            return None;
        }
        _ => {}
    }
    Some(AdminConfig { bind, public_host, session_idle_min: session_idle_min? })
}

fn host_name(text: &str) -> Option<String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    let is_name = !text.is_empty() && text.len() <= 253 && text.chars().all(fits);
    is_name.then(|| text.to_ascii_lowercase())
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self { image_quota_bytes: 2048 * MB, retention_days: RetentionDays::default(), review_pass_one_in: 50 }
    }
}

impl Default for RetentionDays {
    fn default() -> Self {
        Self { fail: 365, undecided: 365, flagged: 180, pass: 30 }
    }
}

fn journal(fields: &Fields<'_>) -> Option<JournalConfig> {
    let quota_mb = fields.number("image_quota_mb", 1..=1u64 << 30, Some(2048));
    let retention = fields.section("retention_days", retention).unwrap_or_else(|| Some(RetentionDays::default()));
    let review_pass_one_in = fields.number("review_pass_one_in", 0..=1_000_000u64, Some(50));
    Some(JournalConfig {
        image_quota_bytes: quota_mb?.saturating_mul(MB),
        retention_days: retention?,
        review_pass_one_in: review_pass_one_in?,
    })
}

fn retention(fields: &Fields<'_>) -> Option<RetentionDays> {
    let default = RetentionDays::default();
    let days = |key, default| fields.number(key, 0..=36_500, Some(default));
    let (fail, undecided) = (days("fail", default.fail), days("undecided", default.undecided));
    let (flagged, pass) = (days("flagged", default.flagged), days("pass", default.pass));
    Some(RetentionDays { fail: fail?, undecided: undecided?, flagged: flagged?, pass: pass? })
}

/// What a station without `[limits]` caps: far above what a plugin should need, far below what hurts a machine.
#[must_use]
pub fn no_limits() -> (PluginLimits, ImageLimits) {
    let plugin = PluginLimits {
        deadline_ms: 1000,
        memory_bytes: 1024 * MB,
        host_bytes: 1024 * MB,
        handles: 10_000,
        table_elements: 1_000_000,
        log_lines: 1000,
        result_bytes: 64 * MB,
        state_bytes: 64 * MB,
    };
    (plugin, ImageLimits::default())
}

fn station_limits(fields: &Fields<'_>) -> Option<(PluginLimits, ImageLimits)> {
    let (plugin, image) = no_limits();
    let plugin = fields.section("plugin", |fields| limits(fields, plugin)).unwrap_or(Some(plugin));
    let image = fields.section("image", image_limits).unwrap_or(Some(image));
    Some((plugin?, image?))
}

fn image_limits(fields: &Fields<'_>) -> Option<ImageLimits> {
    let default = ImageLimits::default();
    let file = fields.number("max_file_bytes", 1..=1024 * MB, Some(default.max_file_bytes));
    let width = fields.number("max_width", 1..=65_535, Some(default.max_width));
    let height = fields.number("max_height", 1..=65_535, Some(default.max_height));
    let pixels = fields.number("max_pixels", 1..=1_000_000_000, Some(default.max_pixels));
    Some(ImageLimits { max_file_bytes: file?, max_width: width?, max_height: height?, max_pixels: pixels? })
}
