//! Instances that serve more than one call: what goes on to the next, and what never does.

use super::*;
use FailureCode as Code;
use assay::domain::{WarmEvent, WarmRules};
use assay::inference::{InferenceError, Placement};
use std::sync::Barrier;

fn warm(calls: u32) -> PluginSource {
    let mut source = source("warm-detector", PluginKind::Detector);
    source.warm = Some(WarmRules { calls });
    source
}

fn call(plugin: &AdmittedPlugin, what: &str) -> CallOutcome<PluginReport> {
    call_on(plugin, what, &picture(8, 51))
}

fn call_on(plugin: &AdmittedPlugin, what: &str, picture: &Image) -> CallOutcome<PluginReport> {
    let meta = FrameMeta { serial: Some(what.to_owned()), ..meta() };
    plugin.detect(&meta, &DetectInput { picture, inputs: &[], outputs: &[] }, far())
}

/// Which call of its instance this was.
fn count(outcome: CallOutcome<PluginReport>) -> String {
    let attributes = outcome.result.unwrap().attributes;
    attributes.into_iter().find(|(key, _)| key == "calls").unwrap().1
}

fn counts(plugin: &AdmittedPlugin, times: usize) -> Vec<String> {
    (0..times).map(|_| count(call(plugin, "count"))).collect()
}

fn failed(plugin: &AdmittedPlugin, what: &str) -> Failure {
    call(plugin, what).result.unwrap_err()
}

#[test]
fn a_fresh_plugin_begins_anew_and_a_warm_one_goes_on_until_it_is_retired() {
    let host = host();
    let fresh = host.admit(source("warm-detector", PluginKind::Detector)).unwrap();
    assert_eq!(counts(&fresh, 3), ["1", "1", "1"]);
    let warm = host.admit(warm(3)).unwrap();
    assert_eq!(counts(&warm, 7), ["1", "2", "3", "1", "2", "3", "1"]);
}

#[test]
fn an_instance_whose_call_did_not_go_well_is_never_called_again() {
    let mut source = warm(1000);
    source.limits.deadline_ms = 1000;
    let plugin = host().admit(source).unwrap();
    for (what, code) in [("trap", Code::Trap), ("error", Code::PluginError), ("spin", Code::Timeout)] {
        assert_eq!(counts(&plugin, 2), ["1", "2"], "before {what}");
        let failure = failed(&plugin, what);
        assert_eq!((failure.blame, failure.code), (Blame::Plugin, code), "{failure:?}");
    }
    assert_eq!(counts(&plugin, 1), ["1"]);
}

#[test]
fn a_frame_without_time_does_not_cost_the_warm_instance() {
    let plugin = host().admit(warm(1000)).unwrap();
    assert_eq!(counts(&plugin, 1), ["1"]);
    let picture = picture(8, 51);
    let input = DetectInput { picture: &picture, inputs: &[], outputs: &[] };
    let late = plugin.detect(&meta(), &input, Instant::now()).result.unwrap_err();
    assert_eq!((late.blame, late.code), (Blame::Host, Code::Timeout));
    assert_eq!(counts(&plugin, 1), ["2"]);
}

#[test]
fn a_handle_of_an_earlier_call_is_refused_as_the_plugins_fault() {
    let plugin = host().admit(warm(1000)).unwrap();
    for what in ["use-image", "use-tensor", "use-graph", "give-image"] {
        assert_eq!(count(call(&plugin, "keep")), "1");
        let failure = failed(&plugin, what);
        assert_eq!((failure.blame, failure.code), (Blame::Plugin, Code::BadAnswer), "{what}: {failure:?}");
        assert!(failure.detail.contains("kept from an earlier call"), "{what}: {failure:?}");
    }
}

#[test]
fn what_was_kept_may_be_dropped_later_and_is_not_held_by_the_host_meanwhile() {
    let plugin = host().admit(warm(1000)).unwrap();
    let buffers = BufferPool::new(1, 1 << 20);
    let shown = Image::new(8, 8, PixelFormat::Gray8, buffers.take(64)).unwrap();
    assert_eq!(count(call_on(&plugin, "keep", &shown)), "1");
    assert_eq!(buffers.kept_bytes(), 0);
    drop(shown);
    assert!(buffers.kept_bytes() >= 64, "a handle that the plugin keeps holds no frame");
    // A garbage collector drops late; that takes no live handle away, and is no fault.
    assert_eq!(count(call(&plugin, "drop")), "2");
}

#[test]
fn bytes_handles_and_log_lines_are_counted_anew_for_each_call() {
    let mut source = warm(1000);
    (source.limits.host_bytes, source.limits.log_lines) = (4_000_000, 5);
    let plugin = host().admit(source).unwrap();
    for n in 1..=5 {
        // 3 MB of 4: the second would be one too many if the first still counted.
        let outcome = call(&plugin, "keep-large");
        assert_eq!((outcome.host_bytes, outcome.log.len()), (3_000_000, 0));
        assert_eq!(count(outcome), (2 * n - 1).to_string());
        let outcome = call(&plugin, "log");
        assert_eq!((outcome.host_bytes, outcome.log.len(), outcome.log_dropped), (0, 5, 35));
        assert_eq!(count(outcome), (2 * n).to_string());
    }
}

#[test]
fn an_instance_that_grows_or_keeps_dead_handles_is_retired_before_it_meets_a_limit() {
    let mut source = warm(1000);
    source.limits.memory_bytes = 16 << 20;
    let plugin = host().admit(source).unwrap();
    let leaking: Vec<String> = (0..40).map(|_| count(call(&plugin, "leak"))).collect();
    let restarts = leaking.iter().filter(|count| *count == "1").count();
    assert!(restarts >= 3 && leaking.iter().any(|count| count == "4"), "{leaking:?}");

    let mut source = warm(1000);
    source.limits.handles = 8;
    let plugin = host().admit(source).unwrap();
    let keeping: Vec<String> = (0..5).map(|_| count(call(&plugin, "keep"))).collect();
    assert_eq!(keeping, ["1", "2", "3", "1", "2"]);
}

/// Answers when as many have asked as the barrier waits for.
struct Meeting(FakeModel, Barrier);

impl LoadedModel for Meeting {
    fn name(&self) -> &str {
        self.0.name()
    }
    fn digest(&self) -> Digest {
        self.0.digest()
    }
    fn spec(&self) -> &assay::domain::ModelSpec {
        self.0.spec()
    }
    fn placement(&self) -> &Placement {
        self.0.placement()
    }
    fn infer(&self, inputs: &[NamedTensor], deadline: Instant) -> Result<Vec<NamedTensor>, InferenceError> {
        self.1.wait();
        self.0.infer(inputs, deadline)
    }
}

#[test]
fn two_lanes_at_once_have_an_instance_each() {
    let mut source = warm(1000);
    source.models = models(Arc::new(Meeting(FakeModel::new(Mood::Sums), Barrier::new(2))));
    let plugin = host().admit(source).unwrap();
    for round in 1..=3 {
        let (here, there) = std::thread::scope(|scope| {
            let there = scope.spawn(|| count(call(&plugin, "ask")));
            (count(call(&plugin, "ask")), there.join().unwrap())
        });
        let expected = round.to_string();
        assert_eq!((here.as_str(), there.as_str()), (expected.as_str(), expected.as_str()));
    }
}

/// How many instances were made, reused, retired, discarded, not kept and let go.
fn booked(plugin: &AdmittedPlugin) -> [u64; 6] {
    let counts = plugin.warm_counts().unwrap();
    WarmEvent::ALL.map(|event| counts.get(event))
}

#[test]
fn what_becomes_of_instances_is_counted_over_all_plugins_of_one_name() {
    let host = host();
    assert!(host.admit(source("warm-detector", PluginKind::Detector)).unwrap().warm_counts().is_none());
    let plugin = host.admit(warm(3)).unwrap();
    assert_eq!(booked(&plugin), [1, 0, 0, 0, 0, 0], "the trial made the first");
    counts(&plugin, 4);
    assert_eq!(booked(&plugin), [2, 3, 1, 0, 0, 0]);
    failed(&plugin, "error");
    assert_eq!(booked(&plugin), [2, 4, 1, 1, 0, 0]);
    let next = host.admit(warm(3)).unwrap();
    assert_eq!(booked(&next), [3, 4, 1, 1, 0, 0]);
}

#[test]
fn a_plugin_that_begins_anew_lets_what_it_has_kept_go_and_has_a_new_instance_ready() {
    let plugin = host().admit(warm(1000)).unwrap();
    assert_eq!(counts(&plugin, 3), ["1", "2", "3"]);
    plugin.begin_anew();
    assert_eq!(booked(&plugin), [2, 3, 0, 0, 0, 1]);
    assert_eq!(counts(&plugin, 2), ["1", "2"]);
    assert_eq!(booked(&plugin), [2, 5, 0, 0, 0, 1], "the frames made none");
}

/// Plugins of the same station have 32 places for idle instances together.
#[test]
fn an_instance_for_which_no_place_is_free_is_counted_as_not_kept() {
    let host = host();
    let all: Vec<_> = (0..33).map(|_| host.admit(warm(1000)).unwrap()).collect();
    assert_eq!(booked(&all[0]), [33, 0, 0, 0, 1, 0]);
    assert_eq!(counts(&all[32], 2), ["1", "1"], "it works on, each call with a new one");
    assert_eq!(booked(&all[0]), [35, 0, 0, 0, 3, 0]);
}
