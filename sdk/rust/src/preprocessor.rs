use crate::Frame;
use crate::bindings::preprocessor::exports::assay::plugin::preprocess as wit;
use crate::error::Result;
use crate::image::Image;
use crate::tensor::Tensor;

/// Frame -> named tensors.
pub trait Preprocessor: Sized + 'static {
    /// Reads and checks the settings. Called once per instance, before the first frame.
    ///
    /// # Errors
    /// Mostly those of [`crate::settings`].
    fn new() -> Result<Self>;

    /// Makes the model's inputs of one picture.
    ///
    /// # Errors
    /// Any; the frame becomes `undecided`.
    fn preprocess(&mut self, frame: &Frame, picture: &Image) -> Result<Prepared>;
}

/// What a preprocessor gives.
#[derive(Debug, Default)]
pub struct Prepared {
    tensors: Vec<(String, Tensor)>,
    picture: Option<Image>,
    images: Vec<(String, Image)>,
    attributes: Vec<(String, String)>,
}

impl Prepared {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An input of the model; detectors see it too.
    #[must_use]
    pub fn tensor(mut self, name: impl Into<String>, tensor: Tensor) -> Self {
        self.tensors.push((name.into(), tensor));
        self
    }

    /// Puts another picture in the frame's place for the stages behind.
    #[must_use]
    pub fn picture(mut self, picture: Image) -> Self {
        self.picture = Some(picture);
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

    fn into_wit(self) -> wit::Prepared {
        wit::Prepared {
            tensors: self.tensors.into_iter().map(|(name, tensor)| (name, tensor.into_handle())).collect(),
            picture: self.picture.map(Image::into_handle),
            images: self.images.into_iter().map(|(name, image)| (name, image.into_handle())).collect(),
            attributes: self.attributes,
        }
    }
}

/// What [`crate::export_preprocessor`] calls.
#[doc(hidden)]
pub fn run<P: Preprocessor>(
    plugin: &crate::instance::Instance<P>,
    frame: &Frame,
    picture: crate::bindings::imports::assay::plugin::imaging::Image,
) -> std::result::Result<wit::Prepared, wit::PluginError> {
    let picture = Image::from_handle(picture);
    Ok(plugin.with(P::new, |plugin| plugin.preprocess(frame, &picture))?.into_wit())
}
