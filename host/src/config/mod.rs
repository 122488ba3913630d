//! What people write in TOML: the station's configuration and the author manifests of plugins, models and recipes;
//! and how a recipe finds its bundles.
//!
//! Guarantee: what leaves this module is fully checked. Every problem of a file is reported at once, with file, line,
//! key, what was found and what to write.

mod problem;
mod fields;
mod alarms;
mod outputs;
mod station;
mod sources;
mod author;
mod author_build;
mod author_model;
mod author_recipe;
mod catalogue;
mod deploy;
mod index;
mod model_file;
mod resolve;
mod shifts;

pub use alarms::MAX_WINDOW_S;
pub use author::{AuthoredBundle, load_author_manifest};
pub use author_build::{BuildPlan, Language};
pub use catalogue::{Catalogue, CatalogueError, RefusedBundle};
pub use deploy::{DeployConfig, OnRevoked, QualifyLimits};
pub use index::BundleIndex;
pub use model_file::{ModelFile, check_model, open_model};
pub use outputs::{MqttConfig, MqttTls, TelemetryConfig, WebhookConfig};
pub use problem::{ConfigErrors, Problem};
pub use resolve::{RecipeProblems, ResolvedModel, ResolvedPlugin, ResolvedRecipe, resolve};
pub use sources::{
    AfterReading, BurstSource, FolderMode, FolderSource, HttpSource, QueueConfig, ReplaySource, SourceConfig,
    SourceKind,
};
pub use station::{
    AdminConfig, ImageLimits, InferenceConfig, JournalConfig, RetentionDays, StationConfig, load, no_limits,
};
