//! How often a call uses each function of the host, how long that takes, and how many bytes it copies.
//!
//! Always on: it is an addition or two beside what a host function does anyway.

use serde::ser::{Serialize, SerializeSeq, Serializer};
use std::time::Duration;

/// The functions that plugins import, by interface and name in `wit/`. A test holds the list against `wit/`.
macro_rules! host_functions {
    ($($function:ident = $name:literal,)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum HostFunction {
            $($function,)*
        }

        const NAMES: &[&str] = &[$($name,)*];
    };
}

host_functions! {
    Log = "log/log",
    Get = "config/get",
    Setting = "config/setting",
    Labels = "config/labels",
    Reference = "config/reference",
    ReferenceValue = "config/reference-value",
    ReferenceDigest = "config/reference-digest",
    StateGet = "state/get",
    StateSet = "state/set",
    StateDelete = "state/delete",
    FromPixels = "imaging/image.from-pixels",
    Filled = "imaging/image.filled",
    Info = "imaging/image.info",
    ReadRegion = "imaging/image.read-region",
    ReadRows = "imaging/image.read-rows",
    Crop = "imaging/image.crop",
    Resize = "imaging/image.resize",
    Overlay = "imaging/image.overlay",
    Convert = "imaging/image.convert",
    GaussianBlur = "imaging/image.gaussian-blur",
    MedianBlur = "imaging/image.median-blur",
    ReduceBitDepth = "imaging/image.reduce-bit-depth",
    JpegRoundTrip = "imaging/image.jpeg-round-trip",
    Histogram = "imaging/image.histogram",
    Statistics = "imaging/image.statistics",
    ToTensor = "imaging/image.to-tensor",
    BatchToTensor = "imaging/batch-to-tensor",
    MakeTensor = "tensor/tensor",
    Dimensions = "tensor/tensor.dimensions",
    Ty = "tensor/tensor.ty",
    Data = "tensor/tensor.data",
    Load = "graph/load",
    LoadByName = "graph/load-by-name",
    InitContext = "graph/graph.init-execution-context",
    Compute = "inference/graph-execution-context.compute",
    ErrorCode = "errors/error.code",
    ErrorData = "errors/error.data",
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Tally {
    calls: u64,
    nanos: u64,
}

/// What one call, or several together, asked of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostCalls {
    by_function: [Tally; NAMES.len()],
    copied_bytes: u64,
}

/// One host function.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct HostUse {
    /// Interface and name, as in `wit/`: `imaging/image.resize`.
    pub function: &'static str,
    pub calls: u64,
    /// 0 for functions that only look something up: they take less time than a look at the clock.
    pub micros: f64,
}

impl Default for HostCalls {
    fn default() -> Self {
        Self { by_function: [Tally::default(); NAMES.len()], copied_bytes: 0 }
    }
}

impl HostCalls {
    /// Every function that is counted.
    #[must_use]
    pub const fn functions() -> &'static [&'static str] {
        NAMES
    }

    pub(super) fn called(&mut self, function: HostFunction) {
        self.timed(function, Duration::ZERO);
    }

    pub(super) fn timed(&mut self, function: HostFunction, time: Duration) {
        if let Some(tally) = self.by_function.get_mut(function as usize) {
            tally.calls += 1;
            tally.nanos = tally.nanos.saturating_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        }
    }

    pub(super) const fn copied(&mut self, bytes: usize) {
        self.copied_bytes = self.copied_bytes.saturating_add(bytes as u64);
    }

    /// Bytes of lists and texts that host functions took from the plugin's memory or put into it. Handles, numbers and
    /// what the call itself got and gave are not counted.
    #[must_use]
    pub const fn copied_bytes(&self) -> u64 {
        self.copied_bytes
    }

    /// The functions that were called, in the order of `wit/`.
    pub fn used(&self) -> impl Iterator<Item = HostUse> + '_ {
        let all = NAMES.iter().zip(&self.by_function).filter(|(_, tally)| tally.calls > 0);
        all.map(|(&function, tally)| HostUse { function, calls: tally.calls, micros: tally.nanos as f64 / 1e3 })
    }

    /// Calls of all functions together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.by_function.iter().map(|tally| tally.calls).sum()
    }

    /// Takes what another call asked into the sums.
    pub fn add(&mut self, other: &Self) {
        for (sum, more) in self.by_function.iter_mut().zip(&other.by_function) {
            sum.calls = sum.calls.saturating_add(more.calls);
            sum.nanos = sum.nanos.saturating_add(more.nanos);
        }
        self.copied_bytes = self.copied_bytes.saturating_add(other.copied_bytes);
    }
}

/// The functions that were called, as an array.
impl Serialize for HostCalls {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut array = serializer.serialize_seq(None)?;
        self.used().try_for_each(|used| array.serialize_element(&used))?;
        array.end()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn calls_times_and_bytes_add_up_and_only_what_was_called_is_shown() {
        let mut calls = HostCalls::default();
        calls.timed(HostFunction::Resize, Duration::from_nanos(1500));
        calls.called(HostFunction::Info);
        calls.copied(100);
        let mut sum = calls;
        sum.add(&calls);
        assert_eq!((sum.total(), sum.copied_bytes()), (4, 200));
        assert_eq!(
            serde_json::to_string(&sum).unwrap(),
            r#"[{"function":"imaging/image.info","calls":2,"micros":0.0},{"function":"imaging/image.resize","calls":2,"micros":3.0}]"#
        );
    }
}
