/* Does what its setting `case` says; what each case has to give stands in cases.json. */
#include <assay.h>

#include <string.h>

static const char *wanted = "";

assay_status assay_start(void) {
    return assay_setting_text("case", &wanted);
}

typedef const assay_inspection *inspection_of;
typedef assay_observation *answer;

static void report(answer to, const char *feature, const char *statistic, double value, double threshold) {
    assay_observation_report(to, &(assay_report){.feature = feature,
                                                 .statistic = statistic,
                                                 .value = value,
                                                 .threshold = threshold,
                                                 .drifted = value >= threshold,
                                                 .window = 9});
}

/* One report per part of the inspection. */
static assay_status all(inspection_of from, answer to) {
    double probabilities = 0.0;
    for (size_t at = 0; at < from->probability_count; at++) {
        probabilities += from->probabilities[at];
    }
    if (from->finding_count == 0) {
        return assay_fail(ASSAY_OTHER, "no finding");
    }
    assay_tensor *output = NULL;
    float *values = NULL;
    size_t count = 0;
    ASSAY_TRY(assay_tensors_get(&from->outputs, "logits", &output));
    ASSAY_TRY(assay_tensor_to_f32(output, &values, &count));
    double sum = 0.0;
    for (size_t at = 0; at < count; at++) {
        sum += values[at];
    }
    report(to, "picture", "mean", assay_image_statistics(from->picture).mean, 1000.0);
    report(to, "verdict", from->verdict, 1.0, 1000.0);
    report(to, "label", from->label == NULL ? "none" : from->label, 1.0, 1000.0);
    report(to, "probabilities", "sum", probabilities, 1000.0);
    report(to, "finding", from->findings[0].label, from->findings[0].score, 1000.0);
    report(to, "output", "sum", sum, 1000.0);
    return ASSAY_OK;
}

static assay_status reports(inspection_of from, answer to) {
    (void)from;
    report(to, "brightness", "psi", 0.5, 0.25);
    report(to, "sharpness", "ks", 0.1, 0.2);
    return ASSAY_OK;
}

static assay_status quiet(inspection_of from, answer to) {
    (void)from, (void)to;
    return ASSAY_OK;
}

/* Counts frames; forgets after the third. */
static assay_status state_count(inspection_of from, answer to) {
    (void)from;
    double *before = NULL;
    size_t count = 0;
    double now = 1.0;
    if (assay_state_get_numbers("frames", &before, &count) && count == 1) {
        now += before[0];
    }
    if (now < 3.0) {
        ASSAY_TRY(assay_state_set_numbers("frames", &now, 1));
    } else {
        assay_state_delete("frames");
    }
    report(to, "frames", "count", now, 1000.0);
    return ASSAY_OK;
}

/* Every byte comes back. */
static assay_status state_bytes(inspection_of from, answer to) {
    (void)from;
    uint8_t values[256];
    for (unsigned at = 0; at < 256; at++) {
        values[at] = (uint8_t)at;
    }
    ASSAY_TRY(assay_state_set("bytes", values, sizeof values));
    uint8_t *found = NULL;
    size_t count = 0;
    double weighted = 0.0;
    if (assay_state_get("bytes", &found, &count)) {
        for (size_t at = 0; at < count; at++) {
            weighted += (double)at * found[at];
        }
    }
    report(to, "bytes", "weighted", weighted, 1e9);
    return ASSAY_OK;
}

static assay_status state_limit(inspection_of from, answer to) {
    (void)from, (void)to;
    static const uint8_t big[4096] = {7};
    return assay_state_set("big", big, sizeof big);
}

static assay_status state_undone(inspection_of from, answer to) {
    (void)from, (void)to;
    static const double one = 1.0;
    uint8_t *found = NULL;
    size_t count = 0;
    ASSAY_TRY(assay_state_set_numbers("undone", &one, 1));
    if (!assay_state_get("undone", &found, &count)) {
        count = 0;
    }
    return assay_fail(ASSAY_OTHER, "%u is kept for now", (unsigned)count);
}

static const struct {
    const char *name;
    assay_status (*work)(inspection_of from, answer to);
} cases[] = {
    {"inspection", all},          {"reports", reports},         {"quiet", quiet},
    {"state-count", state_count}, {"state-bytes", state_bytes}, {"state-limit", state_limit},
    {"state-undone", state_undone},
};

assay_status assay_observe(const assay_frame *frame, const assay_inspection *inspection,
                           assay_observation *observation) {
    (void)frame;
    for (size_t at = 0; at < sizeof cases / sizeof cases[0]; at++) {
        if (strcmp(wanted, cases[at].name) == 0) {
            return cases[at].work(inspection, observation);
        }
    }
    return assay_bad_setting("case", "a case", wanted);
}
