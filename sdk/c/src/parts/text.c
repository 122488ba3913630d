/* Texts, errors and the log. */
#include "internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Enough for a person's line; the station cuts longer ones anyway. */
#define ERROR_BYTES 1024
#define LOG_BYTES 1024

static char error_text[ERROR_BYTES];

char *format_args(const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    size_t bytes = length < 0 ? 1 : (size_t)length + 1;
    char *text = scope_alloc(bytes);
    text[0] = 0;
    vsnprintf(text, bytes, format, again);
    va_end(again);
    return text;
}

/* Cuts a text that filled its buffer before a character that did not fit: half of one is no UTF-8. */
static void cut_half_character(char *text, size_t capacity) {
    size_t length = strlen(text);
    if (length + 1 < capacity) {
        return;
    }
    while (length > 0 && ((unsigned char)text[length - 1] & 0xC0) == 0x80) {
        length--;
    }
    text[length > 0 ? length - 1 : 0] = 0;
}

char *assay_format(const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *text = format_args(format, args);
    va_end(args);
    return text;
}

assay_status assay_fail(assay_status status, const char *format, ...) {
    char text[ERROR_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    cut_half_character(text, sizeof text);
    /* Not written in place: the last reason may be among the arguments. */
    memcpy(error_text, text, sizeof text);
    return status;
}

assay_status assay_bad_setting(const char *key, const char *expected, const char *found) {
    return assay_fail(ASSAY_BAD_SETTING, "setting %s: expected %s, found %s", key, expected, found);
}

assay_status fail_with(assay_status status, wit_string_t text) {
    return assay_fail(status, "%.*s", (int)text.len, (const char *)text.ptr);
}

const char *assay_error_text(void) {
    return error_text[0] == 0 ? "the plugin gave no reason" : error_text;
}

void assay_log(assay_level level, const char *format, ...) {
    char text[LOG_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    cut_half_character(text, sizeof text);
    wit_string_t line = text_borrowed(text);
    assay_plugin_log_log((assay_plugin_log_level_t)level, &line);
}

char *text_from_wit(wit_string_t text) {
    char *copy = scope_alloc(text.len + 1);
    if (text.len > 0) {
        memcpy(copy, text.ptr, text.len);
    }
    copy[text.len] = 0;
    return copy;
}

char *copy_text(const char *text) {
    return text_from_wit(text_borrowed(text));
}

wit_string_t text_borrowed(const char *text) {
    text = text == NULL ? "" : text;
    return (wit_string_t){.ptr = (uint8_t *)text, .len = strlen(text)};
}

wit_string_t text_copied(const char *text) {
    wit_string_t copy = text_borrowed(text);
    uint8_t *bytes = plain_alloc(copy.len, 1);
    if (copy.len > 0) {
        memcpy(bytes, copy.ptr, copy.len);
    }
    copy.ptr = bytes;
    return copy;
}
