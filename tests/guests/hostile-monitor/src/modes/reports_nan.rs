//! A value that is no number.

use crate::Answer;

pub fn run() -> Answer {
    let mut report = crate::report();
    report.value = f64::NAN;
    crate::answer(vec![report])
}
