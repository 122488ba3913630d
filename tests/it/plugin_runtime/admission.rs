use super::*;

fn refused(source: PluginSource) -> AdmissionError {
    match host().admit(source) {
        Ok(_) => panic!("it was admitted"),
        Err(error) => error,
    }
}

fn refused_capability(source: PluginSource) -> CapabilityError {
    match refused(source) {
        AdmissionError::Capability { source, .. } => source,
        other => panic!("{other:?}"),
    }
}

fn without(capabilities: &[Capability]) -> Vec<Capability> {
    everything().into_iter().filter(|capability| !capabilities.contains(capability)).collect()
}

#[test]
fn bytes_that_are_not_those_of_the_manifest_are_refused_before_anything_reads_them() {
    let mut source = source("healthy-detector", PluginKind::Detector);
    let mut bytes = source.component.to_vec();
    bytes[0] ^= 1;
    source.component = bytes.into();
    assert!(matches!(refused(source), AdmissionError::WrongDigest { .. }));
}

#[test]
fn another_wit_version_is_refused_and_both_are_named() {
    for wit in ["assay:plugin@0.2.0", "assay:plugin@0.1.1", "assay:plugin@1.0.0", "assay:plugin@0.1.0-rc.1"] {
        let mut source = source("healthy-detector", PluginKind::Detector);
        source.wit = wit.to_owned();
        let text = refused_capability(source).to_string();
        assert!(text.contains(wit) && text.contains(WIT_PACKAGE), "{text}");
    }
}

#[test]
fn a_name_that_is_no_wit_package_of_ours_is_refused() {
    for wit in ["", "assay:plugin", "assay:plugin@", "assay:plugin@x", "wasi:nn@0.1.0"] {
        let mut source = source("healthy-detector", PluginKind::Detector);
        source.wit = wit.to_owned();
        assert!(matches!(refused_capability(source), CapabilityError::WitName { .. }), "{wit}");
    }
}

#[test]
fn an_import_that_the_manifest_does_not_ask_for_is_refused_with_the_line_to_add() {
    let cases = [
        (Capability::Imaging, "assay:plugin/imaging@0.1.0", "\"imaging\""),
        (Capability::Config, "assay:plugin/config@0.1.0", "\"config\""),
        (Capability::Inference("demo".to_owned()), "wasi:nn/", "\"inference:MODEL\""),
    ];
    for (capability, import, line) in cases {
        let mut source = source("healthy-detector", PluginKind::Detector);
        source.asked = without(std::slice::from_ref(&capability));
        let error = refused_capability(source);
        assert!(matches!(error, CapabilityError::NotAsked { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(import) && text.contains(line), "{text}");
    }
}

#[test]
fn an_import_that_the_recipe_does_not_grant_is_refused() {
    for capability in [Capability::Imaging, Capability::Config, Capability::Inference("demo".to_owned())] {
        let mut source = source("healthy-detector", PluginKind::Detector);
        source.granted = without(std::slice::from_ref(&capability));
        let error = refused_capability(source);
        assert!(matches!(error, CapabilityError::NotGranted { .. }), "{error:?}");
    }
}

#[test]
fn asking_for_one_model_and_being_granted_another_gives_neither() {
    let mut source = source("healthy-detector", PluginKind::Detector);
    source.granted = without(&[Capability::Inference("demo".to_owned())]);
    source.granted.push(Capability::Inference("other".to_owned()));
    assert!(matches!(refused_capability(source), CapabilityError::NotGranted { .. }));
}

#[test]
fn a_granted_model_that_is_not_loaded_is_named() {
    let mut source = source("healthy-detector", PluginKind::Detector);
    source.models.clear();
    assert!(matches!(refused(source), AdmissionError::ModelMissing { model, .. } if model == "demo"));
}

#[test]
fn state_is_for_monitors_only() {
    let mut source = source("healthy-monitor", PluginKind::Detector);
    source.kind = PluginKind::Detector;
    let error = refused_capability(source);
    assert!(matches!(&error, CapabilityError::NotInWorld { import, .. } if import.contains("state")), "{error:?}");
}

#[test]
fn a_plugin_of_another_world_is_refused_and_what_it_exports_is_named() {
    let error = refused_capability(source("healthy-preprocessor", PluginKind::Detector));
    assert!(matches!(error, CapabilityError::WrongWorld { .. }));
    let text = error.to_string();
    assert!(text.contains("assay:plugin/preprocess@0.1.0") && text.contains("assay:plugin/detect"), "{text}");
}

#[test]
fn a_core_module_is_refused_with_the_command_that_packs_it() {
    let mut source = source("healthy-detector", PluginKind::Detector);
    source.component = artifacts::guest("healthy-detector").unwrap().into();
    source.digest = Digest::of(&source.component);
    let error = refused_capability(source);
    assert!(error.to_string().contains("assay bundle pack"), "{error}");
}

#[test]
fn damaged_components_are_refused_and_never_panic() {
    let whole = component("healthy-monitor");
    let host = host();
    let admit = |bytes: Vec<u8>| {
        let mut source = source("healthy-monitor", PluginKind::Monitor);
        source.digest = Digest::of(&bytes);
        source.component = bytes.into();
        host.admit(source)
    };
    for len in [0, 1, 7, 8, 9, whole.len() / 2, whole.len() - 1] {
        assert!(admit(whole[..len].to_vec()).is_err(), "{len} bytes");
    }
    // A flipped byte may still be a component: what matters is an answer instead of a panic.
    for place in (0..whole.len()).step_by(whole.len() / 40) {
        let mut bytes = whole.to_vec();
        bytes[place] ^= 0xff;
        let _ = admit(bytes);
    }
}

#[test]
fn a_plugin_that_does_not_fit_into_its_memory_fails_the_trial() {
    let mut source = source("healthy-detector", PluginKind::Detector);
    source.limits.memory_bytes = 64 << 10;
    match refused(source) {
        AdmissionError::Trial { source, .. } => assert_eq!(source.code, FailureCode::MemoryLimit, "{source}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_station_caps_what_a_manifest_wants() {
    let mut options = options();
    options.caps.memory_bytes = 64 << 10;
    let mut source = source("healthy-detector", PluginKind::Detector);
    source.limits.memory_bytes = 1 << 40;
    assert!(PluginHost::new(options).unwrap().admit(source).is_err());
}

#[test]
fn a_finished_component_passes_through_componentize() {
    let bytes = component("healthy-detector");
    assert_eq!(componentize(&bytes).unwrap(), bytes.as_ref());
}

#[test]
fn what_is_no_module_is_refused_by_componentize() {
    for bytes in [b"".as_slice(), b"\0asm", b"\0asm\x01\0\0\0", b"hello"] {
        assert!(componentize(bytes).is_err(), "{bytes:?}");
    }
}
