/* The world `monitor`, and what it remembers. */
#include "finding.h"

#ifdef ASSAY_WORLD_monitor


struct assay_observation {
    answer common;
    /* Of assay_report. */
    growing reports;
};

void assay_observation_report(assay_observation *observation, const assay_report *report) {
    assay_report *item = growing_push(&observation->reports, sizeof *item);
    *item = *report;
    item->feature = copy_text(report->feature);
    item->statistic = copy_text(report->statistic);
    item->attributes = attributes_kept(report->attributes);
}

void assay_observation_attribute(assay_observation *observation, const char *key, const char *format, ...) {
    va_list args;
    va_start(args, format);
    answer_attribute(&observation->common, key, format_args(format, args));
    va_end(args);
}

bool assay_state_get(const char *key, uint8_t **bytes, size_t *count) {
    wit_string_t name = text_borrowed(key);
    wit_bytes_t found;
    if (!assay_plugin_state_get(&name, &found)) {
        return false;
    }
    *bytes = found.ptr;
    *count = found.len;
    return true;
}

assay_status assay_state_set(const char *key, const void *bytes, size_t count) {
    wit_string_t name = text_borrowed(key);
    wit_bytes_t value = {(uint8_t *)bytes, count};
    assay_plugin_state_state_error_t error;
    return assay_plugin_state_set(&name, &value, &error) ? ASSAY_OK : fail_with(ASSAY_OTHER, error.val.other);
}

void assay_state_delete(const char *key) {
    wit_string_t name = text_borrowed(key);
    assay_plugin_state_delete(&name);
}

bool assay_state_get_numbers(const char *key, double **values, size_t *count) {
    uint8_t *bytes = NULL;
    size_t size = 0;
    if (!assay_state_get(key, &bytes, &size) || size % sizeof(double) != 0) {
        return false;
    }
    /* Memory of the SDK's is aligned for every type. */
    *values = (double *)(void *)bytes;
    *count = size / sizeof(double);
    return true;
}

assay_status assay_state_set_numbers(const char *key, const double *values, size_t count) {
    return assay_state_set(key, values, count * sizeof *values);
}

static void report_to_wit(const assay_report *from, WIT_EXPORT(report_t) *to) {
    to->feature = text_copied(from->feature);
    to->statistic = text_copied(from->statistic);
    to->value = from->value;
    to->threshold = from->threshold;
    to->drifted = from->drifted;
    to->window = from->window;
    to->attributes = attributes_copied(from->attributes);
}

static void answer_to_wit(const assay_observation *from, WIT_EXPORT(observation_t) *to) {
    const assay_report *reports = from->reports.items;
    to->reports.len = from->reports.count;
    to->reports.ptr = plain_alloc(to->reports.len, sizeof *to->reports.ptr);
    for (size_t i = 0; i < to->reports.len; i++) {
        report_to_wit(&reports[i], &to->reports.ptr[i]);
    }
    to->attributes = attributes_copied(
        (assay_attributes){from->common.attributes.items, from->common.attributes.count});
}

static assay_inspection inspection_from_wit(const WIT_EXPORT(inspection_t) *from) {
    assay_finding *findings = scope_alloc(from->findings.len * sizeof *findings);
    for (size_t i = 0; i < from->findings.len; i++) {
        findings[i] = finding_from_wit(&from->findings.ptr[i]);
    }
    return (assay_inspection){
        .picture = picture_from_wit(from->picture.__handle),
        .verdict = text_from_wit(from->verdict),
        .label = from->label.is_some ? text_from_wit(from->label.val) : NULL,
        .probabilities = from->probabilities.ptr,
        .probability_count = from->probabilities.len,
        .findings = findings,
        .finding_count = from->findings.len,
        .outputs = tensors_from_wit(from->outputs),
        .attributes = attributes_from_wit(from->attributes),
    };
}

static assay_status run(const wit_frame_t *frame, const WIT_EXPORT(inspection_t) *from,
                        assay_observation *observation) {
    assay_inspection inspection = inspection_from_wit(from);
    ASSAY_TRY(ensure_started());
    assay_frame seen = frame_from_wit(frame);
    return assay_observe(&seen, &inspection, observation);
}

bool exports_assay_plugin_observe_observe(wit_frame_t *frame, WIT_EXPORT(inspection_t) *inspection,
                                          WIT_EXPORT(observation_t) *ret, wit_error_t *error) {
    assay_observation observation = {0};
    assay_status status = run(frame, inspection, &observation);
    if (status == ASSAY_OK) {
        answer_to_wit(&observation, ret);
    } else {
        error_to_wit(status, error);
    }
    scope_call_answered();
    return status == ASSAY_OK;
}

#endif
