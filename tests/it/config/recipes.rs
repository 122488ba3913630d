use super::authors::{MODEL, PLUGIN, folder, model_file, write};
use assay::config::{BundleIndex, Catalogue, ResolvedRecipe, load_author_manifest, resolve};
use assay::domain::{
    Capability, Digest, FailureAction, FailureLimit, FailurePolicy, PluginKind, PluginLimits, ReportCard, SettingValue,
};
use assay::trust::{
    BundleKind, PrivateKey, Role, TrustStore, TrustedKey, VerifiedBundle, VerifyPolicy, pack, read_bundle, sign, verify,
};
use std::path::{Path, PathBuf};

const CREATED: &str = "2026-01-01T00:00:00Z";

const RECIPE: &str = r#"
[bundle]
kind = "recipe"
name = "inspection"
version = "1.0.0"
counter = 3
[recipe]
frame_budget_ms = 100
[recipe.model]
model = "surface"
devices = ["NPU", "CPU"]
[[recipe.preprocessor]]
plugin = "letterbox"
grants = ["imaging", "inference:surface"]
[recipe.preprocessor.settings]
width = 112
[[recipe.monitor]]
plugin = "drift"
grants = ["state"]
[recipe.policy]
pass_labels = ["good"]
min_pass_probability = 0.75
min_fail_probability = 0.5
undecided_on = ["adversarial"]
"#;

struct Station {
    dir: tempfile::TempDir,
    key: PrivateKey,
    store: TrustStore,
}

impl Station {
    /// A folder with a signed plugin, monitor and model.
    fn new() -> Self {
        let key = PrivateKey::generate().unwrap();
        let roles = ["plugin:*", "model:*", "recipe:*"].map(|role| role.parse::<Role>().unwrap()).to_vec();
        let mut store = TrustStore::new();
        store.trust(TrustedKey { public: key.public().clone(), roles, not_after: None, comment: None }).unwrap();
        let station = Self { dir: folder(), key, store };
        std::fs::create_dir(station.bundles()).unwrap();
        station.add("letterbox", PLUGIN);
        station.add("drift", &monitor());
        station.add("surface", MODEL);
        station
    }

    fn bundles(&self) -> PathBuf {
        self.dir.path().join("bundles")
    }

    /// Packs and signs a manifest into the station's folder.
    fn add(&self, name: &str, toml: &str) -> PathBuf {
        let out = self.bundles().join(format!("{name}.assay"));
        std::fs::write(&out, self.pack(toml).unwrap()).unwrap();
        out
    }

    fn pack(&self, toml: &str) -> Result<Vec<u8>, String> {
        let index = BundleIndex::read(&self.bundles()).unwrap();
        let path = write(self.dir.path(), "bundle.toml", toml);
        let authored = load_author_manifest(&path, CREATED, Some(&index)).map_err(|errors| errors.to_string())?;
        let file = pack(authored.manifest, &authored.blobs).unwrap();
        Ok(sign(&file, &self.key).unwrap())
    }

    fn verified(&self, path: &Path) -> VerifiedBundle {
        verify(&read_bundle(path).unwrap(), &self.store, &VerifyPolicy::run()).unwrap()
    }

    fn catalogue(&self) -> Catalogue {
        Catalogue::read(&self.bundles(), &self.store, &VerifyPolicy::run()).unwrap()
    }

    fn resolve(&self, toml: &str) -> Result<ResolvedRecipe, Vec<String>> {
        let recipe = self.verified(&self.add("recipe", toml));
        resolve(&recipe, &self.catalogue(), &caps()).map_err(|problems| problems.problems)
    }
}

fn monitor() -> String {
    PLUGIN
        .replace("letterbox", "drift")
        .replace("\"preprocessor\"", "\"monitor\"")
        .replace("[\"imaging\", \"inference:surface\"]", "[\"state\", \"log\"]")
}

fn caps() -> PluginLimits {
    PluginLimits { deadline_ms: 10, ..PluginLimits::default() }
}

#[test]
fn a_recipe_finds_its_parts() {
    let station = Station::new();
    let resolved = station.resolve(RECIPE).unwrap();
    let recipe = &resolved.recipe;
    assert_eq!((recipe.name.as_str(), recipe.preprocessors.len(), recipe.monitors.len()), ("inspection", 1, 1));
    let letterbox = &recipe.preprocessors[0];
    assert_eq!(letterbox.settings["width"], SettingValue::Integer(112), "the recipe's setting lies over the default");
    assert_eq!(letterbox.settings["keep"], SettingValue::Bool(true), "the other defaults stay");
    assert_eq!(letterbox.limits.deadline_ms, 10, "the station's cap");
    assert_eq!(letterbox.on_failure, FailurePolicy::Undecided);
    assert_eq!(letterbox.signers, [station.key.public().id().to_string()]);
    assert_eq!(recipe.monitors[0].on_failure, FailurePolicy::IgnoreWithAlarm);
    assert_eq!(recipe.monitors[0].capabilities, [Capability::State], "asked, but not granted, stays denied");
    assert_eq!(recipe.model.labels, ["good", "scratch"]);
    assert_eq!((recipe.model.temperature, recipe.policy.min_pass_probability), (1.5, 0.75));
    assert_eq!(recipe.model.reference.as_deref(), Some("{\"brightness\":[]}"));
    assert_eq!(*resolved.model.bytes, *model_file());
    assert_eq!(resolved.model.devices, ["NPU", "CPU"]);
    let (signed, caps) = (letterbox.origin.limits, letterbox.origin.caps);
    assert_eq!((signed.capped_by(&caps), caps.deadline_ms), (letterbox.limits, 10));
    assert!(signed.deadline_ms > 10, "as it was signed: {signed:?}");
    assert_eq!(recipe.monitors[0].origin.asked, [Capability::State, Capability::Log]);
    let origin = recipe.model.origin.as_deref().unwrap();
    assert_eq!((origin.model_bytes, &origin.spec), (model_file().len() as u64, &resolved.model.spec));
    assert_eq!((origin.gates.max_load_ms, &origin.report_card), (resolved.limits.max_load_ms, &ReportCard::Absent));
    let kinds: Vec<_> = resolved.plugins.iter().map(|plugin| plugin.plugin.kind).collect();
    assert_eq!(kinds, [PluginKind::Preprocessor, PluginKind::Monitor]);
    assert_eq!(&*resolved.plugins[0].component, b"component");
    let marks: Vec<_> = resolved.marks.iter().map(|mark| (mark.kind, mark.name.as_str(), mark.counter)).collect();
    assert_eq!(
        marks,
        [
            (BundleKind::Recipe, "inspection", 3),
            (BundleKind::Plugin, "letterbox", 1),
            (BundleKind::Plugin, "drift", 1),
            (BundleKind::Model, "surface", 1)
        ]
    );
}

#[test]
fn a_folder_that_could_not_be_read_with_one_bundle_more_has_no_room() {
    let folder = tempfile::tempdir().unwrap();
    let fill = |count: usize| std::fs::write(folder.path().join(format!("{count}.assay")), "").unwrap();
    (0..1023).for_each(fill);
    Catalogue::has_room(folder.path(), 1).unwrap();
    let large = Catalogue::has_room(folder.path(), (4 << 30) + 1).unwrap_err().to_string();
    assert!(large.contains("move old releases away"), "{large}");
    fill(1023);
    let full = Catalogue::has_room(folder.path(), 1).unwrap_err().to_string();
    assert!(full.contains("1025 bundles, at most 1024"), "{full}");
}

#[test]
fn a_recipes_own_limits_count_before_it_drives() {
    let station = Station::new();
    let limits = |text: &str| {
        let recipe = station.verified(&station.add("recipe", text));
        resolve(&recipe, &station.catalogue(), &caps()).unwrap().limits
    };
    let default = limits(RECIPE);
    assert_eq!((default.max_model_bytes, default.max_p95_ms, default.max_load_ms), (10_000_000, 100, 30_000));
    let own = |lines: &str| limits(&RECIPE.replace("frame_budget_ms = 100", lines));
    let slow = own("frame_budget_ms = 5000");
    assert_eq!(slow.max_p95_ms, 100, "a generous budget is no wish for a slow model");
    let quick = own("frame_budget_ms = 20");
    assert_eq!(quick.max_p95_ms, 20, "what is later than the budget is no answer");
    let said = own("frame_budget_ms = 100\nmax_model_bytes = 5000000\nmax_p95_ms = 10\nmax_load_ms = 700");
    assert_eq!((said.max_model_bytes, said.max_p95_ms, said.max_load_ms), (5_000_000, 10, 700));
}

#[test]
fn a_plugin_may_fail_as_often_as_itself_else_the_recipe_else_the_default_says() {
    let station = Station::new();
    let default = station.resolve(RECIPE).unwrap().recipe;
    let usual = FailureLimit { count: 10, window_s: 60, then: FailureAction::Alarm };
    assert_eq!((default.preprocessors[0].failures, default.monitors[0].failures), (usual, usual));
    let both = RECIPE
        .replace("frame_budget_ms = 100", "frame_budget_ms = 100\nfailures = { count = 5, then = \"stop-line\" }")
        .replace("plugin = \"drift\"", "plugin = \"drift\"\nfailures = { window_s = 9, then = \"take-out\" }");
    let recipe = station.resolve(&both).unwrap().recipe;
    let whole = FailureLimit { count: 5, window_s: 60, then: FailureAction::StopLine };
    assert_eq!(recipe.preprocessors[0].failures, whole);
    assert_eq!(recipe.monitors[0].failures, FailureLimit { count: 10, window_s: 9, then: FailureAction::TakeOut });
}

#[test]
fn what_a_failing_plugin_comes_to_is_checked_key_by_key() {
    let station = Station::new();
    let odd = "frame_budget_ms = 100\nfailures = { count = 0, window_s = \"long\", then = \"pray\", more = 1 }";
    let problem = station.pack(&RECIPE.replace("frame_budget_ms = 100", odd)).unwrap_err();
    let words = [
        "recipe.failures.count",
        "recipe.failures.window_s",
        "recipe.failures.then",
        "\"take-out\", \"stop-line\" or \"alarm\"",
        "recipe.failures.more",
    ];
    for word in words {
        assert!(problem.contains(word), "{word}:\n{problem}");
    }
}

#[test]
fn another_signature_does_not_unpin_a_plugin() {
    let station = Station::new();
    let recipe = station.verified(&station.add("recipe", RECIPE));
    let path = station.bundles().join("letterbox.assay");
    let twice = sign(&std::fs::read(&path).unwrap(), &PrivateKey::generate().unwrap()).unwrap();
    std::fs::write(&path, twice).unwrap();
    resolve(&recipe, &station.catalogue(), &caps()).unwrap();
}

#[test]
fn a_newer_release_is_not_taken_for_the_pinned_one() {
    let station = Station::new();
    let recipe = station.verified(&station.add("recipe", RECIPE));
    station.add("letterbox", &PLUGIN.replace("counter = 1", "counter = 2"));
    let problems = resolve(&recipe, &station.catalogue(), &caps()).unwrap_err().problems;
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert!(problems[0].contains("plugin \"letterbox\" with digest"), "{problems:#?}");
}

#[test]
fn a_part_that_was_refused_is_named_beside_the_missing_one() {
    let station = Station::new();
    let recipe = station.verified(&station.add("recipe", RECIPE));
    let path = station.bundles().join("surface.assay");
    let mut file = std::fs::read(&path).unwrap();
    *file.last_mut().unwrap() ^= 1;
    std::fs::write(&path, file).unwrap();
    let problems = resolve(&recipe, &station.catalogue(), &caps()).unwrap_err().problems;
    assert_eq!(problems.len(), 2, "{problems:#?}");
    assert!(problems[0].contains("model \"surface\" with digest"), "{problems:#?}");
    assert!(problems[1].contains("surface.assay is refused (blobs check)"), "{problems:#?}");
}

#[test]
fn parts_that_do_not_belong_together_are_told_at_once() {
    let station = Station::new();
    let odd = RECIPE
        .replace("[[recipe.monitor]]", "[[recipe.detector]]")
        .replace("grants = [\"imaging\", \"inference:surface\"]", "grants = [\"log\", \"inference:other\"]")
        .replace("[\"good\"]", "[\"fine\"]");
    let problems = station.resolve(&odd).unwrap_err();
    let parts = [
        "preprocessors[0].grants: found log, which \"letterbox\" does not ask for",
        "preprocessors[0].grants: found inference:other, which",
        "preprocessors[0].grants: found inference:other, expected inference:surface",
        "detectors[0]: \"drift\" is a monitor, expected a detector",
        "pass_labels: found \"fine\", expected labels of the model: good, scratch",
    ];
    assert_eq!(problems.len(), parts.len(), "{problems:#?}");
    for (problem, part) in problems.iter().zip(parts) {
        assert!(problem.contains(part), "{problem}\n{part}");
    }
}

#[test]
fn a_pin_on_another_bundle_is_told() {
    let station = Station::new();
    let letterbox = station.verified(&station.bundles().join("letterbox.assay")).digest();
    let odd = RECIPE.replace("devices =", &format!("bundle = \"{letterbox}\"\ndevices ="));
    let problems = station.resolve(&odd).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert!(problems[0].contains("is that of plugin \"letterbox\", expected model \"surface\""), "{problems:#?}");
}

#[test]
fn only_a_recipe_resolves() {
    let station = Station::new();
    let model = station.verified(&station.bundles().join("surface.assay"));
    let problems = resolve(&model, &station.catalogue(), &caps()).unwrap_err().problems;
    assert_eq!(problems, ["the bundle is a model, expected a recipe"]);
}

#[test]
fn a_recipe_is_pinned_to_the_newest_release_or_to_the_version_it_names() {
    let station = Station::new();
    let first = station.verified(&station.bundles().join("letterbox.assay")).digest();
    let newer = PLUGIN.replace("counter = 1", "counter = 2").replace("version = \"1.0.0\"", "version = \"1.1.0\"");
    let second = station.verified(&station.add("letterbox-1.1.0", &newer)).digest();
    assert_eq!(station.resolve(RECIPE).unwrap().recipe.preprocessors[0].bundle, second);
    let old = RECIPE.replace("plugin = \"letterbox\"", "plugin = \"letterbox\"\nversion = \"1.0.0\"");
    assert_eq!(station.resolve(&old).unwrap().recipe.preprocessors[0].bundle, first);
}

#[test]
fn a_name_that_is_missing_or_means_two_releases_cannot_be_pinned() {
    let station = Station::new();
    let missing = station.pack(&RECIPE.replace("\"drift\"", "\"shift\"")).unwrap_err();
    assert!(missing.contains("recipe.monitor[0].plugin: found no plugin \"shift\""), "{missing}");
    station.add("again", &PLUGIN.replace("square", "circle"));
    let two = station.pack(RECIPE).unwrap_err();
    assert!(two.contains("two releases of plugin \"letterbox\" with counter 1"), "{two}");
}

#[test]
fn a_bad_file_in_the_folder_does_not_stop_the_others() {
    let station = Station::new();
    std::fs::write(station.bundles().join("bad.assay"), "bad").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", station.bundles().join("link.assay")).unwrap();
    std::fs::write(station.bundles().join("notes.txt"), "not a bundle").unwrap();
    let catalogue = station.catalogue();
    assert_eq!((catalogue.bundles().count(), catalogue.refused().len()), (3, 2));
    assert!(Catalogue::read(Path::new("/nowhere"), &station.store, &VerifyPolicy::run()).is_err());
}

#[test]
fn a_recipe_is_read_with_its_parts_and_without_its_neighbours() {
    let station = Station::new();
    let recipe = station.verified(&station.add("recipe", RECIPE));
    station.add("other", &PLUGIN.replace("letterbox", "other"));
    std::fs::write(station.bundles().join("bad.assay"), "bad").unwrap();
    let read =
        |digest| Catalogue::read_recipe(&station.bundles(), digest, &station.store, &VerifyPolicy::run()).unwrap();
    let catalogue = read(recipe.digest());
    let mut names: Vec<_> = catalogue.bundles().map(|bundle| bundle.manifest().name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["drift", "inspection", "letterbox", "surface"]);
    assert!(catalogue.refused().is_empty(), "nobody looked into the others");
    resolve(&recipe, &catalogue, &caps()).unwrap();
    assert_eq!(read(Digest::of(b"another")).bundles().count(), 0);

    // One byte of the picture's way is another: it is refused, and the recipe cannot be put together.
    let path = station.bundles().join("letterbox.assay");
    let mut damaged = std::fs::read(&path).unwrap();
    *damaged.last_mut().unwrap() ^= 1;
    std::fs::write(&path, damaged).unwrap();
    let catalogue = read(recipe.digest());
    assert_eq!((catalogue.bundles().count(), catalogue.refused().len()), (3, 1));
    assert!(resolve(&recipe, &catalogue, &caps()).is_err());
}

#[test]
fn a_recipes_values_out_of_range_are_told_at_once_each_with_its_line() {
    let station = Station::new();
    let text = RECIPE
        .replace("frame_budget_ms = 100", "frame_budget_ms = 0")
        .replace("[\"NPU\", \"CPU\"]", "[\"CPU\", \"CPU\"]")
        .replace("min_pass_probability = 0.75", "min_pass_probability = 75")
        .replace("grants = [\"state\"]", "grants = [\"state\", \"state\"]");
    let errors = station.pack(&text).unwrap_err();
    for start in [
        "bundle.toml:8: recipe.frame_budget_ms: found 0, expected a whole number",
        "bundle.toml:11: recipe.model.devices: found device \"CPU\" twice",
        "bundle.toml:19: recipe.monitor[0].grants: found capability \"state\" twice",
        "bundle.toml:22: recipe.policy.min_pass_probability: found 75, expected a number from 0 to 1",
    ] {
        assert!(errors.lines().any(|line| line.contains(start)), "{start}\n{errors}");
    }
    assert_eq!(errors.lines().count(), 4, "{errors}");
    let ignored =
        RECIPE.replace("plugin = \"letterbox\"", "plugin = \"letterbox\"\non_failure = \"ignore-with-alarm\"");
    let errors = station.pack(&ignored).unwrap_err();
    assert!(
        errors.contains("bundle.toml:14: recipe.preprocessor[0].on_failure: found a policy that no preprocessor has"),
        "{errors}"
    );
}
