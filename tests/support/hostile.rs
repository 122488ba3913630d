//! Plugins that misbehave, one way each, all validly signed: what each must come to, and a line that runs them.

mod cases;
mod components;
mod line;
mod pack;
mod slow;
mod soak;

pub use cases::{CASES, Case, Made, Outcome};
pub use components::{component, just_admitted, wat};
pub use line::{HostileLine, first_start};
pub use soak::{Dose, Listener, Row, soak};
