use super::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use utoipa::ToSchema;

/// Where a deployment stands. Written to the disk before it is entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DeployState {
    /// The bundle's bytes are here.
    Received,
    /// Its signatures, authority, revocation, expiry and counter hold.
    Verified,
    /// A plugin or a model: it lies among the bundles, for a recipe to pin. Nothing runs it yet.
    Stored,
    /// Its plugins are admitted and its model is loaded.
    Compiled,
    /// It answered its self-test frames as it should, in time, on this device.
    Qualified,
    /// It judges beside the running recipe; its verdicts are not used.
    Shadow,
    /// It drives; the recipe before stays warm.
    Trial,
    /// It is the station's recipe, also after a restart.
    Committed,
    /// It drove, and the recipe before drives again.
    RolledBack,
    /// It never drove.
    Failed,
}

impl DeployState {
    pub const ALL: [Self; 10] = [
        Self::Received,
        Self::Verified,
        Self::Stored,
        Self::Compiled,
        Self::Qualified,
        Self::Shadow,
        Self::Trial,
        Self::Committed,
        Self::RolledBack,
        Self::Failed,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Verified => "verified",
            Self::Stored => "stored",
            Self::Compiled => "compiled",
            Self::Qualified => "qualified",
            Self::Shadow => "shadow",
            Self::Trial => "trial",
            Self::Committed => "committed",
            Self::RolledBack => "rolled-back",
            Self::Failed => "failed",
        }
    }

    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// True where nothing more happens by itself.
    #[must_use]
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Stored | Self::Committed | Self::RolledBack | Self::Failed)
    }

    /// The only ways from one state to another. What never drove fails; what drove is rolled back.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Received => matches!(next, Self::Verified | Self::Failed),
            Self::Verified => matches!(next, Self::Stored | Self::Compiled | Self::Failed),
            Self::Compiled => matches!(next, Self::Qualified | Self::Failed),
            Self::Qualified => matches!(next, Self::Shadow | Self::Trial | Self::Failed),
            Self::Shadow => matches!(next, Self::Trial | Self::Failed),
            Self::Trial => matches!(next, Self::Committed | Self::RolledBack),
            Self::Committed => matches!(next, Self::RolledBack),
            Self::Stored | Self::RolledBack | Self::Failed => false,
        }
    }
}

impl fmt::Display for DeployState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a deployment brings, as its verified manifest says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeployedBundle {
    /// `plugin`, `model` or `recipe`.
    pub kind: String,
    pub name: String,
    pub version: String,
    pub digest: Digest,
}

impl fmt::Display for DeployedBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.kind, self.name, self.version)
    }
}

/// One line of a qualification: what was asked, what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QualityCheck {
    pub what: String,
    pub asked: String,
    pub found: String,
    pub passed: bool,
}

impl QualityCheck {
    /// Of the model with its weights, as the bundle stores them.
    pub const SIZE: &'static str = "model size";
    pub const LOAD_TIME: &'static str = "load time";
    pub const DEVICE: &'static str = "device";
    /// Before the picture's name.
    pub const SELF_TEST: &'static str = "self-test";
    pub const LATENCY: &'static str = "latency p95";
    /// Of an admission, beside the steps of the verification: of a model, whether it can be read.
    pub const MODEL: &'static str = "model";
    pub const STORE: &'static str = "store";
    pub const IMPORTS: &'static str = "imports";
    pub const COMPILE: &'static str = "compile";
}

/// What a recipe was asked for at its qualification on this station, and what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Qualified {
    pub recipe: Digest,
    /// Microseconds since 1970-01-01 UTC.
    pub at_us: i64,
    /// The deployment that brought the recipe; null where it qualified at a start of the station.
    pub deployment: Option<u64>,
    /// Model size, load time, device, every self-test frame, latency p95: what could be asked.
    pub checks: Vec<QualityCheck>,
}

/// What the shadow saw.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShadowReport {
    /// Frames that both judged.
    pub frames: u64,
    pub frames_wanted: u64,
    /// Frames that the shadow was too slow for.
    pub skipped: u64,
    /// Frames on which it failed: a trap, a limit, a bad answer.
    pub failures: u64,
    /// Frames on which it was late.
    pub timeouts: u64,
    /// By kind, such as `pass->fail`: the running recipe's verdict, then the shadow's.
    pub disagreements: BTreeMap<String, u64>,
    /// The last frames on which they disagreed, or the shadow failed.
    pub kept: Vec<Disagreement>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Disagreement {
    pub frame: String,
    pub kind: String,
    /// Why the shadow gave no verdict, where it gave none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// What the trial saw of the frames that the new recipe judged.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TrialReport {
    pub frames: u64,
    pub frames_wanted: u64,
    pub pass: u64,
    pub fail: u64,
    pub undecided: u64,
    pub failures: u64,
    pub timeouts: u64,
    /// From the frame's arrival to its verdict.
    pub p99_us: u64,
    /// Share of frames that did not pass, before the swap; none where too few frames were seen.
    pub rejected_before: Option<f64>,
}

/// When a state was entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Entered {
    pub state: DeployState,
    /// Microseconds since 1970-01-01 UTC.
    pub at_us: i64,
}

/// One deployment with all that is known of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Deployment {
    /// From 1; never used twice.
    pub id: u64,
    pub state: DeployState,
    /// None before the bundle is verified: what it says of itself until then is nobody's word.
    pub bundle: Option<DeployedBundle>,
    /// Who brought it.
    pub actor: String,
    pub role: String,
    /// Why, in the words of who brought it.
    pub reason: String,
    /// Why it stands where it stands: the check that failed, the rule that rolled it back.
    pub outcome: Option<String>,
    /// The recipe that drove before.
    pub previous: Option<Digest>,
    /// Every state that it has entered.
    pub history: Vec<Entered>,
    /// The steps from the bundle's bytes to plugins that are admitted and a model that is loaded, in their order, up to
    /// the first that did not pass.
    #[serde(default)]
    pub admission: Vec<QualityCheck>,
    /// The qualification.
    pub checks: Vec<QualityCheck>,
    pub shadow: Option<ShadowReport>,
    pub trial: Option<TrialReport>,
    /// What was left out or could not be tested.
    pub notes: Vec<String>,
}

impl Deployment {
    /// When it entered its present state.
    #[must_use]
    pub fn changed_at_us(&self) -> i64 {
        self.history.last().map_or(0, |entered| entered.at_us)
    }

    #[must_use]
    pub fn received_at_us(&self) -> i64 {
        self.history.first().map_or(0, |entered| entered.at_us)
    }
}
