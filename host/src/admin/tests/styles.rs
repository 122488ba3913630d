//! Colours, themes, and what a page weighs.

use super::station::{Station, open, with_users};
use std::collections::BTreeMap;
use std::io::Read as _;

const STYLE: &str = include_str!("../../../assets/style.css");

type Colours = BTreeMap<&'static str, [f64; 3]>;

/// Every `--name: #rrggbb` between a place of the style sheet and the end of its block.
fn colours(from: &str) -> Colours {
    let (_, block) = STYLE.split_once(from).expect(from);
    let (block, _) = block.split_once('}').unwrap();
    let pairs = block.split([';', '{']).filter_map(|part| part.trim().strip_prefix("--")?.split_once(": #"));
    pairs.map(|(name, hex)| (name, std::array::from_fn(|at| channel(&hex[2 * at..2 * at + 2])))).collect()
}

/// As WCAG 2.2 reads an sRGB channel.
fn channel(hex: &str) -> f64 {
    let value = f64::from(u8::from_str_radix(hex, 16).unwrap()) / 255.0;
    if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
    let luminance = |[red, green, blue]: [f64; 3]| 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

fn themes() -> [(&'static str, Colours); 2] {
    [("light", colours(":root {")), ("dark", colours(":root[data-theme=\"dark\"] {"))]
}

#[test]
fn contrast_is_computed_as_wcag_says() {
    let black = [0.0; 3];
    assert!((contrast(black, [1.0; 3]) - 21.0).abs() < 1e-9);
    let grey = std::array::from_fn(|_| channel("76"));
    assert!((contrast(grey, [1.0; 3]) - 4.54).abs() < 0.01);
}

#[test]
fn text_has_the_contrast_of_wcag_aa_in_both_themes() {
    let pairs = [
        ("text", "bg"),
        ("text", "panel"),
        ("text", "bar-bg"),
        ("dim", "bg"),
        ("dim", "panel"),
        ("dim", "bar-bg"),
        ("link", "bg"),
        ("link", "panel"),
        ("panel", "text"),
        ("pass", "pass-bg"),
        ("fail", "fail-bg"),
        ("undecided", "undecided-bg"),
        ("pass", "panel"),
        ("fail", "panel"),
        ("undecided", "panel"),
        // The station page writes on the full colours.
        ("panel", "pass"),
        ("panel", "fail"),
        ("panel", "undecided"),
        ("text", "pass-bg"),
        ("text", "fail-bg"),
        ("text", "undecided-bg"),
    ];
    for (theme, colours) in themes() {
        for (text, ground) in pairs {
            let found = contrast(colours[text], colours[ground]);
            assert!(found >= 4.5, "{theme}: {text} on {ground} has {found:.2}");
        }
        for (line, ground) in [("focus", "bg"), ("focus", "panel"), ("bar", "panel"), ("pass", "bg"), ("fail", "bg")] {
            let found = contrast(colours[line], colours[ground]);
            assert!(found >= 3.0, "{theme}: {line} on {ground} has {found:.2}");
        }
    }
}

#[test]
fn the_systems_dark_and_the_chosen_dark_are_the_same() {
    let system = colours(":root:not([data-theme=\"light\"]) {");
    assert_eq!(system, colours(":root[data-theme=\"dark\"] {"));
    let light = colours(":root {");
    assert_eq!(light.keys().collect::<Vec<_>>(), system.keys().collect::<Vec<_>>());
}

#[test]
fn lines_of_charts_are_seen_on_both_grounds() {
    let overview = include_str!("../../../assets/overview.css");
    let lines: Vec<&str> =
        overview.split("--line-").skip(1).filter_map(|part| part.split_once(": #")).map(|(_, hex)| &hex[..6]).collect();
    assert!(lines.len() >= 8, "{lines:?}");
    for (theme, colours) in themes() {
        for hex in &lines {
            let line = std::array::from_fn(|at| channel(&hex[2 * at..2 * at + 2]));
            let found = contrast(line, colours["panel"]);
            assert!(found >= 2.0, "{theme}: #{hex} has {found:.2}");
        }
    }
}

#[test]
fn a_theme_is_chosen_by_a_link_and_kept_in_a_cookie() {
    let station = with_users();
    let page = station.get("/login", &[]).text;
    assert!(!page.contains("data-theme") && page.contains("/theme?to=dark&amp;back=/login"), "{page}");
    let chosen = station.get("/theme?to=dark&back=/login", &[]);
    assert_eq!((chosen.status, chosen.header("location")), (303, "/login"));
    let cookie = chosen.header("set-cookie").split(';').next().unwrap().to_owned();
    let dark = station.get("/login", &[("cookie", &format!("lang=en; {cookie}"))]).text;
    assert!(dark.contains("data-theme=\"dark\"") && dark.contains("/theme?to=light"), "{dark}");
    assert_eq!(station.get("/theme?to=pink&back=/", &[]).status, 400);
    assert_eq!(station.get("/theme?to=dark&back=//evil.example", &[]).header("location"), "/");
    let unknown = station.get("/login", &[("cookie", "theme=\"><script>")]).text;
    assert!(!unknown.contains("data-theme"), "{unknown}");
}

const PAGES: [&str; 14] = [
    "/",
    "/station",
    "/dashboard",
    "/inspections",
    "/review",
    "/quality",
    "/drift",
    "/plugins",
    "/model",
    "/alarms",
    "/storage",
    "/sources",
    "/audit",
    "/users",
];

#[test]
fn every_page_has_the_chosen_theme() {
    let station = open();
    for path in PAGES {
        let page = station.get(path, &[("cookie", "theme=light")]).text;
        assert!(page.contains("data-theme=\"light\""), "{path}");
    }
}

/// Bytes on the wire, with gzip taken.
fn weight(station: &Station, path: &str) -> usize {
    let mut response =
        ureq::get(format!("{}{path}", station.address)).header("accept-encoding", "gzip").call().unwrap();
    let coded = response.headers().get("content-encoding").is_some_and(|coding| coding == "gzip");
    let length = response.headers()["content-length"].to_str().unwrap().parse().unwrap();
    let mut bytes = Vec::new();
    response.body_mut().as_reader().read_to_end(&mut bytes).unwrap();
    assert!(coded || bytes.len() == length, "{path}");
    length
}

#[test]
fn no_page_weighs_more_than_150_kb_without_its_pictures() {
    let station = open();
    for trigger in 1..=3 {
        super::overviews::release(&station, trigger, None);
    }
    for path in PAGES.into_iter().chain(["/login", "/setup", "/account"]) {
        let page = station.get(path, &[]).text;
        let names = page.split("/assets/").skip(1).filter_map(|rest| rest.split('"').next());
        let names: std::collections::BTreeSet<&str> = names.collect();
        assert!(names.contains("style.css"), "{path}");
        let files: usize = names.iter().map(|name| weight(&station, &format!("/assets/{name}"))).sum();
        assert!(page.len() + files <= 150_000, "{path}: {} bytes and {files} of {names:?}", page.len());
    }
}

#[test]
fn files_are_packed_where_the_browser_unpacks_them_and_sent_once() {
    let station = open();
    let plain = station.get("/assets/htmx.min.js", &[("accept-encoding", "identity")]);
    assert_eq!((plain.header("content-encoding"), plain.header("vary")), ("", "accept-encoding"));
    let ask = |headers: &[(&str, &str)]| {
        let mut request = ureq::get(format!("{}/assets/htmx.min.js", station.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.call().unwrap()
    };
    let packed = ask(&[("accept-encoding", "br, gzip;q=0.8")]);
    let header = |name: &str| packed.headers().get(name).map_or("", |value| value.to_str().unwrap());
    assert_eq!(header("content-encoding"), "gzip");
    assert!(header("content-length").parse::<usize>().unwrap() * 2 < plain.text.len());
    assert_ne!(header("etag"), plain.header("etag"), "other bytes, another tag");
    let refused = station.get("/assets/htmx.min.js", &[("accept-encoding", "gzip;q=0")]);
    assert_eq!(refused.header("content-encoding"), "");
    for tag in [plain.header("etag").to_owned(), format!("W/{}", plain.header("etag")), "*".to_owned()] {
        let again = station.get("/assets/htmx.min.js", &[("accept-encoding", "identity"), ("if-none-match", &tag)]);
        assert_eq!((again.status, again.text.len()), (304, 0), "{tag}");
        assert_eq!(again.header("etag"), plain.header("etag"));
    }
    let other = station.get("/assets/htmx.min.js", &[("accept-encoding", "identity"), ("if-none-match", "\"other\"")]);
    assert_eq!(other.status, 200);
    assert_eq!(station.get("/assets/nothing.js", &[]).status, 404);
}
