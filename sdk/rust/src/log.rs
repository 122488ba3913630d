//! Lines for the station's log, under the plugin's name: `assay_plugin::info!("{count} pits")`.
//!
//! Lines are bounded in number and length by the plugin's limits. A panic is logged with its place before the
//! instance traps.

use crate::bindings::imports::assay::plugin::log as wit;

pub use crate::bindings::imports::assay::plugin::log::Level;

/// One line; the macros [`crate::debug`], [`crate::info`], [`crate::warn`] and [`crate::error`] are shorter.
pub fn write(level: Level, message: &str) {
    wit::log(level, message);
}

/// A line for the author while a plugin is being written.
#[macro_export]
macro_rules! debug {
    ($($arg:tt)*) => { $crate::log::write($crate::log::Level::Debug, &::std::format!($($arg)*)) };
}

/// A line for the station engineer.
#[macro_export]
macro_rules! info {
    ($($arg:tt)*) => { $crate::log::write($crate::log::Level::Info, &::std::format!($($arg)*)) };
}

/// A line about something that is not as it should be.
#[macro_export]
macro_rules! warn {
    ($($arg:tt)*) => { $crate::log::write($crate::log::Level::Warn, &::std::format!($($arg)*)) };
}

/// A line about something that failed.
#[macro_export]
macro_rules! error {
    ($($arg:tt)*) => { $crate::log::write($crate::log::Level::Error, &::std::format!($($arg)*)) };
}

/// Without this a panic is only a trap without a word. Needs the capability `log`.
#[cfg(all(target_arch = "wasm32", feature = "log-panics"))]
pub(crate) fn report_panics() {
    std::panic::set_hook(Box::new(|info| write(Level::Error, &info.to_string())));
}

#[cfg(not(all(target_arch = "wasm32", feature = "log-panics")))]
pub(crate) const fn report_panics() {}
