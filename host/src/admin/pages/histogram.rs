//! Histograms drawn by the server: they are there without scripts, and in print.

use crate::admin::drift::{DistributionJson, SetJson};
use maud::{Markup, html};

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 180.0;
const LEFT: f64 = 10.0;
const RIGHT: f64 = 10.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 22.0;

fn across(share: f64) -> f64 {
    LEFT + share * (WIDTH - LEFT - RIGHT)
}

/// The first set as bars, the others as steps over it; each set has the class of its name.
pub fn histogram(title: &str, of: &DistributionJson) -> Markup {
    let bins = of.sets.iter().map(|set| set.shares.len()).max().unwrap_or(0).max(1);
    let highest = of.sets.iter().flat_map(|set| &set.shares).copied().fold(0.0f64, f64::max).max(1e-9);
    let y = |share: f64| TOP + (1.0 - share / highest) * (HEIGHT - TOP - BOTTOM);
    let x = |bin: usize| across(bin as f64 / bins as f64);
    let floor = y(0.0);
    html! {
        svg class="histogram" viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(title) {
            line class="grid" x1=(LEFT) x2=(WIDTH - RIGHT) y1=(floor) y2=(floor) {}
            @for set in &of.sets {
                @if set.of.is_filled() {
                    @for (bin, share) in set.shares.iter().enumerate() {
                        rect class={ "bars " (set.of.name()) } x=(format!("{:.1}", x(bin))) y=(format!("{:.1}", y(*share))) width=(format!("{:.1}", x(bin + 1) - x(bin))) height=(format!("{:.1}", floor - y(*share))) {}
                    }
                } @else {
                    polyline class={ "steps " (set.of.name()) } points=(steps(set, &x, &y, floor)) {}
                }
            }
            @for tick in 0..=4u8 {
                @let share = f64::from(tick) / 4.0;
                @let anchor = match tick { 0 => "start", 4 => "end", _ => "middle" };
                text class="tick" x=(across(share)) y=(HEIGHT - 6.0) text-anchor=(anchor) { (number(of.from + share * of.width * bins as f64)) }
            }
        }
    }
}

/// Up, along and down each bin.
fn steps(set: &SetJson, x: &dyn Fn(usize) -> f64, y: &dyn Fn(f64) -> f64, floor: f64) -> String {
    let mut points = vec![format!("{:.1},{floor:.1}", x(0))];
    for (bin, share) in set.shares.iter().enumerate() {
        points.push(format!("{:.1},{:.1}", x(bin), y(*share)));
        points.push(format!("{:.1},{:.1}", x(bin + 1), y(*share)));
    }
    points.push(format!("{:.1},{floor:.1}", x(set.shares.len())));
    points.join(" ")
}

/// As many digits as its size asks for.
pub fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if (1e-9..1.0).contains(&size) => format!("{value:.4}"),
        _ => format!("{value:.2}"),
    }
}
