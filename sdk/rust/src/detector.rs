use crate::Frame;
use crate::bindings::detector::exports::assay::plugin::detect as wit;
use crate::error::Result;
use crate::finding::Finding;
use crate::image::Image;
use crate::tensor::Tensors;

/// Frame, tensors and model outputs -> findings.
pub trait Detector: Sized + 'static {
    /// Reads and checks the settings. Called once per instance, before the first frame.
    ///
    /// # Errors
    /// Mostly those of [`crate::settings`].
    fn new() -> Result<Self>;

    /// Looks at one frame.
    ///
    /// # Errors
    /// Any; the frame becomes `undecided`.
    fn detect(&mut self, frame: &Frame, evidence: &Evidence) -> Result<Detection>;
}

/// The frame as the stages before left it.
#[derive(Debug)]
pub struct Evidence {
    /// The frame's picture, after the preprocessors.
    pub picture: Image,
    /// What the preprocessors gave.
    pub inputs: Tensors,
    /// What the model gave.
    pub outputs: Tensors,
    /// What else the host says.
    pub attributes: Vec<(String, String)>,
}

/// What a detector gives.
#[derive(Debug, Default)]
pub struct Detection {
    findings: Vec<Finding>,
    images: Vec<(String, Image)>,
    attributes: Vec<(String, String)>,
}

impl Detection {
    /// Nothing found yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a finding.
    #[must_use]
    pub fn finding(mut self, finding: Finding) -> Self {
        self.findings.push(finding);
        self
    }

    /// A picture for a person to look at.
    #[must_use]
    pub fn image(mut self, name: impl Into<String>, image: Image) -> Self {
        self.images.push((name.into(), image));
        self
    }

    /// A further value under a key of lower-case words with hyphens.
    #[must_use]
    pub fn attribute(mut self, key: impl Into<String>, value: impl ToString) -> Self {
        self.attributes.push((key.into(), value.to_string()));
        self
    }

    fn into_wit(self) -> wit::Detection {
        wit::Detection {
            findings: self.findings.into_iter().map(Into::into).collect(),
            images: self.images.into_iter().map(|(name, image)| (name, image.into_handle())).collect(),
            attributes: self.attributes,
        }
    }
}

/// What [`crate::export_detector`] calls.
#[doc(hidden)]
pub fn run<D: Detector>(
    plugin: &crate::instance::Instance<D>,
    frame: &Frame,
    evidence: wit::Evidence,
) -> std::result::Result<wit::Detection, wit::PluginError> {
    let evidence = Evidence {
        picture: Image::from_handle(evidence.picture),
        inputs: Tensors::from_handles(evidence.inputs),
        outputs: Tensors::from_handles(evidence.outputs),
        attributes: evidence.attributes,
    };
    Ok(plugin.with(D::new, |plugin| plugin.detect(frame, &evidence))?.into_wit())
}
