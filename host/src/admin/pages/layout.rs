use super::alarms::banner;
use crate::access::{ActorKind, Identity};
use crate::admin::i18n::Lang;
use crate::admin::theme::Theme;
use crate::alarms::AlarmSnapshot;
use crate::domain::{Region, Role, VerdictKind};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::sync::Arc;

/// Which entry of the navigation is current.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    Live,
    Station,
    Dashboard,
    Inspections,
    Review,
    Quality,
    Report,
    Drift,
    Plugins,
    Alarms,
    Storage,
    Sources,
    Deployments,
    Security,
    Audit,
    Users,
}

/// Shown to whoever has the role, which is that of `routes`.
const TABS: [(Tab, &str, &str, Role); 16] = [
    (Tab::Live, "/", "nav.live", Role::Viewer),
    (Tab::Station, "/station", "nav.station", Role::Viewer),
    (Tab::Dashboard, "/dashboard", "nav.dashboard", Role::Viewer),
    (Tab::Inspections, "/inspections", "nav.inspections", Role::Viewer),
    (Tab::Review, "/review", "nav.review", Role::Viewer),
    (Tab::Quality, "/quality", "nav.quality", Role::Viewer),
    (Tab::Report, "/report", "nav.report", Role::Viewer),
    (Tab::Drift, "/drift", "nav.drift", Role::Viewer),
    (Tab::Plugins, "/plugins", "nav.plugins", Role::Viewer),
    (Tab::Alarms, "/alarms", "nav.alarms", Role::Viewer),
    (Tab::Storage, "/storage", "nav.storage", Role::Viewer),
    (Tab::Sources, "/sources", "nav.sources", Role::Viewer),
    (Tab::Deployments, "/deployments", "nav.deployments", Role::Viewer),
    (Tab::Security, "/security", "nav.security", Role::Engineer),
    (Tab::Audit, "/audit", "nav.audit", Role::Engineer),
    (Tab::Users, "/users", "nav.users", Role::Admin),
];

/// What every page needs beside its own content.
#[derive(Debug, Clone)]
pub struct PageFrame {
    pub lang: Lang,
    pub theme: Theme,
    pub station: String,
    /// Path and query of this page, to come back to after the language was changed.
    pub here: String,
    /// Who looks at it; none on the pages for signing in.
    pub identity: Option<Identity>,
    /// What is raised now; looked at again by the page itself.
    pub alarms: Arc<AlarmSnapshot>,
}

impl PageFrame {
    /// What every form with method `post` carries: `(frame.form_token())` as its first child.
    #[must_use]
    pub fn form_token(&self) -> Markup {
        let token = self.identity.as_ref().and_then(|identity| identity.form_token.as_deref());
        html! { input type="hidden" name="csrf" value=(token.unwrap_or("")); }
    }
}

/// The whole page around `content`.
pub fn page(frame: &PageFrame, tab: Option<Tab>, title: &str, content: &Markup) -> Markup {
    let t = |key: &str| frame.lang.text(key);
    html! {
        (DOCTYPE)
        html lang=(frame.lang.tag()) data-theme=[frame.theme.attribute()] {
            (head(frame, title, &html! {}))
            body {
                a class="skip" href="#content" { (t("nav.skip")) }
                (top(frame, tab))
                @if frame.identity.is_some() {
                    div id="alarm-banner" role="status" hx-get="/alarms/banner" hx-trigger="every 5s" { (banner(frame.lang, &frame.alarms)) }
                }
                main id="content" { (content) }
                (bottom(frame))
            }
        }
    }
}

/// What every page begins with; `more` is what only this one needs.
pub fn head(frame: &PageFrame, title: &str, more: &Markup) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="htmx-config" content=r#"{"includeIndicatorStyles":false,"allowEval":false,"selfRequestsOnly":true}"#;
            title { (title) " - " (frame.lang.text("site.title")) }
            link rel="icon" href="/assets/icon.svg" type="image/svg+xml";
            link rel="stylesheet" href="/assets/style.css";
            script src="/assets/htmx.min.js" defer {}
            script src="/assets/htmx-sse.min.js" defer {}
            script src="/assets/app.js" defer {}
            (more)
        }
    }
}

/// The theme and the language: links, so that they work without scripts too.
pub fn switches(frame: &PageFrame) -> Markup {
    let t = |key: &str| frame.lang.text(key);
    let (other, next) = (frame.lang.other(), frame.theme.next().name());
    let back = percent(&frame.here);
    html! {
        a class="theme" href={ "/theme?to=" (next) "&back=" (back) } title=(t("theme.title")) { (t(&format!("theme.{next}"))) }
        a href={ "/language?to=" (other.tag()) "&back=" (back) } lang=(other.tag()) { (t("nav.language")) }
    }
}

fn top(frame: &PageFrame, tab: Option<Tab>) -> Markup {
    let t = |key: &str| frame.lang.text(key);
    let role = frame.identity.as_ref().map(|identity| identity.actor.role);
    html! {
        header class="top" {
            a class="brand" href="/" { img src="/assets/icon.svg" width="24" height="24" alt=""; (t("site.title")) }
            nav {
                @for (entry, href, key, least) in TABS {
                    @if role >= Some(least) {
                        a href=(href) aria-current=[(Some(entry) == tab).then_some("page")] { (t(key)) }
                    }
                }
            }
            span class="station" { (t("site.station")) " " b { (frame.station) } }
            (who(frame))
            (switches(frame))
        }
    }
}

/// Who is signed in, and the way out.
fn who(frame: &PageFrame) -> Markup {
    let signed = frame.identity.as_ref().filter(|identity| identity.actor.kind == ActorKind::User);
    html! {
        @if let Some(identity) = signed {
            form class="who" method="post" action="/logout" {
                (frame.form_token())
                a href="/account" title=(role_word(frame.lang, identity.actor.role)) { (identity.actor.name) }
                button class="quiet" type="submit" { (frame.lang.text("nav.sign-out")) }
            }
        }
    }
}

/// What everybody must know of an open station.
fn bottom(frame: &PageFrame) -> Markup {
    let t = |key: &str| frame.lang.text(key);
    let open = frame.identity.as_ref().is_some_and(|identity| identity.actor.kind == ActorKind::Local);
    html! {
        @if open { footer class="open" { p { (t("open.note")) " " a href="/setup" { (t("open.set-up")) } } } }
    }
}

#[must_use]
pub fn role_word(lang: Lang, role: Role) -> &'static str {
    match role {
        Role::Viewer => lang.text("role.viewer"),
        Role::Operator => lang.text("role.operator"),
        Role::Engineer => lang.text("role.engineer"),
        Role::Admin => lang.text("role.admin"),
    }
}

/// Percent-encodes all but unreserved characters and `/`, for use inside a query.
#[must_use]
pub fn percent(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'/') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// The shape of a verdict: a tick in a circle, a cross in an octagon, a question mark in a triangle.
#[must_use]
pub fn shape(kind: VerdictKind) -> Markup {
    let path = match kind {
        VerdictKind::Pass => {
            r#"<circle cx="12" cy="12" r="10"/><path d="M7 12.5l3.4 3.4L17 9" fill="none" stroke-linecap="round" stroke-linejoin="round"/>"#
        }
        VerdictKind::Fail => {
            r#"<path d="M8 2h8l6 6v8l-6 6H8l-6-6V8z"/><path d="M8.3 8.3l7.4 7.4M15.7 8.3l-7.4 7.4" stroke-linecap="round"/>"#
        }
        VerdictKind::Undecided => {
            r#"<path d="M12 2.5L22.5 21h-21z" stroke-linejoin="round"/><path d="M9.8 11a2.2 2.2 0 1 1 3 2c-.6.3-.8.7-.8 1.5M12 17.6v.2" stroke-linecap="round"/>"#
        }
    };
    html! {
        svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" aria-hidden="true" { (PreEscaped(path)) }
    }
}

/// A verdict as shape, word and colour.
pub fn badge(lang: Lang, kind: VerdictKind) -> Markup {
    html! { span class={ "badge " (kind.name()) } { (shape(kind)) (verdict_word(lang, kind)) } }
}

#[must_use]
pub fn verdict_word(lang: Lang, kind: VerdictKind) -> &'static str {
    match kind {
        VerdictKind::Pass => lang.text("verdict.pass"),
        VerdictKind::Fail => lang.text("verdict.fail"),
        VerdictKind::Undecided => lang.text("verdict.undecided"),
    }
}

/// A picture with the regions of findings drawn over it, and below them a heat map where there is one.
pub struct Shown<'a> {
    pub src: &'a str,
    pub alt: &'a str,
    pub width: u32,
    pub height: u32,
    pub regions: &'a [(Region, String)],
    /// The address of its heat map.
    pub heat: Option<&'a str>,
}

pub fn picture(shown: &Shown<'_>) -> Markup {
    let Shown { src, alt, width, height, regions, heat } = *shown;
    html! {
        div class="picture" {
            img src=(src) alt=(alt) width=(width) height=(height);
            @if let Some(heat) = heat {
                svg class="overlay heat" viewBox={ "0 0 " (width) " " (height) } preserveAspectRatio="xMidYMid meet" aria-hidden="true" {
                    image href=(heat) width=(width) height=(height) preserveAspectRatio="none" filter="url(#heat-colours)" {}
                }
            }
            @if !regions.is_empty() {
                svg class="overlay" viewBox={ "0 0 " (width) " " (height) } preserveAspectRatio="xMidYMid meet" aria-hidden="true" {
                    @for (region, label) in regions {
                        rect x=(region.x) y=(region.y) width=(region.width) height=(region.height) {}
                        (region_name(region, label, width))
                    }
                }
            }
        }
    }
}

/// The switch of the heat map before what it hides, without a script, and what its colours say. The colours run from
/// dark blue to yellow as their brightness does, so that they are told apart whatever colours one sees, and where there
/// is no heat the picture shows through.
pub fn heat_switch(lang: Lang) -> Markup {
    html! {
        input type="checkbox" id="show-heat" class="heat-switch" checked;
        label for="show-heat" { (lang.text("heat.show")) }
        p class="heat-legend dim" { span { "0" } span class="ramp" {} span { "1" } (lang.text("heat.legend")) }
        (heat_colours())
    }
}

/// What colours a grey heat map; once on a page that has one.
pub fn heat_colours() -> Markup {
    html! {
        svg class="defs" width="0" height="0" aria-hidden="true" {
            filter id="heat-colours" color-interpolation-filters="sRGB" x="0" y="0" width="1" height="1" {
                feColorMatrix type="matrix" values="1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0" {}
                feComponentTransfer {
                    feFuncR type="table" tableValues="0 .263 .49 .737 .996" {}
                    feFuncG type="table" tableValues=".133 .306 .486 .686 .91" {}
                    feFuncB type="table" tableValues=".306 .424 .471 .435 .22" {}
                    feFuncA type="table" tableValues="0 .3 .55 .72 .82" {}
                }
            }
        }
    }
}

/// The finding's label above its region; below the upper edge where there is no room above. Its size follows the picture's,
/// since the picture is shown as wide as the page allows.
fn region_name(region: &Region, label: &str, width: u32) -> Markup {
    let size = (width / 36).max(6);
    let room = region.y > size + size / 2;
    let y = if room { region.y - size / 3 } else { region.y.saturating_add(size + size / 4) };
    // A region at the right edge has its name to the left.
    let right = region.x > width / 2;
    let x = if right { region.x.saturating_add(region.width) } else { region.x };
    html! {
        text x=(x) y=(y) font-size=(size) text-anchor=(if right { "end" } else { "start" }) { (label) }
    }
}

/// A horizontal bar; `share` in [0, 1].
pub fn bar(share: f64) -> Markup {
    let width = (share.clamp(0.0, 1.0) * 100.0 * 10.0).round() / 10.0;
    html! {
        svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" {
            rect class="track" width="100" height="8" rx="2" {}
            rect class="fill" width=(width) height="8" rx="2" {}
        }
    }
}

/// Microseconds as milliseconds with sensible digits.
#[must_use]
pub fn ms(micros: u64) -> String {
    let value = micros as f64 / 1000.0;
    if value >= 100.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

/// With the unit in which it has one to three digits before the point.
#[must_use]
pub fn bytes(bytes: u64) -> String {
    let (value, unit) = match bytes {
        0..0x10_0000 => (bytes as f64 / 1024.0, "KiB"),
        0x10_0000..0x4000_0000 => (bytes as f64 / 1_048_576.0, "MiB"),
        _ => (bytes as f64 / 1_073_741_824.0, "GiB"),
    };
    format!("{value:.1} {unit}")
}

/// Microseconds since 1970 as `2026-11-24 03:19:44.123` in UTC.
#[must_use]
pub fn utc(micros: i64) -> String {
    jiff::Timestamp::from_microsecond(micros)
        .map_or_else(|_| micros.to_string(), |time| time.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string())
}
