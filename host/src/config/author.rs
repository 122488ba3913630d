use super::author_model::model;
use super::author_recipe::recipe;
use super::fields::{Document, Fields};
use super::index::BundleIndex;
use super::problem::ConfigErrors;
use crate::domain::{Capability, InstanceMode, PluginLimits, Settings, WarmRules, with_causes};
use crate::trust::{
    BlobRole, BundleKind, MAX_FILE_BYTES, Manifest, ModelManifest, NAME_RULE, NewBlob, PluginManifest, RecipeManifest,
    SCHEMA, broken_rules, is_name, read_regular_file,
};
use serde::Deserialize;
use serde::de::value::StrDeserializer;
use std::path::Path;

const WIT: &str = "assay:plugin@0.1.0";
/// What a plugin can be, for messages.
pub(super) const WORLDS: &str = "\"preprocessor\", \"detector\" or \"monitor\"";
const COMPONENT_BLOB: &str = "component.wasm";

/// What an author wrote, ready for [`crate::trust::pack`]. The blob of role `component` holds the file as it is on
/// disk: a finished component or a core module that has yet to be made one.
#[derive(Debug, Clone)]
pub struct AuthoredBundle {
    /// Its list of blobs is empty: packing writes it.
    pub manifest: Manifest,
    pub blobs: Vec<NewBlob>,
}

/// Reads the author manifest of a plugin, a model or a recipe, and the files that it names (from its own folder).
/// `created` is the time for a manifest that states none. A recipe finds its bundles in `index`.
///
/// # Errors
/// With every problem of the file at once.
pub fn load_author_manifest(
    path: &Path,
    created: &str,
    index: Option<&BundleIndex>,
) -> Result<AuthoredBundle, ConfigErrors> {
    Document::load(path)?.read(|root| {
        let head = root.required_section("bundle", |fields| Some(head(fields, created)));
        let (kind, head) = head.unwrap_or_default();
        // Without a kind there is no telling which sections belong here.
        let Some(kind) = kind else {
            root.accept(&["plugin", "model", "recipe", "file", "build"]);
            return None;
        };
        let files = root.sections("file", file);
        if kind == BundleKind::Plugin {
            root.section("build", super::author_build::build);
        }
        let section = match kind {
            BundleKind::Plugin => root.required_section("plugin", plugin),
            BundleKind::Model => root.required_section("model", model),
            BundleKind::Recipe => root.required_section("recipe", |fields| recipe(fields, index)),
        };
        let (head, section) = (head?, section?);
        let mut blobs = section.blobs;
        blobs.extend(files?);
        let manifest = head.into_manifest(section.content);
        let broken = broken_rules(&manifest, &blobs);
        // What breaks the rules already says nothing that a file could be held against.
        let refusal = manifest.model.as_ref().filter(|_| broken.is_empty());
        if let Some(found) = refusal.and_then(|model| super::author_model::refusal(model, &blobs)) {
            root.report_below("model.file", found, super::author_model::TAKEN.to_owned());
        }
        for problem in broken {
            root.report_below(&as_written(&problem.at), problem.found, problem.expected);
        }
        Some(AuthoredBundle { manifest, blobs })
    })
}

/// The key of an author's file for a key of the manifest that is made of it.
fn as_written(at: &str) -> String {
    if let Some(rest) = at.strip_prefix("blobs") {
        return format!("file{rest}");
    }
    let head = ["schema", "name", "version", "created", "not_after"].contains(&at);
    let path = if head { format!("bundle.{at}") } else { at.to_owned() };
    let spec = path.replacen("model.spec.inputs", "model.input", 1).replacen("model.spec.outputs", "model.output", 1);
    let spec = spec.replacen("model.spec.batch_sizes", "model.batch_sizes", 1);
    let lists = [("preprocessors", "preprocessor"), ("detectors", "detector"), ("monitors", "monitor")];
    lists.iter().fold(spec, |path, (many, one)| path.replacen(&format!("recipe.{many}"), &format!("recipe.{one}"), 1))
}

/// The section of a bundle's kind, and the files that it names.
pub(super) struct Section {
    pub content: Content,
    pub blobs: Vec<NewBlob>,
}

pub(super) enum Content {
    Plugin(PluginManifest),
    Model(ModelManifest),
    Recipe(RecipeManifest),
}

struct Head {
    kind: BundleKind,
    name: String,
    version: semver::Version,
    counter: u64,
    created: String,
    not_after: Option<String>,
    description: Option<String>,
}

impl Head {
    fn into_manifest(self, content: Content) -> Manifest {
        let mut manifest = Manifest {
            schema: SCHEMA,
            kind: self.kind,
            name: self.name,
            version: self.version,
            counter: self.counter,
            created: self.created,
            not_after: self.not_after,
            description: self.description,
            blobs: Vec::new(),
            plugin: None,
            model: None,
            recipe: None,
        };
        match content {
            Content::Plugin(plugin) => manifest.plugin = Some(plugin),
            Content::Model(model) => manifest.model = Some(model),
            Content::Recipe(recipe) => manifest.recipe = Some(recipe),
        }
        manifest
    }
}

/// The kind is given apart: with it the other sections can be read although something else is wrong here.
fn head(fields: &Fields<'_>, created: &str) -> (Option<BundleKind>, Option<Head>) {
    let kind = fields.required_parsed("kind", "\"plugin\", \"model\" or \"recipe\"", BundleKind::from_name);
    let name = name(fields, "name");
    let version = fields.required_parsed("version", "a version such as \"1.0.0\"", |text| text.parse().ok());
    let counter = fields.number("counter", 0..=i64::MAX.unsigned_abs(), None);
    let created = if fields.has("created") { utc(fields, "created") } else { Some(created.to_owned()) };
    let not_after = if fields.has("not_after") { utc(fields, "not_after").map(Some) } else { Some(None) };
    let description = fields.optional("description");
    let whole = || {
        Some(Head {
            kind: kind?,
            name: name?,
            version: version?,
            counter: counter?,
            created: created?,
            not_after: not_after?,
            description,
        })
    };
    (kind, whole())
}

pub(super) fn name(fields: &Fields<'_>, key: &'static str) -> Option<String> {
    fields.required_parsed(key, NAME_RULE, |text| is_name(text).then(|| text.to_owned()))
}

fn utc(fields: &Fields<'_>, key: &'static str) -> Option<String> {
    fields.parsed(key, "a time in UTC in quotes such as \"2030-01-31T12:00:00Z\"", |text| {
        (text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok()).then(|| text.to_owned())
    })
}

fn plugin(fields: &Fields<'_>) -> Option<Section> {
    let world = required_word(fields, "world", WORLDS);
    let wit = fields.or("wit", WIT.to_owned());
    let component = blob(fields, "component", BlobRole::Component);
    let capabilities = capabilities(fields, "capabilities");
    let limits = fields
        .section("limits", |fields| limits(fields, PluginLimits::default()))
        .unwrap_or_else(|| Some(PluginLimits::default()));
    let instance = match fields.has("instance") {
        true => word(fields, "instance", "\"fresh\" or \"warm\""),
        false => Some(InstanceMode::Fresh),
    };
    let warm = fields.section("warm", warm_rules).map_or(Some(None), |rules| rules.map(Some));
    let settings = settings(fields);
    let mut component = component?;
    COMPONENT_BLOB.clone_into(&mut component.name);
    let plugin = PluginManifest {
        world: world?,
        wit,
        capabilities: capabilities?,
        limits: limits?,
        instance: instance?,
        warm: warm?,
        settings,
    };
    Some(Section { content: Content::Plugin(plugin), blobs: vec![component] })
}

/// The plugin's own keys and values.
pub(super) fn settings(fields: &Fields<'_>) -> Settings {
    let settings = fields.settings("settings");
    fields.obey(|rules| rules.settings("settings", &settings));
    settings
}

/// A list of capabilities; a missing key is none.
pub(super) fn capabilities(fields: &Fields<'_>, key: &'static str) -> Option<Vec<Capability>> {
    if !fields.has(key) {
        return Some(Vec::new());
    }
    let list = fields.parsed_list(key, |text| {
        Capability::try_from(text.to_owned())
            .map_err(|_| "one of \"imaging\", \"log\", \"config\", \"state\", \"inference:MODEL\"".to_owned())
    });
    fields.obey(|rules| list.iter().for_each(|list| rules.capabilities(key, list)));
    list
}

pub(super) fn limits(fields: &Fields<'_>, default: PluginLimits) -> Option<PluginLimits> {
    let deadline_ms = fields.number("deadline_ms", 1..=60_000, Some(default.deadline_ms));
    let memory_bytes = fields.number("memory_bytes", 65_536..=1 << 32, Some(default.memory_bytes));
    let host_bytes = fields.number("host_bytes", 1..=1 << 34, Some(default.host_bytes));
    let handles = fields.number("handles", 1..=1_000_000, Some(default.handles));
    let table_elements = fields.number("table_elements", 1..=10_000_000, Some(default.table_elements));
    let log_lines = fields.number("log_lines", 0..=100_000, Some(default.log_lines));
    let result_bytes = fields.number("result_bytes", 1..=1 << 30, Some(default.result_bytes));
    let state_bytes = fields.number("state_bytes", 0..=1 << 30, Some(default.state_bytes));
    Some(PluginLimits {
        deadline_ms: deadline_ms?,
        memory_bytes: memory_bytes?,
        host_bytes: host_bytes?,
        handles: handles?,
        table_elements: table_elements?,
        log_lines: log_lines?,
        result_bytes: result_bytes?,
        state_bytes: state_bytes?,
    })
}

/// `[plugin.warm]`.
fn warm_rules(fields: &Fields<'_>) -> Option<WarmRules> {
    let calls = fields.number("calls", 1..=WarmRules::MAX_CALLS, Some(WarmRules::default().calls));
    Some(WarmRules { calls: calls? })
}

/// `[[file]]`: a further blob.
fn file(fields: &Fields<'_>) -> Option<NewBlob> {
    let expected = "\"licence\", \"self-test\", \"report-card\", \"reference\" or \"other\"";
    let role: Option<BlobRole> = required_word(fields, "role", expected);
    let name = fields.parsed("name", NAME_RULE, |text| is_name(text).then(|| text.to_owned()));
    let named = fields.has("name");
    let blob = named_blob(fields, "path", role.unwrap_or(BlobRole::Other), named);
    role?;
    let mut blob = blob?;
    if named {
        blob.name = name?;
    }
    Some(blob)
}

/// The file that a key names, as a blob under the file's own name.
pub(super) fn blob(fields: &Fields<'_>, key: &'static str, role: BlobRole) -> Option<NewBlob> {
    let renamed = role == BlobRole::Component;
    named_blob(fields, key, role, renamed)
}

fn named_blob(fields: &Fields<'_>, key: &'static str, role: BlobRole, renamed: bool) -> Option<NewBlob> {
    let path = fields.required_path(key)?;
    let bytes = std::fs::canonicalize(&path)
        .map_err(|error| error.to_string())
        .and_then(|real| read_regular_file(&real, MAX_FILE_BYTES).map_err(|error| with_causes(&error)));
    let bytes = match bytes {
        Ok(bytes) => bytes,
        Err(error) => {
            let found = format!("{} ({error})", path.display());
            fields.wrong_because(key, &found, "a file that can be read; build it first, or correct the path");
            return None;
        }
    };
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    if !renamed && !is_name(&name) {
        fields.wrong_because(key, &name, &format!("a file name that can name a blob: {NAME_RULE}"));
        return None;
    }
    Some(NewBlob { name, role, bytes })
}

/// One of the words that a type is written with.
pub(super) fn word<T: for<'de> Deserialize<'de>>(fields: &Fields<'_>, key: &'static str, expected: &str) -> Option<T> {
    fields.parsed(key, expected, |text| T::deserialize(StrDeserializer::<serde::de::value::Error>::new(text)).ok())
}

pub(super) fn required_word<T: for<'de> Deserialize<'de>>(
    fields: &Fields<'_>,
    key: &'static str,
    expected: &str,
) -> Option<T> {
    fields.required_parsed(key, expected, |text| {
        T::deserialize(StrDeserializer::<serde::de::value::Error>::new(text)).ok()
    })
}
