use crate::domain::VerdictKind;
use crate::trust::{BlobRole, VerifiedBundle};
use serde::Deserialize;
use std::sync::Arc;

/// The file among a bundle's self-test blobs that says what the pictures have to give.
pub const EXPECTED: &str = "expected.json";
const MAX_FRAMES: usize = 64;

/// One picture with what the recipe has to answer to it.
#[derive(Debug, Clone)]
pub struct SelfTest {
    pub picture: String,
    pub bytes: Arc<[u8]>,
    pub logits: Vec<f32>,
    /// Largest difference of a logit that still counts as the same.
    pub tolerance: f32,
    pub verdict: Option<VerdictKind>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedFile {
    /// Where the figures come from; for people.
    #[serde(default)]
    #[allow(dead_code, reason = "read so that the file may say it")]
    backend: Option<String>,
    tolerance: f32,
    labels: Vec<String>,
    pictures: Vec<ExpectedPicture>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedPicture {
    file: String,
    /// For people.
    #[serde(default)]
    #[allow(dead_code, reason = "read so that the file may say it")]
    truth: Option<String>,
    logits: Vec<f32>,
    #[serde(default)]
    verdict: Option<VerdictKind>,
}

/// The self-test frames that a model or a recipe bundle carries; none where it carries none.
///
/// # Errors
/// In words, where the blobs do not belong together: then the bundle is not what its author tested.
pub fn self_tests(bundle: &VerifiedBundle, labels: &[String]) -> Result<Vec<SelfTest>, String> {
    let is_test = |name: &str| {
        let blobs = &bundle.manifest().blobs;
        blobs.iter().any(|blob| blob.name == name && blob.role == BlobRole::SelfTest)
    };
    if !bundle.manifest().blobs.iter().any(|blob| blob.role == BlobRole::SelfTest) {
        return Ok(Vec::new());
    }
    let whose = format!("the self-test of {} {}", bundle.manifest().kind, bundle.manifest().name);
    let Some(expected) = bundle.blob_named(EXPECTED).filter(|_| is_test(EXPECTED)) else {
        return Err(format!("{whose} has no {EXPECTED}, which says what its pictures have to give"));
    };
    let expected: ExpectedFile =
        serde_json::from_slice(&expected).map_err(|error| format!("{whose}: {EXPECTED}: {error}"))?;
    check(&expected, labels).map_err(|problem| format!("{whose}: {EXPECTED}: {problem}"))?;
    let mut tests = Vec::new();
    for picture in expected.pictures {
        let Some(bytes) = bundle.blob_named(&picture.file).filter(|_| is_test(&picture.file)) else {
            return Err(format!("{whose}: {EXPECTED} names {:?}, which is not among its blobs", picture.file));
        };
        let ExpectedPicture { file, logits, verdict, .. } = picture;
        tests.push(SelfTest { picture: file, bytes, logits, tolerance: expected.tolerance, verdict });
    }
    Ok(tests)
}

fn check(expected: &ExpectedFile, labels: &[String]) -> Result<(), String> {
    if expected.labels != labels {
        return Err(format!("labels are {:?}, the model has {labels:?}", expected.labels));
    }
    if !(expected.tolerance.is_finite() && expected.tolerance >= 0.0) {
        return Err(format!("tolerance is {}, expected a number from 0", expected.tolerance));
    }
    if expected.pictures.is_empty() || expected.pictures.len() > MAX_FRAMES {
        return Err(format!("{} pictures, expected 1 to {MAX_FRAMES}", expected.pictures.len()));
    }
    let wrong = |picture: &&ExpectedPicture| {
        picture.logits.len() != labels.len() || !picture.logits.iter().all(|logit| logit.is_finite())
    };
    match expected.pictures.iter().find(wrong) {
        Some(picture) => Err(format!("{}: expected {} finite logits", picture.file, labels.len())),
        None => Ok(()),
    }
}
