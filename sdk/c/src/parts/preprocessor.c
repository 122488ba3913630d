/* The world `preprocessor`. */
#include "internal.h"

#ifdef ASSAY_WORLD_preprocessor


struct assay_prepared {
    answer common;
    /* Of `named`. */
    growing tensors;
    assay_image *picture;
};

void assay_prepared_tensor(assay_prepared *prepared, const char *name, assay_tensor *tensor) {
    answer_thing(&prepared->common, &prepared->tensors, name, tensor);
}

void assay_prepared_picture(assay_prepared *prepared, assay_image *picture) {
    if (answer_give(&prepared->common, "the picture", picture)) {
        prepared->picture = picture;
    }
}

void assay_prepared_image(assay_prepared *prepared, const char *name, assay_image *image) {
    answer_thing(&prepared->common, &prepared->common.images, name, image);
}

void assay_prepared_attribute(assay_prepared *prepared, const char *key, const char *format, ...) {
    va_list args;
    va_start(args, format);
    answer_attribute(&prepared->common, key, format_args(format, args));
    va_end(args);
}

static void answer_to_wit(const assay_prepared *from, WIT_EXPORT(prepared_t) *to) {
    const named *tensors = from->tensors.items;
    const named *images = from->common.images.items;
    to->tensors.len = from->tensors.count;
    to->tensors.ptr = plain_alloc(to->tensors.len, sizeof *to->tensors.ptr);
    for (size_t i = 0; i < to->tensors.len; i++) {
        to->tensors.ptr[i].f0 = text_copied(tensors[i].name);
        to->tensors.ptr[i].f1.__handle = take_handle(tensors[i].thing);
    }
    to->images.len = from->common.images.count;
    to->images.ptr = plain_alloc(to->images.len, sizeof *to->images.ptr);
    for (size_t i = 0; i < to->images.len; i++) {
        to->images.ptr[i].f0 = text_copied(images[i].name);
        to->images.ptr[i].f1.__handle = take_handle(images[i].thing);
    }
    to->picture.is_some = from->picture != NULL;
    if (from->picture != NULL) {
        to->picture.val.__handle = take_handle(from->picture);
    }
    to->attributes = attributes_copied(
        (assay_attributes){from->common.attributes.items, from->common.attributes.count});
}

static assay_status run(const wit_frame_t *frame, const assay_image *picture, assay_prepared *prepared) {
    ASSAY_TRY(ensure_started());
    assay_frame seen = frame_from_wit(frame);
    ASSAY_TRY(assay_preprocess(&seen, picture, prepared));
    return prepared->common.wrong == ASSAY_OK ? ASSAY_OK
                                              : assay_fail(prepared->common.wrong, "%s", prepared->common.reason);
}

bool exports_assay_plugin_preprocess_preprocess(wit_frame_t *frame, assay_plugin_imaging_own_image_t picture,
                                                WIT_EXPORT(prepared_t) *ret, wit_error_t *error) {
    assay_prepared prepared = {0};
    assay_status status = run(frame, picture_from_wit(picture.__handle), &prepared);
    if (status == ASSAY_OK) {
        answer_to_wit(&prepared, ret);
    } else {
        error_to_wit(status, error);
    }
    scope_call_answered();
    return status == ASSAY_OK;
}

#endif
