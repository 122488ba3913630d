//! What the signed manifests of a recipe's parts say beyond what the line needs: for people. No verdict depends on it.

use super::{Capability, ModelFormat, ModelSpec, PluginLimits, Precision, WarmRules};
use serde::Serialize;
use utoipa::ToSchema;

/// Longest report card that is shown.
const MAX_REPORT_CARD_BYTES: usize = 256 << 10;

/// Of a plugin.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PluginOrigin {
    /// The WIT package that it was built against.
    pub wit: String,
    /// What the manifest asks for; the recipe grants no more.
    pub asked: Vec<Capability>,
    /// As they are signed.
    pub limits: PluginLimits,
    /// The station's own: what is above them is cut.
    pub caps: PluginLimits,
    /// When its instances are retired; none where each lives for one call.
    pub warm: Option<WarmRules>,
}

/// Of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelOrigin {
    pub format: ModelFormat,
    /// With its weights, as the bundle stores them.
    pub stored_bytes: u64,
    /// With its weights, as a backend reads them.
    pub model_bytes: u64,
    pub spec: ModelSpec,
    /// As the recipe asks.
    pub precision: Precision,
    pub gates: ModelGates,
    pub report_card: ReportCard,
}

/// What the recipe asks of its model before it may drive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct ModelGates {
    pub max_model_bytes: u64,
    pub max_load_ms: u32,
    pub max_p95_ms: u32,
}

/// The report card of a model's bundle. One that cannot be shown keeps no model from running.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum ReportCard {
    /// The bundle has none.
    #[default]
    Absent,
    Read(serde_json::Value),
    TooLarge {
        bytes: usize,
    },
    NotJson,
}

impl ReportCard {
    #[must_use]
    pub fn of(blob: Option<&[u8]>) -> Self {
        match blob {
            None => Self::Absent,
            Some(blob) if blob.len() > MAX_REPORT_CARD_BYTES => Self::TooLarge { bytes: blob.len() },
            Some(blob) => serde_json::from_slice(blob).map_or(Self::NotJson, Self::Read),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_card_is_read_where_it_is_small_and_json() {
        assert_eq!(ReportCard::of(None), ReportCard::Absent);
        assert_eq!(ReportCard::of(Some(b"{\"a\": 1}")), ReportCard::Read(serde_json::json!({ "a": 1 })));
        assert_eq!(ReportCard::of(Some(b"accuracy: good")), ReportCard::NotJson);
        assert_eq!(ReportCard::of(Some(&[b'['; 100_000])), ReportCard::NotJson, "nested without end");
        let long = vec![b' '; MAX_REPORT_CARD_BYTES + 1];
        assert_eq!(ReportCard::of(Some(&long)), ReportCard::TooLarge { bytes: long.len() });
    }
}
