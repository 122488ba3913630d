use super::*;

#[test]
fn a_preprocessor_gives_tensors_and_pictures() {
    let plugin = host().admit(source("healthy-preprocessor", PluginKind::Preprocessor)).unwrap();
    let frame = picture(32, 255);
    let outcome = plugin.preprocess(&meta(), &frame, far());
    let report = outcome.result.unwrap();
    assert_eq!(report.tensors.len(), 1);
    assert_eq!(report.tensors[0].name, "image");
    assert_eq!(report.tensors[0].tensor.shape(), [1, 3, 8, 8]);
    assert!(report.tensors[0].tensor.as_f32().unwrap().iter().all(|value| *value == 1.0));
    assert_eq!((report.images[0].name.as_str(), report.images[0].image.width()), ("small", 8));
    assert_eq!(report.attributes, [("station".to_owned(), "bench-3".to_owned())]);
    assert_eq!(outcome.log[0].text, "trigger 41");
    assert!(outcome.memory_bytes > 0 && outcome.host_bytes > 0 && outcome.micros > 0);
}

#[test]
fn a_frame_that_passes_through_is_not_copied() {
    let plugin = host().admit(source("healthy-preprocessor", PluginKind::Preprocessor)).unwrap();
    let frame = picture(32, 9);
    let report = plugin.preprocess(&meta(), &frame, far()).result.unwrap();
    assert_eq!(report.picture.unwrap().bytes().as_ptr(), frame.bytes().as_ptr());
}

#[test]
fn a_tensor_reaches_the_model_without_a_copy() {
    let model = Arc::new(FakeModel::new(Mood::Sums));
    let mut source = source("healthy-detector", PluginKind::Detector);
    source.models = models(Arc::clone(&model) as Arc<dyn LoadedModel>);
    source.settings.insert("model".to_owned(), SettingValue::Text("demo".to_owned()));
    let plugin = host().admit(source).unwrap();
    let tensor = Tensor::from_f32(&[1, 1, 8, 8], &[0.5; 64]).unwrap();
    let address = tensor.bytes().as_ptr() as usize;
    let inputs = [NamedTensor { name: "image".to_owned(), tensor }];
    let report = detect(&plugin, &picture(8, 0), &inputs).result.unwrap();
    assert_eq!(*model.last_input.lock().unwrap(), address);
    assert!(report.attributes.contains(&("asked".to_owned(), "32".to_owned())), "{:?}", report.attributes);
    assert_eq!(inputs[0].tensor.element_type(), ElementType::F32);
}

#[test]
fn a_detector_sees_labels_inputs_and_its_picture() {
    let plugin = host().admit(source("healthy-detector", PluginKind::Detector)).unwrap();
    let tensor = Tensor::from_f32(&[1], &[1.0]).unwrap();
    let inputs = [NamedTensor { name: "a".to_owned(), tensor }];
    let report = detect(&plugin, &picture(8, 255), &inputs).result.unwrap();
    let expected = [("labels", "good,scratch"), ("inputs", "1"), ("outputs", "0")];
    assert_eq!(report.attributes, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    assert!(report.findings[0].raised);
    assert_eq!(report.findings[0].region.unwrap().width, 8);
    healthy_call_works(&plugin);
}

fn observe(plugin: &AdmittedPlugin, state: &mut MonitorState) -> Result<f64, Failure> {
    let frame = picture(8, 7);
    let verdict = Verdict::Pass { label: "good".to_owned(), score: 0.9 };
    let finding = Finding {
        label: "bright".to_owned(),
        score: 0.1,
        raised: false,
        region: None,
        text: None,
        attributes: Vec::new(),
    };
    let findings = [&finding];
    let input = ObserveInput { picture: &frame, verdict: &verdict, answer: None, findings: &findings, outputs: &[] };
    plugin.observe(&meta(), &input, state, far()).result.map(|observation| observation.reports[0].value)
}

#[test]
fn a_monitor_remembers_between_calls() {
    let plugin = host().admit(source("healthy-monitor", PluginKind::Monitor)).unwrap();
    let mut state = MonitorState::from([("other".to_owned(), vec![1, 2, 3])]);
    assert_eq!(observe(&plugin, &mut state).unwrap(), 1.0);
    assert_eq!(observe(&plugin, &mut state).unwrap(), 2.0);
    assert_eq!(state.keys().collect::<Vec<_>>(), ["count", "other"]);
    assert_eq!(state["count"], 2u64.to_le_bytes());
}

#[test]
fn a_monitor_that_fails_leaves_its_state_as_it_was() {
    let host = host();
    let mut source = source("healthy-monitor", PluginKind::Monitor);
    source.settings.insert("fail".to_owned(), SettingValue::Bool(true));
    let plugin = host.admit(source).unwrap();
    let before = MonitorState::from([("count".to_owned(), 7u64.to_le_bytes().to_vec())]);
    let mut state = before.clone();
    let failure = observe(&plugin, &mut state).unwrap_err();
    assert_eq!((failure.stage, failure.code), (Stage::Monitor, FailureCode::PluginError));
    assert_eq!(state, before);
}

#[test]
fn a_monitor_cannot_remember_more_than_its_limit() {
    let mut source = source("healthy-monitor", PluginKind::Monitor);
    source.limits.state_bytes = 1000;
    source.settings.insert("fill".to_owned(), SettingValue::Integer(1000));
    let plugin = host().admit(source).unwrap();
    let mut state = MonitorState::new();
    let failure = observe(&plugin, &mut state).unwrap_err();
    assert!(failure.detail.contains("limits.state_bytes"), "{failure}");
    assert!(state.is_empty());
}

#[test]
fn a_call_without_time_left_does_not_begin_and_blames_the_host() {
    let plugin = host().admit(source("healthy-detector", PluginKind::Detector)).unwrap();
    let frame = picture(8, 7);
    let input = DetectInput { picture: &frame, inputs: &[], outputs: &[] };
    let failure = plugin.detect(&meta(), &input, Instant::now()).result.unwrap_err();
    assert_eq!((failure.code, failure.blame), (FailureCode::Timeout, Blame::Host));
    assert!(failure.detail.contains("frame_budget_ms"), "{failure}");
}

#[test]
fn the_wrong_call_is_a_failure_and_not_a_panic() {
    let plugin = host().admit(source("healthy-detector", PluginKind::Detector)).unwrap();
    let failure = plugin.preprocess(&meta(), &picture(8, 7), far()).result.unwrap_err();
    assert_eq!((failure.code, failure.blame), (FailureCode::Internal, Blame::Host));
}

#[test]
fn many_threads_call_one_plugin_at_one_time() {
    let plugin = host().admit(source("healthy-detector", PluginKind::Detector)).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..50).for_each(|_| healthy_call_works(&plugin)));
        }
    });
}

#[test]
fn a_detector_that_finds_nothing_is_an_answer_too() {
    let mut source = source("idle-detector", PluginKind::Detector);
    source.settings.insert("calls".to_owned(), SettingValue::Integer(1000));
    let plugin = host().admit(source).unwrap();
    let outcome = detect(&plugin, &picture(8, 7), &[]);
    assert!(outcome.result.unwrap().findings.is_empty());
    assert_eq!((outcome.host_bytes, outcome.log_dropped), (0, 0));
}
