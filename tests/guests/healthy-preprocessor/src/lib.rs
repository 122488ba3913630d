//! Makes an 8x8 tensor `image` of the frame and a picture to look at. Frames of the product `small` it replaces by those
//! 8x8 pixels; others it hands on.

wit_bindgen::generate!({ path: "../../../wit", world: "assay:plugin/preprocessor", generate_all });

use assay::plugin::imaging::{ElementType, Image, PixelFormat, ResizeFilter, TensorLayout, TensorSpec};
use assay::plugin::types::{FrameInfo, PluginError};
use exports::assay::plugin::preprocess::{Guest, Prepared};

struct Preprocessor;

impl Guest for Preprocessor {
    fn preprocess(frame: FrameInfo, picture: Image) -> Result<Prepared, PluginError> {
        let failed = |error| PluginError::UnsupportedInput(format!("{error:?}"));
        let small = picture.resize(8, 8, ResizeFilter::Box).map_err(failed)?;
        let colour = small.convert(PixelFormat::Rgb8).map_err(failed)?;
        let spec =
            TensorSpec { layout: TensorLayout::Nchw, element: ElementType::Fp32, mean: vec![0.0], scale: vec![255.0] };
        let tensor = colour.to_tensor(&spec).map_err(failed)?;
        assay::plugin::log::log(assay::plugin::log::Level::Info, &format!("trigger {}", frame.trigger));
        let picture = match frame.product.as_deref() {
            Some("small") => colour,
            _ => picture,
        };
        Ok(Prepared {
            tensors: vec![("image".to_owned(), tensor)],
            picture: Some(picture),
            images: vec![("small".to_owned(), small)],
            attributes: vec![("station".to_owned(), frame.station)],
        })
    }
}

export!(Preprocessor);
