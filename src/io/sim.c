/*
 * The simulated backend: the slots of the table on the virtual network of sim_net.c.
 *
 * A turn is rounds: send what is owed, let the peers play, tell what happened; a poll() that waits
 * goes round after round, and each takes some virtual time. It keeps the contract of io.h and uses
 * every freedom that the contract leaves: bytes come in any pieces, connections in any order,
 * everything late. Buffers that a poll() lent are overwritten at the next one, so that who still
 * looks at them is found out. It walks all connections in each round and is not meant to be fast.
 */
#include "io/sim.h"

#include <errno.h>
#include <string.h>

#include "io/base.h"
#include "io/sim_net.h"

/** Receives of one connection in one round. */
#define READS_MAX 4
/** What a buffer is overwritten with when its time is over. */
#define STALE_BYTE 0xdb
/** Of a jump of the clock: 2^41 ns are 37 minutes. */
#define JUMP_NS_MAX (1ULL << 41)
/** A poll() that does not wait takes up to this long all the same. */
#define CALL_NS_MAX 2000U

struct sim_io {
    struct oc_io__base base;
    struct oc_io_sim *net;
    struct oc_pool free_buffers;
    uint32_t *order; /* of the connections in this round */
    uint32_t *held;  /* chunks that nobody may have in this turn */
    uint32_t held_count;
    bool is_waiting_for_luck; /* something was held back that comes in a later round by itself */
};

static struct sim_io *sim_of(struct oc_io *io);
static void give_back(struct sim_io *sim);
static void hold_chunks(struct sim_io *sim);
static void end(struct sim_io *sim, struct oc_io__conn *conn, int error, enum oc_io_sim_end how);
static void flush(struct sim_io *sim);
static void flush_one(struct sim_io *sim, struct oc_io__conn *conn);
static uint32_t take_out(struct sim_io *sim, struct oc_io__conn *conn,
                         struct oc_io__sim_peer *peer);
static void send_failed(struct sim_io *sim, struct oc_io__conn *conn, int error);
static void half_close(struct sim_io *sim, struct oc_io__conn *conn);
static bool pass_time(struct sim_io *sim, const struct oc_io__batch *batch, uint64_t left_ns);
static void expire(struct sim_io *sim);
static void play_network(struct sim_io *sim);
static void serve_all(struct sim_io *sim, struct oc_io__batch *batch);
static void serve(struct sim_io *sim, struct oc_io__batch *batch, struct oc_io__conn *conn);
static void serve_connecting(struct sim_io *sim, struct oc_io__batch *batch,
                             struct oc_io__conn *conn);
static void serve_input(struct sim_io *sim, struct oc_io__batch *batch, struct oc_io__conn *conn);
static bool receive_one(struct sim_io *sim, struct oc_io__batch *batch, struct oc_io__conn *conn);
static void discard_input(struct sim_io *sim, struct oc_io__conn *conn);
static void serve_listeners(struct sim_io *sim, struct oc_io__batch *batch);
static void accept_one(struct sim_io *sim, struct oc_io__batch *batch,
                       struct oc_io__listener *listener, int number);
static void shuffle(struct sim_io *sim, uint32_t count);

static struct oc_io__sim_peer *peer_of(const struct sim_io *sim, const struct oc_io__conn *conn)
{
    OC_ASSERT(conn->fd >= 0);
    return &sim->net->peers[conn->fd];
}

/* --- slots --------------------------------------------------------------------------------- */

static int sim_open(const struct oc_io_config *config, struct oc_io **io)
{
    struct oc_io__base *base = NULL;

    if (config->sim == NULL) {
        return -EINVAL;
    }
    int rc = oc_io__base_open(&oc_io_sim_ops, config, sizeof(struct sim_io), &base);
    if (rc < 0) {
        return rc;
    }
    struct sim_io *sim = (struct sim_io *)base;
    base->simulated = true;
    sim->net = config->sim;
    sim->order = oc_arena_alloc(config->arena, config->connections_max, sizeof(*sim->order), 0);
    sim->held = oc_arena_alloc(config->arena, config->chunk_count, sizeof(*sim->held), 0);
    if (sim->order == NULL || sim->held == NULL) {
        return -ENOMEM;
    }
    rc = oc_pool_init(&sim->free_buffers, config->arena, config->buffer_count);
    if (rc < 0) {
        return rc;
    }
    *io = &base->io;
    return 0;
}

static int sim_start(struct oc_io *io)
{
    struct oc_io__base *base = (struct oc_io__base *)io;

    OC_ASSERT(!base->started);
    oc_io__base_start_at(base, -1, ((struct sim_io *)base)->net->now_ns);
    return 0;
}

static int sim_listen(struct oc_io *io, int fd, uint64_t tag)
{
    struct sim_io *sim = sim_of(io);
    struct oc_io__listener *listener = NULL;

    int rc = oc_io__listener_open(&sim->base, fd, tag, &listener);
    if (rc < 0) {
        return rc;
    }
    oc_io__listener_set_pending(&sim->base, listener, true);
    sim->net->tags[sim->net->tag_count++] = tag;
    return 0;
}

static int sim_unlisten(struct oc_io *io, uint64_t tag)
{
    struct sim_io *sim = sim_of(io);
    struct oc_io_sim *net = sim->net;
    struct oc_io__listener *listener = oc_io__listener_find(&sim->base, tag);

    if (listener == NULL) {
        return -ENOENT;
    }
    oc_io__listener_close(&sim->base, listener);
    for (uint32_t i = 0; i < net->tag_count; i++) {
        if (net->tags[i] == tag) {
            net->tags[i] = net->tags[--net->tag_count];
        }
    }
    for (uint32_t i = 0; i < net->peer_count; i++) {
        if (net->peers[i].place == OC_IO__SIM_WAITING && net->peers[i].tag == tag) {
            oc_io__sim_peer_end(net, (int)i, OC_IO_SIM_NOT_ACCEPTED);
        }
    }
    return 0;
}

static int sim_connect(struct oc_io *io, const struct sockaddr *address, socklen_t size,
                       const char *congestion, uint64_t tag, struct oc_conn *handle)
{
    struct sim_io *sim = sim_of(io);

    (void)address;
    (void)size;
    (void)congestion;
    int number = oc_io__sim_peer_open(sim->net, OC_IO__SIM_ATTACHED, tag);
    if (number < 0) {
        return -EAGAIN;
    }
    struct oc_io__conn *conn = oc_io__conn_open(&sim->base, number, tag, OC_IO__CONNECTING);
    if (conn == NULL) {
        oc_io__sim_peer_end(sim->net, number, OC_IO_SIM_NOT_ACCEPTED);
        return -ENOBUFS;
    }
    conn->error = sim->net->refuse_error;
    *handle = oc_io__conn_handle(&sim->base, conn);
    peer_of(sim, conn)->conn = *handle;
    peer_of(sim, conn)->by_program = conn->error == 0;
    return 0;
}

static int sim_adopt(struct oc_io *io, int fd, uint64_t tag, const void *unread,
                     uint32_t unread_size, struct oc_conn *handle)
{
    struct sim_io *sim = sim_of(io);
    struct oc_io__conn *conn = NULL;

    if (fd < 0 || (uint32_t)fd >= sim->net->peer_count ||
        sim->net->peers[fd].place != OC_IO__SIM_LOOSE) {
        return -EBADF;
    }
    int rc = oc_io__conn_adopt(&sim->base, fd, tag, unread, unread_size, &conn);
    if (rc < 0) {
        return rc;
    }
    *handle = oc_io__conn_handle(&sim->base, conn);
    sim->net->peers[fd].place = OC_IO__SIM_ATTACHED;
    sim->net->peers[fd].conn = *handle;
    sim->net->peers[fd].tag = tag;
    return 0;
}

static int sim_poll(struct oc_io *io, struct oc_io_event *events, uint32_t capacity,
                    uint64_t timeout_ns, uint64_t *now_ns)
{
    struct sim_io *sim = sim_of(io);
    struct oc_io__base *base = &sim->base;
    struct oc_io__batch batch = {.events = events, .capacity = capacity};
    uint64_t start_ns = base->now_ns;

    OC_ASSERT(capacity > 0);
    OC_ASSERT(capacity <= OC_IO_EVENTS_MAX);
    base->stats.polls++;
    base->stats.waits += timeout_ns > 0;
    give_back(sim);
    if (oc_io__sim_draw(sim->net, OC_IO_SIM_FEW_EVENTS)) {
        batch.capacity = oc_io__sim_piece(sim->net, capacity < 8 ? capacity : 8);
    }
    for (;;) {
        sim->net->round++;
        sim->is_waiting_for_luck = false;
        flush(sim);
        oc_io__deliver(base, &batch);
        if (sim->net->config.step != NULL) {
            sim->net->config.step(sim->net->config.context, base->now_ns);
        }
        play_network(sim);
        expire(sim);
        serve_all(sim, &batch);
        serve_listeners(sim, &batch);
        oc_io__deliver(base, &batch);
        uint64_t left_ns = oc_io__left_ns(base, start_ns, timeout_ns);
        if (!pass_time(sim, &batch, left_ns) || batch.count > 0 || left_ns == 0) {
            break;
        }
        if (oc_io__sim_draw(sim->net, OC_IO_SIM_EARLY_RETURN)) {
            oc_io__sim_fault(sim->net, OC_IO_SIM_EARLY_RETURN, -1, timeout_ns);
            break;
        }
    }
    if (batch.capacity < capacity && oc_io__batch_is_full(&batch)) {
        oc_io__sim_fault(sim->net, OC_IO_SIM_FEW_EVENTS, -1, batch.count);
    }
    hold_chunks(sim);
    oc_io__batch_done(base, &batch);
    *now_ns = base->now_ns;
    return (int)batch.count;
}

static int sim_receive(struct oc_io *io, struct oc_conn handle, bool on)
{
    struct sim_io *sim = sim_of(io);
    struct oc_io__conn *conn = oc_io__conn_find(&sim->base, handle);

    if (conn == NULL || (conn->state != OC_IO__OPEN && conn->state != OC_IO__BROKEN)) {
        return -ENOTCONN;
    }
    oc_io__conn_pause(&sim->base, conn, on);
    return 0;
}

static int sim_close(struct oc_io *io, struct oc_conn handle, enum oc_io_close_mode mode)
{
    struct sim_io *sim = sim_of(io);
    struct oc_io__conn *conn = oc_io__conn_find(&sim->base, handle);

    if (conn == NULL) {
        return -ENOTCONN;
    }
    oc_io__conn_let_go(&sim->base, conn);
    if (conn->state == OC_IO__ENDED) {
        return 0;
    }
    if (conn->state == OC_IO__CONNECTING) {
        end(sim, conn, 0, OC_IO_SIM_ABORTED);
    } else if (conn->state == OC_IO__BROKEN) {
        end(sim, conn, conn->error, OC_IO_SIM_BROKEN);
    } else if (mode == OC_IO_CLOSE_ABORT) {
        bool cut = conn->state == OC_IO__FLUSHING || conn->state == OC_IO__LINGERING;
        end(sim, conn, 0, cut ? OC_IO_SIM_CUT : OC_IO_SIM_ABORTED);
    } else if (conn->state == OC_IO__OPEN) {
        oc_io__conn_flush(&sim->base, conn);
    }
    return 0;
}

static int sim_peer(const struct oc_io *io, struct oc_conn handle, char *text, size_t size)
{
    const struct oc_io__conn *conn = oc_io__conn_find(oc_io__base_of_const(io), handle);

    if (conn == NULL || conn->fd < 0) {
        return -ENOTCONN;
    }
    int length = snprintf(text, size, "peer %d", conn->fd);
    return length >= 0 && (size_t)length < size ? 0 : -ENOSPC;
}

static void sim_shutdown(struct oc_io *io)
{
    struct sim_io *sim = sim_of(io);

    for (uint32_t i = 0; i < sim->base.slots.fresh; i++) {
        struct oc_io__conn *conn = &sim->base.conns[i];
        if (conn->state != OC_IO__FREE && conn->state != OC_IO__ENDED) {
            end(sim, conn, 0, OC_IO_SIM_ABORTED);
        }
    }
    for (uint32_t i = 0; i < OC_IO__LISTENERS_MAX; i++) {
        if (sim->base.listeners[i].state == OC_IO__LISTENER_OPEN) {
            (void)sim_unlisten(io, sim->base.listeners[i].tag);
        }
    }
    oc_io__base_shutdown(&sim->base);
}

const struct oc_io_ops oc_io_sim_ops = {
    .name = "sim",
    .open = sim_open,
    .start = sim_start,
    .listen = sim_listen,
    .unlisten = sim_unlisten,
    .connect = sim_connect,
    .adopt = sim_adopt,
    .poll = sim_poll,
    .receive = sim_receive,
    .unreceive = oc_io__unreceive,
    .has_input = oc_io__has_input,
    .send = oc_io__send,
    .chunk_open = oc_io__chunk_open,
    .send_shared = oc_io__send_shared,
    .chunk_release = oc_io__chunk_give,
    .owed = oc_io__owed,
    .owed_most = oc_io__owed_most,
    .close = sim_close,
    .peer = sim_peer,
    .wake = oc_io__wake,
    .stats = oc_io__stats,
    .shutdown = sim_shutdown,
};

/* --- small things -------------------------------------------------------------------------- */

static struct sim_io *sim_of(struct oc_io *io)
{
    return (struct sim_io *)oc_io__base_of(io);
}

/** What the last poll() lent ends here, and shows that it did. */
static void give_back(struct sim_io *sim)
{
    struct oc_io__base *base = &sim->base;

    for (uint32_t i = 0; i < base->told_count; i++) {
        memset(base->told[i].bytes, STALE_BYTE, base->told[i].size - base->told[i].kept_size);
    }
    oc_io__take_back(base);
    for (uint32_t i = 0; i < base->borrowed_count; i++) {
        memset(oc_io__buffer(base, base->borrowed[i]), STALE_BYTE, base->config.buffer_size);
        oc_pool_give(&sim->free_buffers, base->borrowed[i]);
    }
    base->borrowed_count = 0;
    base->stats.buffers_used = base->pinned;
    while (sim->held_count > 0) {
        oc_io__chunk_release(&base->chunks, sim->held[--sim->held_count]);
    }
}

/** As if sends in flight held nearly all chunks until the next turn. */
static void hold_chunks(struct sim_io *sim)
{
    if (!oc_io__sim_draw(sim->net, OC_IO_SIM_NO_CHUNKS)) {
        return;
    }
    uint64_t leave = oc_random_below(&sim->net->random, 3);
    while (oc_io__chunks_free(&sim->base.chunks) > leave) {
        sim->held[sim->held_count++] = oc_io__chunk_take(&sim->base.chunks);
    }
    oc_io__sim_fault(sim->net, OC_IO_SIM_NO_CHUNKS, -1, leave);
}

static void end(struct sim_io *sim, struct oc_io__conn *conn, int error, enum oc_io_sim_end how)
{
    oc_io__sim_peer_end(sim->net, conn->fd, how);
    conn->fd = -1;
    conn->error = error;
    oc_io__conn_end(&sim->base, conn);
}

/* --- sending ------------------------------------------------------------------------------- */

static void flush(struct sim_io *sim)
{
    struct oc_io__base *base = &sim->base;

    for (uint32_t i = 0; i < base->slots.fresh; i++) {
        struct oc_io__conn *conn = &base->conns[i];
        if (conn->state == OC_IO__FREE || conn->fd < 0 || !conn->send_blocked) {
            continue;
        }
        struct oc_io__sim_peer *peer = peer_of(sim, conn);
        if (peer->block_turns > 0) {
            peer->block_turns--;
            sim->is_waiting_for_luck = true;
        } else if (peer->out.size < peer->out.capacity || peer->reset) {
            conn->send_blocked = false;
            oc_io__list_push(base, OC_IO__LIST_DIRTY, conn);
        }
    }
    for (uint32_t count = base->lists[OC_IO__LIST_DIRTY].count; count > 0; count--) {
        struct oc_io__conn *conn = oc_io__list_pop(base, OC_IO__LIST_DIRTY);
        if (conn == NULL) {
            break;
        }
        if (oc_io__sim_draw(sim->net, OC_IO_SIM_LATE_SEND)) {
            oc_io__sim_fault(sim->net, OC_IO_SIM_LATE_SEND, conn->fd, conn->out.size);
            oc_io__list_push(base, OC_IO__LIST_DIRTY, conn);
            sim->is_waiting_for_luck = true;
        } else if (conn->out.size > 0) {
            flush_one(sim, conn);
        } else if (conn->state == OC_IO__FLUSHING) {
            half_close(sim, conn);
        }
    }
}

static void flush_one(struct sim_io *sim, struct oc_io__conn *conn)
{
    struct oc_io__base *base = &sim->base;
    struct oc_io__sim_peer *peer = peer_of(sim, conn);
    uint32_t owed = conn->out.size;

    base->stats.send_count++;
    if (peer->reset) {
        send_failed(sim, conn, oc_random_below(&sim->net->random, 2) == 0 ? -EPIPE : -ECONNRESET);
        return;
    }
    uint32_t sent = take_out(sim, conn, peer);
    oc_io__note_conn(base, OC_IO_FLIGHT_SENT, conn, (int32_t)sent);
    base->stats.sent_bytes += sent;
    if (sent > 0 && conn->state == OC_IO__FLUSHING) {
        oc_io__conn_flush_goes_on(base, conn);
    }
    if (sent > 0 && peer->closed) {
        /* Nobody is there any more; the answer is a reset, which the next send or receive finds. */
        peer->out.size = 0;
        oc_io__sim_peer_break(sim->net, conn->fd);
    }
    if (sent < owed) {
        base->stats.short_sends++;
        conn->send_blocked = true;
        /* The room that is left in the pipe lets it go on. */
        sim->is_waiting_for_luck = true;
    } else if (conn->state == OC_IO__FLUSHING) {
        half_close(sim, conn);
    }
}

/** Moves bytes to the peer's pipe: all that fit, or fewer. Returns how many. */
static uint32_t take_out(struct sim_io *sim, struct oc_io__conn *conn, struct oc_io__sim_peer *peer)
{
    struct iovec vector[OC_IO__VECTOR_MAX];
    uint32_t size = 0;
    uint32_t count = oc_io__queue_vector(&sim->base.chunks, &conn->out, vector, OC_IO__VECTOR_MAX,
                                         &size);
    uint32_t room = peer->out.capacity - peer->out.size;
    uint32_t sent = 0;

    if (oc_io__sim_draw(sim->net, OC_IO_SIM_BLOCKED_SEND)) {
        peer->block_turns = oc_io__sim_piece(sim->net, 16);
        oc_io__sim_fault(sim->net, OC_IO_SIM_BLOCKED_SEND, conn->fd, peer->block_turns);
        return 0;
    }
    if (room < size) {
        oc_io__sim_fault(sim->net, OC_IO_SIM_FULL_SOCKET, conn->fd, size - room);
        size = room;
    }
    if (size > 1 && oc_io__sim_draw(sim->net, OC_IO_SIM_SHORT_SEND)) {
        size = oc_io__sim_piece(sim->net, size - 1);
        oc_io__sim_fault(sim->net, OC_IO_SIM_SHORT_SEND, conn->fd, size);
    }
    if (size > 1 && sim->base.config.test_short_io) {
        size = 1;
    }
    for (uint32_t i = 0; i < count && sent < size; i++) {
        uint32_t piece = (uint32_t)vector[i].iov_len;
        piece = piece < size - sent ? piece : size - sent;
        sent += oc_io__pipe_put(&peer->out, vector[i].iov_base, piece);
    }
    OC_ASSERT(sent == size);
    oc_io__queue_consume(&sim->base.chunks, &conn->out, sent);
    oc_io_sim_note(sim->net, "program sends", conn->fd, sent);
    return sent;
}

static void send_failed(struct sim_io *sim, struct oc_io__conn *conn, int error)
{
    oc_io__sim_fault(sim->net, OC_IO_SIM_FAILED_SEND, conn->fd, conn->out.size);
    bool has_input = !conn->eof_seen || !oc_io__queue_is_empty(&conn->unread);
    if (conn->state == OC_IO__FLUSHING || !has_input) {
        end(sim, conn, error, OC_IO_SIM_BROKEN);
        return;
    }
    /* What the peer sent before it went away is still to be told. */
    oc_io__conn_break(&sim->base, conn, error, 0);
}

/** Everything is sent: now the FIN; after the peer's the connection is over. */
static void half_close(struct sim_io *sim, struct oc_io__conn *conn)
{
    struct oc_io__sim_peer *peer = peer_of(sim, conn);

    if (peer->reset) {
        end(sim, conn, -ECONNRESET, OC_IO_SIM_BROKEN);
        return;
    }
    if (conn->eof_seen) {
        end(sim, conn, 0, OC_IO_SIM_CLOSED);
        return;
    }
    peer->program_fin = true;
    conn->state = OC_IO__LINGERING;
    oc_io__conn_flush_goes_on(&sim->base, conn);
}

/* --- time ---------------------------------------------------------------------------------- */

/** Returns false when nothing can happen any more however long the poll() would wait. */
static bool pass_time(struct sim_io *sim, const struct oc_io__batch *batch, uint64_t left_ns)
{
    struct oc_io__base *base = &sim->base;
    struct oc_io_sim *net = sim->net;
    uint64_t pass_ns = 1 + oc_random_below(&net->random, CALL_NS_MAX);

    if (batch->count == 0 && left_ns > 0) {
        if (net->config.step != NULL || sim->is_waiting_for_luck) {
            pass_ns = 1 + oc_random_below(&net->random, net->config.tick_ns_max);
        } else {
            pass_ns = oc_io__wait_ns(base, base->now_ns, left_ns);
            if (pass_ns == UINT64_MAX) {
                return false;
            }
        }
        pass_ns = pass_ns < left_ns ? pass_ns : left_ns;
    }
    if (oc_io__sim_draw(net, OC_IO_SIM_CLOCK_JUMP)) {
        pass_ns += oc_random_below(&net->random, JUMP_NS_MAX);
        oc_io__sim_fault(net, OC_IO_SIM_CLOCK_JUMP, -1, pass_ns);
    }
    net->now_ns += pass_ns;
    base->now_ns = net->now_ns;
    return true;
}

static void expire(struct sim_io *sim)
{
    struct oc_io__base *base = &sim->base;

    oc_timer_wheel_advance(&base->wheel, base->now_ns);
    while (oc_timer_wheel_next_ns(&base->wheel) <= base->now_ns) {
        uint32_t timer = oc_timer_wheel_pop(&base->wheel);
        if (timer == OC_INDEX_NONE) {
            continue;
        }
        if (timer >= base->config.connections_max) {
            oc_io__listener_set_pending(
                base, &base->listeners[timer - base->config.connections_max], true);
            continue;
        }
        struct oc_io__conn *conn = &base->conns[timer];
        if (conn->state == OC_IO__FLUSHING) {
            end(sim, conn, -ETIMEDOUT, OC_IO_SIM_TIMED_OUT);
        } else if (conn->state == OC_IO__LINGERING) {
            end(sim, conn, conn->error, OC_IO_SIM_CLOSED);
        } else {
            OC_ASSERT(conn->state == OC_IO__BROKEN);
            end(sim, conn, conn->error, OC_IO_SIM_BROKEN);
        }
    }
}

/* --- receiving ----------------------------------------------------------------------------- */

/** Breaks connections that nobody asked it to. */
static void play_network(struct sim_io *sim)
{
    struct oc_io_sim *net = sim->net;

    for (uint32_t i = 0; i < net->peer_count; i++) {
        struct oc_io__sim_peer *peer = &net->peers[i];
        if (peer->place == OC_IO__SIM_ATTACHED && !peer->reset &&
            oc_io__sim_draw(net, OC_IO_SIM_RESET)) {
            oc_io__sim_fault(net, OC_IO_SIM_RESET, (int)i, peer->in.size);
            oc_io__sim_peer_break(net, (int)i);
        }
    }
}

static void serve_all(struct sim_io *sim, struct oc_io__batch *batch)
{
    struct oc_io__base *base = &sim->base;
    uint32_t count = 0;

    for (uint32_t i = 0; i < base->slots.fresh; i++) {
        struct oc_io__conn *conn = &base->conns[i];
        if (conn->state == OC_IO__FREE || conn->state == OC_IO__ENDED) {
            continue;
        }
        struct oc_io__sim_peer *peer = peer_of(sim, conn);
        peer->is_paused = conn->paused;
        if (peer->in.size > 0 || peer->fin || peer->reset || conn->state == OC_IO__CONNECTING ||
            !oc_io__queue_is_empty(&conn->unread)) {
            sim->order[count++] = i;
        }
    }
    if (count > 1 && oc_io__sim_draw(sim->net, OC_IO_SIM_SHUFFLE)) {
        shuffle(sim, count);
    }
    for (uint32_t i = 0; i < count && !oc_io__batch_is_full(batch); i++) {
        struct oc_io__conn *conn = &base->conns[sim->order[i]];
        bool has_news = oc_io__queue_is_empty(&conn->unread) &&
                        (peer_of(sim, conn)->in.size > 0 || !conn->eof_seen);
        if (has_news && oc_io__sim_draw(sim->net, OC_IO_SIM_LATE_INPUT)) {
            oc_io__sim_fault(sim->net, OC_IO_SIM_LATE_INPUT, conn->fd, peer_of(sim, conn)->in.size);
            sim->is_waiting_for_luck = true;
            continue;
        }
        serve(sim, batch, conn);
    }
}

static void serve(struct sim_io *sim, struct oc_io__batch *batch, struct oc_io__conn *conn)
{
    switch ((enum oc_io__conn_state)conn->state) {
    case OC_IO__CONNECTING:
        serve_connecting(sim, batch, conn);
        return;
    case OC_IO__OPEN:
    case OC_IO__BROKEN:
        serve_input(sim, batch, conn);
        return;
    case OC_IO__FLUSHING:
    case OC_IO__LINGERING:
        discard_input(sim, conn);
        return;
    case OC_IO__FREE:
    case OC_IO__ENDING:
    case OC_IO__ENDED:
        break;
    }
    OC_UNREACHABLE();
}

static void serve_connecting(struct sim_io *sim, struct oc_io__batch *batch,
                             struct oc_io__conn *conn)
{
    oc_io__emit(&sim->base, batch, OC_IO_CONNECTED, conn, conn->error);
    if (conn->error != 0) {
        end(sim, conn, conn->error, OC_IO_SIM_NOT_ACCEPTED);
        return;
    }
    conn->state = OC_IO__OPEN;
}

static void serve_input(struct sim_io *sim, struct oc_io__batch *batch, struct oc_io__conn *conn)
{
    struct oc_io__sim_peer *peer = peer_of(sim, conn);

    conn->sated = conn->sated && !oc_io__queue_is_empty(&conn->unread);
    if (conn->paused || !oc_io__deliver_unread(&sim->base, batch, conn)) {
        return;
    }
    /* It may give these back again: nothing more before that is known. */
    if (conn->sated) {
        return;
    }
    for (uint32_t reads = 0; peer->in.size > 0; reads++) {
        if (reads == READS_MAX || oc_io__batch_is_full(batch) || !receive_one(sim, batch, conn)) {
            return;
        }
    }
    if (peer->reset && !conn->eof_seen) {
        end(sim, conn, conn->error != 0 ? conn->error : -ECONNRESET, OC_IO_SIM_BROKEN);
    } else if (conn->state == OC_IO__BROKEN && peer->fin) {
        end(sim, conn, conn->error, OC_IO_SIM_BROKEN);
    } else if (peer->fin && !conn->eof_seen) {
        conn->eof_seen = true;
        (void)oc_io__deliver_unread(&sim->base, batch, conn);
    }
    /* As with the kernel's backends, a reset behind the end of the input is found by a send. */
}

static bool receive_one(struct sim_io *sim, struct oc_io__batch *batch, struct oc_io__conn *conn)
{
    struct oc_io__base *base = &sim->base;
    struct oc_io__pipe *in = &peer_of(sim, conn)->in;
    uint32_t want = in->size < base->config.buffer_size ? in->size : base->config.buffer_size;
    bool drawn = oc_io__sim_draw(sim->net, OC_IO_SIM_NO_BUFFER);
    uint32_t buffer = drawn ? OC_INDEX_NONE : oc_pool_take(&sim->free_buffers);

    if (buffer == OC_INDEX_NONE) {
        oc_io__sim_fault(sim->net, OC_IO_SIM_NO_BUFFER, conn->fd, in->size);
        base->stats.buffer_starved++;
        oc_io__note_conn(base, OC_IO_FLIGHT_STARVED, conn, 0);
        sim->is_waiting_for_luck = true;
        return false;
    }
    if (want > 1 &&
        (base->config.test_short_io || oc_io__sim_draw(sim->net, OC_IO_SIM_SHORT_READ))) {
        want = base->config.test_short_io ? 1 : oc_io__sim_piece(sim->net, want - 1);
        oc_io__sim_fault(sim->net, OC_IO_SIM_SHORT_READ, conn->fd, want);
    }
    uint32_t taken = oc_io__pipe_take(in, oc_io__buffer(base, buffer), want);
    OC_ASSERT(taken == want);
    base->stats.buffers_used++;
    oc_io__emit_buffer(base, batch, conn, buffer, 0, taken);
    oc_io_sim_note(sim->net, "program receives", conn->fd, taken);
    return true;
}

/** Input is dropped, but its end is awaited. */
static void discard_input(struct sim_io *sim, struct oc_io__conn *conn)
{
    struct oc_io__sim_peer *peer = peer_of(sim, conn);

    peer->in.size = 0;
    if (peer->reset) {
        end(sim, conn, -ECONNRESET, OC_IO_SIM_BROKEN);
    } else if (peer->fin && conn->state == OC_IO__LINGERING) {
        end(sim, conn, 0, OC_IO_SIM_CLOSED);
    } else if (peer->fin) {
        conn->eof_seen = true;
    }
}

/* --- accepting ----------------------------------------------------------------------------- */

static void serve_listeners(struct sim_io *sim, struct oc_io__batch *batch)
{
    struct oc_io_sim *net = sim->net;

    for (uint32_t i = 0; i < net->peer_count && !oc_io__batch_is_full(batch); i++) {
        if (net->peers[i].place != OC_IO__SIM_WAITING) {
            continue;
        }
        struct oc_io__listener *listener = oc_io__listener_find(&sim->base, net->peers[i].tag);
        if (listener != NULL && listener->pending) {
            accept_one(sim, batch, listener, (int)i);
        }
    }
}

static void accept_one(struct sim_io *sim, struct oc_io__batch *batch,
                       struct oc_io__listener *listener, int number)
{
    struct oc_io__base *base = &sim->base;
    struct oc_io_sim *net = sim->net;

    if (net->peers[number].reset || oc_io__sim_draw(net, OC_IO_SIM_ACCEPT_ABORTED)) {
        oc_io__sim_fault(net, OC_IO_SIM_ACCEPT_ABORTED, number, 0);
        oc_io__sim_peer_end(net, number, OC_IO_SIM_NOT_ACCEPTED);
        return;
    }
    if (oc_io__sim_draw(net, OC_IO_SIM_ACCEPT_FAILED)) {
        oc_io__sim_fault(net, OC_IO_SIM_ACCEPT_FAILED, number, 0);
        oc_io__emit_accept_failed(base, batch, listener->tag, -EMFILE);
        oc_io__listener_set_pending(base, listener, false);
        oc_io__listener_retry_later(base, listener);
        return;
    }
    struct oc_io__conn *conn = oc_io__conn_open(base, number, listener->tag, OC_IO__OPEN);
    if (conn == NULL) {
        oc_io__sim_fault(net, OC_IO_SIM_FULL_TABLE, number, 0);
        oc_io__emit_accept_failed(base, batch, listener->tag, -EMFILE);
        oc_io__sim_peer_end(net, number, OC_IO_SIM_NOT_ACCEPTED);
        return;
    }
    base->stats.accepted++;
    net->peers[number].place = OC_IO__SIM_ATTACHED;
    net->peers[number].conn = oc_io__conn_handle(base, conn);
    oc_io_sim_note(net, "accepted in slot", number, net->peers[number].conn.index);
    oc_io__emit(base, batch, OC_IO_ACCEPTED, conn, 0);
}

/** Another order of the first `count` connections of this round. */
static void shuffle(struct sim_io *sim, uint32_t count)
{
    for (uint32_t i = count - 1; i > 0; i--) {
        uint32_t j = (uint32_t)oc_random_below(&sim->net->random, i + 1);
        uint32_t swap = sim->order[i];
        sim->order[i] = sim->order[j];
        sim->order[j] = swap;
    }
    oc_io__sim_fault(sim->net, OC_IO_SIM_SHUFFLE, -1, count);
}
