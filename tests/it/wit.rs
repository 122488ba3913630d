//! Rules of change of `wit/`: what 0.1.0 had is there today, unchanged (wit/README.md).

use assay::plugin::HostCalls;
use assay_tests::artifacts::root;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use wit_bindgen_core::wit_parser::{
    Function, Handle, InterfaceId, Resolve, Type, TypeDefKind, TypeId, TypeOwner, WorldItem,
};

/// All that a package says: a line for each interface, type, function, import and export, with its definition.
type Facts = BTreeMap<String, String>;

fn resolve(folder: &Path) -> Resolve {
    let mut resolve = Resolve::default();
    resolve.push_path(folder).unwrap_or_else(|error| panic!("{}: {error:#}", folder.display()));
    resolve
}

fn facts(resolve: &Resolve) -> Facts {
    let mut facts = Facts::new();
    for (id, interface) in resolve.interfaces.iter() {
        let name = interface_name(resolve, id);
        for (key, ty) in &interface.types {
            facts.insert(format!("{name}: type {key}"), definition(resolve, *ty));
        }
        for (key, function) in &interface.functions {
            facts.insert(format!("{name}: function {key}"), signature(resolve, function));
        }
        facts.insert(name, String::new());
    }
    for (_, world) in resolve.worlds.iter() {
        for (way, items) in [("imports", &world.imports), ("exports", &world.exports)] {
            for item in items.values() {
                let WorldItem::Interface { id, .. } = item else { panic!("{}: {item:?}", world.name) };
                facts.insert(format!("world {} {way} {}", world.name, interface_name(resolve, *id)), String::new());
            }
        }
    }
    facts
}

/// Without the patch number: that may grow.
fn interface_name(resolve: &Resolve, id: InterfaceId) -> String {
    let name = resolve.id_of(id).unwrap();
    match name.strip_prefix("assay:plugin/").and_then(|rest| rest.split_once("@0.1.")) {
        Some((interface, _)) => format!("assay:plugin/{interface}@0.1"),
        None => name,
    }
}

fn signature(resolve: &Resolve, function: &Function) -> String {
    let params: Vec<String> =
        function.params.iter().map(|param| format!("{}: {}", param.name, ty(resolve, &param.ty))).collect();
    format!("({}) -> {}", params.join(", "), optional(resolve, function.result.as_ref()))
}

fn optional(resolve: &Resolve, of: Option<&Type>) -> String {
    of.map_or_else(|| "_".to_owned(), |of| ty(resolve, of))
}

/// A type where it is used: by its name where it has one, and by the name it was given first.
fn ty(resolve: &Resolve, of: &Type) -> String {
    let Type::Id(id) = of else { return format!("{of:?}") };
    let def = &resolve.types[*id];
    match (&def.name, &def.kind, def.owner) {
        (_, TypeDefKind::Type(of), _) => ty(resolve, of),
        (Some(name), _, TypeOwner::Interface(owner)) => format!("{}.{name}", interface_name(resolve, owner)),
        _ => definition(resolve, *id),
    }
}

fn definition(resolve: &Resolve, id: TypeId) -> String {
    let list = |items: Vec<String>| items.join(", ");
    match &resolve.types[id].kind {
        TypeDefKind::Record(record) => {
            let field = |(name, of): (&String, &Type)| format!("{name}: {}", ty(resolve, of));
            let fields = record.fields.iter().map(|part| field((&part.name, &part.ty)));
            format!("record {{{}}}", list(fields.collect()))
        }
        TypeDefKind::Variant(variant) => {
            let cases =
                variant.cases.iter().map(|case| format!("{}({})", case.name, optional(resolve, case.ty.as_ref())));
            format!("variant {{{}}}", list(cases.collect()))
        }
        TypeDefKind::Enum(cases) => {
            format!("enum {{{}}}", list(cases.cases.iter().map(|case| case.name.clone()).collect()))
        }
        TypeDefKind::Flags(flags) => {
            format!("flags {{{}}}", list(flags.flags.iter().map(|flag| flag.name.clone()).collect()))
        }
        TypeDefKind::Tuple(tuple) => {
            format!("tuple<{}>", list(tuple.types.iter().map(|of| ty(resolve, of)).collect()))
        }
        TypeDefKind::Option(of) => format!("option<{}>", ty(resolve, of)),
        TypeDefKind::List(of) => format!("list<{}>", ty(resolve, of)),
        TypeDefKind::Result(result) => {
            format!("result<{}, {}>", optional(resolve, result.ok.as_ref()), optional(resolve, result.err.as_ref()))
        }
        TypeDefKind::Handle(Handle::Own(id)) => format!("own<{}>", ty(resolve, &Type::Id(*id))),
        TypeDefKind::Handle(Handle::Borrow(id)) => format!("borrow<{}>", ty(resolve, &Type::Id(*id))),
        TypeDefKind::Type(of) => ty(resolve, of),
        TypeDefKind::Resource => "resource".to_owned(),
        other => panic!("the package has no {} so far: say here how one is compared", other.as_str()),
    }
}

/// What of `frozen` is gone or is another thing today, and what plugins would now have to export in addition.
fn broken(frozen: &Facts, today: &Facts) -> Vec<String> {
    let mut broken = Vec::new();
    for (what, then) in frozen {
        match today.get(what) {
            None => broken.push(format!("gone: {what}")),
            Some(now) if now != then => broken.push(format!("changed: {what}\n  was {then}\n  is  {now}")),
            Some(_) => {}
        }
    }
    let exported: Vec<&str> =
        frozen.keys().filter_map(|fact| Some(fact.strip_prefix("world ")?.split_once(" exports ")?.1)).collect();
    for what in today.keys().filter(|what| !frozen.contains_key(*what)) {
        let function = what.split_once(": function ").is_some_and(|(interface, _)| exported.contains(&interface));
        let world = what.strip_prefix("world ").and_then(|rest| rest.split_once(" exports "));
        let known =
            world.is_some_and(|(world, _)| frozen.keys().any(|fact| fact.starts_with(&format!("world {world} "))));
        if function || known {
            broken.push(format!("added to what plugins export: {what}"));
        }
    }
    broken
}

fn frozen() -> Facts {
    facts(&resolve(&root().join("tests/fixtures/wit-0.1.0/wit")))
}

#[test]
fn all_that_0_1_0_had_is_there_today_and_means_the_same() {
    let today = facts(&resolve(&root().join("wit")));
    assert!(today.len() > 90, "the comparison sees only {} facts", today.len());
    let broken = broken(&frozen(), &today);
    assert!(broken.is_empty(), "plugins that were built against 0.1.0 would break:\n{}", broken.join("\n"));
}

/// `wit/` with one change.
fn changed(file: &str, from: &str, to: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let frozen_folder = root().join("tests/fixtures/wit-0.1.0/wit");
    std::fs::create_dir_all(folder.path().join("deps/wasi-nn")).unwrap();
    let names = ["types", "imaging", "host", "preprocess", "detect", "monitor", "deps/wasi-nn/wasi-nn"];
    for name in names.map(|name| format!("{name}.wit")) {
        let text = std::fs::read_to_string(frozen_folder.join(&name)).unwrap();
        let text = if name == file {
            assert!(text.contains(from), "{file} has no {from:?}");
            text.replacen(from, to, 1)
        } else {
            text
        };
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    broken(&frozen(), &facts(&resolve(folder.path())))
}

#[test]
fn every_change_that_breaks_a_plugin_is_seen() {
    let cases = [
        ("types.wit", "serial: option<string>,\n", "", "changed: assay:plugin/types@0.1: type frame-info"),
        ("types.wit", "raised: bool,", "raised: bool, sure: bool,", "changed: assay:plugin/types@0.1: type finding"),
        (
            "types.wit",
            "inference(string),",
            "inference(string), late,",
            "changed: assay:plugin/types@0.1: type plugin-error",
        ),
        ("types.wit", "width: u32", "width: u64", "changed: assay:plugin/types@0.1: type region"),
        ("imaging.wit", "gray16,\n", "gray16,\n gray32,\n", "changed: assay:plugin/imaging@0.1: type pixel-format"),
        (
            "imaging.wit",
            "histogram: func() -> list<u64>;",
            "",
            "gone: assay:plugin/imaging@0.1: function [method]image.histogram",
        ),
        (
            "imaging.wit",
            "info: func()",
            "info: func(page: u32)",
            "changed: assay:plugin/imaging@0.1: function [method]image.info",
        ),
        (
            "imaging.wit",
            "median-blur: func(size: u32)",
            "median-blur: func(edge: u32)",
            "changed: assay:plugin/imaging@0.1: function [method]image.median-blur",
        ),
        ("host.wit", "labels: func() -> list<string>;", "", "gone: assay:plugin/config@0.1: function labels"),
        ("monitor.wit", "import state;\n", "", "gone: world monitor imports assay:plugin/state@0.1"),
        (
            "detect.wit",
            "detect: func(frame",
            "name: func() -> string;\n detect: func(frame",
            "added to what plugins export: assay:plugin/detect@0.1: function name",
        ),
        (
            "detect.wit",
            "export detect;",
            "export detect;\n export log;",
            "added to what plugins export: world detector exports assay:plugin/log@0.1",
        ),
    ];
    for (file, from, to, expected) in cases {
        let found = changed(file, from, to);
        assert!(
            found.iter().any(|line| line.starts_with(expected)),
            "{file}, {from:?}: {found:?}, expected {expected}"
        );
    }
}

#[test]
fn what_a_patch_release_may_add_breaks_nothing() {
    let more = "get: func(key: string) -> option<string>;";
    assert_eq!(changed("host.wit", more, &format!("{more}\n keys: func() -> list<string>;")), [""; 0]);
    let world = "world monitor {";
    let added =
        "interface clock { now: func() -> u64; }\nworld watcher { import clock; }\nworld monitor {\n import clock;";
    assert_eq!(changed("monitor.wit", world, added), [""; 0]);
}

/// The functions that plugins import, in the way in which `assay plugin run` names them.
fn imported_functions() -> BTreeSet<String> {
    let today = facts(&resolve(&root().join("wit")));
    let exported = ["preprocess", "detect", "observe"];
    let named = |fact: &String| {
        let (interface, function) = fact.split_once(": function ")?;
        let interface = interface.split_once('/')?.1.split_once('@')?.0;
        let function = function.split_once(']').map_or(function, |(_, name)| name);
        (!exported.contains(&interface)).then(|| format!("{interface}/{function}"))
    };
    today.keys().filter_map(named).collect()
}

#[test]
fn every_function_of_the_host_is_counted_under_its_name() {
    let counted: BTreeSet<String> = HostCalls::functions().iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(counted, imported_functions());
}
