//! Line charts drawn by the server: they are there without scripts, and in print.

use maud::{Markup, html};

/// One line of a chart; where a point has no value the line is broken.
pub struct Series<'s> {
    pub label: &'s str,
    /// Class that gives it its colour and dashes.
    pub class: &'static str,
    /// Places from 0 to 1 along the chart.
    pub points: Vec<(f64, Option<f64>)>,
    /// Where the value lies with some confidence: place, low, high.
    pub band: Vec<(f64, f64, f64)>,
}

/// A line across, or from top to bottom.
pub struct Mark<'m> {
    pub label: &'m str,
    pub at: f64,
    pub upright: bool,
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 10.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 24.0;

fn x(place: f64) -> f64 {
    LEFT + place.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
}

fn y(value: f64) -> f64 {
    TOP + (1.0 - value.clamp(0.0, 1.0)) * (HEIGHT - TOP - BOTTOM)
}

/// Shares from 0 to 100 % over something whose ticks have a place and a text.
pub fn shares(title: &str, series: &[Series<'_>], marks: &[Mark<'_>], ticks: &[(f64, String)]) -> Markup {
    html! {
        figure class="plot-svg" {
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(title) {
                @for percent in [0u8, 25, 50, 75, 100] {
                    @let at = y(f64::from(percent) / 100.0);
                    line class="grid" x1=(LEFT) x2=(WIDTH - RIGHT) y1=(at) y2=(at) {}
                    text class="tick" x=(LEFT - 6.0) y=(at + 4.0) text-anchor="end" { (percent) " %" }
                }
                @for (place, text) in ticks {
                    text class="tick" x=(x(*place)) y=(HEIGHT - 6.0) text-anchor="middle" { (text) }
                }
                @for one in series {
                    @for (place, low, high) in &one.band {
                        line class={ "band " (one.class) } x1=(x(*place)) x2=(x(*place)) y1=(y(*low)) y2=(y(*high)) {}
                    }
                    @for run in runs(&one.points) { polyline class={ "line " (one.class) } points=(run) {} }
                    @for (place, value) in &one.points { @if let Some(value) = value {
                        @if one.points.len() <= 60 { circle class={ "dot " (one.class) } cx=(x(*place)) cy=(y(*value)) r="3" {} }
                    } }
                }
                @for mark in marks { (draw_mark(mark)) }
            }
            figcaption {
                @for one in series { span class={ "key " (one.class) } { svg viewBox="0 0 24 8" aria-hidden="true" { line class={ "line " (one.class) } x1="0" x2="24" y1="4" y2="4" {} } " " (one.label) } " " }
                @for mark in marks { span class="key" { svg viewBox="0 0 24 8" aria-hidden="true" { line class="mark" x1="0" x2="24" y1="4" y2="4" {} } " " (mark.label) } " " }
            }
        }
    }
}

fn draw_mark(mark: &Mark<'_>) -> Markup {
    html! {
        @if mark.upright { line class="mark" x1=(x(mark.at)) x2=(x(mark.at)) y1=(TOP) y2=(HEIGHT - BOTTOM) {} }
        @else { line class="mark" x1=(LEFT) x2=(WIDTH - RIGHT) y1=(y(mark.at)) y2=(y(mark.at)) {} }
    }
}

/// The unbroken parts of a line, as the points of a polyline.
fn runs(points: &[(f64, Option<f64>)]) -> Vec<String> {
    let parts = points.split(|(_, value)| value.is_none());
    let text = |part: &[(f64, Option<f64>)]| {
        let pairs = part.iter().filter_map(|(place, value)| Some(format!("{:.1},{:.1}", x(*place), y((*value)?))));
        pairs.collect::<Vec<_>>().join(" ")
    };
    parts.filter(|part| part.len() > 1).map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_broken_where_nothing_was_measured() {
        let points = [(0.0, Some(1.0)), (0.5, Some(0.0)), (0.6, None), (0.7, Some(1.0)), (0.8, None), (0.9, None)];
        assert_eq!(runs(&points), ["46.0,10.0 378.0,196.0"]);
    }
}
