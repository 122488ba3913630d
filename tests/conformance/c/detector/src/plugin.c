/* Does what its setting `case` says; what each case has to give stands in cases.json. */
#include <assay.h>

#include <math.h>
#include <string.h>

static const char *wanted = "";

assay_status assay_start(void) {
    return assay_setting_text("case", &wanted);
}

typedef const assay_evidence *evidence_of;
typedef assay_detection *answer;

static unsigned long long sum(const uint8_t *bytes, size_t count) {
    unsigned long long total = 0;
    for (size_t at = 0; at < count; at++) {
        total += bytes[at];
    }
    return total;
}

static const char *known(const char *text) {
    return text == NULL ? "none" : text;
}

static assay_status frame_data(const assay_frame *frame, answer to) {
    assay_detection_attribute(to, "station", "%s", frame->station);
    assay_detection_attribute(to, "boot", "%llu", (unsigned long long)frame->boot);
    assay_detection_attribute(to, "trigger", "%llu", (unsigned long long)frame->trigger);
    assay_detection_attribute(to, "captured", "%lld", (long long)frame->captured_at_us);
    assay_detection_attribute(to, "source", "%s", frame->source);
    assay_detection_attribute(to, "product", "%s", known(frame->product));
    assay_detection_attribute(to, "serial", "%s", known(frame->serial));
    return ASSAY_OK;
}

static assay_status statistics(evidence_of from, answer to) {
    const assay_statistics found = assay_image_statistics(from->picture);
    assay_detection_attribute(to, "mean", "%.3f", found.mean);
    assay_detection_attribute(to, "sd", "%.3f", found.sd);
    assay_detection_attribute(to, "laplacian-variance", "%.3f", found.laplacian_variance);
    assay_detection_attribute(to, "dark-share", "%.3f", found.dark_share);
    assay_detection_attribute(to, "bright-share", "%.3f", found.bright_share);
    for (size_t at = 0; at < found.channels; at++) {
        assay_detection_attribute(to, assay_format("channel-mean-%u", (unsigned)at), "%.3f", found.channel_means[at]);
    }
    return ASSAY_OK;
}

static assay_status histogram(evidence_of from, answer to) {
    uint64_t counts[256];
    assay_image_histogram(from->picture, counts);
    unsigned long long total = 0;
    unsigned long long weighted = 0;
    for (unsigned luma = 0; luma < 256; luma++) {
        total += counts[luma];
        weighted += luma * counts[luma];
    }
    assay_detection_attribute(to, "sum", "%llu", total);
    assay_detection_attribute(to, "weighted", "%llu", weighted);
    return ASSAY_OK;
}

static assay_status read_pixels(evidence_of from, answer to) {
    assay_image *part = NULL;
    uint8_t *pixels = NULL;
    uint8_t *rows = NULL;
    size_t count = 0;
    size_t row_count = 0;
    ASSAY_TRY(assay_image_crop(from->picture, (assay_region){2, 3, 8, 6}, &part));
    ASSAY_TRY(assay_image_read_region(part, (assay_region){1, 1, 4, 4}, &pixels, &count));
    ASSAY_TRY(assay_image_read_rows(from->picture, 2, 2, &rows, &row_count));
    const assay_image_info info = assay_image_get_info(part);
    assay_detection_attribute(to, "size", "%u %u", (unsigned)info.width, (unsigned)info.height);
    assay_detection_attribute(to, "region", "%llu", sum(pixels, count));
    assay_detection_attribute(to, "rows", "%llu", sum(rows, row_count));
    return ASSAY_OK;
}

static assay_status make(evidence_of from, answer to) {
    (void)from;
    static const uint8_t pixels[] = {0, 64, 128, 255};
    static const uint8_t colour[] = {10, 20, 30};
    assay_image *made = NULL;
    assay_image *filled = NULL;
    ASSAY_TRY(assay_image_from_pixels(2, 2, ASSAY_GRAY8, pixels, sizeof pixels, &made));
    ASSAY_TRY(assay_image_filled(3, 2, ASSAY_RGB8, colour, sizeof colour, &filled));
    assay_detection_image(to, "made", made);
    assay_detection_image(to, "filled", filled);
    return ASSAY_OK;
}

static assay_status operations(evidence_of from, answer to) {
    static const uint8_t white[] = {255, 255, 255};
    const assay_image *picture = from->picture;
    assay_image *top = NULL;
    assay_image *made = NULL;
    ASSAY_TRY(assay_image_filled(4, 4, ASSAY_RGB8, white, sizeof white, &top));
    ASSAY_TRY(assay_image_crop(picture, (assay_region){2, 3, 8, 6}, &made));
    assay_detection_image(to, "crop", made);
    ASSAY_TRY(assay_image_resize(picture, 8, 6, ASSAY_NEAREST, &made));
    assay_detection_image(to, "resize", made);
    ASSAY_TRY(assay_image_convert(picture, ASSAY_GRAY8, &made));
    assay_detection_image(to, "convert", made);
    ASSAY_TRY(assay_image_overlay(picture, top, 10, 2, &made));
    assay_detection_image(to, "overlay", made);
    ASSAY_TRY(assay_image_gaussian_blur(picture, 2.0f, &made));
    assay_detection_image(to, "gaussian", made);
    ASSAY_TRY(assay_image_median_blur(picture, 7, &made));
    assay_detection_image(to, "median", made);
    ASSAY_TRY(assay_image_reduce_bit_depth(picture, 1, &made));
    assay_detection_image(to, "depth", made);
    ASSAY_TRY(assay_image_jpeg_round_trip(picture, 10, &made));
    assay_detection_image(to, "jpeg", made);
    return ASSAY_OK;
}

static void shape(answer to, const char *key, const assay_tensor *tensor) {
    uint32_t *sides = NULL;
    size_t rank = 0;
    assay_tensor_shape(tensor, &sides, &rank);
    const char *text = "";
    for (size_t at = 0; at < rank; at++) {
        text = assay_format("%s%s%u", text, at == 0 ? "" : " ", (unsigned)sides[at]);
    }
    assay_detection_attribute(to, key, "%s", text);
}

static assay_status total(answer to, const char *key, const assay_tensor *tensor) {
    float *values = NULL;
    size_t count = 0;
    ASSAY_TRY(assay_tensor_to_f32(tensor, &values, &count));
    double found = 0.0;
    for (size_t at = 0; at < count; at++) {
        found += values[at];
    }
    assay_detection_attribute(to, key, "%.3f", found);
    return ASSAY_OK;
}

static assay_status tensor(evidence_of from, answer to) {
    static const float mean = 127.0f;
    static const float scale = 128.0f;
    const assay_tensor_spec spec = {ASSAY_NCHW, ASSAY_FP32, &mean, 1, &scale, 1};
    const assay_tensor_spec bytes_spec = {ASSAY_NHWC, ASSAY_UINT8, &mean, 1, &scale, 1};
    const assay_image *const pictures[] = {from->picture, from->picture};
    assay_tensor *one = NULL;
    assay_tensor *batch = NULL;
    ASSAY_TRY(assay_image_to_tensor(from->picture, &spec, &one));
    ASSAY_TRY(assay_images_to_tensor(pictures, 2, &bytes_spec, &batch));
    uint8_t *bytes = NULL;
    size_t count = 0;
    assay_tensor_to_bytes(batch, &bytes, &count);
    shape(to, "shape", one);
    ASSAY_TRY(total(to, "sum", one));
    shape(to, "batch-shape", batch);
    assay_detection_attribute(to, "batch-sum", "%llu", sum(bytes, count));
    return ASSAY_OK;
}

static assay_status named_tensors(evidence_of from, answer to) {
    assay_tensor *input = NULL;
    assay_tensor *output = NULL;
    ASSAY_TRY(assay_tensors_get(&from->inputs, "input", &input));
    ASSAY_TRY(assay_tensors_get(&from->outputs, "logits", &output));
    shape(to, "input-shape", input);
    ASSAY_TRY(total(to, "input-sum", input));
    shape(to, "output-shape", output);
    return total(to, "output-sum", output);
}

static assay_status missing_tensor(evidence_of from, answer to) {
    (void)to;
    assay_tensor *found = NULL;
    return assay_tensors_get(&from->inputs, "nothing", &found);
}

static assay_status finding(evidence_of from, answer to) {
    (void)from;
    static const assay_region region = {1, 2, 3, 4};
    static const assay_attribute length = {"length", "7"};
    assay_detection_finding(to, &(assay_finding){.label = "scratch",
                                                 .score = 0.75,
                                                 .raised = true,
                                                 .region = &region,
                                                 .text = "Kratzer, größer als 划痕",
                                                 .attributes = {&length, 1}});
    assay_detection_finding(to, &(assay_finding){.label = "clear", .score = 0.25});
    return ASSAY_OK;
}

static assay_status score_range(evidence_of from, answer to) {
    (void)from;
    assay_detection_finding(to, &(assay_finding){.label = "over", .score = 2.0});
    assay_detection_finding(to, &(assay_finding){.label = "under", .score = -1.0});
    assay_detection_finding(to, &(assay_finding){.label = "none", .score = (double)NAN});
    return ASSAY_OK;
}

/* With a space between. */
static const char *joined_texts(assay_texts texts) {
    const char *text = "";
    for (size_t at = 0; at < texts.count; at++) {
        text = assay_format("%s%s%s", text, at == 0 ? "" : " ", texts.items[at]);
    }
    return text;
}

static const char *joined_numbers(const double *numbers, size_t count) {
    const char *text = "";
    for (size_t at = 0; at < count; at++) {
        text = assay_format("%s%s%.1f", text, at == 0 ? "" : " ", numbers[at]);
    }
    return text;
}

static assay_status all_settings(evidence_of from, answer to) {
    (void)from;
    bool flag = false;
    int64_t integer = 0;
    double number = 0.0;
    const char *text = "";
    const double *numbers = NULL;
    size_t count = 0;
    assay_texts texts = {NULL, 0};
    ASSAY_TRY(assay_setting_flag("flag", &flag));
    ASSAY_TRY(assay_setting_integer("integer", 0, 100, &integer));
    ASSAY_TRY(assay_setting_number("number", 0.0, 100.0, &number));
    ASSAY_TRY(assay_setting_text("text", &text));
    ASSAY_TRY(assay_setting_numbers("numbers", &numbers, &count));
    ASSAY_TRY(assay_setting_texts("texts", &texts));
    assay_detection_attribute(to, "flag", "%s", flag ? "true" : "false");
    assay_detection_attribute(to, "integer", "%lld", (long long)integer);
    assay_detection_attribute(to, "number", "%.3f", number);
    assay_detection_attribute(to, "text", "%s", text);
    assay_detection_attribute(to, "numbers", "%s", joined_numbers(numbers, count));
    assay_detection_attribute(to, "texts", "%s", joined_texts(texts));
    return ASSAY_OK;
}

static assay_status labels(evidence_of from, answer to) {
    (void)from;
    assay_detection_attribute(to, "labels", "%s", joined_texts(assay_labels()));
    return ASSAY_OK;
}

static assay_status reference(evidence_of from, answer to) {
    (void)from;
    double mean = 0.0;
    const double *edges = NULL;
    size_t count = 0;
    const char *digest = "";
    ASSAY_TRY(assay_reference_number("brightness", "mean", &mean));
    ASSAY_TRY(assay_reference_numbers("brightness", "bins/edges", &edges, &count));
    ASSAY_TRY(assay_reference_digest(&digest));
    assay_detection_attribute(to, "mean", "%.3f", mean);
    assay_detection_attribute(to, "edges", "%s", joined_numbers(edges, count));
    assay_detection_attribute(to, "digest", "%s", digest);
    return ASSAY_OK;
}

/* A square of the picture, its grey levels summed up by a model. */
static assay_status ask(evidence_of from, answer to, const char *name, uint32_t side) {
    static const float none = 0.0f;
    static const float one = 1.0f;
    const assay_tensor_spec spec = {ASSAY_NCHW, ASSAY_FP32, &none, 1, &one, 1};
    assay_image *part = NULL;
    assay_image *grey = NULL;
    assay_tensor *input = NULL;
    assay_tensor *found = NULL;
    assay_model *model = NULL;
    assay_tensors outputs = {NULL, 0};
    ASSAY_TRY(assay_image_crop(from->picture, (assay_region){2, 3, side, side}, &part));
    ASSAY_TRY(assay_image_convert(part, ASSAY_GRAY8, &grey));
    ASSAY_TRY(assay_image_to_tensor(grey, &spec, &input));
    ASSAY_TRY(assay_model_load(name, &model));
    ASSAY_TRY(assay_model_compute(model, &(assay_named_tensor){"image", input}, 1, &outputs));
    ASSAY_TRY(assay_tensors_get(&outputs, "sum", &found));
    shape(to, "shape", found);
    return total(to, "sum", found);
}

static assay_status inference(evidence_of from, answer to) {
    return ask(from, to, "demo", 8);
}

static assay_status unknown_model(evidence_of from, answer to) {
    return ask(from, to, "other", 8);
}

static assay_status model_refuses(evidence_of from, answer to) {
    return ask(from, to, "demo", 4);
}

static assay_status log_levels(evidence_of from, answer to) {
    (void)from, (void)to;
    assay_log(ASSAY_DEBUG, "one");
    assay_log(ASSAY_INFO, "two");
    assay_log(ASSAY_WARN, "three");
    assay_log(ASSAY_ERROR, "four");
    return ASSAY_OK;
}

static assay_status log_flood(evidence_of from, answer to) {
    (void)from, (void)to;
    for (int line = 0; line < 100; line++) {
        assay_log(ASSAY_INFO, "line %d", line);
    }
    return ASSAY_OK;
}

static assay_status unsupported_input(evidence_of from, answer to) {
    (void)from, (void)to;
    return assay_fail(ASSAY_UNSUPPORTED_INPUT, "no part in sight");
}

static assay_status bad_setting(evidence_of from, answer to) {
    (void)from, (void)to;
    return assay_bad_setting("integer", "less", "more");
}

static assay_status other(evidence_of from, answer to) {
    (void)from, (void)to;
    return assay_fail(ASSAY_OTHER, "%d holes, expected 5", 4);
}

static assay_status bad_argument(evidence_of from, answer to) {
    (void)to;
    assay_image *part = NULL;
    return assay_image_crop(from->picture, (assay_region){15, 11, 4, 4}, &part);
}

static assay_status bad_region(evidence_of from, answer to) {
    (void)from;
    static const assay_region region = {15, 11, 4, 4};
    assay_detection_finding(to, &(assay_finding){.label = "outside", .score = 0.5, .region = &region});
    return ASSAY_OK;
}

static assay_status endless(evidence_of from, answer to) {
    (void)from, (void)to;
    for (volatile unsigned turns = 0;; turns = turns + 1) {
    }
}

static assay_status memory(evidence_of from, answer to) {
    (void)from, (void)to;
    for (;;) {
        volatile uint8_t *block = assay_alloc(1 << 20);
        block[0] = 1;
    }
}

static assay_status handles(evidence_of from, answer to) {
    (void)to;
    for (;;) {
        assay_image *part = NULL;
        ASSAY_TRY(assay_image_crop(from->picture, (assay_region){0, 0, 1, 1}, &part));
    }
}

static assay_status host_bytes(evidence_of from, answer to) {
    (void)from, (void)to;
    static const uint8_t value = 7;
    for (;;) {
        assay_image *made = NULL;
        ASSAY_TRY(assay_image_filled(1024, 1024, ASSAY_GRAY8, &value, 1, &made));
    }
}

static const struct {
    const char *name;
    assay_status (*work)(evidence_of from, answer to);
} cases[] = {
    {"statistics", statistics},
    {"histogram", histogram},
    {"read", read_pixels},
    {"make", make},
    {"operations", operations},
    {"tensor", tensor},
    {"evidence", named_tensors},
    {"missing-tensor", missing_tensor},
    {"finding", finding},
    {"score-range", score_range},
    {"settings", all_settings},
    {"labels", labels},
    {"reference", reference},
    {"inference", inference},
    {"unknown-model", unknown_model},
    {"model-refuses", model_refuses},
    {"log", log_levels},
    {"log-flood", log_flood},
    {"unsupported-input", unsupported_input},
    {"bad-setting", bad_setting},
    {"other", other},
    {"bad-argument", bad_argument},
    {"bad-region", bad_region},
    {"endless", endless},
    {"memory", memory},
    {"handles", handles},
    {"host-bytes", host_bytes},
};

assay_status assay_detect(const assay_frame *frame, const assay_evidence *evidence, assay_detection *detection) {
    if (strcmp(wanted, "frame") == 0) {
        return frame_data(frame, detection);
    }
    for (size_t at = 0; at < sizeof cases / sizeof cases[0]; at++) {
        if (strcmp(wanted, cases[at].name) == 0) {
            return cases[at].work(evidence, detection);
        }
    }
    return assay_bad_setting("case", "a case", wanted);
}
