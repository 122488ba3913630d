use super::tools::NodePins;
use crate::config::Language;
use crate::domain::{Image, ImageError, PixelBuffer, PixelFormat, PluginKind};
use crate::imaging::{OpError, encode_png};
use crate::trust::is_name;
use rust_embed::{EmbeddedFile, RustEmbed};
use std::io;
use std::path::{Path, PathBuf};

/// Stands for the plugin's name in the files of an example.
const NAME: &str = "{{name}}";

/// The SDKs, as a project gets them.
#[derive(RustEmbed)]
#[folder = "../sdk"]
#[exclude = "models/*"]
#[exclude = "js/testing/*"]
#[exclude = "*/tests/*"]
#[exclude = "*/target/*"]
#[exclude = "*/build/*"]
#[exclude = "*/node_modules/*"]
#[exclude = "*/__pycache__/*"]
struct Sdk;

/// The plugin boundary.
#[derive(RustEmbed)]
#[folder = "../wit"]
struct Wit;

#[derive(Debug, thiserror::Error)]
pub enum ScaffoldError {
    #[error("{name:?} cannot be a plugin's name: use {rule}")]
    Name { name: String, rule: &'static str },
    #[error("{} is there already: choose another name, or move it away", path.display())]
    Exists { path: PathBuf },
    #[error("there is no example of a {kind} in {language}: a bug in this build of assay")]
    NoExample { language: Language, kind: PluginKind },
    #[error("{} cannot be written", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the sample picture cannot be made")]
    Picture(#[from] PictureError),
}

#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    #[error(transparent)]
    Pixels(#[from] ImageError),
    #[error(transparent)]
    Encoding(#[from] OpError),
}

/// Makes a project that compiles and passes its own test: the example of the kind, the SDK, the WIT and a picture.
/// It is made beside its place and moved there whole.
///
/// # Errors
/// When the name is none, its folder is there already, or something cannot be written.
pub fn scaffold(parent: &Path, name: &str, language: Language, kind: PluginKind) -> Result<PathBuf, ScaffoldError> {
    if !is_name(name) {
        return Err(ScaffoldError::Name { name: name.to_owned(), rule: crate::trust::NAME_RULE });
    }
    let place = parent.join(name);
    if place.symlink_metadata().is_ok() {
        return Err(ScaffoldError::Exists { path: place });
    }
    let write = |path: &Path| {
        let path = path.to_owned();
        move |source| ScaffoldError::Write { path, source }
    };
    let folder = tempfile::Builder::new().prefix(".new-").tempdir_in(parent).map_err(write(parent))?;
    fill(folder.path(), name, language, kind)?;
    std::fs::rename(folder.path(), &place).map_err(write(&place))?;
    readable(&place).map_err(write(&place))?;
    Ok(place)
}

/// The packages that this build's JavaScript SDK pins.
#[must_use]
pub fn node_pins() -> NodePins {
    let read = |path: &str| Sdk::get(path).map(|file| file.data.to_vec());
    NodePins { package: read("js/package.json").unwrap_or_default(), lock: read("js/package-lock.json") }
}

/// A temporary folder is its owner's alone; a project is not.
fn readable(place: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(place, std::fs::Permissions::from_mode(0o755))
}

fn fill(folder: &Path, name: &str, language: Language, kind: PluginKind) -> Result<(), ScaffoldError> {
    let example = format!("{language}/examples/{kind}/");
    let mut copied = 0usize;
    for path in Sdk::iter() {
        let Some(file) = Sdk::get(&path) else { continue };
        if let Some(inside) = path.strip_prefix(&example) {
            put(folder, &inside.replace(NAME, name), &named(&file, name))?;
            copied += 1;
        } else if needed(&path, language) {
            put(folder, &format!("sdk/{path}"), &file.data)?;
        }
    }
    if copied == 0 {
        return Err(ScaffoldError::NoExample { language, kind });
    }
    for path in Wit::iter() {
        let Some(file) = Wit::get(&path) else { continue };
        put(folder, &format!("wit/{path}"), &file.data)?;
    }
    put(folder, "golden/part.png", &sample_picture()?)?;
    put(folder, ".gitignore", b"build/\n__pycache__/\n")?;
    put(folder, "README.md", readme(name, language, kind).as_bytes())
}

/// C++ and Zig stand on the C SDK. Examples are not part of a project's SDK.
fn needed(path: &str, language: Language) -> bool {
    let Some((folder, rest)) = path.split_once('/') else { return false };
    let on_c = matches!(language, Language::Cpp | Language::Zig) && folder == "c";
    (folder == language.name() || on_c) && !rest.starts_with("examples/")
}

fn named(file: &EmbeddedFile, name: &str) -> Vec<u8> {
    match std::str::from_utf8(&file.data) {
        Ok(text) => text.replace(NAME, name).into_bytes(),
        Err(_) => file.data.to_vec(),
    }
}

fn put(folder: &Path, inside: &str, bytes: &[u8]) -> Result<(), ScaffoldError> {
    let path = folder.join(inside);
    let parent = path.parent().unwrap_or(folder);
    let written = std::fs::create_dir_all(parent).and_then(|()| std::fs::write(&path, bytes));
    written.map_err(|source| ScaffoldError::Write { path, source })
}

const SIDES: (u32, u32) = (96, 64);

/// A bright disc on a dark ground that grows lighter to the right: enough for every example to have something to say.
fn sample_picture() -> Result<Vec<u8>, PictureError> {
    let (width, height) = SIDES;
    let pixel = |at: u32| {
        let (x, y) = (at % width, at / width);
        let (dx, dy) = (i64::from(x) - 60, i64::from(y) - 30);
        if dx * dx + dy * dy < 18 * 18 { [250, 244, 230] } else { [40 + (x / 2) as u8, 44 + (y / 4) as u8, 60] }
    };
    let pixels: Vec<u8> = (0..width * height).flat_map(pixel).collect();
    Ok(encode_png(&Image::new(width, height, PixelFormat::Rgb8, PixelBuffer::from(pixels))?)?)
}

fn readme(name: &str, language: Language, kind: PluginKind) -> String {
    format!(
        "# {name}\n\nA {kind} for Assay, in {language}. The code is in `{source}`, what it may do and how much in \
         `plugin.toml`, the SDK in `sdk/`.\n\n\
         | command, in this folder | what it does |\n|---|---|\n\
         | `assay plugin run PICTURES...` | builds it and shows what it answers |\n\
         | `assay plugin test` | compares its answers on `golden/` with those kept there; `--bless` keeps new ones |\n\
         | `assay plugin watch PICTURES...` | builds and runs again whenever a file is saved |\n\
         | `assay plugin bench PICTURES...` | times it |\n\
         | `assay plugin check` | says whether a station would take it |\n\
         | `assay plugin pack --key KEY.pem` | makes the signed bundle that a station takes |\n",
        source = language.source(),
    )
}
