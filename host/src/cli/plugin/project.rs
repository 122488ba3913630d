use crate::cli::bundle;
use crate::cli::secret;
use crate::cli::station::Assembly;
use crate::config::{BuildPlan, load, no_limits};
use crate::deploy::Ready;
use crate::domain::{BufferPool, PluginLimits};
use crate::imaging::DecodeLimits;
use crate::plugin::CacheOptions;
use crate::toolbox::{Candidate, Tools, Trial, TrialOptions, build};
use anyhow::Context as _;
use clap::Args;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Free pixel buffers that are kept, and the largest of them.
const POOL_BUFFERS: usize = 16;
const POOL_BUFFER_BYTES: usize = 48 << 20;

/// Which project, and how its compilers are found.
#[derive(Debug, Clone, Args)]
pub struct ProjectArgs {
    /// The project: the folder with plugin.toml
    #[arg(long, default_value = ".", value_name = "FOLDER")]
    pub project: PathBuf,
    /// Install nothing
    #[arg(long)]
    pub offline: bool,
}

/// A project that is built and then tried.
#[derive(Debug, Clone, Args)]
pub struct TrialArgs {
    #[command(flatten)]
    pub project: ProjectArgs,
    /// Take the component as it lies there
    #[arg(long)]
    pub no_build: bool,
    /// A station.toml: its recipe's model and plugins stand around this plugin
    #[arg(long, value_name = "STATION.TOML")]
    pub recipe: Option<PathBuf>,
}

/// Make the bundle that a station takes, built anew; it is signed with --key.
#[derive(Debug, Args)]
pub struct PackArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// Take the component as it lies there
    #[arg(long)]
    no_build: bool,
    /// Sign it with this private key, PKCS#8 PEM
    #[arg(long)]
    key: Option<PathBuf>,
    /// Where to write it; NAME-VERSION.assay in the project where it is left out
    #[arg(long)]
    out: Option<PathBuf>,
}

impl ProjectArgs {
    pub fn manifest(&self) -> PathBuf {
        self.project.join("plugin.toml")
    }

    /// The manifest, where there is one.
    pub fn there(&self) -> anyhow::Result<PathBuf> {
        let (manifest, folder) = (self.manifest(), self.project.display());
        let missing = "go to the plugin's folder, or name it with --project";
        anyhow::ensure!(manifest.exists(), "there is no plugin.toml in {folder}: {missing}");
        Ok(manifest)
    }

    /// Builds the project and says what it became.
    pub fn build(&self) -> anyhow::Result<BuildPlan> {
        let plan = BuildPlan::load(&self.there()?)?;
        let tell = |text: &str| eprintln!("{text}");
        build(&plan, &Tools::new(self.offline, &tell)?)?;
        Ok(plan)
    }
}

pub fn run_build(args: &ProjectArgs) -> anyhow::Result<()> {
    let plan = args.build()?;
    let size = std::fs::metadata(&plan.component).map(|meta| meta.len()).unwrap_or_default();
    say!("{} {} in {}: {} ({} KiB)", plan.kind, plan.name, plan.language, plan.component.display(), size / 1024);
    Ok(())
}

pub fn run_pack(args: &PackArgs) -> anyhow::Result<()> {
    if !args.no_build {
        args.project.build()?;
    }
    bundle::pack_plugin(&args.project.there()?, args.out.as_deref(), &args.project.project, args.key.as_deref())
}

/// A trial of the project's plugin, and the pool that its pictures come from.
pub struct Started {
    pub trial: Trial,
    pub pool: BufferPool,
}

impl TrialArgs {
    /// Builds the project where that is asked for, and admits its plugin as a station would.
    pub fn start(&self) -> anyhow::Result<Started> {
        let candidate = self.candidate()?;
        start(candidate, self.recipe.as_deref().map(around).transpose()?)
    }

    /// The project's plugin, built where that is asked for.
    pub fn candidate(&self) -> anyhow::Result<Candidate> {
        if !self.no_build {
            self.project.build()?;
        }
        Ok(Candidate::load(&self.project.there()?)?)
    }
}

/// What a recipe brings, and what its station allows.
pub struct Around {
    ready: Ready,
    caps: PluginLimits,
    limits: DecodeLimits,
}

impl Around {
    /// The most that the station grants.
    pub const fn caps(&self) -> PluginLimits {
        self.caps
    }
}

/// The recipe of a station, without running the station.
pub fn around(config: &Path) -> anyhow::Result<Around> {
    let parts = std::sync::Arc::new(Assembly::open(load(config)?)?);
    let configured = parts.configured_recipe(&mut |text| eprintln!("{text}"))?;
    Ok(Around { ready: configured.ready, caps: parts.config.plugin_limits, limits: parts.context.limits })
}

pub fn start(candidate: Candidate, around: Option<Around>) -> anyhow::Result<Started> {
    let pool = BufferPool::new(POOL_BUFFERS, POOL_BUFFER_BYTES);
    let (live, caps, limits) = match around {
        Some(around) => (Some(Arc::clone(&around.ready.live)), around.caps, around.limits),
        None => (None, no_limits().0, DecodeLimits::default()),
    };
    let options = TrialOptions { cache: Some(cache()?), caps, limits, pool: pool.clone(), around: live };
    Ok(Started { trial: Trial::admit(candidate, options)?, pool })
}

/// The author's own cache of compiled code, with its own secret.
fn cache() -> anyhow::Result<CacheOptions> {
    let tell = |_: &str| ();
    let home = Tools::new(true, &tell)?.home().to_owned();
    std::fs::create_dir_all(&home).with_context(|| format!("the folder {} cannot be made", home.display()))?;
    let secret = secret::load_or_make(&home.join("author.secret"))?;
    Ok(CacheOptions { dir: home.join("compiled"), secret })
}
