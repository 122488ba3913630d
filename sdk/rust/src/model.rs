use crate::bindings::imports::wasi::nn::graph::{self, Graph};
use crate::error::{Error, Result};
use crate::tensor::{Tensor, Tensors};
use std::fmt;

/// A model that the recipe grants this plugin: its manifest has to ask for `inference:NAME`.
///
/// The host has loaded, compiled and warmed the model up before; `load` only finds it.
pub struct Model {
    name: String,
    graph: Graph,
}

impl Model {
    /// Finds the model of that name.
    ///
    /// # Errors
    /// [`Error::Inference`] where it is not known or not granted.
    pub fn load(name: &str) -> Result<Self> {
        let graph = graph::load_by_name(name).map_err(|error| Error::from_nn(&error, &format!("model {name}")))?;
        Ok(Self { name: name.to_owned(), graph })
    }

    /// Runs the model: input names with their tensors, and the outputs under the model's names.
    ///
    /// # Errors
    /// [`Error::Inference`] with the host's words: a tensor that does not fit, the deadline, the device.
    pub fn compute(&self, inputs: Vec<(&str, Tensor)>) -> Result<Tensors> {
        let failed = |error| Error::from_nn(&error, &format!("model {}", self.name));
        let inputs: Vec<_> = inputs.into_iter().map(|(name, tensor)| (name.to_owned(), tensor.into_handle())).collect();
        let context = self.graph.init_execution_context().map_err(failed)?;
        Ok(Tensors::from_handles(context.compute(inputs).map_err(failed)?))
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Model({})", self.name)
    }
}
