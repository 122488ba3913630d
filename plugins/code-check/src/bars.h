/* Bars of one line of pixels. Pure C, without the SDK: the tests compile it natively. */
#ifndef CODE_CHECK_BARS_H
#define CODE_CHECK_BARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest line that is read, pixels; what is longer is cut. */
#define MAX_PIXELS 8192
/* Most bars and gaps of one line. */
#define MAX_ELEMENTS 2048

/* Bars and gaps of a line in their order: even ones are light, odd ones dark, widths in pixels. */
typedef struct bars {
    float width[MAX_ELEMENTS];
    size_t count;
} bars;

/* Finds the edges of a line, between pixels too. `window` pixels on both sides say what is light and what is dark; where
 * they differ by less than `contrast` grey levels there is no bar. */
void find_bars(const uint8_t *line, size_t pixels, size_t window, float contrast, bars *found);

/* The same line from its other end. */
void reverse_bars(bars *line);

/* Where element `at` begins, pixels from the line's start. */
float start_of(const bars *line, size_t at);

#endif
