/* Tensors as arrays. */
#include "internal.h"

#include <string.h>

static const char *const TYPE_NAMES[] = {"f16", "f32", "f64", "bf16", "u8", "i32", "i64"};

static wasi_nn_tensor_borrow_tensor_t borrow_tensor(const assay_tensor *tensor) {
    return (wasi_nn_tensor_borrow_tensor_t){handle_of(tensor)};
}

/* The host traps a plugin whose bytes do not fit the shape: a message helps more. */
static assay_status check_count(const uint32_t *shape, size_t rank, size_t count) {
    uint64_t needed = 1;
    for (size_t i = 0; i < rank; i++) {
        if (shape[i] != 0 && needed > UINT64_MAX / shape[i]) {
            return assay_fail(ASSAY_UNSUPPORTED_INPUT, "the shape of the tensor is too large");
        }
        needed *= shape[i];
    }
    if (needed != count) {
        return assay_fail(ASSAY_UNSUPPORTED_INPUT, "a tensor of %llu numbers does not hold %zu numbers",
                          (unsigned long long)needed, count);
    }
    return ASSAY_OK;
}

static assay_tensor *make(const uint32_t *shape, size_t rank, uint8_t type, const void *data, size_t bytes) {
    wasi_nn_tensor_tensor_dimensions_t dimensions = {(uint32_t *)shape, rank};
    wasi_nn_tensor_tensor_data_t content = {(uint8_t *)data, bytes};
    wasi_nn_tensor_own_tensor_t made = wasi_nn_tensor_constructor_tensor(&dimensions, type, &content);
    return scope_handle(BLOCK_TENSOR, made.__handle);
}

assay_status assay_tensor_from_f32(const uint32_t *shape, size_t rank, const float *values, size_t count,
                                   assay_tensor **tensor) {
    ASSAY_TRY(check_count(shape, rank, count));
    *tensor = make(shape, rank, WASI_NN_TENSOR_TENSOR_TYPE_FP32, values, count * sizeof(float));
    return ASSAY_OK;
}

assay_status assay_tensor_from_u8(const uint32_t *shape, size_t rank, const uint8_t *values, size_t count,
                                  assay_tensor **tensor) {
    ASSAY_TRY(check_count(shape, rank, count));
    *tensor = make(shape, rank, WASI_NN_TENSOR_TENSOR_TYPE_U8, values, count);
    return ASSAY_OK;
}

void assay_tensor_shape(const assay_tensor *tensor, uint32_t **shape, size_t *rank) {
    wasi_nn_tensor_tensor_dimensions_t found;
    wasi_nn_tensor_method_tensor_dimensions(borrow_tensor(tensor), &found);
    *shape = found.ptr;
    *rank = found.len;
}

assay_status assay_tensor_to_f32(const assay_tensor *tensor, float **values, size_t *count) {
    uint8_t type = wasi_nn_tensor_method_tensor_ty(borrow_tensor(tensor));
    if (type != WASI_NN_TENSOR_TENSOR_TYPE_FP32) {
        const char *name = type < sizeof TYPE_NAMES / sizeof *TYPE_NAMES ? TYPE_NAMES[type] : "an unknown type";
        return assay_fail(ASSAY_UNSUPPORTED_INPUT, "expected a tensor of f32, found %s", name);
    }
    uint8_t *bytes = NULL;
    size_t size = 0;
    assay_tensor_to_bytes(tensor, &bytes, &size);
    /* Memory of the SDK's is aligned for every type. */
    *values = (float *)(void *)bytes;
    *count = size / sizeof(float);
    return ASSAY_OK;
}

void assay_tensor_to_bytes(const assay_tensor *tensor, uint8_t **bytes, size_t *count) {
    wasi_nn_tensor_tensor_data_t found;
    wasi_nn_tensor_method_tensor_data(borrow_tensor(tensor), &found);
    *bytes = found.ptr;
    *count = found.len;
}

assay_tensors tensors_from_wit(wit_tensors_t from) {
    assay_named_tensor *items = scope_alloc(from.len * sizeof *items);
    for (size_t i = 0; i < from.len; i++) {
        items[i].name = text_from_wit(from.ptr[i].f0);
        items[i].tensor = scope_handle(BLOCK_TENSOR, from.ptr[i].f1.__handle);
    }
    return (assay_tensors){items, from.len};
}

assay_status assay_tensors_get(const assay_tensors *tensors, const char *name, assay_tensor **tensor) {
    const char *names = "";
    for (size_t i = 0; i < tensors->count; i++) {
        if (strcmp(tensors->items[i].name, name) == 0) {
            *tensor = tensors->items[i].tensor;
            return ASSAY_OK;
        }
        names = assay_format("%s%s%s", names, i == 0 ? "" : ", ", tensors->items[i].name);
    }
    return assay_fail(ASSAY_UNSUPPORTED_INPUT, "there is no tensor %s, only: %s", name, names);
}
