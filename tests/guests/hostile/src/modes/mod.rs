//! One file per bad thing.

use crate::Answer;
use crate::exports::assay::plugin::detect::Evidence;

macro_rules! modes {
    ($($mode:ident,)*) => {
        $(mod $mode;)*

        pub fn run(mode: &str, evidence: Evidence) -> Answer {
            match mode {
                $(stringify!($mode) => $mode::run(evidence),)*
                other => panic!("no mode {other:?}"),
            }
        }
    };
}

modes! {
    bad_arguments,
    bad_utf8,
    box_outside,
    box_overflow,
    deep_recursion,
    error_leak,
    forged_handle,
    handle_leak,
    host_call_loop,
    host_work_loop,
    huge_result,
    image_hoarder,
    image_twice,
    infinite_loop,
    limits_respected,
    load_bytes,
    log_flood,
    log_injection,
    long_label,
    many_findings,
    memory_bomb,
    model_fails,
    panic,
    plugin_error,
    score_above_one,
    score_nan,
    tensor_hoarder,
    tensor_overflow,
    tensor_wrong_length,
    unknown_model,
    unreachable,
    wrong_input,
}
