use super::opened::OpenedModel;
use crate::domain::ModelFormat;
use crate::inference::{Examined, ImportRefusal, ModelFacts, PortFacts, check_import, examine};
use anyhow::bail;
use serde::Serialize;
use std::path::PathBuf;

/// Says what a model's file holds, and whether a station would give it to a backend. Runs nothing of it.
#[derive(Debug, clap::Args)]
pub(super) struct InspectArgs {
    /// A model (ONNX, OpenVINO IR with its .bin beside it, TensorFlow Lite), or a bundle of one
    file: PathBuf,
    /// Write it as one JSON object; `-` prints it instead of the text
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// docs/json.md
#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    file: String,
    format: ModelFormat,
    /// Of the file as it was found.
    stored_bytes: u64,
    /// Of the file as a backend reads it.
    model_bytes: u64,
    sha256: String,
    /// Name and version, where it was a bundle; nobody has verified it.
    bundle: Option<Named<'a>>,
    /// False where a station would refuse it.
    accepted: bool,
    reasons: Vec<String>,
    facts: Option<ModelFacts>,
}

#[derive(Serialize)]
struct Named<'a> {
    name: &'a str,
    version: String,
}

pub(super) fn run(args: &InspectArgs) -> anyhow::Result<()> {
    let model = OpenedModel::open(&args.file)?;
    let weights = model.weights.as_deref();
    let (facts, mut reasons) = match examine(model.format, &model.bytes, weights) {
        Ok(Examined { facts, reasons }) => (Some(facts), reasons),
        Err(ImportRefusal(reasons)) => (None, reasons),
    };
    if let Some(Err(ImportRefusal(all))) =
        model.spec().filter(|_| facts.is_some()).map(|spec| check_import(model.format, &model.bytes, weights, spec))
    {
        reasons = all;
    }
    let report = Report {
        schema: 1,
        file: args.file.display().to_string(),
        format: model.format,
        stored_bytes: model.stored_bytes,
        model_bytes: model.model_bytes(),
        sha256: model.digest.to_string(),
        bundle: model.manifest.as_ref().map(|own| Named { name: &own.name, version: own.version.to_string() }),
        accepted: reasons.is_empty(),
        reasons,
        facts,
    };
    match &args.json {
        Some(path) => super::write(path, &report)?,
        None => print(&report),
    }
    if report.accepted { Ok(()) } else { bail!("a station refuses this model: {}", report.reasons.join("; ")) }
}

fn print(report: &Report<'_>) {
    if let Some(Named { name, version }) = &report.bundle {
        say!("model {name} {version}, NOT VERIFIED: `assay bundle verify` checks the bundle");
    }
    say!("format      {}", format_word(report.format));
    say!("stored      {} bytes", report.stored_bytes);
    if report.model_bytes != report.stored_bytes {
        say!("decoded     {} bytes", report.model_bytes);
    }
    say!("sha256      {}", report.sha256);
    let Some(facts) = &report.facts else { return };
    say!("made by     {}, {}", plain(&facts.producer), plain(&facts.version));
    let ports = |what: &str, ports: &[PortFacts]| {
        for port in ports {
            say!("{what:<11} {}: {}", plain(port.name()), port.describe());
        }
    };
    ports("input", &facts.inputs);
    ports("output", &facts.outputs);
    say!("parameters  {} in {} bytes", facts.parameters, facts.parameter_bytes);
    say!("nodes       {}, at most {} one behind the other", facts.nodes, facts.longest_chain);
    let mut operators: Vec<_> = facts.operators.iter().collect();
    operators.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for (operator, count) in operators {
        say!("            {count:>6} {}", plain(operator));
    }
}

/// Names out of a file nobody vouches for: no control character reaches the terminal.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

const fn format_word(format: ModelFormat) -> &'static str {
    match format {
        ModelFormat::Onnx => "ONNX",
        ModelFormat::OpenvinoIr => "OpenVINO IR",
        ModelFormat::Tflite => "TensorFlow Lite",
    }
}
