use crate::domain::{SettingValue, Settings};
use jiff::Timestamp;
use serde::Deserializer;
use serde::de::{Error, MapAccess, Visitor};
use std::fmt;

/// Settings in which every key stands once.
///
/// The derived reader of a map keeps the last of two equal keys; another reader may keep the first, and both would
/// show the same signature.
pub fn unique_settings<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Settings, D::Error> {
    deserializer.deserialize_map(UniqueSettings)
}

struct UniqueSettings;

impl<'de> Visitor<'de> for UniqueSettings {
    type Value = Settings;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("settings by key, each key once")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Settings, A::Error> {
        let mut settings = Settings::new();
        while let Some((key, value)) = map.next_entry::<String, SettingValue>()? {
            if settings.contains_key(&key) {
                return Err(A::Error::custom(format_args!("duplicate setting {key:?}")));
            }
            settings.insert(key, value);
        }
        Ok(settings)
    }
}

/// A time in RFC 3339, in UTC, with a final `Z`: one spelling of the zone, so that times compare as text too.
pub fn parse_utc(text: &str) -> Option<Timestamp> {
    if !text.ends_with('Z') || text.len() > 40 {
        return None;
    }
    text.parse().ok()
}
