/* Native test of what is freed when: with a host that only counts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long allocated;

static void *counted_malloc(size_t bytes) {
    allocated++;
    return malloc(bytes);
}

static void counted_free(void *memory) {
    allocated -= memory != NULL;
    free(memory);
}

#define malloc(bytes) counted_malloc(bytes)
#define free(memory) counted_free(memory)
#include "../src/parts/memory.c"
#undef malloc
#undef free

static int dropped[100];

void drop_handle(block_kind kind, int32_t handle) {
    (void)kind;
    dropped[handle]++;
}

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static void a_call_frees_what_it_made(void) {
    for (int call = 0; call < 3; call++) {
        memset(assay_alloc(100), 7, 100);
        scope_handle(BLOCK_IMAGE, 1);
        assay_free(scope_handle(BLOCK_TENSOR, 2));
        CHECK(dropped[2] == call + 1);
        scope_end_call();
        CHECK(allocated == 0 && dropped[1] == call + 1 && dropped[2] == call + 1);
    }
}

static void what_is_kept_stays_until_it_is_freed(void) {
    void *image = assay_keep(scope_handle(BLOCK_IMAGE, 3));
    scope_end_call();
    CHECK(allocated == 1 && dropped[3] == 0 && handle_of(image) == 3);
    assay_free(image);
    CHECK(allocated == 0 && dropped[3] == 1);
    assay_free(NULL);
    CHECK(assay_keep(NULL) == NULL);
}

static void what_was_given_is_the_hosts(void) {
    void *image = scope_handle(BLOCK_IMAGE, 4);
    CHECK(give(image) && !give(image));
    assay_free(image);
    CHECK(take_handle(image) == 4 && !give(image));
    scope_end_call();
    CHECK(allocated == 0 && dropped[4] == 0);

    /* Given, but the call failed before its answer was made: nobody else frees it. */
    void *kept = assay_keep(scope_handle(BLOCK_IMAGE, 5));
    CHECK(give(kept));
    scope_end_call();
    CHECK(allocated == 0 && dropped[5] == 1);
}

static void what_start_makes_outlives_calls_unless_it_fails(void) {
    scope_enter_start();
    scope_handle(BLOCK_MODEL, 6);
    assay_alloc(10);
    scope_leave_start(false);
    CHECK(allocated == 0 && dropped[6] == 1);

    scope_enter_start();
    void *model = scope_handle(BLOCK_MODEL, 7);
    scope_leave_start(true);
    assay_alloc(10);
    scope_end_call();
    CHECK(allocated == 1 && handle_of(model) == 7);
    assay_free(model);
    CHECK(allocated == 0 && dropped[7] == 1);
}

static void lists_grow_with_their_items(void) {
    growing list = {0};
    for (int i = 0; i < 1000; i++) {
        *(int *)growing_push(&list, sizeof(int)) = i;
    }
    for (int i = 0; i < 1000; i++) {
        CHECK(((int *)list.items)[i] == i);
    }
    CHECK(list.count == 1000 && allocated == 1);
    scope_end_call();
    CHECK(allocated == 0);
}

static void an_answers_memory_outlives_the_call(void) {
    CHECK(plain_alloc(0, 8) == NULL);
    char *text = plain_alloc(3, 1);
    CHECK(text[0] == 0 && text[2] == 0);
    scope_end_call();
    CHECK(allocated == 1);
    assay_free(text);
    CHECK(allocated == 0);
}

/* As the generated code does it: the arguments are freed after the answer, then the answer. */
static void arguments_are_freed_once(void) {
    for (int call = 0; call < 3; call++) {
        void *arguments = scope_realloc(NULL, 100);
        memset(scope_realloc(NULL, 10), 7, 10);
        assay_alloc(10);
        scope_handle(BLOCK_IMAGE, 8);
        void *answer = plain_alloc(3, 1);
        scope_call_answered();
        CHECK(allocated == 3 && dropped[8] == call + 1);
        generated_free(arguments);
        CHECK(allocated == 1);
        generated_free(answer);
        CHECK(allocated == 0);
    }
}

/* Few arguments come without memory of their own, and an empty answer has none to free. */
static void what_the_host_wrote_goes_with_the_next_call_at_last(void) {
    for (int call = 0; call < 3; call++) {
        memset(scope_realloc(NULL, 10), 7, 10);
        scope_handle(BLOCK_IMAGE, 9);
        CHECK(allocated == 2 && dropped[9] == call);
        scope_call_answered();
        CHECK(allocated == 1 && dropped[9] == call + 1);
    }
    generated_free(NULL);
    CHECK(allocated == 0);
}

static void what_the_host_writes_moves_with_its_bytes(void) {
    char *text = scope_realloc(NULL, 4);
    memcpy(text, "abc", 4);
    text = scope_realloc(text, 4000);
    CHECK(strcmp(text, "abc") == 0);
    scope_end_call();
    CHECK(allocated == 0);
}

int main(void) {
    a_call_frees_what_it_made();
    what_is_kept_stays_until_it_is_freed();
    what_was_given_is_the_hosts();
    what_start_makes_outlives_calls_unless_it_fails();
    lists_grow_with_their_items();
    an_answers_memory_outlives_the_call();
    arguments_are_freed_once();
    what_the_host_wrote_goes_with_the_next_call_at_last();
    what_the_host_writes_moves_with_its_bytes();
    puts("memory: all freed");
    return 0;
}
