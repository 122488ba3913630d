//! Metrics as text for Prometheus.

use super::metrics::{Metrics, RecipeMetrics};
use super::series::Labelled;
use crate::domain::{BOUNDS_MS, LatencyCounts, Stage, VerdictKind, WarmEvent};
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;

/// What [`exposition`] writes, as an HTTP content type.
pub const EXPOSITION_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Figures that are not counted but looked at when somebody asks.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Gauges {
    pub queue_frames: u64,
    pub storage_free_bytes: u64,
    pub picture_bytes: u64,
    /// False where inference runs on another device than the one wished first.
    pub device_as_asked: bool,
    /// Series of monitors that report drift now.
    pub drifted_series: u64,
    pub alarms_active: u64,
    /// Events that wait for a peer.
    pub outbox_pending: u64,
    pub outbox_oldest_age_s: f64,
    /// Triggers for which no record could be made.
    pub lost: u64,
    pub commits: LatencyCounts,
}

/// All metrics in the OpenMetrics text format.
#[must_use]
pub fn exposition(metrics: &Arc<Metrics>, gauges: &Gauges) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Collector { metrics: Arc::clone(metrics), gauges: gauges.clone() }));
    let mut text = String::with_capacity(16 << 10);
    // Writing into a string does not fail.
    let _ = prometheus_client::encoding::text::encode(&mut text, &registry);
    text
}

#[derive(Debug)]
struct Collector {
    metrics: Arc<Metrics>,
    gauges: Gauges,
}

type Recipes = Arc<Vec<Arc<Labelled<RecipeMetrics, 1>>>>;

impl prometheus_client::collector::Collector for Collector {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut out = Out { encoder };
        let recipes = self.metrics.recipes.read();
        out.by_recipe(&recipes)?;
        out.counters(&self.metrics, &self.gauges)?;
        out.labelled_counters(&self.metrics)?;
        out.warm(&self.metrics)?;
        out.gauges(&self.gauges)?;
        out.histogram("assay_journal_commit_seconds", "Time of one commit of the journal, flush included", |family| {
            write_histogram(family, &self.gauges.commits)
        })
    }
}

struct Out<'a> {
    encoder: DescriptorEncoder<'a>,
}

impl Out<'_> {
    fn histogram(
        &mut self,
        name: &str,
        help: &str,
        write: impl FnOnce(MetricEncoder<'_>) -> fmt::Result,
    ) -> fmt::Result {
        write(self.encoder.encode_descriptor(name, help, None, MetricType::Histogram)?)
    }

    fn by_recipe(&mut self, recipes: &Recipes) -> fmt::Result {
        self.histogram("assay_stage_duration_seconds", "Time of a stage on one frame", |mut family| {
            for recipe in recipes.iter() {
                for (stage, times) in Stage::ALL.into_iter().zip(&recipe.value.stages) {
                    let times = times.read();
                    if times.count() > 0 {
                        let labels = [("stage", stage.name()), ("recipe", label(recipe))];
                        write_histogram(family.encode_family(&labels)?, &times)?;
                    }
                }
            }
            Ok(())
        })?;
        self.histogram("assay_plugin_duration_seconds", "Time of one call of a plugin", |mut family| {
            for recipe in recipes.iter() {
                for plugin in recipe.value.plugins.read().iter() {
                    let labels = [("plugin", label(plugin)), ("recipe", label(recipe))];
                    write_histogram(family.encode_family(&labels)?, &plugin.value.read())?;
                }
            }
            Ok(())
        })?;
        let (name, help) = ("assay_inspections", "Frames with a verdict");
        let mut family = self.encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for recipe in recipes.iter() {
            let kinds = [VerdictKind::Pass, VerdictKind::Fail, VerdictKind::Undecided];
            for kind in kinds {
                let count = recipe.value.verdicts.get(kind as usize).map_or(0, super::metrics::Counter::get);
                let labels = [("verdict", kind.name()), ("recipe", label(recipe))];
                family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, f64>(&count, None)?;
            }
        }
        Ok(())
    }

    /// The format adds `_total` to the name of a counter.
    fn counters(&mut self, metrics: &Metrics, gauges: &Gauges) -> fmt::Result {
        let counters = [
            (
                "assay_deadline_missed",
                "Frames whose time was over before they were judged",
                metrics.deadline_missed.get(),
            ),
            ("assay_adversarial", "Frames with a raised finding \"adversarial\"", metrics.adversarial.get()),
            (
                "assay_not_durable",
                "Verdicts withheld since their record was not on the disk",
                metrics.not_durable.get(),
            ),
            ("assay_unmonitored", "Frames that no monitor saw since monitors were too slow", metrics.unmonitored.get()),
            ("assay_lost", "Triggers for which there is no inspection", gauges.lost),
            ("assay_outbox_dropped", "Events given up since the outbox was full", metrics.outbox_dropped.get()),
            ("assay_traces_dropped", "Inspections whose trace no collector took", metrics.traces_dropped.get()),
            ("assay_events_dropped", "Verdicts that no event stream told of", metrics.events_dropped.get()),
        ];
        for (name, help, count) in counters {
            let mut family = self.encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            family.encode_counter::<NoLabelSet, _, f64>(&count, None)?;
        }
        Ok(())
    }

    fn labelled_counters(&mut self, metrics: &Metrics) -> fmt::Result {
        let (name, help) = ("assay_plugin_faults", "Failed calls of a plugin by failure code");
        let mut family = self.encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for fault in metrics.faults.read().iter() {
            let [plugin, kind] = &fault.labels;
            let labels = [("plugin", &**plugin), ("kind", &**kind)];
            family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, f64>(&fault.value.get(), None)?;
        }
        let (name, help) = ("assay_flagged", "Frames on which a detector raised a finding");
        let mut family = self.encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for detector in metrics.flagged.read().iter() {
            let labels = [("detector", label(detector))];
            family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, f64>(&detector.value.get(), None)?;
        }
        Ok(())
    }

    fn warm(&mut self, metrics: &Metrics) -> fmt::Result {
        let (name, help) = ("assay_warm_instances", "What became of the instances of warm plugins");
        let mut family = self.encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (plugin, counts) in metrics.warm.load().iter() {
            for event in WarmEvent::ALL {
                let labels = [("plugin", plugin.as_str()), ("event", event.name())];
                family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, f64>(&counts.get(event), None)?;
            }
        }
        Ok(())
    }

    fn gauges(&mut self, gauges: &Gauges) -> fmt::Result {
        let whole = [
            ("assay_queue_frames", "Frames that wait for a lane", gauges.queue_frames),
            ("assay_storage_free_bytes", "Free space where the journal lies", gauges.storage_free_bytes),
            ("assay_storage_picture_bytes", "Size of the stored pictures", gauges.picture_bytes),
            (
                "assay_device_as_asked",
                "1 where inference runs on the device wished first",
                u64::from(gauges.device_as_asked),
            ),
            ("assay_drifted_series", "Series of monitors that report drift", gauges.drifted_series),
            ("assay_alarms_active", "Alarms that are raised", gauges.alarms_active),
            ("assay_outbox_pending", "Events that wait for a peer", gauges.outbox_pending),
        ];
        for (name, help, value) in whole {
            self.encoder.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)?;
        }
        let (name, help) = ("assay_outbox_oldest_age_seconds", "Age of the oldest event that waits");
        self.encoder
            .encode_descriptor(name, help, None, MetricType::Gauge)?
            .encode_gauge(&gauges.outbox_oldest_age_s)?;
        let mut info = self.encoder.encode_descriptor("assay_build_info", "1, by version", None, MetricType::Gauge)?;
        info.encode_family(&[("version", env!("CARGO_PKG_VERSION"))])?.encode_gauge(&1u64)
    }
}

fn label<V>(one: &Labelled<V, 1>) -> &str {
    let [label] = &one.labels;
    label
}

fn write_histogram(mut encoder: MetricEncoder<'_>, counts: &LatencyCounts) -> fmt::Result {
    let bounds = BOUNDS_MS.iter().map(|bound| *bound as f64 / 1000.0).chain([f64::INFINITY]);
    let buckets: Vec<(f64, u64)> = bounds.zip(counts.buckets).collect();
    encoder.encode_histogram::<NoLabelSet>(counts.sum_us as f64 / 1e6, counts.count(), &buckets, None)
}
