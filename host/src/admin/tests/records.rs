//! Looking through what was recorded, reviewing it, and exporting it, over real HTTP.

use super::station::{Answer, Station, form_token, open, with_users};
use crate::access::Role;
use crate::domain::{
    Blame, DeviceUse, Digest, Finding, FrameId, FrameMeta, Inspection, ModelAnswer, PluginKind, PluginRun, Stage,
    StageTime, Verdict,
};
use crate::journal::Record;
use serde_json::{Value, json};

/// What must never be taken for markup.
const HOSTILE: &str = "<script>alert(\"x\")</script>'&";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\nnot a whole picture, but one by its first bytes";

/// A detector whose every text is hostile.
fn run(raised: bool) -> PluginRun {
    let finding = Finding {
        label: HOSTILE.to_owned(),
        score: 0.9,
        raised,
        region: Some(crate::domain::Region { x: 1, y: 2, width: 3, height: 4 }),
        text: Some(HOSTILE.to_owned()),
        attributes: vec![(HOSTILE.to_owned(), HOSTILE.to_owned())],
    };
    PluginRun {
        plugin: "adv-squeeze".to_owned(),
        kind: PluginKind::Detector,
        component: Digest::of(b"plugin"),
        micros: 1,
        host_micros: 1,
        memory_bytes: 1,
        host_bytes: 1,
        findings: vec![finding],
        attributes: Vec::new(),
        replaced: None,
        failure: None,
    }
}

pub fn part(station: &Station, trigger: u64) -> Record {
    let verdict = match trigger % 3 {
        0 => Verdict::Fail { reason: "scratch".to_owned(), score: 0.88 },
        1 => Verdict::Pass { label: "good".to_owned(), score: 0.97 },
        _ => Verdict::Undecided {
            stage: Stage::Decide,
            blame: Blame::Model,
            code: "unsure".to_owned(),
            detail: "good at 0.55".to_owned(),
        },
    };
    let device = DeviceUse {
        backend: "fake".to_owned(),
        asked: vec!["CPU".to_owned()],
        used: "CPU".to_owned(),
        precision: "f32-exact".to_owned(),
    };
    let answer = ModelAnswer {
        model: "surface".to_owned(),
        digest: Digest::of(b"model"),
        device,
        probabilities: vec![0.55, 0.45],
        labels: vec!["good".to_owned(), "scratch".to_owned()],
    };
    let mut picture = PNG.to_vec();
    picture.extend(trigger.to_le_bytes());
    let inspection = Inspection {
        meta: FrameMeta {
            id: id(trigger),
            captured_at_us: 1_764_000_000_000_000 + trigger as i64 * 1000,
            source: "folder".to_owned(),
            origin: Some(format!("{HOSTILE}-{trigger}.png")),
            product: Some(HOSTILE.to_owned()),
            serial: Some(if trigger == 7 { HOSTILE.to_owned() } else { format!("S{trigger}") }),
            line_trigger: None,
            simulated: false,
        },
        picture: Some(Digest::of(&picture)),
        width: 8,
        height: 8,
        recipe: "test".to_owned(),
        recipe_version: "1.0.0".to_owned(),
        recipe_digest: Digest::of(b"recipe"),
        verdict,
        answer: Some(answer),
        runs: vec![run(trigger.is_multiple_of(5))],
        stages: vec![StageTime { stage: Stage::Infer, micros: 3000 }],
        judged_at_us: station.now_us() - 1_000_000 + trigger as i64 * 1000,
    };
    Record { inspection, picture: Some(picture.into()), images: Vec::new() }
}

pub fn id(trigger: u64) -> FrameId {
    FrameId { station: "line-1".to_owned(), boot: 1, trigger }
}

pub fn fill(station: &Station, count: u64) {
    let pending: Vec<_> =
        (1..=count).map(|trigger| station.journal().submit(part(station, trigger)).unwrap()).collect();
    pending.into_iter().for_each(|pending| assert!(pending.wait().unwrap().row > 0));
}

fn body(answer: &Answer) -> Value {
    assert_eq!(answer.header("content-type"), "application/json", "{}", answer.text);
    serde_json::from_str(&answer.text).unwrap()
}

fn ids(list: &Value) -> Vec<u64> {
    let lines = list["inspections"].as_array().unwrap().iter();
    lines.map(|line| FrameId::parse(line["id"].as_str().unwrap()).unwrap().trigger).collect()
}

#[test]
fn programs_page_through_a_filter_in_both_directions() {
    let station = open();
    fill(&station, 60);
    let get = |path: &str| body(&station.get(path, &[]));
    let (mut seen, mut path) = (Vec::new(), "/api/v1/inspections?verdict=fail&limit=7".to_owned());
    let mut last = Value::Null;
    loop {
        let page = get(&path);
        seen.extend(ids(&page));
        let Some(older) = page["older"].as_str() else {
            last = page;
            break;
        };
        path = format!("/api/v1/inspections?verdict=fail&limit=7&cursor={older}");
        assert!(seen.len() <= 60, "{last}");
    }
    assert_eq!(seen, (1..=60).rev().filter(|trigger| trigger % 3 == 0).collect::<Vec<_>>());
    let newer = last["newer"].as_str().unwrap();
    let back = get(&format!("/api/v1/inspections?verdict=fail&limit=7&cursor={newer}"));
    assert_eq!(ids(&back), seen[7..14], "the page before the last one");
    assert_eq!(get("/api/v1/inspections?limit=1")["inspections"][0]["serial"], "S60");
}

#[test]
fn a_list_that_has_not_changed_is_not_sent_again() {
    let station = open();
    fill(&station, 3);
    let first = station.get("/api/v1/inspections", &[]);
    let tag = first.header("etag").to_owned();
    assert!(!tag.is_empty());
    let again = station.get("/api/v1/inspections", &[("if-none-match", &tag)]);
    assert_eq!((again.status, again.text.as_str(), again.header("etag")), (304, "", tag.as_str()));
    station.journal().submit(part(&station, 4)).unwrap().wait().unwrap();
    assert_eq!(station.get("/api/v1/inspections", &[("if-none-match", &tag)]).status, 200);
}

#[test]
fn programs_are_told_what_is_wrong_with_a_filter() {
    let station = open();
    fill(&station, 10);
    let fails = body(&station.get("/api/v1/inspections?verdict=fail&limit=1", &[]));
    let cursor = fails["older"].as_str().unwrap().to_owned();
    let cases = [
        (format!("verdict=pass&cursor={cursor}"), "cursor-of-another-filter", "another filter"),
        ("cursor=nonsense".to_owned(), "bad-cursor", "no place"),
        ("limit=100000".to_owned(), "bad-filter", "1 to 200"),
        ("from=2026-02-02&to=2026-01-01".to_owned(), "bad-filter", "before the beginning"),
        ("verdct=fail".to_owned(), "bad-filter", "no such filter"),
        ("score_min=seven".to_owned(), "bad-filter", "0 to 1"),
    ];
    for (query, kind, words) in cases {
        let answer = station.get(&format!("/api/v1/inspections?{query}"), &[]);
        assert_eq!((answer.status, answer.problem().as_str()), (400, kind), "{query}");
        assert!(answer.text.contains(words), "{query}: {}", answer.text);
    }
    for missing in ["line-1-1-99", "x", "line-1-1-01"] {
        let answer = station.get(&format!("/api/v1/inspections/{missing}"), &[]);
        assert_eq!((answer.status, answer.problem().as_str()), (404, "not-found"), "{missing}");
    }
}

#[test]
fn the_page_of_a_bad_filter_keeps_what_was_typed() {
    let station = open();
    fill(&station, 3);
    let path = "/inspections?from=yesterday&label=scratch&score_min=0.9&score_max=0.1&flagged=often";
    let page = station.get(path, &[]);
    assert_eq!(page.status, 400);
    for kept in
        ["value=\"yesterday\"", "value=\"scratch\"", "value=\"0.9\"", "value=\"0.1\"", "value=\"often\" selected"]
    {
        assert!(page.text.contains(kept), "{kept}: {}", page.text);
    }
    for said in
        ["from: a time is", "score_max: the highest score", "flagged: this is yes or no", "aria-invalid=\"true\""]
    {
        assert!(page.text.contains(said), "{said}: {}", page.text);
    }
    let chinese = station.get(path, &[("cookie", "lang=zh-CN")]);
    assert!(chinese.text.contains("无法理解此筛选条件"), "{}", chinese.text);
    assert_eq!(station.get("/inspections?verdct=fail", &[]).status, 400);
}

/// The addresses of links with a relation.
fn link(page: &str, rel: &str) -> Option<String> {
    let at = page.find(&format!("rel=\"{rel}\" href=\""))? + rel.len() + 13;
    Some(page[at..].split('"').next().unwrap().replace("&amp;", "&"))
}

#[test]
fn pages_are_turned_both_ways_and_the_detail_goes_on_within_the_filter() {
    let station = open();
    fill(&station, 200);
    let first = station.get("/inspections?verdict=fail", &[]).text;
    assert!(link(&first, "prev").is_none());
    let second = station.get(&link(&first, "next").unwrap(), &[]).text;
    assert!(second.contains("line-1-1-48<") && !second.contains("line-1-1-51<"), "{second}");
    let back = station.get(&link(&second, "prev").unwrap(), &[]).text;
    assert!(back.contains("line-1-1-198<") && back.contains("line-1-1-51<"), "{back}");
    let detail = station.get("/inspections/line-1-1-99?verdict=fail", &[]).text;
    assert_eq!(link(&detail, "next").as_deref(), Some("/inspections/line-1-1-96?verdict=fail"));
    assert_eq!(link(&detail, "prev").as_deref(), Some("/inspections/line-1-1-102?verdict=fail"));
    let all = station.get("/inspections/line-1-1-99", &[]).text;
    assert_eq!(link(&all, "next").as_deref(), Some("/inspections/line-1-1-98"));
}

#[test]
fn what_comes_from_outside_is_shown_as_text() {
    let station = open();
    fill(&station, 10);
    let by = format!("/api/v1/inspections/{}/reviews", id(7));
    let review = json!({ "verdict": "fail", "label": HOSTILE, "reason": HOSTILE }).to_string();
    let headers = [("content-type", "application/json")];
    assert_eq!(station.ask("POST", &by, &headers, &review).status, 201);
    let encoded = "%3Cscript%3Ealert(%22x%22)%3C%2Fscript%3E";
    for path in [
        "/inspections",
        "/inspections/line-1-1-7",
        "/inspections/line-1-1-10",
        "/review?queue=undecided",
        "/review?queue=fail",
        "/quality",
        &format!("/inspections?label={encoded}&serial={encoded}&from={encoded}"),
        &format!(
            "/inspections/line-1-1-7?draft_label={encoded}&draft_reason={encoded}&draft_verdict=fail&draft_back={encoded}"
        ),
        &format!("/inspections?{encoded}={encoded}"),
    ] {
        let page = station.get(path, &[]);
        assert!(page.text.contains("&lt;script&gt;") || path == "/quality" || path.starts_with("/review"), "{path}");
        assert!(!page.text.contains("<script>alert"), "{path}");
        assert!(!page.text.contains("alert(\"x\")"), "no quote ends an attribute: {path}");
    }
}

#[test]
fn saved_views_are_each_persons_own() {
    let station = with_users();
    let (ada, token) = station.sign_in("viewer");
    let saved = station.form("/inspections/views", &ada, &format!("csrf={token}&name=my+fails&query=verdict%3Dfail"));
    assert_eq!((saved.status, saved.header("location")), (303, "/inspections?verdict=fail"));
    assert!(station.get("/inspections", &[("cookie", &ada)]).text.contains("my fails"));
    let (bob, _) = station.sign_in("operator");
    assert!(!station.get("/inspections", &[("cookie", &bob)]).text.contains("my fails"));
    for bad in ["name=&query=verdict%3Dfail", "name=x&query=verdict%3Dno", &format!("name={}&query=", "x".repeat(61))] {
        assert_eq!(station.form("/inspections/views", &ada, &format!("csrf={token}&{bad}")).status, 422, "{bad}");
    }
    let gone = station.form("/inspections/views/forget", &ada, &format!("csrf={token}&name=my+fails&query="));
    assert_eq!((gone.status, gone.header("location")), (303, "/inspections"));
    let actions: Vec<_> =
        station.access.ledger().audit_lines(None, 10).unwrap().into_iter().map(|line| line.action).collect();
    assert!(actions.contains(&"save-view".to_owned()) && actions.contains(&"forget-view".to_owned()), "{actions:?}");
}

#[test]
fn an_operator_reviews_and_a_viewer_does_not() {
    let station = with_users();
    fill(&station, 6);
    let path = format!("/inspections/{}/reviews", id(3));
    let (viewer, token) = station.sign_in("viewer");
    assert_eq!(station.form(&path, &viewer, &format!("csrf={token}&verdict=fail&seen=0")).status, 403);
    assert!(!station.get("/inspections/line-1-1-3", &[("cookie", &viewer)]).text.contains("class=\"review\""));
    let (operator, token) = station.sign_in("operator");
    let good = format!("csrf={token}&verdict=pass&label=good&reason=only+dust&seen=0&back=/review?queue=fail");
    let done = station.form(&path, &operator, &good);
    assert_eq!((done.status, done.header("location")), (303, "/review?queue=fail"), "{}", done.text);
    let page = station.get("/inspections/line-1-1-3", &[("cookie", &viewer)]).text;
    assert!(page.contains("only dust") && page.contains("<b>operator</b>"), "{page}");
    let line = station.newest_audit();
    assert_eq!((line.action.as_str(), line.target.as_str()), ("review", "line-1-1-3 pass"));
    assert_eq!((line.reason.as_deref(), line.refused), (Some("only dust"), None));
    assert!(
        !station.get("/review?queue=fail", &[("cookie", &operator)]).text.contains("line-1-1-3\""),
        "it waits no more"
    );
    let elsewhere =
        station.form(&path.replace("-3/", "-6/"), &operator, &good.replace("/review?queue=fail", "//evil.example"));
    assert_eq!(elsewhere.header("location"), "/", "no way to another site");
}

#[test]
fn a_review_that_cannot_be_recorded_keeps_what_was_entered() {
    let station = with_users();
    fill(&station, 6);
    let (cookie, token) = station.sign_in("operator");
    let send = |fields: &str| {
        station.form(&format!("/inspections/{}/reviews", id(3)), &cookie, &format!("csrf={token}&{fields}"))
    };
    let entered = "label=my+label&back=%2Freview";
    let kept = |answer: &Answer, status: u16, words: &str| {
        assert_eq!(answer.status, status, "{}", answer.text);
        assert!(answer.text.contains(words), "{words}: {}", answer.text);
        assert!(
            answer.text.contains("value=\"my label\"") && answer.text.contains("value=\"/review\""),
            "{}",
            answer.text
        );
    };
    kept(&send(&format!("seen=0&{entered}")), 422, "Say what the part is");
    let disagrees = send(&format!("verdict=pass&seen=0&{entered}"));
    kept(&disagrees, 422, "say why");
    assert!(disagrees.text.contains("value=\"pass\" required checked"), "{}", disagrees.text);
    kept(&send(&format!("verdict=fail&seen=0&{entered}&reason={}", "x".repeat(501))), 422, "at most 128 characters");
    assert_eq!(send("verdict=fail&seen=0&label=theirs&reason=meanwhile").status, 303);
    let stale = send(&format!("verdict=fail&seen=0&{entered}"));
    kept(&stale, 409, "Somebody else reviewed");
    assert!(stale.text.contains("meanwhile"), "what they say is there");
    // The form that was shown has seen it: sent again, it is recorded.
    let seen = stale.text.split("name=\"seen\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(send(&format!("verdict=fail&seen={seen}&{entered}")).status, 303);
}

#[test]
fn a_review_outlives_the_session_it_was_written_in() {
    let station = with_users();
    fill(&station, 6);
    let path = format!("/inspections/{}/reviews", id(3));
    let (cookie, token) = station.sign_in("operator");
    station.form("/logout", &cookie, &format!("csrf={token}"));
    let fields = format!("csrf={token}&verdict=pass&label=kratzer+%C3%A4&reason=a%26b&seen=0&back=/review");
    let sent = station.form(&path, &cookie, &fields);
    assert_eq!(sent.status, 303);
    let login = sent.header("location").to_owned();
    assert!(login.starts_with("/login?back=/inspections/line-1-1-3%3Fdraft_verdict"), "{login}");
    let row = station.journal().reader().get(&id(3)).unwrap().unwrap().row;
    assert_eq!(station.journal().reader().reviews(row, 9).unwrap(), [], "nothing was recorded");
    // Signing in goes back to the form, with all that was entered.
    let page = station.get(&login, &[]).text;
    let back = page.split("name=\"back\" value=\"").nth(1).unwrap().split('"').next().unwrap().replace("&amp;", "&");
    let (cookie, new) = station.sign_in("operator");
    let form = station.get(&back, &[("cookie", &cookie)]);
    for kept in
        ["value=\"kratzer ä\"", "value=\"a&amp;b\"", "value=\"pass\" required checked", "Your session had ended"]
    {
        assert!(form.text.contains(kept), "{kept}: {}", form.text);
    }
    // An old page's form in a new session: shown again, with a token that counts.
    let old = station.form(&path, &cookie, &fields);
    assert_eq!(old.status, 303);
    assert!(
        old.header("location").starts_with("/inspections/line-1-1-3?draft_verdict=pass"),
        "{}",
        old.header("location")
    );
    assert_eq!(form_token(&form.text), new);
    // Another site gets nothing of this.
    let foreign = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "cross-site")];
    assert_eq!(station.ask("POST", &path, &foreign, &fields).status, 401);
}

#[test]
fn programs_review_too_and_are_told_why_not() {
    let station = with_users();
    fill(&station, 6);
    let bearer = format!("Bearer {}", station.token(Role::Operator));
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let path = format!("/api/v1/inspections/{}/reviews", id(3));
    let post = |path: &str, body: Value| station.ask("POST", path, &headers, &body.to_string());
    let made = post(&path, json!({ "verdict": "fail", "label": "scratch" }));
    assert_eq!(made.status, 201, "{}", made.text);
    let row = body(&made)["row"].as_i64().unwrap();
    let one = body(&station.get(&format!("/api/v1/inspections/{}", id(3)), &headers));
    assert_eq!(
        (one["reviews"][0]["row"].as_i64(), one["reviews"][0]["reviewer"].as_str()),
        (Some(row), Some("machine-operator"))
    );
    assert_eq!(one["inspection"]["meta"]["id"]["trigger"], 3);
    let list = body(&station.get("/api/v1/inspections?reviewed=yes", &headers));
    assert_eq!((ids(&list), list["inspections"][0]["review"]["latest"].as_i64()), (vec![3], Some(row)));
    let cases = [
        (path.clone(), json!({ "verdict": "fail" }), 409, "stale-review"),
        (path.clone(), json!({ "verdict": "pass", "seen": row }), 422, "reason-missing"),
        (path.clone(), json!({ "verdict": "maybe", "seen": row }), 422, "bad-verdict"),
        (path.clone(), json!({ "verdict": "fail", "sen": row }), 400, "bad-request"),
        ("/api/v1/inspections/line-1-1-99/reviews".to_owned(), json!({ "verdict": "fail" }), 404, "unknown-frame"),
        ("/api/v1/inspections/x/reviews".to_owned(), json!({ "verdict": "fail" }), 404, "unknown-frame"),
    ];
    for (path, wish, status, kind) in cases {
        let answer = post(&path, wish.clone());
        assert_eq!((answer.status, answer.problem().as_str()), (status, kind), "{wish}");
    }
}

#[test]
fn quality_is_not_measured_before_somebody_looked() {
    let station = open();
    fill(&station, 30);
    let page = station.get("/quality?days=1", &[]).text;
    assert!(page.contains("not measured") && page.contains("Nobody has reviewed any of"), "{page}");
    assert!(!page.contains("<b>0.0 %"), "no share of nothing: {page}");
    assert_eq!(station.get("/quality?days=2", &[]).status, 400);
    assert_eq!(station.get("/quality?days=7&floor=3", &[]).status, 400);
    let chinese = station.get("/quality", &[("cookie", "lang=zh-CN")]).text;
    assert!(chinese.contains("未测得"), "{chinese}");
}

#[test]
fn reviewed_parts_become_figures_with_their_uncertainty() {
    let station = open();
    fill(&station, 300);
    let headers = [("content-type", "application/json")];
    let review = |trigger: u64, verdict: &str| {
        let body = json!({ "verdict": verdict, "reason": "looked at" }).to_string();
        let path = format!("/api/v1/inspections/{}/reviews", id(trigger));
        assert_eq!(station.ask("POST", &path, &headers, &body).status, 201);
    };
    review(3, "fail");
    review(6, "pass");
    review(2, "pass");
    let drawn = body(&station.get("/api/v1/inspections?sampled=yes&limit=200", &[]));
    let drawn = ids(&drawn);
    assert!(drawn.len() > 1 && drawn.iter().all(|trigger| trigger % 3 == 1), "{drawn:?}");
    drawn.iter().for_each(|trigger| review(*trigger, "pass"));
    let page = station.get("/quality?days=1&floor=0.5", &[]).text;
    assert!(
        page.contains("(95 %), n = ") && page.contains("<polyline") && !page.contains("Nobody has reviewed"),
        "{page}"
    );
    // Two rejects of a hundred were looked at, one of them is good; two undecided ones likewise; the drawn stand for 50 each.
    let good = 50.0 + 100.0 + 50.0 * drawn.len() as f64;
    let expected = format!("<b>{:.1} %</b><span>False rejects", 50.0 / good * 100.0);
    assert!(page.contains(&expected), "{expected}: {page}");
}

#[test]
fn an_export_has_each_row_of_its_filter_and_an_audit_row() {
    let station = with_users();
    fill(&station, 450);
    let viewer = format!("Bearer {}", station.token(Role::Viewer));
    let operator = format!("Bearer {}", station.token(Role::Operator));
    let csv = station.get("/inspections/export/csv?verdict=fail", &[("authorization", &viewer)]);
    assert_eq!((csv.status, csv.header("content-type")), (200, "text/csv; charset=utf-8"));
    assert_eq!(csv.text.matches("\r\n").count(), 151);
    assert!(csv.text.contains(",review,review_label,reviews\r\n"), "{}", csv.text);
    let line = station.newest_audit();
    assert_eq!((line.action.as_str(), line.target.as_str()), ("export", "csv verdict=fail"));
    for pictures in ["imagefolder", "coco"] {
        let path = format!("/inspections/export/{pictures}?verdict=fail");
        assert_eq!(station.get(&path, &[("authorization", &viewer)]).status, 403, "pictures are for operators");
    }
    let coco = station.get("/inspections/export/coco?verdict=fail", &[("authorization", &operator)]);
    let coco: Value = serde_json::from_str(&coco.text).unwrap();
    assert_eq!((coco["images"].as_array().unwrap().len(), coco["annotations"].as_array().unwrap().len()), (150, 30));
    assert_eq!(coco["annotations"][0]["bbox"], json!([1.0, 2.0, 3.0, 4.0]));
    let of = coco["annotations"][0]["category_id"].as_u64().unwrap();
    assert!(coco["categories"].as_array().unwrap().contains(&json!({ "id": of, "name": HOSTILE })));
    assert_eq!(station.get("/inspections/export/csv?verdict=no", &[("authorization", &viewer)]).status, 400);
}

#[test]
fn a_zip_has_the_pictures_by_label_and_says_what_they_are() {
    use std::io::Read as _;
    let station = open();
    fill(&station, 30);
    let body = json!({ "verdict": "fail", "label": "../up", "reason": "looked at" }).to_string();
    let path = format!("/api/v1/inspections/{}/reviews", id(3));
    assert_eq!(station.ask("POST", &path, &[("content-type", "application/json")], &body).status, 201);
    let bytes = station.bytes("/inspections/export/imagefolder?verdict=fail");
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let names: Vec<String> = zip.file_names().map(str::to_owned).collect();
    assert_eq!(names.len(), 11, "{names:?}");
    assert!(names.contains(&"scratch/line-1-1-30.png".to_owned()), "{names:?}");
    assert!(names.iter().all(|name| !name.contains("..")), "{names:?}");
    let mut picture = Vec::new();
    zip.by_name("scratch/line-1-1-30.png").unwrap().read_to_end(&mut picture).unwrap();
    assert!(picture.starts_with(PNG) && picture.ends_with(&30u64.to_le_bytes()));
    let mut metadata = String::new();
    zip.by_name("metadata.csv").unwrap().read_to_string(&mut metadata).unwrap();
    assert_eq!(metadata.lines().count(), 11);
    assert!(metadata.contains("line-1-1-3,../up,fail,fail"), "{metadata}");
}
