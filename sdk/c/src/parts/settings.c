/* Settings, labels and the model's reference: the host gives each in its own type. */
#include "internal.h"

#include <math.h>
#include <string.h>

typedef assay_plugin_config_value_t wit_value;

static bool find(const char *key, wit_value *value) {
    wit_string_t name = text_borrowed(key);
    return assay_plugin_config_setting(&name, value);
}

/* For a person. */
static const char *shown(const wit_value *value) {
    switch (value->tag) {
    case ASSAY_PLUGIN_CONFIG_VALUE_FLAG:
        return value->val.flag ? "true" : "false";
    case ASSAY_PLUGIN_CONFIG_VALUE_INTEGER:
        return assay_format("%lld", (long long)value->val.integer);
    case ASSAY_PLUGIN_CONFIG_VALUE_NUMBER:
        return assay_format("%g", value->val.number);
    case ASSAY_PLUGIN_CONFIG_VALUE_TEXT:
        return assay_format("\"%s\"", text_from_wit(value->val.text));
    case ASSAY_PLUGIN_CONFIG_VALUE_NUMBERS:
        return assay_format("a list of %zu numbers", value->val.numbers.len);
    case ASSAY_PLUGIN_CONFIG_VALUE_TEXTS:
        return assay_format("a list of %zu texts", value->val.texts.len);
    default:
        return text_from_wit(value->val.other);
    }
}

static assay_status other_type(const char *key, const char *expected, const wit_value *found) {
    return assay_bad_setting(key, expected, shown(found));
}

static assay_texts texts_from_wit(WIT_WORLD(list_string_t) from) {
    const char **items = scope_alloc(from.len * sizeof *items);
    for (size_t i = 0; i < from.len; i++) {
        items[i] = text_from_wit(from.ptr[i]);
    }
    return (assay_texts){items, from.len};
}

/* A number that is finite, from a number or an integer. */
static bool as_number(const wit_value *value, double *number) {
    if (value->tag == ASSAY_PLUGIN_CONFIG_VALUE_INTEGER) {
        *number = (double)value->val.integer;
        return true;
    }
    *number = value->tag == ASSAY_PLUGIN_CONFIG_VALUE_NUMBER ? value->val.number : NAN;
    return isfinite(*number);
}

assay_status assay_setting_required(const char *key) {
    wit_value found;
    return find(key, &found) ? ASSAY_OK : assay_bad_setting(key, "a value", "nothing");
}

assay_status assay_setting_flag(const char *key, bool *value) {
    wit_value found;
    if (!find(key, &found)) {
        return ASSAY_OK;
    }
    if (found.tag != ASSAY_PLUGIN_CONFIG_VALUE_FLAG) {
        return other_type(key, "true or false", &found);
    }
    *value = found.val.flag;
    return ASSAY_OK;
}

assay_status assay_setting_integer(const char *key, int64_t low, int64_t high, int64_t *value) {
    wit_value found;
    if (!find(key, &found)) {
        return ASSAY_OK;
    }
    bool is = found.tag == ASSAY_PLUGIN_CONFIG_VALUE_INTEGER;
    if (!is || found.val.integer < low || found.val.integer > high) {
        const char *range = assay_format("a whole number from %lld to %lld", (long long)low, (long long)high);
        return other_type(key, range, &found);
    }
    *value = found.val.integer;
    return ASSAY_OK;
}

assay_status assay_setting_number(const char *key, double low, double high, double *value) {
    wit_value found;
    double number;
    if (!find(key, &found)) {
        return ASSAY_OK;
    }
    if (!as_number(&found, &number) || number < low || number > high) {
        return other_type(key, assay_format("a number from %g to %g", low, high), &found);
    }
    *value = number;
    return ASSAY_OK;
}

assay_status assay_setting_text(const char *key, const char **value) {
    wit_value found;
    if (!find(key, &found)) {
        return ASSAY_OK;
    }
    if (found.tag != ASSAY_PLUGIN_CONFIG_VALUE_TEXT) {
        return other_type(key, "a text", &found);
    }
    *value = text_from_wit(found.val.text);
    return ASSAY_OK;
}

/* Numbers of one value; false where it has another type. */
static bool as_numbers(const wit_value *found, const double **values, size_t *count) {
    double one;
    if (as_number(found, &one)) {
        double *list = scope_alloc(sizeof *list);
        *list = one;
        *values = list;
        *count = 1;
        return true;
    }
    /* An empty list has no type of its own. */
    if (found->tag == ASSAY_PLUGIN_CONFIG_VALUE_TEXTS && found->val.texts.len == 0) {
        *count = 0;
        return true;
    }
    if (found->tag != ASSAY_PLUGIN_CONFIG_VALUE_NUMBERS) {
        return false;
    }
    *values = found->val.numbers.ptr;
    *count = found->val.numbers.len;
    return true;
}

assay_status assay_setting_numbers(const char *key, const double **values, size_t *count) {
    wit_value found;
    if (!find(key, &found) || as_numbers(&found, values, count)) {
        return ASSAY_OK;
    }
    return other_type(key, "a number or a list of numbers", &found);
}

assay_status assay_setting_texts(const char *key, assay_texts *values) {
    wit_value found;
    if (!find(key, &found)) {
        return ASSAY_OK;
    }
    if (found.tag == ASSAY_PLUGIN_CONFIG_VALUE_NUMBERS && found.val.numbers.len == 0) {
        *values = (assay_texts){NULL, 0};
        return ASSAY_OK;
    }
    if (found.tag != ASSAY_PLUGIN_CONFIG_VALUE_TEXTS) {
        return other_type(key, "a list of texts", &found);
    }
    *values = texts_from_wit(found.val.texts);
    return ASSAY_OK;
}

assay_texts assay_labels(void) {
    WIT_WORLD(list_string_t) found;
    assay_plugin_config_labels(&found);
    return texts_from_wit(found);
}

static assay_status no_reference(void) {
    return assay_bad_setting("reference", "a model bundle with a blob of role \"reference\"",
                             "a model bundle without one");
}

static assay_status missing(const char *feature, const char *path, const char *expected) {
    const char *digest = NULL;
    ASSAY_TRY(assay_reference_digest(&digest));
    return assay_bad_setting("reference", assay_format("%s of %s as %s", path, feature, expected), "none");
}

static bool reference_value(const char *feature, const char *path, wit_value *value) {
    wit_string_t name = text_borrowed(assay_format("features/%s/%s", feature, path));
    return assay_plugin_config_reference_value(&name, value);
}

assay_status assay_reference_number(const char *feature, const char *key, double *value) {
    wit_value found;
    double number;
    if (!reference_value(feature, key, &found) || !as_number(&found, &number)) {
        return missing(feature, key, "a number");
    }
    *value = number;
    return ASSAY_OK;
}

assay_status assay_reference_numbers(const char *feature, const char *path, const double **values, size_t *count) {
    wit_value found;
    if (!reference_value(feature, path, &found) || !as_numbers(&found, values, count) || *count == 0) {
        return missing(feature, path, "a list of numbers");
    }
    return ASSAY_OK;
}

assay_status assay_reference_digest(const char **digest) {
    wit_string_t found;
    if (!assay_plugin_config_reference_digest(&found)) {
        return no_reference();
    }
    *digest = text_from_wit(found);
    return ASSAY_OK;
}

assay_status assay_reference_json(const char **json) {
    wit_string_t found;
    if (!assay_plugin_config_reference(&found)) {
        return no_reference();
    }
    *json = text_from_wit(found);
    return ASSAY_OK;
}
