//! How a bundle comes to a running station, and a recipe to drive: received, verified, compiled, qualified, shadow,
//! trial, committed; or rolled back, or failed.
//!
//! Guarantees: every state is on the disk before anything is done in it; a stop of the station at any moment leaves
//! the recipe of before or the new one, never none; nothing here is in the way of a frame; no candidate, whatever it
//! does, keeps the next one out for longer than its limits. One thread does it, one deployment at a time; what belongs
//! to a candidate runs beside it (`bench`).

mod installed;
mod trust_file;
mod staging;
mod self_test;
mod workshop;
mod qualify;
mod background;
mod bench;
mod watch;
mod shadow;
mod trial;
mod book;
mod admission;
mod qualified;
mod recover;
mod desk;
mod worker;
mod rescue;
mod replay;

pub use bench::{StartError, StartLimit, within};
pub use book::OnEntered;
pub use desk::{DeployError, DeployParts, DeployRequest, DeployThread, DeployView, Deployer, Turn};
pub use installed::{Installed, InstalledRecipe};
pub use qualified::FirstQualification;
pub use qualify::{Qualification, qualify};
pub use replay::{RecordedRecipes, ReplayError, Replayed, Replayer, StoredFrame};
pub use self_test::{EXPECTED, SelfTest, self_tests};
pub use staging::{Staging, StagingError, Upload};
pub use trust_file::{Revoked, TrustFile, revocation_of};
pub use workshop::{Ready, Workshop};

#[cfg(test)]
mod tests;
