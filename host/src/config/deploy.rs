use super::fields::Fields;

const MB: u64 = 1 << 20;

/// What a model and a recipe may need before the recipe is let to drive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QualifyLimits {
    /// Of the model with its weights, as the bundle stores them.
    pub max_model_bytes: u64,
    /// Until the model is loaded, compiled and warmed up.
    pub max_load_ms: u32,
    /// 95th percentile of a whole inspection on the self-test frames.
    pub max_p95_ms: u32,
}

/// The largest model where the recipe does not say otherwise.
pub const DEFAULT_MODEL_BYTES: u64 = 10_000_000;
/// The slowest inspection where the recipe does not say otherwise; its frame budget, where that is less.
pub const DEFAULT_P95_MS: u32 = 100;
/// The longest load where the recipe does not say otherwise: an NPU's compiler takes some seconds.
pub const DEFAULT_LOAD_MS: u32 = 30_000;

/// What happens to a line whose recipe, or a part of it, is revoked with severity `stop`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnRevoked {
    /// It goes on, with an alarm. After the next start it does not run any more.
    Alarm,
    /// No frame is judged any more.
    StopLine,
}

/// How a new recipe comes to drive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DeployConfig {
    /// Longest time for admitting the plugins and loading the model of a recipe.
    pub compile_seconds: u32,
    /// Longest time for all self-test frames of a recipe, with the measuring.
    pub qualification_seconds: u32,
    /// Frames that a new recipe judges beside the running one; 0 leaves the shadow out.
    pub shadow_frames: u32,
    /// With fewer frames the shadow ends after this time.
    pub shadow_seconds: u32,
    /// Frames that a new recipe drives before it is committed.
    pub trial_frames: u32,
    pub trial_seconds: u32,
    /// Frames that the shadow may pass where the running recipe did not.
    pub max_escapes: u32,
    /// Share of the shadow's frames with any disagreement.
    pub max_disagreements_percent: u32,
    /// Share of frames, of shadow and of trial, on which a plugin, the model or the device may fail.
    pub max_failures_percent: u32,
    /// Share of frames, of shadow and of trial, that may be late.
    pub max_timeouts_percent: u32,
    /// By how much the share of frames that do not pass may differ from before the swap, beside chance.
    pub max_shift_percent: u32,
    /// Largest bundle that is taken in.
    pub max_bundle_bytes: u64,
    pub on_revoked: OnRevoked,
}

impl Default for DeployConfig {
    fn default() -> Self {
        Self {
            compile_seconds: 300,
            qualification_seconds: 120,
            shadow_frames: 20,
            shadow_seconds: 600,
            trial_frames: 40,
            trial_seconds: 1800,
            max_escapes: 0,
            max_disagreements_percent: 20,
            max_failures_percent: 5,
            max_timeouts_percent: 5,
            max_shift_percent: 10,
            max_bundle_bytes: 64 * MB,
            on_revoked: OnRevoked::Alarm,
        }
    }
}

/// `[deploy]` of station.toml.
pub(super) fn deploy(fields: &Fields<'_>) -> Option<DeployConfig> {
    let default = DeployConfig::default();
    let frames = |key, default, least| fields.number(key, least..=1_000_000u32, Some(default));
    let shadow_frames = frames("shadow_frames", default.shadow_frames, 0);
    let trial_frames = frames("trial_frames", default.trial_frames, 1);
    let seconds = |key, default| fields.number(key, 1..=604_800u32, Some(default));
    let compile_seconds = seconds("compile_seconds", default.compile_seconds);
    let qualification_seconds = seconds("qualification_seconds", default.qualification_seconds);
    let shadow_seconds = seconds("shadow_seconds", default.shadow_seconds);
    let trial_seconds = seconds("trial_seconds", default.trial_seconds);
    let max_escapes = frames("max_escapes", default.max_escapes, 0);
    let percent = |key, default| fields.number(key, 0..=100u32, Some(default));
    let disagreements = percent("max_disagreements_percent", default.max_disagreements_percent);
    let failures = percent("max_failures_percent", default.max_failures_percent);
    let timeouts = percent("max_timeouts_percent", default.max_timeouts_percent);
    let shift = percent("max_shift_percent", default.max_shift_percent);
    let max_bundle_mb = fields.number("max_bundle_mb", 1..=256u64, Some(default.max_bundle_bytes / MB));
    let on_revoked = if fields.has("on_revoked") {
        fields.parsed("on_revoked", "\"alarm\" or \"stop-line\"", |text| match text {
            "alarm" => Some(OnRevoked::Alarm),
            "stop-line" => Some(OnRevoked::StopLine),
            _ => None,
        })
    } else {
        Some(default.on_revoked)
    };
    Some(DeployConfig {
        compile_seconds: compile_seconds?,
        qualification_seconds: qualification_seconds?,
        shadow_frames: shadow_frames?,
        shadow_seconds: shadow_seconds?,
        trial_frames: trial_frames?,
        trial_seconds: trial_seconds?,
        max_escapes: max_escapes?,
        max_disagreements_percent: disagreements?,
        max_failures_percent: failures?,
        max_timeouts_percent: timeouts?,
        max_shift_percent: shift?,
        max_bundle_bytes: max_bundle_mb?.saturating_mul(MB),
        on_revoked: on_revoked?,
    })
}
