/* Findings, in both directions. The world `preprocessor` has none. */
#ifndef ASSAY_FINDING_H
#define ASSAY_FINDING_H

#include "internal.h"

#ifndef ASSAY_WORLD_preprocessor
/* The finding with all its texts, in the current scope. */
assay_finding finding_kept(const assay_finding *from);
void finding_to_wit(const assay_finding *from, wit_finding_t *to);
assay_finding finding_from_wit(const wit_finding_t *from);
#endif

#endif
