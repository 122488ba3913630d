//! All that touches wasmtime, and nothing else does.
