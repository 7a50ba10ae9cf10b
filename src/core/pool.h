/*
 * A pool of 32-bit indices: which slots of a table are in use.
 *
 * The pool owns only the bookkeeping (4 bytes for each slot); the table beside it is the caller's.
 * The index given back last is taken first, because its slot is the one most likely still in cache.
 * Indices that were never taken come from a counter, so that slots beyond the high-water mark are
 * never touched and cost no memory. Same calls, same indices: replay depends on it.
 */
#ifndef OC_CORE_POOL_H
#define OC_CORE_POOL_H

#include <stdint.h>

#include "core/arena.h"
#include "core/assert.h"
#include "core/types.h"

/** Stands in the link of a taken index, so that a second give of the same index is noticed. */
#define OC_POOL_TAKEN UINT32_MAX

/** Belongs to one thread. */
struct oc_pool {
    uint32_t *links; /* OC_POOL_TAKEN, or 1 + the next free index with 0 for the end */
    uint32_t capacity;
    uint32_t fresh;     /* indices from here on were never taken */
    uint32_t free_link; /* 1 + the index given back last; 0: none */
    uint32_t used;
};

/**
 * Make a pool of the indices 0 to capacity - 1, none of them taken.
 *
 * @capacity  0 to 2^32 - 2.
 * Returns 0 or -ENOMEM. The links live in the arena.
 */
int oc_pool_init(struct oc_pool *pool, struct oc_arena *arena, uint32_t capacity);

/**
 * Take an index. Returns OC_INDEX_NONE when all are in use. The slot behind it is as the previous
 * owner left it. O(1).
 */
static inline uint32_t oc_pool_take(struct oc_pool *pool)
{
    uint32_t index;

    if (pool->free_link != 0) {
        index = pool->free_link - 1;
        pool->free_link = pool->links[index];
    } else if (pool->fresh < pool->capacity) {
        index = pool->fresh++;
    } else {
        return OC_INDEX_NONE;
    }
    pool->links[index] = OC_POOL_TAKEN;
    pool->used++;
    return index;
}

/**
 * Give a taken index back; it is the next one to be taken. Asserts that it is taken. O(1).
 */
static inline void oc_pool_give(struct oc_pool *pool, uint32_t index)
{
    OC_ASSERT(index < pool->fresh);
    OC_ASSERT(pool->links[index] == OC_POOL_TAKEN);
    pool->links[index] = pool->free_link;
    pool->free_link = index + 1;
    pool->used--;
}

/** Indices in use. */
static inline uint32_t oc_pool_used(const struct oc_pool *pool)
{
    return pool->used;
}

/** Indices in all. */
static inline uint32_t oc_pool_capacity(const struct oc_pool *pool)
{
    return pool->capacity;
}

#endif
