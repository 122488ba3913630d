use crate::bindings::imports::assay::plugin::imaging::ImagingError;
use crate::bindings::imports::assay::plugin::state::StateError;
use crate::bindings::imports::assay::plugin::types::PluginError;
use crate::bindings::imports::wasi::nn::errors::{Error as NnError, ErrorCode};
use std::fmt;

/// Why a plugin gives no answer. The frame becomes `undecided` (a monitor's error is only an alarm), and the station
/// shows the text to a person: say what was found, what is expected, and what to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The picture or a tensor is not what this plugin works on.
    UnsupportedInput(String),
    /// A setting is missing or out of its range.
    BadSetting(String),
    /// Inference gave an error.
    Inference(String),
    /// Everything else.
    Other(String),
}

/// What the functions of this crate give back.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// [`Error::UnsupportedInput`] from any text.
    pub fn unsupported_input(detail: impl Into<String>) -> Self {
        Self::UnsupportedInput(detail.into())
    }

    /// [`Error::BadSetting`] that names the setting and what it has to be.
    pub fn bad_setting(key: &str, expected: &str, found: &str) -> Self {
        Self::BadSetting(format!("setting {key}: expected {expected}, found {found}"))
    }

    /// [`Error::Inference`] from any text.
    pub fn inference(detail: impl Into<String>) -> Self {
        Self::Inference(detail.into())
    }

    /// [`Error::Other`] from any text.
    pub fn other(detail: impl Into<String>) -> Self {
        Self::Other(detail.into())
    }

    pub(crate) fn from_nn(error: &NnError, doing: &str) -> Self {
        Self::Inference(format!("{doing}: {}: {}", code_name(error.code()), error.data()))
    }
}

const fn code_name(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::InvalidArgument => "invalid argument",
        ErrorCode::InvalidEncoding => "invalid encoding",
        ErrorCode::Timeout => "timeout",
        ErrorCode::RuntimeError => "runtime error",
        ErrorCode::UnsupportedOperation => "unsupported operation",
        ErrorCode::TooLarge => "too large",
        ErrorCode::NotFound => "not found",
        ErrorCode::Security => "not allowed",
        ErrorCode::Unknown => "unknown error",
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnsupportedInput(text) | Self::BadSetting(text) | Self::Inference(text) | Self::Other(text) => {
                f.write_str(text)
            }
        }
    }
}

impl std::error::Error for Error {}

impl From<ImagingError> for Error {
    fn from(error: ImagingError) -> Self {
        match error {
            ImagingError::InvalidArgument(text) => Self::UnsupportedInput(text),
            ImagingError::Limit(text) | ImagingError::Other(text) => Self::Other(text),
        }
    }
}

impl From<StateError> for Error {
    fn from(error: StateError) -> Self {
        match error {
            StateError::Limit(text) | StateError::Other(text) => Self::Other(text),
        }
    }
}

impl From<Error> for PluginError {
    fn from(error: Error) -> Self {
        match error {
            Error::UnsupportedInput(text) => Self::UnsupportedInput(text),
            Error::BadSetting(text) => Self::BadSetting(text),
            Error::Inference(text) => Self::Inference(text),
            Error::Other(text) => Self::Other(text),
        }
    }
}
