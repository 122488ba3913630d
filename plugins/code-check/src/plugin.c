/* Detector: reads the bar code of a region and says where it is missing, damaged, or not the one of this part. */
#include "codes.h"

#include <assay.h>

#include <string.h>

/* Most lines that are read in one direction. */
#define MAX_LINES 256
/* Rows that one line is averaged over, pixels. */
#define THICKNESS 3
/* Most different texts that are told apart on one picture. */
#define MAX_READINGS 16

static struct {
    assay_region region;
    bool whole_picture;
    bool ean13;
    bool code128;
    bool horizontal;
    bool vertical;
    int64_t lines;
    int64_t agree;
    double contrast;
    int64_t window;
    const char *match;
    const char *expect;
} settings = {
    .whole_picture = true, .lines = 24, .agree = 2, .contrast = 30.0, .window = 60, .match = "any", .expect = ""};

/* One text, and where the lines that have it lie. */
typedef struct reading {
    code code;
    int64_t lines;
    float left, top, right, bottom;
} reading;

typedef struct readings {
    reading items[MAX_READINGS];
    size_t count;
} readings;

static bool is_one_of(const char *word, const char *const *words) {
    for (; *words != NULL; words++) {
        if (strcmp(word, *words) == 0) {
            return true;
        }
    }
    return false;
}

static assay_status read_region_setting(void) {
    const double *numbers = NULL;
    size_t count = 0;
    ASSAY_TRY(assay_setting_numbers("region", &numbers, &count));
    settings.whole_picture = count == 0;
    if (count == 0) {
        return ASSAY_OK;
    }
    const char *expected = "x, y, width and height in pixels, or nothing for the whole picture";
    if (count != 4) {
        return assay_bad_setting("region", expected, assay_format("%zu numbers", count));
    }
    for (size_t i = 0; i < 4; i++) {
        if (!(numbers[i] >= (i < 2 ? 0.0 : 1.0) && numbers[i] <= 65535.0)) {
            return assay_bad_setting("region", expected, assay_format("%g", numbers[i]));
        }
    }
    settings.region = (assay_region){(uint32_t)numbers[0], (uint32_t)numbers[1], (uint32_t)numbers[2],
                                     (uint32_t)numbers[3]};
    return ASSAY_OK;
}

static assay_status read_words(void) {
    static const char *const KINDS[] = {"any", "ean-13", "code-128", NULL};
    static const char *const DIRECTIONS[] = {"horizontal", "vertical", "both", NULL};
    static const char *const MATCHES[] = {"any", "text", "serial", "product", NULL};
    const char *kind = "any";
    const char *direction = "horizontal";
    ASSAY_TRY(assay_setting_text("kind", &kind));
    ASSAY_TRY(assay_setting_text("direction", &direction));
    ASSAY_TRY(assay_setting_text("match", &settings.match));
    ASSAY_TRY(assay_setting_text("expect", &settings.expect));
    if (!is_one_of(kind, KINDS)) {
        return assay_bad_setting("kind", "any, ean-13 or code-128", kind);
    }
    if (!is_one_of(direction, DIRECTIONS)) {
        return assay_bad_setting("direction", "horizontal, vertical or both", direction);
    }
    if (!is_one_of(settings.match, MATCHES)) {
        return assay_bad_setting("match", "any, text, serial or product", settings.match);
    }
    if (strcmp(settings.match, "text") == 0 && settings.expect[0] == 0) {
        return assay_bad_setting("expect", "the text of the code, since match is text", "an empty text");
    }
    settings.ean13 = strcmp(kind, "code-128") != 0;
    settings.code128 = strcmp(kind, "ean-13") != 0;
    settings.horizontal = strcmp(direction, "vertical") != 0;
    settings.vertical = strcmp(direction, "horizontal") != 0;
    return ASSAY_OK;
}

assay_status assay_start(void) {
    ASSAY_TRY(read_region_setting());
    ASSAY_TRY(read_words());
    ASSAY_TRY(assay_setting_integer("lines", 1, MAX_LINES, &settings.lines));
    ASSAY_TRY(assay_setting_integer("agree", 1, settings.lines, &settings.agree));
    ASSAY_TRY(assay_setting_integer("window", 4, 1000, &settings.window));
    return assay_setting_number("contrast", 5.0, 255.0, &settings.contrast);
}

/* Adds a line's code to the readings. `left` to `bottom` is where it lies in the picture. */
static void note(readings *to, const code *found, float left, float top, float right, float bottom) {
    reading *at = NULL;
    for (size_t i = 0; i < to->count && at == NULL; i++) {
        reading *item = &to->items[i];
        bool same = item->code.kind == found->kind && item->code.checks == found->checks;
        at = same && strcmp(item->code.text, found->text) == 0 ? item : NULL;
    }
    if (at == NULL && to->count < MAX_READINGS) {
        at = &to->items[to->count++];
        *at = (reading){.code = *found, .left = left, .top = top, .right = right, .bottom = bottom};
    }
    if (at != NULL) {
        at->lines++;
        at->left = left < at->left ? left : at->left;
        at->top = top < at->top ? top : at->top;
        at->right = right > at->right ? right : at->right;
        at->bottom = bottom > at->bottom ? bottom : at->bottom;
    }
}

/* Both symbologies, from both ends. */
static bool read_line(const uint8_t *line, size_t pixels, code *found) {
    static bars bars_of_line;
    bool any = false;
    find_bars(line, pixels, (size_t)settings.window, (float)settings.contrast, &bars_of_line);
    for (int end = 0; end < 2; end++) {
        code here;
        bool is_ean13 = settings.ean13 && read_ean13(&bars_of_line, &here);
        bool is_code = is_ean13 || (settings.code128 && read_code128(&bars_of_line, &here));
        if (is_code && (!any || here.checks)) {
            if (end == 1) {
                float start = (float)pixels - here.end;
                here.end = (float)pixels - here.start;
                here.start = start;
            }
            *found = here;
            any = true;
        }
        if (any && found->checks) {
            return true;
        }
        reverse_bars(&bars_of_line);
    }
    return any;
}

/* Mean of the rows (or columns) of a strip, as one line. */
static size_t flatten(const uint8_t *pixels, uint32_t width, uint32_t height, bool across, uint8_t *line) {
    uint32_t length = across ? width : height;
    uint32_t thickness = across ? height : width;
    length = length < MAX_PIXELS ? length : MAX_PIXELS;
    for (uint32_t i = 0; i < length; i++) {
        uint32_t sum = 0;
        for (uint32_t k = 0; k < thickness; k++) {
            sum += across ? pixels[k * width + i] : pixels[i * width + k];
        }
        line[i] = (uint8_t)(sum / thickness);
    }
    return length;
}

static assay_status read_strip(const assay_image *grey, assay_region strip, bool across, readings *found) {
    static uint8_t line[MAX_PIXELS];
    uint8_t *pixels = NULL;
    size_t count = 0;
    ASSAY_TRY(assay_image_read_region(grey, strip, &pixels, &count));
    size_t length = flatten(pixels, strip.width, strip.height, across, line);
    assay_free(pixels);
    code here;
    if (read_line(line, length, &here)) {
        float x = (float)strip.x;
        float y = (float)strip.y;
        if (across) {
            note(found, &here, x + here.start, y, x + here.end, y + (float)strip.height);
        } else {
            note(found, &here, x, y + here.start, x + (float)strip.width, y + here.end);
        }
    }
    return ASSAY_OK;
}

/* Lines at even distances over the picture, in one direction. */
static assay_status read_lines(const assay_image *grey, bool across, readings *found) {
    assay_image_info size = assay_image_get_info(grey);
    uint32_t side = across ? size.height : size.width;
    uint32_t thickness = side < THICKNESS ? side : THICKNESS;
    for (int64_t i = 0; i < settings.lines; i++) {
        uint32_t at = (uint32_t)((uint64_t)(side - thickness) * (uint64_t)(2 * i + 1) / (uint64_t)(2 * settings.lines));
        assay_region strip = across ? (assay_region){0, at, size.width, thickness}
                                    : (assay_region){at, 0, thickness, size.height};
        ASSAY_TRY(read_strip(grey, strip, across, found));
    }
    return ASSAY_OK;
}

/* The reading of most lines: with a fitting check digit, or without. NULL where too few lines agree. */
static const reading *best_of(const readings *found, bool checks) {
    const reading *best = NULL;
    for (size_t i = 0; i < found->count; i++) {
        const reading *item = &found->items[i];
        bool better = best == NULL || item->lines > best->lines;
        if (item->code.checks == checks && item->lines >= settings.agree && better) {
            best = item;
        }
    }
    return best;
}

/* For a person: what cannot be printed as its number. */
static const char *printable(const char *text) {
    const char *shown = "";
    for (; *text != 0; text++) {
        bool prints = *text >= ' ' && *text < 127;
        shown = prints ? assay_format("%s%c", shown, *text) : assay_format("%s<%d>", shown, *text);
    }
    return shown;
}

static assay_region region_of(const reading *at, assay_region inside) {
    uint32_t left = at->left > 0.0f ? (uint32_t)at->left : 0;
    uint32_t top = at->top > 0.0f ? (uint32_t)at->top : 0;
    uint32_t right = (uint32_t)at->right < inside.width ? (uint32_t)at->right + 1 : inside.width;
    uint32_t bottom = (uint32_t)at->bottom < inside.height ? (uint32_t)at->bottom : inside.height;
    left = left < right ? left : right - 1;
    top = top < bottom ? top : bottom - 1;
    return (assay_region){inside.x + left, inside.y + top, right - left, bottom - top};
}

/* The text that this part has to carry, or NULL where any will do. */
static assay_status expected_text(const assay_frame *frame, const char **expected) {
    *expected = NULL;
    if (strcmp(settings.match, "text") == 0) {
        *expected = settings.expect;
    } else if (strcmp(settings.match, "serial") == 0) {
        *expected = frame->serial;
    } else if (strcmp(settings.match, "product") == 0) {
        *expected = frame->product;
    }
    if (*expected == NULL && strcmp(settings.match, "any") != 0) {
        return assay_fail(ASSAY_UNSUPPORTED_INPUT, "the frame has no %s to compare the code with: set match to any or text",
                          settings.match);
    }
    return ASSAY_OK;
}

static void judge(const readings *found, const char *expected, assay_region inside, assay_detection *detection) {
    const reading *good = best_of(found, true);
    const reading *broken = best_of(found, false);
    const reading *at = good != NULL ? good : broken;
    if (at == NULL) {
        assay_detection_finding(detection, &(assay_finding){.label = "code-missing",
                                                            .score = 1.0,
                                                            .raised = true,
                                                            .region = &inside,
                                                            .text = "no bar code could be read"});
        return;
    }
    assay_region where = region_of(at, inside);
    const char *text = printable(at->code.text);
    const char *kind = symbology_name(at->code.kind);
    bool wrong = good != NULL && expected != NULL && strcmp(expected, good->code.text) != 0;
    assay_finding finding = {.label = "code-read", .score = 0.0, .region = &where};
    finding.text = assay_format("%s %s", kind, text);
    if (good == NULL) {
        finding = (assay_finding){.label = "code-check-digit", .score = 1.0, .raised = true, .region = &where};
        finding.text = assay_format("%s %s fails its check digit", kind, text);
    } else if (wrong) {
        finding = (assay_finding){.label = "code-wrong", .score = 1.0, .raised = true, .region = &where};
        finding.text = assay_format("%s %s, expected %s", kind, text, printable(expected));
    }
    assay_detection_finding(detection, &finding);
    assay_detection_attribute(detection, "code", "%s", text);
    assay_detection_attribute(detection, "code-kind", "%s", kind);
    assay_detection_attribute(detection, "code-lines", "%lld", (long long)at->lines);
}

assay_status assay_detect(const assay_frame *frame, const assay_evidence *evidence, assay_detection *detection) {
    const char *expected = NULL;
    ASSAY_TRY(expected_text(frame, &expected));
    assay_image_info size = assay_image_get_info(evidence->picture);
    assay_region inside = settings.region;
    if (settings.whole_picture) {
        inside = (assay_region){0, 0, size.width, size.height};
    }
    if ((uint64_t)inside.x + inside.width > size.width || (uint64_t)inside.y + inside.height > size.height) {
        return assay_bad_setting("region", assay_format("a region inside %u x %u pixels", size.width, size.height),
                                 assay_format("%u, %u, %u x %u", inside.x, inside.y, inside.width, inside.height));
    }
    assay_image *part = NULL;
    assay_image *grey = NULL;
    ASSAY_TRY(assay_image_crop(evidence->picture, inside, &part));
    ASSAY_TRY(assay_image_convert(part, ASSAY_GRAY8, &grey));
    readings found = {.count = 0};
    if (settings.horizontal) {
        ASSAY_TRY(read_lines(grey, true, &found));
    }
    if (settings.vertical) {
        ASSAY_TRY(read_lines(grey, false, &found));
    }
    judge(&found, expected, inside, detection);
    return ASSAY_OK;
}
