//! Whether a component is still what its sources make, for languages whose own tools do not know: componentize-py and
//! componentize-js take seconds, and make another file of the same sources each time.

use crate::config::BuildPlan;
use crate::domain::Digest;
use crate::trust::write_atomically;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Folders of a project that are no part of its sources: what is made, and pictures. Deeper down they may be.
const PROJECTS_OWN: [&str; 3] = ["build", "golden", "target"];
/// What others put anywhere.
const OTHERS: [&str; 2] = ["node_modules", "__pycache__"];
/// A project with more than that is built each time.
const MAX_FILES: usize = 4000;
const MAX_BYTES: u64 = 64 << 20;

/// What a component was made of.
pub struct Made {
    /// Beside the component, with the digests of its sources and of itself.
    stamp: PathBuf,
    component: PathBuf,
    /// None where there is too much to look at, or something cannot be read.
    sources: Option<Digest>,
}

impl Made {
    /// Looks at all that goes into the component of a plan: the project, the SDK, the WIT, and the versions of the tools.
    pub fn look(plan: &BuildPlan, tools: &str) -> Self {
        // A source may lie outside the project; what lies beside it can be loaded by it.
        let beside = plan.source.parent().unwrap_or(&plan.folder).to_owned();
        let sdk = plan.root.join("sdk").join(plan.language.name());
        let folders = [plan.folder.clone(), beside, sdk, plan.root.join("wit")];
        Self {
            stamp: plan.component.with_extension("made"),
            component: plan.component.clone(),
            sources: digest(&folders, tools).ok().flatten(),
        }
    }

    /// True where the component was made of just these sources, and is as it was then.
    pub fn is_current(&self) -> bool {
        self.text().is_some_and(|text| fs::read(&self.stamp).is_ok_and(|found| found == text.as_bytes()))
    }

    /// Remembers that the component is made of these sources. Where that fails it is made again next time.
    pub fn keep(&self) {
        if let Some(text) = self.text() {
            let _ = write_atomically(&self.stamp, text.as_bytes(), 0o644);
        }
    }

    fn text(&self) -> Option<String> {
        let component = Digest::of(&fs::read(&self.component).ok()?);
        Some(format!("{}  sources\n{component}  component\n", self.sources?))
    }
}

/// None where there is too much.
fn digest(folders: &[PathBuf], tools: &str) -> io::Result<Option<Digest>> {
    let mut all = format!("assay {}, {tools}\n", env!("CARGO_PKG_VERSION"));
    let (mut files, mut bytes) = (0usize, 0u64);
    for folder in folders {
        let mut names = Vec::new();
        if !list(folder, &PROJECTS_OWN, &mut names)? {
            return Ok(None);
        }
        names.sort();
        for path in names {
            files += 1;
            bytes = bytes.saturating_add(path.metadata()?.len());
            if files > MAX_FILES || bytes > MAX_BYTES {
                return Ok(None);
            }
            let name = path.strip_prefix(folder).unwrap_or(&path).display();
            all.push_str(&format!("{name:?} {}\n", Digest::of(&fs::read(&path)?)));
        }
    }
    Ok(Some(Digest::of(all.as_bytes())))
}

/// False where there is too much, or a link: what it leads to may change without a file of the project that does.
fn list(folder: &Path, left_out: &[&str], files: &mut Vec<PathBuf>) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (kind, name) = (entry.file_type()?, entry.file_name());
        let name = name.to_string_lossy();
        if kind.is_symlink() {
            return Ok(false);
        }
        if kind.is_file() {
            files.push(entry.path());
        }
        let is_source = !name.starts_with('.') && !left_out.contains(&&*name) && !OTHERS.contains(&&*name);
        if files.len() > MAX_FILES || (kind.is_dir() && is_source && !list(&entry.path(), &[], files)?) {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;
    use crate::config::Language;
    use crate::domain::PluginKind;

    fn project(dir: &Path) -> BuildPlan {
        for (name, text) in [
            ("src/plugin.py", "code"),
            ("plugin.toml", "manifest"),
            ("golden/part.json", "{}"),
            ("sdk/python/assay/image.py", "sdk"),
            ("wit/plugin.wit", "wit"),
            ("build/blotch.wasm", "component"),
        ] {
            let path = dir.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        BuildPlan {
            name: "blotch".to_owned(),
            kind: PluginKind::Detector,
            language: Language::Python,
            folder: dir.to_owned(),
            source: dir.join("src/plugin.py"),
            root: dir.to_owned(),
            component: dir.join("build/blotch.wasm"),
        }
    }

    #[test]
    fn a_component_is_current_until_something_that_it_is_made_of_changes() {
        let dir = tempfile::tempdir().unwrap();
        let plan = project(dir.path());
        let is_current = || Made::look(&plan, "tool 1").is_current();
        assert!(!is_current(), "nobody has built it");
        Made::look(&plan, "tool 1").keep();
        assert!(is_current());
        fs::write(dir.path().join("golden/part.json"), "[]").unwrap();
        assert!(is_current(), "a golden file is no source");
        assert!(!Made::look(&plan, "tool 2").is_current(), "another compiler");
        fs::create_dir(dir.path().join("src/build")).unwrap();
        for name in [
            "src/plugin.py",
            "src/rule.py",
            "src/build/rule.py",
            "plugin.toml",
            "sdk/python/assay/image.py",
            "wit/plugin.wit",
        ] {
            let path = dir.path().join(name);
            let before = fs::read(&path).ok();
            fs::write(&path, "changed").unwrap();
            assert!(!is_current(), "{name} has changed");
            match before {
                Some(before) => fs::write(&path, before).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
            assert!(is_current(), "{name} is as it was");
        }
        let elsewhere = tempfile::tempdir().unwrap();
        let outside = BuildPlan { source: elsewhere.path().join("plugin.py"), ..project(dir.path()) };
        fs::write(&outside.source, "code").unwrap();
        Made::look(&outside, "tool 1").keep();
        assert!(Made::look(&outside, "tool 1").is_current());
        fs::write(&outside.source, "changed").unwrap();
        assert!(!Made::look(&outside, "tool 1").is_current(), "a source outside the project has changed");
        Made::look(&plan, "tool 1").keep();
        std::os::unix::fs::symlink(elsewhere.path(), dir.path().join("src/common")).unwrap();
        assert!(!is_current(), "nobody knows what a link leads to");
        fs::remove_file(dir.path().join("src/common")).unwrap();
        assert!(is_current());
        fs::write(&plan.component, "another").unwrap();
        assert!(!is_current(), "the component is another");
        fs::remove_file(&plan.component).unwrap();
        assert!(!is_current(), "the component is gone");
    }
}
