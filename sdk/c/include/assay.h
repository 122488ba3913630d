/*
 * Write a plugin for Assay in C: one function per world, no export to declare.
 *
 *     #include <assay.h>
 *
 *     assay_status assay_detect(const assay_frame *frame, const assay_evidence *evidence, assay_detection *detection) {
 *         double limit = 0.8;
 *         ASSAY_TRY(assay_setting_number("limit", 0.0, 1.0, &limit));
 *         double mean = assay_image_statistics(evidence->picture).mean / 255.0;
 *         assay_detection_finding(detection, &(assay_finding){
 *             .label = "too-bright", .score = mean, .raised = mean > limit });
 *         return ASSAY_OK;
 *     }
 *
 * Memory. Everything that this SDK gives (pictures, tensors, texts, lists, pixels) is freed when the call ends, and
 * need not be freed by hand. `assay_free` frees something earlier: worth it for pictures and pixels in a loop, because
 * both count against the plugin's limits. `assay_keep` takes something out of the call, for a plugin that keeps it
 * longer. What is made inside `assay_start` lives as long as the instance. Nothing here gives NULL but where it says
 * so: an instance that runs out of memory traps.
 *
 * Texts are UTF-8 and end with a zero byte. A picture's pixels stay with the host, and so does the work on them.
 *
 * Errors. A function that can fail gives an `assay_status` and has kept the reason as a text. Return the status
 * (`ASSAY_TRY`) and the frame becomes `undecided`, with that text for a person; a monitor's error is only an alarm.
 */
#ifndef ASSAY_H
#define ASSAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Errors ---- */

typedef enum assay_status {
    ASSAY_OK = 0,
    /* The picture or a tensor is not what this plugin works on. */
    ASSAY_UNSUPPORTED_INPUT,
    /* A setting is missing or out of its range. */
    ASSAY_BAD_SETTING,
    /* Inference gave an error. */
    ASSAY_INFERENCE,
    /* Everything else: also a limit that would be passed. */
    ASSAY_OTHER,
} assay_status;

/* Keeps the reason and gives `status` back: `return assay_fail(ASSAY_OTHER, "%d holes, expected 4", holes);`
 * Say what was found, what is expected, and what to change. */
assay_status assay_fail(assay_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* `assay_fail(ASSAY_BAD_SETTING, ...)` with the key, what was expected and what was found. */
assay_status assay_bad_setting(const char *key, const char *expected, const char *found);

/* The reason of the last error. Valid until the next one. */
const char *assay_error_text(void);

/* Returns from the calling function where `call` fails. */
#define ASSAY_TRY(call)                                                                                                \
    do {                                                                                                               \
        assay_status assay_try_status_ = (call);                                                                       \
        if (assay_try_status_ != ASSAY_OK) {                                                                           \
            return assay_try_status_;                                                                                  \
        }                                                                                                              \
    } while (0)

/* ---- Memory ---- */

/* Zeroed memory that is freed when the call ends. */
void *assay_alloc(size_t bytes);

/* A text that is freed when the call ends, as `printf` would write it. */
char *assay_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Frees something that a function of this SDK gave, before the call ends: a picture, a tensor, a text, a list. NULL is
 * fine. What was given on (to a detection, to a model) is not freed. */
void assay_free(const void *thing);

/* Takes something out of the call: it stays until `assay_free`. Gives it back. */
void *assay_keep(void *thing);

/* ---- Log: needs the capability `log` ---- */

typedef enum assay_level { ASSAY_DEBUG, ASSAY_INFO, ASSAY_WARN, ASSAY_ERROR } assay_level;

/* A line for the station's log. The plugin's limits bound the lines in number and length. */
void assay_log(assay_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- The frame ---- */

/* A further value under a key of lower-case words with hyphens. */
typedef struct assay_attribute {
    const char *key;
    const char *value;
} assay_attribute;

typedef struct assay_attributes {
    const assay_attribute *items;
    size_t count;
} assay_attributes;

/* What is known of a frame but its pixels. */
typedef struct assay_frame {
    const char *station;
    /* Counts the starts of the station, from 1. */
    uint64_t boot;
    /* Counts the frames since that start, from 1. */
    uint64_t trigger;
    /* Microseconds since 1970-01-01 UTC. */
    int64_t captured_at_us;
    /* The source's name in the station's configuration. */
    const char *source;
    /* NULL where it is not known. */
    const char *product;
    /* NULL where it is not known. */
    const char *serial;
    assay_attributes attributes;
} assay_frame;

/* ---- Pictures: need the capability `imaging` ---- */

/* A picture that the host holds. Every operation is done by the host and gives a new picture, which counts against the
 * plugin's `host_bytes` until it is freed. Errors of all operations: ASSAY_UNSUPPORTED_INPUT where a region, size or
 * format cannot be used, ASSAY_OTHER where a limit would be passed. */
typedef struct assay_image assay_image;

/* How pixels lie in memory: rows packed, top row first. */
typedef enum assay_pixel_format {
    /* One byte per pixel. */
    ASSAY_GRAY8,
    /* Red, green, blue; one byte each. */
    ASSAY_RGB8,
    /* Blue, green, red; one byte each. */
    ASSAY_BGR8,
    /* Red, green, blue, alpha; one byte each. */
    ASSAY_RGBA8,
    /* Two bytes per pixel, little-endian. */
    ASSAY_GRAY16,
} assay_pixel_format;

/* A rectangle in pixels, top-left origin. */
typedef struct assay_region {
    uint32_t x;
    uint32_t y;
    uint32_t width;
    uint32_t height;
} assay_region;

typedef struct assay_image_info {
    /* Pixels. */
    uint32_t width;
    /* Pixels. */
    uint32_t height;
    assay_pixel_format format;
} assay_image_info;

typedef enum assay_filter {
    ASSAY_NEAREST,
    /* Area average when it shrinks: no aliasing, cheap. */
    ASSAY_BOX,
    ASSAY_BILINEAR,
    ASSAY_CATMULL_ROM,
    ASSAY_LANCZOS3,
} assay_filter;

/* Statistics of luma: Y = (77 R + 150 G + 29 B + 128) >> 8, the value itself for grey, a 257th of 16-bit grey. */
typedef struct assay_statistics {
    /* Mean luma, 0 to 255. */
    double mean;
    /* Population standard deviation of luma, grey levels. */
    double sd;
    /* Population variance of the 4-neighbour Laplacian: sharpness. 0 under 3 pixels of width or height. */
    double laplacian_variance;
    /* Share of pixels with luma <= 4, 0 to 1. */
    double dark_share;
    /* Share of pixels with luma >= 251, 0 to 1. */
    double bright_share;
    /* Mean of each channel, in the order of the format. */
    double channel_means[4];
    /* How many of them there are: 1, 3 or 4. */
    size_t channels;
} assay_statistics;

/* Bytes per pixel. */
size_t assay_pixel_bytes(assay_pixel_format format);

/* Makes a picture from packed pixels; `count` is width * height * bytes per pixel. */
assay_status assay_image_from_pixels(uint32_t width, uint32_t height, assay_pixel_format format, const uint8_t *pixels,
                                     size_t count, assay_image **image);
/* A picture of one colour; `value` holds one byte per channel. */
assay_status assay_image_filled(uint32_t width, uint32_t height, assay_pixel_format format, const uint8_t *value,
                                size_t count, assay_image **image);

assay_image_info assay_image_get_info(const assay_image *image);
/* The pixels of a region, packed. */
assay_status assay_image_read_region(const assay_image *image, assay_region region, uint8_t **pixels, size_t *count);
/* The pixels of `rows` rows from row `first`, packed. */
assay_status assay_image_read_rows(const assay_image *image, uint32_t first, uint32_t rows, uint8_t **pixels,
                                   size_t *count);

/* A part of the picture. */
assay_status assay_image_crop(const assay_image *image, assay_region region, assay_image **result);
/* The picture in another size; its shape is not kept. */
assay_status assay_image_resize(const assay_image *image, uint32_t width, uint32_t height, assay_filter filter,
                                assay_image **result);
/* `image` with `top` laid over it, its top-left corner at `x`, `y`. Formats have to be equal. */
assay_status assay_image_overlay(const assay_image *image, const assay_image *top, uint32_t x, uint32_t y,
                                 assay_image **result);
/* The picture in another format. */
assay_status assay_image_convert(const assay_image *image, assay_pixel_format format, assay_image **result);
/* Gaussian blur; `sigma` in pixels, 0.1 to 50. */
assay_status assay_image_gaussian_blur(const assay_image *image, float sigma, assay_image **result);
/* Median over a square window of `size` pixels: 3, 5 or 7; edges are mirrored. */
assay_status assay_image_median_blur(const assay_image *image, uint32_t size, assay_image **result);
/* Keeps the upper `bits` (1 to 8) of each byte. */
assay_status assay_image_reduce_bit_depth(const assay_image *image, uint32_t bits, assay_image **result);
/* Encodes as JPEG and decodes again; `quality` 1 to 100. */
assay_status assay_image_jpeg_round_trip(const assay_image *image, uint32_t quality, assay_image **result);
/* Counts of luma 0 to 255. */
void assay_image_histogram(const assay_image *image, uint64_t counts[256]);
assay_statistics assay_image_statistics(const assay_image *image);

/* ---- Tensors ---- */

/* A tensor that the host holds. Making one copies the numbers out once, reading copies them in once; handing one on
 * copies nothing. */
typedef struct assay_tensor assay_tensor;

typedef struct assay_named_tensor {
    const char *name;
    assay_tensor *tensor;
} assay_named_tensor;

typedef struct assay_tensors {
    const assay_named_tensor *items;
    size_t count;
} assay_tensors;

/* Order of the sides: ASSAY_NCHW is batch, channel, row, column; ASSAY_NHWC is batch, row, column, channel. */
typedef enum assay_layout { ASSAY_NCHW, ASSAY_NHWC } assay_layout;

/* `float`, or bytes as they are. */
typedef enum assay_element { ASSAY_FP32, ASSAY_UINT8 } assay_element;

/* How pixels become numbers: (pixel - mean) / scale, channel by channel, pixels in 0..255 (16-bit ones in 0..65535). */
typedef struct assay_tensor_spec {
    assay_layout layout;
    assay_element element;
    /* One value for all channels, or one per channel. Ignored for ASSAY_UINT8. */
    const float *mean;
    size_t mean_count;
    /* As `mean`; none may be 0. */
    const float *scale;
    size_t scale_count;
} assay_tensor_spec;

/* The picture as a tensor of batch size 1: [1, C, H, W] or [1, H, W, C]. */
assay_status assay_image_to_tensor(const assay_image *image, const assay_tensor_spec *spec, assay_tensor **tensor);
/* One tensor of several pictures of one size and format, as a batch in their order. */
assay_status assay_images_to_tensor(const assay_image *const *images, size_t count, const assay_tensor_spec *spec,
                                    assay_tensor **tensor);
/* Makes a tensor from row-major numbers. ASSAY_UNSUPPORTED_INPUT where `count` is not what the shape says. */
assay_status assay_tensor_from_f32(const uint32_t *shape, size_t rank, const float *values, size_t count,
                                   assay_tensor **tensor);
/* As `assay_tensor_from_f32`, of bytes. */
assay_status assay_tensor_from_u8(const uint32_t *shape, size_t rank, const uint8_t *values, size_t count,
                                  assay_tensor **tensor);
/* Sides, outermost first: [1, 3, 224, 224] for one colour picture in NCHW. */
void assay_tensor_shape(const assay_tensor *tensor, uint32_t **shape, size_t *rank);
/* The numbers, row-major. ASSAY_UNSUPPORTED_INPUT where it holds another type than `float`. */
assay_status assay_tensor_to_f32(const assay_tensor *tensor, float **values, size_t *count);
/* The bytes as they lie in memory: little-endian, row-major. */
void assay_tensor_to_bytes(const assay_tensor *tensor, uint8_t **bytes, size_t *count);
/* The tensor of that name. ASSAY_UNSUPPORTED_INPUT, with the names that are there, where there is none. */
assay_status assay_tensors_get(const assay_tensors *tensors, const char *name, assay_tensor **tensor);

/* ---- Settings: the manifest's defaults with the recipe's values over them. Need the capability `config` ---- */

typedef struct assay_texts {
    const char *const *items;
    size_t count;
} assay_texts;

/* Each leaves the value as it is where neither manifest nor recipe has the key: put the default there before.
 * ASSAY_BAD_SETTING where the setting has another type or lies outside `low`..`high`. */
assay_status assay_setting_flag(const char *key, bool *value);
assay_status assay_setting_integer(const char *key, int64_t low, int64_t high, int64_t *value);
assay_status assay_setting_number(const char *key, double low, double high, double *value);
assay_status assay_setting_text(const char *key, const char **value);
/* A list of numbers; one number is a list of one. */
assay_status assay_setting_numbers(const char *key, const double **values, size_t *count);
assay_status assay_setting_texts(const char *key, assay_texts *values);
/* ASSAY_BAD_SETTING where neither manifest nor recipe has the key. */
assay_status assay_setting_required(const char *key);

/* Labels of the recipe's model, in the order of its outputs. */
assay_texts assay_labels(void);

/* The reference distributions that the model bundle carries. All give ASSAY_BAD_SETTING where it has none. */

/* A number of a feature: "mean", "sd", "min", "max". */
assay_status assay_reference_number(const char *feature, const char *key, double *value);
/* At least one number: "quantiles", "samples", "bins/edges", "bins/shares". */
assay_status assay_reference_numbers(const char *feature, const char *path, const double **values, size_t *count);
/* SHA-256 as 64 hexadecimal digits: the same digest, the same reference. */
assay_status assay_reference_digest(const char **digest);
/* All of it as JSON. */
assay_status assay_reference_json(const char **json);

/* ---- What every world may give ---- */

/* What a detector says about a frame. */
typedef struct assay_finding {
    /* A short word, the same for the same thing: "too-dark". */
    const char *label;
    /* Brought into 0..1; what is no number becomes 1, so that a broken measurement is seen. */
    double score;
    /* True asks for the recipe's consequence; false is only shown. */
    bool raised;
    /* Inside the picture, or NULL. */
    const assay_region *region;
    /* For a person, at most a line; or NULL. */
    const char *text;
    assay_attributes attributes;
} assay_finding;

/* Called once per instance, before the first frame: to read and check the settings. A plugin need not have it. What it
 * makes lives as long as the instance, which is one frame mostly and many where it is kept warm. */
assay_status assay_start(void);

/* ---- World `preprocessor`: frame -> named tensors ---- */

typedef struct assay_prepared assay_prepared;

/* The plugin's own function. */
assay_status assay_preprocess(const assay_frame *frame, const assay_image *picture, assay_prepared *prepared);

/* An input of the model; detectors see it too. The tensor is the host's from here on. */
void assay_prepared_tensor(assay_prepared *prepared, const char *name, assay_tensor *tensor);
/* Puts another picture in the frame's place for the stages behind. It is the host's from here on. */
void assay_prepared_picture(assay_prepared *prepared, assay_image *picture);
/* A picture for a person to look at. It is the host's from here on. */
void assay_prepared_image(assay_prepared *prepared, const char *name, assay_image *image);
void assay_prepared_attribute(assay_prepared *prepared, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- World `detector`: frame, tensors and model outputs -> findings ---- */

/* The frame as the stages before left it. */
typedef struct assay_evidence {
    /* After the preprocessors. */
    const assay_image *picture;
    /* What the preprocessors gave. */
    assay_tensors inputs;
    /* What the model gave. */
    assay_tensors outputs;
    assay_attributes attributes;
} assay_evidence;

typedef struct assay_detection assay_detection;

/* The plugin's own function. */
assay_status assay_detect(const assay_frame *frame, const assay_evidence *evidence, assay_detection *detection);

/* All texts are copied. */
void assay_detection_finding(assay_detection *detection, const assay_finding *finding);
/* A picture for a person to look at. It is the host's from here on. */
void assay_detection_image(assay_detection *detection, const char *name, assay_image *image);
void assay_detection_attribute(assay_detection *detection, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A model that the recipe grants this plugin: its manifest asks for the capability `inference:NAME`. The host has
 * loaded and warmed it up before. */
typedef struct assay_model assay_model;

/* ASSAY_INFERENCE where the model is not known or not granted. */
assay_status assay_model_load(const char *name, assay_model **model);
/* Runs the model: its inputs by name, its outputs by name. The inputs are used up. ASSAY_INFERENCE with the host's
 * words: a tensor that does not fit, the deadline, the device. */
assay_status assay_model_compute(const assay_model *model, const assay_named_tensor *inputs, size_t count,
                                 assay_tensors *outputs);

/* ---- World `monitor`: sees every inspection after its verdict ---- */

/* A judged frame. */
typedef struct assay_inspection {
    /* After the preprocessors. */
    const assay_image *picture;
    /* "pass", "fail" or "undecided". */
    const char *verdict;
    /* The top label; NULL where the model did not answer. */
    const char *label;
    /* In the order of the model's labels, 0 to 1; empty where the model did not answer. */
    const float *probabilities;
    size_t probability_count;
    /* Of all detectors. */
    const assay_finding *findings;
    size_t finding_count;
    /* What the model gave. */
    assay_tensors outputs;
    assay_attributes attributes;
} assay_inspection;

/* One measure of one feature. */
typedef struct assay_report {
    /* What was watched: "brightness". */
    const char *feature;
    /* How: "psi". */
    const char *statistic;
    double value;
    /* At and above it the value counts as drift. */
    double threshold;
    /* Whether it does. */
    bool drifted;
    /* Frames that the value speaks of. */
    uint64_t window;
    assay_attributes attributes;
} assay_report;

typedef struct assay_observation assay_observation;

/* The plugin's own function. */
assay_status assay_observe(const assay_frame *frame, const assay_inspection *inspection, assay_observation *observation);

/* Only what is new. All texts are copied. */
void assay_observation_report(assay_observation *observation, const assay_report *report);
void assay_observation_attribute(assay_observation *observation, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What a monitor remembers between frames; needs the capability `state`. The host keeps it: it survives recycled
 * instances and restarts, and it changes only where the call succeeds. */

/* False where there is nothing under `key`. */
bool assay_state_get(const char *key, uint8_t **bytes, size_t *count);
/* ASSAY_OTHER where the plugin's limit `state_bytes` would be passed. */
assay_status assay_state_set(const char *key, const void *bytes, size_t count);
void assay_state_delete(const char *key);
/* False where there is nothing, or the bytes are not a whole number of `double`. */
bool assay_state_get_numbers(const char *key, double **values, size_t *count);
/* 8 bytes each. ASSAY_OTHER as `assay_state_set`. */
assay_status assay_state_set_numbers(const char *key, const double *values, size_t count);

#ifdef __cplusplus
}
#endif

#endif
