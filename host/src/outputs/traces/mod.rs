//! Traces of inspections to an OpenTelemetry collector (OTLP over HTTP): one span per inspection, below it one per stage,
//! below that one per plugin. Off unless the configuration names a collector.
//!
//! A collector that is away costs traces, never time: what does not fit into the queue is counted and forgotten.

mod client;
mod spans;

use super::OutputError;
use crate::pipeline::{Board, Outcome};
use crate::telemetry::{Metrics, TracesDropped};
use client::Post;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanExporter as _;
use spans::spans_of;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Inspections that wait for the collector.
const QUEUE: usize = 1024;
/// Inspections in one call, and how long the first of them waits for others.
const BATCH: usize = 128;
const BATCH_WAIT: Duration = Duration::from_millis(500);
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// The thread that sends traces.
pub struct TraceOutput {
    board: Board,
    stop: Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl TraceOutput {
    /// `endpoint` is the collector's address, without `/v1/traces`.
    ///
    /// # Errors
    /// When the address is none, or no thread can be started.
    pub fn start(endpoint: &str, station: &str, board: &Board) -> Result<Self, OutputError> {
        let mut exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Post::new(CALL_TIMEOUT))
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .with_timeout(CALL_TIMEOUT)
            .build()
            .map_err(|error| OutputError::Traces { detail: error.to_string() })?;
        let about = [
            KeyValue::new("service.name", "assay"),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", station.to_owned()),
        ];
        exporter.set_resource(&Resource::builder_empty().with_attributes(about).build());
        let (outcomes_in, outcomes) = bounded(QUEUE);
        let (stop, stopped) = bounded(1);
        let metrics = Arc::clone(board.metrics());
        let run = move || run(&exporter, &outcomes, &stopped, &metrics);
        let thread = std::thread::Builder::new().name("traces".to_owned()).spawn(run);
        let thread = thread.map_err(|source| OutputError::Thread { name: "traces", source })?;
        board.tap(Some(outcomes_in));
        Ok(Self { board: board.clone(), stop, thread: Some(thread) })
    }

    /// Ends after the call in flight.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for TraceOutput {
    fn drop(&mut self) {
        self.board.tap(None);
        let _ = self.stop.try_send(());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(exporter: &SpanExporter, outcomes: &Receiver<Arc<Outcome>>, stopped: &Receiver<()>, metrics: &Metrics) {
    // One thread is enough: the client behind the exporter blocks.
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() else { return };
    let scope = InstrumentationScope::builder("assay").with_version(env!("CARGO_PKG_VERSION")).build();
    let mut down = false;
    loop {
        let batch = gather(outcomes, stopped);
        if batch.is_empty() {
            return;
        }
        let spans = batch.iter().flat_map(|outcome| spans_of(outcome, &scope)).collect();
        match runtime.block_on(exporter.export(spans)) {
            Ok(()) => down = false,
            Err(error) => {
                metrics.tell(&TracesDropped { count: batch.len() as u64 });
                if !down {
                    tracing::warn!(%error, "the collector of traces takes none: they are dropped until it does");
                    down = true;
                }
            }
        }
    }
}

/// What is to be sent next; nothing once the station ends.
fn gather(outcomes: &Receiver<Arc<Outcome>>, stopped: &Receiver<()>) -> Vec<Arc<Outcome>> {
    let mut batch = Vec::new();
    let first = crossbeam_channel::select! {
        recv(outcomes) -> first => first,
        // The last ones still go, in one call.
        recv(stopped) -> _ => {
            batch.extend(outcomes.try_iter().take(BATCH));
            return batch;
        }
    };
    let Ok(first) = first else { return batch };
    batch.push(first);
    let until = Instant::now() + BATCH_WAIT;
    while batch.len() < BATCH {
        match outcomes.recv_deadline(until) {
            Ok(next) => batch.push(next),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
        }
    }
    batch
}
