#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use super::*;
use crate::journal::AuditLine;
use std::net::IpAddr;

const GOOD: &str = "canada-goose-7";
const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

struct Fixture {
    access: Access,
    _dir: tempfile::TempDir,
}

fn fixture(options: AccessOptions) -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Arc::new(Ledger::open(dir.path(), "line-1").unwrap());
    Fixture { access: Access::new(ledger, options).unwrap(), _dir: dir }
}

fn with_admin() -> Fixture {
    let fixture = fixture(AccessOptions::default());
    fixture.access.add_user(&Actor::console(), "ada", Role::Admin, GOOD).unwrap();
    fixture
}

fn newest(access: &Access) -> AuditLine {
    access.ledger().audit_lines(None, 1).unwrap().remove(0)
}

fn session(secret: &str) -> Presented {
    Presented { session: Some(secret.to_owned()), active: true, ..Presented::default() }
}

fn bearer(token: &str) -> Presented {
    Presented { bearer: Some(token.to_owned()), active: true, ..Presented::default() }
}

/// Attempts in the future, as many as it takes for the longest delay.
fn exhaust(access: &Access, name: &str) {
    let mut then = Instant::now() + Duration::from_secs(3600);
    for _ in 0..15 {
        while let Err(wait) = lock(&access.attempts).begin(name, HERE, then) {
            then += wait;
        }
    }
}

#[test]
fn a_session_is_who_signed_in_and_ends_with_the_sign_out() {
    let Fixture { access, _dir } = with_admin();
    let begun = access.sign_in("ada", GOOD, HERE).unwrap();
    let line = newest(&access);
    assert_eq!((line.actor.as_str(), line.action.as_str(), line.refused), ("ada", "sign-in", None));
    let identity = access.identify(&session(&begun.secret)).unwrap();
    assert_eq!(identity.actor, Actor { name: "ada".to_owned(), role: Role::Admin, kind: ActorKind::User });
    assert!(identity.form_token.is_some());
    access.sign_out(&begun.secret, &identity.actor);
    assert_eq!(newest(&access).action, "sign-out");
    assert!(matches!(access.identify(&session(&begun.secret)), Err(Denied::SessionEnded)));
    assert!(matches!(access.identify(&Presented::default()), Err(Denied::NoCredentials)));
}

#[test]
fn a_wrong_password_an_unknown_name_and_a_disabled_user_look_the_same_and_are_recorded() {
    let Fixture { access, _dir } = with_admin();
    access.add_user(&Actor::console(), "ben", Role::Viewer, GOOD).unwrap();
    access.set_disabled(&Actor::console(), "ben", true).unwrap();
    for (name, password) in [("ada", "wrong-password"), ("nobody", GOOD), ("ben", GOOD)] {
        assert!(matches!(access.sign_in(name, password, HERE), Err(AccessError::WrongPassword)), "{name}");
        let line = newest(&access);
        assert_eq!((line.actor.as_str(), line.refused.as_deref()), (name, Some("wrong-password")));
    }
    let _ = access.sign_in("My Secret Password!", "", HERE);
    assert_eq!(newest(&access).actor, "unknown", "it may be a password in the wrong field");
}

#[test]
fn attempts_are_slowed_and_the_right_password_counts_again_afterwards() {
    let Fixture { access, _dir } = with_admin();
    let mut wrong = 0;
    while let Err(AccessError::WrongPassword) = access.sign_in("ada", "wrong-password", HERE) {
        wrong += 1;
        assert!(wrong < 50, "they are slowed at last");
    }
    assert!(wrong >= 5);
    exhaust(&access, "ada");
    assert!(matches!(access.sign_in("ada", GOOD, HERE), Err(AccessError::TooSoon { wait_s: 60 })));
    assert_eq!(newest(&access).refused.as_deref(), Some("too-many-attempts"));
    assert!(access.sign_in("ada", GOOD, IpAddr::from([10, 0, 0, 7])).is_ok(), "others are not kept out");
}

#[test]
fn a_change_of_the_user_ends_the_sessions() {
    let Fixture { access, _dir } = with_admin();
    let console = Actor::console();
    access.add_user(&console, "ben", Role::Engineer, GOOD).unwrap();
    let changes: [&dyn Fn(); 3] = [
        &|| access.set_role(&console, "ben", Role::Viewer).unwrap(),
        &|| access.set_password(&console, "ben", "another-goose-8").unwrap(),
        &|| access.set_disabled(&console, "ben", true).unwrap(),
    ];
    let mut password = GOOD;
    for change in changes {
        let begun = access.sign_in("ben", password, HERE).unwrap();
        assert!(access.identify(&session(&begun.secret)).is_ok());
        change();
        assert!(matches!(access.identify(&session(&begun.secret)), Err(Denied::SessionEnded)));
        if access.sign_in("ben", "another-goose-8", HERE).is_ok() {
            password = "another-goose-8";
        }
    }
}

#[test]
fn a_token_is_shown_once_and_works_until_it_is_revoked() {
    let Fixture { access, _dir } = with_admin();
    let made = access.create_token(&Actor::console(), "press", Role::Operator, 30).unwrap();
    assert!(made.text.starts_with("assay_") && made.text.len() == 38, "{}", made.text);
    let identity = access.identify(&bearer(&made.text)).unwrap();
    assert_eq!(identity.actor, Actor { name: "press".to_owned(), role: Role::Operator, kind: ActorKind::Token });
    assert_eq!(identity.form_token, None);
    for wrong in ["", "assay_", &made.text[..37], "assay_00000000000000000000000000000000"] {
        assert!(matches!(access.identify(&bearer(wrong)), Err(Denied::UnknownToken)), "{wrong}");
    }
    access.revoke_token(&Actor::console(), &made.id).unwrap();
    assert!(matches!(access.identify(&bearer(&made.text)), Err(Denied::RevokedToken { .. })));
    assert!(matches!(access.revoke_token(&Actor::console(), &made.id), Err(AccessError::UnknownToken { .. })));
    let actions: Vec<_> = access.ledger().audit_lines(None, 9).unwrap().into_iter().map(|line| line.action).collect();
    assert_eq!(actions, ["token-revoke", "token-revoke", "token-create", "user-add"]);
}

#[test]
fn an_expired_token_is_refused_by_its_name() {
    let Fixture { access, _dir } = with_admin();
    let entry = AuditEntry::new(&Actor::console(), "token-create", "press");
    let made = access.token_until(&Actor::console(), "press", Role::Admin, identify::now_us(), &entry).unwrap();
    let denied = access.identify(&bearer(&made.text)).unwrap_err();
    assert!(denied.to_string().contains("an admin makes a new one"), "only admins may: {denied}");
    let Denied::ExpiredToken { name } = denied else { panic!("{denied}") };
    assert_eq!(name, "press");
}

#[test]
fn a_wrong_token_is_not_made_good_by_a_session() {
    let Fixture { access, _dir } = with_admin();
    let begun = access.sign_in("ada", GOOD, HERE).unwrap();
    let both = Presented {
        bearer: Some("assay_no".to_owned()),
        session: Some(begun.secret),
        active: true,
        ..Presented::default()
    };
    assert!(matches!(access.identify(&both), Err(Denied::UnknownToken)));
}

#[test]
fn the_first_set_up_needs_the_secret_and_works_once() {
    let Fixture { access, _dir } = fixture(AccessOptions::default());
    let old = access.new_set_up_secret().unwrap().unwrap();
    let secret = access.new_set_up_secret().unwrap().unwrap();
    let set_up = |secret: &str, password: &str| access.set_up(secret, "ada", password, HERE);
    assert!(matches!(set_up(&old, GOOD), Err(AccessError::WrongSecret)));
    assert!(matches!(set_up(&secret, "short"), Err(AccessError::PasswordLength)), "which does not use it up");
    set_up(&secret.to_lowercase(), GOOD).unwrap();
    assert!(matches!(set_up(&secret, GOOD), Err(AccessError::SetUpDone)));
    assert_eq!(access.new_set_up_secret().unwrap(), None);
    assert!(access.sign_in("ada", GOOD, HERE).is_ok());
    let refused: Vec<_> =
        access.ledger().audit_lines(None, 9).unwrap().into_iter().filter_map(|line| line.refused).collect();
    assert_eq!(refused, ["set-up-done", "password-length", "wrong-secret"]);
}

#[test]
fn guessing_the_set_up_secret_is_slowed() {
    let Fixture { access, _dir } = fixture(AccessOptions::default());
    access.new_set_up_secret().unwrap();
    exhaust(&access, "set up");
    assert!(matches!(access.set_up("AAAA", "ada", GOOD, HERE), Err(AccessError::TooSoon { .. })));
}

#[test]
fn an_open_station_is_open_until_it_has_a_user_and_makes_none_without_the_secret() {
    let Fixture { access, _dir } = fixture(AccessOptions { open_without_users: true, ..AccessOptions::default() });
    let identity = access.identify(&Presented::default()).unwrap();
    assert_eq!(identity.actor, Actor::loopback());
    assert!(access.identify(&session("old")).is_ok(), "a cookie of earlier times does not matter");
    assert!(matches!(access.identify(&bearer("assay_no")), Err(Denied::UnknownToken)));
    let add = access.add_user(&identity.actor, "ada", Role::Admin, GOOD);
    assert!(matches!(add, Err(AccessError::SetUpFirst)));
    let token = access.create_token(&identity.actor, "press", Role::Admin, 1);
    assert!(matches!(token, Err(AccessError::SetUpFirst)));
    let secret = access.new_set_up_secret().unwrap().unwrap();
    access.set_up(&secret, "ada", GOOD, HERE).unwrap();
    assert!(matches!(access.identify(&Presented::default()), Err(Denied::NoCredentials)));
}

#[test]
fn a_station_that_is_not_open_asks_also_without_users() {
    let Fixture { access, _dir } = fixture(AccessOptions::default());
    assert!(matches!(access.identify(&Presented::default()), Err(Denied::NoCredentials)));
}

#[test]
fn users_change_their_own_password_with_the_present_one() {
    let Fixture { access, _dir } = with_admin();
    let begun = access.sign_in("ada", GOOD, HERE).unwrap();
    let change = |present: &str, new: &str| access.change_own_password(&begun.actor, present, new, HERE);
    assert!(matches!(change("wrong-password", "another-goose-8"), Err(AccessError::WrongPassword)));
    assert!(matches!(change(GOOD, "password1"), Err(AccessError::PasswordIsKnown)));
    change(GOOD, "another-goose-8").unwrap();
    assert!(matches!(access.identify(&session(&begun.secret)), Err(Denied::SessionEnded)));
    assert!(access.sign_in("ada", "another-goose-8", HERE).is_ok());
}

#[test]
fn what_is_refused_changes_nothing_and_has_a_row() {
    let Fixture { access, _dir } = with_admin();
    let console = Actor::console();
    let refused = |answer: Result<(), AccessError>, code: &str| {
        assert_eq!(answer.unwrap_err().code(), code);
        assert_eq!(newest(&access).refused.as_deref(), Some(code));
    };
    refused(access.add_user(&console, "ada", Role::Viewer, GOOD), "name-taken");
    refused(access.add_user(&console, "Ada L", Role::Viewer, GOOD), "bad-name");
    refused(access.add_user(&console, "ben", Role::Viewer, "12345678"), "password-is-known");
    refused(access.set_role(&console, "ada", Role::Viewer), "last-admin");
    refused(access.set_disabled(&console, "ada", true), "last-admin");
    refused(access.set_password(&console, "nobody", GOOD), "unknown-user");
    refused(access.create_token(&console, "press", Role::Viewer, 0).map(drop), "token-days");
    refused(access.create_token(&console, "a b", Role::Viewer, 1).map(drop), "bad-name");
    assert_eq!(access.users().unwrap().len(), 1);
    assert!(access.tokens().unwrap().is_empty());
}

#[test]
fn the_reason_of_a_change_is_recorded() {
    let Fixture { access, _dir } = with_admin();
    let console = Actor::console();
    let wish = Wish { by: &console, reason: Some("  left the plant ") };
    access.add_user(wish, "ben", Role::Viewer, GOOD).unwrap();
    access.set_disabled(wish, "ben", true).unwrap();
    assert_eq!(newest(&access).reason.as_deref(), Some("left the plant"));
    let blank = Wish { by: &console, reason: Some(" ") };
    access.set_disabled(blank, "ben", false).unwrap();
    assert_eq!(newest(&access).reason, None);
}

#[test]
fn a_flood_of_refusals_does_not_fill_the_audit_log() {
    let Fixture { access, _dir } = fixture(AccessOptions::default());
    for _ in 0..200 {
        access.refused(AuditEntry::unknown("unknown", "request", "GET /"), "not-signed-in");
    }
    access.refused(AuditEntry::new(&Actor::console(), "request", "GET /"), "wrong-role");
    let lines = access.ledger().audit_lines(None, 1000).unwrap();
    assert_eq!(lines.len(), 61, "at most 60 a minute of strangers, and the one of somebody known");
    assert_eq!(lines[0].refused.as_deref(), Some("wrong-role"));
    access.settle_refusals();
    assert_eq!(newest(&access).action, "request", "the minute is not over");
    access.end_refusals();
    let line = newest(&access);
    assert_eq!(
        (line.action.as_str(), line.target.as_str()),
        ("refusals-unlisted", "140 refusals before this have no row")
    );
    access.end_refusals();
    assert_eq!(newest(&access).seq, line.seq, "told once");
}
