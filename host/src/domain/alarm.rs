use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What an alarm watches. Stored and sent by its kebab-case name: add, never rename.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AlarmKind {
    /// Frames in the window whose time was over before they were judged.
    DeadlineMisses,
    /// Share of the frames in the window that are undecided.
    UndecidedRate,
    /// Share of the frames in the window with a raised finding `adversarial`.
    AdversarialRate,
    /// Series of monitors that report drift.
    Drift,
    /// 1 while inference runs on another device than the one wished first.
    DeviceNotAsAsked,
    /// 0 enough space, 1 little, 2 no more pictures are kept, 3 records may be refused.
    Disk,
    /// 99th percentile of a commit in the window, in milliseconds.
    JournalLatency,
    /// Failed calls of plugins in the window.
    PluginFailures,
    /// Plugins that are not called any more, since they failed too often.
    PluginTakenOut,
    /// 1 while the line is stopped.
    LineStopped,
    /// Lanes given up in the window, since a plugin or a driver did not come back.
    LaneAbandoned,
    /// Events given up in the window, since the outbox was full.
    OutboxDropped,
    /// Releases in the window that the station itself took back from their trial.
    RolledBack,
}

/// How the value of an alarm is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlarmUnit {
    Count,
    /// 0 to 1.
    Share,
    Millis,
    /// 0 or 1.
    Flag,
    /// 0 to 3.
    Level,
}

impl AlarmKind {
    pub const ALL: [Self; 13] = [
        Self::DeadlineMisses,
        Self::UndecidedRate,
        Self::AdversarialRate,
        Self::Drift,
        Self::DeviceNotAsAsked,
        Self::Disk,
        Self::JournalLatency,
        Self::PluginFailures,
        Self::PluginTakenOut,
        Self::LineStopped,
        Self::LaneAbandoned,
        Self::OutboxDropped,
        Self::RolledBack,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DeadlineMisses => "deadline-misses",
            Self::UndecidedRate => "undecided-rate",
            Self::AdversarialRate => "adversarial-rate",
            Self::Drift => "drift",
            Self::DeviceNotAsAsked => "device-not-as-asked",
            Self::Disk => "disk",
            Self::JournalLatency => "journal-latency",
            Self::PluginFailures => "plugin-failures",
            Self::PluginTakenOut => "plugin-taken-out",
            Self::LineStopped => "line-stopped",
            Self::LaneAbandoned => "lane-abandoned",
            Self::OutboxDropped => "outbox-dropped",
            Self::RolledBack => "rolled-back",
        }
    }

    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    #[must_use]
    pub const fn unit(self) -> AlarmUnit {
        match self {
            Self::UndecidedRate | Self::AdversarialRate => AlarmUnit::Share,
            Self::JournalLatency => AlarmUnit::Millis,
            Self::DeviceNotAsAsked | Self::LineStopped => AlarmUnit::Flag,
            Self::Disk => AlarmUnit::Level,
            Self::DeadlineMisses
            | Self::Drift
            | Self::PluginFailures
            | Self::PluginTakenOut
            | Self::LaneAbandoned
            | Self::OutboxDropped
            | Self::RolledBack => AlarmUnit::Count,
        }
    }

    /// Most that a limit of this kind may be.
    #[must_use]
    pub const fn highest(self) -> f64 {
        match self.unit() {
            AlarmUnit::Share | AlarmUnit::Flag => 1.0,
            AlarmUnit::Level => 3.0,
            AlarmUnit::Millis => 500.0,
            AlarmUnit::Count => 1e9,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    Warning,
    Critical,
}

impl Severity {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Warning, Self::Critical].into_iter().find(|severity| severity.name() == name)
    }
}

/// When an alarm is raised and when it is cleared.
#[derive(Debug, Clone, PartialEq)]
pub struct AlarmRule {
    /// Unique in the station.
    pub name: String,
    pub kind: AlarmKind,
    pub severity: Severity,
    /// Raised at this value and above...
    pub raise: f64,
    /// ...and cleared at this one and below. In between, it stays as it is.
    pub clear: f64,
    /// What is counted is counted over this time.
    pub window_s: u32,
    /// The value has to stand for so long before the alarm is raised, or cleared.
    pub raise_after_s: u32,
    pub clear_after_s: u32,
    /// A share of fewer frames in the window says nothing.
    pub min_frames: u64,
}

impl AlarmRule {
    /// The rule that a station has where its configuration says nothing of this kind.
    #[must_use]
    pub fn default_of(kind: AlarmKind) -> Self {
        let (severity, raise, clear, clear_after_s) = match kind {
            AlarmKind::DeadlineMisses => (Severity::Warning, 5.0, 0.0, 30),
            AlarmKind::UndecidedRate => (Severity::Warning, 0.2, 0.1, 30),
            AlarmKind::AdversarialRate => (Severity::Critical, 0.05, 0.01, 60),
            AlarmKind::Drift => (Severity::Warning, 1.0, 0.0, 10),
            AlarmKind::DeviceNotAsAsked => (Severity::Warning, 1.0, 0.0, 0),
            AlarmKind::Disk => (Severity::Critical, 1.0, 0.0, 30),
            AlarmKind::JournalLatency => (Severity::Warning, 50.0, 20.0, 60),
            AlarmKind::PluginFailures => (Severity::Warning, 3.0, 0.0, 30),
            AlarmKind::PluginTakenOut => (Severity::Critical, 1.0, 0.0, 0),
            AlarmKind::LineStopped => (Severity::Critical, 1.0, 0.0, 0),
            AlarmKind::LaneAbandoned => (Severity::Critical, 1.0, 0.0, 0),
            AlarmKind::OutboxDropped | AlarmKind::RolledBack => (Severity::Warning, 1.0, 0.0, 0),
        };
        let (window_s, min_frames) = match kind {
            AlarmKind::LaneAbandoned | AlarmKind::OutboxDropped | AlarmKind::RolledBack => (600, 0),
            _ => (60, 20),
        };
        let name = kind.name().to_owned();
        Self { name, kind, severity, raise, clear, window_s, raise_after_s: 0, clear_after_s, min_frames }
    }

    /// One rule of every kind.
    #[must_use]
    pub fn defaults() -> Vec<Self> {
        AlarmKind::ALL.into_iter().map(Self::default_of).collect()
    }
}

/// An alarm that was raised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Alarm {
    /// Never used twice in a station.
    pub id: String,
    pub rule: String,
    pub kind: AlarmKind,
    pub severity: Severity,
    /// The value that raised it, and the limit that it reached.
    pub value: f64,
    pub limit: f64,
    /// What it is about, where the value alone does not say: names of plugins, devices, series.
    pub about: String,
    /// Microseconds since 1970-01-01 UTC.
    pub raised_at_us: i64,
    pub cleared_at_us: Option<i64>,
    pub acknowledged: Option<Acknowledged>,
}

/// Somebody has seen an alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Acknowledged {
    pub by: String,
    pub at_us: i64,
}
