use crate::alarms::{AlarmBoard, AlarmWatch, Probe, WatchParts};
use crate::config::StationConfig;
use crate::journal::{Journal, Ledger};
use crate::outputs::{self, MqttOutput, MqttParts, TraceOutput, Webhook, WebhookParts};
use crate::pipeline::{Board, LineEvent};
use anyhow::Context as _;
use crossbeam_channel::Receiver;
use std::sync::Arc;

/// Everything that watches the line and tells others of it. None of it is on the way of a frame.
pub struct Outputs {
    watch: AlarmWatch,
    webhook: Option<Webhook>,
    mqtt: Option<MqttOutput>,
    traces: Option<TraceOutput>,
}

/// What can be wrong with receivers is said before the line starts; and from now on, no verdict is too early for them.
pub fn prepare(config: &StationConfig, journal: &Journal, ledger: &Ledger) -> anyhow::Result<()> {
    if let Some(webhook) = &config.webhook {
        outputs::check_webhook(webhook).context("[webhook] of station.toml cannot be used")?;
    }
    if let Some(mqtt) = &config.mqtt {
        outputs::check_mqtt(mqtt, &config.station, &journal.reader(), ledger)
            .context("[mqtt] of station.toml cannot be used")?;
    }
    Ok(())
}

impl Outputs {
    pub fn start(
        config: &StationConfig,
        board: &Board,
        events: Receiver<LineEvent>,
        journal: &Arc<Journal>,
        ledger: &Arc<Ledger>,
    ) -> anyhow::Result<Self> {
        let watch = AlarmWatch::start(WatchParts {
            station: config.station.clone(),
            boot: journal.boot(),
            rules: config.alarms.clone(),
            probe: Probe::new(board.clone(), Arc::clone(journal), events),
            ledger: Arc::clone(ledger),
            send: config.webhook.is_some(),
        })?;
        let webhook = config.webhook.clone().map(|config| {
            Webhook::start(WebhookParts { config, ledger: Arc::clone(ledger), metrics: Arc::clone(board.metrics()) })
        });
        let mqtt = config.mqtt.clone().map(|mqtt| {
            MqttOutput::start(MqttParts {
                config: mqtt,
                station: config.station.clone(),
                board: board.clone(),
                alarms: watch.board.clone(),
                journal: journal.reader(),
                ledger: Arc::clone(ledger),
            })
        });
        let collector = config.telemetry.otlp_endpoint.as_deref();
        let traces = collector.map(|endpoint| TraceOutput::start(endpoint, &config.station, board));
        Ok(Self { watch, webhook: webhook.transpose()?, mqtt: mqtt.transpose()?, traces: traces.transpose()? })
    }

    pub fn alarms(&self) -> AlarmBoard {
        self.watch.board.clone()
    }

    /// After the line has ended, so that its last verdicts are sent too.
    pub fn stop(self) {
        self.watch.stop();
        self.webhook.into_iter().for_each(Webhook::stop);
        self.mqtt.into_iter().for_each(MqttOutput::stop);
        self.traces.into_iter().for_each(TraceOutput::stop);
    }
}
