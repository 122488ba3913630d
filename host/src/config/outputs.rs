use super::fields::Fields;
use crate::trust::{NAME_RULE, is_name};
use std::path::PathBuf;

/// Where events are posted to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookConfig {
    pub url: String,
    /// Holds the key that events are signed with.
    pub secret_file: Option<PathBuf>,
    /// Holds the token that the receiver asks for.
    pub token_file: Option<PathBuf>,
    pub timeout_ms: u32,
    /// Longest time between two attempts.
    pub longest_retry_s: u32,
}

/// The broker that verdicts, alarms and the state go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MqttConfig {
    pub host: String,
    pub port: u16,
    /// Topics are `PREFIX/SITE/LINE/STATION/...`.
    pub prefix: String,
    pub site: String,
    pub line: String,
    pub client_id: Option<String>,
    pub user: Option<String>,
    pub password_file: Option<PathBuf>,
    pub keep_alive_s: u16,
    pub longest_retry_s: u32,
    pub tls: Option<MqttTls>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MqttTls {
    /// Certificates of those who may vouch for the broker.
    pub ca_file: PathBuf,
    /// The station's own certificate and key.
    pub client: Option<(PathBuf, PathBuf)>,
}

/// What is sent to people who run many stations.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TelemetryConfig {
    /// Collector of traces (OTLP over HTTP); none: no traces.
    pub otlp_endpoint: Option<String>,
}

const URL: &str = "an address that begins with http:// or https://";

fn is_url(text: &str) -> Option<String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let fits =
        !rest.is_empty() && !rest.starts_with('/') && !rest.contains('@') && text.chars().all(|c| c.is_ascii_graphic());
    fits.then(|| text.to_owned())
}

pub(super) fn webhook(fields: &Fields<'_>) -> Option<WebhookConfig> {
    let url = fields.required_parsed("url", &format!("{URL}, without a password in it"), is_url);
    let (secret_file, token_file) = (fields.path("secret_file"), fields.path("token_file"));
    let timeout_ms = fields.number("timeout_ms", 100..=60_000, Some(5000));
    let longest_retry_s = fields.number("longest_retry_s", 1..=3600, Some(60));
    Some(WebhookConfig {
        url: url?,
        secret_file,
        token_file,
        timeout_ms: timeout_ms?,
        longest_retry_s: longest_retry_s?,
    })
}

pub(super) fn mqtt(fields: &Fields<'_>) -> Option<MqttConfig> {
    let name = |text: &str| is_name(text).then(|| text.to_owned());
    let host = fields.required_parsed("host", "a host's name or address", |text| {
        let fits = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:".contains(c));
        fits.then(|| text.to_owned())
    });
    let tls = fields.section("tls", tls);
    let port = fields.number("port", 1..=65_535, Some(if tls.is_some() { 8883 } else { 1883 }));
    let prefix = if fields.has("prefix") { fields.parsed("prefix", NAME_RULE, name) } else { Some("assay".to_owned()) };
    let site = fields.required_parsed("site", NAME_RULE, name);
    let line = fields.required_parsed("line", NAME_RULE, name);
    let client_id = fields.parsed("client_id", NAME_RULE, name);
    let user = fields.optional::<String>("user");
    let password_file = fields.path("password_file");
    if user.is_some() != password_file.is_some() {
        let missing = if user.is_some() { "password_file" } else { "user" };
        fields.wrong(missing, "user and password_file together, or none of them");
    }
    let keep_alive_s = fields.number("keep_alive_s", 1..=600, Some(10));
    let longest_retry_s = fields.number("longest_retry_s", 1..=3600, Some(30));
    let tls = match tls {
        Some(tls) => Some(tls?),
        None => None,
    };
    Some(MqttConfig {
        host: host?,
        port: port?,
        prefix: prefix?,
        site: site?,
        line: line?,
        client_id,
        user,
        password_file,
        keep_alive_s: keep_alive_s?,
        longest_retry_s: longest_retry_s?,
        tls,
    })
}

fn tls(fields: &Fields<'_>) -> Option<MqttTls> {
    let ca_file = fields.required_path("ca_file");
    let (certificate, key) = (fields.path("certificate_file"), fields.path("key_file"));
    let client = match (certificate, key) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        (certificate, _) => {
            let missing = if certificate.is_some() { "key_file" } else { "certificate_file" };
            fields.wrong(missing, "certificate_file and key_file together, or none of them");
            None
        }
    };
    Some(MqttTls { ca_file: ca_file?, client })
}

pub(super) fn telemetry(fields: &Fields<'_>) -> Option<TelemetryConfig> {
    let otlp_endpoint = fields.parsed("otlp_endpoint", URL, is_url);
    if fields.has("otlp_endpoint") && otlp_endpoint.is_none() {
        return None;
    }
    Some(TelemetryConfig { otlp_endpoint })
}
