use serde::{Deserialize, Serialize};

/// How long an instance of a plugin lives, as its signed manifest says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
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
