//! Does what its setting `case` says; what each case has to give stands in cases.json.

use assay_plugin::{
    Error, Frame, Image, PixelFormat, Prepared, Preprocessor, Region, Result, Tensor, TensorSpec, settings,
};

struct Plugin {
    case: String,
}

impl Preprocessor for Plugin {
    fn new() -> Result<Self> {
        Ok(Self { case: settings::get("case")? })
    }

    fn preprocess(&mut self, _frame: &Frame, picture: &Image) -> Result<Prepared> {
        match self.case.as_str() {
            "tensors" => tensors(picture),
            "replace-picture" => {
                let part = picture.crop(Region { x: 2, y: 3, width: 8, height: 6 })?;
                Ok(Prepared::new().picture(part).attribute("replaced", "yes"))
            }
            "images" => images(picture),
            "unsupported-input" => Err(Error::unsupported_input("no part in sight")),
            "wrong-count" => Tensor::from_f32(&[2, 2], &[1.0, 2.0, 3.0]).map(|_| Prepared::new()),
            other => Err(Error::bad_setting("case", "a case", other)),
        }
    }
}

fn tensors(picture: &Image) -> Result<Prepared> {
    let pixels = picture.to_tensor(&TensorSpec::nhwc([10.0, 20.0, 30.0], [2.0, 4.0, 8.0]))?;
    let numbers = Tensor::from_f32(&[1, 4], &[1.0, 2.5, -3.0, 0.5])?;
    let bytes = Tensor::from_u8(&[3], &[1, 2, 3])?;
    Ok(Prepared::new().tensor("pixels", pixels).tensor("numbers", numbers).tensor("bytes", bytes))
}

fn images(picture: &Image) -> Result<Prepared> {
    let filled = Image::filled(3, 2, PixelFormat::Rgb8, &[10, 20, 30])?;
    Ok(Prepared::new().image("grey", picture.convert(PixelFormat::Gray8)?).image("filled", filled))
}

assay_plugin::export_preprocessor!(Plugin);
