use crate::domain::{Image, Tensor};
use crate::inference::LoadedModel;
use std::sync::Arc;

/// A picture in a plugin's table. `charged` is what it counts in the byte ledger: 0 for what the host lent.
pub struct ImageEntry {
    pub(super) image: Image,
    pub(super) charged: u64,
    pub(super) lent: bool,
}

/// A tensor in a plugin's table.
pub struct TensorEntry {
    pub(super) tensor: Tensor,
    pub(super) charged: u64,
    pub(super) lent: bool,
    /// Whether it may hold numbers that are not finite: those that the host made of pixels never do.
    pub(super) unchecked: bool,
}

/// A model that the plugin opened by name.
pub struct GraphEntry {
    pub(super) model: Arc<dyn LoadedModel>,
}

/// A model ready to compute. It holds nothing of its own: the prepared sessions belong to the loaded model.
pub struct ContextEntry {
    pub(super) model: Arc<dyn LoadedModel>,
}

/// A `wasi:nn` error.
pub struct ErrorEntry {
    pub(super) code: super::bindings::nn::errors::ErrorCode,
    pub(super) data: String,
}
