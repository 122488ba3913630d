//! The process of one plugin: says on its standard output, as JSON, how far it is and what came of it.

use anyhow::{Context as _, Result};
use assay_tests::hostile::{CASES, Dose, Listener, Row, soak};
use serde::{Deserialize, Serialize};
use std::io::Write as _;
use std::time::{Duration, Instant};

/// Between two words about how far it is.
const SAY_EVERY: Duration = Duration::from_secs(1);

/// A line of its output.
#[derive(Serialize, Deserialize)]
pub enum Said {
    Runs(u32),
    Row(Box<Row>),
}

pub fn play(name: &str, runs: u32) -> Result<()> {
    let case = CASES.iter().find(|case| case.name == name).with_context(|| format!("there is no plugin {name:?}"))?;
    let mut speaker = Speaker { said: Instant::now() };
    soak(&[case], Dose { runs, time: None }, &mut speaker)?;
    Ok(())
}

struct Speaker {
    said: Instant,
}

impl Listener for Speaker {
    fn ran(&mut self, runs: u32) {
        if runs == 1 || self.said.elapsed() >= SAY_EVERY {
            self.said = Instant::now();
            say(&Said::Runs(runs));
        }
    }

    fn row(&mut self, row: &Row) {
        say(&Said::Row(Box::new(row.clone())));
    }
}

fn say(said: &Said) {
    let Ok(line) = serde_json::to_string(said) else { return };
    let mut out = std::io::stdout().lock();
    // Who listens has ended: then this process is ended too.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
