//! An inspection for tests of what is done with inspections.

use super::{Digest, FrameId, FrameMeta, Inspection, Verdict};

/// Of a small picture from the source `folder`, by the recipe of `test_recipe`; nothing ran, and all times are 0.
pub fn inspection(trigger: u64, verdict: Verdict) -> Inspection {
    Inspection {
        meta: FrameMeta {
            id: FrameId { station: "line-1".to_owned(), boot: 1, trigger },
            captured_at_us: 0,
            source: "folder".to_owned(),
            origin: None,
            product: None,
            serial: None,
            line_trigger: None,
            simulated: false,
        },
        picture: None,
        width: 8,
        height: 8,
        recipe: "test".to_owned(),
        recipe_version: "1.0.0".to_owned(),
        recipe_digest: Digest::of(b"recipe"),
        verdict,
        answer: None,
        runs: vec![],
        stages: vec![],
        judged_at_us: 0,
    }
}
