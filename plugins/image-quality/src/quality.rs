use assay_plugin::{Error, Result};

/// What is measured on a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Mean luma.
    Brightness,
    /// Standard deviation of luma.
    Contrast,
    /// Variance of the Laplacian.
    Focus,
    /// Share of pixels that are (nearly) black or white.
    Saturation,
}

impl Kind {
    pub const ALL: [Self; 4] = [Self::Brightness, Self::Contrast, Self::Focus, Self::Saturation];

    /// As the reference calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Brightness => "brightness",
            Self::Contrast => "contrast",
            Self::Focus => "focus",
            Self::Saturation => "saturation",
        }
    }

    /// The finding for a value below the reference, where that is a fault.
    const fn below(self) -> Option<&'static str> {
        match self {
            Self::Brightness => Some("too-dark"),
            Self::Contrast => Some("low-contrast"),
            Self::Focus => Some("out-of-focus"),
            Self::Saturation => None,
        }
    }

    const fn above(self) -> Option<&'static str> {
        match self {
            Self::Brightness => Some("too-bright"),
            Self::Saturation => Some("saturated"),
            // Detail that no reference picture had: sensor noise, another material, or an attack.
            Self::Focus => Some("noisy"),
            Self::Contrast => None,
        }
    }

    /// Contrast and focus multiply where brightness adds: half the light is half the contrast, at any level. On a
    /// plain scale four sd below the mean would lie below 0, and no blur could ever be found.
    const fn is_logarithmic(self) -> bool {
        matches!(self, Self::Contrast | Self::Focus)
    }

    /// A reference of pictures that hardly differ must not make a fault of a difference that no camera can avoid.
    const fn least_sd(self) -> f64 {
        match self {
            Self::Brightness => 1.0,
            Self::Contrast | Self::Focus => 0.05,
            Self::Saturation => 0.005,
        }
    }
}

/// Keeps the logarithm of an all-grey picture finite.
const LEAST_VALUE: f64 = 1e-3;

/// How one measure lay in the reference.
#[derive(Debug, Clone, PartialEq)]
pub struct Range {
    pub kind: Kind,
    /// Smallest and largest reference value.
    pub min: f64,
    pub max: f64,
    mean: f64,
    sd: f64,
    quantiles: Vec<f64>,
}

/// Something to say about a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Remark {
    pub label: &'static str,
    /// Distance from the reference's mean, in its sd, on the kind's scale.
    pub distance_sd: f64,
    /// 0.5 at the limit, 1 at twice the limit and beyond.
    pub score: f64,
    pub raised: bool,
}

impl Range {
    /// `quantiles` are the reference's, evenly spaced from the smallest to the largest value.
    ///
    /// # Errors
    /// Where the numbers make no range: fewer than two quantiles, or not in order.
    pub fn new(kind: Kind, mean: f64, sd: f64, quantiles: Vec<f64>) -> Result<Self> {
        let (Some(&min), Some(&max)) = (quantiles.first(), quantiles.last()) else {
            return Err(bad_quantiles(kind, quantiles.len()));
        };
        if quantiles.len() < 2 || !quantiles.is_sorted() {
            return Err(bad_quantiles(kind, quantiles.len()));
        }
        Ok(Self { kind, min, max, mean, sd, quantiles })
    }

    /// Nothing where the value lies inside the reference's range, or outside of it on the side that is no fault.
    /// Raised where it is also more than `max_sd` off.
    pub fn judge(&self, value: f64, max_sd: f64) -> Option<Remark> {
        let label = match value {
            value if value < self.min => self.kind.below()?,
            value if value > self.max => self.kind.above()?,
            _ => return None,
        };
        let (scaled, mean, sd) = self.on_scale(value);
        let distance_sd = (scaled - mean).abs() / sd;
        Some(Remark {
            label,
            distance_sd,
            score: (distance_sd / (2.0 * max_sd)).min(1.0),
            raised: distance_sd > max_sd,
        })
    }
}

impl Range {
    /// The value with the reference's mean and sd, on the kind's scale. Worked out only for a value outside of the range:
    /// most frames have none, and an instance sees one frame.
    fn on_scale(&self, value: f64) -> (f64, f64, f64) {
        let (scaled, mean, sd) = if self.kind.is_logarithmic() {
            let (mean, sd) = log_moments(&self.quantiles);
            (value.max(LEAST_VALUE).ln(), mean, sd)
        } else {
            (value, self.mean, self.sd)
        };
        (scaled, mean, sd.max(self.kind.least_sd()))
    }
}

fn bad_quantiles(kind: Kind, found: usize) -> Error {
    Error::bad_setting("reference", &format!("at least 2 quantiles of {}, in order", kind.name()), &found.to_string())
}

/// Mean and sd of the logarithms, from quantiles: the trapezoidal rule over the quantile function, so that the two
/// ends count half.
fn log_moments(quantiles: &[f64]) -> (f64, f64) {
    let last = quantiles.len() - 1;
    let weigh = |at: usize| if at == 0 || at == last { 0.5 } else { 1.0 };
    let logs: Vec<(f64, f64)> =
        quantiles.iter().enumerate().map(|(at, value)| (weigh(at), value.max(LEAST_VALUE).ln())).collect();
    let weight: f64 = logs.iter().map(|(weight, _)| weight).sum();
    let mean = logs.iter().map(|(weight, log)| weight * log).sum::<f64>() / weight;
    let variance = logs.iter().map(|(weight, log)| weight * (log - mean).powi(2)).sum::<f64>() / weight;
    (mean, variance.sqrt())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::{Kind, Range};

    const BRIGHT: [f64; 5] = [128.0, 145.0, 152.0, 160.0, 171.0];

    fn brightness() -> Range {
        Range::new(Kind::Brightness, 152.0, 10.0, BRIGHT.to_vec()).unwrap()
    }

    #[test]
    fn a_value_that_the_reference_has_seen_is_no_finding() {
        assert_eq!(brightness().judge(128.0, 4.0), None);
        assert_eq!(brightness().judge(171.0, 0.5), None, "not even with a tight limit");
        let contrast = Range::new(Kind::Contrast, 13.0, 7.0, vec![5.0, 13.0, 29.0]).unwrap();
        assert_eq!(contrast.judge(90.0, 0.5), None, "more contrast is no fault");
    }

    #[test]
    fn a_value_outside_is_shown_and_far_outside_is_raised() {
        let near = brightness().judge(122.0, 4.0).unwrap();
        assert_eq!((near.label, near.distance_sd, near.score, near.raised), ("too-dark", 3.0, 0.375, false));
        let far = brightness().judge(202.0, 4.0).unwrap();
        assert_eq!((far.label, far.distance_sd, far.score, far.raised), ("too-bright", 5.0, 0.625, true));
        assert_eq!(brightness().judge(0.0, 4.0).unwrap().score, 1.0);
    }

    #[test]
    fn blur_and_noise_are_found_on_the_logarithmic_scale() {
        let focus = Range::new(Kind::Focus, 22.9, 6.1, vec![12.4, 18.9, 22.4, 27.2, 38.5]).unwrap();
        let blurred = focus.judge(2.0, 4.0).unwrap();
        assert!(blurred.raised && blurred.label == "out-of-focus", "{blurred:?}");
        assert!(!focus.judge(50.0, 4.0).unwrap().raised, "a somewhat sharper picture is no fault");
        let noise = focus.judge(2000.0, 4.0).unwrap();
        assert!(noise.raised && noise.label == "noisy", "{noise:?}");
        assert!(focus.judge(0.0, 4.0).unwrap().distance_sd.is_finite());
    }

    #[test]
    fn a_reference_without_spread_leaves_room() {
        let saturation = Range::new(Kind::Saturation, 0.0, 0.0, vec![0.0; 21]).unwrap();
        assert!(!saturation.judge(0.01, 4.0).unwrap().raised);
        let burnt = saturation.judge(0.2, 4.0).unwrap();
        assert!(burnt.raised && burnt.label == "saturated");
    }

    #[test]
    fn a_reference_that_is_no_range_is_refused() {
        assert!(Range::new(Kind::Focus, 1.0, 1.0, vec![1.0]).is_err());
        assert!(Range::new(Kind::Focus, 1.0, 1.0, vec![2.0, 1.0]).is_err());
    }
}
