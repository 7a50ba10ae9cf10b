/*
 * A ring of fixed-size elements from one thread to one other, without locks.
 *
 * Positions count up for ever (64 bits do not wrap) and are masked only to find a slot, so full and
 * empty need no spare slot. Each side keeps its own copy of the other's position and looks at the
 * shared one only when its copy says "full" or "empty": that look is the expensive cache miss. The
 * producer publishes in batches for the same reason. The ring never blocks and never wakes anybody;
 * waiting is the business of those who use it.
 */
#ifndef OC_CORE_RING_H
#define OC_CORE_RING_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/assert.h"

/**
 * Shared by two threads. The first group is constant after init; of the others each cache line has
 * one writer. `published` and `released` are the only fields that both sides touch.
 */
struct oc_ring {
    unsigned char *elements;
    uint64_t capacity; /* a power of two */
    size_t element_size;

    /* The producer's own. */
    _Alignas(OC_CACHE_LINE_BYTES) uint64_t claimed; /* elements handed to the producer to fill */
    uint64_t released_seen;                         /* its copy of `released` */

    /* Written by the producer: elements that the consumer may read. */
    _Alignas(OC_CACHE_LINE_BYTES) _Atomic uint64_t published;

    /* The consumer's own: its copy of `published`. */
    _Alignas(OC_CACHE_LINE_BYTES) uint64_t published_seen;

    /* Written by the consumer: elements that the producer may overwrite. */
    _Alignas(OC_CACHE_LINE_BYTES) _Atomic uint64_t released;
};

/**
 * Make an empty ring, before either thread uses it.
 *
 * @capacity      elements, a power of two from 1 to 2^31.
 * @element_size  bytes, at least 1. Elements stand at multiples of it from a cache line's start.
 * Returns 0 or -ENOMEM. The elements live in the arena; the ring itself must be aligned to
 * OC_CACHE_LINE_BYTES.
 */
int oc_ring_init(struct oc_ring *ring, struct oc_arena *arena, uint32_t capacity,
                 size_t element_size);

/**
 * The next free slot for the producer to fill; successive claims give successive slots. The
 * consumer sees none of them before oc_ring_publish.
 *
 * Returns NULL when the ring is full (unpublished claims count). A slot holds what was there
 * before. Producer only.
 */
static inline void *oc_ring_claim(struct oc_ring *ring)
{
    if (ring->claimed - ring->released_seen == ring->capacity) {
        /* Pairs with the release store in oc_ring_release: what the consumer read out of these
         * slots happened before we overwrite them. */
        ring->released_seen = atomic_load_explicit(&ring->released, memory_order_acquire);
        if (ring->claimed - ring->released_seen == ring->capacity) {
            return NULL;
        }
    }
    return ring->elements + (ring->claimed++ & (ring->capacity - 1)) * ring->element_size;
}

/**
 * How many elements could be claimed now, exactly: looks at the consumer's position. Producer only.
 */
static inline uint32_t oc_ring_room(struct oc_ring *ring)
{
    /* Pairs with the release store in oc_ring_release, as in oc_ring_claim. */
    ring->released_seen = atomic_load_explicit(&ring->released, memory_order_acquire);
    return (uint32_t)(ring->capacity - (ring->claimed - ring->released_seen));
}

/**
 * Show the consumer every element that was claimed. Once for each batch. Producer only.
 */
static inline void oc_ring_publish(struct oc_ring *ring)
{
    /* Pairs with the acquire load in oc_ring_peek: a consumer that sees the new position sees the
     * bytes that were written to the slots before it. */
    atomic_store_explicit(&ring->published, ring->claimed, memory_order_release);
}

/**
 * What there is to read, oldest first, without taking it.
 *
 * @elements  out: the first of them; untouched when there is none.
 * Returns how many stand there in a row. 0 means that the ring was empty at the time of the call;
 * otherwise there may be more behind them, which the next peek after a release shows. The elements
 * stay the consumer's until oc_ring_release. Consumer only.
 */
static inline uint32_t oc_ring_peek(struct oc_ring *ring, void **elements)
{
    /* Relaxed: the consumer is the only one who writes `released`. */
    uint64_t released = atomic_load_explicit(&ring->released, memory_order_relaxed);
    uint64_t slot = released & (ring->capacity - 1);
    uint64_t ready_count;
    uint64_t row_count = ring->capacity - slot;

    if (ring->published_seen == released) {
        /* Pairs with the release store in oc_ring_publish. */
        ring->published_seen = atomic_load_explicit(&ring->published, memory_order_acquire);
        if (ring->published_seen == released) {
            return 0;
        }
    }
    ready_count = ring->published_seen - released;
    *elements = ring->elements + slot * ring->element_size;
    return (uint32_t)(ready_count < row_count ? ready_count : row_count);
}

/**
 * Give the `count` oldest elements back to the producer.
 *
 * @count  at most what the last oc_ring_peek returned, over all releases since it.
 * Consumer only.
 */
static inline void oc_ring_release(struct oc_ring *ring, uint32_t count)
{
    uint64_t released = atomic_load_explicit(&ring->released, memory_order_relaxed);

    OC_ASSERT(count <= ring->published_seen - released);
    /* Pairs with the acquire load in oc_ring_claim: our reads of the slots are done before the
     * producer can see them free. */
    atomic_store_explicit(&ring->released, released + count, memory_order_release);
}

#endif
