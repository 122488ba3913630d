//! A grey picture as numbers, made by the host or by the plugin.

use assay_plugin::kernels::normalise;
use assay_plugin::{Frame, Image, Prepared, Preprocessor, Result, Tensor, TensorSpec, settings};

const MEAN: f32 = 16.0;
const SCALE: f32 = 128.0;

struct Plugin {
    work: String,
}

impl Preprocessor for Plugin {
    fn new() -> Result<Self> {
        Ok(Self { work: settings::get("work")? })
    }

    fn preprocess(&mut self, _frame: &Frame, picture: &Image) -> Result<Prepared> {
        let tensor = match self.work.as_str() {
            "handle" => picture.to_tensor(&TensorSpec::nchw([MEAN], [SCALE]))?,
            "guest" => {
                let (width, height, _) = picture.info();
                let pixels = picture.read_rows(0, height)?;
                let mut numbers = vec![0.0; pixels.len()];
                normalise(&pixels, MEAN, SCALE, &mut numbers);
                Tensor::from_f32(&[1, 1, height, width], &numbers)?
            }
            _ => return Ok(Prepared::new()),
        };
        Ok(Prepared::new().tensor("input", tensor))
    }
}

assay_plugin::export_preprocessor!(Plugin);
