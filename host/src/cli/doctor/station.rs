use super::{Check, Status};
use crate::config::{Catalogue, CatalogueError, StationConfig, resolve};
use crate::domain::with_causes;
use crate::outputs;
use crate::trust::{BundleKind, Counters, TrustStore, VerifyPolicy, read_bundle, verify};
use std::fs::File;
use std::io::Write as _;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const GROUP: &str = "station";
/// Writes that the disk's time is taken over; each as a small commit of the journal.
const WRITES: usize = 100;
const WRITE_BYTES: usize = 4096;
/// A commit that takes longer makes a line of 60 frames per second wait.
const SLOW: Duration = Duration::from_millis(20);
const CONNECT: Duration = Duration::from_secs(2);

pub fn checks(config: &StationConfig) -> Vec<Check> {
    let mut checks = vec![disk(&config.data_dir), free(&config.data_dir), counters(config)];
    match TrustStore::load(&config.trust) {
        Ok(trust) => {
            let keys = format!("{} keys in {}", trust.keys().len(), config.trust.display());
            checks.push(Check::new(GROUP, "trust store", Status::Ok, keys));
            let catalogue = Catalogue::read(&config.bundles_dir, &trust, &VerifyPolicy::run());
            checks.push(bundles(catalogue.as_ref()));
            checks.push(recipe(config, &trust, catalogue.as_ref().ok()));
        }
        Err(error) => {
            let said = with_causes(&error);
            checks.push(Check::new(GROUP, "trust store", Status::Missing, said));
        }
    }
    checks.extend(receivers(config));
    checks
}

/// The folder itself, or the one in which it would be made.
fn existing(dir: &Path) -> PathBuf {
    let found = dir.ancestors().find(|dir| dir.is_dir()).unwrap_or(Path::new("."));
    if found.as_os_str().is_empty() { PathBuf::from(".") } else { found.to_owned() }
}

/// How long a small write takes until it is on the disk.
fn disk(dir: &Path) -> Check {
    let name = "disk, one flush";
    let mut times = match flushes(&existing(dir)) {
        Ok(times) => times,
        Err(error) => {
            let said = format!("{}: {error}", dir.display());
            return Check::new(GROUP, name, Status::Missing, said).advise("let the station's user write there");
        }
    };
    times.sort_unstable();
    let at = |percent: usize| times.get((times.len() * percent).div_ceil(100).max(1) - 1).copied().unwrap_or_default();
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let said = format!("p50 {:.2} ms, p99 {:.2} ms, longest {:.2} ms", ms(at(50)), ms(at(99)), ms(at(100)));
    if at(99) > SLOW {
        let advice = "the journal waits so long for each group of records: a disk with power-loss protection is faster";
        return Check::new(GROUP, name, Status::Warning, said).advise(advice);
    }
    Check::new(GROUP, name, Status::Ok, said)
}

fn flushes(dir: &Path) -> std::io::Result<Vec<Duration>> {
    let mut file: File = tempfile::tempfile_in(dir)?;
    let bytes = [0x5a; WRITE_BYTES];
    let mut times = Vec::with_capacity(WRITES);
    for _ in 0..WRITES {
        let start = Instant::now();
        file.write_all(&bytes)?;
        file.sync_data()?;
        times.push(start.elapsed());
    }
    Ok(times)
}

fn free(dir: &Path) -> Check {
    let Ok(disk) = rustix::fs::statvfs(existing(dir)) else {
        return Check::new(GROUP, "disk, free", Status::Warning, "the system does not say");
    };
    let bytes = disk.f_bavail.saturating_mul(disk.f_frsize);
    let said = format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30));
    let check = |status| Check::new(GROUP, "disk, free", status, &said);
    match bytes >> 20 {
        0..64 => {
            check(Status::Missing).advise("free some: records need space, and a ballast of up to 64 MiB is held back")
        }
        64..4096 => check(Status::Warning).advise("pictures are kept only while there is room"),
        _ => check(Status::Ok),
    }
}

/// The clock against the last time at which this station installed something.
fn counters(config: &StationConfig) -> Check {
    let name = "clock against counters";
    let path = config.data_dir.join("counters.json");
    match Counters::open(&path) {
        Err(error) => Check::new(GROUP, name, Status::Missing, with_causes(&error)),
        Ok(counters) if counters.latest_time() > jiff::Timestamp::now() => {
            let said = format!("the clock stands before {}, when something was installed", counters.latest_time());
            Check::new(GROUP, name, Status::Warning, said).advise("set the clock")
        }
        Ok(_) => Check::new(GROUP, name, Status::Ok, "the clock was not set back"),
    }
}

fn bundles(catalogue: Result<&Catalogue, &CatalogueError>) -> Check {
    let name = "bundles";
    match catalogue {
        Err(error) => Check::new(GROUP, name, Status::Missing, with_causes(error)),
        Ok(catalogue) if catalogue.refused().is_empty() => {
            Check::new(GROUP, name, Status::Ok, format!("{} verified", catalogue.bundles().count()))
        }
        Ok(catalogue) => {
            let refused: Vec<String> = catalogue.refused().iter().map(|refused| with_causes(refused)).collect();
            let said =
                format!("{} verified, {} refused\n{}", catalogue.bundles().count(), refused.len(), refused.join("\n"));
            Check::new(GROUP, name, Status::Warning, said)
        }
    }
}

/// The recipe itself, and that all it pins is among the bundles.
fn recipe(config: &StationConfig, trust: &TrustStore, catalogue: Option<&Catalogue>) -> Check {
    let policy = VerifyPolicy::run().only(BundleKind::Recipe);
    let verified = read_bundle(&config.recipe).and_then(|bytes| verify(&bytes, trust, &policy));
    let bundle = match verified {
        Ok(bundle) => bundle,
        Err(error) => {
            let said = format!("{}: {}", config.recipe.display(), with_causes(&error));
            return Check::new(GROUP, "recipe", Status::Missing, said);
        }
    };
    match catalogue.map(|catalogue| resolve(&bundle, catalogue, &config.plugin_limits)) {
        None => Check::new(GROUP, "recipe", Status::Ok, format!("{} verified", bundle.digest())),
        Some(Ok(_)) => {
            Check::new(GROUP, "recipe", Status::Ok, format!("{} verified, all it pins is there", bundle.digest()))
        }
        Some(Err(problems)) => Check::new(GROUP, "recipe", Status::Missing, with_causes(&problems)),
    }
}

/// Secrets have to be there; a receiver that does not answer may come back.
fn receivers(config: &StationConfig) -> Vec<Check> {
    let mut checks = Vec::new();
    if let Some(webhook) = &config.webhook {
        checks.push(match outputs::check_webhook(webhook) {
            Ok(()) => Check::new(GROUP, "webhook", Status::Ok, format!("posts to {}", webhook.url)),
            Err(error) => Check::new(GROUP, "webhook", Status::Missing, with_causes(&error)),
        });
    }
    if let Some(mqtt) = &config.mqtt {
        let at = format!("{}:{}", mqtt.host, mqtt.port);
        checks.push(match outputs::check_mqtt_files(mqtt, &config.station) {
            Err(error) => Check::new(GROUP, "mqtt", Status::Missing, with_causes(&error)),
            Ok(()) if answers(&mqtt.host, mqtt.port) => Check::new(GROUP, "mqtt", Status::Ok, format!("{at} answers")),
            Ok(()) => Check::new(GROUP, "mqtt", Status::Warning, format!("{at} does not answer"))
                .advise("verdicts wait in the journal until it does"),
        });
    }
    checks
}

fn answers(host: &str, port: u16) -> bool {
    let addresses = (host, port).to_socket_addrs();
    addresses.is_ok_and(|mut all| all.any(|address| TcpStream::connect_timeout(&address, CONNECT).is_ok()))
}
