//! What the SDK in C and the plugins in C, C++ and Zig compute without a host, compiled for this machine; what Go's own tools
//! say of the SDK in Go.

use anyhow::{Context, Result, ensure};
use assay::config::Language;
use assay::toolbox::Tools;
use assay_tests::artifacts::root;
use std::path::Path;
use std::process::Command;

/// Warnings are errors, and what C leaves undefined ends the program.
const STRICT: [&str; 5] = ["-O1", "-Wall", "-Wextra", "-Werror", "-fsanitize=undefined"];

/// Compiles a test program, runs it, and gives back what it said.
fn compiled(language: Language, first: &[&str], sources: &[&str]) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let program = folder.path().join("test");
    let mut zig = Tools::new(false, &|line| println!("{line}"))?.zig(language)?;
    zig.args(first).args(STRICT).args(sources).arg("-lm").arg("-o").arg(&program);
    said(&mut zig)?;
    said(&mut Command::new(program))
}

fn said(command: &mut Command) -> Result<String> {
    let output = command.current_dir(root()).output().with_context(|| format!("{command:?} cannot be started"))?;
    let err = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed:\n{err}");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned() + &err)
}

#[test]
fn the_sdk_in_c_frees_what_a_call_made() -> Result<()> {
    let first = ["cc", "-std=c11", "-DASSAY_WORLD_monitor", "-I", "sdk/c/include"];
    let said = compiled(Language::C, &first, &["sdk/c/tests/memory_test.c"])?;
    ensure!(said.contains("memory: all freed"), "{said}");
    Ok(())
}

#[test]
fn code_check_reads_drawn_codes() -> Result<()> {
    let sources = ["tests/codes_test.c", "src/bars.c", "src/code128.c", "src/ean13.c"];
    let sources = sources.map(|file| format!("plugins/code-check/{file}"));
    let said = compiled(Language::C, &["cc", "-std=c11"], &sources.each_ref().map(String::as_str))?;
    ensure!(said.contains("codes: all read"), "{said}");
    Ok(())
}

#[test]
fn fixture_align_finds_drawn_parts() -> Result<()> {
    let said = compiled(Language::Cpp, &["c++", "-std=c++20"], &["plugins/fixture-align/tests/shape_test.cpp"])?;
    ensure!(said.contains("shape: all found"), "{said}");
    Ok(())
}

#[test]
fn exposure_measures_histograms() -> Result<()> {
    let mut zig = Tools::new(false, &|line| println!("{line}"))?.zig(Language::Zig)?;
    let cache = tempfile::tempdir()?;
    let said = said(zig.args(["test", "plugins/exposure/src/measure.zig", "--cache-dir"]).arg(cache.path()))?;
    ensure!(said.contains("All 6 tests passed"), "{said}");
    Ok(())
}

#[test]
fn the_sdk_in_go_is_as_vet_and_gofmt_want_it() -> Result<()> {
    let tools = Tools::new(false, &|line| println!("{line}"))?;
    let sdk = root().join("sdk/go");
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(&sdk)? {
        let entry = entry?;
        // `internal` is generated for the most part; examples are programs of their own, built by other tests.
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_dir() && !["internal", "examples"].contains(&name.as_str()) {
            folders.push(format!("./{name}"));
        }
    }
    folders.extend([".", "./internal/call", "./internal/wit/types"].map(str::to_owned));
    let mut go = tools.go()?;
    let output = go.current_dir(&sdk).arg("vet").args(&folders).output().context("go cannot be started")?;
    ensure!(output.status.success(), "go vet:\n{}", String::from_utf8_lossy(&output.stderr));
    let goroot = tools.go()?.args(["env", "GOROOT"]).output()?;
    let gofmt = Path::new(String::from_utf8_lossy(&goroot.stdout).trim()).join("bin/gofmt");
    let written =
        ["sdk/go/*.go", "sdk/go/*/*.go", "sdk/go/examples", "tests/conformance/go", "tests/bench/languages/go"];
    let said = said(Command::new("sh").args(["-c", &format!("{} -l {}", gofmt.display(), written.join(" "))]))?;
    ensure!(said.is_empty(), "not as gofmt writes them:\n{said}");
    Ok(())
}
