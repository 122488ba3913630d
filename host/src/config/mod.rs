//! Station configuration: raw (serde, unknown fields denied) -> checked, with all errors at once.
