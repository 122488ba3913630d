/* Native tests of the decoders: codes are drawn by an encoder of their own, blurred, tilted in light and noisy, and read
 * back. Each check ends the program with its line. */
#include "../src/codes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static const char *const L[10] = {"0001101", "0011001", "0010011", "0111101", "0100011",
                                  "0110001", "0101111", "0111011", "0110111", "0001011"};
static const char *const PARITY[10] = {"LLLLLL", "LLGLGG", "LLGGLG", "LLGGGL", "LGLLGG",
                                       "LGGLLG", "LGGGLL", "LGLGLG", "LGLGGL", "LGGLGL"};

static void add_digit(char *modules, int digit, char set) {
    size_t end = strlen(modules);
    for (int i = 0; i < 7; i++) {
        /* G is R from its other end, R is L with light and dark exchanged. */
        char bit = set == 'G' ? (L[digit][6 - i] == '0' ? '1' : '0') : L[digit][i];
        modules[end + (size_t)i] = set == 'R' ? (bit == '0' ? '1' : '0') : bit;
    }
    modules[end + 7] = 0;
}

static void draw_ean13(const char *text, char *modules) {
    strcpy(modules, "101");
    for (int i = 1; i < 7; i++) {
        add_digit(modules, text[i] - '0', PARITY[text[0] - '0'][i - 1]);
    }
    strcat(modules, "01010");
    for (int i = 7; i < 13; i++) {
        add_digit(modules, text[i] - '0', 'R');
    }
    strcat(modules, "101");
}

/* "Assay-7" in set B and the same with a wrong check digit; patterns from the standard's table, as bits. */
static const char *const B_START = "11010010000";
static const char *const STOP_BITS = "1100011101011";

static void draw_pattern(char *modules, const char *widths) {
    char bit = '1';
    for (; *widths != 0; widths++) {
        for (int i = 0; i < *widths - '0'; i++) {
            size_t end = strlen(modules);
            modules[end] = bit;
            modules[end + 1] = 0;
        }
        bit = bit == '1' ? '0' : '1';
    }
}

static uint32_t seed = 1;

static float noise(void) {
    seed = seed * 1664525u + 1013904223u;
    return (float)(seed >> 8) / 16777216.0f * 2.0f - 1.0f;
}

/* Draws modules of `module` pixels with quiet zones, blurred over `blur` pixels, on light that falls off to one side. */
static size_t draw(const char *modules, float module, float blur, float grain, uint8_t *line) {
    float quiet = 9.0f * module;
    size_t pixels = (size_t)(2.0f * quiet + module * (float)strlen(modules));
    for (size_t x = 0; x < pixels; x++) {
        float sum = 0.0f;
        const int SAMPLES = 16;
        for (int i = 0; i < SAMPLES; i++) {
            float at = (float)x + 0.5f + blur * (((float)i + 0.5f) / (float)SAMPLES - 0.5f);
            float place = (at - quiet) / module;
            bool dark = place >= 0.0f && place < (float)strlen(modules) && modules[(size_t)place] == '1';
            sum += dark ? 40.0f : 200.0f;
        }
        float light = 1.0f - 0.4f * (float)x / (float)pixels;
        float value = sum / (float)SAMPLES * light + grain * noise();
        line[x] = (uint8_t)fminf(255.0f, fmaxf(0.0f, value));
    }
    return pixels;
}

static bars found_bars;
static uint8_t line[MAX_PIXELS];

static bool read_drawn(const char *modules, float module, float blur, float grain, code *found) {
    size_t pixels = draw(modules, module, blur, grain, line);
    find_bars(line, pixels, 60, 30.0f, &found_bars);
    return read_ean13(&found_bars, found) || read_code128(&found_bars, found);
}

static void ean13_is_read_at_all_sizes(void) {
    char modules[128];
    code found;
    for (int first = 0; first < 10; first++) {
        char text[16];
        snprintf(text, sizeof text, "%d12345678901", first);
        int sum = 0;
        for (int i = 0; i < 12; i++) {
            sum += (text[i] - '0') * (i % 2 == 0 ? 1 : 3);
        }
        text[12] = (char)('0' + (10 - sum % 10) % 10);
        text[13] = 0;
        draw_ean13(text, modules);
        for (float module = 1.8f; module < 6.0f; module += 0.37f) {
            CHECK(read_drawn(modules, module, module, 6.0f, &found));
            CHECK(found.checks && found.kind == EAN_13 && strcmp(found.text, text) == 0);
            CHECK(fabsf(found.start - 9.0f * module) < module && fabsf(found.end - 104.0f * module) < module);
        }
    }
}

/* Every bar wider (or narrower) than it should be by `spread` tenths of a module, half of it at each end. */
static void draw_spread(const char *modules, int spread, char *fine) {
    size_t count = strlen(modules);
    size_t end = 0;
    for (size_t i = 0; i < 90 + 10 * count + 90; i++) {
        fine[end++] = '0';
    }
    fine[end] = 0;
    for (size_t i = 0; i < count; i++) {
        bool first = modules[i] == '1' && (i == 0 || modules[i - 1] == '0');
        bool last = modules[i] == '1' && (i + 1 == count || modules[i + 1] == '0');
        int from = 90 + 10 * (int)i - (first ? spread / 2 : 0);
        int to = 90 + 10 * (int)i + 10 + (last ? spread / 2 : 0);
        for (int at = from; modules[i] == '1' && at < to; at++) {
            fine[at] = '1';
        }
    }
}

static void ink_that_spreads_or_shrinks_is_evened_out(void) {
    char modules[128];
    static char fine[2048];
    code found;
    draw_ean13("2004711008155", modules);
    for (int spread = -4; spread <= 4; spread += 2) {
        draw_spread(modules, spread, fine);
        for (float module = 2.0f; module < 5.0f; module += 0.6f) {
            CHECK(read_drawn(fine, module / 10.0f, 0.6f * module, 4.0f, &found));
            CHECK(found.checks && strcmp(found.text, "2004711008155") == 0);
        }
    }
}

static void a_wrong_check_digit_is_told(void) {
    char modules[128];
    code found;
    draw_ean13("4006381333932", modules);
    CHECK(read_drawn(modules, 3.0f, 2.0f, 4.0f, &found));
    CHECK(!found.checks && strcmp(found.text, "4006381333932") == 0);
}

static void a_code_upside_down_is_read_from_its_other_end(void) {
    char modules[128];
    code found;
    draw_ean13("4006381333931", modules);
    size_t pixels = draw(modules, 2.5f, 2.0f, 4.0f, line);
    for (size_t a = 0, b = pixels - 1; a < b; a++, b--) {
        uint8_t value = line[a];
        line[a] = line[b];
        line[b] = value;
    }
    find_bars(line, pixels, 60, 30.0f, &found_bars);
    CHECK(!read_ean13(&found_bars, &found));
    reverse_bars(&found_bars);
    CHECK(read_ean13(&found_bars, &found) && found.checks && strcmp(found.text, "4006381333931") == 0);
}

/* "Aa1234" : start B, A, a, change to C, 12, 34, check digit, stop. Values 104, 33, 65, 99, 12, 34. */
static void draw_code128(char *modules, const char *check) {
    modules[0] = 0;
    strcat(modules, B_START);
    draw_pattern(modules, "111323");
    draw_pattern(modules, "121124");
    draw_pattern(modules, "113141");
    draw_pattern(modules, "112232");
    draw_pattern(modules, "131123");
    draw_pattern(modules, check);
    strcat(modules, STOP_BITS);
}

static void code128_is_read_in_all_its_sets(void) {
    char modules[256];
    code found;
    /* 104 + 1*33 + 2*65 + 3*99 + 4*12 + 5*34 = 782 = 7 * 103 + 61. */
    draw_code128(modules, "431111");
    CHECK(read_drawn(modules, 3.0f, 2.0f, 4.0f, &found));
    CHECK(found.kind == CODE_128 && !found.checks);
    draw_code128(modules, "221411");
    for (float module = 1.8f; module < 6.0f; module += 0.41f) {
        CHECK(read_drawn(modules, module, module, 6.0f, &found));
        CHECK(found.checks && strcmp(found.text, "Aa1234") == 0);
    }
}

static void what_is_no_code_is_not_read(void) {
    code found;
    for (int run = 0; run < 3000; run++) {
        size_t pixels = 0;
        bool dark = false;
        while (pixels < 700) {
            size_t width = 1 + (size_t)(4.0f * (noise() + 1.0f));
            for (size_t i = 0; i < width; i++) {
                line[pixels++] = dark ? 40 : 200;
            }
            dark = !dark;
        }
        find_bars(line, pixels, 60, 30.0f, &found_bars);
        CHECK(!(read_ean13(&found_bars, &found) && found.checks));
        CHECK(!(read_code128(&found_bars, &found) && found.checks));
    }
    memset(line, 128, sizeof line);
    find_bars(line, MAX_PIXELS, 60, 30.0f, &found_bars);
    CHECK(found_bars.count == 1 && !read_ean13(&found_bars, &found) && !read_code128(&found_bars, &found));
    find_bars(line, 0, 60, 30.0f, &found_bars);
    CHECK(found_bars.count == 0 && !read_ean13(&found_bars, &found));
}

static void a_line_of_stripes_stays_inside_its_limits(void) {
    for (size_t x = 0; x < MAX_PIXELS; x++) {
        line[x] = x % 2 == 0 ? 0 : 255;
    }
    find_bars(line, MAX_PIXELS, 60, 30.0f, &found_bars);
    CHECK(found_bars.count <= MAX_ELEMENTS);
    code found;
    CHECK(!read_ean13(&found_bars, &found) && !read_code128(&found_bars, &found));
}

int main(void) {
    ean13_is_read_at_all_sizes();
    ink_that_spreads_or_shrinks_is_evened_out();
    a_wrong_check_digit_is_told();
    a_code_upside_down_is_read_from_its_other_end();
    code128_is_read_in_all_its_sets();
    what_is_no_code_is_not_read();
    a_line_of_stripes_stays_inside_its_limits();
    puts("codes: all read");
    return 0;
}
