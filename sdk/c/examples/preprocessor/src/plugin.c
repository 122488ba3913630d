/* Preprocessor: brings the picture to the model's size and gives it as the model's input. */
#include <assay.h>

static int64_t width = 224;
static int64_t height = 224;
static double mean = 127.0;
static double scale = 128.0;
static const char *input = "input";

assay_status assay_start(void) {
    ASSAY_TRY(assay_setting_integer("width", 1, 8192, &width));
    ASSAY_TRY(assay_setting_integer("height", 1, 8192, &height));
    ASSAY_TRY(assay_setting_number("mean", 0.0, 255.0, &mean));
    ASSAY_TRY(assay_setting_number("scale", 1.0, 255.0, &scale));
    return assay_setting_text("input", &input);
}

assay_status assay_preprocess(const assay_frame *frame, const assay_image *picture, assay_prepared *prepared) {
    (void)frame;
    assay_image *colour = NULL;
    assay_image *small = NULL;
    assay_tensor *tensor = NULL;
    ASSAY_TRY(assay_image_convert(picture, ASSAY_RGB8, &colour));
    ASSAY_TRY(assay_image_resize(colour, (uint32_t)width, (uint32_t)height, ASSAY_BILINEAR, &small));
    const float mean_value = (float)mean;
    const float scale_value = (float)scale;
    assay_tensor_spec spec = {
        .layout = ASSAY_NCHW,
        .element = ASSAY_FP32,
        .mean = &mean_value,
        .mean_count = 1,
        .scale = &scale_value,
        .scale_count = 1,
    };
    ASSAY_TRY(assay_image_to_tensor(small, &spec, &tensor));
    /* Shape [1, 3, height, width]. */
    assay_prepared_tensor(prepared, input, tensor);
    return ASSAY_OK;
}
