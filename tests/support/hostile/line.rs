//! A station on signed bundles, one recipe per case: what runs here has come all the way, from the file to the record.

use super::cases::Case;
use super::pack::Packer;
use anyhow::{Context as _, Result, ensure};
use assay::cli::station::Assembly;
use assay::domain::{Digest, FrameId, Image, InstanceMode, PixelFormat, Verdict, VerdictKind};
use assay::imaging::encode_png;
use assay::journal::{Journal, JournalOptions};
use assay::pipeline::{InspectContext, Inspected, JournalKeeper, LiveRecipe, Record, RecordKeeper as _, inspect_frame};
use assay::source::Arrival;
use std::collections::BTreeMap;
use std::sync::Arc;

pub struct HostileLine {
    /// Held so that the folder stays until the end.
    _dir: tempfile::TempDir,
    assembly: Assembly,
    healthy: Arc<LiveRecipe>,
    recipes: BTreeMap<&'static str, Digest>,
    journal: Arc<Journal>,
    keeper: JournalKeeper,
    picture: Arc<[u8]>,
    trigger: u64,
}

/// The folder of a station that has never run, and is to begin with the recipe of a case; its bundle has a self-test
/// frame. `more` is added to station.toml.
pub fn first_start(case: &Case, instance: InstanceMode, more: &str) -> Result<(tempfile::TempDir, Assembly)> {
    let dir = tempfile::tempdir()?;
    let (bundles, trust) = (dir.path().join("bundles"), dir.path().join("trust.json"));
    std::fs::create_dir(&bundles)?;
    let picture = encode_png(&Image::new(8, 8, PixelFormat::Gray8, vec![51; 64].into())?)?;
    let packer = Packer::new(&bundles, &trust)?.with_self_test(&picture, instance);
    packer.case(case)?;
    let recipe = format!("bundles/recipe-{}.assay", case.name);
    let config = dir.path().join("station.toml");
    let text = format!(
        "station = \"first\"\ndata_dir = \"data\"\nbundles_dir = \"bundles\"\nrecipe = \"{recipe}\"\n\
         trust = \"trust.json\"\n[inference]\norder = [\"tract\"]\n{more}"
    );
    std::fs::write(&config, text)?;
    let assembly = Assembly::open(assay::config::load(&config)?)?;
    Ok((dir, assembly))
}

impl HostileLine {
    /// Packs and signs every case, and starts the parts of a station that judge.
    pub fn start(cases: &[&Case]) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let (bundles, trust) = (dir.path().join("bundles"), dir.path().join("trust.json"));
        std::fs::create_dir(&bundles)?;
        let packer = Packer::new(&bundles, &trust)?;
        let healthy = packer.healthy()?;
        let recipes = cases.iter().map(|case| Ok((case.name, packer.case(case)?))).collect::<Result<_>>()?;
        let config = dir.path().join("station.toml");
        let text = "station = \"hostile\"\ndata_dir = \"data\"\nbundles_dir = \"bundles\"\n\
                    recipe = \"bundles/healthy.assay\"\ntrust = \"trust.json\"\n[inference]\norder = [\"tract\"]\n";
        std::fs::write(&config, text)?;
        let assembly = Assembly::open(assay::config::load(&config)?)?;
        let refused: Vec<String> = assembly.catalogue.refused().iter().map(ToString::to_string).collect();
        ensure!(refused.is_empty(), "every bundle is validly signed: {refused:?}");
        let healthy = assembly.recorded_recipe(healthy)?.live;
        let journal = Arc::new(Journal::open(JournalOptions::new(&dir.path().join("journal"), "hostile"))?);
        let keeper = JournalKeeper::new(Arc::clone(&journal), true);
        let picture = Image::new(8, 8, PixelFormat::Gray8, vec![51; 64].into())?;
        let picture = encode_png(&picture)?.into();
        Ok(Self { _dir: dir, assembly, healthy, recipes, journal, keeper, picture, trigger: 0 })
    }

    /// Verifies, resolves and admits the recipe of a case.
    pub fn admit(&self, case: &Case) -> Result<Arc<LiveRecipe>> {
        Ok(self.assembly.recorded_recipe(*self.recipes.get(case.name).context("the case was packed")?)?.live)
    }

    /// The recipe of a healthy detector.
    #[must_use]
    pub fn healthy(&self) -> &LiveRecipe {
        &self.healthy
    }

    #[must_use]
    pub fn context(&self) -> &InspectContext {
        &self.assembly.context
    }

    /// The encoded picture of every frame.
    #[must_use]
    pub fn picture(&self) -> &Arc<[u8]> {
        &self.picture
    }

    /// The next frame, judged by a recipe.
    pub fn inspect(&mut self, recipe: &LiveRecipe) -> Inspected {
        let id = self.next_id();
        inspect_frame(arrival(&self.picture), id, recipe, &self.assembly.context)
    }

    fn next_id(&mut self) -> FrameId {
        self.trigger += 1;
        FrameId { station: "hostile".to_owned(), boot: 1, trigger: self.trigger }
    }

    /// The next frame, judged by the healthy recipe: it must pass, whatever came before it.
    pub fn healthy_frame_passes(&mut self) -> Result<()> {
        let id = self.next_id();
        let inspected = inspect_frame(arrival(&self.picture), id, self.healthy.as_ref(), &self.assembly.context);
        let verdict = inspected.inspection.verdict;
        ensure!(verdict.kind() == VerdictKind::Pass, "the healthy frame behind it: {verdict:?}");
        Ok(())
    }

    /// Makes the record durable, reads it back, and gives the verdict that it holds.
    pub fn record(&self, inspected: Inspected) -> Result<Verdict> {
        let Inspected { inspection, picture, images, .. } = inspected;
        let id = inspection.meta.id.clone();
        let ticket = self.keeper.submit(Record { inspection, picture, images })?;
        ticket.wait()?;
        let entry = self.journal.reader().get(&id)?.with_context(|| format!("{id} is not in the journal"))?;
        Ok(entry.inspection.verdict)
    }
}

fn arrival(picture: &Arc<[u8]>) -> Arrival {
    Arrival {
        source: "hostile".to_owned(),
        origin: None,
        product: None,
        serial: None,
        captured_at_us: 1,
        payload: Ok(Arc::clone(picture)),
        simulated: true,
        trigger: None,
        receipt: None,
    }
}
