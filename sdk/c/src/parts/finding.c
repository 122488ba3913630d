/* Findings, in both directions. */
#include "finding.h"

#ifndef ASSAY_WORLD_preprocessor

#include <math.h>

/* What is no number becomes 1, so that a broken measurement is seen. */
static float unit(double score) {
    if (isnan(score)) {
        return 1.0f;
    }
    return score < 0.0 ? 0.0f : score > 1.0 ? 1.0f : (float)score;
}

assay_finding finding_kept(const assay_finding *from) {
    assay_finding to = *from;
    to.label = copy_text(from->label);
    to.text = optional_text(from->text);
    to.attributes = attributes_kept(from->attributes);
    if (from->region != NULL) {
        assay_region *region = scope_alloc(sizeof *region);
        *region = *from->region;
        to.region = region;
    }
    return to;
}

void finding_to_wit(const assay_finding *from, wit_finding_t *to) {
    to->label = text_copied(from->label);
    to->score = unit(from->score);
    to->raised = from->raised;
    to->region.is_some = from->region != NULL;
    if (from->region != NULL) {
        to->region.val = (assay_plugin_types_region_t){from->region->x, from->region->y, from->region->width,
                                                       from->region->height};
    }
    to->text.is_some = from->text != NULL;
    if (from->text != NULL) {
        to->text.val = text_copied(from->text);
    }
    wit_attributes_t attributes = attributes_copied(from->attributes);
    to->attributes.ptr = attributes.ptr;
    to->attributes.len = attributes.len;
}

assay_finding finding_from_wit(const wit_finding_t *from) {
    assay_region *region = NULL;
    if (from->region.is_some) {
        region = scope_alloc(sizeof *region);
        *region = (assay_region){from->region.val.x, from->region.val.y, from->region.val.width,
                                 from->region.val.height};
    }
    wit_attributes_t attributes = {from->attributes.ptr, from->attributes.len};
    return (assay_finding){
        .label = text_from_wit(from->label),
        .score = (double)from->score,
        .raised = from->raised,
        .region = region,
        .text = from->text.is_some ? text_from_wit(from->text.val) : NULL,
        .attributes = attributes_from_wit(attributes),
    };
}

#endif
