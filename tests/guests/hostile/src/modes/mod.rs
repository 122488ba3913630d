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
    attribute_injection,
    bad_arguments,
    bad_utf8,
    box_outside,
    box_overflow,
    changes_its_mind,
    compute_loop,
    compute_without_inputs,
    context_hoarder,
    deep_recursion,
    double_drop,
    error_leak,
    forged_handle,
    forged_result_handle,
    gallery,
    handle_given_twice,
    handle_leak,
    handle_of_other_type,
    host_call_loop,
    host_work_loop,
    huge_result,
    hundred_contexts,
    image_hoarder,
    image_twice,
    infinite_loop,
    label_injection,
    limits_respected,
    load_bytes,
    log_endless,
    log_flood,
    log_huge_line,
    log_injection,
    long_label,
    many_findings,
    memory_bomb,
    memory_nearly_full,
    million_tensors,
    model_fails,
    panic,
    path_model,
    plugin_error,
    pool_bloat,
    score_above_one,
    score_infinite,
    score_nan,
    score_negative,
    slow_operation,
    tensor_empty,
    tensor_four_gigabytes,
    tensor_hoarder,
    tensor_infinite,
    tensor_many_sides,
    tensor_nan,
    tensor_negative_side,
    tensor_one_less,
    tensor_one_more,
    tensor_overflow,
    tensor_wrong_dtype,
    tensor_wrong_length,
    tensor_zero_side,
    text_injection,
    unknown_model,
    unreachable,
    use_after_drop,
    wrong_input,
}
