//! What a bundle must not get away with. Each check has a test that fails when the check is removed.

mod authority;
mod json;
mod keys;
mod layout;
mod rules;
mod support;
mod vectors;
