use super::outputs::{self, Outputs};
use super::sources::{Sources, setup, sources};
use super::station::{Assembly, open_journal};
use crate::access::{Access, AccessOptions, SessionLimits};
use crate::admin::{AdminParts, AdminServer, AdminState, Reach, bind};
use crate::charts::ChartKeeper;
use crate::config::{StationConfig, load};
use crate::deploy::{DeployThread, RecordedRecipes, Replayer};
use crate::journal::{Journal, Ledger};
use crate::likeness::LikenessKeeper;
use crate::pipeline::{JournalKeeper, LaneOptions, Line, LineEvents, LineParts, LiveRecipe};
use anyhow::Context as _;
use signal_hook::iterator::Signals;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Events of the line that may wait for the one who watches it, who looks once a second.
const LINE_EVENTS: usize = 256;

/// Runs the station until Ctrl-C, SIGTERM or, where its terminal goes, SIGHUP.
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// The station's configuration, station.toml
    #[arg(long)]
    config: PathBuf,
    /// Listen there instead of at `[admin] bind`; port 0 takes a free one
    #[arg(long)]
    bind: Option<SocketAddr>,
}

pub fn run(args: RunArgs) -> anyhow::Result<()> {
    let config = load(&args.config)?;
    // First what can fail without a trace: nothing is written before the port is ours and the recipe is live.
    let reach = Reach { public_host: config.admin.public_host.clone() };
    let listener = listen(&config, args.bind, &reach)?;
    let parts = Arc::new(Assembly::open(config)?);
    for (name, reason) in parts.backends.missing() {
        say!("backend {name} is not available: {reason}");
    }
    let configured = parts.configured_recipe(&mut |text| say!("{text}"))?;
    let recipe = Arc::clone(&configured.ready.live);
    say_what_runs(&recipe);

    let mut signals = Signals::new(super::ends::signals()).context("Ctrl-C cannot be caught")?;
    let journal = open_journal(&parts.config, None)?;
    let ledger = open_ledger(&parts.config)?;
    outputs::prepare(&parts.config, &journal, &ledger)?;
    let keeper = JournalKeeper::new(Arc::clone(&journal), true);
    let Sources { sources, intakes } = sources(&parts.config, &journal.reader())?;
    let (events_in, events) = LineEvents::channel(LINE_EVENTS);
    let line = Line::start(LineParts {
        station: parts.config.station.clone(),
        boot: journal.boot(),
        recipe,
        context: parts.context.clone(),
        keeper: Arc::new(keeper.clone()),
        states: Box::new(keeper),
        sources,
        outcomes: None,
        events: events_in,
        options: lane_options(&parts.config),
    })?;
    let outputs = Outputs::start(&parts.config, &line.board, events, &journal, &ledger)?;
    let charts = charts(&parts.config, &line, &outputs)?;
    let likeness = likeness(&parts.config, &line, &journal)?;
    let access = access(&parts.config, &reach, &ledger)?;
    configured.commit(&parts)?;
    let (deployer, deployments) = super::deployer::start(&parts, &configured, ledger, &line)?;
    let state = AdminState::new(AdminParts {
        station: parts.config.station.as_str().into(),
        board: line.board.clone(),
        journal: Arc::new(journal.reader()),
        reviews: journal.review_desk(),
        trouble: trouble(&journal),
        alarms: outputs.alarms(),
        charts: Some(charts.board.clone()),
        access: Arc::clone(&access),
        intakes: intakes.into(),
        reach,
        deployer: Some(deployer),
        replayer: Some(replayer(&parts)),
        shifts: Arc::new(parts.config.shifts.clone()),
        picture_limits: journal.picture_limits(),
        sources: Arc::new(setup(&parts.config)),
    });
    let admin = AdminServer::start(listener, state)?;
    say_where(&admin, &access)?;

    signals.forever().next();
    say!("ending: the frames in flight are finished first");
    end_line(line, deployments);
    outputs.stop();
    charts.stop();
    likeness.stop();
    admin.stop();
    journal.close();
    say!("ended");
    Ok(())
}

/// Recipes of old records have the time that deployed ones have.
fn replayer(parts: &Arc<Assembly>) -> Replayer {
    let recipes: Arc<dyn RecordedRecipes> = Arc::<Assembly>::clone(parts);
    Replayer::new(recipes, Duration::from_secs(parts.config.deploy.compile_seconds.into()))
}

fn listen(config: &StationConfig, asked: Option<SocketAddr>, reach: &Reach) -> anyhow::Result<TcpListener> {
    let has_users = super::accounts::has_users(config)?;
    Ok(bind(asked.unwrap_or(config.admin.bind), reach, has_users)?)
}

fn say_where(admin: &AdminServer, access: &Access) -> anyhow::Result<()> {
    if let Some(secret) = access.new_set_up_secret()? {
        say!("no users yet: the first admin is made on /setup with the set-up secret {secret}");
    }
    say!("admin: http://{}", admin.address);
    say!("Ctrl-C ends the station.");
    Ok(())
}

fn end_line(line: Line, deployments: DeployThread) {
    // First, since a candidate that hangs must not keep the line from ending.
    line.stop.stop();
    if !deployments.stop() {
        say!("a deployment hangs and is left behind; the next start settles it");
    }
    super::station::report_end(&line.join());
}

/// The recipe and where its model runs, for the terminal.
fn say_what_runs(recipe: &LiveRecipe) {
    let device = recipe.model.placement().device.clone();
    if !device.is_first_wish() {
        // The alarm `device-not-as-asked` says so too, to people who do not see this terminal.
        say!("ALARM: the device {} was wished first, {} is used", device.asked.join(", "), device.used);
    }
    say!("recipe {} {} on {}, device {}", recipe.recipe.name, recipe.recipe.version, device.backend, device.used);
}

/// Why the journal records nothing any more, for whoever asks.
fn trouble(journal: &Arc<Journal>) -> Arc<dyn Fn() -> Option<String> + Send + Sync> {
    let watched = Arc::clone(journal);
    Arc::new(move || watched.trouble())
}

fn charts(config: &StationConfig, line: &Line, outputs: &Outputs) -> anyhow::Result<ChartKeeper> {
    let (dir, shifts) = (config.data_dir.join("journal"), Arc::new(config.shifts.clone()));
    let started = ChartKeeper::start(&dir, &line.board, &outputs.alarms(), shifts);
    started.context("the thread that keeps figures for charts cannot be started")
}

fn likeness(config: &StationConfig, line: &Line, journal: &Journal) -> anyhow::Result<LikenessKeeper> {
    let started = LikenessKeeper::start(&config.data_dir.join("journal"), &line.board, journal.reader());
    started.context("the thread that keeps embeddings of pictures cannot be started")
}

fn open_ledger(config: &StationConfig) -> anyhow::Result<Arc<Ledger>> {
    let dir = config.data_dir.join("journal");
    let ledger = Ledger::open(&dir, &config.station);
    Ok(Arc::new(ledger.with_context(|| format!("the station's records in {} cannot be opened", dir.display()))?))
}

/// Who may use the admin. On loopback, and with no proxy before it, a station without users is open to this machine.
fn access(config: &StationConfig, reach: &Reach, ledger: &Arc<Ledger>) -> anyhow::Result<Arc<Access>> {
    let idle = Duration::from_secs(60 * u64::from(config.admin.session_idle_min));
    let sessions = SessionLimits { idle, ..AccessOptions::default().sessions };
    // `bind` has let an address that is no loopback through only behind a proxy.
    let options = AccessOptions { sessions, open_without_users: !reach.behind_proxy() };
    Ok(Arc::new(Access::new(Arc::clone(ledger), options)?))
}

fn lane_options(config: &StationConfig) -> LaneOptions {
    LaneOptions {
        queue_frames: config.queue.frames,
        queue_bytes: config.queue.payload_bytes,
        trigger_wait_ms: config.queue.trigger_wait_ms,
        ..LaneOptions::default()
    }
}
