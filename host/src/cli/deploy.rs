//! Deployments from the command line: the same API that other programs use.

use crate::domain::{DeployState, Deployment, Digest, QualityCheck};
use anyhow::{Context as _, bail};
use serde::Deserialize;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use ureq::Agent;
use ureq::http::{Response, StatusCode, Uri};

/// Between two looks at a deployment on its way.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// A rollback may have to load the recipe of before.
const ANSWER_LIMIT: Duration = Duration::from_secs(360);
const MAX_ANSWER_BYTES: u64 = 16 << 20;

/// Where the station is and who asks.
#[derive(Debug, clap::Args)]
struct To {
    /// The station's admin, such as http://127.0.0.1:8080
    #[arg(long, value_name = "URL", value_parser = station_address)]
    to: String,
    /// A file that holds an API token; a station without users needs none from its own machine
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

fn station_address(text: &str) -> Result<String, &'static str> {
    const EXPECTED: &str = "expected http://HOST:PORT, as the station prints it at its start";
    let address: Uri = text.parse().map_err(|_| EXPECTED)?;
    let is_web = address.scheme_str().is_some_and(|scheme| matches!(scheme, "http" | "https"));
    let here = is_web && address.host().is_some_and(|host| !host.is_empty());
    if here { Ok(text.trim_end_matches('/').to_owned()) } else { Err(EXPECTED) }
}

/// Hands a bundle to a running station and shows how far it comes.
#[derive(Debug, clap::Args)]
pub struct DeployArgs {
    /// A signed bundle: a recipe is qualified, shadowed, tried and committed; a plugin or a model is stored
    bundle: PathBuf,
    #[command(flatten)]
    to: To,
    /// Why, for the audit log
    #[arg(long, default_value = "")]
    reason: String,
    /// Let a recipe drive without judging beside the running one first
    #[arg(long)]
    skip_shadow: bool,
}

/// Ends the deployment in progress, or lets the recipe before drive again.
#[derive(Debug, clap::Args)]
pub struct RollbackArgs {
    #[command(flatten)]
    to: To,
    /// Why, for the audit log
    #[arg(long, default_value = "")]
    reason: String,
}

/// What a station runs, and its last deployments.
#[derive(Debug, clap::Args)]
pub struct StatusArgs {
    #[command(flatten)]
    to: To,
    /// Print what the station answers
    #[arg(long)]
    json: bool,
}

#[derive(Deserialize)]
struct Overview {
    station: String,
    running: Running,
    in_progress: bool,
    alarms: Vec<String>,
    deployments: Vec<Deployment>,
}

#[derive(Deserialize)]
struct Running {
    name: String,
    version: String,
    digest: Digest,
}

#[derive(Deserialize)]
struct RolledBack {
    running: Running,
    deployment: Option<Deployment>,
}

/// A refusal of the API.
#[derive(Deserialize)]
struct Refusal {
    title: String,
    detail: String,
}

pub fn deploy(args: DeployArgs) -> anyhow::Result<()> {
    let bytes = std::fs::read(&args.bundle).with_context(|| format!("cannot read {}", args.bundle.display()))?;
    let station = Station::new(args.to)?;
    let shadow = if args.skip_shadow { "&shadow=skip" } else { "" };
    let path = format!("/api/v1/deployments?reason={}{shadow}", percent(&args.reason));
    let mut deployment: Deployment = station.post(&path, &bytes)?;
    say!("deployment {} of {}", deployment.id, name_of(&deployment));
    let mut shown = 0;
    loop {
        for entered in deployment.history.iter().skip(shown) {
            say!("  {}", entered.state);
            if entered.state == DeployState::Qualified {
                say!("{}", super::station::quality_table(&deployment.checks));
            }
        }
        shown = deployment.history.len();
        if deployment.state.is_settled() {
            break;
        }
        std::thread::sleep(LOOK_EVERY);
        deployment = station.get(&format!("/api/v1/deployments/{}", deployment.id))?;
    }
    say_text!(report(&deployment));
    match deployment.state {
        DeployState::Committed | DeployState::Stored => Ok(()),
        state => bail!("{state}: {}", deployment.outcome.as_deref().unwrap_or("no reason is given")),
    }
}

pub fn roll_back(args: RollbackArgs) -> anyhow::Result<()> {
    let station = Station::new(args.to)?;
    let path = format!("/api/v1/rollback?reason={}", percent(&args.reason));
    let RolledBack { running, deployment } = station.post(&path, &[])?;
    if let Some(deployment) = deployment {
        say!("deployment {} of {}: {}", deployment.id, name_of(&deployment), deployment.state);
    }
    say!("recipe {} {} drives ({})", running.name, running.version, running.digest);
    Ok(())
}

pub fn status(args: StatusArgs) -> anyhow::Result<()> {
    let station = Station::new(args.to)?;
    if args.json {
        say!("{}", station.get_text("/api/v1/deployments")?);
        return Ok(());
    }
    let overview: Overview = station.get("/api/v1/deployments")?;
    let Running { name, version, digest } = overview.running;
    say!("station {}: recipe {name} {version} ({digest})", overview.station);
    for alarm in overview.alarms {
        say!("ALARM: {alarm}");
    }
    if overview.in_progress {
        say!("a deployment is in progress");
    }
    for deployment in overview.deployments.iter().take(10) {
        let outcome = deployment.outcome.as_ref().map(|outcome| format!(": {outcome}")).unwrap_or_default();
        let (id, name, state) = (deployment.id, name_of(deployment), deployment.state);
        say!("{id:>4}  {name}  {state}{outcome}");
    }
    Ok(())
}

fn name_of(deployment: &Deployment) -> String {
    deployment.bundle.as_ref().map_or_else(|| "a bundle".to_owned(), ToString::to_string)
}

/// What shadow and trial saw, and what could not be tested.
fn report(deployment: &Deployment) -> String {
    let mut text = String::new();
    let failed: Vec<QualityCheck> = deployment.checks.iter().filter(|check| !check.passed).cloned().collect();
    if !failed.is_empty() {
        let _ = writeln!(text, "{}", super::station::quality_table(&deployment.checks));
    }
    if let Some(shadow) = &deployment.shadow {
        let kinds: Vec<String> = shadow.disagreements.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
        let kinds = if kinds.is_empty() { "no disagreement".to_owned() } else { kinds.join(", ") };
        let (frames, failures, timeouts) = (shadow.frames, shadow.failures, shadow.timeouts);
        let _ = writeln!(text, "  shadow: {frames} frames, {kinds}, {failures} failures, {timeouts} late");
    }
    if let Some(trial) = &deployment.trial {
        let p99 = trial.p99_us as f64 / 1000.0;
        let (pass, fail, undecided) = (trial.pass, trial.fail, trial.undecided);
        let _ = writeln!(
            text,
            "  trial: {} frames ({pass} pass, {fail} fail, {undecided} undecided), p99 {p99:.1} ms",
            trial.frames
        );
    }
    for note in &deployment.notes {
        let _ = writeln!(text, "  note: {note}");
    }
    text
}

/// A station's API.
struct Station {
    agent: Agent,
    address: String,
    token: Option<String>,
}

impl Station {
    fn new(to: To) -> anyhow::Result<Self> {
        let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(ANSWER_LIMIT)).build();
        let token = to.token_file.as_deref().map(token).transpose()?;
        Ok(Self { agent: config.into(), address: to.to, token })
    }

    fn bearer(&self) -> Option<String> {
        self.token.as_ref().map(|token| format!("Bearer {token}"))
    }

    fn post<T: for<'de> Deserialize<'de>>(&self, path: &str, body: &[u8]) -> anyhow::Result<T> {
        let mut request = self.agent.post(format!("{}{path}", self.address));
        request = request.content_type("application/octet-stream");
        // A station that refuses says so before the bundle is on its way.
        request = request.header("expect", "100-continue");
        if let Some(bearer) = self.bearer() {
            request = request.header("authorization", bearer);
        }
        let answer = request.send(body).with_context(|| format!("{} cannot be reached", self.address))?;
        Ok(serde_json::from_str(&text(answer)?)?)
    }

    fn get_text(&self, path: &str) -> anyhow::Result<String> {
        let mut request = self.agent.get(format!("{}{path}", self.address));
        if let Some(bearer) = self.bearer() {
            request = request.header("authorization", bearer);
        }
        let answer = request.call().with_context(|| format!("{} cannot be reached", self.address))?;
        text(answer)
    }

    fn get<T: for<'de> Deserialize<'de>>(&self, path: &str) -> anyhow::Result<T> {
        Ok(serde_json::from_str(&self.get_text(path)?)?)
    }
}

/// The body of an answer; a refusal is an error in the station's own words.
fn text(mut answer: Response<ureq::Body>) -> anyhow::Result<String> {
    let status = answer.status();
    let text = answer.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_string();
    let text = text.context("the station's answer cannot be read")?;
    if status.is_success() {
        return Ok(text);
    }
    match serde_json::from_str::<Refusal>(&text) {
        Ok(refusal) if status == StatusCode::UNAUTHORIZED => {
            bail!("{} ({status}): {}; here by --token-file FILE", refusal.title, refusal.detail)
        }
        Ok(refusal) => bail!("{} ({status}): {}", refusal.title, refusal.detail),
        Err(_) => bail!("the station answered {status}"),
    }
}

fn token(path: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let token = text.trim();
    if token.is_empty() || !token.is_ascii() {
        bail!("{} holds no token", path.display());
    }
    Ok(token.to_owned())
}

/// Percent-encodes all but unreserved characters, for use inside a query.
fn percent(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_station_is_has_to_be_an_address() {
        for wrong in ["nonsense", "127.0.0.1:8080", "ftp://127.0.0.1", "http://", "/etc", ""] {
            assert!(station_address(wrong).is_err_and(|words| words.contains("http://HOST:PORT")), "{wrong}");
        }
        assert_eq!(station_address("http://127.0.0.1:8080/").as_deref(), Ok("http://127.0.0.1:8080"));
        assert_eq!(station_address("https://press.example").as_deref(), Ok("https://press.example"));
    }
}
