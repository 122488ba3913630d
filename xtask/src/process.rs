//! Running other programs: always with a message that says what to do when one is missing or fails.

use crate::ui;
use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// Lines of a failed program's output that its error shows.
const TAIL_LINES: usize = 30;

/// Characters of a command that its error shows.
const SHOWN_CHARS: usize = 400;

/// A program to run.
#[derive(Debug)]
pub struct Cmd {
    command: Command,
    /// As a person would type it.
    shown: String,
}

impl Cmd {
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let program = program.as_ref();
        Self { shown: program.to_string_lossy().into_owned(), command: Command::new(program) }
    }

    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        let arg = arg.as_ref();
        let text = arg.to_string_lossy();
        let quote = text.is_empty() || text.contains([' ', '"', '\'', '$', '(', '\n']);
        self.shown.push(' ');
        self.shown.push_str(&if quote { format!("'{text}'") } else { text.into_owned() });
        self.command.arg(arg);
        self
    }

    #[must_use]
    pub fn args<S: AsRef<OsStr>>(self, args: impl IntoIterator<Item = S>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    #[must_use]
    pub fn dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    #[must_use]
    pub fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    #[must_use]
    pub fn env_remove(mut self, key: &str) -> Self {
        self.command.env_remove(key);
        self
    }

    /// Runs it with this program's own input and output.
    pub fn live(mut self) -> Result<()> {
        let status = self.command.status();
        let status = self.started(status)?;
        self.ended(status, "")
    }

    /// Runs it, shows each line of its output at once and hands it to `line` as well; stderr goes straight through.
    pub fn tee(mut self, mut line: impl FnMut(&str)) -> Result<ExitStatus> {
        let child = self.command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut child = self.started(child)?;
        if let Some(out) = child.stdout.take() {
            for bytes in BufReader::new(out).split(b'\n') {
                let bytes = bytes.with_context(|| format!("cannot read what `{}` prints", self.shown))?;
                let text = String::from_utf8_lossy(&bytes);
                println!("{text}");
                line(&text);
            }
        }
        child.wait().with_context(|| format!("cannot wait for `{}`", self.shown))
    }

    /// Runs it quietly and returns what it printed on stdout; a failure shows the end of all it printed.
    pub fn read(mut self) -> Result<String> {
        let output = self.command.stdin(Stdio::null()).output();
        let output = self.started(output)?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let all = format!("{text}{}", String::from_utf8_lossy(&output.stderr));
        self.ended(output.status, &all)?;
        Ok(text)
    }

    /// As `read`, with a sign of life while it runs.
    pub fn read_during(self, label: &str) -> Result<String> {
        ui::during(label, || self.read())
    }

    /// Whether it starts and succeeds.
    pub fn works(mut self) -> bool {
        let status = self.command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    }

    /// The program takes this one's place; returns only when it cannot be started.
    pub fn replace_this_process(mut self) -> anyhow::Error {
        use std::os::unix::process::CommandExt as _;
        let error = self.command.exec();
        self.started::<()>(Err(error)).err().unwrap_or_else(|| anyhow::anyhow!("`{}` did not start", self.shown))
    }

    fn started<T>(&self, result: std::io::Result<T>) -> Result<T> {
        let program = self.command.get_program().to_string_lossy();
        result.map_err(|error| match error.kind() {
            ErrorKind::NotFound => anyhow::anyhow!("the program `{program}` was not found; {}", how_to_get(&program)),
            _ => anyhow::Error::new(error).context(format!("cannot start `{}`", self.shown)),
        })
    }

    fn ended(&self, status: ExitStatus, output: &str) -> Result<()> {
        if status.success() {
            return Ok(());
        }
        let lines: Vec<&str> = output.lines().collect();
        let tail = lines.get(lines.len().saturating_sub(TAIL_LINES)..).unwrap_or_default().join("\n");
        let shown = shortened(&self.shown);
        let gap = if tail.is_empty() { "" } else { "\n" };
        bail!("`{shown}` failed ({status}){gap}{tail}")
    }
}

/// The beginning of a long command: enough to know it again.
fn shortened(shown: &str) -> String {
    match shown.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{} ...", shown.get(..end).unwrap_or_default()),
        None => shown.to_owned(),
    }
}

/// How a person gets a program on Debian.
fn how_to_get(program: &str) -> String {
    let package = match program {
        "python3" => "python3",
        "node" | "npm" => "nodejs npm",
        "git" => "git",
        "sha256sum" => "coreutils",
        "cargo" | "rustc" | "rustup" => return "install Rust 1.95 or newer, for example by rustup".to_owned(),
        _ => return "install it and run this command again".to_owned(),
    };
    format!("install it: `apt-get install -y {package}`")
}

/// Where a program of that name is on the PATH.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn a_missing_program_says_how_to_get_it() {
        let error = Cmd::new("assay-no-such-program").read().unwrap_err().to_string();
        assert!(error.contains("`assay-no-such-program` was not found; install it"), "{error}");
        assert_eq!(how_to_get("node"), "install it: `apt-get install -y nodejs npm`");
    }

    #[test]
    fn a_failed_program_shows_its_command_and_the_end_of_its_output() {
        let error = Cmd::new("sh").args(["-c", "echo one; echo two >&2; exit 3"]).read().unwrap_err().to_string();
        assert!(error.contains("sh -c 'echo one") && error.contains("exit status: 3"), "{error}");
        assert!(error.ends_with("one\ntwo"), "{error}");
    }

    #[test]
    fn a_long_command_is_shortened() {
        assert_eq!(shortened("ls"), "ls");
        assert_eq!(shortened(&"ü".repeat(SHOWN_CHARS + 1)), format!("{} ...", "ü".repeat(SHOWN_CHARS)));
    }

    #[test]
    fn tee_hands_on_each_line() {
        let mut lines = Vec::new();
        let status = Cmd::new("printf").arg("a\\nb\\n").tee(|line| lines.push(line.to_owned())).unwrap();
        assert!(status.success());
        assert_eq!(lines, ["a", "b"]);
    }
}
