use super::author::{Content, Section, blob, required_word};
use super::fields::Fields;
use crate::domain::{
    Digest, Heatmap, ModelCodec, ModelEncoding, ModelFormat, ModelSpec, PictureFit, Port, with_causes,
};
use crate::inference::{check_import, decode_model};
use crate::trust::{BlobRole, ModelManifest, NewBlob};

/// `[model]` of an author manifest.
pub(super) fn model(fields: &Fields<'_>) -> Option<Section> {
    let format = required_word(fields, "format", "\"onnx\", \"openvinoir\" or \"tflite\"");
    let file = blob(fields, "file", BlobRole::Model);
    let optional = |key, role| if fields.has(key) { blob(fields, key, role).map(Some) } else { Some(None) };
    let weights = optional("weights", BlobRole::Weights);
    let reference = optional("reference", BlobRole::Reference);
    let report_card = optional("report_card", BlobRole::ReportCard);
    let labels: Option<Vec<String>> = fields.required("labels");
    let logits = fields.required("logits");
    let temperature = in_f32(fields.or("temperature", 1.0));
    let batch_sizes = batch_sizes(fields);
    fields.obey(|rules| {
        labels.iter().for_each(|labels| rules.labels("labels", labels));
        rules.temperature("temperature", temperature);
        batch_sizes.iter().for_each(|sizes| rules.batch_sizes("batch_sizes", sizes));
    });
    let heatmap = heatmap(fields);
    let inputs = fields.sections("input", port);
    let outputs = fields.sections("output", port);
    if format == Some(ModelFormat::OpenvinoIr) && !fields.has("weights") {
        fields.wrong("weights", "the path of the .bin file: format \"openvinoir\" keeps its weights apart");
        return None;
    }
    let (file, weights) = (file?, weights?);
    let spec = ModelSpec { inputs: inputs?, outputs: outputs?, batch_sizes: batch_sizes? };
    let encoding = encoding(fields, &file)?;
    let mut blobs = vec![file];
    blobs.extend([weights, reference?, report_card?].into_iter().flatten());
    let (labels, logits, heatmap) = (labels?, logits?, heatmap?);
    let model = ModelManifest { format: format?, spec, labels, logits, temperature, encoding, heatmap };
    Some(Section { content: Content::Model(model), blobs })
}

/// What to write, where a station would not take the file.
pub(super) const TAKEN: &str = "a model that a station takes in (docs/models.md says which)";

/// How the blob holds the file, where it is not the file: what it decodes to is signed.
fn encoding(fields: &Fields<'_>, file: &NewBlob) -> Option<Option<ModelEncoding>> {
    if !fields.has("encoding") {
        return Some(None);
    }
    let expected = "\"assay-weights-1\", or no such key where the file is the model";
    let codec: ModelCodec = required_word(fields, "encoding", expected)?;
    match decode_model(&file.bytes, None) {
        Ok(bytes) => {
            let (decoded_bytes, decoded_sha256) = (bytes.len() as u64, Digest::of(&bytes));
            Some(Some(ModelEncoding { codec, decoded_bytes, decoded_sha256 }))
        }
        Err(error) => {
            fields.wrong_because("file", &format!("{} ({})", file.name, with_causes(&error)), TAKEN);
            None
        }
    }
}

/// Reads the file of a model whose manifest keeps to the rules as a station will before it gives it to a backend. Gives
/// what was found where a station would not take it.
pub(super) fn refusal(model: &ModelManifest, blobs: &[NewBlob]) -> Option<String> {
    let of_role = |role| blobs.iter().find(|blob| blob.role == role);
    let (file, weights) = (of_role(BlobRole::Model)?, of_role(BlobRole::Weights));
    let decoded = model.encoding.as_ref().map(|encoding| decode_model(&file.bytes, Some(encoding)));
    let decoded = match decoded.transpose() {
        Ok(decoded) => decoded,
        Err(error) => return Some(format!("{} ({})", file.name, with_causes(&error))),
    };
    let bytes = decoded.as_deref().unwrap_or(&file.bytes);
    let checked = check_import(model.format, bytes, weights.map(|weights| weights.bytes.as_slice()), &model.spec);
    checked.err().map(|refusal| format!("{} ({refusal})", file.name))
}

/// The keys `heatmap` and `heatmap_fit`.
fn heatmap(fields: &Fields<'_>) -> Option<Option<Heatmap>> {
    let output: Option<String> = fields.optional("heatmap");
    let fit = if fields.has("heatmap_fit") {
        required_word(fields, "heatmap_fit", "\"letterbox\" or \"stretch\"")?
    } else {
        PictureFit::default()
    };
    if output.is_none() && fields.has("heatmap_fit") {
        fields.wrong("heatmap_fit", "no such key without `heatmap`, the name of the output");
        return None;
    }
    Some(output.map(|output| Heatmap { output, fit }))
}

#[allow(clippy::cast_possible_truncation, reason = "what does not fit becomes infinite, and that is refused")]
fn in_f32(number: f64) -> f32 {
    number as f32
}

fn batch_sizes(fields: &Fields<'_>) -> Option<Vec<u32>> {
    if !fields.has("batch_sizes") {
        return Some(vec![1]);
    }
    whole_numbers(fields, "batch_sizes")
}

/// `[[model.input]]` and `[[model.output]]`.
fn port(fields: &Fields<'_>) -> Option<Port> {
    let name: Option<String> = fields.required("name");
    let shape = whole_numbers(fields, "shape");
    fields.obey(|rules| {
        name.iter().for_each(|name| rules.port_name("name", name));
        shape.iter().for_each(|shape| rules.shape("shape", shape));
    });
    let ty = required_word(fields, "type", "\"f32\", \"f16\", \"f64\", \"bf16\", \"u8\", \"i32\" or \"i64\"");
    Some(Port { name: name?, shape: shape?, ty: ty? })
}

fn whole_numbers(fields: &Fields<'_>, key: &'static str) -> Option<Vec<u32>> {
    let numbers: Vec<i64> = fields.required(key)?;
    let fitting = numbers.iter().map(|number| u32::try_from(*number)).collect::<Result<Vec<_>, _>>();
    if fitting.is_err() {
        fields.wrong(key, "a list of whole numbers from 1, such as [3, 224, 224]");
    }
    fitting.ok()
}
