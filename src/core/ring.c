/*
 * Making a ring; the two sides' operations are in the header, where callers can inline them.
 */
#include "core/ring.h"

#include <errno.h>

int oc_ring_init(struct oc_ring *ring, struct oc_arena *arena, uint32_t capacity,
                 size_t element_size)
{
    OC_ASSERT(capacity > 0);
    OC_ASSERT((capacity & (capacity - 1)) == 0);
    OC_ASSERT(element_size > 0);
    OC_ASSERT((uintptr_t)ring % OC_CACHE_LINE_BYTES == 0);
    ring->elements = oc_arena_alloc(arena, capacity, element_size, 0);
    if (ring->elements == NULL) {
        return -ENOMEM;
    }
    ring->capacity = capacity;
    ring->element_size = element_size;
    ring->claimed = 0;
    ring->released_seen = 0;
    ring->published_seen = 0;
    /* Starting the two threads orders these before anything that they do. */
    atomic_init(&ring->published, 0);
    atomic_init(&ring->released, 0);
    return 0;
}
