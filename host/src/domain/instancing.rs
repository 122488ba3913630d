use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering};

/// How long an instance of a plugin lives, as its signed manifest says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InstanceMode {
    /// One call: nothing of a frame can reach the next.
    #[default]
    Fresh,
    /// Several calls: for language runtimes that are expensive to instantiate.
    Warm,
}

impl InstanceMode {
    /// Whether it is what a manifest means that says nothing.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        *self == Self::Fresh
    }
}

/// When a warm instance is retired, beside what the host decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarmRules {
    /// Calls of one instance at most.
    pub calls: u32,
}

impl WarmRules {
    pub const MAX_CALLS: u32 = 1_000_000;
}

impl Default for WarmRules {
    fn default() -> Self {
        Self { calls: 1000 }
    }
}

/// What became of the instances of a warm plugin, since the start of the station and over all recipes.
#[derive(Debug, Default)]
pub struct WarmCounts {
    counts: [AtomicU64; WarmEvent::ALL.len()],
}

/// Something that happens to an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WarmEvent {
    Made,
    /// It served one more call.
    Reused,
    /// By its rules.
    Retired,
    /// Its call did not go well.
    Discarded,
    /// No place was free to keep it in.
    NotKept,
    /// It was let go before its recipe came to drive.
    LetGo,
}

impl WarmEvent {
    pub const ALL: [Self; 6] = [Self::Made, Self::Reused, Self::Retired, Self::Discarded, Self::NotKept, Self::LetGo];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Reused => "reused",
            Self::Retired => "retired",
            Self::Discarded => "discarded",
            Self::NotKept => "not-kept",
            Self::LetGo => "let-go",
        }
    }
}

impl WarmCounts {
    pub fn add(&self, event: WarmEvent) {
        if let Some(count) = self.counts.get(event as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[must_use]
    pub fn get(&self, event: WarmEvent) -> u64 {
        self.counts.get(event as usize).map_or(0, |count| count.load(Ordering::Relaxed))
    }
}
