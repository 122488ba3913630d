use super::QueueLimits;

/// The sources of a station as they were set up: for whoever shows them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceSetup {
    pub sources: Vec<SourceCard>,
    /// Of the queue before the lanes, which all share.
    pub queue: QueueLimits,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceCard {
    pub name: String,
    /// As the configuration says it: `folder`, `http`, `replay` or `burst`.
    pub kind: &'static str,
    /// Keys of the configuration with their values, also those that were not given.
    pub settings: Vec<(&'static str, String)>,
}
