use crate::config::Language;
use crate::domain::PluginKind;
use crate::toolbox::scaffold;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Start a plugin: a project that compiles and passes its own test at once.
#[derive(Debug, Args)]
pub struct NewArgs {
    /// The language: rust, c, cpp, zig, python or js (JavaScript and TypeScript)
    #[arg(long)]
    lang: Language,
    /// What it is to be
    #[arg(long)]
    kind: KindArg,
    /// The plugin's name; a folder of that name is made
    name: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum KindArg {
    /// Frame -> named tensors
    Preprocessor,
    /// Frame, tensors and model outputs -> findings
    Detector,
    /// Sees every inspection, reports drift
    Monitor,
}

pub fn run(args: &NewArgs) -> anyhow::Result<()> {
    let kind = match args.kind {
        KindArg::Preprocessor => PluginKind::Preprocessor,
        KindArg::Detector => PluginKind::Detector,
        KindArg::Monitor => PluginKind::Monitor,
    };
    let place = scaffold(&PathBuf::from("."), &args.name, args.lang, kind)?;
    say!("{} is a {kind} in {}. Next:", place.display(), args.lang);
    say!("  cd {}", args.name);
    say!("  assay plugin test              builds it and runs its own test");
    say!("  assay plugin run PICTURES...   shows what it answers");
    Ok(())
}
