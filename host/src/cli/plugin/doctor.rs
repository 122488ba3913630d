use crate::config::Language;
use crate::toolbox::{ToolError, Tools, answers, node_pins};
use clap::Args;
use std::path::PathBuf;

/// Find the compilers of each language, or install what is missing.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Install what is missing, from PyPI, npm and rustup, into one folder of yours
    #[arg(long)]
    install: bool,
    /// Only this language
    #[arg(long)]
    lang: Option<Language>,
}

pub fn run(args: &DoctorArgs) -> anyhow::Result<()> {
    let tell = |text: &str| eprintln!("{text}");
    let tools = Tools::new(!args.install, &tell)?;
    say!("compilers are kept in {}", tools.home().display());
    let wanted = Language::ALL.into_iter().filter(|language| args.lang.is_none_or(|only| only == *language));
    let mut missing = 0usize;
    for language in wanted {
        match found(&tools, language) {
            Ok(what) => say!("ok       {:7} {what}", language.name()),
            Err(error) => {
                missing += 1;
                say!("MISSING  {:7} {error}", language.name());
            }
        }
    }
    anyhow::ensure!(missing == 0 || !args.install, "{missing} languages cannot be compiled here");
    Ok(())
}

/// What compiles the language, with its version.
pub fn found(tools: &Tools<'_>, language: Language) -> Result<String, ToolError> {
    let said = |command: &std::process::Command, more: &str| {
        let mut words: Vec<String> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        words.push(more.to_owned());
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        answers(&command.get_program().to_string_lossy(), &words).unwrap_or_default()
    };
    match language {
        Language::Go => Ok(said(&tools.go()?, "version")),
        Language::Rust => Ok(said(&tools.cargo()?, "--version")),
        Language::C | Language::Cpp | Language::Zig => Ok(format!("zig {}", said(&tools.zig(language)?, "version"))),
        Language::Python => Ok(format!("componentize-py with {}", said(&tools.componentize_py()?, "--version"))),
        Language::JavaScript => {
            let (node, packages): (_, PathBuf) = tools.node(&node_pins())?;
            Ok(format!("node {}, componentize-js in {}", said(&node, "--version"), packages.display()))
        }
    }
}
