//! What a person sees while something runs. Progress goes to stderr, results to stdout.

use std::io::{IsTerminal, Write};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Between two signs of life on a terminal.
const TICK_TERMINAL: Duration = Duration::from_secs(1);
/// Between two lines in a log file.
const TICK_PLAIN: Duration = Duration::from_secs(10);

/// One line about what is going on.
pub fn say(text: impl AsRef<str>) {
    eprintln!("{}", text.as_ref());
}

/// The headline of a step.
pub fn step(text: impl AsRef<str>) {
    eprintln!("==> {}", text.as_ref());
}

/// Runs `work` and shows that it goes on: a counting line on a terminal, else a plain line every ten seconds.
pub fn during<T>(label: &str, work: impl FnOnce() -> T) -> T {
    let terminal = std::io::stderr().is_terminal();
    let started = Instant::now();
    if !terminal {
        say(format!("    {label} ..."));
    }
    let (stop, stopped) = mpsc::channel::<()>();
    let result = std::thread::scope(|scope| {
        scope.spawn(move || show_time(label, started, terminal, &stopped));
        let result = work();
        drop(stop);
        result
    });
    if terminal {
        eprint!("\r\x1b[K");
    }
    say(format!("    {label}: {:.1} s", started.elapsed().as_secs_f32()));
    result
}

/// Ends when the other end of `stopped` is dropped.
fn show_time(label: &str, started: Instant, terminal: bool, stopped: &mpsc::Receiver<()>) {
    let tick = if terminal { TICK_TERMINAL } else { TICK_PLAIN };
    while stopped.recv_timeout(tick) == Err(mpsc::RecvTimeoutError::Timeout) {
        let seconds = started.elapsed().as_secs();
        if terminal {
            eprint!("\r\x1b[K    {label} ... {seconds} s");
            // Nothing is lost if the terminal is gone.
            let _ = std::io::stderr().flush();
        } else {
            say(format!("    {label} ... {seconds} s"));
        }
    }
}
