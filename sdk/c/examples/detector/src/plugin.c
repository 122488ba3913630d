/* Detector: raises a finding where the picture is brighter than a limit. */
#include <assay.h>

static double limit = 0.8;

assay_status assay_start(void) {
    return assay_setting_number("limit", 0.0, 1.0, &limit);
}

assay_status assay_detect(const assay_frame *frame, const assay_evidence *evidence, assay_detection *detection) {
    (void)frame;
    double brightness = assay_image_statistics(evidence->picture).mean / 255.0;
    assay_detection_finding(detection, &(assay_finding){
                                           .label = "too-bright",
                                           .score = brightness,
                                           .raised = brightness > limit,
                                           .text = assay_format("brightness %.2f, limit %.2f", brightness, limit),
                                       });
    return ASSAY_OK;
}
