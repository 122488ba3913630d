//! The admin of a station that judges nothing, on a port of its own: what a client sends goes through the very
//! listener, router and guards of a station.

use super::target::Try;
use crate::recipe::{device, recipe};
use anyhow::{Result, ensure};
use assay::access::{Access, AccessOptions};
use assay::admin::{AdminParts, AdminServer, AdminState, Reach, bind};
use assay::alarms::AlarmBoard;
use assay::journal::{Journal, JournalOptions, Ledger};
use assay::pipeline::{Board, RecipeCard};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// An answer is waited for so long.
const ANSWERED: Duration = Duration::from_secs(5);
/// An answer to what is no whole request.
const ENOUGH: Duration = Duration::from_millis(10);
/// Read of an answer, at most.
const MAX_ANSWER: usize = 256 << 10;

const GETS: [&str; 15] = [
    "/",
    "/healthz",
    "/login?back=%2Fdrift",
    "/language?to=zh-CN&back=/drift",
    "/assets/app.css",
    "/inspections?verdict=fail&label=pit&from=2026-01-01&to=2026-02-01T10:00&limit=20",
    "/inspections/s-1-2",
    "/pictures/2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881",
    "/drift/series?plugin=drift-input&feature=brightness&statistic=psi",
    "/audit?before=17",
    "/metrics",
    "/api/v1/alarms",
    "/api/v1/whoami",
    "/api/v1/deployments/1",
    "/nothing/there",
];

pub fn requests() -> Result<Vec<Vec<u8>>> {
    let head = "host: 127.0.0.1\r\naccept-language: zh-CN,en;q=0.5\r\ncookie: lang=en; assay-session=abc\r\n";
    let get = |path: &&str| format!("GET {path} HTTP/1.1\r\n{head}\r\n").into_bytes();
    let post = |path: &str, more: &str, body: &str| {
        let length = body.len();
        format!("POST {path} HTTP/1.1\r\n{head}{more}content-length: {length}\r\n\r\n{body}").into_bytes()
    };
    let form = "content-type: application/x-www-form-urlencoded\r\nsec-fetch-site: same-origin\r\n";
    let mut all: Vec<_> = GETS.iter().map(get).collect();
    all.push(post("/login", form, "csrf=x&name=erin&password=p%41ss&back=%2Fdrift"));
    all.push(post("/users/erin/role", form, "csrf=x&role=admin"));
    all.push(post("/api/v1/rollback?reason=no", "authorization: Bearer abc\r\n", ""));
    all.push(post("/api/v1/inspect?product=p&serial=7&trigger=12", "content-type: image/png\r\n", "\u{7f}PNG"));
    let part = "--b\r\ncontent-disposition: form-data; name=\"reason\"\r\n\r\nnew\r\n--b--\r\n";
    all.push(post("/deployments?csrf=x", "content-type: multipart/form-data; boundary=b\r\n", part));
    Ok(all)
}

struct Server {
    admin: AdminServer,
    _journal: Journal,
    _dir: tempfile::TempDir,
}

/// Whatever comes in, the answer is HTTP and says nothing of an error of the station's own.
pub fn answers() -> Result<Try> {
    let server = start()?;
    Ok(Box::new(move |bytes| {
        // The whole of it, so that it lives as long as this does.
        let server = &server;
        let answer = ask(server.admin.address, bytes)?;
        if answer.is_empty() {
            return Ok(false);
        }
        let line = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        ensure!(line.starts_with("HTTP/1.1 ") || line.starts_with("HTTP/1.0 "), "it answers {line:?}");
        ensure!(!line.contains(" 500 "), "it answers {line:?}");
        Ok(!line.contains(" 400 ") || answer.windows(12).any(|part| part == b"problem+json"))
    }))
}

fn ask(address: SocketAddr, bytes: &[u8]) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    // What is no whole request is waited for by the station; nobody waits for that here.
    stream.set_read_timeout(Some(if is_whole(bytes) { ANSWERED } else { ENOUGH }))?;
    // Who refuses what he hears may close before he has heard all of it.
    let _ = stream.write_all(bytes);
    let (mut answer, mut part) = (Vec::new(), [0; 16 << 10]);
    while answer.len() < MAX_ANSWER && !(is_whole(&answer) || bytes.starts_with(b"HEAD") && head_of(&answer).is_some())
    {
        match stream.read(&mut part) {
            Ok(read) if read > 0 => answer.extend(part.iter().take(read)),
            _ => break,
        }
        // An answer that says no length is a stream of events: its begin is enough.
        if head_of(&answer).is_some_and(|(head, _)| length_of(head).is_none()) {
            break;
        }
    }
    Ok(answer)
}

/// Head and body.
fn head_of(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = message.windows(4).position(|part| part == b"\r\n\r\n")?;
    message.split_at_checked(end + 4)
}

fn length_of(head: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let (_, rest) = text.split_once("\r\ncontent-length:")?;
    rest.lines().next().and_then(|number| number.trim().parse().ok())
}

/// Whether a message has a head and all of the body that it announces.
fn is_whole(message: &[u8]) -> bool {
    head_of(message).is_some_and(|(head, body)| body.len() >= length_of(head).unwrap_or(0))
}

fn start() -> Result<Server> {
    let dir = tempfile::tempdir()?;
    let options = JournalOptions { ballast_bytes: 1 << 20, ..JournalOptions::new(dir.path(), "line-1") };
    let journal = Journal::open(options)?;
    let ledger = Arc::new(Ledger::open(dir.path(), "line-1")?);
    let options = AccessOptions { open_without_users: true, ..AccessOptions::default() };
    let state = AdminState::new(AdminParts {
        station: "line-1".into(),
        board: Board::new(card()),
        journal: Arc::new(journal.reader()),
        reviews: journal.review_desk(),
        trouble: Arc::new(|| None),
        alarms: AlarmBoard::new(Arc::clone(&ledger)),
        charts: None,
        intakes: Arc::new([]),
        access: Arc::new(Access::new(ledger, options)?),
        deployer: None,
        replayer: None,
        shifts: Arc::default(),
        picture_limits: journal.picture_limits(),
        sources: Arc::default(),
        reach: Reach::default(),
    });
    let admin = AdminServer::start(bind("127.0.0.1:0".parse()?, &Reach::default(), false)?, state)?;
    Ok(Server { admin, _journal: journal, _dir: dir })
}

fn card() -> RecipeCard {
    RecipeCard { recipe: recipe(), device: device(&["CPU"]), library_version: "1".into(), components: vec![] }
}
