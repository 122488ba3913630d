use super::author::{Content, Section, blob, required_word};
use super::fields::Fields;
use crate::domain::{ModelFormat, ModelSpec, Port};
use crate::trust::{BlobRole, ModelManifest};

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
    let inputs = fields.sections("input", port);
    let outputs = fields.sections("output", port);
    if format == Some(ModelFormat::OpenvinoIr) && !fields.has("weights") {
        fields.wrong("weights", "the path of the .bin file: format \"openvinoir\" keeps its weights apart");
        return None;
    }
    let mut blobs = vec![file?];
    blobs.extend([weights?, reference?, report_card?].into_iter().flatten());
    let spec = ModelSpec { inputs: inputs?, outputs: outputs?, batch_sizes: batch_sizes? };
    let model = ModelManifest { format: format?, spec, labels: labels?, logits: logits?, temperature };
    Some(Section { content: Content::Model(model), blobs })
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
