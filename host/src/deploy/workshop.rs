use super::self_test::SelfTest;
use crate::config::{Catalogue, QualifyLimits};
use crate::pipeline::{InspectContext, LiveRecipe};
use crate::trust::{Mark, VerifiedBundle};
use std::sync::Arc;

/// A recipe whose plugins are admitted and whose model is loaded, before anybody has seen what it answers.
pub struct Ready {
    pub live: Arc<LiveRecipe>,
    /// What to commit once it has proved itself.
    pub marks: Vec<Mark>,
    pub limits: QualifyLimits,
    /// Of the model with its weights, as the bundle stores them.
    pub model_bytes: u64,
    /// Of the model's file as the backend reads it, where the bundle stores it in fewer bytes.
    pub decoded_bytes: Option<u64>,
    /// Until the model was loaded, compiled and warmed up here.
    pub load_ms: u64,
    pub self_tests: Vec<SelfTest>,
}

/// Makes a verified recipe ready to judge: finds what it pins, admits the plugins, loads the model. The station's
/// assembly does it; a deployment only asks.
pub trait Workshop: Send + Sync {
    /// # Errors
    /// In words for a person: everything that keeps the recipe from running.
    fn build(&self, recipe: &VerifiedBundle, catalogue: &Catalogue) -> Result<Ready, String>;

    /// What inspecting a frame needs.
    fn context(&self) -> &InspectContext;
}
