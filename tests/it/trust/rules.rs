//! What a manifest must say although its types allow more.

use super::support::{blobs_of, component, key, payload_of, plugin_manifest, refusal, signed, signed_payload, store};
use assay::domain::{
    Capability, Digest, ElementType, FailureAction, FailureLimit, ModelFormat, ModelSpec, Port, Precision,
    SettingValue, Settings, VerdictPolicy,
};
use assay::trust::{
    BlobRole, BundleKind, Check, Manifest, ModelManifest, ModelPin, NewBlob, PackError, PluginPin, RecipeManifest,
    VerifyPolicy, pack,
};

fn blob(name: &str, role: BlobRole) -> NewBlob {
    NewBlob { name: name.to_owned(), role, bytes: vec![1, 2, 3] }
}

fn model_manifest() -> Manifest {
    let port = |name: &str, shape: &[u32]| Port { name: name.to_owned(), shape: shape.to_vec(), ty: ElementType::F32 };
    Manifest {
        kind: BundleKind::Model,
        name: "surface".to_owned(),
        plugin: None,
        model: Some(ModelManifest {
            format: ModelFormat::Onnx,
            spec: ModelSpec {
                inputs: vec![port("image", &[3, 224, 224])],
                outputs: vec![port("logits", &[2])],
                batch_sizes: vec![1, 4],
            },
            labels: vec!["good".to_owned(), "scratch".to_owned()],
            logits: "logits".to_owned(),
            temperature: 1.0,
            encoding: None,
            heatmap: None,
        }),
        ..plugin_manifest()
    }
}

fn recipe_manifest() -> Manifest {
    let pin = PluginPin {
        plugin: "letterbox".to_owned(),
        bundle: Digest::of(b"plugin"),
        grants: vec![Capability::Imaging],
        settings: Settings::new(),
        on_failure: None,
        failures: None,
    };
    Manifest {
        kind: BundleKind::Recipe,
        name: "surface-inspection".to_owned(),
        plugin: None,
        recipe: Some(RecipeManifest {
            preprocessors: vec![pin],
            model: ModelPin {
                model: "surface".to_owned(),
                bundle: Digest::of(b"model"),
                devices: vec!["CPU".to_owned()],
                precision: Precision::F32Exact,
            },
            detectors: Vec::new(),
            monitors: Vec::new(),
            policy: VerdictPolicy {
                pass_labels: vec!["good".to_owned()],
                min_pass_probability: 0.6,
                min_fail_probability: 0.5,
                undecided_on: Vec::new(),
                fail_on: Vec::new(),
            },
            frame_budget_ms: 200,
            max_model_bytes: None,
            max_p95_ms: None,
            max_load_ms: None,
            failures: None,
        }),
        ..plugin_manifest()
    }
}

fn problems(manifest: Manifest, blobs: &[NewBlob]) -> Vec<String> {
    match pack(manifest, blobs) {
        Ok(_) => Vec::new(),
        Err(PackError::BadManifest(problems)) => problems.0.iter().map(ToString::to_string).collect(),
        Err(error) => panic!("{error}"),
    }
}

/// The one problem of a manifest.
fn problem(manifest: Manifest, blobs: &[NewBlob]) -> String {
    let problems = problems(manifest, blobs);
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems[0].clone()
}

fn component_blob() -> Vec<NewBlob> {
    vec![component(b"x")]
}

fn model_blob() -> Vec<NewBlob> {
    vec![blob("model.onnx", BlobRole::Model)]
}

#[test]
fn the_three_kinds_can_be_packed() {
    assert_eq!(problems(plugin_manifest(), &component_blob()), [""; 0]);
    assert_eq!(problems(model_manifest(), &model_blob()), [""; 0]);
    assert_eq!(problems(recipe_manifest(), &[]), [""; 0]);
}

#[test]
fn names_that_are_paths_or_hidden_or_loud_are_refused() {
    let long = "a".repeat(65);
    for name in ["", "../up", "a/b", "a\\b", ".hidden", "-dash", "Upper", "with space", "nul\0", "ä", &long] {
        let found = problem(Manifest { name: name.to_owned(), ..plugin_manifest() }, &component_blob());
        assert!(found.starts_with("name: "), "{found}");
        let blob = NewBlob { name: name.to_owned(), ..component(b"x") };
        assert!(problem(plugin_manifest(), &[blob]).starts_with("blobs[0].name: "), "{name}");
    }
}

#[test]
fn a_signed_manifest_with_a_path_for_a_blob_is_refused() {
    let key = key();
    let file = signed(&key);
    let payload = payload_of(&file).replace("component.wasm", "../component.wasm");
    let (check, message) =
        refusal(&signed_payload(&payload, &[&key], blobs_of(&file)), &store(&[&key]), &VerifyPolicy::install());
    assert_eq!(check, Check::Manifest);
    assert!(message.contains("blobs[0].name"), "{message}");
}

#[test]
fn sizes_that_overflow_are_refused() {
    let key = key();
    let file = signed(&key);
    for size in ["18446744073709551615", "9223372036854775807", "16", "14", "0"] {
        let payload = payload_of(&file).replace("\"size\":15", &format!("\"size\":{size}"));
        let file = signed_payload(&payload, &[&key], blobs_of(&file));
        let check = refusal(&file, &store(&[&key]), &VerifyPolicy::install()).0;
        assert!(matches!(check, Check::Layout | Check::Blobs), "{size}: {check}");
    }
}

#[test]
fn another_schema_is_refused() {
    assert!(problem(Manifest { schema: 2, ..plugin_manifest() }, &component_blob()).starts_with("schema: found 2"));
}

#[test]
fn the_sections_of_other_kinds_are_refused() {
    let both = Manifest { model: model_manifest().model, ..plugin_manifest() };
    assert!(problem(both, &component_blob()).starts_with("model: found"));
    let none = Manifest { plugin: None, ..plugin_manifest() };
    assert!(problem(none, &component_blob()).starts_with("plugin: found no such section"));
}

#[test]
fn a_plugin_has_exactly_one_component_and_no_model() {
    assert!(problem(plugin_manifest(), &[]).contains("found 0 of role component"));
    let two = [component(b"x"), blob("second.wasm", BlobRole::Component)];
    assert!(problem(plugin_manifest(), &two).contains("found 2 of role component"));
    let model = [component(b"x"), blob("m.onnx", BlobRole::Model)];
    assert!(problem(plugin_manifest(), &model).contains("found 1 of role model"));
}

#[test]
fn a_model_has_exactly_one_model_and_weights_only_with_openvino_ir() {
    assert!(problem(model_manifest(), &[]).contains("found 0 of role model"));
    let weights = [blob("m.onnx", BlobRole::Model), blob("m.bin", BlobRole::Weights)];
    assert!(problem(model_manifest(), &weights).contains("role weights"));
    let mut ir = model_manifest();
    ir.model.as_mut().unwrap().format = ModelFormat::OpenvinoIr;
    assert!(problem(ir.clone(), &model_blob()).contains("found 0 of role weights"));
    assert_eq!(problems(ir, &weights), [""; 0]);
}

#[test]
fn a_recipe_carries_no_code_and_no_model() {
    assert!(problem(recipe_manifest(), &component_blob()).contains("role component"));
    assert!(problem(recipe_manifest(), &model_blob()).contains("role model"));
}

#[test]
fn a_blobs_name_is_unique() {
    let twice = [component(b"x"), blob("component.wasm", BlobRole::Licence)];
    assert!(problem(plugin_manifest(), &twice).contains("blob name \"component.wasm\" twice"));
}

#[test]
fn times_are_utc() {
    for time in ["", "yesterday", "2026-01-01", "2026-01-01T00:00:00+01:00", "2026-13-01T00:00:00Z"] {
        let manifest = Manifest { created: time.to_owned(), ..plugin_manifest() };
        assert!(problem(manifest, &component_blob()).starts_with("created: "), "{time}");
        let manifest = Manifest { not_after: Some(time.to_owned()), ..plugin_manifest() };
        assert!(problem(manifest, &component_blob()).starts_with("not_after: "), "{time}");
    }
}

fn plugin_problem(change: impl Fn(&mut assay::trust::PluginManifest)) -> String {
    let mut manifest = plugin_manifest();
    change(manifest.plugin.as_mut().unwrap());
    problem(manifest, &component_blob())
}

#[test]
fn what_a_plugin_asks_for_must_make_sense() {
    let found = plugin_problem(|plugin| plugin.wit = "assay:plugin".to_owned());
    assert!(found.starts_with("plugin.wit: "), "{found}");
    let found = plugin_problem(|plugin| plugin.capabilities = vec![Capability::Log, Capability::Log]);
    assert!(found.contains("capability \"log\" twice"), "{found}");
    let found = plugin_problem(|plugin| plugin.capabilities = vec![Capability::State]);
    assert!(found.contains("only a monitor has state"), "{found}");
    let found = plugin_problem(|plugin| plugin.capabilities = vec![Capability::Inference("../x".to_owned())]);
    assert!(found.starts_with("plugin.capabilities: "), "{found}");
}

#[test]
fn limits_of_nothing_are_refused() {
    assert!(plugin_problem(|plugin| plugin.limits.deadline_ms = 0).starts_with("plugin.limits.deadline_ms"));
    assert!(plugin_problem(|plugin| plugin.limits.deadline_ms = 60_001).starts_with("plugin.limits.deadline_ms"));
    assert!(plugin_problem(|plugin| plugin.limits.memory_bytes = 0).starts_with("plugin.limits.memory_bytes"));
    assert!(plugin_problem(|plugin| plugin.limits.host_bytes = 0).starts_with("plugin.limits.host_bytes"));
    assert!(plugin_problem(|plugin| plugin.limits.handles = 0).starts_with("plugin.limits.handles"));
    assert!(plugin_problem(|plugin| plugin.limits.table_elements = 0).starts_with("plugin.limits.table_elements"));
    assert!(plugin_problem(|plugin| plugin.limits.result_bytes = 0).starts_with("plugin.limits.result_bytes"));
}

#[test]
fn settings_are_finite_and_named() {
    for value in [SettingValue::Number(f64::NAN), SettingValue::Numbers(vec![1.0, f64::INFINITY])] {
        let found = plugin_problem(|plugin| {
            plugin.settings.insert("limit".to_owned(), value.clone());
        });
        assert!(found.starts_with("plugin.settings.limit: found a number that is not finite"), "{found}");
    }
    let found = plugin_problem(|plugin| {
        plugin.settings.insert("a b".to_owned(), SettingValue::Bool(true));
    });
    assert!(found.starts_with("plugin.settings.a b: "), "{found}");
}

fn model_problem(change: impl Fn(&mut ModelManifest)) -> String {
    let mut manifest = model_manifest();
    change(manifest.model.as_mut().unwrap());
    problem(manifest, &model_blob())
}

#[test]
fn a_models_temperature_is_finite_and_above_zero() {
    for temperature in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        let found = model_problem(|model| model.temperature = temperature);
        assert!(found.starts_with("model.temperature: "), "{found}");
    }
}

#[test]
fn a_models_ports_belong_to_its_labels() {
    let found = model_problem(|model| model.logits = "scores".to_owned());
    assert!(found.contains("\"scores\", expected the name of an output: one of \"logits\""), "{found}");
    let found = model_problem(|model| model.labels.push("pit".to_owned()));
    assert!(found.starts_with("model.logits: "), "{found}");
    let found = model_problem(|model| model.spec.outputs[0].ty = ElementType::F16);
    assert!(found.starts_with("model.logits: "), "{found}");
    let found = model_problem(|model| model.labels[1] = "good".to_owned());
    assert!(found.contains("label \"good\" twice"), "{found}");
    let found = model_problem(|model| model.labels[1] = String::new());
    assert!(found.starts_with("model.labels: "), "{found}");
    let found = model_problem(|model| model.spec.inputs.clear());
    assert!(found.starts_with("model.spec.inputs: found 0"), "{found}");
    let found = model_problem(|model| model.spec.inputs[0].shape[1] = 0);
    assert!(found.starts_with("model.spec.inputs[0].shape: "), "{found}");
    for sizes in [vec![], vec![0], vec![1, 1], vec![257]] {
        let found = model_problem(|model| model.spec.batch_sizes = sizes.clone());
        assert!(found.starts_with("model.spec.batch_sizes: "), "{found}");
    }
}

fn recipe_problem(change: impl Fn(&mut RecipeManifest)) -> String {
    let mut manifest = recipe_manifest();
    change(manifest.recipe.as_mut().unwrap());
    problem(manifest, &[])
}

#[test]
fn a_recipes_parts_are_in_range() {
    assert!(recipe_problem(|recipe| recipe.preprocessors.clear()).starts_with("recipe.preprocessors: found 0"));
    let found = recipe_problem(|recipe| recipe.detectors = recipe.preprocessors.clone());
    assert!(found.contains("plugin \"letterbox\" twice"), "{found}");
    assert!(recipe_problem(|recipe| recipe.model.devices.clear()).starts_with("recipe.model.devices: "));
    assert!(recipe_problem(|recipe| recipe.model.model = "A".to_owned()).starts_with("recipe.model.model: "));
    assert!(recipe_problem(|recipe| recipe.policy.pass_labels.clear()).starts_with("recipe.policy.pass_labels: "));
    for bad in [-0.1, 1.1, f32::NAN] {
        let found = recipe_problem(|recipe| recipe.policy.min_pass_probability = bad);
        assert!(found.starts_with("recipe.policy.min_pass_probability: "), "{found}");
        let found = recipe_problem(|recipe| recipe.policy.min_fail_probability = bad);
        assert!(found.starts_with("recipe.policy.min_fail_probability: "), "{found}");
    }
    for budget in [0, 60_001] {
        let found = recipe_problem(|recipe| recipe.frame_budget_ms = budget);
        assert!(found.starts_with("recipe.frame_budget_ms: "), "{found}");
        let found = recipe_problem(|recipe| recipe.max_p95_ms = Some(budget));
        assert!(found.starts_with("recipe.max_p95_ms: "), "{found}");
    }
    assert!(recipe_problem(|recipe| recipe.max_model_bytes = Some(0)).starts_with("recipe.max_model_bytes: found 0"));
    let limit = |count, window_s| Some(FailureLimit { count, window_s, then: FailureAction::TakeOut });
    for (wrong, key) in [(limit(0, 60), "count"), (limit(1001, 60), "count"), (limit(1, 0), "window_s")] {
        let found = recipe_problem(|recipe| recipe.failures = wrong);
        assert!(found.starts_with(&format!("recipe.failures.{key}: ")), "{found}");
        let found = recipe_problem(|recipe| recipe.preprocessors[0].failures = wrong);
        assert!(found.starts_with(&format!("recipe.preprocessors[0].failures.{key}: ")), "{found}");
    }
}

#[test]
fn every_broken_rule_is_told_at_once() {
    let mut manifest = plugin_manifest();
    manifest.schema = 9;
    manifest.name = "A".to_owned();
    manifest.created = "now".to_owned();
    manifest.plugin.as_mut().unwrap().limits.handles = 0;
    assert_eq!(problems(manifest, &[]).len(), 5);
}

#[test]
fn the_failure_of_what_judges_cannot_be_ignored_and_that_of_a_monitor_stops_nothing() {
    use assay::domain::FailurePolicy::{Fail, IgnoreWithAlarm, Undecided};
    for policy in [Fail, Undecided] {
        let mut manifest = recipe_manifest();
        manifest.recipe.as_mut().unwrap().preprocessors[0].on_failure = Some(policy);
        assert_eq!(problems(manifest, &[]), Vec::<String>::new(), "{policy:?}");
    }
    let ignored = recipe_problem(|recipe| recipe.preprocessors[0].on_failure = Some(IgnoreWithAlarm));
    assert!(ignored.contains("on_failure") && ignored.contains("undecided"), "{ignored}");
    let strict = recipe_problem(|recipe| {
        let mut pin = recipe.preprocessors[0].clone();
        pin.plugin = "watch".to_owned();
        pin.on_failure = Some(Fail);
        recipe.monitors.push(pin);
    });
    assert!(strict.contains("on_failure") && strict.contains("ignore-with-alarm"), "{strict}");
}
