/* The world `detector`. */
#include "finding.h"

#ifdef ASSAY_WORLD_detector


struct assay_detection {
    answer common;
    /* Of assay_finding. */
    growing findings;
};

void assay_detection_finding(assay_detection *detection, const assay_finding *finding) {
    assay_finding *item = growing_push(&detection->findings, sizeof *item);
    *item = finding_kept(finding);
}

void assay_detection_image(assay_detection *detection, const char *name, assay_image *image) {
    answer_thing(&detection->common, &detection->common.images, name, image);
}

void assay_detection_attribute(assay_detection *detection, const char *key, const char *format, ...) {
    va_list args;
    va_start(args, format);
    answer_attribute(&detection->common, key, format_args(format, args));
    va_end(args);
}

static void answer_to_wit(const assay_detection *from, WIT_EXPORT(detection_t) *to) {
    const assay_finding *findings = from->findings.items;
    const named *images = from->common.images.items;
    to->findings.len = from->findings.count;
    to->findings.ptr = plain_alloc(to->findings.len, sizeof *to->findings.ptr);
    for (size_t i = 0; i < to->findings.len; i++) {
        finding_to_wit(&findings[i], &to->findings.ptr[i]);
    }
    to->images.len = from->common.images.count;
    to->images.ptr = plain_alloc(to->images.len, sizeof *to->images.ptr);
    for (size_t i = 0; i < to->images.len; i++) {
        to->images.ptr[i].f0 = text_copied(images[i].name);
        to->images.ptr[i].f1.__handle = take_handle(images[i].thing);
    }
    to->attributes = attributes_copied(
        (assay_attributes){from->common.attributes.items, from->common.attributes.count});
}

static assay_status run(const wit_frame_t *frame, const WIT_EXPORT(evidence_t) *from, assay_detection *detection) {
    assay_evidence evidence = {.picture = picture_from_wit(from->picture.__handle)};
    evidence.inputs = tensors_from_wit(from->inputs);
    evidence.outputs = tensors_from_wit(from->outputs);
    evidence.attributes = attributes_from_wit(from->attributes);
    ASSAY_TRY(ensure_started());
    assay_frame seen = frame_from_wit(frame);
    ASSAY_TRY(assay_detect(&seen, &evidence, detection));
    return detection->common.wrong == ASSAY_OK ? ASSAY_OK
                                               : assay_fail(detection->common.wrong, "%s", detection->common.reason);
}

bool exports_assay_plugin_detect_detect(wit_frame_t *frame, WIT_EXPORT(evidence_t) *evidence,
                                        WIT_EXPORT(detection_t) *ret, wit_error_t *error) {
    assay_detection detection = {0};
    assay_status status = run(frame, evidence, &detection);
    if (status == ASSAY_OK) {
        answer_to_wit(&detection, ret);
    } else {
        error_to_wit(status, error);
    }
    scope_call_answered();
    return status == ASSAY_OK;
}

#endif
