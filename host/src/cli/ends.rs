use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// What ends a run after the frames in flight. That the terminal goes is among them, unless whoever started it does not want
/// that (`nohup`).
pub fn signals() -> Vec<i32> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let hangs_up = (!ignores(&status, SIGHUP)).then_some(SIGHUP);
    [SIGINT, SIGTERM].into_iter().chain(hangs_up).collect()
}

/// Whether a process with this status ignores a signal.
fn ignores(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn a_hang_up_ends_a_run_unless_it_was_to_be_ignored() {
        assert!(ignores("Name:\tassay\nSigIgn:\t0000000000001001\n", SIGHUP));
        assert!(!ignores("Name:\tassay\nSigIgn:\t0000000000001000\n", SIGHUP));
        assert!(!ignores("", SIGHUP));
        assert!(!ignores("SigIgn:\t0000000000000001\n", SIGTERM));
        let ends = signals();
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        assert_eq!(ends.contains(&SIGHUP), !ignores(&status, SIGHUP));
        assert!(ends.contains(&SIGTERM) && ends.contains(&SIGINT));
    }
}
