//! The words of an inspection as plain data, and the rules between them.
//!
//! Nothing here knows WebAssembly, HTTP, SQL or async: every other module may depend on this one, and this
//! one depends on none. Reading order is the order below.

mod digest;
mod image;
mod tensor;
mod number;
mod latency;
mod fine_latency;
mod embedding;
mod frame;
mod finding;
mod failure;
mod model;
mod recipe;
mod origin;
mod instancing;
mod inspection;
mod verdict;
mod difference;
mod actor;
mod alarm;
mod drift;
mod deployment;
mod event;
mod causes;
mod one_line;
mod shift;
mod quality;

pub use actor::{Actor, ActorKind, Role, RoleParseError};
pub use alarm::{Acknowledged, Alarm, AlarmKind, AlarmRule, AlarmUnit, Severity};
pub use causes::{panic_text, with_causes};
pub use deployment::{
    DeployState, DeployedBundle, Deployment, Disagreement, Entered, Qualified, QualityCheck, ShadowReport, TrialReport,
};
pub use difference::{Compared, Difference, SCORE_TOLERANCE, differences};
pub use digest::{Digest, DigestParseError};
pub use drift::{DriftChange, DriftEpisode, DriftSeries, EvenBins, drift_episodes, quantile};
pub use embedding::{EMBEDDING_OUTPUT, Embedding, MAX_EMBEDDING, likeness};
pub use event::CloudEvent;
pub use failure::{Blame, Failure, FailureCode, Stage};
pub use finding::{Finding, NamedImage, Observation, PluginReport, Region, Report};
pub use fine_latency::{FineCounts, FineHistogram};
pub use frame::{Frame, FrameId, FrameMeta};
pub use image::{BufferPool, Image, ImageError, PixelBuffer, PixelFormat};
pub use inspection::{
    DeviceUse, HEATMAP_PICTURE, Inspection, Judgement, MAX_FRAME_IMAGES, ModelAnswer, PictureSize, PluginRun,
    REPLACED_PICTURE, StageTime, heatmap_maker, is_heatmap,
};
pub use instancing::{InstanceMode, WarmCounts, WarmEvent, WarmRules};
pub use latency::{BOUNDS_MS, LONGEST_BOUND_MS, LatencyCounts, LatencyHistogram};
pub use model::{Heatmap, ModelCodec, ModelEncoding, ModelFormat, ModelSpec, PictureFit, Port, Precision};
pub use one_line::one_line;
pub use origin::{ModelGates, ModelOrigin, PluginOrigin, ReportCard};
pub use quality::{
    Coverage, Interval, Labelled, Rate, Sample, Span, Strata, Stratum, Weighed, WhatIf, kappa, share, wilson,
};
pub use recipe::{
    Capability, FailureAction, FailureLimit, FailurePolicy, ModelUse, PluginKind, PluginLimits, PluginUse, Recipe,
    SettingValue, Settings, VerdictPolicy,
};
pub use shift::{Shift, ShiftError, ShiftPlan, ShiftSpan};
pub use tensor::{ElementType, NamedTensor, Tensor, TensorError};
pub use verdict::{Evidence, Verdict, VerdictKind, decide};

#[cfg(test)]
pub mod test_inspection;
#[cfg(test)]
pub mod test_recipe;
#[cfg(test)]
mod tests;
