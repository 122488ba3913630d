use std::fs;

/// What the system says of the machine and of this process. Times are in ticks since the start of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Machine {
    pub own_ticks: u64,
    pub busy_ticks: u64,
    pub all_ticks: u64,
    pub own_memory_bytes: u64,
    pub memory_free_bytes: u64,
    pub memory_bytes: u64,
}

/// Ticks in a second: the same on every Linux that programs can ask, whatever the kernel counts in itself.
const TICK_MS: u64 = 10;

impl Machine {
    /// None where the system has no `/proc`, or writes it another way.
    #[must_use]
    pub fn look() -> Option<Self> {
        let read = |path: &str| fs::read_to_string(path).ok();
        let (busy_ticks, all_ticks) = machine_ticks(&read("/proc/stat")?)?;
        let memory = read("/proc/meminfo")?;
        Some(Self {
            own_ticks: own_ticks(&read("/proc/self/stat")?)?,
            busy_ticks,
            all_ticks,
            own_memory_bytes: kib(&read("/proc/self/status")?, "VmRSS:")?,
            memory_free_bytes: kib(&memory, "MemAvailable:")?,
            memory_bytes: kib(&memory, "MemTotal:")?,
        })
    }

    /// Processor time since `before` in milliseconds: of this process, busy and in all.
    #[must_use]
    pub const fn cpu_ms_since(&self, before: &Self) -> (u64, u64, u64) {
        (
            self.own_ticks.saturating_sub(before.own_ticks) * TICK_MS,
            self.busy_ticks.saturating_sub(before.busy_ticks) * TICK_MS,
            self.all_ticks.saturating_sub(before.all_ticks) * TICK_MS,
        )
    }
}

/// User and system time: the 14th and 15th field. The second is a name in brackets that may hold anything.
fn own_ticks(stat: &str) -> Option<u64> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut fields = behind_name.split_ascii_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    user.checked_add(system)
}

/// All but idle and waiting for a disk, and all. What guests take is in `user` already.
fn machine_ticks(stat: &str) -> Option<(u64, u64)> {
    let fields = stat.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<u64> = fields.split_ascii_whitespace().take(8).map_while(|field| field.parse().ok()).collect();
    let [user, nice, system, idle, waiting, rest @ ..] = ticks.as_slice() else { return None };
    let busy = [*user, *nice, *system].iter().chain(rest).fold(0u64, |sum, part| sum.saturating_add(*part));
    Some((busy, busy.saturating_add(*idle).saturating_add(*waiting)))
}

fn kib(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    let number: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    number.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_found_behind_a_name_that_holds_anything() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 8 0 100 1000 200";
        assert_eq!(own_ticks(stat), Some(300));
        assert_eq!(own_ticks("42 (short) S 1"), None);
    }

    #[test]
    fn waiting_is_not_being_busy_and_guests_count_once() {
        let stat = "cpu  100 10 50 800 40 5 5 2 90 9\ncpu0 1 1 1 1 1\n";
        assert_eq!(machine_ticks(stat), Some((172, 1012)));
        assert_eq!(machine_ticks("cpu  1 2\n"), None);
        assert_eq!(machine_ticks("intr 1 2 3 4 5 6\n"), None);
    }

    #[test]
    fn sizes_are_in_kib() {
        assert_eq!(kib("MemTotal:       16 kB\nMemAvailable:    8 kB\n", "MemAvailable:"), Some(8192));
        assert_eq!(kib("MemTotal: 16 kB\n", "VmRSS:"), None);
    }
}
