//! A line at its pace while two hundred clients have streams of events open, half of whom never read.

use crate::feed::{Feed, Load, Run, run, run_watched};
use crate::figure::{Figure, Times};
use crate::fixture::Fixture;
use anyhow::{Context as _, ensure};
use assay::access::{Access, AccessOptions};
use assay::admin::{AdminParts, AdminServer, AdminState, Reach, bind};
use assay::alarms::AlarmBoard;
use assay::charts::ChartKeeper;
use assay::journal::{Journal, JournalOptions, Ledger};
use assay::pipeline::Board;
use assay::source::StopFlag;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

const CLIENTS: usize = 200;
/// What they have open, in turn.
const STREAMS: [&str; 4] = ["/live/events", "/api/v1/events", "/station/events", "/api/v1/events?types=verdict"];
const PACE: Duration = Duration::from_micros(1_000_000 / 60);
/// Frames of one run, and runs of each kind in turn, so that what changes on the machine meanwhile meets both.
const FRAMES: u64 = 600;
const ROUNDS: usize = 3;
/// Between two looks of those who read.
const READ_EVERY: Duration = Duration::from_millis(20);

pub fn measure(fixture: &Fixture) -> anyhow::Result<Vec<Figure>> {
    run(Load { count: 60, ..load(fixture) }, |_, _| ())?;
    let (mut alone, mut watched, mut read_bytes) = (Vec::new(), Vec::new(), 0);
    let (mut wrong_alone, mut wrong) = (0, 0);
    for _ in 0..ROUNDS {
        let still = run(load(fixture), |_, _| ())?;
        let mut clients = Ok(0);
        let beside = run_watched(load(fixture), |_, board, over| clients = serve(board, over))?;
        read_bytes += clients.context("the clients were not served")?;
        wrong_alone += still.lost_or_twice(FRAMES);
        wrong += beside.lost_or_twice(FRAMES);
        alone.extend(micros(&still));
        watched.extend(micros(&beside));
    }
    ensure!(read_bytes > 0, "no client was told anything");
    let (alone, watched) = (Times::from_micros(alone), Times::from_micros(watched));
    let p99 = alone.percentile(99);
    let against = format!("{CLIENTS} streams, half of them stalled; without: p99 {:.2} ms", p99 / 1e3);
    let told = format!("{ROUNDS} runs of {FRAMES} frames; {:.1} MB were read", read_bytes as f64 / 1e6);
    let lost = format!("without: {wrong_alone} (a machine that is too slow for the pace loses frames either way)");
    Ok(vec![
        Figure::plain("frame beside event streams, p50", watched.p50() / 1e3, "ms", &told),
        Figure::plain("frame beside event streams, p99", watched.percentile(99) / 1e3, "ms", &against),
        Figure::at_most("p99 with event streams over without", watched.percentile(99) / p99, "x", 1.1, &against),
        Figure::at_most("frames lost or judged twice beside event streams", wrong as f64, "", 0.0, &lost),
    ])
}

fn load(fixture: &Fixture) -> Load {
    Load {
        context: fixture.parts.context.clone(),
        recipe: Arc::clone(&fixture.live),
        pictures: fixture.pictures.clone(),
        count: FRAMES,
        feed: Feed::Every(PACE),
        before: Box::new(|_, _| ()),
    }
}

fn micros(run: &Run) -> impl Iterator<Item = f64> {
    run.released.iter().map(|released| released.micros)
}

/// An admin of this line with all its clients until the line has ended; gives the bytes that were read.
fn serve(board: &Board, over: &StopFlag) -> anyhow::Result<usize> {
    let dir = tempfile::tempdir()?;
    let journal = Journal::open(JournalOptions { ballast_bytes: 1 << 20, ..JournalOptions::new(dir.path(), "test") })?;
    let ledger = Arc::new(Ledger::open(dir.path(), "test")?);
    let alarms = AlarmBoard::new(Arc::clone(&ledger));
    let charts = ChartKeeper::start(dir.path(), board, &alarms, Arc::default())?;
    let options = AccessOptions { open_without_users: true, ..AccessOptions::default() };
    let state = AdminState::new(AdminParts {
        station: "test".into(),
        board: board.clone(),
        journal: Arc::new(journal.reader()),
        reviews: journal.review_desk(),
        trouble: Arc::new(|| None),
        alarms,
        charts: Some(charts.board.clone()),
        shifts: Arc::default(),
        picture_limits: journal.picture_limits(),
        sources: Arc::default(),
        intakes: Arc::new([]),
        access: Arc::new(Access::new(ledger, options)?),
        deployer: None,
        replayer: None,
        reach: Reach::default(),
    });
    let admin = AdminServer::start(bind("127.0.0.1:0".parse()?, &Reach::default(), false)?, state)?;
    let clients = (0..CLIENTS).zip(STREAMS.into_iter().cycle());
    let clients: Vec<TcpStream> = clients.map(|(_, path)| connect(&admin, path)).collect::<anyhow::Result<_>>()?;
    let (stalled, mut reading): (Vec<_>, Vec<_>) = clients.into_iter().enumerate().partition(|(at, _)| at / 4 % 2 == 0);
    ensure!(stalled.len() == reading.len(), "half of them read");
    let (mut read, mut part) = (0, vec![0; 64 << 10]);
    loop {
        for (_, client) in &mut reading {
            read += take(client, &mut part)?;
        }
        if over.wait(READ_EVERY) {
            return Ok(read);
        }
    }
}

fn connect(admin: &AdminServer, path: &str) -> anyhow::Result<TcpStream> {
    let mut client = TcpStream::connect(admin.address)?;
    write!(client, "GET {path} HTTP/1.1\r\nhost: {}\r\naccept: text/event-stream\r\n\r\n", admin.address)?;
    // Its head at least, so that the line is not measured before all of them are served.
    let mut head = [0; 15];
    client.read_exact(&mut head)?;
    ensure!(head.starts_with(b"HTTP/1.1 200"), "{path} is refused: {}", String::from_utf8_lossy(&head));
    client.set_nonblocking(true)?;
    Ok(client)
}

/// All that has come.
fn take(client: &mut TcpStream, part: &mut [u8]) -> anyhow::Result<usize> {
    let mut taken = 0;
    loop {
        match client.read(part) {
            Ok(0) => anyhow::bail!("the station ended a stream that is read"),
            Ok(read) => taken += read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(taken),
            Err(error) => return Err(error.into()),
        }
    }
}
