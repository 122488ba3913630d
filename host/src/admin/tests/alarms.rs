use super::station::{Station, open, with_users};
use crate::domain::{Alarm, AlarmKind, Severity};

fn alarm(id: &str, kind: AlarmKind, severity: Severity) -> Alarm {
    Alarm {
        id: id.to_owned(),
        rule: kind.name().to_owned(),
        kind,
        severity,
        value: 0.25,
        limit: 0.2,
        about: "NPU -> CPU".to_owned(),
        raised_at_us: 1_764_000_000_000_000,
        cleared_at_us: None,
        acknowledged: None,
    }
}

/// As the watcher raises it.
fn raise(station: &Station, alarm: &Alarm) {
    station.access.ledger().save_alarm(alarm, None).unwrap();
    station.alarms.change(|active| active.insert(0, alarm.clone()));
}

#[test]
fn a_raised_alarm_stands_on_every_page_in_the_readers_language() {
    let station = open();
    assert!(!station.get("/", &[]).text.contains("class=\"banner"));
    raise(&station, &alarm("line-1-1-alarm-1", AlarmKind::UndecidedRate, Severity::Warning));
    for path in ["/", "/inspections", "/drift", "/plugins", "/alarms", "/alarms/banner"] {
        let page = station.get(path, &[]).text;
        assert!(page.contains("class=\"banner undecided\"") && page.contains("Many frames are undecided"), "{path}");
    }
    raise(&station, &alarm("line-1-1-alarm-2", AlarmKind::LineStopped, Severity::Critical));
    let page = station.get("/drift", &[("cookie", "lang=zh-CN")]).text;
    assert!(page.contains("class=\"banner fail\"") && page.contains("产线已停止"), "{page}");
}

#[test]
fn the_pages_before_signing_in_say_nothing_of_alarms() {
    let station = with_users();
    raise(&station, &alarm("line-1-1-alarm-1", AlarmKind::Disk, Severity::Critical));
    let login = station.get("/login", &[]).text;
    assert!(!login.contains("alarm-banner") && !login.contains("class=\"banner"), "{login}");
}

#[test]
fn an_operator_acknowledges_an_alarm_once_and_a_viewer_does_not() {
    let station = with_users();
    raise(&station, &alarm("line-1-1-alarm-1", AlarmKind::DeviceNotAsAsked, Severity::Warning));
    let (viewer, token) = station.sign_in("viewer");
    let path = "/alarms/line-1-1-alarm-1/acknowledge";
    assert!(!station.get("/alarms", &[("cookie", &viewer)]).text.contains(path), "no button for who may not");
    assert_eq!(station.form(path, &viewer, &format!("csrf={token}")).status, 403);
    assert!(station.alarms.snapshot().active[0].acknowledged.is_none());

    let (operator, token) = station.sign_in("operator");
    assert!(station.get("/alarms", &[("cookie", &operator)]).text.contains(path));
    for _ in 0..2 {
        assert_eq!(station.form(path, &operator, &format!("csrf={token}")).status, 303);
    }
    assert_eq!(station.form("/alarms/nothing/acknowledge", &operator, &format!("csrf={token}")).status, 303);
    assert_eq!(station.alarms.snapshot().active[0].acknowledged.clone().unwrap().by, "operator");
    let lines = station.access.ledger().audit_lines(None, 100).unwrap();
    let acknowledged: Vec<_> = lines.iter().filter(|line| line.action == "acknowledge-alarm").collect();
    assert_eq!(acknowledged.len(), 1, "{lines:?}");
    assert_eq!((acknowledged[0].actor.as_str(), acknowledged[0].target.as_str()), ("operator", "line-1-1-alarm-1"));
    let page = station.get("/alarms", &[("cookie", &operator)]).text;
    assert!(!page.contains("class=\"banner"), "what somebody has seen needs no banner: {page}");
    assert!(page.contains("NPU -&gt; CPU"), "{page}");
}

#[test]
fn machines_read_alarms_as_json() {
    let station = with_users();
    raise(&station, &alarm("line-1-1-alarm-1", AlarmKind::Disk, Severity::Critical));
    let token = format!("Bearer {}", station.token(crate::access::Role::Viewer));
    let answer = station.get("/api/v1/alarms", &[("authorization", &token)]);
    let body: serde_json::Value = serde_json::from_str(&answer.text).unwrap();
    assert_eq!(body["active"][0]["kind"], "disk");
    assert_eq!(body["history"][0]["id"], "line-1-1-alarm-1");
    assert_eq!(body["history"][0]["cleared_at_us"], serde_json::Value::Null);
}

#[test]
fn every_kind_and_severity_has_a_text_in_both_languages() {
    use crate::admin::i18n::Lang;
    let kinds = AlarmKind::ALL.map(|kind| format!("alarm.{}", kind.name()));
    let severities = [Severity::Warning, Severity::Critical].map(|severity| format!("severity.{}", severity.name()));
    for key in kinds.iter().chain(&severities) {
        assert!(Lang::En.text(key) != "?" && Lang::ZhCn.text(key) != "?", "{key}");
        assert_ne!(Lang::En.text(key), Lang::ZhCn.text(key), "{key}");
    }
}

#[test]
fn what_is_critical_stands_before_warnings_that_came_later() {
    let station = open();
    raise(&station, &alarm("a", AlarmKind::AdversarialRate, Severity::Critical));
    for (id, kind) in [("b", AlarmKind::UndecidedRate), ("c", AlarmKind::Drift), ("d", AlarmKind::DeadlineMisses)] {
        raise(&station, &alarm(id, kind, Severity::Warning));
    }
    let banner = station.get("/alarms/banner", &[]).text;
    let place = |text: &str| banner.find(text);
    let critical = place("Pictures look tampered with").unwrap_or_else(|| panic!("it is not named: {banner}"));
    assert!(place("Many frames are undecided").is_none_or(|warning| critical < warning), "{banner}");
    assert!(banner.contains("(+1)"), "{banner}");
}
