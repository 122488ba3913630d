//! What a component imports and exports, read before anything is compiled.
//!
//! Imports must lie inside asked ∩ granted, exports must be those of the plugin's kind, and the WIT version must be one
//! that this host implements. The linker is then given only what is granted, so the check holds twice.

use super::WIT_PACKAGE;
use super::limits::printable;
use crate::domain::{Capability, PluginKind};
use semver::Version;
use std::collections::BTreeSet;
use wasmparser::{Encoding, Parser, Payload};

const NN: &str = "wasi:nn@0.2.0-rc-2024-10-28";

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CapabilityError {
    #[error("built for {found}, this station implements {host}: rebuild the plugin, or update the station")]
    WitVersion { found: String, host: &'static str },
    #[error(
        "{found:?} is no WIT package of the form {host}: write the one it was built for as \"wit\" in its manifest"
    )]
    WitName { found: String, host: &'static str },
    #[error("the bytes are a core module, not a component: pack it with `assay bundle pack`, which makes it one")]
    CoreModule,
    #[error("the bytes are no WebAssembly component: {detail}")]
    NotAComponent { detail: String },
    #[error(
        "imports {import}, its manifest does not ask for that: add {line:?} to \"capabilities\" in its manifest and to \
         \"grants\" in the recipe"
    )]
    NotAsked { import: String, line: String },
    #[error("imports {import}, the recipe does not grant that: add {line:?} to \"grants\" of the plugin in the recipe")]
    NotGranted { import: String, line: String },
    #[error("imports {import}, which the world {kind} does not have: it offers {offered}")]
    NotInWorld { import: String, kind: PluginKind, offered: String },
    #[error(
        "imports {import}: no plugin has access to WASI (files, network, clock, environment); build it for \
         wasm32-unknown-unknown"
    )]
    Wasi { import: String },
    #[error("imports {import}, which no version of this station offers")]
    Unknown { import: String },
    #[error(
        "exports {found:?}, a {kind} exports {expected}: set \"world\" in its manifest to the world it was built for"
    )]
    WrongWorld { kind: PluginKind, expected: &'static str, found: Vec<String> },
    #[error("exports {}: a plugin is of one world: make two plugins of it, each with its own manifest", found.join(" and "))]
    SeveralWorlds { found: Vec<String> },
}

/// Checks the WIT package that a manifest names.
pub(super) fn check_wit(found: &str) -> Result<(), CapabilityError> {
    let name = || CapabilityError::WitName { found: found.to_owned(), host: WIT_PACKAGE };
    let (package, version) = found.split_once('@').ok_or_else(name)?;
    let (our_package, our_version) = WIT_PACKAGE.split_once('@').ok_or_else(name)?;
    if package != our_package {
        return Err(name());
    }
    let version = Version::parse(version).map_err(|_| name())?;
    let ours = Version::parse(our_version).map_err(|_| name())?;
    if is_served(&version, &ours) {
        Ok(())
    } else {
        Err(CapabilityError::WitVersion { found: found.to_owned(), host: WIT_PACKAGE })
    }
}

/// Before 1.0 a minor version breaks; a patch adds. So: the same minor version, and no patch that we do not have yet.
pub(super) fn is_served(theirs: &Version, ours: &Version) -> bool {
    theirs.major == ours.major && theirs.minor == ours.minor && theirs.patch <= ours.patch && theirs.pre.is_empty()
}

/// Longest name that is read, in bytes, and how many an error lists: names are the component's own words.
const MAX_NAME: usize = 128;
const MAX_LISTED: usize = 8;

/// Names of what a component imports and exports at its top, each as one harmless line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Surface {
    pub(super) imports: Vec<String>,
    pub(super) exports: Vec<String>,
}

impl Surface {
    /// Reads only the outermost level: what is nested is wired inside the component.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, CapabilityError> {
        let broken = |error: wasmparser::BinaryReaderError| CapabilityError::NotAComponent {
            detail: printable(&error.to_string(), 200),
        };
        let mut surface = Self::default();
        let mut depth = 0u32;
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.map_err(broken)? {
                Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                    return Err(CapabilityError::CoreModule);
                }
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 0 => {
                    for import in section {
                        surface.imports.push(printable(import.map_err(broken)?.name.name, MAX_NAME));
                    }
                }
                Payload::ComponentExportSection(section) if depth == 0 => {
                    for export in section {
                        surface.exports.push(printable(export.map_err(broken)?.name.name, MAX_NAME));
                    }
                }
                _ => {}
            }
        }
        Ok(surface)
    }
}

/// What one interface of ours needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    Free,
    /// Types that come with `imaging` or with any inference.
    Tensor,
    Imaging,
    Log,
    Config,
    State,
    Inference,
}

impl Need {
    fn of(import: &str) -> Result<Self, CapabilityError> {
        let unknown = || CapabilityError::Unknown { import: import.to_owned() };
        let (name, version) = import.split_once('@').unwrap_or((import, ""));
        match name.split_once('/') {
            Some(("assay:plugin", interface)) => {
                check_wit(&format!("assay:plugin@{version}"))?;
                match interface {
                    "types" => Ok(Self::Free),
                    "imaging" => Ok(Self::Imaging),
                    "log" => Ok(Self::Log),
                    "config" => Ok(Self::Config),
                    "state" => Ok(Self::State),
                    _ => Err(unknown()),
                }
            }
            Some(("wasi:nn", interface)) => {
                if format!("wasi:nn@{version}") != NN {
                    return Err(CapabilityError::WitVersion { found: import.to_owned(), host: NN });
                }
                match interface {
                    "tensor" => Ok(Self::Tensor),
                    "graph" | "inference" | "errors" => Ok(Self::Inference),
                    _ => Err(unknown()),
                }
            }
            _ if name.starts_with("wasi:") || name.starts_with("wasi_") => {
                Err(CapabilityError::Wasi { import: import.to_owned() })
            }
            _ => Err(unknown()),
        }
    }

    fn in_world(self, kind: PluginKind) -> bool {
        match self {
            Self::Free | Self::Tensor | Self::Imaging | Self::Log | Self::Config => true,
            Self::State => kind == PluginKind::Monitor,
            Self::Inference => kind == PluginKind::Detector,
        }
    }

    fn met_by(self, held: &[Capability]) -> bool {
        let has = |wanted: &Capability| held.contains(wanted);
        let infers = || held.iter().any(|capability| matches!(capability, Capability::Inference(_)));
        match self {
            Self::Free => true,
            Self::Tensor => has(&Capability::Imaging) || infers(),
            Self::Imaging => has(&Capability::Imaging),
            Self::Log => has(&Capability::Log),
            Self::Config => has(&Capability::Config),
            Self::State => has(&Capability::State),
            Self::Inference => infers(),
        }
    }

    /// What to write into the manifest.
    const fn line(self) -> &'static str {
        match self {
            Self::Free => "",
            Self::Tensor | Self::Imaging => "imaging",
            Self::Log => "log",
            Self::Config => "config",
            Self::State => "state",
            Self::Inference => "inference:MODEL",
        }
    }
}

/// Checks every import and the world of a component.
pub(super) fn check_surface(
    surface: &Surface,
    kind: PluginKind,
    asked: &[Capability],
    granted: &[Capability],
) -> Result<(), CapabilityError> {
    let both: Vec<Capability> = asked.iter().filter(|capability| granted.contains(capability)).cloned().collect();
    for import in &surface.imports {
        let need = Need::of(import)?;
        let import = || import.clone();
        let line = || need.line().to_owned();
        if !need.in_world(kind) {
            return Err(CapabilityError::NotInWorld { import: import(), kind, offered: offered(kind) });
        }
        if !need.met_by(asked) {
            return Err(CapabilityError::NotAsked { import: import(), line: line() });
        }
        if !need.met_by(&both) {
            return Err(CapabilityError::NotGranted { import: import(), line: line() });
        }
    }
    check_world(surface, kind)
}

fn offered(kind: PluginKind) -> String {
    let all = [Need::Imaging, Need::Log, Need::Config, Need::State, Need::Inference];
    let names: Vec<&str> = all.into_iter().filter(|need| need.in_world(kind)).map(Need::line).collect();
    names.join(", ")
}

/// The interface that a plugin of a kind exports.
const fn interface(kind: PluginKind) -> &'static str {
    match kind {
        PluginKind::Preprocessor => "assay:plugin/preprocess",
        PluginKind::Detector => "assay:plugin/detect",
        PluginKind::Monitor => "assay:plugin/observe",
    }
}

fn check_world(surface: &Surface, kind: PluginKind) -> Result<(), CapabilityError> {
    let is = |export: &String, interface| export.split_once('@').is_some_and(|(name, _)| name == interface);
    let kinds = [PluginKind::Preprocessor, PluginKind::Detector, PluginKind::Monitor].map(interface);
    let of_a_world = |export: &&String| kinds.into_iter().any(|interface| is(export, interface));
    let worlds: Vec<&String> = surface.exports.iter().filter(of_a_world).take(MAX_LISTED).collect();
    if worlds.len() > 1 {
        return Err(CapabilityError::SeveralWorlds { found: worlds.into_iter().cloned().collect() });
    }
    let expected = interface(kind);
    let Some(export) = surface.exports.iter().find(|export| is(export, expected)) else {
        return Err(CapabilityError::WrongWorld {
            kind,
            expected,
            found: surface.exports.iter().take(MAX_LISTED).cloned().collect(),
        });
    };
    let version = export.split_once('@').map_or("", |(_, version)| version);
    check_wit(&format!("assay:plugin@{version}"))
}

/// Names of the models that a plugin may use.
pub(super) fn granted_models(asked: &[Capability], granted: &[Capability]) -> BTreeSet<String> {
    let both = asked.iter().filter(|capability| granted.contains(capability));
    let name = |capability: &Capability| match capability {
        Capability::Inference(model) => Some(model.clone()),
        _ => None,
    };
    both.filter_map(name).collect()
}
