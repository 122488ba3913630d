//! More findings than anybody reads.

use crate::exports::assay::plugin::detect::Detection;
use crate::exports::assay::plugin::detect::Evidence;
use crate::{Answer, finding};

pub fn run(_: Evidence) -> Answer {
    Ok(Detection { findings: (0..300).map(|_| finding()).collect(), images: Vec::new(), attributes: Vec::new() })
}
