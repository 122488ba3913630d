use super::project::{TrialArgs, around, start};
use crate::toolbox::{Compared, compare, golden_settings, pictures};
use clap::Args;

/// Differences that are printed of one picture.
const SHOWN: usize = 12;

/// Compare the plugin's answers with its golden files: `golden/NAME.png` and `golden/NAME.json`.
#[derive(Debug, Args)]
pub struct TestArgs {
    #[command(flatten)]
    trial: TrialArgs,
    /// Keep what it answers now
    #[arg(long)]
    bless: bool,
}

pub fn run(args: &TestArgs) -> anyhow::Result<()> {
    args.trial.project.there()?;
    let folder = args.trial.project.project.join("golden");
    let pictures = pictures(&folder)?;
    let candidate = args.trial.candidate()?.patient().with_settings(golden_settings(&folder)?)?;
    let mut started = start(candidate, args.trial.recipe.as_deref().map(around).transpose()?)?;
    let mut wrong = 0usize;
    for picture in &pictures {
        let name = picture.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match compare(&mut started.trial, picture, args.bless)? {
            Compared::Same => say!("ok        {name}"),
            Compared::Blessed => say!("blessed   {name}"),
            Compared::Missing { golden } => {
                wrong += 1;
                say!(
                    "MISSING   {name}: there is no {}; `assay plugin test --bless` keeps its answer",
                    golden.display()
                );
            }
            Compared::Differs(lines) => {
                wrong += 1;
                say!("DIFFERS   {name}");
                lines.iter().take(SHOWN).for_each(|line| say!("    {line}"));
                if lines.len() > SHOWN {
                    say!("    and {} more", lines.len() - SHOWN);
                }
            }
        }
    }
    anyhow::ensure!(
        wrong == 0,
        "{wrong} of {} pictures are not as their golden files say; if they are right so: `assay plugin test --bless`",
        pictures.len()
    );
    say!("{} pictures as expected", pictures.len());
    Ok(())
}
