/*
 * The arena: all memory of a thread, taken at start and given back at its end.
 *
 * Allocations are zeroed because a block comes from the operating system as zero pages that cost no
 * memory until they are touched: a table sized for a million orders costs what its orders use.
 * There is no free of one allocation. After the seal an allocation is a programmer error.
 */
#ifndef OC_CORE_ARENA_H
#define OC_CORE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

/** What two threads must not share. Also the alignment of an allocation that names none. */
#define OC_CACHE_LINE_BYTES 64

struct oc_arena_block;

/** Belongs to one thread at a time. */
struct oc_arena {
    struct oc_arena_block *blocks; /* newest first, for deinit only */
    unsigned char *next;           /* free part of the block that small allocations come from */
    size_t left_bytes;
    size_t used_bytes;
    bool sealed;
};

/**
 * Make an empty arena. Takes no memory yet.
 */
void oc_arena_init(struct oc_arena *arena);

/**
 * Allocate a zeroed array.
 *
 * @count, @size  elements and bytes of each; if either is 0 the result is a valid pointer to no
 *                bytes.
 * @align         a power of two of at most 4096, or 0 for OC_CACHE_LINE_BYTES.
 * Returns the array, or NULL when the product overflows or the system refuses the memory. The arena
 * owns it, until oc_arena_deinit. Asserts that the arena is not sealed.
 * Pages of a large array are not touched here.
 */
void *oc_arena_alloc(struct oc_arena *arena, size_t count, size_t size, size_t align);

/**
 * From here on an allocation asserts: the hot path takes no memory.
 */
void oc_arena_seal(struct oc_arena *arena);

/**
 * Bytes handed out, with the padding of alignment: address space, not resident memory.
 */
size_t oc_arena_bytes(const struct oc_arena *arena);

/**
 * Give all memory back and leave the arena as after init. Every pointer into it is dead.
 */
void oc_arena_deinit(struct oc_arena *arena);

#endif
