//! The author's bench: makes a component of a project in any language, tries it on pictures as a station would, and
//! compares what it answers with what it answered before.
//!
//! Unlike a station, it runs what nobody has signed: it is for the author's own machine, and no way leads from here to
//! a running line.

mod answer;
mod build;
mod exports;
mod given;
mod golden;
mod made;
mod scaffold;
mod sheet;
mod tools;
mod trial;

pub use answer::{Answer, PictureNote, TensorNote};
pub use build::{BuildError, build};
pub use exports::MissingExport;
pub use given::Given;
pub use golden::{Compared, GoldenError, compare, golden_settings, pictures};
pub use scaffold::{PictureError, ScaffoldError, node_pins, scaffold};
pub use sheet::sheet;
pub use tools::{NodePins, ToolError, Tools, answers};
pub use trial::{Candidate, Cost, Measured, Trial, TrialError, TrialOptions, Tried};
