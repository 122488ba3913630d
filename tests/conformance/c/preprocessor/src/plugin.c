/* Does what its setting `case` says; what each case has to give stands in cases.json. */
#include <assay.h>

#include <string.h>

static const char *wanted = "";

assay_status assay_start(void) {
    return assay_setting_text("case", &wanted);
}

static assay_status tensors(const assay_image *picture, assay_prepared *to) {
    static const float mean[] = {10.0f, 20.0f, 30.0f};
    static const float scale[] = {2.0f, 4.0f, 8.0f};
    static const uint32_t number_shape[] = {1, 4};
    static const float numbers[] = {1.0f, 2.5f, -3.0f, 0.5f};
    static const uint32_t byte_shape[] = {3};
    static const uint8_t bytes[] = {1, 2, 3};
    const assay_tensor_spec spec = {ASSAY_NHWC, ASSAY_FP32, mean, 3, scale, 3};
    assay_tensor *made = NULL;
    ASSAY_TRY(assay_image_to_tensor(picture, &spec, &made));
    assay_prepared_tensor(to, "pixels", made);
    ASSAY_TRY(assay_tensor_from_f32(number_shape, 2, numbers, 4, &made));
    assay_prepared_tensor(to, "numbers", made);
    ASSAY_TRY(assay_tensor_from_u8(byte_shape, 1, bytes, 3, &made));
    assay_prepared_tensor(to, "bytes", made);
    return ASSAY_OK;
}

static assay_status replace(const assay_image *picture, assay_prepared *to) {
    assay_image *part = NULL;
    ASSAY_TRY(assay_image_crop(picture, (assay_region){2, 3, 8, 6}, &part));
    assay_prepared_picture(to, part);
    assay_prepared_attribute(to, "replaced", "yes");
    return ASSAY_OK;
}

static assay_status images(const assay_image *picture, assay_prepared *to) {
    static const uint8_t colour[] = {10, 20, 30};
    assay_image *grey = NULL;
    assay_image *filled = NULL;
    ASSAY_TRY(assay_image_convert(picture, ASSAY_GRAY8, &grey));
    ASSAY_TRY(assay_image_filled(3, 2, ASSAY_RGB8, colour, sizeof colour, &filled));
    assay_prepared_image(to, "grey", grey);
    assay_prepared_image(to, "filled", filled);
    return ASSAY_OK;
}

assay_status assay_preprocess(const assay_frame *frame, const assay_image *picture, assay_prepared *prepared) {
    (void)frame;
    if (strcmp(wanted, "tensors") == 0) {
        return tensors(picture, prepared);
    }
    if (strcmp(wanted, "replace-picture") == 0) {
        return replace(picture, prepared);
    }
    if (strcmp(wanted, "images") == 0) {
        return images(picture, prepared);
    }
    if (strcmp(wanted, "unsupported-input") == 0) {
        return assay_fail(ASSAY_UNSUPPORTED_INPUT, "no part in sight");
    }
    if (strcmp(wanted, "wrong-count") == 0) {
        static const uint32_t shape[] = {2, 2};
        static const float numbers[] = {1.0f, 2.0f, 3.0f};
        assay_tensor *made = NULL;
        return assay_tensor_from_f32(shape, 2, numbers, 3, &made);
    }
    return assay_bad_setting("case", "a case", wanted);
}
