/* EAN-13 (ISO/IEC 15420): guard 101, six digits of 7 modules, middle 01010, six digits, guard 101; 95 modules. */
#include "codes.h"

#include <math.h>
#include <string.h>

/* Elements from the first guard bar to the last. */
#define ELEMENTS 59
#define MODULES 95.0f
/* The standard asks for 11 and 7 light modules around a code; less is common, and less than this is a part of a code. */
#define QUIET_MODULES 4.0f
/* Most that all bars may be wider or narrower than they should be, modules. */
#define MAX_SPREAD 0.6f
/* Largest sum of the deviations of a digit's 4 elements, modules. */
#define MAX_DEVIATION 1.6f

/* Widths of the elements of the digits in set A, modules. Set C has the same widths; set B has them backwards. */
static const uint8_t WIDTHS[10][4] = {{3, 2, 1, 1}, {2, 2, 2, 1}, {2, 1, 2, 2}, {1, 4, 1, 1}, {1, 1, 3, 2},
                                      {1, 2, 3, 1}, {1, 1, 1, 4}, {1, 3, 1, 2}, {1, 2, 1, 3}, {3, 1, 1, 2}};
/* Which of the six digits on the left are of set B, for each first digit; the leftmost digit is the highest bit. */
static const uint8_t FIRST_DIGITS[10] = {0x00, 0x0B, 0x0D, 0x0E, 0x13, 0x19, 0x1C, 0x15, 0x16, 0x1A};

const char *symbology_name(symbology kind) {
    return kind == EAN_13 ? "EAN-13" : "Code 128";
}

static bool is_module(float width, float module) {
    return width > 0.4f * module && width < 1.7f * module;
}

/* The digit of four elements, or -1. */
static int digit_of(const float *width, bool *of_set_b) {
    float module = (width[0] + width[1] + width[2] + width[3]) / 7.0f;
    float best = MAX_DEVIATION;
    int digit = -1;
    for (int candidate = 0; candidate < 10; candidate++) {
        float forward = 0.0f;
        float backward = 0.0f;
        for (int i = 0; i < 4; i++) {
            float modules = width[i] / module;
            forward += fabsf(modules - (float)WIDTHS[candidate][i]);
            backward += fabsf(modules - (float)WIDTHS[candidate][3 - i]);
        }
        if (forward < best || backward < best) {
            *of_set_b = backward < forward;
            best = fminf(forward, backward);
            digit = candidate;
        }
    }
    return digit;
}

static bool guards_fit(const float *width, float module) {
    static const size_t SINGLE[] = {0, 1, 2, 27, 28, 29, 30, 31, 56, 57, 58};
    for (size_t i = 0; i < sizeof SINGLE / sizeof *SINGLE; i++) {
        if (!is_module(width[SINGLE[i]], module)) {
            return false;
        }
    }
    return true;
}

/* Ink spreads, and a camera's gamma makes thin bars thinner: all bars are wider or narrower by the same amount, all gaps
 * the other way. The single modules of the guards say by how much. False where it is too much for a code. */
static bool even_out(const float *width, float *evened) {
    static const size_t DARK[] = {0, 2, 28, 30, 56, 58};
    static const size_t LIGHT[] = {1, 27, 29, 31, 57};
    float dark = 0.0f;
    float light = 0.0f;
    float total = 0.0f;
    for (size_t i = 0; i < sizeof DARK / sizeof *DARK; i++) {
        dark += width[DARK[i]] / 6.0f;
    }
    for (size_t i = 0; i < sizeof LIGHT / sizeof *LIGHT; i++) {
        light += width[LIGHT[i]] / 5.0f;
    }
    float spread = (dark - light) / 2.0f;
    for (size_t i = 0; i < ELEMENTS; i++) {
        total += width[i];
        evened[i] = i % 2 == 0 ? width[i] - spread : width[i] + spread;
    }
    return fabsf(spread) <= MAX_SPREAD * total / MODULES;
}

static bool check_digit_fits(const char *text) {
    int sum = 0;
    for (int i = 0; i < 13; i++) {
        sum += (text[i] - '0') * (i % 2 == 0 ? 1 : 3);
    }
    return sum % 10 == 0;
}

/* The twelve digits that have bars; the first one is said by the sets of the left six. */
static bool read_digits(const float *width, char *text) {
    uint8_t sets = 0;
    for (size_t i = 0; i < 12; i++) {
        bool of_set_b = false;
        int digit = digit_of(width + (i < 6 ? 3 + 4 * i : 32 + 4 * (i - 6)), &of_set_b);
        if (digit < 0 || (i >= 6 && of_set_b)) {
            return false;
        }
        text[i + 1] = (char)('0' + digit);
        if (i < 6) {
            sets = (uint8_t)(sets << 1 | of_set_b);
        }
    }
    for (int first = 0; first < 10; first++) {
        if (FIRST_DIGITS[first] == sets) {
            text[0] = (char)('0' + first);
            text[13] = 0;
            return true;
        }
    }
    return false;
}

bool read_ean13(const bars *line, code *found) {
    bool any = false;
    for (size_t at = 1; at + ELEMENTS < line->count; at += 2) {
        const float *width = line->width + at;
        float evened[ELEMENTS];
        float total = 0.0f;
        for (size_t i = 0; i < ELEMENTS; i++) {
            total += width[i];
        }
        float module = total / MODULES;
        bool quiet = width[-1] >= QUIET_MODULES * module && width[ELEMENTS] >= QUIET_MODULES * module;
        code here = {.kind = EAN_13};
        bool is_code = quiet && even_out(width, evened) && guards_fit(evened, module);
        if (!is_code || !read_digits(evened, here.text)) {
            continue;
        }
        here.checks = check_digit_fits(here.text);
        here.start = start_of(line, at);
        here.end = here.start + total;
        if (!any || here.checks) {
            *found = here;
            any = true;
        }
        if (here.checks) {
            return true;
        }
    }
    return any;
}
