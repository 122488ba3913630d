//! Makes the model's input: the picture in the model's size, with its shape kept.

use assay_plugin::letterbox::Letterbox;
use assay_plugin::{Frame, Image, Prepared, Preprocessor, Result};

struct Plugin {
    letterbox: Letterbox,
}

impl Preprocessor for Plugin {
    /// Size, normalisation and border come from the settings; see plugin.toml.
    fn new() -> Result<Self> {
        Ok(Self { letterbox: Letterbox::from_settings()? })
    }

    fn preprocess(&mut self, _frame: &Frame, picture: &Image) -> Result<Prepared> {
        // f32, [1, 3, height, width], filled by the host
        let tensor = self.letterbox.fit(picture)?.to_tensor(self.letterbox.spec())?;
        Ok(Prepared::new().tensor(self.letterbox.input(), tensor))
    }
}

assay_plugin::export_preprocessor!(Plugin);
