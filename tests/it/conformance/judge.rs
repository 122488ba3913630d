//! Compares what became of a case with what it demands.

use super::bench::{Call, Seen};
use super::case::{Case, Expected, Failing, Level};
use assay::domain::{Blame, Failure, PluginKind, Stage};

/// A line for each difference; none where the case is met.
pub fn differences(case: &Case, seen: &Seen) -> Vec<String> {
    match (seen, &case.refused, &case.failure, &case.calls) {
        (Seen::Refused(said), Some(words), ..) => missing(words, said),
        (Seen::Refused(said), None, ..) => vec![format!("it was not taken in: {said}")],
        (Seen::Called(_), Some(_), ..) => vec!["it was taken in, expected a refusal".to_owned()],
        (Seen::Called(calls), None, Some(failing), _) => failures(case.world, failing, calls),
        (Seen::Called(calls), None, None, expected) => answers(case, expected.as_deref().unwrap_or_default(), calls),
    }
}

fn missing(words: &[String], said: &str) -> Vec<String> {
    let missing = words.iter().filter(|words| !said.contains(words.as_str()));
    missing.map(|words| format!("{words:?} is not in: {said}")).collect()
}

fn failures(world: PluginKind, failing: &Failing, calls: &[Call]) -> Vec<String> {
    let [Call { result: Err(failure), state_changed, .. }] = calls else {
        return vec![format!("it answered: {calls:?}")];
    };
    let Failure { stage, blame, code, .. } = failure;
    let mut found = missing(&failing.words, &failure.to_string());
    // A plugin's own error, a trap and each limit have a code of their own.
    if *code != failing.code {
        found.push(format!("found {code}, expected {}: {failure}", failing.code));
    }
    // A preprocessor sees nothing but the picture: what it says of its input it says of the source.
    let of_picture = world == PluginKind::Preprocessor && failure.detail.starts_with("unsupported input");
    let (whose, place) = (if of_picture { Blame::Source } else { Blame::Plugin }, stage_of(world));
    if (*blame, *stage) != (whose, place) {
        found.push(format!("found the blame {blame} at {stage}, expected {whose} at {place}: {failure}"));
    }
    if *state_changed {
        found.push("the call failed and changed the monitor's state".to_owned());
    }
    found
}

const fn stage_of(world: PluginKind) -> Stage {
    match world {
        PluginKind::Preprocessor => Stage::Preprocess,
        PluginKind::Detector => Stage::Detect,
        PluginKind::Monitor => Stage::Monitor,
    }
}

fn answers(case: &Case, expected: &[Expected], calls: &[Call]) -> Vec<String> {
    if calls.len() != expected.len() {
        return vec![format!("found {} calls, expected {}", calls.len(), expected.len())];
    }
    let numbered = |(index, (call, expected))| {
        let number = index + 1;
        answer(case, expected, call).into_iter().map(move |line| format!("call {number}: {line}"))
    };
    calls.iter().zip(expected).enumerate().flat_map(numbered).collect()
}

fn answer(case: &Case, expected: &Expected, call: &Call) -> Vec<String> {
    let answer = match &call.result {
        Ok(answer) => answer,
        Err(failure) => return vec![format!("no answer: {failure}")],
    };
    let expected = expected.answer();
    let mut found: Vec<String> = answer.differences(&expected).into_iter().map(|line| here(&line)).collect();
    // Golden files let texts that are numbers differ a little; languages write them alike.
    if found.is_empty() && answer.attributes != expected.attributes {
        found.push(format!("found {:?}, expected {:?}", answer.attributes, expected.attributes));
    }
    found.extend(log(case, call));
    found
}

/// Answers are compared as golden files are, in their words.
fn here(line: &str) -> String {
    line.replace("the golden file has", "expected")
}

/// A case that names no line demands that there is none.
fn log(case: &Case, call: &Call) -> Option<String> {
    let lines: Vec<(Level, String)> = call.log.iter().map(|line| (line.level.into(), line.text.clone())).collect();
    let same = match case.log_lines {
        Some(count) => lines.len() == count,
        None => lines == case.log,
    };
    let (dropped, wanted) = (call.log_dropped, case.log_dropped);
    let expected = case.log_lines.map_or_else(|| format!("{:?}", case.log), |count| format!("{count} lines"));
    let told = || format!("log: found {lines:?} and {dropped} dropped, expected {expected} and {wanted} dropped");
    (!same || dropped != wanted).then(told)
}
