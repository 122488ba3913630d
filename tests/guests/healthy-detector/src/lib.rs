//! Finds `bright` with the mean of the picture; with the setting `model` it also asks that model.

wit_bindgen::generate!({ path: "../../../wit", world: "assay:plugin/detector", generate_all });

use assay::plugin::config;
use assay::plugin::imaging::{ElementType, Image, TensorLayout, TensorSpec};
use assay::plugin::types::{Finding, FrameInfo, PluginError, Region};
use exports::assay::plugin::detect::{Detection, Evidence, Guest};
use wasi::nn::graph;
use wasi::nn::tensor::Tensor;

struct Detector;

/// Asks with the first tensor that the preprocessors gave, or with one of the picture where they gave none.
fn ask(model: &str, inputs: Vec<(String, Tensor)>, picture: &Image) -> Result<f32, PluginError> {
    let of_nn =
        |error: wasi::nn::errors::Error| PluginError::Inference(format!("{:?}: {}", error.code(), error.data()));
    let tensor = match inputs.into_iter().next() {
        Some((_, tensor)) => tensor,
        None => tensor_of(picture)?,
    };
    let context = graph::load_by_name(model).map_err(of_nn)?.init_execution_context().map_err(of_nn)?;
    let outputs = context.compute(vec![("image".to_owned(), tensor)]).map_err(of_nn)?;
    let (_, first) = outputs.into_iter().next().ok_or_else(|| PluginError::Inference("no output".to_owned()))?;
    let bytes = first.data();
    let value = bytes.first_chunk().ok_or_else(|| PluginError::Inference("an empty output".to_owned()))?;
    Ok(f32::from_le_bytes(*value))
}

fn tensor_of(picture: &Image) -> Result<Tensor, PluginError> {
    let spec = TensorSpec { layout: TensorLayout::Nchw, element: ElementType::Fp32, mean: vec![0.0], scale: vec![1.0] };
    picture.to_tensor(&spec).map_err(|error| PluginError::Other(format!("{error:?}")))
}

impl Guest for Detector {
    fn detect(_frame: FrameInfo, evidence: Evidence) -> Result<Detection, PluginError> {
        let info = evidence.picture.info();
        let mean = evidence.picture.statistics().mean;
        let mut attributes = vec![
            ("labels".to_owned(), config::labels().join(",")),
            ("inputs".to_owned(), evidence.inputs.len().to_string()),
            ("outputs".to_owned(), evidence.outputs.len().to_string()),
        ];
        if let Some(model) = config::get("model") {
            let value = ask(model.trim_matches('"'), evidence.inputs, &evidence.picture)?;
            attributes.push(("asked".to_owned(), value.to_string()));
        }
        let finding = Finding {
            label: "bright".to_owned(),
            score: (mean / 255.0) as f32,
            raised: mean > 200.0,
            region: Some(Region { x: 0, y: 0, width: info.width, height: info.height }),
            text: Some(format!("mean {mean:.1}")),
            attributes: Vec::new(),
        };
        Ok(Detection { findings: vec![finding], images: Vec::new(), attributes })
    }
}

export!(Detector);
