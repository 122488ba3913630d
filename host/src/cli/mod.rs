//! The commands of `assay`.
