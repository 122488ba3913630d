/* A grey picture as numbers, made by the host or by the plugin. */
#include <assay.h>
#include <string.h>

static const float mean = 16.0f;
static const float scale = 128.0f;
static const char *work = "nothing";

assay_status assay_start(void) {
    return assay_setting_text("work", &work);
}

static assay_status by_the_host(const assay_image *picture, assay_tensor **tensor) {
    const assay_tensor_spec spec = {
        .layout = ASSAY_NCHW,
        .element = ASSAY_FP32,
        .mean = &mean,
        .mean_count = 1,
        .scale = &scale,
        .scale_count = 1,
    };
    return assay_image_to_tensor(picture, &spec, tensor);
}

static assay_status by_the_plugin(const assay_image *picture, assay_tensor **tensor) {
    const assay_image_info info = assay_image_get_info(picture);
    uint8_t *pixels = NULL;
    size_t count = 0;
    ASSAY_TRY(assay_image_read_rows(picture, 0, info.height, &pixels, &count));
    float *numbers = assay_alloc(count * sizeof(float));
    for (size_t at = 0; at < count; at++) {
        numbers[at] = ((float)pixels[at] - mean) / scale;
    }
    const uint32_t shape[] = {1, 1, info.height, info.width};
    return assay_tensor_from_f32(shape, 4, numbers, count, tensor);
}

assay_status assay_preprocess(const assay_frame *frame, const assay_image *picture, assay_prepared *prepared) {
    (void)frame;
    assay_tensor *tensor = NULL;
    if (strcmp(work, "handle") == 0) {
        ASSAY_TRY(by_the_host(picture, &tensor));
    } else if (strcmp(work, "guest") == 0) {
        ASSAY_TRY(by_the_plugin(picture, &tensor));
    } else {
        return ASSAY_OK;
    }
    assay_prepared_tensor(prepared, "input", tensor);
    return ASSAY_OK;
}
