//! Decoding with limits, and the native image operations behind the `imaging` interface.
