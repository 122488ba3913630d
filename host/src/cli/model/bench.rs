use super::opened::OpenedModel;
use crate::domain::{ModelSpec, NamedTensor, Precision};
use crate::inference::{
    BackendOptions, Backends, DeviceRequest, Examined, InferenceError, LoadOptions, LoadedModel, ModelSource,
    blank_inputs, examine, spec_of,
};
use crate::pipeline::percentile;
use anyhow::{Context as _, anyhow, bail};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Runs before those that count.
const WARM_UP_RUNS: u32 = 5;
/// One run; no station waits longer for one.
const RUN_LIMIT: Duration = Duration::from_secs(60);
/// The backend that has no threads of its own.
const TRACT: &str = "tract";

/// Loads models and times single runs on blank inputs: every combination of file, backend and threads takes its turn,
/// so that whatever else the machine does slows all of them alike.
#[derive(Debug, clap::Args)]
pub(super) struct BenchArgs {
    /// Models (ONNX, OpenVINO IR, TensorFlow Lite) or bundles of models
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Backends, all by default
    #[arg(long = "backend", alias = "backends", value_name = "NAME", value_delimiter = ',',
          default_values = ["tract", "onnxruntime", "openvino"])]
    backends: Vec<String>,
    /// The device
    #[arg(long, default_value = "CPU")]
    device: String,
    /// Threads inside one run
    #[arg(long, value_delimiter = ',', default_value = "1", value_parser = clap::value_parser!(u32).range(1..=256))]
    threads: Vec<u32>,
    /// Runs that are timed
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    runs: u32,
    /// Let the device compute as it does fastest, instead of in f32 as written
    #[arg(long)]
    fast: bool,
    /// The folder of OpenVINO; else the variable `ASSAY_OPENVINO_DIR`, else the system
    #[arg(long, value_name = "DIR")]
    openvino_dir: Option<PathBuf>,
    /// The folder of ONNX Runtime; else the variable `ASSAY_ONNXRUNTIME_DIR`, else the system
    #[arg(long, value_name = "DIR")]
    onnxruntime_dir: Option<PathBuf>,
    /// Write the results as one JSON object; `-` prints it instead of the table
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// docs/json.md
#[derive(Serialize)]
struct Report {
    schema: u32,
    results: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    file: String,
    sha256: String,
    stored_bytes: u64,
    model_bytes: u64,
    backend: String,
    threads: u32,
    precision: &'static str,
    #[serde(flatten)]
    outcome: Outcome,
}

/// A combination that does not run says why in place of its times.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Outcome {
    Timed(Times),
    Failed { error: String },
}

#[derive(Debug, Serialize)]
struct Times {
    backend_version: String,
    device: String,
    load_ms: f64,
    runs: usize,
    min_ms: f64,
    p50_ms: f64,
    p95_ms: f64,
}

/// One combination on its way.
struct Lane {
    row: Row,
    model: Arc<dyn LoadedModel>,
    inputs: Arc<[NamedTensor]>,
    load: Duration,
    times_us: Vec<u64>,
}

pub(super) fn run(args: &BenchArgs) -> anyhow::Result<()> {
    let (mut lanes, mut rows) = (Vec::new(), Vec::new());
    let backends: Vec<(String, Backends)> = args.backends.iter().map(|name| (name.clone(), find(args, name))).collect();
    for path in &args.files {
        let file = BenchedFile::open(path)?;
        for (name, backend) in &backends {
            for threads in &args.threads {
                match file.lane(args, name, backend, *threads) {
                    Ok(lane) => lanes.push(lane),
                    Err(failed) => {
                        let (row, error) = *failed;
                        rows.push(Row { outcome: Outcome::Failed { error }, ..row });
                    }
                }
            }
        }
    }
    let failed = turns(&mut lanes, args.runs);
    rows.extend(failed);
    rows.extend(lanes.into_iter().map(Lane::finish));
    let order = |row: &Row| args.files.iter().position(|path| path.display().to_string() == row.file);
    rows.sort_by(|a, b| (order(a), &a.backend, a.threads).cmp(&(order(b), &b.backend, b.threads)));
    let report = Report { schema: 1, results: rows };
    match &args.json {
        Some(path) => super::write(path, &report)?,
        None => print(&report),
    }
    let timed = report.results.iter().any(|row| matches!(row.outcome, Outcome::Timed(_)));
    if timed || args.json.is_some() { Ok(()) } else { bail!("no combination of file, backend and threads runs here") }
}

fn find(args: &BenchArgs, name: &str) -> Backends {
    Backends::discover(&BackendOptions {
        openvino_dir: args.openvino_dir.clone(),
        onnxruntime_dir: args.onnxruntime_dir.clone(),
        order: vec![name.to_owned()],
    })
}

/// A file that is to be timed, with blank inputs for it.
struct BenchedFile {
    path: String,
    model: OpenedModel,
    spec: ModelSpec,
    inputs: Arc<[NamedTensor]>,
}

impl BenchedFile {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let model = OpenedModel::open(path)?;
        let named = || format!("{} is refused", path.display());
        let spec = match model.spec() {
            Some(spec) => spec.clone(),
            None => {
                let Examined { facts, .. } =
                    examine(model.format, &model.bytes, model.weights.as_deref()).with_context(named)?;
                spec_of(&facts).map_err(anyhow::Error::msg).with_context(named)?
            }
        };
        // A backend compiles each batch size; one is timed.
        let batch_sizes = spec.batch_sizes.iter().copied().take(1).collect();
        let spec = ModelSpec { batch_sizes, ..spec };
        let inputs = blank_inputs(&spec).map_err(|detail| anyhow!(detail)).with_context(named)?;
        Ok(Self { path: path.display().to_string(), model, spec, inputs: inputs.into() })
    }

    fn row(&self, args: &BenchArgs, backend: &str, threads: u32) -> Row {
        Row {
            file: self.path.clone(),
            sha256: self.model.digest.to_string(),
            stored_bytes: self.model.stored_bytes,
            model_bytes: self.model.model_bytes(),
            backend: backend.to_owned(),
            threads,
            precision: precision(args).name(),
            outcome: Outcome::Failed { error: String::new() },
        }
    }

    fn lane(&self, args: &BenchArgs, name: &str, backend: &Backends, threads: u32) -> Result<Lane, Box<(Row, String)>> {
        let row = self.row(args, name, threads);
        if let Some((_, reason)) = backend.missing().into_iter().next() {
            return Err(Box::new((row, reason)));
        }
        if name == TRACT && Some(&threads) != args.threads.first() {
            let said = "tract runs on one thread, whatever it is given; see its first row";
            return Err(Box::new((row, said.to_owned())));
        }
        let source = ModelSource {
            name: self.path.clone(),
            digest: self.model.digest,
            format: self.model.format,
            bytes: Arc::clone(&self.model.bytes),
            weights: self.model.weights.clone(),
            spec: self.spec.clone(),
        };
        let request = DeviceRequest { wish: vec![args.device.clone()], precision: precision(args) };
        let options = LoadOptions { threads, parallel: 1, cache_dir: None };
        let begin = Instant::now();
        match backend.load(&source, &request, &options) {
            Ok(model) => {
                let (load, inputs) = (begin.elapsed(), Arc::clone(&self.inputs));
                Ok(Lane { row, model, inputs, load, times_us: Vec::new() })
            }
            Err(error) => Err(Box::new((row, error.to_string()))),
        }
    }
}

fn precision(args: &BenchArgs) -> Precision {
    if args.fast { Precision::Fast } else { Precision::F32Exact }
}

/// Lets all lanes run in turn. Gives the rows of those that failed on the way.
fn turns(lanes: &mut Vec<Lane>, runs: u32) -> Vec<Row> {
    let mut failed = Vec::new();
    for run in 0..WARM_UP_RUNS.saturating_add(runs) {
        let mut index = 0;
        while let Some(lane) = lanes.get_mut(index) {
            match lane.run_once(run >= WARM_UP_RUNS) {
                Ok(()) => index += 1,
                Err(error) => {
                    let Lane { row, .. } = lanes.remove(index);
                    failed.push(Row { outcome: Outcome::Failed { error: error.to_string() }, ..row });
                }
            }
        }
    }
    failed
}

impl Lane {
    fn run_once(&mut self, counts: bool) -> Result<(), InferenceError> {
        let begin = Instant::now();
        self.model.infer(&self.inputs, begin + RUN_LIMIT)?;
        if counts {
            self.times_us.push(u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX));
        }
        Ok(())
    }

    fn finish(mut self) -> Row {
        self.times_us.sort_unstable();
        let at = |percent| percentile(&self.times_us, percent).unwrap_or(0) as f64 / 1000.0;
        let placement = self.model.placement();
        let times = Times {
            backend_version: placement.library_version.clone(),
            device: placement.device.used.clone(),
            load_ms: (self.load.as_secs_f64() * 1e4).round() / 10.0,
            runs: self.times_us.len(),
            min_ms: self.times_us.first().copied().unwrap_or(0) as f64 / 1000.0,
            p50_ms: at(50),
            p95_ms: at(95),
        };
        Row { outcome: Outcome::Timed(times), ..self.row }
    }
}

fn print(report: &Report) {
    let width = |text: fn(&Row) -> &str| report.results.iter().map(|row| text(row).len()).max().unwrap_or(0);
    let (file, backend) = (width(|row| &row.file), width(|row| &row.backend));
    say!("{:file$}  {:backend$}  threads     load      min      p50      p95 ms", "file", "backend");
    for row in &report.results {
        let head = format!("{:file$}  {:backend$}  {:>7}", row.file, row.backend, row.threads);
        match &row.outcome {
            Outcome::Timed(times) => {
                let Times { load_ms, min_ms, p50_ms, p95_ms, .. } = times;
                say!("{head} {load_ms:>8.1} {min_ms:>8.2} {p50_ms:>8.2} {p95_ms:>8.2}");
            }
            Outcome::Failed { error } => say!("{head} {error}"),
        }
    }
}
