use super::super::{OutputError, secret};
use crate::config::MqttConfig;
use rumqttc::tokio_rustls::rustls::crypto::ring;
use rumqttc::{LastWill, MqttOptions, QoS, TlsConfiguration, Transport};
use std::path::Path;
use std::time::Duration;

/// Messages that wait for the broker's confirmation at one time.
pub const WINDOW: usize = 64;
/// What a message may weigh: a verdict is below 2 KiB.
const MAX_PACKET_BYTES: usize = 64 << 10;

/// The topics of a station.
#[derive(Debug, Clone)]
pub struct Topics {
    pub available: String,
    pub result: String,
    pub alarm: String,
    pub state: String,
}

impl Topics {
    pub fn new(config: &MqttConfig, station: &str) -> Self {
        let MqttConfig { prefix, site, line, .. } = config;
        let topic = |last: &str| format!("{prefix}/{site}/{line}/{station}/{last}");
        Self { available: topic("available"), result: topic("result"), alarm: topic("alarm"), state: topic("state") }
    }
}

/// What every connection is made with.
///
/// The session is clean: what the broker has not confirmed is read from the journal again, so nothing depends on what the
/// client or the broker remember.
pub fn options(config: &MqttConfig, station: &str, topics: &Topics) -> Result<MqttOptions, OutputError> {
    let client = config.client_id.clone().unwrap_or_else(|| format!("assay-{station}"));
    let mut options = MqttOptions::new(client, &config.host, config.port);
    options.set_clean_session(true);
    options.set_keep_alive(Duration::from_secs(u64::from(config.keep_alive_s)));
    options.set_inflight(100);
    options.set_max_packet_size(MAX_PACKET_BYTES, MAX_PACKET_BYTES);
    options.set_last_will(LastWill::new(&topics.available, "offline", QoS::AtLeastOnce, true));
    if let Some(path) = &config.password_file {
        options.set_credentials(config.user.clone().unwrap_or_default(), secret(path)?.as_str());
    }
    if let Some(tls) = &config.tls {
        let read = |path: &Path| {
            let bad = |error| OutputError::Tls { detail: format!("{}: {error}", path.display()) };
            std::fs::read(path).map_err(bad)
        };
        // Named here, because the process has more than one TLS client and none may choose for the others.
        let _ = ring::default_provider().install_default();
        let ca = read(&tls.ca_file)?;
        let client_auth = match &tls.client {
            Some((certificate, key)) => Some((read(certificate)?, read(key)?)),
            None => None,
        };
        options.set_transport(Transport::Tls(TlsConfiguration::Simple { ca, alpn: None, client_auth }));
    }
    Ok(options)
}
