//! The security page, asked of a running admin.

use super::report::judged;
use super::station::{open, with_users};
use crate::access::{Actor, Role};
use crate::domain::{Digest, Finding, Image, PixelFormat, PluginKind, PluginRun, Verdict};
use crate::imaging::encode_png;
use crate::journal::{AuditEntry, Record};

/// A picture that a detector has flagged.
fn flagged(station: &super::station::Station, trigger: u64, picture: Vec<u8>) {
    let verdict = Verdict::Fail { reason: "pit".to_owned(), score: 0.9 };
    let mut inspection = judged(station, trigger, verdict, &picture);
    let attributes = [("l1-bits", "0.100000"), ("l1-median", "0.200000"), ("l1-jpeg", "0.900000")];
    let finding = Finding {
        label: "adversarial".to_owned(),
        score: 0.45,
        raised: true,
        region: None,
        text: None,
        attributes: attributes.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec(),
    };
    inspection.runs = vec![PluginRun {
        plugin: "adv-squeeze".to_owned(),
        kind: PluginKind::Detector,
        component: Digest::of(b"adv-squeeze"),
        micros: 1,
        host_micros: 1,
        memory_bytes: 1,
        host_bytes: 1,
        findings: vec![finding],
        attributes: vec![],
        replaced: None,
        failure: None,
    }];
    let record = Record { inspection, picture: Some(picture.into()), images: vec![] };
    station.journal().submit(record).unwrap().wait().unwrap();
}

fn png() -> Vec<u8> {
    let pixels: Vec<u8> = (0..30 * 20 * 3).map(|at: usize| (at * 37 % 251) as u8).collect();
    encode_png(&Image::new(30, 20, PixelFormat::Rgb8, pixels.into()).unwrap()).unwrap()
}

#[test]
fn a_suspect_is_shown_with_its_scores_and_what_squeezing_changes() {
    let station = open();
    assert!(station.get("/security", &[("accept-language", "en")]).text.contains("No picture is flagged"));
    flagged(&station, 1, png());
    let digest = Digest::of(&png());
    let page = station.get("/security", &[("accept-language", "en")]).text;
    for text in ["adv-squeeze", "0.450", "l1-jpeg", "0.900000", &format!("src=\"/pictures/{digest}\"")] {
        assert!(page.contains(text), "{text} is not on the page");
    }
    // The squeezer of most effect comes first.
    let address = format!("/security/pictures/{digest}?by=jpeg&amp;show=difference");
    assert!(page.contains(&format!("src=\"{address}\"")), "{page}");
    for (by, show) in [("jpeg", "squeezed"), ("bits", "difference"), ("median", "difference")] {
        let made = station.bytes(&format!("/security/pictures/{digest}?by={by}&show={show}"));
        assert!(made.starts_with(b"\x89PNG"), "{by} {show}");
    }
    assert_eq!(station.get(&format!("/security/pictures/{digest}?by=blur&show=squeezed"), &[]).status, 400);
    let other = Digest::of(b"other");
    assert_eq!(station.get(&format!("/security/pictures/{other}?by=bits&show=squeezed"), &[]).status, 404);
}

#[test]
fn a_flagged_file_that_is_no_picture_breaks_nothing() {
    let station = open();
    flagged(&station, 1, b"no picture at all".to_vec());
    assert_eq!(station.get("/security", &[]).status, 200);
    let digest = Digest::of(b"no picture at all");
    assert_eq!(station.get(&format!("/security/pictures/{digest}?by=bits&show=squeezed"), &[]).status, 404);
}

#[test]
fn refused_bundles_and_sign_ins_are_told_and_shown_as_text() {
    let station = with_users();
    let ledger = station.access.ledger();
    let failed = AuditEntry::new(&Actor::station(), "deployment-failed", "deployment 7: <i>recipe</i>");
    ledger.audit(&failed.because(Some("signature check: nobody signed it")).refused("signature")).unwrap();
    ledger.audit(&AuditEntry::new(&Actor::station(), "deployment-failed", "deployment 8: cancelled")).unwrap();
    station.form("/login", "", "name=mallory&password=nothing-at-all");
    let bearer = format!("Bearer {}", station.token(Role::Engineer));
    let page = station.get("/security", &[("authorization", &bearer), ("accept-language", "en")]).text;
    for text in ["<code>signature</code>", "deployment 7: &lt;i&gt;recipe", "nobody signed it", "wrong-password"] {
        assert!(page.contains(text), "{text} is not on the page: {page}");
    }
    assert!(!page.contains("deployment 8"), "no check refused that one");
    assert!(page.contains("This station takes no bundles"), "there is no trust store here");
}
