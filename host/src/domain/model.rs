use super::{Digest, ElementType};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// File formats of models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ModelFormat {
    Onnx,
    /// OpenVINO IR: the XML; the weights are a second blob.
    OpenvinoIr,
    /// Through OpenVINO.
    Tflite,
}

/// How the blob of a model holds its file, where that is not the file as it is. From its signed manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelEncoding {
    pub codec: ModelCodec,
    /// Of the file that comes out.
    pub decoded_bytes: u64,
    pub decoded_sha256: Digest,
}

/// Ways to store a model's file in fewer bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ModelCodec {
    /// Weights as numbers of places in small books; all else deflated.
    #[serde(rename = "assay-weights-1")]
    Weights1,
}

impl ModelCodec {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Weights1 => "assay-weights-1",
        }
    }
}

/// How a picture comes into a model's input: which part of a heat map is the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PictureFit {
    /// With its shape kept and in the middle; the rest of the input is filled. As the preprocessor `letterbox` does.
    #[default]
    Letterbox,
    /// Over the whole input.
    Stretch,
}

/// The output of a model that says where in the picture it found something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Heatmap {
    /// Of `f32`, 0 to 1, `[1, height, width]` without the batch.
    pub output: String,
    #[serde(default)]
    pub fit: PictureFit,
}

/// One input or output of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Port {
    pub name: String,
    /// Sides without the batch, which is always the first side of the tensor: `[3, 224, 224]`. Of a model that has no
    /// batch, all sides.
    pub shape: Vec<u32>,
    #[serde(rename = "type")]
    pub ty: ElementType,
}

/// What a model takes and gives. From its signed manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    pub inputs: Vec<Port>,
    pub outputs: Vec<Port>,
    /// Batch sizes that are prepared at load; a tensor of any other batch size is refused. Empty where the model has no
    /// batch and the shapes of its ports are whole; a signed manifest always has a batch.
    pub batch_sizes: Vec<u32>,
}

impl ModelSpec {
    /// What is prepared at load: each batch size, or the one whole shape of a model that has no batch.
    pub fn batches(&self) -> impl Iterator<Item = Option<u32>> {
        let whole = self.batch_sizes.is_empty().then_some(None);
        self.batch_sizes.iter().copied().map(Some).chain(whole)
    }
}

/// How exact arithmetic has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// f32 as written. Some CPUs would run bf16 without being asked.
    #[default]
    F32Exact,
    /// What the device does fastest.
    Fast,
}

impl Precision {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32Exact => "f32-exact",
            Self::Fast => "fast",
        }
    }
}
