use serde::Serialize;

/// What a receiver gets, as a CloudEvent 1.0 in JSON (structured mode).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CloudEvent<T> {
    specversion: &'static str,
    /// With `source` unique for ever: a receiver that gets it twice drops the second.
    pub id: String,
    /// The station, as a path.
    pub source: String,
    #[serde(rename = "type")]
    pub kind: String,
    /// RFC 3339, UTC.
    pub time: String,
    datacontenttype: &'static str,
    pub data: T,
}

impl<T> CloudEvent<T> {
    /// `at_us` is in microseconds since 1970-01-01 UTC; `kind` is the last part of the type.
    #[must_use]
    pub fn new(station: &str, kind: &str, id: String, at_us: i64, data: T) -> Self {
        Self {
            specversion: "1.0",
            id,
            source: format!("/assay/{station}"),
            kind: format!("dev.assay.{kind}"),
            time: jiff::Timestamp::from_microsecond(at_us).unwrap_or_default().to_string(),
            datacontenttype: "application/json",
            data,
        }
    }
}
