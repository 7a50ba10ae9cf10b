/*
 * The queues of outqueue.h.
 *
 * Appending checks first whether everything fits and only then changes anything: a refused send
 * leaves no half of a frame behind.
 */
#include "io/outqueue.h"

#include <errno.h>
#include <string.h>

#include "core/assert.h"

static void segment_drop_head(struct oc_io__chunks *chunks, struct oc_io__queue *queue);
static uint32_t tail_room(const struct oc_io__chunks *chunks, const struct oc_io__queue *queue);
static uint32_t segments_free(const struct oc_io__chunks *chunks);

int oc_io__chunks_init(struct oc_io__chunks *chunks, struct oc_arena *arena, uint32_t chunk_count,
                       uint32_t segment_count, uint32_t segment_reserve)
{
    OC_ASSERT(segment_count > segment_reserve);
    *chunks = (struct oc_io__chunks){.segment_reserve = segment_reserve};
    chunks->references = oc_arena_alloc(arena, chunk_count, sizeof(*chunks->references), 0);
    chunks->bytes = oc_arena_alloc(arena, chunk_count, OC_IO_CHUNK_BYTES, 4096);
    chunks->segments = oc_arena_alloc(arena, segment_count, sizeof(*chunks->segments), 0);
    if (chunks->references == NULL || chunks->bytes == NULL || chunks->segments == NULL) {
        return -ENOMEM;
    }
    int rc = oc_pool_init(&chunks->chunk_pool, arena, chunk_count);
    if (rc < 0) {
        return rc;
    }
    return oc_pool_init(&chunks->segment_pool, arena, segment_count);
}

uint32_t oc_io__chunk_take(struct oc_io__chunks *chunks)
{
    uint32_t chunk = oc_pool_take(&chunks->chunk_pool);
    if (chunk == OC_INDEX_NONE) {
        return chunk;
    }
    OC_ASSERT(chunks->references[chunk] == 0);
    chunks->references[chunk] = 1;
    if (oc_pool_used(&chunks->chunk_pool) > chunks->used_max) {
        chunks->used_max = oc_pool_used(&chunks->chunk_pool);
    }
    return chunk;
}

void oc_io__chunk_release(struct oc_io__chunks *chunks, uint32_t chunk)
{
    OC_ASSERT(chunk < oc_pool_capacity(&chunks->chunk_pool));
    OC_ASSERT(chunks->references[chunk] > 0);
    if (--chunks->references[chunk] == 0) {
        oc_pool_give(&chunks->chunk_pool, chunk);
    }
}

bool oc_io__chunks_fit(const struct oc_io__chunks *chunks, uint32_t size)
{
    uint64_t needed = ((uint64_t)size + OC_IO_CHUNK_BYTES - 1) / OC_IO_CHUNK_BYTES;

    return needed <= oc_io__chunks_free(chunks) && needed <= segments_free(chunks);
}

void oc_io__queue_init(struct oc_io__queue *queue)
{
    *queue = (struct oc_io__queue){.head = OC_INDEX_NONE, .tail = OC_INDEX_NONE};
}

int oc_io__queue_append(struct oc_io__chunks *chunks, struct oc_io__queue *queue, const void *bytes,
                        uint32_t size)
{
    const uint8_t *from = bytes;
    uint32_t room = tail_room(chunks, queue);

    if (size > room && !oc_io__chunks_fit(chunks, size - room)) {
        return -ENOBUFS;
    }
    while (size > 0) {
        if (room == 0) {
            uint32_t chunk = oc_io__chunk_take(chunks);
            OC_ASSERT(chunk != OC_INDEX_NONE);
            oc_io__queue_push(chunks, queue,
                              (struct oc_io__segment){.chunk = chunk, .kind = OC_IO__OWN});
            room = OC_IO_CHUNK_BYTES;
        }
        struct oc_io__segment *tail = &chunks->segments[queue->tail];
        uint32_t piece = size < room ? size : room;
        memcpy(oc_io__chunk_bytes(chunks, tail->chunk) + tail->offset + tail->size, from, piece);
        tail->size += piece;
        queue->size += piece;
        from += piece;
        size -= piece;
        room -= piece;
    }
    return 0;
}

int oc_io__queue_append_shared(struct oc_io__chunks *chunks, struct oc_io__queue *queue,
                               uint32_t chunk, uint32_t offset, uint32_t size)
{
    OC_ASSERT(chunk < oc_pool_capacity(&chunks->chunk_pool));
    OC_ASSERT(chunks->references[chunk] > 0);
    OC_ASSERT(offset <= OC_IO_CHUNK_BYTES);
    OC_ASSERT(size <= OC_IO_CHUNK_BYTES - offset);

    if (queue->tail != OC_INDEX_NONE) {
        struct oc_io__segment *tail = &chunks->segments[queue->tail];
        if (tail->kind == OC_IO__SHARED && tail->chunk == chunk &&
            tail->offset + tail->size == offset) {
            tail->size += size;
            queue->size += size;
            return 0;
        }
    }
    if (size <= OC_IO__COPY_BYTES_MAX && size <= tail_room(chunks, queue)) {
        return oc_io__queue_append(chunks, queue, oc_io__chunk_bytes(chunks, chunk) + offset, size);
    }
    if (size == 0) {
        return 0;
    }
    if (segments_free(chunks) == 0) {
        return -ENOBUFS;
    }
    chunks->references[chunk]++;
    oc_io__queue_push(chunks, queue,
                      (struct oc_io__segment){
                          .chunk = chunk,
                          .offset = (uint16_t)offset,
                          .size = size,
                          .kind = OC_IO__SHARED,
                      });
    return 0;
}

void oc_io__queue_push(struct oc_io__chunks *chunks, struct oc_io__queue *queue,
                       struct oc_io__segment segment)
{
    uint32_t index = oc_pool_take(&chunks->segment_pool);

    OC_ASSERT(index != OC_INDEX_NONE);
    segment.next = OC_INDEX_NONE;
    chunks->segments[index] = segment;
    if (queue->tail == OC_INDEX_NONE) {
        queue->head = index;
    } else {
        chunks->segments[queue->tail].next = index;
    }
    queue->tail = index;
    queue->size += segment.size;
}

void oc_io__queue_prepend(struct oc_io__chunks *chunks, struct oc_io__queue *queue,
                          struct oc_io__queue *front)
{
    if (oc_io__queue_is_empty(front)) {
        return;
    }
    chunks->segments[front->tail].next = queue->head;
    front->tail = queue->tail == OC_INDEX_NONE ? front->tail : queue->tail;
    front->size += queue->size;
    *queue = *front;
    oc_io__queue_init(front);
}

int oc_io__queue_prepend_copy(struct oc_io__chunks *chunks, struct oc_io__queue *queue,
                              const void *bytes, uint32_t size)
{
    const uint8_t *from = bytes;
    uint32_t room = 0;

    if (queue->head != OC_INDEX_NONE && chunks->segments[queue->head].kind == OC_IO__OWN) {
        room = chunks->segments[queue->head].offset;
    }
    if (size > room && !oc_io__chunks_fit(chunks, size - room)) {
        return -ENOBUFS;
    }
    while (size > 0) {
        if (room == 0) {
            struct oc_io__queue front;
            oc_io__queue_init(&front);
            oc_io__queue_push(chunks, &front,
                              (struct oc_io__segment){
                                  .chunk = oc_io__chunk_take(chunks),
                                  .offset = OC_IO_CHUNK_BYTES,
                                  .kind = OC_IO__OWN,
                              });
            oc_io__queue_prepend(chunks, queue, &front);
            room = OC_IO_CHUNK_BYTES;
        }
        struct oc_io__segment *head = &chunks->segments[queue->head];
        uint32_t piece = size < room ? size : room;
        head->offset = (uint16_t)(head->offset - piece);
        head->size += piece;
        queue->size += piece;
        size -= piece;
        room -= piece;
        memcpy(oc_io__chunk_bytes(chunks, head->chunk) + head->offset, from + size, piece);
    }
    return 0;
}

uint32_t oc_io__queue_vector(const struct oc_io__chunks *chunks, const struct oc_io__queue *queue,
                             struct iovec *vector, uint32_t capacity, uint32_t *size)
{
    uint32_t count = 0;

    *size = 0;
    for (uint32_t index = queue->head; index != OC_INDEX_NONE && count < capacity; count++) {
        const struct oc_io__segment *segment = &chunks->segments[index];
        OC_ASSERT(segment->kind != OC_IO__BUFFER);
        vector[count] = (struct iovec){
            .iov_base = oc_io__chunk_bytes(chunks, segment->chunk) + segment->offset,
            .iov_len = segment->size,
        };
        *size += segment->size;
        index = segment->next;
    }
    return count;
}

void oc_io__queue_consume(struct oc_io__chunks *chunks, struct oc_io__queue *queue, uint32_t size)
{
    OC_ASSERT(size <= queue->size);
    queue->size -= size;
    while (size > 0) {
        struct oc_io__segment *head = &chunks->segments[queue->head];
        OC_ASSERT(head->kind != OC_IO__BUFFER);
        if (size < head->size) {
            head->offset = (uint16_t)(head->offset + size);
            head->size -= size;
            return;
        }
        size -= head->size;
        oc_io__chunk_release(chunks, head->chunk);
        segment_drop_head(chunks, queue);
    }
}

bool oc_io__queue_pop(struct oc_io__chunks *chunks, struct oc_io__queue *queue,
                      struct oc_io__segment *segment)
{
    if (queue->head == OC_INDEX_NONE) {
        return false;
    }
    *segment = chunks->segments[queue->head];
    queue->size -= segment->size;
    segment_drop_head(chunks, queue);
    return true;
}

void oc_io__queue_truncate(struct oc_io__chunks *chunks, struct oc_io__queue *queue, uint32_t size)
{
    struct oc_io__queue rest = *queue;
    uint32_t kept = 0;
    uint32_t last = OC_INDEX_NONE;

    while (rest.head != OC_INDEX_NONE && kept < size) {
        last = rest.head;
        kept += chunks->segments[last].size;
        rest.head = chunks->segments[last].next;
    }
    if (last == OC_INDEX_NONE) {
        oc_io__queue_init(queue);
    } else {
        OC_ASSERT(kept >= size);
        chunks->segments[last].next = OC_INDEX_NONE;
        chunks->segments[last].size -= kept - size;
        queue->tail = last;
        queue->size = size;
    }
    while (rest.head != OC_INDEX_NONE) {
        OC_ASSERT(chunks->segments[rest.head].kind != OC_IO__BUFFER);
        oc_io__chunk_release(chunks, chunks->segments[rest.head].chunk);
        segment_drop_head(chunks, &rest);
    }
}

static void segment_drop_head(struct oc_io__chunks *chunks, struct oc_io__queue *queue)
{
    uint32_t index = queue->head;

    queue->head = chunks->segments[index].next;
    if (queue->head == OC_INDEX_NONE) {
        queue->tail = OC_INDEX_NONE;
    }
    oc_pool_give(&chunks->segment_pool, index);
}

/** Free bytes behind the last own piece; 0 if the last piece is not the connection's own. */
static uint32_t tail_room(const struct oc_io__chunks *chunks, const struct oc_io__queue *queue)
{
    if (queue->tail == OC_INDEX_NONE) {
        return 0;
    }
    const struct oc_io__segment *tail = &chunks->segments[queue->tail];
    if (tail->kind != OC_IO__OWN) {
        return 0;
    }
    return OC_IO_CHUNK_BYTES - tail->offset - tail->size;
}

static uint32_t segments_free(const struct oc_io__chunks *chunks)
{
    uint32_t left = oc_pool_capacity(&chunks->segment_pool) - oc_pool_used(&chunks->segment_pool);

    return left > chunks->segment_reserve ? left - chunks->segment_reserve : 0;
}
