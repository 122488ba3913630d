use super::LoadOptions;
use crate::domain::Precision;
use std::path::Path;

/// Devices that stand for a list of others: `AUTO:NPU,CPU`.
const COMPOUND: &[&str] = &["AUTO", "HETERO", "MULTI"];

/// The devices behind a wish: itself, or those that a compound names. Empty for a compound without a list.
pub(super) fn members(wish: &str) -> Vec<&str> {
    match wish.split_once(':') {
        Some((kind, list)) if COMPOUND.contains(&kind) => list.split(',').map(str::trim).collect(),
        None if COMPOUND.contains(&wish) => Vec::new(),
        _ => vec![wish],
    }
}

/// True for a wish that OpenVINO itself turns into devices, and may turn into others later.
pub(super) fn is_compound(wish: &str) -> bool {
    members(wish) != [wish]
}

/// Where a compiled model says it runs: `CPU`, `(CPU)`, `GPU.0 CPU`.
pub(super) fn said(execution_devices: &str) -> String {
    execution_devices.trim_matches(['(', ')', ' ']).to_owned()
}

/// True where the wish can be met with the devices that are there. Of a compound with a list each member must be
/// there; one without a list is refused, because it could run on a device that nobody named.
pub(super) fn offered(wish: &str, have: &[String]) -> bool {
    let members = members(wish);
    !members.is_empty() && members.iter().all(|member| have.iter().any(|device| same(member, device)))
}

/// True where every device that the compiled model says it runs on was asked for.
pub(super) fn allowed(asked: &str, used: &str) -> bool {
    let members = members(asked);
    let mut used = used.split([',', ' ']).filter(|device| !device.is_empty()).peekable();
    used.peek().is_some() && used.all(|device| members.iter().any(|member| same(member, device)))
}

/// `GPU` stands for any of `GPU.0`, `GPU.1`; `GPU.1` only for itself.
fn same(asked: &str, device: &str) -> bool {
    asked == device || device.split_once('.').is_some_and(|(kind, _)| kind == asked)
}

/// What the compilation is told. Nothing that decides the numbers or the threads is left to a default.
pub(super) fn properties(
    device: &str,
    precision: Precision,
    options: &LoadOptions,
    blobs: Option<&Path>,
) -> Vec<(&'static str, String)> {
    let mut properties = vec![("PERFORMANCE_HINT", "LATENCY".to_owned())];
    if precision == Precision::F32Exact {
        // Without it CPUs with AMX run bf16, and GPUs f16. Quantised parts of a model stay int8: they say so themselves.
        properties.push(("INFERENCE_PRECISION_HINT", "f32".to_owned()));
    }
    if device == super::CPU {
        // With more than one stream a run would be handed to another thread (see `copies`).
        properties.push(("NUM_STREAMS", "1".to_owned()));
        properties.push(("INFERENCE_NUM_THREADS", options.threads.max(1).to_string()));
        // Every compiled model would pin its threads to the same first cores.
        properties.push(("ENABLE_CPU_PINNING", "NO".to_owned()));
    }
    if device.starts_with("AUTO") {
        // It would start on the CPU, and move later. (A move after a failure can't be switched off as well: OpenVINO
        // 2026.4 then finds no device at all. The runner looks for one after every run.)
        properties.push(("ENABLE_STARTUP_FALLBACK", "NO".to_owned()));
    }
    if let Some(blobs) = blobs {
        properties.push(("CACHE_DIR", blobs.display().to_string()));
    }
    properties
}

#[cfg(test)]
mod tests {
    use super::*;

    fn have() -> Vec<String> {
        ["CPU", "GPU.0", "GPU.1"].map(str::to_owned).to_vec()
    }

    #[test]
    fn a_wish_is_met_only_by_devices_it_names() {
        for wish in ["CPU", "GPU", "GPU.1", "AUTO:GPU,CPU", "HETERO:GPU.0,CPU"] {
            assert!(offered(wish, &have()), "{wish}");
        }
        for wish in ["NPU", "GPU.2", "AUTO:NPU,CPU", "AUTO", "MULTI:", "cpu", "", "CPU:0"] {
            assert!(!offered(wish, &have()), "{wish}");
        }
    }

    #[test]
    fn a_model_that_runs_where_nobody_asked_is_found_out() {
        assert!(allowed("GPU", "GPU.1") && allowed("AUTO:NPU,CPU", "CPU") && allowed("HETERO:GPU,CPU", "GPU.0,CPU"));
        assert!(!allowed("GPU", "CPU") && !allowed("GPU", "") && !allowed("HETERO:GPU,NPU", "GPU.0 CPU"));
    }

    #[test]
    fn exact_precision_is_said_and_never_left_to_the_device() {
        let options = LoadOptions { threads: 2, parallel: 3, cache_dir: None };
        let exact = properties("CPU", Precision::F32Exact, &options, None);
        assert!(exact.contains(&("INFERENCE_PRECISION_HINT", "f32".to_owned())));
        assert!(exact.contains(&("INFERENCE_NUM_THREADS", "2".to_owned())));
        assert!(exact.contains(&("NUM_STREAMS", "1".to_owned())));
        let fast = properties("CPU", Precision::Fast, &options, None);
        assert!(!fast.iter().any(|(key, _)| *key == "INFERENCE_PRECISION_HINT"));
    }
}
