//! JSON has no NaN and no infinity: serde writes them as `null`, and here they are read back as NaN. A model can give
//! them, and the record of such a frame has to be readable.

use serde::{Deserialize, Deserializer};

pub fn or_nan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f32::NAN))
}

pub fn each_or_nan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f32>, D::Error> {
    let numbers = Vec::<Option<f32>>::deserialize(deserializer)?;
    Ok(numbers.into_iter().map(|number| number.unwrap_or(f32::NAN)).collect())
}
