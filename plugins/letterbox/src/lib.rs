//! Preprocessor: the model's input of a picture of any size, with its shape kept.

use assay_plugin::letterbox::Letterbox;
use assay_plugin::{Frame, Image, Prepared, Preprocessor, Result};

struct Plugin {
    letterbox: Letterbox,
}

impl Preprocessor for Plugin {
    fn new() -> Result<Self> {
        Ok(Self { letterbox: Letterbox::from_settings()? })
    }

    fn preprocess(&mut self, _frame: &Frame, picture: &Image) -> Result<Prepared> {
        let tensor = self.letterbox.fit(picture)?.to_tensor(self.letterbox.spec())?;
        Ok(Prepared::new().tensor(self.letterbox.input(), tensor))
    }
}

assay_plugin::export_preprocessor!(Plugin);
