use super::*;
use FailureCode as Code;
use std::sync::atomic::Ordering;

/// What a mode of the guest `hostile` must come to: a failure with words that its detail holds, or a good answer.
enum Outcome {
    Fails(Code, Blame, &'static str),
    Survives,
}

use Outcome::{Fails, Survives};

const CASES: &[(&str, Outcome)] = &[
    ("bad_arguments", Survives),
    ("bad_utf8", Fails(Code::BadAnswer, Blame::Plugin, "utf-8")),
    ("box_outside", Fails(Code::BadAnswer, Blame::Plugin, "not inside the picture of 64x64")),
    ("box_overflow", Fails(Code::BadAnswer, Blame::Plugin, "not inside the picture")),
    ("deep_recursion", Fails(Code::StackOverflow, Blame::Plugin, "deeper")),
    ("error_leak", Fails(Code::HandleLimit, Blame::Plugin, "limits.handles")),
    ("forged_handle", Fails(Code::BadAnswer, Blame::Plugin, "handle")),
    ("handle_leak", Fails(Code::HandleLimit, Blame::Plugin, "limits.handles")),
    ("host_call_loop", Fails(Code::Timeout, Blame::Plugin, "limits.deadline_ms")),
    ("host_work_loop", Fails(Code::Timeout, Blame::Plugin, "in host functions")),
    ("huge_result", Fails(Code::ResultLimit, Blame::Plugin, "limits.result_bytes")),
    ("image_hoarder", Fails(Code::ByteLimit, Blame::Plugin, "limits.host_bytes")),
    ("image_twice", Fails(Code::BadAnswer, Blame::Plugin, "twin")),
    ("infinite_loop", Fails(Code::Timeout, Blame::Plugin, "of 200 ms")),
    ("limits_respected", Survives),
    ("load_bytes", Fails(Code::UnknownModel, Blame::Plugin, "load-by-name")),
    ("log_flood", Survives),
    ("log_injection", Survives),
    ("long_label", Fails(Code::BadAnswer, Blame::Plugin, "5000 bytes")),
    ("many_findings", Fails(Code::ResultLimit, Blame::Plugin, "300 findings")),
    ("memory_bomb", Fails(Code::MemoryLimit, Blame::Plugin, "limits.memory_bytes")),
    ("model_fails", Survives),
    ("panic", Fails(Code::Trap, Blame::Plugin, "panicked")),
    ("plugin_error", Fails(Code::PluginError, Blame::Plugin, r"bad setting: mode: \u{1b}[31mred\n")),
    ("score_above_one", Fails(Code::BadAnswer, Blame::Plugin, "1.5 is outside [0, 1]")),
    ("score_nan", Fails(Code::BadAnswer, Blame::Plugin, "NaN is outside [0, 1]")),
    ("tensor_hoarder", Fails(Code::ByteLimit, Blame::Plugin, "limits.host_bytes")),
    ("tensor_overflow", Fails(Code::BadTensor, Blame::Plugin, "larger than this machine")),
    ("tensor_wrong_length", Fails(Code::BadTensor, Blame::Plugin, "needs 32 bytes, found 5")),
    ("unknown_model", Fails(Code::UnknownModel, Blame::Plugin, "inference:secret")),
    ("unreachable", Fails(Code::Trap, Blame::Plugin, "unreachable")),
    ("wrong_input", Fails(Code::BadTensor, Blame::Plugin, "model demo")),
];

fn hostile(mode: &str) -> PluginSource {
    let mut source = source("hostile", PluginKind::Detector);
    source.settings.insert("mode".to_owned(), SettingValue::Text(mode.to_owned()));
    source.limits.deadline_ms = if mode.ends_with("_loop") { 200 } else { 20_000 };
    source
}

fn check(mode: &str, expected: &Outcome, outcome: &CallOutcome<PluginReport>) -> Result<(), String> {
    match (expected, &outcome.result) {
        (Survives, Ok(report)) if report.findings[0].label == "survived" => Ok(()),
        (Fails(code, blame, words), Err(failure)) => {
            let typed = (failure.code, failure.blame, failure.stage) == (*code, *blame, Stage::Detect);
            let named = failure.plugin.as_deref() == Some("hostile") && failure.detail.contains(words);
            let bounded = failure.detail.len() <= 1000 && !failure.detail.contains(char::is_control);
            if typed && named && bounded { Ok(()) } else { Err(format!("{mode}: {failure}")) }
        }
        (_, Ok(_)) => Err(format!("{mode}: it answered")),
        (_, Err(failure)) => Err(format!("{mode}: {failure}")),
    }
}

#[test]
fn every_bad_thing_is_a_typed_failure_and_the_next_healthy_call_works() {
    let host = host();
    let healthy = host.admit(source("healthy-detector", PluginKind::Detector)).unwrap();
    let mut wrong = Vec::new();
    for (mode, expected) in CASES {
        let plugin = host.admit(hostile(mode)).unwrap();
        for _ in 0..2 {
            let outcome = detect(&plugin, &picture(64, 128), &[]);
            wrong.extend(check(mode, expected, &outcome).err());
            healthy_call_works(&healthy);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_hostile_mode_is_tested() {
    let folder = artifacts::root().join("tests/guests/hostile/src/modes");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let modes = files.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned());
    let modes: BTreeSet<String> = modes.filter(|mode| mode != "mod").collect();
    let tested: BTreeSet<String> = CASES.iter().map(|(mode, _)| (*mode).to_owned()).collect();
    assert_eq!(modes, tested);
}

#[test]
fn a_plugin_that_never_ends_is_stopped_soon_after_its_deadline() {
    let mut source = hostile("infinite_loop");
    source.limits.deadline_ms = 20;
    let plugin = host().admit(source).unwrap();
    let start = Instant::now();
    let outcome = detect(&plugin, &picture(8, 1), &[]);
    assert_eq!(outcome.result.unwrap_err().code, Code::Timeout);
    // Not a timing test: a broken stop would take for ever.
    assert!((Duration::from_millis(20)..Duration::from_secs(10)).contains(&start.elapsed()));
}

#[test]
fn the_frames_deadline_counts_where_it_is_sooner() {
    let mut source = hostile("infinite_loop");
    source.limits.deadline_ms = 60_000;
    let plugin = host().admit(source).unwrap();
    let frame = picture(8, 1);
    let input = DetectInput { picture: &frame, inputs: &[], outputs: &[] };
    let failure = plugin.detect(&meta(), &input, Instant::now() + Duration::from_millis(20)).result.unwrap_err();
    assert_eq!(failure.code, Code::Timeout);
    assert!(failure.detail.contains("what was left of the frame's time"), "{failure}");
}

#[test]
fn a_flood_of_log_lines_is_counted_and_not_kept() {
    let plugin = host().admit(hostile("log_flood")).unwrap();
    let outcome = detect(&plugin, &picture(8, 1), &[]);
    assert_eq!((outcome.log.len(), outcome.log_dropped), (32, 10_000 - 32));
    assert_eq!(outcome.log[31].text, "line 31");
}

#[test]
fn a_log_line_cannot_forge_another_or_command_a_terminal() {
    let plugin = host().admit(hostile("log_injection")).unwrap();
    let outcome = detect(&plugin, &picture(8, 1), &[]);
    assert_eq!(outcome.log[0].text, r"first\nverdict: pass \u{1b}[2J\u{202e}ssap\u{0}");
    assert!(outcome.log[1].text.len() <= 512 && outcome.log[1].text.ends_with("ä…"));
}

#[test]
fn an_inference_error_keeps_its_own_blame_through_the_plugin() {
    let host = host();
    let moods = [
        (Mood::TimesOut, Code::Timeout, Blame::Device),
        (Mood::LosesItsDevice, Code::DeviceLost, Blame::Device),
        (Mood::Fails, Code::InferenceFailed, Blame::Device),
    ];
    for (mood, code, blame) in moods {
        let mut source = hostile("model_fails");
        source.models = models(Arc::new(FakeModel::new(mood)));
        let plugin = host.admit(source).unwrap();
        let failure = detect(&plugin, &picture(8, 1), &[]).result.unwrap_err();
        assert_eq!((failure.code, failure.blame), (code, blame), "{failure}");
        assert!(failure.detail.contains("demo") && failure.detail.contains("gave up"), "{failure}");
    }
}

#[test]
fn a_panic_of_the_host_is_a_failure_of_the_host() {
    let host = host();
    let healthy = host.admit(source("healthy-detector", PluginKind::Detector)).unwrap();
    let mut source = hostile("model_fails");
    source.models = models(Arc::new(FakeModel::new(Mood::Panics)));
    let plugin = host.admit(source).unwrap();
    let failure = detect(&plugin, &picture(8, 1), &[]).result.unwrap_err();
    assert_eq!((failure.code, failure.blame), (Code::Internal, Blame::Host), "{failure}");
    healthy_call_works(&healthy);
}

#[test]
fn a_model_does_not_run_where_its_outputs_would_pass_the_byte_limit() {
    let host = host();
    let admit = |host_bytes| {
        let model = Arc::new(FakeModel::new(Mood::GivesMuch));
        let mut source = hostile("model_fails");
        source.limits.host_bytes = host_bytes;
        source.models = models(Arc::clone(&model) as Arc<dyn LoadedModel>);
        (host.admit(source).unwrap(), model)
    };
    let (plugin, model) = admit((1 << 20) - 1);
    let failure = detect(&plugin, &picture(8, 1), &[]).result.unwrap_err();
    assert_eq!((failure.code, failure.blame), (Code::ByteLimit, Blame::Plugin), "{failure}");
    assert_eq!(model.calls.load(Ordering::Relaxed), 0);
    // The input is given away with the call, so the output has the whole limit.
    let (plugin, model) = admit(1 << 20);
    detect(&plugin, &picture(8, 1), &[]).result.unwrap();
    assert_eq!(model.calls.load(Ordering::Relaxed), 1);
}

#[test]
fn a_thousand_calls_that_fail_leave_nothing_behind() {
    let host = host();
    let plugin = host.admit(hostile("image_hoarder")).unwrap();
    let trap = host.admit(hostile("unreachable")).unwrap();
    for _ in 0..50 {
        assert_eq!(detect(&plugin, &picture(8, 1), &[]).result.unwrap_err().code, Code::ByteLimit);
    }
    let before = resident_bytes();
    for _ in 0..1000 {
        assert_eq!(detect(&trap, &picture(8, 1), &[]).result.unwrap_err().code, Code::Trap);
    }
    for _ in 0..50 {
        assert_eq!(detect(&plugin, &picture(8, 1), &[]).result.unwrap_err().code, Code::ByteLimit);
    }
    let grown = resident_bytes().saturating_sub(before);
    // Other tests run beside this one in the same process; a leak of the hoarder alone would be 3 GiB.
    assert!(grown < 512 << 20, "resident memory grew by {grown} bytes");
}

fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}
