//! Frames that are judged again, asked of a running admin.

use super::report::judged;
use super::station::{Answer, Station, form_token, open, start_with, with_users};
use crate::access::{AccessOptions, Role};
use crate::admin::Reach;
use crate::deploy::{RecordedRecipes, Replayer};
use crate::domain::{
    BufferPool, Digest, Frame, FrameId, Image, Judgement, ModelAnswer, PixelFormat, Recipe, Verdict, test_recipe,
};
use crate::imaging::{DecodeLimits, encode_png};
use crate::journal::Record;
use crate::pipeline::{InspectContext, Judge, Trace, inspect_frame};
use crate::source::Arrival;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const FORM: &str = "application/x-www-form-urlencoded";
const LONG: Duration = Duration::from_secs(60);

/// Answers every picture with the same probabilities.
struct Fixed {
    recipe: Recipe,
    good: f32,
}

impl Fixed {
    fn new(good: f32) -> Self {
        Self { recipe: test_recipe::recipe(), good }
    }
}

impl Judge for Fixed {
    fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    fn judge(&self, _: &Frame, deadline: Instant, _: &mut Trace) -> Judgement {
        // The recipe's own budget is 100 ms: a replay has more than that.
        assert!(deadline > Instant::now() + Duration::from_secs(5) || self.good == RECORDED);
        let answer = ModelAnswer {
            model: "surface".to_owned(),
            digest: self.recipe.model.model,
            device: test_recipe::device(&["CPU"]),
            probabilities: vec![self.good, 1.0 - self.good],
            labels: self.recipe.model.labels.clone(),
        };
        Judgement { answer: Some(answer), ..Judgement::default() }
    }
}

/// What the model gave when the frame was recorded.
const RECORDED: f32 = 0.97;

type Make = Box<dyn Fn() -> Result<Fixed, String> + Send + Sync>;

struct Recipes {
    context: InspectContext,
    make: Make,
}

impl RecordedRecipes for Recipes {
    fn recorded(&self, recipe: Digest) -> Result<Arc<dyn Judge>, String> {
        assert_eq!(recipe, Digest::of(b"recipe"), "the recipe of the record is asked for");
        Ok(Arc::new((self.make)()?))
    }

    fn context(&self) -> &InspectContext {
        &self.context
    }
}

fn context() -> InspectContext {
    InspectContext { limits: DecodeLimits::default(), pool: BufferPool::new(0, 0) }
}

fn replayer(limit: Duration, make: impl Fn() -> Result<Fixed, String> + Send + Sync + 'static) -> Replayer {
    Replayer::new(Arc::new(Recipes { context: context(), make: Box::new(make) }), limit)
}

/// A station without users that judges again with what `make` gives, and one frame that it recorded.
fn station(limit: Duration, make: impl Fn() -> Result<Fixed, String> + Send + Sync + 'static) -> Station {
    let options = AccessOptions { open_without_users: true, ..AccessOptions::default() };
    let station = start_with(options, Reach::default(), Some(replayer(limit, make)));
    record(&station, 1);
    station
}

fn record(station: &Station, trigger: u64) -> Digest {
    let pixel = u8::try_from(trigger).unwrap();
    let picture: Arc<[u8]> =
        encode_png(&Image::new(8, 6, PixelFormat::Gray8, vec![pixel; 48].into()).unwrap()).unwrap().into();
    let arrival = Arrival {
        source: "folder".to_owned(),
        origin: None,
        product: None,
        serial: Some(format!("S{trigger}")),
        trigger: None,
        captured_at_us: station.now_us(),
        payload: Ok(Arc::clone(&picture)),
        simulated: false,
        receipt: None,
    };
    let id = FrameId { station: "line-1".to_owned(), boot: 1, trigger };
    let inspection = inspect_frame(arrival, id, &Fixed::new(RECORDED), &context()).inspection;
    assert!(matches!(inspection.verdict, Verdict::Pass { .. }), "{:?}", inspection.verdict);
    let record = Record { inspection, picture: Some(Arc::clone(&picture)), images: Vec::new() };
    station.journal().submit(record).unwrap().wait().unwrap();
    Digest::of(&picture)
}

fn replay(station: &Station, id: &str) -> Answer {
    station.ask("POST", &format!("/api/v1/inspections/{id}/replay"), &[], "")
}

fn page(station: &Station, id: &str, headers: &[(&str, &str)]) -> Answer {
    let token = form_token(&station.get("/inspections/line-1-1-1", &[]).text);
    let own = [("sec-fetch-site", "same-origin"), ("content-type", FORM)];
    station.ask("POST", &format!("/inspections/{id}/replay"), &[&own, headers].concat(), &format!("csrf={token}"))
}

fn body(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text);
    serde_json::from_str(&answer.text).unwrap()
}

#[test]
fn the_same_recipe_says_the_same_and_nothing_of_it_is_recorded() {
    let station = station(LONG, || Ok(Fixed::new(RECORDED)));
    let counts = station.board.snapshot().counters;
    let answer = body(&replay(&station, "line-1-1-1"));
    assert_eq!((&answer["same"], &answer["differences"]), (&json!(true), &json!([])));
    assert_eq!(answer["recipe"]["digest"], answer["running"]["digest"]);
    for side in ["then", "now"] {
        let side = &answer[side];
        assert_eq!(
            (&side["verdict"], &side["reason"], &side["device"]["used"]),
            (&"pass".into(), &"good".into(), &"CPU".into())
        );
        assert!(side["stages_ms"]["decode"].is_number(), "{side}");
    }
    let list = body(&station.get("/api/v1/inspections", &[]));
    assert_eq!(list["inspections"].as_array().unwrap().len(), 1, "what was judged again is no inspection");
    assert_eq!(station.board.snapshot().counters, counts);
    let line = station.newest_audit();
    assert_eq!((line.action.as_str(), line.target.as_str(), line.refused), ("replay", "line-1-1-1", None));
}

#[test]
fn another_answer_is_shown_difference_by_difference_in_both_languages() {
    let station = station(LONG, || Ok(Fixed::new(0.2)));
    let answer = body(&replay(&station, "line-1-1-1"));
    let what: Vec<_> = answer["differences"].as_array().unwrap().iter().map(|one| one["what"].clone()).collect();
    assert_eq!(what, ["verdict", "probability", "probability"]);
    assert_eq!(answer["differences"][1]["of"], "good");
    assert_eq!((&answer["then"]["verdict"], &answer["now"]["verdict"]), (&"pass".into(), &"fail".into()));
    for (lang, words) in [("en", "Another result than then"), ("zh-CN", "结果与当时不同")] {
        let page = page(&station, "line-1-1-1", &[("accept-language", lang)]);
        assert_eq!(page.status, 200);
        for text in [words, "0.97000", "0.20000", "S1"] {
            assert!(page.text.contains(text), "{text}: {}", page.text);
        }
        assert!(!page.text.contains("back=/inspections/line-1-1-1/replay"), "that address cannot be read");
    }
}

#[test]
fn who_may_only_look_is_offered_no_replay_and_gets_none() {
    let station = with_users();
    record(&station, 1);
    let of = |role: Role| format!("Bearer {}", station.token(role));
    let shown = |bearer: &str| station.get("/inspections/line-1-1-1", &[("authorization", bearer)]).text;
    assert!(!shown(&of(Role::Viewer)).contains("/replay"));
    let operator = station.sign_in("operator").0;
    assert!(station.get("/inspections/line-1-1-1", &[("cookie", &operator)]).text.contains("/replay"));
    let path = "/api/v1/inspections/line-1-1-1/replay";
    let (viewer, operator) = (of(Role::Viewer), of(Role::Engineer));
    assert_eq!(station.ask("POST", path, &[("authorization", &viewer)], "").problem(), "wrong-role");
    assert_eq!(station.ask("POST", path, &[("authorization", &operator)], "").problem(), "replay-failed");
}

#[test]
fn what_cannot_be_judged_again_is_refused_with_the_reason() {
    let station = station(LONG, || Ok(Fixed::new(RECORDED)));
    for id in ["line-1-1-9", "nonsense"] {
        let answer = replay(&station, id);
        assert_eq!((answer.status, answer.problem().as_str()), (404, "unknown-frame"));
        assert_eq!(page(&station, id, &[]).status, 404);
    }
    let gone = record(&station, 2);
    std::fs::remove_file(station.journal().reader().picture_path(&gone).unwrap()).unwrap();
    let verdict = Verdict::Pass { label: "good".to_owned(), score: 0.9 };
    let mut inspection = judged(&station, 3, verdict, b"none");
    inspection.picture = None;
    station.journal().submit(Record { inspection, picture: None, images: vec![] }).unwrap().wait().unwrap();
    for (id, kind, words) in [
        ("line-1-1-2", "picture-gone", "The picture is no longer kept"),
        ("line-1-1-3", "no-picture", "There is no picture to judge"),
    ] {
        let answer = replay(&station, id);
        assert_eq!((answer.status, answer.problem().as_str()), (409, kind));
        assert_eq!(station.newest_audit().refused.as_deref(), Some(kind));
        let plain = page(&station, id, &[("accept-language", "en")]);
        assert!(plain.status == 409 && plain.text.contains(words), "{}", plain.text);
        assert_eq!(page(&station, id, &[("hx-request", "true")]).status, 200, "htmx would show nothing else");
    }
}

#[test]
fn a_recipe_that_cannot_judge_any_more_is_named() {
    let station = station(LONG, || Err("no bundle has its digest".to_owned()));
    let answer = replay(&station, "line-1-1-1");
    assert_eq!((answer.status, answer.problem().as_str()), (409, "recipe-gone"));
    assert!(answer.text.contains("test 1.0.0") && answer.text.contains("no bundle has its digest"), "{}", answer.text);
}

/// A recipe that says that it is asked for, and waits until it may go on.
fn gated() -> (impl Fn() -> Result<Fixed, String> + Send + Sync, Receiver<()>, Sender<()>) {
    let (asked, asks) = channel();
    let (go, may_go) = channel();
    let (asked, may_go) = (Mutex::new(asked), Mutex::new(may_go));
    let make = move || {
        asked.lock().unwrap().send(()).unwrap();
        let _ = may_go.lock().unwrap().recv();
        Ok(Fixed::new(RECORDED))
    };
    (make, asks, go)
}

#[test]
fn a_replay_steps_back_behind_the_line() {
    let nice = || {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        let behind_the_name = stat.rsplit_once(')').unwrap().1;
        behind_the_name.split_whitespace().nth(16).unwrap().parse::<i32>().unwrap()
    };
    let (own, seen) = (nice(), Arc::new(AtomicI32::new(-100)));
    let told = Arc::clone(&seen);
    let station = station(LONG, move || {
        told.store(nice(), Ordering::Relaxed);
        Ok(Fixed::new(RECORDED))
    });
    assert_eq!(replay(&station, "line-1-1-1").status, 200);
    assert_eq!(seen.load(Ordering::Relaxed), (own + 10).min(19));
    assert_eq!(nice(), own, "and nobody else does");
}

#[test]
fn one_frame_is_judged_again_at_a_time() {
    let (make, asks, go) = gated();
    let station = station(LONG, make);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| replay(&station, "line-1-1-1"));
        asks.recv_timeout(LONG).unwrap();
        let second = replay(&station, "line-1-1-1");
        assert_eq!((second.status, second.problem().as_str()), (429, "replay-busy"));
        assert_eq!(second.header("retry-after"), "5");
        go.send(()).unwrap();
        assert_eq!(first.join().unwrap().status, 200);
    });
    go.send(()).unwrap();
    assert_eq!(replay(&station, "line-1-1-1").status, 200, "the next one has its turn");
}

#[test]
fn what_hangs_is_left_behind_and_nothing_more_is_begun() {
    let (make, asks, go) = gated();
    let station = station(Duration::from_millis(50), make);
    for _ in 0..2 {
        let answer = replay(&station, "line-1-1-1");
        assert_eq!((answer.status, answer.problem().as_str()), (503, "replay-hangs"));
    }
    asks.recv_timeout(LONG).unwrap();
    assert!(asks.try_recv().is_err(), "one thread hangs, not two");
    drop(go);
}

#[test]
fn a_panic_ends_one_replay_and_no_other() {
    let asked = AtomicUsize::new(0);
    let station = station(LONG, move || {
        assert!(asked.fetch_add(1, Ordering::Relaxed) > 0, "the first one panics");
        Ok(Fixed::new(RECORDED))
    });
    let answer = replay(&station, "line-1-1-1");
    assert_eq!((answer.status, answer.problem().as_str()), (503, "replay-failed"));
    assert_eq!(replay(&station, "line-1-1-1").status, 200);
}

#[test]
fn the_page_of_a_frame_has_the_form() {
    let station = open();
    record(&station, 1);
    let page = station.get("/inspections/line-1-1-1?verdict=pass", &[("accept-language", "en")]).text;
    assert!(page.contains("action=\"/inspections/line-1-1-1/replay?verdict=pass#replay\""), "{page}");
    assert!(page.contains("Replay now"));
}
