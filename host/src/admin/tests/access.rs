//! Who may do what, asked of a running admin.

use super::station::{Station, form_token, open, start, with_users};
use crate::access::{AccessOptions, Actor, Role};
use crate::admin::{Reach, route_table};

/// Statuses that say "not you".
const DENIED: [u16; 2] = [401, 403];

/// An address of the table with something in its place-holders.
fn concrete(path: &str) -> String {
    let filled = path.split('/').map(|part| if part.starts_with('{') { "x" } else { part });
    filled.collect::<Vec<_>>().join("/")
}

fn status(station: &Station, method: &str, path: &str, headers: &[(&str, &str)]) -> u16 {
    station.ask(method, &concrete(path), headers, "").status
}

#[test]
fn every_address_answers_each_role_as_its_entry_says() {
    let station = with_users();
    let bearers: Vec<_> = Role::ALL.into_iter().map(|role| (role, format!("Bearer {}", station.token(role)))).collect();
    let mut asked = 0;
    for (method, path, least) in route_table() {
        let anonymous = station.ask(&method, &concrete(path), &[("sec-fetch-site", "same-origin")], "");
        let to_login = anonymous.status == 303 && anonymous.header("location").starts_with("/login?back=");
        let denied = DENIED.contains(&anonymous.status) && anonymous.text.contains("not-signed-in") || to_login;
        assert_eq!(denied, least.is_some(), "{method} {path}, nobody: {}", anonymous.status);
        for (role, bearer) in &bearers {
            let found = status(&station, &method, path, &[("authorization", bearer)]);
            let expected = least.is_none_or(|least| *role >= least);
            assert_eq!(
                !DENIED.contains(&found) || path == "/login" || path == "/setup",
                expected,
                "{method} {path}, {role}: {found}"
            );
            asked += 1;
        }
    }
    assert!(asked > 90, "{asked}");
}

#[test]
fn a_form_larger_than_any_of_ours_is_refused_also_from_who_is_not_signed_in() {
    let station = with_users();
    assert_eq!(station.form("/login", "", &format!("name={}", "x".repeat(70_000))).status, 413);
}

#[test]
fn who_is_not_signed_in_is_sent_to_the_login_and_back() {
    let station = with_users();
    let page = station.get("/inspections?verdict=fail", &[]);
    assert_eq!((page.status, page.header("location")), (303, "/login?back=/inspections%3Fverdict%3Dfail"));
    let chart = station.get("/api/v1/drift/series?plugin=a&feature=b&statistic=c", &[("sec-fetch-dest", "empty")]);
    assert_eq!(chart.status, 401, "a script is told, not sent elsewhere");
    let api = station.get("/api/v1/whoami", &[]);
    assert_eq!((api.status, api.problem().as_str()), (401, "not-signed-in"));
    assert_eq!(api.header("www-authenticate"), "Bearer");
    assert_eq!(station.get("/metrics", &[]).status, 401, "a program asks there");
}

#[test]
fn a_token_says_who_asks() {
    let station = with_users();
    let bearer = format!("Bearer {}", station.token(Role::Operator));
    let answer = station.get("/api/v1/whoami", &[("authorization", &bearer)]);
    let body: serde_json::Value = serde_json::from_str(&answer.text).unwrap();
    assert_eq!(body, serde_json::json!({ "name": "machine-operator", "kind": "token", "role": "operator" }));
}

#[test]
fn a_token_of_the_wrong_role_is_refused_recorded_and_changes_nothing() {
    let station = with_users();
    let kept = station.access.create_token(&Actor::console(), "press", Role::Viewer, 1).unwrap();
    let bearer = format!("Bearer {}", station.token(Role::Engineer));
    let path = format!("/api/v1/tokens/{}", kept.id);
    let answer = station.ask("DELETE", &path, &[("authorization", &bearer)], "");
    assert_eq!((answer.status, answer.problem().as_str()), (403, "wrong-role"));
    let line = station.newest_audit();
    assert_eq!((line.actor.as_str(), line.role.as_str()), ("machine-engineer", "engineer"));
    assert_eq!(
        (line.target.as_str(), line.refused.as_deref()),
        (format!("DELETE {path}").as_str(), Some("wrong-role"))
    );
    assert!(station.access.tokens().unwrap().iter().all(|token| token.revoked_at_us.is_none()));

    let admin = format!("Bearer {}", station.token(Role::Admin));
    assert_eq!(station.ask("DELETE", &path, &[("authorization", &admin)], "").status, 204);
    let again = station.ask("DELETE", &path, &[("authorization", &admin)], "");
    assert_eq!((again.status, again.problem().as_str()), (404, "unknown-token"));
}

#[test]
fn unknown_and_revoked_tokens_are_refused_and_recorded() {
    let station = with_users();
    let made = station.access.create_token(&Actor::console(), "press", Role::Admin, 1).unwrap();
    station.access.revoke_token(&Actor::console(), &made.id).unwrap();
    let revoked = format!("Bearer {}", made.text);
    let cases = [
        (revoked.as_str(), "revoked-token", "press"),
        ("Bearer assay_00000000000000000000000000000000", "unknown-token", "unknown"),
        ("bearer nonsense", "unknown-token", "unknown"),
    ];
    for (authorization, kind, actor) in cases {
        let answer = station.get("/api/v1/whoami", &[("authorization", authorization)]);
        assert_eq!((answer.status, answer.problem().as_str()), (401, kind));
        let line = station.newest_audit();
        assert_eq!((line.actor.as_str(), line.refused.as_deref()), (actor, Some(kind)));
    }
}

#[test]
fn what_a_browser_sends_to_a_proxy_is_no_token_and_frees_no_form() {
    let station = with_users();
    let (cookie, token) = station.sign_in("admin");
    let basic = ("authorization", "Basic YWRtaW46YWRtaW4=");
    assert_eq!(station.get("/api/v1/whoami", &[basic]).problem(), "not-signed-in");
    assert_eq!(station.get("/users", &[basic, ("cookie", &cookie)]).status, 200);
    let form = ("content-type", "application/x-www-form-urlencoded");
    let body = format!("csrf={token}&disabled=true");
    let foreign = [basic, form, ("cookie", &cookie), ("sec-fetch-site", "cross-site")];
    assert_eq!(station.ask("POST", "/users/viewer/state", &foreign, &body).status, 403);
}

#[test]
fn a_session_begins_with_a_cookie_that_scripts_and_other_sites_do_not_get() {
    let station = with_users();
    let answer = station.form("/login", "", &format!("name=ada&password={}", super::station::PASSWORD));
    assert_eq!((answer.status, answer.header("set-cookie")), (401, ""), "there is no ada");
    let answer = station.form("/login", "", &format!("name=viewer&password={}", super::station::PASSWORD));
    let cookie = answer.header("set-cookie");
    assert!(
        cookie.starts_with("assay-session=") && cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"),
        "{cookie}"
    );
    assert_eq!(answer.header("location"), "/");
    let elsewhere = format!("name=viewer&password={}&back=//evil.example", super::station::PASSWORD);
    assert_eq!(station.form("/login", "", &elsewhere).header("location"), "/");
}

#[test]
fn behind_a_proxy_the_cookie_is_bound_to_the_host_and_to_tls() {
    let station = start(AccessOptions::default(), Reach { public_host: Some("line3.example".to_owned()) });
    station.access.add_user(&Actor::console(), "ada", Role::Admin, super::station::PASSWORD).unwrap();
    let headers = [
        ("host", "line3.example"),
        ("origin", "https://line3.example"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("x-forwarded-for", "10.1.2.3, 10.9.8.7"),
    ];
    let body = format!("name=ada&password={}", super::station::PASSWORD);
    let answer = station.ask("POST", "/login", &headers, &body);
    assert_eq!(answer.status, 303, "{}", answer.text);
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-assay-session=") && cookie.contains("; Secure"), "{cookie}");
    assert_eq!(station.newest_audit().target, "10.9.8.7", "what the proxy saw, not what the client says");
    let foreign = station.get("/login", &[("host", "evil.example")]);
    assert_eq!((foreign.status, foreign.problem().as_str()), (421, "misdirected"));
}

#[test]
fn behind_a_proxy_nothing_is_open_without_users() {
    let station = start(AccessOptions::default(), Reach { public_host: Some("line3.example".to_owned()) });
    assert_eq!(station.get("/", &[]).status, 303);
    assert_eq!(station.get("/api/v1/whoami", &[]).status, 401);
    assert_eq!(station.get("/setup", &[]).status, 200);
}

#[test]
fn a_proxy_that_nobody_stated_is_refused() {
    let station = open();
    assert_eq!(station.get("/", &[]).status, 200);
    let answer = station.get("/", &[("x-forwarded-for", "10.0.0.4")]);
    assert_eq!(answer.status, 421);
    assert!(answer.text.contains("behind_proxy"), "{}", answer.text);
}

/// Headers, body, and why it is refused.
type Case<'c> = (&'c [(&'c str, &'c str)], &'c str, &'c str);

#[test]
fn a_change_needs_a_page_of_the_station_and_its_form_token() {
    let station = with_users();
    let (cookie, token) = station.sign_in("admin");
    let form = ("content-type", "application/x-www-form-urlencoded");
    let same = ("sec-fetch-site", "same-origin");
    let body = format!("csrf={token}&disabled=true");
    let bare = "disabled=true".to_owned();
    let host = station.address.strip_prefix("http://").unwrap().to_owned();
    let own = format!("http://{host}");
    let cases: [Case<'_>; 6] = [
        (&[form], &body, "cross-site"),
        (&[form, ("sec-fetch-site", "cross-site")], &body, "cross-site"),
        (&[form, ("sec-fetch-site", "none")], &body, "cross-site"),
        (&[form, ("origin", "https://evil.example")], &body, "cross-site"),
        (&[form, same], &bare, "form-token"),
        (&[form, same], "csrf=&disabled=true", "form-token"),
    ];
    for (headers, body, code) in cases {
        let mut headers = headers.to_vec();
        headers.push(("cookie", &cookie));
        let answer = station.ask("POST", "/users/viewer/state", &headers, body);
        assert_eq!(answer.status, 403, "{headers:?}");
        let line = station.newest_audit();
        assert_eq!((line.actor.as_str(), line.refused.as_deref()), ("admin", Some(code)));
    }
    let (_, other) = station.sign_in("admin");
    let foreign = station.form("/users/viewer/state", &cookie, &format!("csrf={other}&disabled=true"));
    assert_eq!(foreign.status, 403, "a token of another session");
    assert!(station.access.users().unwrap().iter().all(|user| !user.disabled), "nothing was changed");
    let answer = station.ask("POST", "/users/viewer/state", &[form, ("origin", &own), ("cookie", &cookie)], &body);
    assert_eq!(answer.status, 303, "{}", answer.text);
    assert!(station.access.users().unwrap().iter().any(|user| user.name == "viewer" && user.disabled));
}

#[test]
fn the_api_takes_no_session_for_a_change_without_its_token() {
    let station = with_users();
    let (cookie, token) = station.sign_in("admin");
    let made = station.access.create_token(&Actor::console(), "press", Role::Viewer, 1).unwrap();
    let path = format!("/api/v1/tokens/{}", made.id);
    let same = ("sec-fetch-site", "same-origin");
    let without = station.ask("DELETE", &path, &[("cookie", &cookie), same], "");
    assert_eq!((without.status, without.problem().as_str()), (403, "form-token"));
    let foreign = station.ask("DELETE", &path, &[("cookie", &cookie), ("x-csrf-token", &token)], "");
    assert_eq!((foreign.status, foreign.problem().as_str()), (403, "cross-site"));
    let own = station.ask("DELETE", &path, &[("cookie", &cookie), same, ("x-csrf-token", &token)], "");
    assert_eq!(own.status, 204);
}

#[test]
fn a_form_that_is_too_large_is_refused() {
    let station = with_users();
    let (cookie, token) = station.sign_in("admin");
    let body = format!("name={}&csrf={token}", "x".repeat(70_000));
    assert_eq!(station.form("/users", &cookie, &body).status, 413);
}

#[test]
fn an_open_station_lets_programs_of_its_own_machine_in_and_pages_of_other_sites_out() {
    let station = open();
    let page = station.get("/", &[]);
    assert!(page.status == 200 && page.text.contains("This station has no users"), "the page says that it is open");
    let local = station.ask("DELETE", "/api/v1/tokens/none", &[], "");
    assert_eq!(local.problem(), "unknown-token", "it got as far as the handler");
    let foreign = station.ask("DELETE", "/api/v1/tokens/none", &[("origin", "https://evil.example")], "");
    assert_eq!((foreign.status, foreign.problem().as_str()), (403, "cross-site"));
    assert_eq!(station.ask("POST", "/logout", &[], "").status, 403, "a form needs its token here too");
}

#[test]
fn signing_out_ends_the_session() {
    let station = with_users();
    let (cookie, token) = station.sign_in("viewer");
    assert_eq!(station.get("/", &[("cookie", &cookie)]).status, 200);
    let out = station.form("/logout", &cookie, &format!("csrf={token}"));
    assert_eq!((out.status, out.header("location")), (303, "/login"));
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(station.get("/", &[("cookie", &cookie)]).status, 303);
}

#[test]
fn a_user_who_is_disabled_is_out_at_once() {
    let station = with_users();
    let (cookie, _) = station.sign_in("viewer");
    station.access.set_disabled(&Actor::console(), "viewer", true).unwrap();
    assert_eq!(station.get("/", &[("cookie", &cookie)]).status, 303);
}

#[test]
fn an_open_event_stream_ends_with_its_session() {
    let station = with_users();
    let (cookie, _) = station.sign_in("viewer");
    let limit = std::time::Duration::from_secs(60);
    let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(Some(limit)).build().into();
    let stream = agent.get(format!("{}/live/events", station.address)).header("cookie", &cookie).call();
    let mut stream = stream.unwrap();
    assert_eq!(stream.status(), 200);
    station.access.set_disabled(&Actor::console(), "viewer", true).unwrap();
    let sent = stream.body_mut().read_to_string().expect("it ends by itself");
    assert!(sent.contains("event: live"), "{sent}");
}

#[test]
fn wrong_passwords_are_slowed_with_a_time_to_wait() {
    let station = with_users();
    let answers = (0..30).map(|_| station.form("/login", "", "name=viewer&password=wrong-password"));
    let slowed = answers.into_iter().find(|answer| answer.status != 401).unwrap();
    assert_eq!(slowed.status, 429);
    assert!(slowed.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert_eq!(station.newest_audit().refused.as_deref(), Some("too-many-attempts"));
}

#[test]
fn the_first_admin_is_made_with_the_printed_secret() {
    let station = open();
    let secret = station.access.new_set_up_secret().unwrap().unwrap();
    let set_up = |secret: &str, password: &str, again: &str| {
        station.form("/setup", "", &format!("secret={secret}&name=ada&password={password}&again={again}"))
    };
    assert_eq!(set_up("AAAA-AAAA-AAAA-AAAA", "canada-goose-7", "canada-goose-7").status, 401);
    assert_eq!(set_up(&secret, "canada-goose-7", "canada-goose-8").status, 422);
    let made = set_up(&secret, "canada-goose-7", "canada-goose-7");
    assert_eq!((made.status, made.header("location")), (303, "/login?note=set-up"));
    assert_eq!(set_up(&secret, "canada-goose-7", "canada-goose-7").status, 409, "it works once");
    assert_eq!(station.get("/setup", &[]).status, 404);
    assert_eq!(station.get("/", &[]).status, 303, "from now on everybody signs in");
    let (cookie, _) = station.sign_in("ada");
    let page = station.get("/", &[("cookie", &cookie)]).text;
    assert!(!page.contains("This station has no users"));
}

#[test]
fn admins_manage_users_and_tokens_by_forms() {
    let station = with_users();
    let (cookie, token) = station.sign_in("admin");
    let form = |path: &str, fields: &str| station.form(path, &cookie, &format!("csrf={token}&{fields}"));
    assert_eq!(form("/users", "name=ben&role=viewer&password=canada-goose-7").status, 303);
    let taken = form("/users", "name=ben&role=viewer&password=canada-goose-7");
    assert!(taken.status == 409 && taken.text.contains("There is a user with this name already."));
    assert_eq!(form("/users", "name=cy&role=emperor&password=canada-goose-7").status, 400);
    assert_eq!(form("/users", "name=cy&role=viewer&password=12345678").status, 422);
    assert_eq!(form("/users/ben/role", "role=operator").status, 303);
    assert_eq!(form("/users/ben/password", "password=another-goose-8").status, 303);
    assert_eq!(form("/users/ben/state", "disabled=true").status, 303);
    assert_eq!(form("/users/admin/state", "disabled=true").status, 409, "the last admin stays");
    assert_eq!(form("/users/nobody/role", "role=viewer").status, 404);
    let made = form("/tokens", "name=press&role=operator&days=30");
    let (_, rest) = made.text.split_once("id=\"token\">").unwrap();
    let text = rest.split('<').next().unwrap();
    let bearer = format!("Bearer {text}");
    assert_eq!(station.get("/api/v1/whoami", &[("authorization", &bearer)]).status, 200);
    let list = station.get("/users", &[("cookie", &cookie)]).text;
    assert!(list.contains("press") && !list.contains(text), "a token is shown once");
    let id = station.access.tokens().unwrap().remove(0).id;
    assert_eq!(form(&format!("/tokens/{id}/revoke"), "").status, 303);
    assert_eq!(station.get("/api/v1/whoami", &[("authorization", &bearer)]).status, 401);
    assert_eq!(form("/tokens", "name=press&role=operator&days=9999").status, 422);
}

#[test]
fn the_audit_page_lists_what_was_done_and_says_whether_the_chain_holds() {
    let station = with_users();
    let (cookie, _) = station.sign_in("engineer");
    let page = station.get("/audit", &[("cookie", &cookie)]).text;
    for words in ["user-add", "sign-in", "The chain holds"] {
        assert!(page.contains(words), "{words}");
    }
    let (viewer, _) = station.sign_in("viewer");
    let refused = station.get("/audit", &[("cookie", &viewer)]);
    assert!(refused.status == 403 && refused.text.contains("Your role does not allow this."), "{}", refused.text);
    assert_eq!(form_token(&refused.text).len(), 32, "they are still signed in");
    assert_eq!(station.newest_audit().refused.as_deref(), Some("wrong-role"));
}

#[test]
fn what_is_not_there_is_a_problem_for_programs_and_a_page_for_people() {
    let station = open();
    let api = station.get("/api/v1/nothing", &[]);
    assert_eq!((api.status, api.problem().as_str()), (404, "not-found"));
    let method = station.ask("PUT", "/api/v1/whoami", &[], "");
    assert_eq!((method.status, method.problem().as_str()), (405, "method-not-allowed"));
    assert!(method.header("allow").contains("GET"), "{}", method.header("allow"));
    let page = station.get("/nothing", &[]);
    assert!(page.status == 404 && page.text.contains("There is nothing here."));
    let method = station.ask("DELETE", "/plugins", &[], "");
    assert_eq!((method.status, method.problem().as_str()), (405, "method-not-allowed"));
}

#[test]
fn an_address_that_no_guard_stands_before_gives_nothing_away() {
    use axum::middleware::from_fn;
    use axum::routing::get;
    let router = axum::Router::new().route("/secret", get(|| async { "secret" }));
    let router = router.layer(from_fn(crate::admin::guard::sealed));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (address, serving) = runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        (listener.local_addr().unwrap(), async move { axum::serve(listener, router).await.unwrap() })
    });
    let asked = std::thread::spawn(move || {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut answer = agent.get(format!("http://{address}/secret")).call().unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    });
    runtime.block_on(async {
        tokio::select! {
            () = serving => {}
            () = async { while !asked.is_finished() { tokio::task::yield_now().await } } => {}
        }
    });
    assert_eq!(asked.join().unwrap(), (404, String::new()));
}

#[test]
fn the_end_of_the_admin_tells_how_many_refusals_have_no_row() {
    let station = with_users();
    for _ in 0..70 {
        assert_eq!(station.get("/api/v1/whoami", &[("authorization", "Bearer assay_no")]).status, 401);
    }
    let access = std::sync::Arc::clone(&station.access);
    assert_eq!(access.ledger().audit_lines(None, 1).unwrap()[0].action, "request");
    let dir = station.end();
    let line = access.ledger().audit_lines(None, 1).unwrap().remove(0);
    assert_eq!(
        (line.action.as_str(), line.target.as_str()),
        ("refusals-unlisted", "10 refusals before this have no row")
    );
    drop(dir);
}

#[test]
fn a_request_with_two_authorizations_is_nobodys() {
    let station = with_users();
    let good = format!("Bearer {}", station.token(Role::Admin));
    for other in ["Bearer assay_no", "Basic eDp5", &good] {
        for pair in [
            [("authorization", good.as_str()), ("authorization", other)],
            [("authorization", other), ("authorization", &good)],
        ] {
            let answer = station.get("/api/v1/whoami", &pair);
            assert_eq!((answer.status, answer.problem().as_str()), (401, "several-credentials"), "{other}");
        }
    }
    assert_eq!(station.newest_audit().refused.as_deref(), Some("several-credentials"));
    let basic = ("authorization", "Basic eDp5");
    assert_eq!(station.get("/login", &[basic, basic]).status, 401, "where nobody has to be known, too");
    assert_eq!(station.get("/login", &[basic]).status, 200);
    assert_eq!(station.get("/api/v1/whoami", &[("authorization", &good)]).status, 200);
}

#[test]
fn what_an_address_gets_wrong_is_a_problem_in_our_own_form() {
    let station = with_users();
    let admin = format!("Bearer {}", station.token(Role::Admin));
    let asked = |method: &str, path: &str| station.ask(method, path, &[("authorization", &admin)], "");
    let wrong = [
        ("GET", "/audit?before=yesterday"),
        ("GET", "/api/v1/drift/series?plugin=a"),
        ("GET", "/login?back=a&back=b"),
        ("GET", "/language?to=en"),
        ("GET", "/theme?to=dark"),
        ("GET", "/dashboard?range=never"),
        ("GET", "/api/v1/series?range=2h"),
        ("GET", "/api/v1/events?types=lunch"),
        ("GET", "/inspections/%ff"),
        ("GET", "/pictures/%ff"),
        ("GET", "/assets/%ff"),
        ("GET", "/api/v1/deployments/%ff"),
        ("POST", "/alarms/%ff/acknowledge"),
        ("POST", "/users/%ff/state"),
        ("DELETE", "/api/v1/tokens/%ff"),
    ];
    for (method, path) in wrong {
        let answer = asked(method, path);
        assert_eq!((answer.status, answer.problem().as_str()), (400, "bad-request"), "{method} {path}");
    }
}

#[test]
fn a_filter_that_does_not_exist_is_not_taken_for_none() {
    let station = open();
    assert_eq!(station.get("/inspections?verdict=fail", &[]).status, 200);
    assert_eq!(station.get("/inspections?verdct=fail", &[]).status, 400);
}
