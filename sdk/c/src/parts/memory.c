/* Memory that is freed when the call ends, and what the host writes into. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

/* Stands before everything that the SDK gives. 16 bytes, so that what follows is aligned for every type. */
struct block {
    /* Both NULL, with `linked` false, where it was taken out of its scope. */
    block *previous;
    block *next;
    int32_t handle;
    uint8_t kind;
    bool linked;
    bool given;
    bool of_start;
};

_Static_assert(sizeof(block) == 16 || sizeof(void *) != 4, "what follows a block is aligned to 16 bytes");

static scope call_scope;
static scope instance_scope;
static bool starting;
/* The call is over but for what the host wrote. */
static bool answered;

static block *block_of(const void *thing) {
    return (block *)thing - 1;
}

static void link_block(block *at) {
    scope *into = starting ? &instance_scope : &call_scope;
    at->of_start = starting;
    at->linked = true;
    at->previous = NULL;
    at->next = into->first;
    if (into->first != NULL) {
        into->first->previous = at;
    }
    into->first = at;
}

static void unlink_block(block *at) {
    if (!at->linked) {
        return;
    }
    scope *from = at->of_start ? &instance_scope : &call_scope;
    if (at->previous != NULL) {
        at->previous->next = at->next;
    } else {
        from->first = at->next;
    }
    if (at->next != NULL) {
        at->next->previous = at->previous;
    }
    at->previous = at->next = NULL;
    at->linked = false;
}

static block *new_block(block_kind kind, int32_t handle, size_t bytes) {
    if (bytes > SIZE_MAX - sizeof(block)) {
        __builtin_trap();
    }
    block *made = malloc(sizeof(block) + bytes);
    if (made == NULL) {
        __builtin_trap();
    }
    *made = (block){.handle = handle, .kind = (uint8_t)kind};
    link_block(made);
    return made;
}

/* A block whose handle went to the host has the handle -1. */
static void free_block(block *at) {
    if (at->handle >= 0) {
        drop_handle((block_kind)at->kind, at->handle);
    }
    free(at);
}

static void free_scope(scope *ending) {
    block *at = ending->first;
    ending->first = NULL;
    while (at != NULL) {
        block *next = at->next;
        free_block(at);
        at = next;
    }
}

void *scope_alloc(size_t bytes) {
    return new_block(BLOCK_MEMORY, -1, bytes) + 1;
}

void *scope_handle(block_kind kind, int32_t handle) {
    return new_block(kind, handle, 0) + 1;
}

int32_t handle_of(const void *thing) {
    return block_of(thing)->handle;
}

int32_t take_handle(void *thing) {
    int32_t handle = block_of(thing)->handle;
    block_of(thing)->handle = -1;
    return handle;
}

bool give(void *thing) {
    block *at = block_of(thing);
    if (at->given || at->handle < 0) {
        return false;
    }
    at->given = true;
    /* What was kept comes back: the call that gives it away ends it. */
    unlink_block(at);
    link_block(at);
    return true;
}

void scope_enter_start(void) {
    starting = true;
}

void scope_leave_start(bool keep) {
    starting = false;
    if (!keep) {
        free_scope(&instance_scope);
    }
}

void scope_end_call(void) {
    free_scope(&call_scope);
}

void scope_call_answered(void) {
    for (block *at = call_scope.first; at != NULL;) {
        block *next = at->next;
        if (at->kind != BLOCK_WRITTEN) {
            unlink_block(at);
            free_block(at);
        }
        at = next;
    }
    answered = true;
}

static void end_answered(void) {
    if (answered) {
        answered = false;
        scope_end_call();
    }
}

void generated_free(void *memory) {
    assay_free(memory);
    end_answered();
}

void *plain_alloc(size_t count, size_t bytes) {
    if (count == 0) {
        return NULL;
    }
    if (count > SIZE_MAX / 2 / bytes) {
        __builtin_trap();
    }
    return assay_keep(assay_alloc(count * bytes));
}

void *growing_push(growing *list, size_t item_bytes) {
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 4 : list->capacity * 2;
        if (capacity > SIZE_MAX / 2 / item_bytes) {
            __builtin_trap();
        }
        void *larger = scope_alloc(capacity * item_bytes);
        if (list->count > 0) {
            memcpy(larger, list->items, list->count * item_bytes);
        }
        assay_free(list->items);
        list->items = larger;
        list->capacity = capacity;
    }
    return (char *)list->items + item_bytes * list->count++;
}

void *assay_alloc(size_t bytes) {
    return memset(scope_alloc(bytes), 0, bytes);
}

void assay_free(const void *thing) {
    if (thing == NULL || block_of(thing)->given) {
        return;
    }
    unlink_block(block_of(thing));
    free_block(block_of(thing));
}

void *assay_keep(void *thing) {
    if (thing != NULL && !block_of(thing)->given) {
        unlink_block(block_of(thing));
    }
    return thing;
}

void *scope_realloc(void *old, size_t bytes) {
    end_answered();
    if (old == NULL) {
        return new_block(BLOCK_WRITTEN, -1, bytes) + 1;
    }
    unlink_block(block_of(old));
    if (bytes > SIZE_MAX - sizeof(block)) {
        __builtin_trap();
    }
    block *moved = realloc(block_of(old), sizeof(block) + bytes);
    if (moved == NULL) {
        __builtin_trap();
    }
    link_block(moved);
    return moved + 1;
}
