use anyhow::{Context as _, bail};
use signal_hook::consts::SIGINT;
use std::io::{BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Longer than any password that is accepted.
const MAX_LINE_BYTES: u64 = 4096;

/// A new password from the person at the terminal, twice and unseen, or else the first line of standard input. Never
/// from the command line, where every process of the machine could read it.
pub fn new_password() -> anyhow::Result<String> {
    if !std::io::stdin().is_terminal() {
        return line().context("the password is expected on standard input");
    }
    let unseen = Unseen::begin()?;
    let first = prompted("new password: ")?;
    let again = prompted("once more: ")?;
    drop(unseen);
    if first != again {
        bail!("the two passwords are not the same");
    }
    Ok(first)
}

fn prompted(prompt: &str) -> anyhow::Result<String> {
    let mut terminal = std::io::stderr();
    terminal.write_all(prompt.as_bytes()).and_then(|()| terminal.flush()).context("the terminal cannot be written")?;
    let answer = line();
    let _ = terminal.write_all(b"\n");
    answer
}

fn line() -> anyhow::Result<String> {
    let mut line = String::new();
    let read = std::io::stdin().lock().take(MAX_LINE_BYTES).read_line(&mut line).context("nothing can be read")?;
    if read == 0 {
        bail!("there is nothing to read");
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// The terminal shows nothing of what is typed until this is dropped. Ctrl-C meanwhile only takes effect afterwards,
/// so that it never leaves the terminal so.
struct Unseen {
    interrupted: Arc<AtomicBool>,
    handler: signal_hook::SigId,
}

impl Unseen {
    fn begin() -> anyhow::Result<Self> {
        let interrupted = Arc::new(AtomicBool::new(false));
        let handler =
            signal_hook::flag::register(SIGINT, Arc::clone(&interrupted)).context("Ctrl-C cannot be caught")?;
        let unseen = Self { interrupted, handler };
        let off = stty("-echo").context("the terminal cannot hide what is typed (stty)")?;
        if !off {
            bail!("the terminal cannot hide what is typed: send the password to standard input instead");
        }
        Ok(unseen)
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        let _ = stty("echo");
        signal_hook::low_level::unregister(self.handler);
        if self.interrupted.load(Ordering::Relaxed) {
            std::process::exit(130);
        }
    }
}

fn stty(setting: &str) -> std::io::Result<bool> {
    let status = Command::new("stty").arg(setting).stdin(Stdio::inherit()).stdout(Stdio::null()).status()?;
    Ok(status.success())
}
