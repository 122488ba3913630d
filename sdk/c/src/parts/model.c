/* Models that a detector asks. */
#include "internal.h"

#ifdef ASSAY_WORLD_detector

static const char *const CODE_NAMES[] = {"invalid argument",      "invalid encoding", "timeout",
                                         "runtime error",         "unsupported operation", "too large",
                                         "not found",             "not allowed",      "unknown error"};

static void drop_graph(int32_t handle) {
    wasi_nn_graph_graph_drop_own((wasi_nn_graph_own_graph_t){handle});
}

static assay_status nn_failed(const char *doing, wasi_nn_errors_own_error_t error) {
    wasi_nn_errors_borrow_error_t borrowed = {error.__handle};
    uint8_t code = wasi_nn_errors_method_error_code(borrowed);
    wit_string_t detail;
    wasi_nn_errors_method_error_data(borrowed, &detail);
    wasi_nn_errors_error_drop_own(error);
    const char *name = code < sizeof CODE_NAMES / sizeof *CODE_NAMES ? CODE_NAMES[code] : "unknown error";
    return assay_fail(ASSAY_INFERENCE, "%s: %s: %s", doing, name, text_from_wit(detail));
}

assay_status assay_model_load(const char *name, assay_model **model) {
    wit_string_t asked = text_borrowed(name);
    wasi_nn_graph_own_graph_t graph;
    wasi_nn_graph_own_error_t error;
    if (!wasi_nn_graph_load_by_name(&asked, &graph, &error)) {
        return nn_failed(assay_format("model %s", name), error);
    }
    drop_model = drop_graph;
    *model = scope_handle(BLOCK_MODEL, graph.__handle);
    return ASSAY_OK;
}

/* The handles are the host's after the call. */
static assay_status give_inputs(const assay_named_tensor *inputs, size_t count,
                                wasi_nn_inference_list_named_tensor_t *to) {
    for (size_t i = 0; i < count; i++) {
        if (inputs[i].tensor == NULL || !give(inputs[i].tensor)) {
            return assay_fail(ASSAY_OTHER, "the tensor for %s was given to the host before", inputs[i].name);
        }
    }
    to->ptr = scope_alloc(count * sizeof *to->ptr);
    to->len = count;
    for (size_t i = 0; i < count; i++) {
        to->ptr[i].f0 = text_borrowed(inputs[i].name);
        to->ptr[i].f1.__handle = take_handle(inputs[i].tensor);
    }
    return ASSAY_OK;
}

assay_status assay_model_compute(const assay_model *model, const assay_named_tensor *inputs, size_t count,
                                 assay_tensors *outputs) {
    wasi_nn_graph_own_graph_execution_context_t context;
    wasi_nn_graph_own_error_t error;
    wasi_nn_inference_list_named_tensor_t given = {0};
    wasi_nn_graph_borrow_graph_t graph = {handle_of(model)};
    if (!wasi_nn_graph_method_graph_init_execution_context(graph, &context, &error)) {
        return nn_failed("the model's context", error);
    }
    wasi_nn_inference_borrow_graph_execution_context_t borrowed = {context.__handle};
    assay_status status = give_inputs(inputs, count, &given);
    wasi_nn_inference_list_named_tensor_t found = {0};
    if (status == ASSAY_OK && !wasi_nn_inference_method_graph_execution_context_compute(borrowed, &given, &found, &error)) {
        status = nn_failed("the model's answer", error);
    }
    wasi_nn_inference_graph_execution_context_drop_own(context);
    ASSAY_TRY(status);
    assay_named_tensor *items = scope_alloc(found.len * sizeof *items);
    for (size_t i = 0; i < found.len; i++) {
        items[i].name = text_from_wit(found.ptr[i].f0);
        items[i].tensor = scope_handle(BLOCK_TENSOR, found.ptr[i].f1.__handle);
    }
    *outputs = (assay_tensors){items, found.len};
    return ASSAY_OK;
}

#endif
