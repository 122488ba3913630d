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

/* The generated code takes and frees memory of the SDK's: what the host writes into the plugin's memory through
 * `cabi_realloc` belongs to the call and is freed with it. */
#include <stdlib.h>
#define realloc(old, bytes) scope_realloc(old, bytes)
#define free(memory) generated_free(memory)

#if defined(ASSAY_WORLD_preprocessor)
#include "../gen/preprocessor.c"
#elif defined(ASSAY_WORLD_detector)
#include "../gen/detector.c"
#else
#include "../gen/monitor.c"
#endif
