//! Runs one of the SDK's kernels over the picture, as often as the setting `rounds` says: for the benchmark.

use assay_plugin::{Detection, Detector, Error, Evidence, Frame, Result, kernels, settings};
use std::hint::black_box;

struct Plugin {
    kernel: String,
    rounds: u32,
}

impl Detector for Plugin {
    fn new() -> Result<Self> {
        Ok(Self { kernel: settings::get("kernel")?, rounds: settings::get("rounds")? })
    }

    fn detect(&mut self, _frame: &Frame, evidence: &Evidence) -> Result<Detection> {
        let (width, height, _) = evidence.picture.info();
        let pixels = evidence.picture.read_rows(0, height)?;
        let mut numbers = vec![0.0f32; pixels.len()];
        let mut bytes = vec![0u8; pixels.len()];
        for _ in 0..self.rounds {
            let pixels = black_box(pixels.as_slice());
            match self.kernel.as_str() {
                "normalise" => kernels::normalise(pixels, 127.0, 128.0, &mut numbers),
                "count" => drop(black_box(kernels::count_at_least(pixels, 128))),
                "sum" => drop(black_box(kernels::sum(pixels))),
                "histogram" => drop(black_box(kernels::histogram(pixels))),
                "box-blur" => {
                    black_box(kernels::box_blur_3x3(pixels, width as usize, height as usize, &mut bytes));
                }
                "threshold" => kernels::threshold(pixels, 128, &mut bytes),
                "mscn" => {
                    black_box(kernels::mscn(pixels, width as usize, height as usize, &mut numbers));
                }
                other => return Err(Error::bad_setting("kernel", "a kernel of the SDK", other)),
            }
            black_box((numbers.as_slice(), bytes.as_slice()));
        }
        Ok(Detection::new())
    }
}

assay_plugin::export_detector!(Plugin);
