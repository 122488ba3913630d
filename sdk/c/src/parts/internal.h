/* What the files of the SDK share. A plugin includes only assay.h. */
#ifndef ASSAY_INTERNAL_H
#define ASSAY_INTERNAL_H

#include "assay.h"
#include "world.h"

#include <stdarg.h>

/* What lies in memory of the SDK's. BLOCK_WRITTEN is memory that the host writes into. */
typedef enum block_kind { BLOCK_MEMORY, BLOCK_WRITTEN, BLOCK_IMAGE, BLOCK_TENSOR, BLOCK_MODEL } block_kind;

/* A scope: its blocks are freed together. */
typedef struct block block;
typedef struct scope {
    block *first;
} scope;

/* Memory of the current scope; `bytes` are not zeroed. Traps where there is none. */
void *scope_alloc(size_t bytes);
/* As `realloc`, for memory of the current scope that the host writes into. */
void *scope_realloc(void *old, size_t bytes);
/* A handle of the host as a thing of the current scope. */
void *scope_handle(block_kind kind, int32_t handle);
/* The handle of an image, a tensor or a model; it stays with it. */
int32_t handle_of(const void *thing);
/* The same, given away: freeing the thing does nothing more to the handle. */
int32_t take_handle(void *thing);
/* Marks a thing as given to the host. False where it was given before. */
bool give(void *thing);

/* Between these two, what is made lives as long as the instance. */
void scope_enter_start(void);
void scope_leave_start(bool keep);
/* Frees what the call made. */
void scope_end_call(void);
/* The same, but for what the host wrote: the generated code frees the arguments after the plugin's function has come
 * back. What is left of it goes with the next memory that the generated code frees or takes; handles cannot wait. */
void scope_call_answered(void);
/* What the generated code calls for `free`. */
void generated_free(void *memory);

/* Frees a handle of that kind in the host. */
void drop_handle(block_kind kind, int32_t handle);
/* How a model is freed. Set by the first model, so that a plugin without one does not import `wasi:nn/graph`. */
extern void (*drop_model)(int32_t handle);

/* Zeroed memory that outlives the call's scope: the generated code frees it when the host has read the answer. Traps
 * where there is none; NULL for nothing. */
void *plain_alloc(size_t count, size_t bytes);

/* A list that grows, in the current scope. */
typedef struct growing {
    void *items;
    size_t count;
    size_t capacity;
} growing;

/* Room for one more item at the end, not zeroed. */
void *growing_push(growing *list, size_t item_bytes);

/* Texts of the host, ended with a zero byte, in the current scope. */
char *text_from_wit(wit_string_t text);
/* A text for the host to read during a call; nothing is copied. */
wit_string_t text_borrowed(const char *text);
/* A text for the host to read after the call. */
wit_string_t text_copied(const char *text);
char *copy_text(const char *text);
/* As `assay_format`. */
char *format_args(const char *format, va_list args);

/* Keeps a reason that the host gave. */
assay_status fail_with(assay_status status, wit_string_t text);

assay_attributes attributes_from_wit(wit_attributes_t from);
wit_attributes_t attributes_copied(assay_attributes from);
assay_tensors tensors_from_wit(wit_tensors_t from);
assay_frame frame_from_wit(const wit_frame_t *from);
assay_image *picture_from_wit(int32_t handle);

/* What every world's answer has: things by name, attributes, and what was wrong first. All in the call's scope. */
typedef struct named {
    const char *name;
    void *thing;
} named;

typedef struct answer {
    /* Of assay_attribute. */
    growing attributes;
    /* Pictures for a person; of `named`. */
    growing images;
    /* ASSAY_OK, or why the answer cannot be given. */
    assay_status wrong;
    const char *reason;
} answer;

void answer_attribute(answer *to, const char *key, const char *value);
/* A thing that goes to the host with the answer. */
void answer_thing(answer *to, growing *list, const char *name, void *thing);
/* Notes a thing that was given before. */
bool answer_give(answer *to, const char *name, void *thing);
/* The attributes of a finding or a report, copied. */
assay_attributes attributes_kept(assay_attributes from);
/* A text that may be missing. */
const char *optional_text(const char *text);

/* Runs `assay_start` where it has not succeeded yet. */
assay_status ensure_started(void);
/* The status as the world's error; the reason is the last one. */
void error_to_wit(assay_status status, wit_error_t *error);

#endif
