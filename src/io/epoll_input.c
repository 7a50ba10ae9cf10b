/*
 * The epoll backend's input: receiving, accepting, the answer to connect().
 *
 * An edge is told once, so whoever is not served to the end stays on the ready list: a connection
 * that has had its share of the turn, one for which no buffer or no room in the batch is left.
 * Listeners are told by level: there, asking until nothing is left costs more than being told
 * again.
 */
#define _GNU_SOURCE /* accept4 */
#include <errno.h>
#include <unistd.h>

#include "io/epoll.h"

/** Receives of one connection in one turn: a flooding one gets no more than 4 buffers of it. */
#define READS_MAX 4
/** Connections accepted from one listener in one turn. */
#define ACCEPTS_MAX 64

static bool serve(struct oc_io__epoll *epoll, struct oc_io__batch *batch, struct oc_io__conn *conn);
static bool serve_connecting(struct oc_io__epoll *epoll, struct oc_io__batch *batch,
                             struct oc_io__conn *conn);
static bool serve_input(struct oc_io__epoll *epoll, struct oc_io__batch *batch,
                        struct oc_io__conn *conn);
static ssize_t receive_one(struct oc_io__epoll *epoll, struct oc_io__batch *batch,
                           struct oc_io__conn *conn);
static bool discard_input(struct oc_io__epoll *epoll, struct oc_io__conn *conn);
static void input_ended(struct oc_io__epoll *epoll, struct oc_io__batch *batch,
                        struct oc_io__conn *conn, int error);
static void accept_some(struct oc_io__epoll *epoll, struct oc_io__batch *batch,
                        struct oc_io__listener *listener);
static uint32_t accept_share(const struct oc_io__epoll *epoll, struct oc_io__listener *listener);
static void listener_watch(struct oc_io__epoll *epoll, struct oc_io__listener *listener, bool on);

/** Without a buffer only those are served who have input already, or need none. */
static bool can_serve(const struct oc_io__epoll *epoll, const struct oc_io__conn *conn)
{
    bool receives = conn->state == OC_IO__OPEN || conn->state == OC_IO__BROKEN;

    return oc_pool_used(&epoll->free_buffers) < epoll->base.config.buffer_count || !receives ||
           !oc_io__queue_is_empty(&conn->unread);
}

bool oc_io__epoll_has_ready(const struct oc_io__epoll *epoll)
{
    const struct oc_io__base *base = &epoll->base;
    uint32_t index = base->lists[OC_IO__LIST_READY].head;

    while (index != OC_INDEX_NONE && !can_serve(epoll, &base->conns[index])) {
        index = base->conns[index].links[OC_IO__LIST_READY].next;
    }
    return index != OC_INDEX_NONE;
}

void oc_io__epoll_serve_ready(struct oc_io__epoll *epoll, struct oc_io__batch *batch)
{
    struct oc_io__base *base = &epoll->base;
    uint32_t next = base->lists[OC_IO__LIST_READY].head;

    for (uint32_t count = base->lists[OC_IO__LIST_READY].count; count > 0; count--) {
        if (oc_io__batch_is_full(batch)) {
            return;
        }
        struct oc_io__conn *conn = &base->conns[next];
        next = conn->links[OC_IO__LIST_READY].next;
        /* Who finds no buffer keeps its place: whoever is first has waited longest. */
        if (!can_serve(epoll, conn)) {
            continue;
        }
        oc_io__list_remove(base, OC_IO__LIST_READY, conn);
        if (serve(epoll, batch, conn)) {
            oc_io__list_push(base, OC_IO__LIST_READY, conn);
        }
    }
}

/** Returns whether there is more to do for this connection, in the next turn. */
static bool serve(struct oc_io__epoll *epoll, struct oc_io__batch *batch, struct oc_io__conn *conn)
{
    switch ((enum oc_io__conn_state)conn->state) {
    case OC_IO__CONNECTING:
        return serve_connecting(epoll, batch, conn);
    case OC_IO__OPEN:
    case OC_IO__BROKEN:
        return serve_input(epoll, batch, conn);
    case OC_IO__FLUSHING:
    case OC_IO__LINGERING:
        return discard_input(epoll, conn);
    case OC_IO__FREE:
    case OC_IO__ENDING:
    case OC_IO__ENDED:
        break;
    }
    OC_UNREACHABLE();
}

static bool serve_connecting(struct oc_io__epoll *epoll, struct oc_io__batch *batch,
                             struct oc_io__conn *conn)
{
    int error = -conn->error;
    socklen_t size = sizeof(error);

    if (error == 0) {
        int rc = oc_io__epoll_counted(epoll,
                                      getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &size));
        error = rc < 0 ? -rc : error;
    }
    oc_io__emit(&epoll->base, batch, OC_IO_CONNECTED, conn, -error);
    if (error != 0) {
        conn->error = -error;
        oc_io__conn_end(&epoll->base, conn);
        return false;
    }
    conn->state = OC_IO__OPEN;
    return conn->readable;
}

static bool serve_input(struct oc_io__epoll *epoll, struct oc_io__batch *batch,
                        struct oc_io__conn *conn)
{
    uint32_t want = epoll->base.config.test_short_io ? 1 : epoll->base.config.buffer_size;

    if (conn->paused) {
        return false;
    }
    conn->sated = conn->sated && !oc_io__queue_is_empty(&conn->unread);
    if (!oc_io__deliver_unread(&epoll->base, batch, conn)) {
        return true;
    }
    /* It may give these back again: nothing more before that is known. */
    if (conn->sated) {
        return true;
    }
    for (uint32_t reads = 0; conn->readable; reads++) {
        if (reads == READS_MAX || oc_io__batch_is_full(batch)) {
            return true;
        }
        ssize_t received = receive_one(epoll, batch, conn);
        if (received == -ENOBUFS) {
            return true;
        }
        if (received == -EAGAIN) {
            conn->readable = false;
        } else if (received > 0) {
            /* A short read emptied the socket, and what comes now is a new edge; but FIN or an
             * error behind the bytes is part of the old one. */
            conn->readable = received == (ssize_t)want || conn->hung_up;
        } else if (received != -EINTR) {
            input_ended(epoll, batch, conn, (int)received);
            break;
        }
    }
    return conn->state == OC_IO__OPEN && conn->eof_seen && !conn->eof_told;
}

/** Returns bytes received and told; 0 at the end of input; -ENOBUFS without a buffer; -errno. */
static ssize_t receive_one(struct oc_io__epoll *epoll, struct oc_io__batch *batch,
                           struct oc_io__conn *conn)
{
    struct oc_io__base *base = &epoll->base;
    uint32_t buffer = oc_pool_take(&epoll->free_buffers);
    size_t want = base->config.test_short_io ? 1 : base->config.buffer_size;

    if (buffer == OC_INDEX_NONE) {
        base->stats.buffer_starved++;
        oc_io__note_conn(base, OC_IO_FLIGHT_STARVED, conn, 0);
        return -ENOBUFS;
    }
    int received = oc_io__epoll_counted(
        epoll, recv(conn->fd, oc_io__buffer(base, buffer), want, MSG_DONTWAIT));
    if (received <= 0) {
        oc_pool_give(&epoll->free_buffers, buffer);
        return received == -ENOBUFS ? -EAGAIN : received;
    }
    base->stats.buffers_used++;
    oc_io__emit_buffer(base, batch, conn, buffer, 0, (uint32_t)received);
    return received;
}

/** Input is dropped, but its end is awaited. */
static bool discard_input(struct oc_io__epoll *epoll, struct oc_io__conn *conn)
{
    struct oc_io__base *base = &epoll->base;

    for (uint32_t reads = 0; conn->readable && reads < READS_MAX; reads++) {
        int received = oc_io__epoll_counted(
            epoll, recv(conn->fd, epoll->discard, base->config.buffer_size, MSG_DONTWAIT));
        if (received == -EAGAIN) {
            conn->readable = false;
        } else if (received == 0 && conn->state == OC_IO__FLUSHING) {
            conn->readable = false;
            conn->eof_seen = true;
        } else if (received <= 0 && received != -EINTR) {
            conn->error = received;
            oc_io__conn_end(base, conn);
            return false;
        }
    }
    return conn->readable;
}

/** Of a connection that still receives: the peer's FIN (error 0), or what broke it. */
static void input_ended(struct oc_io__epoll *epoll, struct oc_io__batch *batch,
                        struct oc_io__conn *conn, int error)
{
    conn->readable = false;
    if (error == 0 && conn->state == OC_IO__OPEN) {
        conn->eof_seen = true;
        oc_io__deliver_unread(&epoll->base, batch, conn);
        return;
    }
    if (conn->error == 0) {
        conn->error = error;
    }
    oc_io__conn_end(&epoll->base, conn);
}

/* --- accepting ----------------------------------------------------------------------------- */

void oc_io__epoll_serve_listeners(struct oc_io__epoll *epoll, struct oc_io__batch *batch)
{
    if (epoll->base.listeners_pending == 0) {
        return;
    }
    for (uint32_t i = 0; i < OC_IO__LISTENERS_MAX; i++) {
        if (epoll->base.listeners[i].pending) {
            accept_some(epoll, batch, &epoll->base.listeners[i]);
        }
    }
}

static void accept_some(struct oc_io__epoll *epoll, struct oc_io__batch *batch,
                        struct oc_io__listener *listener)
{
    struct oc_io__base *base = &epoll->base;

    if (oc_io__batch_is_full(batch)) {
        return;
    }
    oc_io__listener_set_pending(base, listener, false);
    uint32_t share = accept_share(epoll, listener);
    for (uint32_t i = 0; i < share && !oc_io__batch_is_full(batch); i++) {
        int fd = oc_io__epoll_counted(
            epoll, accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (fd < 0 && fd != -EAGAIN && !oc_io__accept_is_transient(fd)) {
            oc_io__emit_accept_failed(base, batch, listener->tag, fd);
            listener_watch(epoll, listener, false);
            oc_io__listener_retry_later(base, listener);
            return;
        }
        listener_watch(epoll, listener, true);
        if (fd == -EAGAIN) {
            listener->share = 0;
            return;
        }
        if (fd < 0) {
            continue;
        }
        struct oc_io__conn *conn = oc_io__listener_accepted(base, batch, listener, fd);
        if (conn == NULL) {
            continue;
        }
        struct oc_conn handle = oc_io__conn_handle(base, conn);
        int rc = oc_io__epoll_watch(
            epoll, fd, OC_IO__EPOLL_EDGE_MASK,
            oc_io__epoll_data(OC_IO__EPOLL_EDGE_CONN, handle.generation, handle.index));
        if (rc < 0) {
            conn->error = rc;
            oc_io__conn_end(base, conn);
        }
    }
}

/**
 * How many connections to accept in this turn: one, because an accept4 that answers EAGAIN makes a
 * socket and a descriptor before it looks, and who is left is told again; but twice as many as in
 * the turn before if there somebody was left.
 */
static uint32_t accept_share(const struct oc_io__epoll *epoll, struct oc_io__listener *listener)
{
    uint64_t polls = epoll->base.stats.polls;
    bool again = listener->share > 0 && polls - listener->polls <= 1;
    uint32_t share = again ? listener->share * 2 : 1;

    listener->share = share < ACCEPTS_MAX ? share : ACCEPTS_MAX;
    listener->polls = polls;
    return listener->share;
}

/** Whoever cannot be accepted (no descriptor is left) must not end every wait until the retry. */
static void listener_watch(struct oc_io__epoll *epoll, struct oc_io__listener *listener, bool on)
{
    struct epoll_event event = {
        .events = on ? EPOLLIN : 0,
        .data.u64 = oc_io__epoll_data(OC_IO__EPOLL_EDGE_LISTENER, listener->generation,
                                      (uint32_t)(listener - epoll->base.listeners)),
    };

    if (listener->armed != on) {
        listener->armed = on;
        (void)oc_io__epoll_counted(epoll,
                                   epoll_ctl(epoll->epoll_fd, EPOLL_CTL_MOD, listener->fd, &event));
    }
}
