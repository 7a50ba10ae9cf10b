/*
 * Bytes that came in: lent to the caller, given back by it, kept for later; see base.h.
 *
 * A poll() writes down every RECEIVED that it tells. The next one begins with that list: what was
 * given back (unreceive) goes to the front of its connection's unread queue, last event first, so
 * that the order is right however the caller went about it; everything else is free again. Input is
 * kept where it is, in its receive buffer or chunk, while that leaves the other connections enough
 * buffers. Nothing here receives anything.
 */
#include "io/base.h"

static struct oc_io__conn *kept_by(const struct oc_io__base *base, const struct oc_io__told *told);
static void keep(struct oc_io__base *base, struct oc_io__conn *conn,
                 const struct oc_io__told *told);
static void pin(struct oc_io__base *base, struct oc_io__queue *queue, uint32_t buffer,
                uint32_t offset, uint32_t size);
static void give_chunks_back(struct oc_io__base *base);
static void sort_returned(struct oc_io__base *base);

/** May be pinned at the same time before copies are made, as far as there are chunks. */
static inline uint32_t pinned_max(const struct oc_io__base *base)
{
    return base->config.buffer_count / 2;
}

static void note_told(struct oc_io__base *base, const struct oc_io_event *event, uint32_t piece,
                      uint32_t borrowed)
{
    base->told[base->told_count++] = (struct oc_io__told){
        .bytes = event->bytes,
        .conn = event->conn,
        .size = event->size,
        .piece = piece,
        .borrowed = borrowed,
    };
    base->stats.received_count++;
    base->stats.received_bytes += event->size;
}

void oc_io__emit_buffer(struct oc_io__base *base, struct oc_io__batch *batch,
                        const struct oc_io__conn *conn, uint32_t buffer, uint32_t offset,
                        uint32_t size)
{
    struct oc_io_event *event = oc_io__emit_bytes(base, batch, conn,
                                                  oc_io__buffer(base, buffer) + offset, size);

    note_told(base, event, buffer, base->borrowed_count);
    base->borrowed[base->borrowed_count++] = buffer;
}

bool oc_io__deliver_unread(struct oc_io__base *base, struct oc_io__batch *batch,
                           struct oc_io__conn *conn)
{
    struct oc_io__segment segment;

    OC_ASSERT(!conn->paused);
    while (!oc_io__batch_is_full(batch) &&
           oc_io__queue_pop(&base->chunks, &conn->unread, &segment)) {
        if (segment.kind == OC_IO__BUFFER) {
            base->pinned--;
            oc_io__emit_buffer(base, batch, conn, segment.chunk, segment.offset, segment.size);
            continue;
        }
        uint8_t *bytes = oc_io__chunk_bytes(&base->chunks, segment.chunk) + segment.offset;
        struct oc_io_event *event = oc_io__emit_bytes(base, batch, conn, bytes, segment.size);
        note_told(base, event, segment.chunk, OC_INDEX_NONE);
        oc_io__queue_push(&base->chunks, &base->borrowed_chunks, segment);
    }
    if (!oc_io__queue_is_empty(&conn->unread)) {
        return false;
    }
    if (conn->eof_seen && !conn->eof_told) {
        if (oc_io__batch_is_full(batch)) {
            return false;
        }
        conn->eof_told = true;
        oc_io__emit(base, batch, OC_IO_EOF, conn, 0);
    }
    return true;
}

void oc_io__keep_input(struct oc_io__base *base, struct oc_io__conn *conn, uint32_t buffer,
                       uint32_t size)
{
    if (oc_io__queue_append(&base->chunks, &conn->unread, oc_io__buffer(base, buffer), size) == 0) {
        base->borrowed[base->borrowed_count++] = buffer;
    } else {
        pin(base, &conn->unread, buffer, 0, size);
    }
}

void oc_io__conn_pause(struct oc_io__base *base, struct oc_io__conn *conn, bool on)
{
    oc_io__note_conn(base, on ? OC_IO_FLIGHT_RESUME : OC_IO_FLIGHT_PAUSE, conn, 0);
    conn->paused = !on;
}

void oc_io__conn_let_go(struct oc_io__base *base, struct oc_io__conn *conn)
{
    conn->let_go = true;
    oc_io__conn_drop_unread(base, conn);
}

bool oc_io__was_told(const struct oc_io__base *base, const struct oc_io__conn *conn)
{
    uint32_t index = oc_io__conn_index(base, conn);

    for (uint32_t i = 0; i < base->told_count; i++) {
        if (base->told[i].conn.index == index &&
            base->told[i].conn.generation == conn->generation) {
            return true;
        }
    }
    return false;
}

void oc_io__conn_drop_unread(struct oc_io__base *base, struct oc_io__conn *conn)
{
    struct oc_io__segment segment;

    while (oc_io__queue_pop(&base->chunks, &conn->unread, &segment)) {
        if (segment.kind == OC_IO__BUFFER) {
            base->pinned--;
            base->borrowed[base->borrowed_count++] = segment.chunk;
        } else {
            oc_io__chunk_release(&base->chunks, segment.chunk);
        }
    }
}

void oc_io__take_back(struct oc_io__base *base)
{
    if (base->has_returned) {
        sort_returned(base);
    } else {
        give_chunks_back(base);
    }
    base->told_count = 0;
    base->told_next = 0;
    base->has_returned = false;
}

static void sort_returned(struct oc_io__base *base)
{
    struct oc_io__conn *conn;
    uint32_t count = 0;

    for (uint32_t i = 0; i < base->told_count; i++) {
        const struct oc_io__told *told = &base->told[i];
        if (told->borrowed == OC_INDEX_NONE && kept_by(base, told) != NULL) {
            base->chunks.references[told->piece]++;
        }
    }
    /* Frees as many nodes as the chunks that are kept are going to need. */
    give_chunks_back(base);
    for (uint32_t i = base->told_count; i > 0; i--) {
        const struct oc_io__told *told = &base->told[i - 1];
        conn = kept_by(base, told);
        if (conn != NULL) {
            /* What came behind these bytes was taken: the stream would have a hole. */
            OC_ASSERT(!conn->consumed);
            keep(base, conn, told);
        }
        conn = oc_io__conn_find(base, told->conn);
        if (conn != NULL && told->kept_size < told->size) {
            conn->consumed = true;
        }
    }
    for (uint32_t i = 0; i < base->told_count; i++) {
        conn = oc_io__conn_find(base, base->told[i].conn);
        if (conn != NULL) {
            conn->consumed = false;
            conn->sated = conn->sated || conn->unread.size >= base->config.buffer_size;
        }
    }
    for (uint32_t i = 0; i < base->borrowed_count; i++) {
        if (base->borrowed[i] != OC_INDEX_NONE) {
            base->borrowed[count++] = base->borrowed[i];
        }
    }
    base->borrowed_count = count;
}

/** The connection to which (some of) these bytes are to be told again, or NULL. */
static struct oc_io__conn *kept_by(const struct oc_io__base *base, const struct oc_io__told *told)
{
    if (told->kept_size == 0) {
        return NULL;
    }
    struct oc_io__conn *conn = oc_io__conn_find(base, told->conn);

    return conn != NULL && !conn->let_go ? conn : NULL;
}

/** Puts what was given back of one event to the front. */
static void keep(struct oc_io__base *base, struct oc_io__conn *conn, const struct oc_io__told *told)
{
    const uint8_t *bytes = told->bytes + told->size - told->kept_size;
    struct oc_io__queue front;

    oc_io__queue_init(&front);
    if (told->borrowed == OC_INDEX_NONE) {
        uint8_t *chunk = oc_io__chunk_bytes(&base->chunks, told->piece);
        oc_io__queue_push(&base->chunks, &front,
                          (struct oc_io__segment){
                              .chunk = told->piece,
                              .offset = (uint16_t)(bytes - chunk),
                              .size = told->kept_size,
                              .kind = OC_IO__OWN,
                          });
    } else if (base->pinned < pinned_max(base) ||
               oc_io__queue_prepend_copy(&base->chunks, &conn->unread, bytes, told->kept_size) <
                   0) {
        uint32_t offset = (uint32_t)(bytes - oc_io__buffer(base, told->piece));
        pin(base, &front, told->piece, offset, told->kept_size);
        base->borrowed[told->borrowed] = OC_INDEX_NONE;
    }
    oc_io__queue_prepend(&base->chunks, &conn->unread, &front);
    bool lives = conn->state == OC_IO__OPEN || conn->state == OC_IO__BROKEN;
    if (lives && !conn->paused) {
        oc_io__list_push(base, OC_IO__LIST_READY, conn);
    }
}

/** The node comes from the reserve: pinning never fails. */
static void pin(struct oc_io__base *base, struct oc_io__queue *queue, uint32_t buffer,
                uint32_t offset, uint32_t size)
{
    base->pinned++;
    oc_io__queue_push(&base->chunks, queue,
                      (struct oc_io__segment){
                          .chunk = buffer,
                          .offset = (uint16_t)offset,
                          .size = size,
                          .kind = OC_IO__BUFFER,
                      });
}

static void give_chunks_back(struct oc_io__base *base)
{
    struct oc_io__segment segment;

    while (oc_io__queue_pop(&base->chunks, &base->borrowed_chunks, &segment)) {
        oc_io__chunk_release(&base->chunks, segment.chunk);
    }
}
