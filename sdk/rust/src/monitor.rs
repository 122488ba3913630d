use crate::Frame;
use crate::bindings::monitor::exports::assay::plugin::observe as wit;
use crate::error::Result;
use crate::finding::Finding;
use crate::image::Image;
use crate::tensor::Tensors;

/// Sees every inspection after its verdict. What it has to remember goes into [`crate::state`]: the instance itself
/// may be a fresh one for every frame.
pub trait Monitor: Sized + 'static {
    /// Reads and checks the settings. Called once per instance, before the first frame.
    ///
    /// # Errors
    /// Mostly those of [`crate::settings`].
    fn new() -> Result<Self>;

    /// Looks at one judged frame.
    ///
    /// # Errors
    /// Any; it becomes an alarm, the verdict stays.
    fn observe(&mut self, frame: &Frame, inspection: &Inspection) -> Result<Observation>;
}

/// A judged frame.
#[derive(Debug)]
pub struct Inspection {
    /// The frame's own picture.
    pub picture: Image,
    /// `pass`, `fail` or `undecided`.
    pub verdict: String,
    /// The top label, where the model answered.
    pub label: Option<String>,
    /// In the order of the model's labels; empty where the model did not answer.
    pub probabilities: Vec<f32>,
    /// Of all detectors.
    pub findings: Vec<Finding>,
    /// What the model gave.
    pub outputs: Tensors,
    /// What else the host says.
    pub attributes: Vec<(String, String)>,
}

/// One measure of one feature.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// What was watched: `brightness`.
    pub feature: String,
    /// How: `psi`.
    pub statistic: String,
    /// The measure.
    pub value: f64,
    /// At and above it the value counts as drift.
    pub threshold: f64,
    /// Whether it does.
    pub drifted: bool,
    /// Frames that the value speaks of.
    pub window: u64,
    /// Further values.
    pub attributes: Vec<(String, String)>,
}

/// What a monitor gives: only what is new.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observation {
    /// New reports.
    pub reports: Vec<Report>,
    /// Further values.
    pub attributes: Vec<(String, String)>,
}

impl Observation {
    fn into_wit(self) -> wit::Observation {
        let reports = self.reports.into_iter().map(|report| {
            let Report { feature, statistic, value, threshold, drifted, window, attributes } = report;
            wit::Report { feature, statistic, value, threshold, drifted, window, attributes }
        });
        wit::Observation { reports: reports.collect(), attributes: self.attributes }
    }
}

/// What [`crate::export_monitor`] calls.
#[doc(hidden)]
pub fn run<M: Monitor>(
    plugin: &crate::instance::Instance<M>,
    frame: &Frame,
    inspection: wit::Inspection,
) -> std::result::Result<wit::Observation, wit::PluginError> {
    let inspection = Inspection {
        picture: Image::from_handle(inspection.picture),
        verdict: inspection.verdict,
        label: inspection.label,
        probabilities: inspection.probabilities,
        findings: inspection.findings.into_iter().map(Into::into).collect(),
        outputs: Tensors::from_handles(inspection.outputs),
        attributes: inspection.attributes,
    };
    Ok(plugin.with(M::new, |plugin| plugin.observe(frame, &inspection))?.into_wit())
}
