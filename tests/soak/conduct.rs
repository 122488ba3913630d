//! A process for each plugin, some at one time. What brings a process down costs its own plugin's row and no other, and
//! the memory that grows in it is that plugin's alone.

use crate::notes::Notes;
use crate::player::Said;
use anyhow::{Context as _, Result};
use assay_tests::hostile::{Case, Row};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// Between two words about how far all of it is.
const TELL_EVERY: Duration = Duration::from_secs(15);
/// Longest time in which a process does not say that a run has ended. The slowest run takes a second or two.
const SILENCE: Duration = Duration::from_secs(180);

/// Something heard from a process, by the place of its plugin in the list. None is its end.
type Heard = (usize, Option<Said>);

struct Playing {
    child: Child,
    runs: u32,
    heard: Instant,
    row: Option<Row>,
}

struct Conductor<'a> {
    cases: Vec<&'a Case>,
    runs: u32,
    next: usize,
    playing: BTreeMap<usize, Playing>,
    rows: Vec<Row>,
    notes: Option<Notes>,
    start: Instant,
    /// Rows that an earlier soak left.
    kept: usize,
}

/// Runs each case in a process of its own, `jobs` at one time.
pub fn conduct(cases: &[&Case], runs: u32, jobs: u32, notes: Option<&Path>) -> Result<Vec<Row>> {
    let opened = notes.map(|path| Notes::open(path, runs)).transpose()?;
    let (notes, mut rows) = opened.map_or_else(|| (None, Vec::new()), |(notes, rows)| (Some(notes), rows));
    rows.retain(|row| cases.iter().any(|case| case.name == row.name));
    let open = cases.iter().copied().filter(|case| rows.iter().all(|row| row.name != case.name)).collect();
    println!("{}", Row::HEAD);
    rows.iter().for_each(|row| println!("{row}"));
    let (playing, start, kept) = (BTreeMap::new(), Instant::now(), rows.len());
    let mut all = Conductor { cases: open, runs, next: 0, playing, rows, notes, start, kept };
    let ended = all.run(jobs as usize);
    // Also after an error: no process is left.
    all.playing.values_mut().for_each(|playing| end(&mut playing.child));
    ended.map(|()| all.rows)
}

impl Conductor<'_> {
    fn run(&mut self, jobs: usize) -> Result<()> {
        let (say, heard) = unbounded();
        let mut told = Instant::now();
        loop {
            while self.playing.len() < jobs && self.next < self.cases.len() {
                self.begin(&say)?;
            }
            if self.playing.is_empty() {
                return Ok(());
            }
            self.hear(&heard)?;
            self.end_the_silent();
            if told.elapsed() >= TELL_EVERY {
                told = Instant::now();
                self.tell();
            }
        }
    }

    fn begin(&mut self, say: &Sender<Heard>) -> Result<()> {
        let at = self.next;
        let Some(case) = self.cases.get(at) else { return Ok(()) };
        self.next += 1;
        let mut command = Command::new(std::env::current_exe()?);
        let command = command.arg("--plays").arg(case.name).arg("--runs").arg(self.runs.to_string());
        // What plugins log goes where nobody looks: a thousand floods would hide the table.
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().context("cannot start a process of this program")?;
        let out = child.stdout.take().context("its output is a pipe")?;
        let say = say.clone();
        std::thread::spawn(move || listen(at, out, &say));
        self.playing.insert(at, Playing { child, runs: 0, heard: Instant::now(), row: None });
        Ok(())
    }

    fn hear(&mut self, heard: &Receiver<Heard>) -> Result<()> {
        let (at, said) = match heard.recv_timeout(Duration::from_secs(1)) {
            Ok(heard) => heard,
            Err(RecvTimeoutError::Timeout) => return Ok(()),
            Err(RecvTimeoutError::Disconnected) => anyhow::bail!("nothing is heard any more"),
        };
        let Some(playing) = self.playing.get_mut(&at) else { return Ok(()) };
        playing.heard = Instant::now();
        match said {
            Some(Said::Runs(runs)) => playing.runs = runs,
            Some(Said::Row(row)) => playing.row = Some(*row),
            None => return self.close(at),
        }
        Ok(())
    }

    /// The process of a case has ended: by itself with a row, or in another way, which is its row.
    fn close(&mut self, at: usize) -> Result<()> {
        let Some(mut playing) = self.playing.remove(&at) else { return Ok(()) };
        let status = playing.child.wait()?;
        let name = self.cases.get(at).map_or("?", |case| case.name);
        let broken = |why| Row::broken(name, playing.runs, why);
        let row = match playing.row {
            Some(row) if status.success() => row,
            Some(row) => broken(format!("its process ended with {status} after its row: {:?}", row.wrong)),
            None => broken(format!("its process ended with {status} after {} runs", playing.runs)),
        };
        println!("{row}");
        if let Some(notes) = &mut self.notes {
            notes.add(&row)?;
        }
        self.rows.push(row);
        Ok(())
    }

    /// Its end shows as any other.
    fn end_the_silent(&mut self) {
        for playing in self.playing.values_mut().filter(|playing| playing.heard.elapsed() >= SILENCE) {
            playing.heard = Instant::now();
            end(&mut playing.child);
        }
    }

    /// How far it is, on standard error: the table is what is kept.
    fn tell(&self) {
        let (through, all) = (self.rows.len(), self.rows.len() + self.playing.len() + self.cases.len() - self.next);
        let spent = self.start.elapsed().as_secs_f64();
        let now = (through - self.kept) as f64 + self.share_of_playing();
        let left = if now > 0.0 { spent / now * ((all - self.kept) as f64 - now) } else { f64::NAN };
        let names: Vec<String> = self.playing.iter().map(|(at, playing)| self.shown(*at, playing)).collect();
        let guess = if left.is_finite() { format!(", about {:.0} min left", left / 60.0) } else { String::new() };
        eprintln!("{through} of {all} plugins through{guess}; now {}", names.join(", "));
    }

    fn share_of_playing(&self) -> f64 {
        self.playing.values().map(|playing| f64::from(playing.runs) / f64::from(self.runs.max(1))).sum()
    }

    fn shown(&self, at: usize, playing: &Playing) -> String {
        format!("{} {} of {}", self.cases.get(at).map_or("?", |case| case.name), playing.runs, self.runs)
    }
}

fn listen(at: usize, out: ChildStdout, say: &Sender<Heard>) {
    for line in BufReader::new(out).lines().map_while(Result::ok) {
        if let Ok(said) = serde_json::from_str(&line) {
            let _ = say.send((at, Some(said)));
        }
    }
    let _ = say.send((at, None));
}

/// Fails only where it has ended by itself.
fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}
