//! One file per bad thing.

use crate::Answer;

macro_rules! modes {
    ($($mode:ident,)*) => {
        $(mod $mode;)*

        pub fn run(mode: &str) -> Answer {
            match mode {
                $(stringify!($mode) => $mode::run(),)*
                other => panic!("no mode {other:?}"),
            }
        }
    };
}

modes! {
    reports_many,
    reports_nan,
    state_churn,
    state_crumbs,
    state_hoarder,
}
