#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod access;
mod alarms;
mod alike;
mod drift;
mod events;
mod exports;
mod overviews;
mod parts;
mod records;
mod replay;
mod report;
mod security;
mod sources;
mod station;
mod storage;
mod styles;

use super::i18n::{Lang, keys};
use super::pages::layout::percent;

#[test]
fn both_languages_have_the_same_texts() {
    let (english, chinese) = (keys(Lang::En), keys(Lang::ZhCn));
    assert!(english.len() > 100);
    assert_eq!(english, chinese);
}

#[test]
fn every_stage_blame_kind_and_policy_has_a_text() {
    use crate::domain::{Blame, FailureAction, PluginKind, Stage};
    let stages = Stage::ALL.map(|stage| format!("stage.{stage}"));
    let blames = [Blame::Plugin, Blame::Model, Blame::Host, Blame::Source, Blame::Device].map(|b| format!("blame.{b}"));
    let kinds = [PluginKind::Preprocessor, PluginKind::Detector, PluginKind::Monitor].map(|k| format!("kind.{k}"));
    let actions =
        [FailureAction::TakeOut, FailureAction::StopLine, FailureAction::Alarm].map(|a| format!("action.{a}"));
    for key in stages.iter().chain(&blames).chain(&kinds).chain(&actions) {
        assert_ne!(Lang::En.text(key), "?", "{key}");
        assert_ne!(Lang::ZhCn.text(key), "?", "{key}");
    }
}

#[test]
fn every_state_of_a_deployment_has_a_text() {
    for state in crate::domain::DeployState::ALL {
        for lang in [Lang::En, Lang::ZhCn] {
            assert_ne!(lang.text(&format!("deploy-state.{state}")), "?", "{state}");
        }
    }
}

#[test]
fn the_language_comes_from_the_header_when_nothing_is_chosen() {
    assert_eq!(Lang::from_accept("zh-CN,zh;q=0.9,en;q=0.8"), Lang::ZhCn);
    assert_eq!(Lang::from_accept("fr, en-GB;q=0.7"), Lang::En);
    assert_eq!(Lang::from_accept(""), Lang::En);
}

#[test]
fn what_goes_into_an_address_is_encoded() {
    assert_eq!(percent("a b/&\u{e9}\""), "a%20b/%26%C3%A9%22");
}

#[test]
fn the_way_back_stays_on_this_station() {
    assert_eq!(super::request::own_path("/drift?a=b"), "/drift?a=b");
    for elsewhere in ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example", "", "drift"] {
        assert_eq!(super::request::own_path(elsewhere), "/", "{elsewhere:?}");
    }
}

#[test]
fn only_this_machines_own_names_are_answered() {
    for own in ["127.0.0.1:8080", "localhost", "localhost:8080", "[::1]:8080", "10.0.0.5"] {
        assert!(super::request::is_own_host(own, None), "{own}");
    }
    for foreign in ["", "evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example"] {
        assert!(!super::request::is_own_host(foreign, None), "{foreign}");
    }
}
