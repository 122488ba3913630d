use super::*;
use FailureCode as Code;
use assay_tests::hostile::{CASES, Made, wat};
use std::io::Write as _;
use std::process::Command;
use std::sync::atomic::Ordering;

fn hostile(mode: &str) -> PluginSource {
    let mut source = source("hostile", PluginKind::Detector);
    source.settings.insert("mode".to_owned(), SettingValue::Text(mode.to_owned()));
    source.limits.deadline_ms = if mode.ends_with("_loop") { 200 } else { 20_000 };
    source
}

/// The whole table, from signed bundle to record, in a process of its own: its memory is looked at, and whatever brings
/// it down shows as its exit. `cargo xtask soak hostile` is the same without the limit of time.
#[test]
fn no_hostile_plugin_gets_a_pass_harms_the_next_frame_or_leaves_anything_behind() {
    let output = Command::new(env!("CARGO_BIN_EXE_assay-soak")).args(["--ms-each", "150"]).output().unwrap();
    // Past the test's own capture: the table is worth reading when all is well, too.
    std::io::stdout().write_all(&output.stdout).unwrap();
    assert!(output.status.success(), "{}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
}

/// As `cargo xtask soak hostile` runs it: a process for each.
#[test]
fn a_soak_that_was_cut_off_goes_on_with_what_is_not_noted_as_contained() {
    let dir = tempfile::tempdir().unwrap();
    let notes = dir.path().join("notes.jsonl");
    let soak = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_assay-soak"));
        command.args(["--jobs", "2", "--runs", "20", "--only", "score_", "--notes"]).arg(&notes);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(soak().contains("4 hostile plugins, 0 not contained; 4 ran 20 times"));
    let text = std::fs::read_to_string(&notes).unwrap();
    let row = |name: &str| text.lines().find(|line| line.contains(&format!("\"{name}\""))).unwrap();
    // One is marked, so that it shows whether it runs again; one was not contained; the last was cut off in its line.
    let marked = row("score_nan").replace("undecided", "kept-from-before");
    let wrong = row("score_negative").replace("\"wrong\":null", "\"wrong\":\"the verdict is Pass\"");
    let cut = &row("score_infinite")[..40];
    let first = text.lines().next().unwrap();
    std::fs::write(&notes, format!("{first}\n{marked}\n{wrong}\n{cut}")).unwrap();
    let second = soak();
    assert!(second.contains("kept-from-before") && second.contains("4 ran 20 times"), "{second}");
    // Notes of another build are none.
    std::fs::write(&notes, format!("# another\n{marked}\n")).unwrap();
    assert!(!soak().contains("kept-from-before"));
}

#[test]
fn every_hostile_guest_is_in_the_table_once() {
    let guests = artifacts::root().join("tests/guests");
    let mut found = BTreeSet::new();
    for folder in ["hostile/src/modes", "hostile-preprocessor/src/modes", "hostile-monitor/src/modes", "wat"] {
        let files = std::fs::read_dir(guests.join(folder)).unwrap().map(|entry| entry.unwrap().path());
        found.extend(files.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()));
    }
    // What holds the modes is none, and the smallest plugin is a healthy one.
    found.retain(|name| name != "mod" && name != "idle");
    let written = |made| matches!(made, Made::Generated | Made::Papers);
    let named: BTreeSet<String> =
        CASES.iter().filter(|case| !written(case.made)).map(|case| case.name.to_owned()).collect();
    assert_eq!(found, named);
    let distinct: BTreeSet<&str> = CASES.iter().map(|case| case.name).collect();
    assert_eq!(distinct.len(), CASES.len());
}

#[test]
fn a_byte_flipped_anywhere_is_another_plugin_or_none_and_never_a_crash() {
    let host = host();
    let whole = wat("idle").unwrap();
    let original = Digest::of(&whole);
    let mut admitted = 0;
    for place in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[place] ^= 0xff;
        let mut flipped = source("healthy-detector", PluginKind::Detector);
        flipped.component = bytes.into();
        flipped.digest = original;
        let error = host.admit(flipped.clone()).map(drop).unwrap_err();
        assert!(matches!(error, AdmissionError::WrongDigest { .. }), "byte {place}: {error}");
        // As if somebody had signed the damage.
        flipped.digest = Digest::of(&flipped.component);
        flipped.limits.deadline_ms = 20;
        if let Ok(plugin) = host.admit(flipped) {
            admitted += 1;
            let _ = detect(&plugin, &picture(8, 1), &[]).result;
        }
    }
    println!("{admitted} of {} flipped bytes leave a plugin", whole.len());
    let mut sound = source("healthy-detector", PluginKind::Detector);
    sound.component = whole.into();
    sound.digest = original;
    assert!(detect(&host.admit(sound).unwrap(), &picture(8, 1), &[]).result.unwrap().findings.is_empty());
}

/// Prints what compiling takes that is just admitted; what it takes decides nothing. The compiler has limits of its own:
/// where it says no, it says so cleanly.
#[test]
fn what_is_just_cheap_enough_is_compiled_or_refused_by_the_compiler() {
    let host = host();
    for (what, module) in assay_tests::hostile::just_admitted().unwrap() {
        let mut costly = source("healthy-detector", PluginKind::Detector);
        costly.component = module.into();
        costly.digest = Digest::of(&costly.component);
        let start = Instant::now();
        let end = match host.admit(costly) {
            Ok(_) => "compiled".to_owned(),
            Err(AdmissionError::Compile { detail, .. }) => detail,
            Err(other) => panic!("{what}: {other:?}"),
        };
        println!("{what}: {:.1} s, {end}", start.elapsed().as_secs_f64());
    }
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
fn a_plugin_that_changes_its_mind_is_recorded_as_it_answers_and_remembers_nothing() {
    let plugin = host().admit(hostile("changes_its_mind")).unwrap();
    let (frame, mut meta) = (picture(8, 1), meta());
    let mut answer = |trigger| {
        meta.id.trigger = trigger;
        let input = DetectInput { picture: &frame, inputs: &[], outputs: &[] };
        plugin.detect(&meta, &input, far()).result.unwrap().findings.remove(0)
    };
    let (first, second) = (answer(41), answer(42));
    assert!((first.score - second.score).abs() > 0.5, "{first:?} {second:?}");
    let calls = vec![("calls".to_owned(), "0".to_owned())];
    assert_eq!((&first.attributes, &second.attributes), (&calls, &calls));
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
fn a_model_that_was_asked_too_late_is_not_the_devices_fault() {
    let plugin = host().admit(hostile("compute_loop")).unwrap();
    let input = vec![NamedTensor {
        name: "image".to_owned(),
        tensor: Tensor::build(&[1, 1, 8, 8], ElementType::F32, |_| ()).unwrap(),
    }];
    let failure = detect(&plugin, &picture(8, 1), &input).result.unwrap_err();
    assert_eq!((failure.code, failure.blame), (Code::Timeout, Blame::Plugin), "{failure}");
    // The first question, with all of the time: then it is.
    let mut source = hostile("compute_loop");
    source.models = models(Arc::new(FakeModel::new(Mood::TimesOut)));
    let failure = detect(&host().admit(source).unwrap(), &picture(8, 1), &input).result.unwrap_err();
    assert_eq!((failure.code, failure.blame), (Code::Timeout, Blame::Device), "{failure}");
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
