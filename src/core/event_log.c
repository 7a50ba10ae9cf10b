/*
 * Making an event log and finding its slowest consumer; what runs for each event is in the header.
 */
#include "core/event_log.h"

#include <errno.h>

int oc_event_log_init(struct oc_event_log *log, struct oc_arena *arena, uint32_t capacity)
{
    OC_ASSERT(capacity >= 2);
    OC_ASSERT((capacity & (capacity - 1)) == 0);
    OC_ASSERT((uintptr_t)log % OC_CACHE_LINE_BYTES == 0);
    log->events = oc_arena_alloc(arena, capacity, sizeof(*log->events), 0);
    if (log->events == NULL) {
        return -ENOMEM;
    }
    log->capacity = capacity;
    log->consumer_count = 0;
    log->claimed = 0;
    log->slowest_seen = 0;
    /* Starting the threads orders this before anything that they do. */
    atomic_init(&log->published, 0);
    return 0;
}

uint32_t oc_event_log_add_consumer(struct oc_event_log *log)
{
    uint32_t consumer = log->consumer_count;

    OC_ASSERT(consumer < OC_EVENT_LOG_CONSUMERS_MAX);
    atomic_init(&log->cursors[consumer].released,
                atomic_load_explicit(&log->published, memory_order_relaxed));
    log->consumer_count++;
    return consumer;
}

uint32_t oc_event_log_room(struct oc_event_log *log)
{
    /* Relaxed: the writer is the only one who writes `published`. No cursor is ahead of it, so it
     * is the right start of a minimum, and the answer when there are no consumers. */
    uint64_t slowest = atomic_load_explicit(&log->published, memory_order_relaxed);

    for (uint32_t consumer = 0; consumer < log->consumer_count; consumer++) {
        /* Pairs with the release store in oc_event_log_release: what this consumer read out of the
         * slots happened before we overwrite them. */
        uint64_t released = atomic_load_explicit(&log->cursors[consumer].released,
                                                 memory_order_acquire);

        if (released < slowest) {
            slowest = released;
        }
    }
    OC_ASSERT(slowest >= log->slowest_seen);
    log->slowest_seen = slowest;
    return (uint32_t)(log->capacity - (log->claimed - slowest));
}
