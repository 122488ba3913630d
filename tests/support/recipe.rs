//! The recipe that the host's own tests have, for those from outside.

use assay::domain::{DeviceUse, Digest, ModelUse, Recipe, VerdictPolicy};

#[path = "../../host/src/domain/test_recipe.rs"]
mod test_recipe;

pub use test_recipe::{device, recipe};
