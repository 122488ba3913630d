//! The admin of a station that judges nothing, over real HTTP.

use crate::access::{Access, AccessOptions, Actor, Role};
use crate::admin::{AdminParts, AdminServer, AdminState, Reach, bind};
use crate::alarms::AlarmBoard;
use crate::charts::ChartBoard;
use crate::deploy::Replayer;
use crate::domain::test_recipe;
use crate::journal::{AuditLine, Journal, JournalOptions, Ledger};
use crate::pipeline::{Board, RecipeCard};
use crate::source::{Intake, SourceSetup};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub const PASSWORD: &str = "canada-goose-7";

/// What came back: status, headers, text.
pub struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The `type` of a problem, without its prefix.
    pub fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text);
        let body: serde_json::Value = serde_json::from_str(&self.text).unwrap();
        assert_eq!(body["status"], self.status);
        assert!(body["title"].is_string() && body["detail"].is_string(), "{body}");
        body["type"].as_str().unwrap().strip_prefix("urn:assay:problem:").unwrap().to_owned()
    }
}

pub struct Station {
    pub access: Arc<Access>,
    pub alarms: AlarmBoard,
    pub board: Board,
    pub charts: ChartBoard,
    pub state: AdminState,
    /// Whether nothing is recorded any more.
    pub trouble: Arc<AtomicBool>,
    pub address: String,
    agent: ureq::Agent,
    _admin: AdminServer,
    _journal: Journal,
    _dir: tempfile::TempDir,
}

/// A station without users on loopback, open to whoever is there.
pub fn open() -> Station {
    open_station(Made::default())
}

/// A station with a user of each role, named as the role.
pub fn with_users() -> Station {
    let station = open();
    for role in Role::ALL {
        station.access.add_user(&Actor::console(), role.name(), role, PASSWORD).unwrap();
    }
    station
}

pub fn start(options: AccessOptions, reach: Reach) -> Station {
    station(options, reach, Made::default())
}

/// An open station that runs this recipe.
pub fn with_card(card: RecipeCard) -> Station {
    open_station(Made { card, ..Made::default() })
}

/// An open station with these sources, of which none runs.
pub fn with_sources(sources: SourceSetup, intakes: Vec<Intake>) -> Station {
    open_station(Made { sources, intakes, ..Made::default() })
}

pub fn start_with(options: AccessOptions, reach: Reach, replayer: Option<Replayer>) -> Station {
    station(options, reach, Made { replayer, ..Made::default() })
}

/// What a station is made of, beside who may use it.
struct Made {
    card: RecipeCard,
    replayer: Option<Replayer>,
    sources: SourceSetup,
    intakes: Vec<Intake>,
}

impl Default for Made {
    fn default() -> Self {
        Self { card: card(), replayer: None, sources: SourceSetup::default(), intakes: Vec::new() }
    }
}

fn open_station(made: Made) -> Station {
    station(AccessOptions { open_without_users: true, ..AccessOptions::default() }, Reach::default(), made)
}

fn station(options: AccessOptions, reach: Reach, made: Made) -> Station {
    let Made { card, replayer, sources, intakes } = made;
    let dir = tempfile::tempdir().unwrap();
    let journal =
        Journal::open(JournalOptions { ballast_bytes: 1 << 20, ..JournalOptions::new(dir.path(), "line-1") }).unwrap();
    let ledger = Arc::new(Ledger::open(dir.path(), "line-1").unwrap());
    let alarms = AlarmBoard::new(Arc::clone(&ledger));
    let charts = ChartBoard::new(dir.path());
    let access = Arc::new(Access::new(Arc::clone(&ledger), options).unwrap());
    let (board, trouble) = (Board::new(card), Arc::new(AtomicBool::new(false)));
    let listener = bind("127.0.0.1:0".parse().unwrap(), &reach, false).unwrap();
    let state = AdminState::new(AdminParts {
        station: "line-1".into(),
        board: board.clone(),
        journal: Arc::new(journal.reader()),
        reviews: journal.review_desk(),
        trouble: {
            let wrong = Arc::clone(&trouble);
            Arc::new(move || wrong.load(Ordering::Relaxed).then(|| "the disk is full".to_owned()))
        },
        alarms: alarms.clone(),
        charts: Some(charts.clone()),
        intakes: intakes.into(),
        access: Arc::clone(&access),
        deployer: None,
        replayer,
        shifts: Arc::default(),
        picture_limits: journal.picture_limits(),
        sources: Arc::new(sources),
        reach,
    });
    let admin = AdminServer::start(listener, state.clone()).unwrap();
    let agent = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build().into();
    let address = format!("http://{}", admin.address);
    Station {
        access,
        alarms,
        board,
        charts,
        state,
        trouble,
        address,
        agent,
        _admin: admin,
        _journal: journal,
        _dir: dir,
    }
}

impl Station {
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = self.agent.run(request.body(body.to_owned()).unwrap()).unwrap();
        // An answer without an end.
        let endless = response.headers().get("content-type").is_some_and(|media| media == "text/event-stream");
        let bytes = if endless { Vec::new() } else { response.body_mut().read_to_vec().unwrap() };
        // An export of pictures is no text.
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status: response.status().as_u16(), headers: response.headers().clone(), text }
    }

    /// Ends the admin; its records stay as long as the folder.
    pub fn end(self) -> tempfile::TempDir {
        self._admin.stop();
        self._dir
    }

    pub fn dir(&self) -> &std::path::Path {
        self._dir.path()
    }

    pub fn journal(&self) -> &Journal {
        &self._journal
    }

    pub fn now_us(&self) -> i64 {
        jiff::Timestamp::now().as_microsecond()
    }

    /// The body of an answer that is no text.
    pub fn bytes(&self, path: &str) -> Vec<u8> {
        let mut response = self.agent.get(format!("{}{path}", self.address)).call().unwrap();
        assert_eq!(response.status().as_u16(), 200, "{path}");
        response.body_mut().read_to_vec().unwrap()
    }

    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask("GET", path, headers, "")
    }

    /// A form as a browser sends it from a page of the station.
    pub fn form(&self, path: &str, cookie: &str, fields: &str) -> Answer {
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
        let all = [headers[0], headers[1], ("cookie", cookie)];
        self.ask("POST", path, &all, fields)
    }

    /// Signs in; gives the cookie and the form token.
    pub fn sign_in(&self, name: &str) -> (String, String) {
        let answer = self.form("/login", "", &format!("name={name}&password={PASSWORD}&back=/drift"));
        assert_eq!((answer.status, answer.header("location")), (303, "/drift"), "{}", answer.text);
        let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
        let token = form_token(&self.get("/account", &[("cookie", &cookie)]).text);
        (cookie, token)
    }

    pub fn token(&self, role: Role) -> String {
        self.access.create_token(&Actor::console(), &format!("machine-{role}"), role, 1).unwrap().text
    }

    pub fn newest_audit(&self) -> AuditLine {
        self.access.ledger().audit_lines(None, 1).unwrap().remove(0)
    }
}

/// The token in the first form of a page.
pub fn form_token(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"csrf\" value=\"").expect("the page has a form");
    rest.split('"').next().unwrap().to_owned()
}

fn card() -> RecipeCard {
    let device = test_recipe::device(&["CPU"]);
    RecipeCard { recipe: test_recipe::recipe(), device, library_version: "1".into(), components: vec![] }
}
