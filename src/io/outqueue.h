/*
 * Bytes on their way out: a pool of 4 KiB chunks and queues of pieces of them.
 *
 * A queue is a list of segments {chunk, offset, size}. Bytes that are sent are copied behind what
 * the connection's last own chunk holds already, so a turn's replies become one piece of memory and
 * one send. A shared chunk is referenced by as many queues as like and freed with its last
 * reference. Nothing ever moves: the kernel may read a queue's head while its tail grows.
 *
 * The same segments hold input that cannot be delivered yet (kind BUFFER is a receive buffer).
 * This file knows nothing of sockets.
 */
#ifndef OC_IO_OUTQUEUE_H
#define OC_IO_OUTQUEUE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "core/arena.h"
#include "core/pool.h"
#include "io/io.h"

/** A shared piece of at most this size is copied if own bytes wait in front of it: a copy of this
 * size costs less than one more element of the vector that the kernel has to walk. */
#define OC_IO__COPY_BYTES_MAX 512U

enum oc_io__segment_kind {
    OC_IO__OWN = 1, /* the last one of a queue grows until its chunk is full */
    OC_IO__SHARED,
    OC_IO__BUFFER, /* `chunk` is the number of a receive buffer */
};

struct oc_io__segment {
    uint32_t next;
    uint32_t chunk;
    uint32_t size;
    uint16_t offset;
    uint8_t kind;
    uint8_t unused;
};

/** Belongs to one connection. */
struct oc_io__queue {
    uint32_t head; /* segment, OC_INDEX_NONE: empty */
    uint32_t tail;
    uint32_t size; /* bytes in all segments */
};

/** Belongs to one instance. */
struct oc_io__chunks {
    struct oc_pool chunk_pool;
    struct oc_pool segment_pool;
    uint32_t *references;
    uint8_t *bytes;
    struct oc_io__segment *segments;
    uint32_t segment_reserve; /* kept for receive buffers: pinning one never fails */
    uint32_t used_max;
};

/**
 * Makes the pool. @segment_count is the number of pieces that all queues hold together;
 * @segment_reserve of them are kept for receive buffers. Returns 0 or -ENOMEM.
 */
int oc_io__chunks_init(struct oc_io__chunks *chunks, struct oc_arena *arena, uint32_t chunk_count,
                       uint32_t segment_count, uint32_t segment_reserve);

/** Takes a chunk with one reference. Returns OC_INDEX_NONE if all are in use. */
uint32_t oc_io__chunk_take(struct oc_io__chunks *chunks);

/** Gives one reference back. */
void oc_io__chunk_release(struct oc_io__chunks *chunks, uint32_t chunk);

static inline uint8_t *oc_io__chunk_bytes(const struct oc_io__chunks *chunks, uint32_t chunk)
{
    return chunks->bytes + (size_t)chunk * OC_IO_CHUNK_BYTES;
}

static inline uint32_t oc_io__chunks_free(const struct oc_io__chunks *chunks)
{
    return oc_pool_capacity(&chunks->chunk_pool) - oc_pool_used(&chunks->chunk_pool);
}

/** Whether a send of `size` bytes to an empty queue would find room. */
bool oc_io__chunks_fit(const struct oc_io__chunks *chunks, uint32_t size);

void oc_io__queue_init(struct oc_io__queue *queue);

static inline bool oc_io__queue_is_empty(const struct oc_io__queue *queue)
{
    return queue->head == OC_INDEX_NONE;
}

/** Appends a copy of the bytes, all or nothing. Returns 0 or -ENOBUFS. */
int oc_io__queue_append(struct oc_io__chunks *chunks, struct oc_io__queue *queue, const void *bytes,
                        uint32_t size);

/** Appends a piece of a shared chunk, by reference or by copy. Returns 0 or -ENOBUFS. */
int oc_io__queue_append_shared(struct oc_io__chunks *chunks, struct oc_io__queue *queue,
                               uint32_t chunk, uint32_t offset, uint32_t size);

/**
 * Appends a segment whose chunk or buffer the queue takes over. A node must be left: one is for a
 * receive buffer (the reserve) and for a segment that was popped just now.
 */
void oc_io__queue_push(struct oc_io__chunks *chunks, struct oc_io__queue *queue,
                       struct oc_io__segment segment);

/** Moves the segments of `front` before those of `queue`; `front` is empty after. */
void oc_io__queue_prepend(struct oc_io__chunks *chunks, struct oc_io__queue *queue,
                          struct oc_io__queue *front);

/** Puts a copy of the bytes before all others, all or nothing. Only for queues of input: fills what
 * lies in front of the first piece of its own chunk. Returns 0 or -ENOBUFS. */
int oc_io__queue_prepend_copy(struct oc_io__chunks *chunks, struct oc_io__queue *queue,
                              const void *bytes, uint32_t size);

/**
 * Describes the front of a queue for the kernel.
 * Returns the number of elements written, at most `capacity`; *size is their sum in bytes.
 */
uint32_t oc_io__queue_vector(const struct oc_io__chunks *chunks, const struct oc_io__queue *queue,
                             struct iovec *vector, uint32_t capacity, uint32_t *size);

/** Drops `size` bytes from the front; they must be there, and in chunks. */
void oc_io__queue_consume(struct oc_io__chunks *chunks, struct oc_io__queue *queue, uint32_t size);

/**
 * Takes the first segment out of the queue. Its chunk or buffer is the caller's then.
 * Returns false if the queue is empty.
 */
bool oc_io__queue_pop(struct oc_io__chunks *chunks, struct oc_io__queue *queue,
                      struct oc_io__segment *segment);

/** Drops everything behind the first `size` bytes, which the kernel may be reading. */
void oc_io__queue_truncate(struct oc_io__chunks *chunks, struct oc_io__queue *queue, uint32_t size);

#endif
