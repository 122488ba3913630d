/* All of the SDK for the world that -DASSAY_WORLD_... names, as the one file that a plugin's build compiles. */
#include "parts/answer.c"
#include "parts/detector.c"
#include "parts/finding.c"
#include "parts/image.c"
#include "parts/memory.c"
#include "parts/model.c"
#include "parts/monitor.c"
#include "parts/preprocessor.c"
#include "parts/settings.c"
#include "parts/tensor.c"
#include "parts/text.c"

/* What the host writes into the plugin's memory is freed with the call too: the generated `cabi_realloc`, which the host
 * calls, takes memory of the scope. */
#include <stdlib.h>
#define realloc(old, bytes) scope_realloc(old, bytes)

#if defined(ASSAY_WORLD_preprocessor)
#include "../gen/preprocessor.c"
#elif defined(ASSAY_WORLD_detector)
#include "../gen/detector.c"
#else
#include "../gen/monitor.c"
#endif
