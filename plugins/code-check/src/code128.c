/* Code 128 (ISO/IEC 15417): characters of 3 bars and 3 gaps, 11 modules; stop with 13 modules and 7 elements. */
#include "codes.h"

#include <math.h>
#include <string.h>

#define START_A 103
#define START_B 104
#define START_C 105
#define STOP 106
#define MAX_CHARACTERS 80
#define QUIET_MODULES 4.0f
/* Largest sum of the deviations of a character's 6 elements, modules. */
#define MAX_DEVIATION 2.0f

/* Widths of the elements, modules, bar first. */
static const char WIDTHS[107][7] = {
    "212222", "222122", "222221", "121223", "121322", "131222", "122213", "122312", "132212", "221213", "221312",
    "231212", "112232", "122132", "122231", "113222", "123122", "123221", "223211", "221132", "221231", "213212",
    "223112", "312131", "311222", "321122", "321221", "312212", "322112", "322211", "212123", "212321", "232121",
    "111323", "131123", "131321", "112313", "132113", "132311", "211313", "231113", "231311", "112133", "112331",
    "132131", "113123", "113321", "133121", "313121", "211331", "231131", "213113", "213311", "213131", "311123",
    "311321", "331121", "312113", "312311", "332111", "314111", "221411", "431111", "111224", "111422", "121124",
    "121421", "141122", "141221", "112214", "112412", "122114", "122411", "142112", "142211", "241211", "221114",
    "413111", "241112", "134111", "111242", "121142", "121241", "114212", "124112", "124211", "411212", "421112",
    "421211", "212141", "214121", "412121", "111143", "111341", "131141", "114113", "114311", "411113", "411311",
    "113141", "114131", "311141", "411131", "211412", "211214", "211232", "233111"};

/* The character of six elements, or -1. */
static int character_of(const float *width) {
    float total = 0.0f;
    for (int i = 0; i < 6; i++) {
        total += width[i];
    }
    float best = MAX_DEVIATION;
    int character = -1;
    for (int candidate = 0; candidate < 107; candidate++) {
        float deviation = 0.0f;
        for (int i = 0; i < 6 && deviation < best; i++) {
            deviation += fabsf(width[i] * 11.0f / total - (float)(WIDTHS[candidate][i] - '0'));
        }
        if (deviation < best) {
            best = deviation;
            character = candidate;
        }
    }
    return character;
}

typedef struct writing {
    char *text;
    size_t length;
    bool full;
} writing;

static void write_character(writing *to, int character) {
    if (to->length >= MAX_TEXT) {
        to->full = true;
        return;
    }
    to->text[to->length++] = (char)character;
    to->text[to->length] = 0;
}

/* One character in its set: text, or a change of set. FNC1 divides fields (GS, 29), the other functions say nothing. */
static void interpret(int value, char *set, char *shifted, writing *to) {
    char now = *shifted != 0 ? *shifted : *set;
    *shifted = 0;
    if (now == 'C') {
        if (value < 100) {
            write_character(to, '0' + value / 10);
            write_character(to, '0' + value % 10);
        } else if (value == 100 || value == 101) {
            *set = value == 100 ? 'B' : 'A';
        } else if (value == 102) {
            write_character(to, 29);
        }
        return;
    }
    if (value < 96) {
        write_character(to, now == 'A' && value >= 64 ? value - 64 : value + 32);
    } else if (value == 98) {
        *shifted = now == 'A' ? 'B' : 'A';
    } else if (value == 99) {
        *set = 'C';
    } else if ((value == 100 && now == 'A') || (value == 101 && now == 'B')) {
        *set = value == 100 ? 'B' : 'A';
    } else if (value == 102) {
        write_character(to, 29);
    }
}

/* False where the text is too long or empty. An FNC1 right after the start only says that fields follow (GS1). */
static bool text_of(const int *values, size_t count, char *text) {
    char set = (char)('A' + values[0] - START_A);
    char shifted = 0;
    writing to = {.text = text};
    text[0] = 0;
    for (size_t i = 1; i + 1 < count; i++) {
        if (i != 1 || values[i] != 102) {
            interpret(values[i], &set, &shifted, &to);
        }
    }
    return !to.full && to.length > 0;
}

/* The values of the characters with start and check digit, without stop; 0 where there is no such code. `elements` is
 * how many elements it takes. */
static size_t read_values(const bars *line, size_t at, int *values, size_t *elements) {
    size_t count = 0;
    for (size_t next = at; next + 7 < line->count && count < MAX_CHARACTERS; next += 6) {
        int value = character_of(line->width + next);
        bool is_start = value >= START_A && value <= START_C;
        if (value < 0 || (count == 0) != is_start) {
            return 0;
        }
        if (value == STOP) {
            *elements = next + 7 - at;
            return count;
        }
        values[count++] = value;
    }
    return 0;
}

bool read_code128(const bars *line, code *found) {
    bool any = false;
    for (size_t at = 1; at + 20 < line->count; at += 2) {
        int values[MAX_CHARACTERS];
        size_t elements = 0;
        size_t count = read_values(line, at, values, &elements);
        code here = {.kind = CODE_128};
        /* A start, something, and a check digit. */
        if (count < 3 || at + elements >= line->count || !text_of(values, count, here.text)) {
            continue;
        }
        here.start = start_of(line, at);
        here.end = start_of(line, at + elements);
        float module = (here.end - here.start) / (float)(count * 11 + 13);
        if (line->width[at - 1] < QUIET_MODULES * module || line->width[at + elements] < QUIET_MODULES * module) {
            continue;
        }
        int sum = values[0];
        for (size_t i = 1; i + 1 < count; i++) {
            sum = (sum + (int)i * values[i]) % 103;
        }
        here.checks = sum % 103 == values[count - 1];
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
