/*
 * Making a pool of indices; taking and giving are in the header, where callers can inline them.
 */
#include "core/pool.h"

#include <errno.h>

int oc_pool_init(struct oc_pool *pool, struct oc_arena *arena, uint32_t capacity)
{
    uint32_t *links;

    /* 1 + the highest index has to differ from OC_POOL_TAKEN. */
    OC_ASSERT(capacity < OC_POOL_TAKEN);
    links = oc_arena_alloc(arena, capacity, sizeof(*links), 0);
    if (links == NULL) {
        return -ENOMEM;
    }
    *pool = (struct oc_pool){.links = links, .capacity = capacity};
    return 0;
}
