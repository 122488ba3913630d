use super::{Digest, Image};
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// Names one frame for ever: a station never uses a pair of boot and trigger twice.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct FrameId {
    pub station: String,
    /// Counts the starts of the station, from 1.
    pub boot: u64,
    /// Counts the frames since that start, from 1.
    pub trigger: u64,
}

impl FrameId {
    /// Reads what `Display` writes: `STATION-BOOT-TRIGGER`. None where it is something else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (rest, trigger) = text.rsplit_once('-')?;
        let (station, boot) = rest.rsplit_once('-')?;
        let id = Self { station: station.to_owned(), boot: boot.parse().ok()?, trigger: trigger.parse().ok()? };
        (!station.is_empty() && id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for FrameId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.station, self.boot, self.trigger)
    }
}

/// All that is known of a picture but its pixels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FrameMeta {
    pub id: FrameId,
    /// Microseconds since 1970-01-01 UTC.
    pub captured_at_us: i64,
    /// Which source gave it, by the name in the station's configuration.
    pub source: String,
    /// What the source calls it: a file name, a camera's frame number.
    pub origin: Option<String>,
    pub product: Option<String>,
    pub serial: Option<String>,
    /// The line's own number of the trigger, where the source knows one: a PLC's counter, not the station's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_trigger: Option<u64>,
    /// True where the frame does not come from the line (replay, self-test).
    pub simulated: bool,
}

/// One picture with its metadata.
#[derive(Debug, Clone)]
pub struct Frame {
    pub meta: FrameMeta,
    pub image: Image,
    /// Digest of the encoded file that the source gave: what the journal stores and `replay` finds again.
    pub picture: Digest,
}
