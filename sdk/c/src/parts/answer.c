/* What all worlds share: the frame on its way in, the answer on its way out. */
#include "internal.h"

#include <string.h>

void (*drop_model)(int32_t handle) = NULL;

void drop_handle(block_kind kind, int32_t handle) {
    switch (kind) {
    case BLOCK_IMAGE:
        assay_plugin_imaging_image_drop_own((assay_plugin_imaging_own_image_t){handle});
        break;
    case BLOCK_TENSOR:
        wasi_nn_tensor_tensor_drop_own((wasi_nn_tensor_own_tensor_t){handle});
        break;
    case BLOCK_MODEL:
        if (drop_model != NULL) {
            drop_model(handle);
        }
        break;
    case BLOCK_MEMORY:
    case BLOCK_WRITTEN:
        break;
    }
}

__attribute__((weak)) assay_status assay_start(void) {
    return ASSAY_OK;
}

assay_status ensure_started(void) {
    static bool started;
    if (started) {
        return ASSAY_OK;
    }
    scope_enter_start();
    assay_status status = assay_start();
    scope_leave_start(status == ASSAY_OK);
    started = status == ASSAY_OK;
    return status;
}

static const char *option_from_wit(bool is_some, wit_string_t text) {
    return is_some ? text_from_wit(text) : NULL;
}

assay_attributes attributes_from_wit(wit_attributes_t from) {
    assay_attribute *items = scope_alloc(from.len * sizeof *items);
    for (size_t i = 0; i < from.len; i++) {
        items[i] = (assay_attribute){text_from_wit(from.ptr[i].f0), text_from_wit(from.ptr[i].f1)};
    }
    return (assay_attributes){items, from.len};
}

assay_frame frame_from_wit(const wit_frame_t *from) {
    wit_attributes_t attributes = {from->attributes.ptr, from->attributes.len};
    return (assay_frame){
        .station = text_from_wit(from->station),
        .boot = from->boot,
        .trigger = from->trigger,
        .captured_at_us = from->captured_at_us,
        .source = text_from_wit(from->source),
        .product = option_from_wit(from->product.is_some, from->product.val),
        .serial = option_from_wit(from->serial.is_some, from->serial.val),
        .attributes = attributes_from_wit(attributes),
    };
}

assay_image *picture_from_wit(int32_t handle) {
    return scope_handle(BLOCK_IMAGE, handle);
}

wit_attributes_t attributes_copied(assay_attributes from) {
    wit_attributes_t to = {plain_alloc(from.count, sizeof(wit_attribute_t)), from.count};
    for (size_t i = 0; i < from.count; i++) {
        to.ptr[i] = (wit_attribute_t){text_copied(from.items[i].key), text_copied(from.items[i].value)};
    }
    return to;
}

assay_attributes attributes_kept(assay_attributes from) {
    assay_attribute *items = scope_alloc(from.count * sizeof *items);
    for (size_t i = 0; i < from.count; i++) {
        items[i] = (assay_attribute){copy_text(from.items[i].key), copy_text(from.items[i].value)};
    }
    return (assay_attributes){items, from.count};
}

const char *optional_text(const char *text) {
    return text == NULL ? NULL : copy_text(text);
}

void answer_attribute(answer *to, const char *key, const char *value) {
    assay_attribute *item = growing_push(&to->attributes, sizeof *item);
    *item = (assay_attribute){copy_text(key), value};
}

bool answer_give(answer *to, const char *name, void *thing) {
    if (thing != NULL && give(thing)) {
        return true;
    }
    if (to->wrong == ASSAY_OK) {
        to->wrong = ASSAY_OTHER;
        to->reason = assay_format("%s is %s", name, thing == NULL ? "NULL" : "given to the host twice");
    }
    return false;
}

void answer_thing(answer *to, growing *list, const char *name, void *thing) {
    if (answer_give(to, name, thing)) {
        named *item = growing_push(list, sizeof *item);
        *item = (named){copy_text(name), thing};
    }
}

void error_to_wit(assay_status status, wit_error_t *error) {
    /* All cases of the variant hold a text at the same place. */
    error->val.other = text_copied(assay_error_text());
    switch (status) {
    case ASSAY_UNSUPPORTED_INPUT:
        error->tag = ASSAY_PLUGIN_TYPES_PLUGIN_ERROR_UNSUPPORTED_INPUT;
        break;
    case ASSAY_BAD_SETTING:
        error->tag = ASSAY_PLUGIN_TYPES_PLUGIN_ERROR_BAD_SETTING;
        break;
    case ASSAY_INFERENCE:
        error->tag = ASSAY_PLUGIN_TYPES_PLUGIN_ERROR_INFERENCE;
        break;
    default:
        error->tag = ASSAY_PLUGIN_TYPES_PLUGIN_ERROR_OTHER;
        break;
    }
}
