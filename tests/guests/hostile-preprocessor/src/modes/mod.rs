//! One file per bad thing.

use crate::Answer;
use crate::assay::plugin::imaging::Image;

macro_rules! modes {
    ($($mode:ident,)*) => {
        $(mod $mode;)*

        pub fn run(mode: &str, picture: Image) -> Answer {
            match mode {
                $(stringify!($mode) => $mode::run(picture),)*
                other => panic!("no mode {other:?}"),
            }
        }
    };
}

modes! {
    gives_infinity,
    gives_many_tensors,
    gives_nan,
    gives_no_tensor,
    gives_one_handle_twice,
    gives_one_name_twice,
    gives_wrong_dtype,
    gives_wrong_name,
    gives_wrong_shape,
}
