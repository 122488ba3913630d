//! An answer of several megabytes.

use crate::exports::assay::plugin::detect::Detection;
use crate::exports::assay::plugin::detect::Evidence;
use crate::{Answer, finding};

pub fn run(_: Evidence) -> Answer {
    let mut finding = finding();
    finding.text = Some("long ".repeat(1 << 20));
    Ok(Detection { findings: vec![finding], images: Vec::new(), attributes: Vec::new() })
}
