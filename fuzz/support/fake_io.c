/*
 * The fake io table: its slots towards the gateway, and the turn that moves bytes.
 *
 * A turn does what a poll() of the backends does: owed bytes go to peers that read, then the events
 * of the batch are gathered, one fragment of each peer after the other.
 */
#include "support/fake_io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"

struct batch {
    struct oc_io_event *events;
    uint32_t capacity;
    uint32_t count;
};

static int fake_poll(struct oc_io *io, struct oc_io_event *events, uint32_t capacity,
                     uint64_t timeout_ns, uint64_t *now_ns);
static int fake_send(struct oc_io *io, struct oc_conn handle, const void *bytes, uint32_t size);
static int fake_chunk_open(struct oc_io *io, uint32_t *chunk, uint8_t **bytes);
static int fake_send_shared(struct oc_io *io, struct oc_conn handle, uint32_t chunk,
                            uint32_t offset, uint32_t size);
static void fake_chunk_release(struct oc_io *io, uint32_t chunk);
static uint32_t fake_owed(const struct oc_io *io, struct oc_conn handle);
static uint32_t fake_owed_most(const struct oc_io *io, struct oc_conn *handle);
static int fake_close(struct oc_io *io, struct oc_conn handle, enum oc_io_close_mode mode);
static bool fake_has_input(struct oc_io *io, struct oc_conn handle);
static struct fake_conn *find(const struct oc_io *io, struct oc_conn handle);
static int sendable(const struct fake_io *fake, struct fake_conn *conn, uint32_t size);
static void end(struct fake_io *fake, struct fake_conn *conn, int error);
static void send_owed(struct fake_io *fake, struct fake_conn *conn);
static void linger(struct fake_io *fake, struct fake_conn *conn);
static void tell_closed(struct fake_io *fake, struct batch *batch);
static void tell_accepted(struct fake_io *fake, struct batch *batch);
static void tell_received(struct fake_io *fake, struct batch *batch);
static bool tell_fragment(struct fake_io *fake, struct batch *batch, struct fake_peer *peer,
                          uint32_t *left);
static void tell_end(struct fake_io *fake, struct batch *batch, struct fake_peer *peer);
static struct oc_io_event *tell(struct batch *batch, enum oc_io_event_kind kind,
                                const struct fake_peer *peer);
static void append(struct fake_bytes *to, const void *bytes, size_t size);

static const struct oc_io_ops FAKE_OPS = {
    .name = "fake",
    .poll = fake_poll,
    .send = fake_send,
    .chunk_open = fake_chunk_open,
    .send_shared = fake_send_shared,
    .chunk_release = fake_chunk_release,
    .owed = fake_owed,
    .owed_most = fake_owed_most,
    .close = fake_close,
    .has_input = fake_has_input,
};

void fake_io_init(struct fake_io *fake, struct oc_arena *arena, uint32_t chunk_count,
                  uint32_t out_bytes_max)
{
    memset(fake, 0, sizeof(*fake));
    fake->io.ops = &FAKE_OPS;
    fake->chunk_count = chunk_count;
    fake->out_bytes_max = out_bytes_max;
    OC_ASSERT(oc_pool_init(&fake->slots, arena, FAKE_CONNECTIONS) == 0);
    /* As many pieces as the backends have. */
    OC_ASSERT(oc_io__chunks_init(&fake->chunks, arena, chunk_count,
                                 2 * chunk_count + 4 * FAKE_CONNECTIONS, 1) == 0);
    oc_io__queue_init(&fake->held);
}

void fake_io_deinit(struct fake_io *fake)
{
    for (uint32_t i = 0; i < fake->lent_count; i++) {
        free(fake->lent[i]);
    }
    for (uint32_t i = 0; i < fake->peer_count; i++) {
        free(fake->peers[i].out.bytes);
        free(fake->peers[i].in.bytes);
    }
}

struct fake_peer *fake_io_connect(struct fake_io *fake, uint64_t tag)
{
    struct fake_peer *peer;

    if (fake->peer_count == FAKE_PEERS_MAX) {
        return NULL;
    }
    peer = &fake->peers[fake->peer_count++];
    *peer = (struct fake_peer){
        .tag = tag,
        .fragment_size = UINT32_MAX,
        .send_per_turn = UINT32_MAX,
        .read_per_turn = UINT32_MAX,
    };
    return peer;
}

struct fake_peer *fake_io_peer(struct fake_io *fake, uint64_t session)
{
    for (uint32_t i = 0; i < fake->peer_count; i++) {
        struct fake_peer *peer = &fake->peers[i];

        if (oc_session_make(peer->conn.index, peer->conn.generation) == session) {
            return peer;
        }
    }
    OC_UNREACHABLE();
}

void fake_peer_send(struct fake_peer *peer, const void *bytes, size_t size)
{
    append(&peer->out, bytes, size);
}

void fake_peer_end(struct fake_io *fake, struct fake_peer *peer, enum fake_end how)
{
    struct fake_conn *conn = find(&fake->io, peer->conn);

    if (how <= peer->end) {
        return;
    }
    peer->end = how;
    peer->cut = peer->cut || how != FAKE_END_EOF;
    if (how == FAKE_END_BREAK && conn != NULL && conn->state == FAKE_OPEN) {
        conn->state = FAKE_BROKEN;
        oc_io__queue_truncate(&fake->chunks, &conn->out, 0);
    }
}

void fake_io_hold_chunks(struct fake_io *fake, uint32_t left)
{
    oc_io__queue_truncate(&fake->chunks, &fake->held, 0);
    while (oc_io__chunks_free(&fake->chunks) > left) {
        uint32_t chunk = oc_io__chunk_take(&fake->chunks);

        oc_io__queue_push(&fake->chunks, &fake->held,
                          (struct oc_io__segment){.chunk = chunk, .size = 1, .kind = OC_IO__OWN});
    }
}

size_t fake_io_sent(const struct fake_io *fake)
{
    size_t size = 0;

    for (uint32_t i = 0; i < fake->peer_count; i++) {
        size += fake->peers[i].in.size;
    }
    return size;
}

/* --- the slots of the table ----------------------------------------------------------------- */

static int fake_poll(struct oc_io *io, struct oc_io_event *events, uint32_t capacity,
                     uint64_t timeout_ns, uint64_t *now_ns)
{
    struct fake_io *fake = (struct fake_io *)io;
    struct batch batch = {.events = events, .capacity = capacity};

    OC_ASSERT(capacity <= FAKE_EVENTS_MAX);
    while (fake->lent_count > 0) {
        free(fake->lent[--fake->lent_count]);
    }
    fake->now_ns += timeout_ns;
    *now_ns = fake->now_ns;
    for (uint32_t i = 0; i < FAKE_CONNECTIONS; i++) {
        send_owed(fake, &fake->conns[i]);
        linger(fake, &fake->conns[i]);
    }
    /* A slot that is freed here may carry the next connection within the same batch. */
    tell_closed(fake, &batch);
    tell_received(fake, &batch);
    tell_accepted(fake, &batch);
    return (int)batch.count;
}

static int fake_send(struct oc_io *io, struct oc_conn handle, const void *bytes, uint32_t size)
{
    struct fake_io *fake = (struct fake_io *)io;
    struct fake_conn *conn = find(io, handle);
    int rc = sendable(fake, conn, size);

    return rc != 0 ? rc : oc_io__queue_append(&fake->chunks, &conn->out, bytes, size);
}

static int fake_chunk_open(struct oc_io *io, uint32_t *chunk, uint8_t **bytes)
{
    struct fake_io *fake = (struct fake_io *)io;
    uint32_t index = oc_io__chunk_take(&fake->chunks);

    if (index == OC_INDEX_NONE) {
        return -ENOBUFS;
    }
    *chunk = index;
    *bytes = oc_io__chunk_bytes(&fake->chunks, index);
    return 0;
}

static int fake_send_shared(struct oc_io *io, struct oc_conn handle, uint32_t chunk,
                            uint32_t offset, uint32_t size)
{
    struct fake_io *fake = (struct fake_io *)io;
    struct fake_conn *conn = find(io, handle);
    int rc = sendable(fake, conn, size);

    return rc != 0 ? rc
                   : oc_io__queue_append_shared(&fake->chunks, &conn->out, chunk, offset, size);
}

static void fake_chunk_release(struct oc_io *io, uint32_t chunk)
{
    oc_io__chunk_release(&((struct fake_io *)io)->chunks, chunk);
}

static uint32_t fake_owed(const struct oc_io *io, struct oc_conn handle)
{
    const struct fake_conn *conn = find(io, handle);

    return conn == NULL ? 0 : conn->out.size;
}

static uint32_t fake_owed_most(const struct oc_io *io, struct oc_conn *handle)
{
    const struct fake_io *fake = (const struct fake_io *)io;
    uint32_t most = 0;

    for (uint32_t i = 0; i < FAKE_CONNECTIONS; i++) {
        const struct fake_conn *conn = &fake->conns[i];
        bool counts = conn->state == FAKE_OPEN || conn->state == FAKE_FLUSHING;

        if (counts && conn->out.size > most) {
            most = conn->out.size;
            *handle = (struct oc_conn){.index = i, .generation = conn->generation};
        }
    }
    return most;
}

static int fake_close(struct oc_io *io, struct oc_conn handle, enum oc_io_close_mode mode)
{
    struct fake_io *fake = (struct fake_io *)io;
    struct fake_conn *conn = find(io, handle);

    if (conn == NULL) {
        return -ENOTCONN;
    }
    if (conn->state == FAKE_ENDED) {
        return 0;
    }
    if (mode == OC_IO_CLOSE_ABORT || conn->state == FAKE_BROKEN) {
        fake->peers[conn->peer].cut = true;
        end(fake, conn, 0);
    } else if (conn->state == FAKE_OPEN) {
        conn->state = FAKE_FLUSHING;
        conn->deadline_ns = fake->now_ns + OC_IO_FLUSH_TIMEOUT_NS;
    }
    return 0;
}

/** What a peer did not get to send in this turn has not arrived: everything else is told. */
static bool fake_has_input(struct oc_io *io, struct oc_conn handle)
{
    (void)io;
    (void)handle;
    return false;
}

/* --- connections ----------------------------------------------------------------------------- */

/* NULL once CLOSED was told. */
static struct fake_conn *find(const struct oc_io *io, struct oc_conn handle)
{
    /* As the backends: a table that is looked up is not changed by it. */
    struct fake_io *fake = (struct fake_io *)(uintptr_t)io;
    struct fake_conn *conn = &fake->conns[handle.index % FAKE_CONNECTIONS];

    OC_ASSERT(handle.index < FAKE_CONNECTIONS);
    return conn->state == FAKE_FREE || conn->generation != handle.generation ? NULL : conn;
}

static int sendable(const struct fake_io *fake, struct fake_conn *conn, uint32_t size)
{
    if (conn == NULL || conn->state != FAKE_OPEN) {
        return -ENOTCONN;
    }
    if (size > fake->out_bytes_max || size > fake->chunk_count * OC_IO_CHUNK_BYTES) {
        return -EMSGSIZE;
    }
    return size > fake->out_bytes_max - conn->out.size ? -ENOBUFS : 0;
}

static void end(struct fake_io *fake, struct fake_conn *conn, int error)
{
    conn->state = FAKE_ENDED;
    conn->error = error;
    if (!fake->chunks_come_back_late) {
        oc_io__queue_truncate(&fake->chunks, &conn->out, 0);
    }
}

/* --- a turn ---------------------------------------------------------------------------------- */

static void send_owed(struct fake_io *fake, struct fake_conn *conn)
{
    struct fake_peer *peer = &fake->peers[conn->peer];
    uint32_t left;

    if (conn->state != FAKE_OPEN && conn->state != FAKE_FLUSHING) {
        return;
    }
    left = peer->read_per_turn < conn->out.size ? peer->read_per_turn : conn->out.size;
    while (left > 0) {
        struct iovec piece;
        uint32_t size;

        (void)oc_io__queue_vector(&fake->chunks, &conn->out, &piece, 1, &size);
        size = size < left ? size : left;
        append(&peer->in, piece.iov_base, size);
        oc_io__queue_consume(&fake->chunks, &conn->out, size);
        left -= size;
    }
}

/* What follows close(FLUSH): the last bytes, our FIN, the peer's FIN or the end of its time. */
static void linger(struct fake_io *fake, struct fake_conn *conn)
{
    struct fake_peer *peer = &fake->peers[conn->peer];

    if (conn->state == FAKE_FLUSHING && conn->out.size == 0) {
        conn->state = FAKE_LINGERING;
    }
    if (conn->state != FAKE_FLUSHING && conn->state != FAKE_LINGERING) {
        return;
    }
    if (conn->state == FAKE_LINGERING && peer->end != FAKE_END_NONE) {
        end(fake, conn, 0);
    } else if (fake->now_ns >= conn->deadline_ns) {
        peer->cut = conn->state == FAKE_FLUSHING || peer->cut;
        end(fake, conn, conn->state == FAKE_FLUSHING ? -ETIMEDOUT : 0);
    } else if (peer->end >= FAKE_END_RESET) {
        end(fake, conn, -ECONNRESET);
    }
}

static void tell_closed(struct fake_io *fake, struct batch *batch)
{
    for (uint32_t i = 0; i < FAKE_CONNECTIONS && batch->count < batch->capacity; i++) {
        struct fake_conn *conn = &fake->conns[i];
        struct fake_peer *peer = &fake->peers[conn->peer];

        if (conn->state == FAKE_ENDED) {
            oc_io__queue_truncate(&fake->chunks, &conn->out, 0);
            tell(batch, OC_IO_CLOSED, peer)->error = conn->error;
            peer->closed = true;
            conn->state = FAKE_FREE;
            oc_pool_give(&fake->slots, i);
        }
    }
}

static void tell_accepted(struct fake_io *fake, struct batch *batch)
{
    for (uint32_t i = 0; i < fake->peer_count && batch->count < batch->capacity; i++) {
        struct fake_peer *peer = &fake->peers[i];
        struct fake_conn *conn;
        uint32_t slot;

        if (peer->conn.generation != 0 || peer->closed) {
            continue;
        }
        slot = oc_pool_take(&fake->slots);
        if (slot == OC_INDEX_NONE) { /* ACCEPT_FAILED is the server's, not the gateway's */
            peer->closed = true;
            peer->cut = true;
            continue;
        }
        conn = &fake->conns[slot];
        *conn = (struct fake_conn){
            .state = peer->end == FAKE_END_BREAK ? FAKE_BROKEN : FAKE_OPEN,
            .generation = conn->generation + 1,
            .peer = i,
        };
        oc_io__queue_init(&conn->out);
        peer->conn = (struct oc_conn){.index = slot, .generation = conn->generation};
        (void)tell(batch, OC_IO_ACCEPTED, peer);
    }
}

/* One fragment of each peer after the other, until nothing is left that may go in this turn. */
static void tell_received(struct fake_io *fake, struct batch *batch)
{
    uint32_t left[FAKE_PEERS_MAX];
    bool more = true;

    for (uint32_t i = 0; i < fake->peer_count; i++) {
        left[i] = fake->peers[i].send_per_turn;
    }
    while (more) {
        more = false;
        for (uint32_t i = 0; i < fake->peer_count; i++) {
            const struct fake_conn *conn;
            struct fake_peer *peer = &fake->peers[i];

            if (peer->conn.generation == 0 || peer->closed) {
                continue;
            }
            conn = find(&fake->io, peer->conn);
            if (conn->state == FAKE_OPEN || conn->state == FAKE_BROKEN) {
                more |= tell_fragment(fake, batch, peer, &left[i]);
            }
        }
    }
    for (uint32_t i = 0; i < fake->peer_count; i++) {
        struct fake_peer *peer = &fake->peers[i];

        if (peer->conn.generation != 0 && !peer->closed) {
            tell_end(fake, batch, peer);
        }
    }
}

static bool tell_fragment(struct fake_io *fake, struct batch *batch, struct fake_peer *peer,
                          uint32_t *left)
{
    size_t waiting = peer->out.size - peer->delivered_size;
    size_t size = waiting < peer->fragment_size ? waiting : peer->fragment_size;
    struct oc_io_event *event;

    size = size < *left ? size : *left;
    size = size < 16384 ? size : 16384;
    if (size == 0 || batch->count == batch->capacity) {
        return false;
    }
    event = tell(batch, OC_IO_RECEIVED, peer);
    event->bytes = malloc(size);
    OC_ASSERT(event->bytes != NULL);
    event->size = (uint32_t)size;
    memcpy(event->bytes, peer->out.bytes + peer->delivered_size, size);
    fake->lent[fake->lent_count++] = event->bytes;
    peer->delivered_size += size;
    *left -= (uint32_t)size;
    return true;
}

/* The end comes behind everything that the peer sent. */
static void tell_end(struct fake_io *fake, struct batch *batch, struct fake_peer *peer)
{
    struct fake_conn *conn = find(&fake->io, peer->conn);

    if ((conn->state != FAKE_OPEN && conn->state != FAKE_BROKEN) ||
        batch->count == batch->capacity || peer->delivered_size < peer->out.size) {
        return;
    }
    if (peer->end == FAKE_END_EOF && !peer->eof_told) {
        peer->eof_told = true;
        (void)tell(batch, OC_IO_EOF, peer);
    } else if (peer->end >= FAKE_END_RESET) {
        end(fake, conn, -ECONNRESET);
        tell_closed(fake, batch);
    }
}

static struct oc_io_event *tell(struct batch *batch, enum oc_io_event_kind kind,
                                const struct fake_peer *peer)
{
    struct oc_io_event *event = &batch->events[batch->count++];

    *event = (struct oc_io_event){.kind = (uint8_t)kind, .conn = peer->conn, .tag = peer->tag};
    return event;
}

static void append(struct fake_bytes *to, const void *bytes, size_t size)
{
    if (to->size + size > to->capacity) {
        to->capacity = 2 * (to->size + size) + 1024;
        to->bytes = realloc(to->bytes, to->capacity);
        OC_ASSERT(to->bytes != NULL);
    }
    if (size > 0) {
        memcpy(to->bytes + to->size, bytes, size);
        to->size += size;
    }
}
