use super::{Check, Status};
use crate::config::InferenceConfig;
use crate::inference::{BackendOptions, Backends};
use std::time::{SystemTime, UNIX_EPOCH};

/// Features that make inference or plugins faster, by their names in /proc/cpuinfo (x86, then Arm).
const FEATURES: [&str; 14] = [
    "sse4_1",
    "avx2",
    "fma",
    "f16c",
    "avx_vnni",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "amx_int8",
    "amx_bf16",
    "asimd",
    "asimddp",
    "i8mm",
    "bf16",
];
/// No clock that is right stands before this release: 2026-01-01.
const RELEASED_S: u64 = 1_767_225_600;

pub fn checks() -> Vec<Check> {
    vec![processor(), cores(), clock()]
}

fn processor() -> Check {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let value = |key: &str| {
        let line = text.lines().find(|line| line.split(':').next().is_some_and(|name| name.trim() == key));
        line.and_then(|line| line.split_once(':')).map_or("", |(_, value)| value.trim())
    };
    let flags = format!("{} {}", value("flags"), value("Features"));
    let has = |feature: &str| flags.split_whitespace().any(|flag| flag == feature);
    let found: Vec<&str> = FEATURES.iter().filter(|feature| has(feature)).copied().collect();
    let name = Some(value("model name")).filter(|name| !name.is_empty()).unwrap_or(std::env::consts::ARCH);
    let said = format!("{name}: {}", if found.is_empty() { "no known features".to_owned() } else { found.join(" ") });
    let check = Check::new("machine", "processor", Status::Ok, said);
    if found.iter().any(|feature| feature.starts_with("amx")) {
        return check
            .advise("inference may run in bf16 on AMX: the recipe's precision decides, f32-exact is the default");
    }
    check
}

fn cores() -> Check {
    match std::thread::available_parallelism() {
        Ok(count) => Check::new("machine", "cores", Status::Ok, count.to_string()),
        Err(error) => Check::new("machine", "cores", Status::Warning, error.to_string()),
    }
}

fn clock() -> Check {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let said = jiff::Timestamp::from_second(i64::try_from(now).unwrap_or(i64::MAX)).unwrap_or_default().to_string();
    if now < RELEASED_S {
        return Check::new("machine", "clock", Status::Warning, format!("{said}, before this release was made"))
            .advise("set the clock: bundles expire by it, and records are dated by it");
    }
    Check::new("machine", "clock", Status::Ok, said)
}

/// Backends with their devices. One that is not there is missing only where the station names it.
pub fn backends(config: Option<&InferenceConfig>) -> Vec<Check> {
    let options = config.map_or_else(BackendOptions::default, |config| BackendOptions {
        openvino_dir: config.openvino_dir.clone(),
        onnxruntime_dir: config.onnxruntime_dir.clone(),
        order: config.order.clone(),
    });
    let backends = Backends::discover(&options);
    let available = backends.available();
    let mut checks: Vec<Check> = available
        .iter()
        .map(|(name, version, devices)| {
            let said = format!("{version}, devices {}", devices.join(", "));
            Check::new("inference", format!("backend {name}"), Status::Ok, said)
        })
        .collect();
    let status = if available.is_empty() { Status::Missing } else { Status::Absent };
    checks.extend(backends.missing().into_iter().map(|(name, reason)| {
        Check::new("inference", format!("backend {name}"), status, reason)
            .advise(format!("`cargo xtask {name}` fetches it"))
    }));
    checks
}
