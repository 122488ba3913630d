//! Versions of `assay:plugin` that a host does not have: refused before anything is compiled.

use super::*;
use assay::plugin::CacheOptions;

/// Deeper than the compiler is given: where the version were not looked at first, this would be the complaint.
const TOO_DEEP: usize = 25_000;

/// A component with what it imports and exports, and a function that costs the compiler too much.
fn component_of(imports: &str, exports: &str) -> Arc<[u8]> {
    let (open, close) = ("(block ".repeat(TOO_DEEP), ")".repeat(TOO_DEEP));
    let text = format!(
        r#"(component
             (import "{imports}" (instance))
             (core module (func {open}{close}))
             (instance $nothing)
             (export "{exports}" (instance $nothing)))"#
    );
    wat::parse_str(text).unwrap().into()
}

fn refusal(component: Arc<[u8]>) -> AdmissionError {
    let dir = tempfile::tempdir().unwrap();
    let cache = CacheOptions { dir: dir.path().to_owned(), secret: [1; 32] };
    let host = PluginHost::new(PluginHostOptions { cache: Some(cache), ..options() }).unwrap();
    let mut source = source("healthy-detector", PluginKind::Detector);
    source.digest = Digest::of(&component);
    source.component = component;
    let error = host.admit(source).map(|_| "it was admitted").unwrap_err();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "code was compiled and kept");
    error
}

fn refused_for_its_version(imports: &str, exports: &str, version: &str) {
    match refusal(component_of(imports, exports)) {
        AdmissionError::Capability { source: error @ CapabilityError::WitVersion { .. }, .. } => {
            let text = error.to_string();
            assert!(text.contains(&format!("assay:plugin@{version}")) && text.contains(WIT_PACKAGE), "{text}");
        }
        other => panic!("{imports}, {exports}: {other:?}"),
    }
}

#[test]
fn an_import_of_another_version_is_refused_before_compilation_and_both_are_named() {
    for version in ["0.2.0", "0.0.9", "1.0.0", "0.1.7", "0.1.0-rc.1"] {
        for interface in ["types", "log", "config", "imaging"] {
            let import = format!("assay:plugin/{interface}@{version}");
            refused_for_its_version(&import, "assay:plugin/detect@0.1.0", version);
        }
    }
}

#[test]
fn an_export_of_another_version_is_refused_before_compilation_and_both_are_named() {
    for version in ["0.2.0", "0.0.9", "1.0.0", "0.1.7", "0.1.0-rc.1"] {
        let export = format!("assay:plugin/detect@{version}");
        refused_for_its_version("assay:plugin/log@0.1.0", &export, version);
    }
}

/// What makes the two tests above prove something: the same component at this version gets as far as the compiler.
#[test]
fn the_same_component_of_this_version_gets_as_far_as_the_compiler() {
    let error = refusal(component_of("assay:plugin/log@0.1.0", "assay:plugin/detect@0.1.0"));
    assert!(matches!(error, AdmissionError::CompileCost { .. }), "{error:?}");
}

/// A host of a later patch serves plugins of an earlier one: the engine links `@0.1.0` to what is offered as `@0.1.1`,
/// and finds the plugin's export under the later name.
#[test]
fn a_later_patch_of_the_host_serves_the_frozen_plugins() {
    use wasmtime::component::types::ComponentItem;
    use wasmtime::component::{Component, Linker, ResourceType};
    let engine = wasmtime::Engine::default();
    for (kind, export) in [("preprocessor", "preprocess"), ("detector", "detect"), ("monitor", "observe")] {
        let path = artifacts::root().join(format!("tests/fixtures/wit-0.1.0/components/{kind}.wasm"));
        let component = Component::from_file(&engine, path).unwrap();
        let mut linker = Linker::<()>::new(&engine);
        for (name, item) in component.component_type().imports(&engine) {
            let item = item.ty;
            let ComponentItem::ComponentInstance(instance) = item else { panic!("{name} is no interface") };
            let mut offered = linker.instance(&name.replace("@0.1.0", "@0.1.1")).unwrap();
            for (name, item) in instance.exports(&engine) {
                match item.ty {
                    ComponentItem::Resource(_) => {
                        offered.resource(name, ResourceType::host::<()>(), |_, _| Ok(())).unwrap();
                    }
                    ComponentItem::ComponentFunc(_) => {
                        offered.func_new(name, |_, _, _, _| Ok(())).unwrap();
                    }
                    _ => {}
                }
            }
        }
        let pre = linker.instantiate_pre(&component).unwrap_or_else(|error| panic!("{kind}: {error:?}"));
        let mut store = wasmtime::Store::new(&engine, ());
        let instance = pre.instantiate(&mut store).unwrap();
        let later = format!("assay:plugin/{export}@0.1.1");
        assert!(instance.get_export_index(&mut store, None, &later).is_some(), "{kind} has no {later}");
        let other = format!("assay:plugin/{export}@0.2.0");
        assert!(instance.get_export_index(&mut store, None, &other).is_none(), "{kind} has {other}");
    }
}
