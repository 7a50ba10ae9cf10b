/*
 * The event log: one writer, several readers, every reader sees every event in the same order.
 *
 * A ring of events with a cursor for each consumer. The writer may overwrite an event only when the
 * slowest cursor has passed it, so it asks for room before it applies a command and stops taking
 * commands when there is none: nothing is ever dropped. On one thread all this is plain loads and
 * stores; across threads the same code is correct, because each position has one writer.
 * The log does not know which watermarks (applied, durable, replicated) hold a consumer back.
 */
#ifndef OC_CORE_EVENT_LOG_H
#define OC_CORE_EVENT_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/assert.h"
#include "core/event.h"

/** Io threads, journal, feed, drop copy and replication; the writer's scan is this long. */
#define OC_EVENT_LOG_CONSUMERS_MAX 16U

/** Written by its consumer's thread alone, read by the writer. */
struct oc_event_log_cursor {
    _Alignas(OC_CACHE_LINE_BYTES) _Atomic uint64_t released; /* events that it has done with */
};

/** The first group is constant once threads run; every other cache line has one writing thread. */
struct oc_event_log {
    struct oc_event *events;
    uint64_t capacity; /* a power of two */
    uint32_t consumer_count;

    /* The writer's own. */
    _Alignas(OC_CACHE_LINE_BYTES) uint64_t claimed; /* events handed to the writer to fill */
    uint64_t slowest_seen;                          /* lowest cursor when last looked at */

    /* Written by the writer: events that consumers may read. */
    _Alignas(OC_CACHE_LINE_BYTES) _Atomic uint64_t published;

    struct oc_event_log_cursor cursors[OC_EVENT_LOG_CONSUMERS_MAX];
};

/**
 * Make an empty log without consumers.
 *
 * @capacity  events, a power of two from 2 to 2^31.
 * Returns 0 or -ENOMEM. The events live in the arena; the log itself must be aligned to
 * OC_CACHE_LINE_BYTES.
 */
int oc_event_log_init(struct oc_event_log *log, struct oc_arena *arena, uint32_t capacity);

/**
 * Add a consumer, which sees the events published from now on. All consumers are required: the
 * writer waits for the slowest. Without any, an event is free again as soon as it is published.
 *
 * Returns the consumer's number, from 0. Asserts that there are fewer than
 * OC_EVENT_LOG_CONSUMERS_MAX. Before other threads use the log.
 */
uint32_t oc_event_log_add_consumer(struct oc_event_log *log);

/**
 * Free slots before the slowest cursor, exactly: looks at every cursor. Writer only.
 */
uint32_t oc_event_log_room(struct oc_event_log *log);

/**
 * Whether `count` more events fit. Looks at the cursors only when what it knows does not suffice,
 * so it may be asked for every event. Writer only.
 */
static inline bool oc_event_log_has_room(struct oc_event_log *log, uint32_t count)
{
    return log->capacity - (log->claimed - log->slowest_seen) >= count ||
           oc_event_log_room(log) >= count;
}

/**
 * The next slot for the writer to fill; successive claims give successive slots. It holds an old
 * event: the writer sets every byte that a reader may look at. No consumer sees it before
 * oc_event_log_publish.
 *
 * Asserts that there is room. Never NULL. Writer only.
 */
static inline struct oc_event *oc_event_log_claim(struct oc_event_log *log)
{
    OC_ASSERT(oc_event_log_has_room(log, 1));
    return &log->events[log->claimed++ & (log->capacity - 1)];
}

/**
 * Show the consumers every event that was claimed. Once for each batch. Writer only.
 */
static inline void oc_event_log_publish(struct oc_event_log *log)
{
    /* Pairs with the acquire load in oc_event_log_read: a consumer that sees the new position sees
     * the events before it. */
    atomic_store_explicit(&log->published, log->claimed, memory_order_release);
}

/**
 * What `consumer` has not released yet, oldest first.
 *
 * @events  out: the first of them; untouched when there is none. Borrowed until they are released.
 * Returns how many stand there in a row; more may stand at the start of the ring, which the next
 * call after their release shows. 0: the log was empty for this consumer at the time of the call.
 * That consumer's thread only.
 */
static inline uint32_t oc_event_log_read(struct oc_event_log *log, uint32_t consumer,
                                         const struct oc_event **events)
{
    uint64_t published;
    uint64_t released;
    uint64_t slot;
    uint64_t row_count;

    OC_ASSERT(consumer < log->consumer_count);
    /* Pairs with the release store in oc_event_log_publish. */
    published = atomic_load_explicit(&log->published, memory_order_acquire);
    /* Relaxed: this thread is the only one that writes its cursor. */
    released = atomic_load_explicit(&log->cursors[consumer].released, memory_order_relaxed);
    if (published == released) {
        return 0;
    }
    slot = released & (log->capacity - 1);
    row_count = log->capacity - slot;
    *events = &log->events[slot];
    return (uint32_t)(published - released < row_count ? published - released : row_count);
}

/**
 * `consumer` has done with its `count` oldest events.
 *
 * @count  at most what oc_event_log_read returned, over all releases since it; asserted against
 *         what is published.
 * That consumer's thread only.
 */
static inline void oc_event_log_release(struct oc_event_log *log, uint32_t consumer, uint32_t count)
{
    struct oc_event_log_cursor *cursor = &log->cursors[consumer];
    uint64_t released = atomic_load_explicit(&cursor->released, memory_order_relaxed);

    OC_ASSERT(consumer < log->consumer_count);
    /* Relaxed: only the number is compared, the events were acquired by oc_event_log_read. */
    OC_ASSERT(count <= atomic_load_explicit(&log->published, memory_order_relaxed) - released);
    /* Pairs with the acquire load in oc_event_log_room: our reads of the events are done before the
     * writer can see their slots free. */
    atomic_store_explicit(&cursor->released, released + count, memory_order_release);
}

#endif
