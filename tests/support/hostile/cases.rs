//! The table: every way to misbehave, and what it must come to.

use assay::domain::{FailureCode, FailureCode as Code, Stage};

/// Where a case's component comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// A mode of the guest `hostile`, a detector.
    Detector,
    /// A mode of `hostile-preprocessor`.
    Preprocessor,
    /// A mode of `hostile-monitor`.
    Monitor,
    /// `tests/guests/wat/NAME.wat`.
    Wat,
    /// The same, with UTF-16 for its strings.
    WatUtf16,
    /// Written by `slow.rs`: too large for a file.
    Generated,
    /// A healthy plugin with something wrong in its manifest or its recipe.
    Papers,
}

/// What a case must come to. The blame is always the plugin's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is not admitted; the error has these words.
    Refused(&'static str),
    /// The verdict is `undecided` (a monitor: the observation fails) by this; the detail has these words.
    Fails(Stage, FailureCode, &'static str),
    /// What it tried was refused or cut, and it then kept its contract: the verdict is what its own finding
    /// `survived` asks for, `undecided`.
    Contained,
}

#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub name: &'static str,
    pub made: Made,
    pub outcome: Outcome,
    pub deadline_ms: u32,
    pub memory_bytes: u64,
}

/// Far beyond what a call takes that is not stopped by its deadline, on a busy machine too.
const PATIENT_MS: u32 = 1000;
/// The deadline of what runs until it is stopped.
const SHORT_MS: u32 = 5;

const fn case(name: &'static str, made: Made, outcome: Outcome) -> Case {
    let endless = matches!(outcome, Outcome::Fails(_, Code::Timeout, _));
    let refused_late = matches!(outcome, Outcome::Refused(_));
    let deadline_ms = if endless || refused_late { SHORT_MS } else { PATIENT_MS };
    Case { name, made, outcome, deadline_ms, memory_bytes: 32 << 20 }
}

const fn detector(name: &'static str, code: Code, words: &'static str) -> Case {
    case(name, Made::Detector, Outcome::Fails(Stage::Detect, code, words))
}

const fn contained(name: &'static str) -> Case {
    case(name, Made::Detector, Outcome::Contained)
}

const fn wat(name: &'static str, code: Code, words: &'static str) -> Case {
    case(name, Made::Wat, Outcome::Fails(Stage::Detect, code, words))
}

const fn refused(name: &'static str, made: Made, words: &'static str) -> Case {
    case(name, made, Outcome::Refused(words))
}

const fn preprocessor(name: &'static str, stage: Stage, code: Code, words: &'static str) -> Case {
    case(name, Made::Preprocessor, Outcome::Fails(stage, code, words))
}

const fn monitor(name: &'static str, code: Code, words: &'static str) -> Case {
    case(name, Made::Monitor, Outcome::Fails(Stage::Monitor, code, words))
}

impl Case {
    const fn in_memory(self, memory_bytes: u64) -> Self {
        Self { memory_bytes, ..self }
    }
}

const ROOMY: u64 = 160 << 20;

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    // Time.
    detector("infinite_loop", Code::Timeout, "limits.deadline_ms"),
    detector("host_call_loop", Code::Timeout, "limits.deadline_ms"),
    detector("host_work_loop", Code::Timeout, "in host functions"),
    // Refused before it begins or stopped when it comes back: that depends on the machine.
    detector("slow_operation", Code::Timeout, "deadline"),
    detector("million_tensors", Code::Timeout, "limits.deadline_ms"),
    // Long enough that a machine that stalls for half of it, in one inference, is not to be expected: then the device
    // would be to blame.
    Case { deadline_ms: 100, ..detector("compute_loop", Code::Timeout, "deadline") },
    detector("log_endless", Code::Timeout, "limits.deadline_ms"),
    wat("realloc_loop", Code::Timeout, "limits.deadline_ms"),
    wat("post_return_loop", Code::Timeout, "limits.deadline_ms"),
    wat("drop_loop", Code::Timeout, "limits.deadline_ms"),
    wat("fill_storm", Code::Timeout, "limits.deadline_ms"),
    wat("copy_storm", Code::Timeout, "limits.deadline_ms"),
    refused("start_loop", Made::Wat, "timeout (plugin)"),
    // Memory and tables.
    detector("memory_bomb", Code::MemoryLimit, "limits.memory_bytes"),
    contained("memory_nearly_full"),
    detector("image_hoarder", Code::ByteLimit, "limits.host_bytes"),
    detector("tensor_hoarder", Code::ByteLimit, "limits.host_bytes"),
    contained("pool_bloat"),
    contained("limits_respected"),
    wat("grow_to_limit", Code::MemoryLimit, "limits.memory_bytes"),
    wat("table_bomb", Code::MemoryLimit, "limits.table_elements"),
    refused("huge_table", Made::Wat, "table"),
    refused("many_tables", Made::Wat, "table"),
    refused("many_memories", Made::Wat, "memor"),
    refused("many_instances", Made::Wat, "65 core module instances"),
    refused("four_gigabytes", Made::Wat, "memory"),
    refused("data_outside", Made::Wat, "out of bounds"),
    // What it answers.
    detector("huge_result", Code::ResultLimit, "limits.result_bytes"),
    detector("gallery", Code::ResultLimit, "pictures"),
    detector("many_findings", Code::ResultLimit, "300 findings"),
    wat("list_134_mb", Code::ResultLimit, "limits.result_bytes").in_memory(ROOMY),
    wat("million_boxes", Code::ResultLimit, "limits.result_bytes").in_memory(ROOMY),
    wat("million_strings", Code::ResultLimit, "limits.result_bytes"),
    wat("aliased_lists", Code::ResultLimit, "limits.result_bytes"),
    wat("length_lie", Code::BadAnswer, "out of bounds"),
    wat("result_outside", Code::BadAnswer, "out of bounds"),
    wat("misaligned_result", Code::BadAnswer, "aligned"),
    wat("misaligned_list", Code::BadAnswer, "aligned"),
    wat("result_case", Code::BadAnswer, "discriminant"),
    wat("error_case", Code::BadAnswer, "discriminant"),
    wat("option_case", Code::BadAnswer, "discriminant"),
    detector("bad_utf8", Code::BadAnswer, "utf-8"),
    case("bad_utf16", Made::WatUtf16, Outcome::Fails(Stage::Detect, Code::BadAnswer, "surrogate")),
    detector("box_outside", Code::BadAnswer, "not inside the picture of 8x8"),
    detector("box_overflow", Code::BadAnswer, "not inside the picture"),
    detector("score_above_one", Code::BadAnswer, "1.5 is outside [0, 1]"),
    detector("score_negative", Code::BadAnswer, "-0.1 is outside [0, 1]"),
    detector("score_nan", Code::BadAnswer, "NaN is outside [0, 1]"),
    detector("score_infinite", Code::BadAnswer, "inf is outside [0, 1]"),
    detector("long_label", Code::BadAnswer, "5000 bytes"),
    detector("label_injection", Code::BadAnswer, r"\u{202e}ssap"),
    detector("text_injection", Code::BadAnswer, "without control characters"),
    contained("attribute_injection"),
    contained("changes_its_mind"),
    detector("plugin_error", Code::PluginError, r"bad setting: mode: \u{1b}[31mred\n"),
    detector("image_twice", Code::BadAnswer, "twin"),
    // Traps.
    detector("panic", Code::Trap, "panicked"),
    detector("unreachable", Code::Trap, "unreachable"),
    detector("deep_recursion", Code::StackOverflow, "deeper"),
    case("wide_frames", Made::Generated, Outcome::Fails(Stage::Detect, Code::StackOverflow, "too deeply")),
    wat("divide_by_zero", Code::Trap, "divide by zero"),
    wat("memory_outside", Code::Trap, "out of bounds memory access"),
    wat("null_call", Code::Trap, "uninitialized element"),
    wat("realloc_traps", Code::Trap, "unreachable"),
    wat("realloc_outside", Code::BadAnswer, "realloc"),
    wat("realloc_misaligned", Code::BadAnswer, "realloc"),
    wat("realloc_calls_host", Code::Trap, "cannot leave component instance"),
    wat("post_return_calls_host", Code::Trap, "cannot leave component instance"),
    refused("start_traps", Made::Wat, "trap (plugin)"),
    refused("start_calls_host", Made::Wat, "handle-limit (plugin)"),
    // Handles and arguments.
    detector("handle_leak", Code::HandleLimit, "limits.handles"),
    detector("error_leak", Code::HandleLimit, "limits.handles"),
    detector("context_hoarder", Code::HandleLimit, "limits.handles"),
    contained("hundred_contexts"),
    detector("use_after_drop", Code::BadAnswer, "handle"),
    detector("double_drop", Code::BadAnswer, "handle"),
    detector("forged_handle", Code::BadAnswer, "handle"),
    detector("forged_result_handle", Code::BadAnswer, "handle"),
    detector("handle_of_other_type", Code::BadAnswer, "handle"),
    detector("handle_given_twice", Code::BadAnswer, "handle"),
    contained("bad_arguments"),
    wat("enum_argument", Code::BadAnswer, "discriminant"),
    wat("string_argument_outside", Code::BadAnswer, "out of bounds"),
    // Tensors and models.
    detector("tensor_wrong_length", Code::BadTensor, "needs 32 bytes, found 5"),
    detector("tensor_empty", Code::BadTensor, "needs 32 bytes, found 0"),
    detector("tensor_one_more", Code::BadTensor, "needs 32 bytes, found 33"),
    detector("tensor_one_less", Code::BadTensor, "needs 32 bytes, found 31"),
    detector("tensor_four_gigabytes", Code::BadTensor, "needs 4294967296 bytes, found 0"),
    detector("tensor_zero_side", Code::BadTensor, "dimension of 0"),
    detector("tensor_negative_side", Code::BadTensor, "needs 4294967295 bytes, found 8"),
    detector("tensor_overflow", Code::BadTensor, "larger than this machine"),
    detector("tensor_many_sides", Code::BadTensor, "100000 dimensions"),
    wat("tensor_dtype_case", Code::BadAnswer, "discriminant"),
    detector("tensor_wrong_dtype", Code::BadTensor, "model demo"),
    detector("tensor_nan", Code::BadTensor, "element 32 is not a finite number"),
    detector("tensor_infinite", Code::BadTensor, "element 0 is not a finite number"),
    detector("compute_without_inputs", Code::BadTensor, "missing"),
    detector("wrong_input", Code::BadTensor, "model demo"),
    contained("model_fails"),
    detector("unknown_model", Code::UnknownModel, "inference:secret"),
    detector("path_model", Code::UnknownModel, "inference:%64emo"),
    detector("load_bytes", Code::UnknownModel, "load-by-name"),
    // The log.
    contained("log_flood"),
    contained("log_injection"),
    detector("log_huge_line", Code::ResultLimit, "limits.result_bytes"),
    // What a preprocessor hands to the model.
    preprocessor("gives_no_tensor", Stage::Infer, Code::BadTensor, "missing"),
    preprocessor("gives_wrong_name", Stage::Infer, Code::BadTensor, "missing"),
    preprocessor("gives_wrong_shape", Stage::Infer, Code::BadTensor, "[1, 16, 16, 3]"),
    preprocessor("gives_wrong_dtype", Stage::Infer, Code::BadTensor, "f32"),
    preprocessor("gives_nan", Stage::Preprocess, Code::BadTensor, "not a finite number"),
    preprocessor("gives_infinity", Stage::Preprocess, Code::BadTensor, "not a finite number"),
    preprocessor("gives_many_tensors", Stage::Preprocess, Code::ResultLimit, "100 tensors"),
    preprocessor("gives_one_name_twice", Stage::Preprocess, Code::BadAnswer, "twice"),
    preprocessor("gives_one_handle_twice", Stage::Preprocess, Code::BadAnswer, "handle"),
    // What a monitor remembers and reports.
    monitor("state_hoarder", Code::Trap, "panicked"),
    monitor("state_crumbs", Code::PluginError, "limits.state_bytes"),
    monitor("state_churn", Code::Timeout, "limits.deadline_ms"),
    monitor("reports_nan", Code::BadAnswer, "must be finite"),
    monitor("reports_many", Code::ResultLimit, "300 reports"),
    // What is not even begun.
    refused("imports_wasi", Made::Wat, "no plugin has access to WASI"),
    refused("imports_future", Made::Wat, "this station implements"),
    refused("imports_ansi", Made::Wat, r"\u{1b}[2J"),
    refused("type_bomb", Made::Wat, "exceeds the limit"),
    refused("exports_nothing", Made::Wat, "a detector exports assay:plugin/detect"),
    refused("wrong_signature", Made::Wat, "bad-answer (plugin): the component does not fit its world"),
    refused("async_export", Made::Wat, "async"),
    refused("ungranted_import", Made::Papers, "the recipe does not grant that"),
    refused("wrong_world", Made::Papers, "a detector exports assay:plugin/detect"),
    refused("wrong_version", Made::Papers, "this station implements"),
    refused("million_functions", Made::Generated, "functions: found"),
    refused("huge_function", Made::Generated, "bytes of one function"),
    refused("huge_br_table", Made::Generated, "locals times jumps of one function"),
    refused("deep_blocks", Made::Generated, "blocks inside blocks"),
    refused("many_locals", Made::Generated, "locals times jumps of one function"),
];
