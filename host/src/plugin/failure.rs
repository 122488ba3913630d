use super::bindings::types::PluginError;
use super::limits::printable;
use crate::domain::{Blame, FailureCode, PluginKind};
use crate::inference::InferenceError;

/// Longest detail of a failure, in bytes: part of it may be a plugin's own words.
pub(super) const MAX_DETAIL: usize = 600;

/// Why the host did not do what a plugin wanted.
///
/// Where the interface has an error to return, the plugin gets that, and this is kept as the likely cause of what the
/// plugin does next; where it has none, this ends the call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub(super) struct Refusal {
    pub(super) blame: Blame,
    pub(super) code: FailureCode,
    pub(super) detail: String,
}

impl Refusal {
    pub(super) fn new(blame: Blame, code: FailureCode, detail: impl Into<String>) -> Self {
        Self { blame, code, detail: detail.into() }
    }

    pub(super) fn deadline() -> Self {
        Self::new(Blame::Plugin, FailureCode::Timeout, "the deadline passed inside a host function")
    }

    pub(super) fn of_inference(error: &InferenceError) -> Self {
        let (blame, code) = match error {
            InferenceError::BadModel { .. } | InferenceError::Refused { .. } => {
                (Blame::Model, FailureCode::InferenceFailed)
            }
            InferenceError::BadTensor { .. } => (Blame::Plugin, FailureCode::BadTensor),
            InferenceError::Timeout { .. } => (Blame::Device, FailureCode::Timeout),
            InferenceError::DeviceLost { .. } | InferenceError::DeviceMissing { .. } => {
                (Blame::Device, FailureCode::DeviceLost)
            }
            InferenceError::BackendMissing { .. } | InferenceError::Failed { .. } => {
                (Blame::Device, FailureCode::InferenceFailed)
            }
        };
        Self::new(blame, code, error.to_string())
    }
}

/// The refusals of a call that a later failure may come from. Each is forgotten when the same kind of thing succeeds.
#[derive(Debug, Default)]
pub(super) struct Causes {
    pub(super) inference: Option<Refusal>,
    pub(super) budget: Option<Refusal>,
}

/// How a call went wrong, before it is a failure.
#[derive(Debug)]
pub(super) enum CallError {
    /// The host could not begin.
    Before(Refusal),
    Instantiate(wasmtime::Error),
    Call(wasmtime::Error),
    /// The plugin's own answer.
    Plugin(PluginError),
    /// The answer breaks the contract.
    Answer(Refusal),
}

impl CallError {
    /// What it means, and whose fault it is.
    pub(super) fn explain(self, causes: &Causes, kind: PluginKind) -> Refusal {
        let mut refusal = match self {
            Self::Before(refusal) | Self::Answer(refusal) => refusal,
            Self::Instantiate(error) => explain_error(&error, true, causes),
            Self::Call(error) => explain_error(&error, false, causes),
            Self::Plugin(error) => explain_plugin(&error, causes, kind),
        };
        refusal.detail = printable(&refusal.detail, MAX_DETAIL);
        refusal
    }
}

fn explain_plugin(error: &PluginError, causes: &Causes, kind: PluginKind) -> Refusal {
    let (which, text) = match error {
        PluginError::UnsupportedInput(text) => ("unsupported input", text),
        PluginError::BadSetting(text) => ("bad setting", text),
        PluginError::Inference(text) => ("inference", text),
        PluginError::Other(text) => ("error", text),
    };
    let said = format!("{which}: {text}");
    match causes.inference.as_ref().or(causes.budget.as_ref()) {
        Some(cause) => because(&said, cause),
        None => Refusal::new(blamed(error, kind), FailureCode::PluginError, said),
    }
}

/// A preprocessor has nothing before it but the picture: where it says that this is not what it works on, it keeps its
/// contract, and the part was not shown as it has to be. All that others see went through plugins and a model.
const fn blamed(error: &PluginError, kind: PluginKind) -> Blame {
    match (error, kind) {
        (PluginError::UnsupportedInput(_), PluginKind::Preprocessor) => Blame::Source,
        _ => Blame::Plugin,
    }
}

/// The failure is the cause's; what the plugin made of it follows.
fn because(consequence: &str, cause: &Refusal) -> Refusal {
    let shown = printable(consequence, MAX_DETAIL / 3);
    Refusal::new(cause.blame, cause.code, format!("{}; the plugin then gave up ({shown})", cause.detail))
}

fn explain_error(error: &wasmtime::Error, starting: bool, causes: &Causes) -> Refusal {
    if let Some(refusal) = error.downcast_ref::<Refusal>() {
        return refusal.clone();
    }
    if let Some(trap) = error.downcast_ref::<wasmtime::Trap>() {
        return explain_trap(*trap, error, causes);
    }
    // What the system refuses may lie below an error of a library.
    if error.is::<wasmtime::PoolConcurrencyLimitError>() || error.root_cause().is::<std::io::Error>() {
        let detail = format!("the plugin could not be instantiated: {}", error.root_cause());
        return Refusal::new(Blame::Host, FailureCode::Internal, detail);
    }
    if starting {
        // Everything but the pool and the system comes from the component: a function of another type, for one.
        let detail = format!("the component does not fit its world: {}", error.root_cause());
        return Refusal::new(Blame::Plugin, FailureCode::BadAnswer, detail);
    }
    explain_text(&error.root_cause().to_string())
}

fn explain_trap(trap: wasmtime::Trap, error: &wasmtime::Error, causes: &Causes) -> Refusal {
    match trap {
        wasmtime::Trap::Interrupt => match &causes.inference {
            Some(cause) if cause.code == FailureCode::Timeout => cause.clone(),
            _ => Refusal::new(Blame::Plugin, FailureCode::Timeout, "the plugin was stopped at its deadline"),
        },
        wasmtime::Trap::StackOverflow => {
            let detail = format!("the plugin recursed too deeply: {}", place(error));
            Refusal::new(Blame::Plugin, FailureCode::StackOverflow, detail)
        }
        wasmtime::Trap::UnreachableCodeReached => {
            let said = format!("the plugin panicked or hit `unreachable`: {}", place(error));
            match causes.inference.as_ref().or(causes.budget.as_ref()) {
                Some(cause) => because(&said, cause),
                None => Refusal::new(Blame::Plugin, FailureCode::Trap, said),
            }
        }
        other => Refusal::new(Blame::Plugin, FailureCode::Trap, format!("{other}: {}", place(error))),
    }
}

/// The innermost functions, where the component kept their names.
fn place(error: &wasmtime::Error) -> String {
    let Some(backtrace) = error.downcast_ref::<wasmtime::WasmBacktrace>() else {
        return "no backtrace".to_owned();
    };
    let names = backtrace.frames().iter().filter_map(|frame| frame.func_name()).take(4);
    let names: Vec<&str> = names.collect();
    if names.is_empty() { "no function names in the component".to_owned() } else { format!("in {}", names.join(" < ")) }
}

/// wasmtime has no types for these three; a test for each fails where an update changes the words.
fn explain_text(text: &str) -> Refusal {
    let (code, hint) = if text.contains("fuel allocated for hostcalls has been exhausted") {
        let hint = "the plugin handed over more bytes than limits.result_bytes of its manifest (capped by the station)";
        (FailureCode::ResultLimit, hint)
    } else if text.contains("store handle limit exceeded") {
        (FailureCode::HandleLimit, "the plugin made more handles than limits.handles of its manifest allows")
    } else {
        (FailureCode::BadAnswer, "what the plugin handed over breaks the calling convention of its WIT world")
    };
    Refusal::new(Blame::Plugin, code, format!("{hint}: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a library's error of a call of the system.
    #[derive(Debug, thiserror::Error)]
    #[error("the image cannot be sealed")]
    struct Library(#[source] std::io::Error);

    #[test]
    fn a_plugin_is_not_to_blame_for_what_the_system_refuses() {
        let busy = || std::io::Error::from(std::io::ErrorKind::ResourceBusy);
        for error in [wasmtime::Error::from(busy()), wasmtime::Error::from(Library(busy()))] {
            let refusal = explain_error(&error, true, &Causes::default());
            assert_eq!((refusal.blame, refusal.code), (Blame::Host, FailureCode::Internal), "{}", refusal.detail);
        }
        let mismatch = wasmtime::Error::msg("expected a function of another type");
        assert_eq!(explain_error(&mismatch, true, &Causes::default()).blame, Blame::Plugin);
    }
}
