/*
 * The epoll backend.
 *
 * Edge-triggered, and each connection is told to epoll once, for everything: no epoll_ctl after the
 * add. So what an edge said is remembered in the connection (readable, send_blocked), and whoever
 * could not be served to the end this turn stays on the ready list. A turn is: one sendmsg for each
 * connection that owes, one epoll_wait, then receives until a short read. There is no other
 * bookkeeping between epoll and the connection, and no callback.
 */
#define _GNU_SOURCE /* epoll_pwait2 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "io/epoll.h"

/** How often a spinning poll looks at the clock, in calls of epoll_wait. */
#define SPINS_PER_CLOCK 8

static struct oc_io__epoll *epoll_of(struct oc_io *io);
static void give_back(struct oc_io__epoll *epoll);
static void flush(struct oc_io__epoll *epoll);
static void flush_one(struct oc_io__epoll *epoll, struct oc_io__conn *conn);
static void half_close(struct oc_io__epoll *epoll, struct oc_io__conn *conn);
static int wait_edges(struct oc_io__epoll *epoll, uint64_t wait_ns);
static int block(struct oc_io__epoll *epoll, uint64_t wait_ns);
static void mark_edges(struct oc_io__epoll *epoll, int count);
static void mark_conn(struct oc_io__epoll *epoll, struct oc_io__conn *conn, uint32_t mask);
static void expire(struct oc_io__epoll *epoll);

/* --- slots --------------------------------------------------------------------------------- */

static int epoll_open(const struct oc_io_config *config, struct oc_io **io)
{
    struct oc_io__base *base = NULL;

    int rc = oc_io__base_open(&oc_io_epoll_ops, config, sizeof(struct oc_io__epoll), &base);
    if (rc < 0) {
        return rc;
    }
    struct oc_io__epoll *epoll = (struct oc_io__epoll *)base;
    epoll->epoll_fd = -1;
    epoll->discard = oc_arena_alloc(config->arena, 1, config->buffer_size, 0);
    if (epoll->discard == NULL) {
        return -ENOMEM;
    }
    rc = oc_pool_init(&epoll->free_buffers, config->arena, config->buffer_count);
    if (rc < 0) {
        return rc;
    }
    *io = &base->io;
    return 0;
}

static int epoll_start(struct oc_io *io)
{
    struct oc_io__epoll *epoll = (struct oc_io__epoll *)io;

    int rc = oc_io__base_start(&epoll->base);
    if (rc < 0) {
        return rc;
    }
    epoll->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll->epoll_fd < 0) {
        rc = -errno;
        oc_io__base_shutdown(&epoll->base);
        return rc;
    }
    rc = oc_io__epoll_watch(epoll, atomic_load(&epoll->base.wake_fd), EPOLLIN | EPOLLET,
                            oc_io__epoll_data(OC_IO__EPOLL_EDGE_WAKE, 0, 0));
    if (rc < 0) {
        close(epoll->epoll_fd);
        oc_io__base_shutdown(&epoll->base);
        return rc;
    }
    epoll->base.stats.system_calls = 0;
    return 0;
}

static int epoll_listen(struct oc_io *io, int fd, uint64_t tag)
{
    struct oc_io__epoll *epoll = epoll_of(io);
    struct oc_io__listener *listener = NULL;

    int rc = oc_io__listener_open(&epoll->base, fd, tag, &listener);
    if (rc < 0) {
        return rc;
    }
    uint32_t index = (uint32_t)(listener - epoll->base.listeners);
    rc = oc_io__epoll_watch(
        epoll, fd, EPOLLIN,
        oc_io__epoll_data(OC_IO__EPOLL_EDGE_LISTENER, listener->generation, index));
    if (rc < 0) {
        oc_io__listener_close(&epoll->base, listener);
        return rc;
    }
    listener->armed = true;
    return 0;
}

static int epoll_unlisten(struct oc_io *io, uint64_t tag)
{
    struct oc_io__epoll *epoll = epoll_of(io);
    struct oc_io__listener *listener = oc_io__listener_find(&epoll->base, tag);

    if (listener == NULL) {
        return -ENOENT;
    }
    oc_io__epoll_counted(epoll, epoll_ctl(epoll->epoll_fd, EPOLL_CTL_DEL, listener->fd, NULL));
    oc_io__listener_close(&epoll->base, listener);
    return 0;
}

static int epoll_connect(struct oc_io *io, const struct sockaddr *address, socklen_t size,
                         const char *congestion, uint64_t tag, struct oc_conn *handle)
{
    struct oc_io__epoll *epoll = epoll_of(io);
    struct oc_io__conn *conn = NULL;

    int fd = oc_io__connect_socket(&epoll->base, address->sa_family, SOCK_NONBLOCK, congestion);
    if (fd < 0) {
        return fd;
    }
    conn = oc_io__conn_open(&epoll->base, fd, tag, OC_IO__CONNECTING);
    if (conn == NULL) {
        close(fd);
        return -ENOBUFS;
    }
    *handle = oc_io__conn_handle(&epoll->base, conn);
    int rc = oc_io__epoll_counted(epoll, connect(fd, address, size));
    if (rc == 0 || rc == -EINPROGRESS) {
        rc = oc_io__epoll_watch(
            epoll, fd, OC_IO__EPOLL_EDGE_MASK,
            oc_io__epoll_data(OC_IO__EPOLL_EDGE_CONN, handle->generation, handle->index));
    }
    if (rc < 0) {
        /* The answer comes with the next poll, like every other. */
        conn->error = rc;
        oc_io__list_push(&epoll->base, OC_IO__LIST_READY, conn);
    }
    return 0;
}

static int epoll_adopt(struct oc_io *io, int fd, uint64_t tag, const void *unread,
                       uint32_t unread_size, struct oc_conn *handle)
{
    struct oc_io__epoll *epoll = epoll_of(io);
    struct oc_io__conn *conn = NULL;

    int rc = oc_io__conn_adopt(&epoll->base, fd, tag, unread, unread_size, &conn);
    if (rc < 0) {
        return rc;
    }
    *handle = oc_io__conn_handle(&epoll->base, conn);
    rc = oc_io__epoll_counted(epoll, fcntl(fd, F_SETFL, O_NONBLOCK));
    if (rc == 0) {
        rc = oc_io__epoll_watch(
            epoll, fd, OC_IO__EPOLL_EDGE_MASK,
            oc_io__epoll_data(OC_IO__EPOLL_EDGE_CONN, handle->generation, handle->index));
    }
    if (rc < 0) {
        oc_io__conn_unadopt(&epoll->base, conn);
    }
    return rc;
}

static int epoll_poll(struct oc_io *io, struct oc_io_event *events, uint32_t capacity,
                      uint64_t timeout_ns, uint64_t *now_ns)
{
    struct oc_io__epoll *epoll = epoll_of(io);
    struct oc_io__base *base = &epoll->base;
    struct oc_io__batch batch = {.events = events, .capacity = capacity};

    OC_ASSERT(capacity > 0);
    OC_ASSERT(capacity <= OC_IO_EVENTS_MAX);
    base->stats.polls++;
    give_back(epoll);
    /* Who does not wait needs no clock before; time only has to go on for those who do. */
    uint64_t start_ns = timeout_ns == 0 ? base->now_ns : oc_io__clock_ns();
    base->now_ns = start_ns;
    for (;;) {
        flush(epoll);
        oc_io__deliver(base, &batch);
        uint64_t left_ns = 0;
        bool idle = batch.count == 0 && !oc_io__epoll_has_ready(epoll) &&
                    base->lists[OC_IO__LIST_DIRTY].count == 0 && base->listeners_pending == 0;
        if (idle) {
            left_ns = oc_io__left_ns(base, start_ns, timeout_ns);
        }
        int count = wait_edges(epoll, oc_io__wait_ns(base, base->now_ns, left_ns));
        if (count < 0 && count != -EINTR) {
            return count;
        }
        base->now_ns = oc_io__clock_ns();
        mark_edges(epoll, count);
        expire(epoll);
        oc_io__epoll_serve_ready(epoll, &batch);
        oc_io__epoll_serve_listeners(epoll, &batch);
        oc_io__deliver(base, &batch);
        if (batch.count > 0 || count == -EINTR || oc_io__left_ns(base, start_ns, timeout_ns) == 0) {
            break;
        }
    }
    oc_io__batch_done(base, &batch);
    *now_ns = base->now_ns;
    return (int)batch.count;
}

static int epoll_receive(struct oc_io *io, struct oc_conn handle, bool on)
{
    struct oc_io__epoll *epoll = epoll_of(io);
    struct oc_io__conn *conn = oc_io__conn_find(&epoll->base, handle);

    if (conn == NULL || (conn->state != OC_IO__OPEN && conn->state != OC_IO__BROKEN)) {
        return -ENOTCONN;
    }
    oc_io__conn_pause(&epoll->base, conn, on);
    if (on) {
        oc_io__list_push(&epoll->base, OC_IO__LIST_READY, conn);
    } else {
        oc_io__list_remove(&epoll->base, OC_IO__LIST_READY, conn);
    }
    return 0;
}

static int epoll_close(struct oc_io *io, struct oc_conn handle, enum oc_io_close_mode mode)
{
    struct oc_io__epoll *epoll = epoll_of(io);
    struct oc_io__conn *conn = oc_io__conn_find(&epoll->base, handle);

    if (conn == NULL) {
        return -ENOTCONN;
    }
    oc_io__conn_let_go(&epoll->base, conn);
    if (conn->state == OC_IO__ENDED) {
        return 0;
    }
    if (mode == OC_IO_CLOSE_ABORT || conn->state == OC_IO__CONNECTING) {
        oc_io__conn_reset(&epoll->base, conn);
        oc_io__conn_end(&epoll->base, conn);
    } else if (conn->state == OC_IO__BROKEN) {
        oc_io__conn_end(&epoll->base, conn);
    } else if (conn->state == OC_IO__OPEN) {
        oc_io__conn_flush(&epoll->base, conn);
        if (conn->readable) {
            oc_io__list_push(&epoll->base, OC_IO__LIST_READY, conn);
        }
    }
    return 0;
}

static void epoll_shutdown(struct oc_io *io)
{
    struct oc_io__epoll *epoll = epoll_of(io);

    oc_io__base_shutdown(&epoll->base);
    close(epoll->epoll_fd);
    epoll->epoll_fd = -1;
}

const struct oc_io_ops oc_io_epoll_ops = {
    .name = "epoll",
    .open = epoll_open,
    .start = epoll_start,
    .listen = epoll_listen,
    .unlisten = epoll_unlisten,
    .connect = epoll_connect,
    .adopt = epoll_adopt,
    .poll = epoll_poll,
    .receive = epoll_receive,
    .unreceive = oc_io__unreceive,
    .has_input = oc_io__has_input,
    .send = oc_io__send,
    .chunk_open = oc_io__chunk_open,
    .send_shared = oc_io__send_shared,
    .chunk_release = oc_io__chunk_give,
    .owed = oc_io__owed,
    .owed_most = oc_io__owed_most,
    .close = epoll_close,
    .peer = oc_io__peer,
    .wake = oc_io__wake,
    .stats = oc_io__stats,
    .shutdown = epoll_shutdown,
};

/* --- small things -------------------------------------------------------------------------- */

static struct oc_io__epoll *epoll_of(struct oc_io *io)
{
    return (struct oc_io__epoll *)oc_io__base_of(io);
}

int oc_io__epoll_watch(struct oc_io__epoll *epoll, int fd, uint32_t mask, uint64_t data)
{
    struct epoll_event event = {.events = mask, .data.u64 = data};

    return oc_io__epoll_counted(epoll, epoll_ctl(epoll->epoll_fd, EPOLL_CTL_ADD, fd, &event));
}

int oc_io__epoll_counted(struct oc_io__epoll *epoll, long result)
{
    epoll->base.stats.system_calls++;
    return result < 0 ? -errno : (int)result;
}

/** What the last poll() lent ends here. */
static void give_back(struct oc_io__epoll *epoll)
{
    struct oc_io__base *base = &epoll->base;

    oc_io__take_back(base);
    for (uint32_t i = 0; i < base->borrowed_count; i++) {
        oc_pool_give(&epoll->free_buffers, base->borrowed[i]);
    }
    base->borrowed_count = 0;
    base->stats.buffers_used = base->pinned;
}

/* --- sending ------------------------------------------------------------------------------- */

static void flush(struct oc_io__epoll *epoll)
{
    /* Those that put themselves back have had their share of this turn. */
    for (uint32_t count = epoll->base.lists[OC_IO__LIST_DIRTY].count; count > 0; count--) {
        struct oc_io__conn *conn = oc_io__list_pop(&epoll->base, OC_IO__LIST_DIRTY);
        if (conn == NULL) {
            break;
        }
        if (conn->out.size > 0) {
            flush_one(epoll, conn);
        } else if (conn->state == OC_IO__FLUSHING) {
            half_close(epoll, conn);
        }
    }
}

/** One send of what the connection owes, and what follows from the answer. */
static void flush_one(struct oc_io__epoll *epoll, struct oc_io__conn *conn)
{
    struct oc_io__base *base = &epoll->base;
    struct iovec vector[OC_IO__VECTOR_MAX];
    uint32_t size = 0;
    uint32_t count = oc_io__queue_vector(&base->chunks, &conn->out, vector, OC_IO__VECTOR_MAX,
                                         &size);
    struct msghdr message = {.msg_iov = vector, .msg_iovlen = count};

    if (base->config.test_short_io) {
        message.msg_iovlen = 1;
        vector[0].iov_len = 1;
        size = 1;
    }
    int sent = oc_io__epoll_counted(
        epoll, count == 1 ? send(conn->fd, vector[0].iov_base, vector[0].iov_len,
                                 MSG_NOSIGNAL | MSG_DONTWAIT)
                          : sendmsg(conn->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT));
    base->stats.send_count++;
    oc_io__note_conn(base, OC_IO_FLIGHT_SENT, conn, sent);
    if (sent < 0 && sent != -EAGAIN && sent != -EINTR) {
        bool has_input = !conn->eof_seen || !oc_io__queue_is_empty(&conn->unread);
        if (conn->state == OC_IO__FLUSHING || !has_input) {
            conn->error = sent;
            oc_io__conn_end(base, conn);
            return;
        }
        /* What the peer sent before it went away is still to be told. */
        oc_io__conn_break(base, conn, sent, 0);
        conn->readable = true;
        conn->hung_up = true;
        oc_io__list_push(base, OC_IO__LIST_READY, conn);
        return;
    }
    if (sent > 0) {
        oc_io__queue_consume(&base->chunks, &conn->out, (uint32_t)sent);
        base->stats.sent_bytes += (uint64_t)sent;
        if (conn->state == OC_IO__FLUSHING) {
            oc_io__conn_flush_goes_on(base, conn);
        }
    }
    if (sent != -EINTR && sent < (int)size) {
        base->stats.short_sends++;
        conn->send_blocked = true;
        return;
    }
    if (conn->out.size > 0) {
        oc_io__list_push(base, OC_IO__LIST_DIRTY, conn);
    } else if (conn->state == OC_IO__FLUSHING) {
        half_close(epoll, conn);
    }
}

/** Everything is sent: now our FIN; after the peer's the connection is over. */
static void half_close(struct oc_io__epoll *epoll, struct oc_io__conn *conn)
{
    if (conn->eof_seen) {
        oc_io__conn_end(&epoll->base, conn);
        return;
    }
    int rc = oc_io__epoll_counted(epoll, shutdown(conn->fd, SHUT_WR));
    if (rc < 0) {
        conn->error = rc;
        oc_io__conn_end(&epoll->base, conn);
        return;
    }
    conn->state = OC_IO__LINGERING;
    oc_io__conn_flush_goes_on(&epoll->base, conn);
}

/* --- waiting ------------------------------------------------------------------------------- */

/** Edges from the kernel, at most wait_ns from base.now_ns on: spins first, then blocks. */
static int wait_edges(struct oc_io__epoll *epoll, uint64_t wait_ns)
{
    struct oc_io__base *base = &epoll->base;
    uint64_t spin_ns = base->config.busy_poll_ns < wait_ns ? base->config.busy_poll_ns : wait_ns;

    if (wait_ns == 0 || spin_ns > 0) {
        uint64_t elapsed_ns = 0;
        for (uint32_t spins = 1;; spins++) {
            int count = oc_io__epoll_counted(
                epoll, epoll_wait(epoll->epoll_fd, epoll->edges, OC_IO__EPOLL_EDGES_MAX, 0));
            if (count != 0 || wait_ns == 0 || atomic_load(&base->woken)) {
                return count;
            }
            if (spins % SPINS_PER_CLOCK != 0) {
                continue;
            }
            elapsed_ns = oc_io__clock_ns() - base->now_ns;
            if (elapsed_ns >= wait_ns) {
                return 0;
            }
            if (elapsed_ns >= spin_ns) {
                break;
            }
        }
        wait_ns -= wait_ns == UINT64_MAX ? 0 : elapsed_ns;
    }
    return block(epoll, wait_ns);
}

static int block(struct oc_io__epoll *epoll, uint64_t wait_ns)
{
    struct oc_io__base *base = &epoll->base;
    int count = -ENOSYS;

    atomic_store(&base->sleeping, true);
    if (atomic_load(&base->woken)) {
        wait_ns = 0;
    }
    base->stats.waits++;
    if (!epoll->no_pwait2) {
        struct timespec wait = {
            .tv_sec = (time_t)(wait_ns / 1000000000ULL),
            .tv_nsec = (long)(wait_ns % 1000000000ULL),
        };
        count = oc_io__epoll_counted(
            epoll, epoll_pwait2(epoll->epoll_fd, epoll->edges, OC_IO__EPOLL_EDGES_MAX,
                                wait_ns == UINT64_MAX ? NULL : &wait, NULL));
        /* Before Linux 5.11 it does not exist; a sandbox may not know it. */
        epoll->no_pwait2 = count == -ENOSYS || count == -EPERM;
    }
    if (epoll->no_pwait2) {
        uint64_t wait_ms = wait_ns / 1000000ULL + (wait_ns % 1000000ULL != 0 ? 1 : 0);
        count = oc_io__epoll_counted(epoll, epoll_wait(epoll->epoll_fd, epoll->edges,
                                                       OC_IO__EPOLL_EDGES_MAX,
                                                       wait_ms > INT32_MAX ? -1 : (int)wait_ms));
    }
    atomic_store(&base->sleeping, false);
    return count;
}

/** Turns edges into what is remembered of each connection; nothing is read, sent or closed here. */
static void mark_edges(struct oc_io__epoll *epoll, int count)
{
    struct oc_io__base *base = &epoll->base;

    for (int i = 0; i < count; i++) {
        uint64_t data = epoll->edges[i].data.u64;
        uint32_t generation = (uint32_t)data;
        uint32_t index = (uint32_t)(data >> 32) & 0xffffffU;
        if (data >> 56 == OC_IO__EPOLL_EDGE_CONN) {
            struct oc_io__conn *conn = oc_io__conn_find(
                base, (struct oc_conn){.index = index, .generation = generation});
            if (conn != NULL) {
                mark_conn(epoll, conn, epoll->edges[i].events);
            }
        } else if (data >> 56 == OC_IO__EPOLL_EDGE_LISTENER) {
            struct oc_io__listener *listener = &base->listeners[index];
            if (listener->state == OC_IO__LISTENER_OPEN && listener->generation == generation) {
                oc_io__listener_set_pending(base, listener, true);
            }
        }
        /* The edge of wake_fd ended the wait; `woken` says the rest. */
    }
}

static void mark_conn(struct oc_io__epoll *epoll, struct oc_io__conn *conn, uint32_t mask)
{
    struct oc_io__base *base = &epoll->base;
    bool is_input = (mask & ~(uint32_t)EPOLLOUT) != 0;

    if (conn->state == OC_IO__ENDED) {
        return;
    }
    if (is_input && !conn->eof_seen) {
        conn->readable = true;
        conn->hung_up = conn->hung_up || (mask & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    }
    if ((is_input && !conn->paused) || conn->state == OC_IO__CONNECTING) {
        oc_io__list_push(base, OC_IO__LIST_READY, conn);
    }
    if (conn->send_blocked && (mask & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) {
        conn->send_blocked = false;
        oc_io__list_push(base, OC_IO__LIST_DIRTY, conn);
    }
}

static void expire(struct oc_io__epoll *epoll)
{
    struct oc_io__base *base = &epoll->base;
    uint32_t timer;

    oc_timer_wheel_advance(&base->wheel, base->now_ns);
    while ((timer = oc_timer_wheel_pop(&base->wheel)) != OC_INDEX_NONE) {
        if (timer >= base->config.connections_max) {
            struct oc_io__listener *listener =
                &base->listeners[timer - base->config.connections_max];
            oc_io__listener_set_pending(base, listener, true);
            continue;
        }
        struct oc_io__conn *conn = &base->conns[timer];
        if (conn->state == OC_IO__FLUSHING) {
            /* A FIN would pass what was cut off for the whole. */
            conn->error = -ETIMEDOUT;
            oc_io__conn_reset(base, conn);
        }
        oc_io__conn_end(base, conn);
    }
}
