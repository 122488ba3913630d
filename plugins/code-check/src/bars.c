#include "bars.h"

/* Least and most of `window` pixels on both sides of each pixel, kept up by two queues of candidates. */
typedef struct extremes {
    uint16_t queue[MAX_PIXELS];
    size_t head;
    size_t tail;
} extremes;

static void push(extremes *to, const uint8_t *line, size_t at, bool smallest) {
    while (to->tail > to->head) {
        uint8_t last = line[to->queue[to->tail - 1]];
        bool keeps = smallest ? last < line[at] : last > line[at];
        if (keeps) {
            break;
        }
        to->tail--;
    }
    to->queue[to->tail++] = (uint16_t)at;
}

static float front(extremes *of, const uint8_t *line, size_t first) {
    while (of->queue[of->head] < first) {
        of->head++;
    }
    return (float)line[of->queue[of->head]];
}

/* The grey level between light and dark around each pixel; -1 where they are too alike. */
static void find_thresholds(const uint8_t *line, size_t pixels, size_t window, float contrast, float *threshold) {
    /* Too large for a stack. A plugin's instance has one thread. */
    static extremes low;
    static extremes high;
    low.head = low.tail = high.head = high.tail = 0;
    size_t next = 0;
    for (size_t at = 0; at < pixels; at++) {
        while (next < pixels && next <= at + window) {
            push(&low, line, next, true);
            push(&high, line, next, false);
            next++;
        }
        size_t first = at > window ? at - window : 0;
        float dark = front(&low, line, first);
        float light = front(&high, line, first);
        threshold[at] = light - dark >= contrast ? (light + dark) / 2.0f : -1.0f;
    }
}

/* How far the pixel lies above (light) or below (dark) what divides them. Without contrast all is light. */
static float above(const uint8_t *line, const float *threshold, size_t at) {
    return threshold[at] < 0.0f ? 1.0f : (float)line[at] - threshold[at];
}

void find_bars(const uint8_t *line, size_t pixels, size_t window, float contrast, bars *found) {
    static float threshold[MAX_PIXELS];
    pixels = pixels > MAX_PIXELS ? MAX_PIXELS : pixels;
    found->count = 0;
    if (pixels == 0) {
        return;
    }
    find_thresholds(line, pixels, window, contrast, threshold);
    float before = above(line, threshold, 0);
    float start = 0.0f;
    if (before < 0.0f) {
        found->width[found->count++] = 0.0f;
    }
    for (size_t at = 1; at < pixels && found->count + 1 < MAX_ELEMENTS; at++) {
        float now = above(line, threshold, at);
        if ((before < 0.0f) != (now < 0.0f)) {
            /* The edge lies where the straight line between the two pixels crosses the threshold. */
            /* A pixel speaks of its middle. */
            float edge = (float)at - 0.5f + before / (before - now);
            found->width[found->count++] = edge - start;
            start = edge;
        }
        before = now;
    }
    found->width[found->count++] = (float)pixels - start;
    if (found->count % 2 == 0 && found->count < MAX_ELEMENTS) {
        /* Ends with a light element, as it begins with one, so that a line can be turned around. */
        found->width[found->count++] = 0.0f;
    }
}

void reverse_bars(bars *line) {
    for (size_t a = 0, b = line->count; a + 1 < b; a++) {
        b--;
        float width = line->width[a];
        line->width[a] = line->width[b];
        line->width[b] = width;
    }
}

float start_of(const bars *line, size_t at) {
    float sum = 0.0f;
    for (size_t i = 0; i < at && i < line->count; i++) {
        sum += line->width[i];
    }
    return sum;
}
