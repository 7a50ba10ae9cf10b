/*
 * The arena's blocks, which come from calloc.
 *
 * For blocks of this size the C library maps fresh zero pages and leaves them untouched, which is
 * all that is needed here, and keeps this room free of operating system headers.
 */
#include "core/arena.h"

#include <stdint.h>
#include <stdlib.h>

#include "core/assert.h"

/* Well above the size from which the C library maps memory instead of reusing a heap. */
#define ARENA_BLOCK_BYTES ((size_t)1 << 20)

#define ARENA_ALIGN_MAX 4096U

struct oc_arena_block {
    struct oc_arena_block *next;
};

static void *arena_place(struct oc_arena *arena, size_t bytes, size_t align);
static bool arena_grow(struct oc_arena *arena, size_t bytes, size_t align);
static size_t padding(const unsigned char *at, size_t align);

void oc_arena_init(struct oc_arena *arena)
{
    *arena = (struct oc_arena){.blocks = NULL};
}

void *oc_arena_alloc(struct oc_arena *arena, size_t count, size_t size, size_t align)
{
    size_t bytes;
    void *memory;

    if (align == 0) {
        align = OC_CACHE_LINE_BYTES;
    }
    OC_ASSERT(!arena->sealed);
    OC_ASSERT((align & (align - 1)) == 0);
    OC_ASSERT(align <= ARENA_ALIGN_MAX);
    if (__builtin_mul_overflow(count, size, &bytes)) {
        return NULL;
    }
    memory = arena_place(arena, bytes, align);
    if (memory == NULL && arena_grow(arena, bytes, align)) {
        memory = arena_place(arena, bytes, align);
        OC_ASSERT(memory != NULL);
    }
    return memory;
}

void oc_arena_seal(struct oc_arena *arena)
{
    arena->sealed = true;
}

size_t oc_arena_bytes(const struct oc_arena *arena)
{
    return arena->used_bytes;
}

void oc_arena_deinit(struct oc_arena *arena)
{
    struct oc_arena_block *block = arena->blocks;

    while (block != NULL) {
        struct oc_arena_block *next = block->next;

        free(block);
        block = next;
    }
    oc_arena_init(arena);
}

/* Cuts `bytes` off the present block, or returns NULL when they do not fit. */
static void *arena_place(struct oc_arena *arena, size_t bytes, size_t align)
{
    size_t pad_bytes;
    unsigned char *memory;

    if (arena->next == NULL) {
        return NULL;
    }
    pad_bytes = padding(arena->next, align);
    if (pad_bytes > arena->left_bytes || bytes > arena->left_bytes - pad_bytes) {
        return NULL;
    }
    memory = arena->next + pad_bytes;
    arena->next = memory + bytes;
    arena->left_bytes -= pad_bytes + bytes;
    arena->used_bytes += pad_bytes + bytes;
    return memory;
}

/* Makes a new block, in which `bytes` fit, the present one. What is left of the old one is given
 * up: it was never touched beyond a page, so it costs address space only. */
static bool arena_grow(struct oc_arena *arena, size_t bytes, size_t align)
{
    size_t block_bytes;
    struct oc_arena_block *block;

    if (__builtin_add_overflow(bytes, sizeof(*block) + align, &block_bytes)) {
        return false;
    }
    if (block_bytes < ARENA_BLOCK_BYTES) {
        block_bytes = ARENA_BLOCK_BYTES;
    }
    block = calloc(1, block_bytes);
    if (block == NULL) {
        return false;
    }
    block->next = arena->blocks;
    arena->blocks = block;
    arena->next = (unsigned char *)(block + 1);
    arena->left_bytes = block_bytes - sizeof(*block);
    return true;
}

static size_t padding(const unsigned char *at, size_t align)
{
    return (align - ((uintptr_t)at & (align - 1))) & (align - 1);
}
