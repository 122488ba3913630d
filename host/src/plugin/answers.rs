//! Checks of what plugins answer. Nothing of an answer reaches a caller that breaks the contract in `wit/`.

use super::bindings::detector::exports::assay::plugin::detect::Detection;
use super::bindings::monitor::exports::assay::plugin::observe::{Observation as WitObservation, Report as WitReport};
use super::bindings::preprocessor::exports::assay::plugin::preprocess::Prepared;
use super::bindings::types::Finding as WitFinding;
use super::convert;
use super::failure::{CallError, Refusal};
use super::limits::{is_printable, printable};
use super::resources::{ImageEntry, TensorEntry};
use super::state::CallState;
use crate::domain::{Blame, FailureCode, Finding, Image, NamedImage, NamedTensor, Observation, PluginReport, Report};
use wasmtime::component::Resource;

const MAX_FINDINGS: usize = 256;
const MAX_REPORTS: usize = 256;
const MAX_TENSORS: usize = 16;
const MAX_IMAGES: usize = 16;
/// All pictures of an answer together, in bytes: they are encoded before the record is written.
const MAX_SHOWN_BYTES: usize = 16 << 20;
const MAX_ATTRIBUTES: usize = 64;
/// Labels, names, features, statistics and keys, in bytes.
const MAX_WORD: usize = 64;
/// Texts and attribute values, in bytes.
const MAX_TEXT: usize = 1024;

type Checked<T> = Result<T, CallError>;

fn bad(detail: impl Into<String>) -> CallError {
    CallError::Answer(Refusal::new(Blame::Plugin, FailureCode::BadAnswer, detail))
}

fn at_most(what: &str, found: usize, max: usize) -> Checked<()> {
    if found <= max {
        return Ok(());
    }
    let detail = format!("answered with {found} {what}, at most {max} are allowed");
    Err(CallError::Answer(Refusal::new(Blame::Plugin, FailureCode::ResultLimit, detail)))
}

/// A short word: not empty, bounded, no control characters.
fn word(what: &str, text: &str) -> Checked<()> {
    if text.is_empty() || text.len() > MAX_WORD || !is_printable(text) {
        let shown = printable(text, MAX_WORD);
        return Err(bad(format!(
            "{what} {shown:?} has {} bytes: 1 to {MAX_WORD} without control characters are expected",
            text.len()
        )));
    }
    Ok(())
}

fn short(what: impl FnOnce() -> String, text: &str) -> Checked<()> {
    if text.len() > MAX_TEXT {
        return Err(bad(format!("{} has {} bytes, at most {MAX_TEXT} are allowed", what(), text.len())));
    }
    Ok(())
}

/// A line for a person: it may end up on a terminal, in a log and in a report.
fn line(what: impl Fn() -> String, text: &str) -> Checked<()> {
    short(&what, text)?;
    if !is_printable(text) {
        let shown = printable(text, MAX_WORD);
        return Err(bad(format!("{} {shown:?}: one line without control characters is expected", what())));
    }
    Ok(())
}

/// Keys are words; values are kept as one harmless line each.
fn attributes(owner: &str, attributes: Vec<(String, String)>) -> Checked<Vec<(String, String)>> {
    at_most("attributes", attributes.len(), MAX_ATTRIBUTES)?;
    let checked = |(key, value): (String, String)| {
        word(&format!("attribute of {owner}"), &key)?;
        short(|| format!("attribute {key} of {owner}"), &value)?;
        let value = if is_printable(&value) { value } else { printable(&value, MAX_TEXT) };
        Ok((key, value))
    };
    attributes.into_iter().map(checked).collect()
}

fn finding(finding: WitFinding, picture: &Image) -> Checked<Finding> {
    word("label", &finding.label)?;
    let mut finding = convert::finding(finding);
    finding.attributes = attributes(&finding.label, finding.attributes)?;
    let label = &finding.label;
    if !(0.0..=1.0).contains(&finding.score) {
        return Err(bad(format!("finding {label}: score {} is outside [0, 1]", finding.score)));
    }
    if let Some(region) = finding.region.filter(|region| !region.fits(picture.width(), picture.height())) {
        let (width, height) = (picture.width(), picture.height());
        return Err(bad(format!("finding {label}: {region:?} is not inside the picture of {width}x{height}")));
    }
    if let Some(text) = &finding.text {
        line(|| format!("text of finding {label}"), text)?;
    }
    Ok(finding)
}

/// Names are unique: a model or a page picks by name.
fn unique<'a>(what: &str, names: impl Iterator<Item = &'a String> + Clone) -> Checked<()> {
    for (index, name) in names.clone().enumerate() {
        word(what, name)?;
        if names.clone().take(index).any(|earlier| earlier == name) {
            return Err(bad(format!("{what} {name:?} is there twice")));
        }
    }
    Ok(())
}

fn images(state: &mut CallState, images: Vec<(String, Resource<ImageEntry>)>) -> Checked<Vec<NamedImage>> {
    at_most("images", images.len(), MAX_IMAGES)?;
    unique("image", images.iter().map(|(name, _)| name))?;
    let take = |(name, handle)| Ok(NamedImage { name, image: state.take_image(handle).map_err(CallError::Call)? });
    let taken = images.into_iter().map(take).collect::<Checked<Vec<_>>>()?;
    let bytes = taken.iter().map(|named| named.image.bytes().len()).sum();
    at_most("bytes of pictures to look at", bytes, MAX_SHOWN_BYTES)?;
    Ok(taken)
}

fn tensors(state: &mut CallState, tensors: Vec<(String, Resource<TensorEntry>)>) -> Checked<Vec<NamedTensor>> {
    at_most("tensors", tensors.len(), MAX_TENSORS)?;
    unique("tensor", tensors.iter().map(|(name, _)| name))?;
    let take = |(name, handle): (String, Resource<TensorEntry>)| {
        let taken = state.take_finite(&name, handle).map_err(CallError::Call)?;
        Ok(NamedTensor { name, tensor: taken.map_err(CallError::Answer)? })
    };
    tensors.into_iter().map(take).collect()
}

pub(super) fn prepared(state: &mut CallState, answer: Prepared) -> Checked<PluginReport> {
    Ok(PluginReport {
        findings: Vec::new(),
        attributes: attributes("the answer", answer.attributes)?,
        tensors: tensors(state, answer.tensors)?,
        picture: answer.picture.map(|handle| state.take_image(handle)).transpose().map_err(CallError::Call)?,
        images: images(state, answer.images)?,
    })
}

pub(super) fn detection(state: &mut CallState, answer: Detection, picture: &Image) -> Checked<PluginReport> {
    at_most("findings", answer.findings.len(), MAX_FINDINGS)?;
    let attributes = attributes("the answer", answer.attributes)?;
    let findings = answer.findings.into_iter().map(|found| finding(found, picture)).collect::<Checked<_>>()?;
    Ok(PluginReport { findings, tensors: Vec::new(), picture: None, images: images(state, answer.images)?, attributes })
}

pub(super) fn observation(answer: WitObservation) -> Checked<Observation> {
    at_most("reports", answer.reports.len(), MAX_REPORTS)?;
    attributes("the answer", answer.attributes)?;
    let reports = answer.reports.into_iter().map(report).collect::<Checked<_>>()?;
    Ok(Observation { reports })
}

fn report(report: WitReport) -> Checked<Report> {
    word("feature", &report.feature)?;
    word("statistic", &report.statistic)?;
    let owner = format!("{} {}", report.feature, report.statistic);
    attributes(&owner, report.attributes)?;
    if !report.value.is_finite() || !report.threshold.is_finite() {
        let (value, threshold) = (report.value, report.threshold);
        return Err(bad(format!("report {owner}: value {value} and threshold {threshold} must be finite")));
    }
    Ok(Report {
        feature: report.feature,
        statistic: report.statistic,
        value: report.value,
        threshold: report.threshold,
        drifted: report.drifted,
        window: report.window,
    })
}
