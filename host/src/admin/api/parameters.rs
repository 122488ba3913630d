//! The filter's keys as the document has them; `Wish` reads them, with all that is wrong at once.

use super::Problem;
use crate::domain::VerdictKind;
use utoipa::IntoParams;

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only described")]
pub struct FilterParams {
    /// When the verdict was formed: not before. RFC 3339, or `2026-11-24`, or `2026-11-24T03:19` in UTC.
    from: Option<String>,
    /// When the verdict was formed: before.
    to: Option<String>,
    verdict: Option<VerdictKind>,
    #[param(minimum = 0, maximum = 1)]
    score_min: Option<f64>,
    #[param(minimum = 0, maximum = 1)]
    score_max: Option<f64>,
    /// Label of a pass, reason of a fail, the model's top label of an undecided frame.
    #[param(max_length = 128)]
    label: Option<String>,
    /// Label of a raised finding.
    #[param(max_length = 128)]
    finding: Option<String>,
    #[param(max_length = 128)]
    serial: Option<String>,
    #[param(max_length = 128)]
    product: Option<String>,
    /// How the digest of a plugin's component or of a model begins.
    #[param(pattern = "^[0-9a-fA-F]{8,64}$")]
    part: Option<String>,
    /// With a raised finding, or without.
    #[param(pattern = "^(yes|no|1|0)$")]
    flagged: Option<String>,
    /// Somebody has said what the part is, or nobody.
    #[param(pattern = "^(yes|no|1|0)$")]
    reviewed: Option<String>,
    /// Of the passes that were drawn for a review, or not.
    #[param(pattern = "^(yes|no|1|0)$")]
    sampled: Option<String>,
    /// `older` or `newer` of an answer to the same filter.
    cursor: Option<String>,
    /// Rows of the page; 50 where nothing is said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// A form of a page sends fields that are empty, and means none of them; a program that does has lost a value, and would
/// take the answer for what it did not ask for.
///
/// # Errors
/// With the key of the first empty value.
pub fn no_empty(pairs: &[(String, String)]) -> Result<(), Problem> {
    match pairs.iter().find(|(_, value)| value.trim().is_empty()) {
        None => Ok(()),
        Some((key, _)) => {
            let key: String = key.chars().take(40).collect();
            Err(Problem::bad_request(format!("{key} is empty: leave it out, or give it a value")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::filter::{KEYS, PAGE_KEYS};
    use utoipa::openapi::path::ParameterIn;

    #[test]
    fn every_key_of_the_filter_is_described_and_no_other() {
        let described: Vec<String> =
            FilterParams::into_params(|| Some(ParameterIn::Query)).into_iter().map(|one| one.name).collect();
        let keys: Vec<&str> = KEYS.iter().chain(&PAGE_KEYS).copied().collect();
        assert_eq!(described, keys);
    }
}
