/*
 * The io_uring backend: the slots of the table, and the turn.
 *
 * A turn is one io_uring_enter: it submits every send and every re-armed receive of the turn, runs
 * what the kernel has put off (DEFER_TASKRUN) and waits. Only where more is put off than the kernel
 * runs at once are there others. If completions are there already and nothing is to be submitted or
 * put off, it is none. Accept and receive are multishot: armed once for each listener and
 * connection. uring.h says which file does what, and docs/io-backends.md which techniques are used,
 * and which are not, and why.
 */
#define _GNU_SOURCE /* liburing.h wants cpu_set_t */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "io/uring.h"

/** How often a spinning poll looks at the clock. */
#define SPINS_PER_CLOCK 32
/** unlisten() enters so often until the kernel has taken the cancellation: one that has no memory
 * just now takes nothing. */
#define UNLISTEN_TRIES 20U
/** An enter runs about 20 pieces of put-off work (Linux 6.13 and later); poll() enters so often
 * again while more is there: enough for a batch, and an end if none of it completes anything. */
#define GATHER_ENTERS (OC_IO_EVENTS_MAX / 16U)
/** What an enter usually completes at most, rounded up. */
#define ENTER_COMPLETIONS 32U
/** shutdown() waits this long for the kernel to let go of everything. */
#define SHUTDOWN_NS 1000000000ULL

static struct oc_io__uring *uring_of(struct oc_io *io);
static void give_back(struct oc_io__uring *uring);
static void arm(struct oc_io__uring *uring);
static void flush(struct oc_io__uring *uring);
static void serve_ready(struct oc_io__uring *uring, struct oc_io__batch *batch);
static bool is_idle(const struct oc_io__uring *uring);
static bool gathers(const struct oc_io__uring *uring, uint32_t room, unsigned tries);
static int turn(struct oc_io__uring *uring, uint64_t wait_ns);
static int spin_then_block(struct oc_io__uring *uring, uint64_t wait_ns);
static int reap(struct oc_io__uring *uring, struct oc_io__batch *batch);
static void expire(struct oc_io__uring *uring);
static void let_go(struct oc_io__uring *uring);

/* --- slots --------------------------------------------------------------------------------- */

static int uring_open(const struct oc_io_config *config, struct oc_io **io)
{
    struct oc_io__base *base = NULL;

    int rc = oc_io__base_open(&oc_io_uring_ops, config, sizeof(struct oc_io__uring), &base);
    if (rc < 0) {
        return rc;
    }
    struct oc_io__uring *uring = (struct oc_io__uring *)base;
    uring->scratch = oc_arena_alloc(config->arena, config->queue_depth, sizeof(*uring->scratch), 0);
    uring->buffer_ring_memory = oc_arena_alloc(config->arena, config->buffer_count,
                                               sizeof(struct io_uring_buf), 4096);
    if (uring->scratch == NULL || uring->buffer_ring_memory == NULL) {
        return -ENOMEM;
    }
    *io = &base->io;
    return 0;
}

static int uring_start(struct oc_io *io)
{
    struct oc_io__uring *uring = (struct oc_io__uring *)io;
    struct oc_io__base *base = &uring->base;

    int rc = oc_io__base_start(base);
    if (rc < 0) {
        return rc;
    }
    rc = oc_io__ring_open(&uring->ring, base->config.queue_depth);
    if (rc < 0) {
        goto fail;
    }
    rc = oc_io__ring_register_buffers(&uring->ring, uring->buffer_ring_memory,
                                      base->config.buffer_count);
    if (rc < 0) {
        goto fail;
    }
    for (uint32_t i = 0; i < base->config.buffer_count; i++) {
        base->borrowed[base->borrowed_count++] = i;
    }
    give_back(uring);
    return 0;

fail:
    oc_io__ring_close(&uring->ring);
    oc_io__base_shutdown(base);
    return rc;
}

static int uring_listen(struct oc_io *io, int fd, uint64_t tag)
{
    struct oc_io__uring *uring = uring_of(io);
    struct oc_io__listener *listener = NULL;

    int rc = oc_io__listener_open(&uring->base, fd, tag, &listener);
    if (rc < 0) {
        return rc;
    }
    /* On a non-blocking file io_uring answers -EAGAIN instead of waiting. */
    uring->base.stats.system_calls++;
    if (fcntl(fd, F_SETFL, 0) < 0) {
        rc = -errno;
        oc_io__listener_close(&uring->base, listener);
        return rc;
    }
    oc_io__listener_set_pending(&uring->base, listener, true);
    return 0;
}

static int uring_unlisten(struct oc_io *io, uint64_t tag)
{
    struct oc_io__uring *uring = uring_of(io);
    struct oc_io__listener *listener = oc_io__listener_find(&uring->base, tag);

    if (listener == NULL) {
        return -ENOENT;
    }
    uring->base.stats.system_calls++;
    (void)fcntl(listener->fd, F_SETFL, O_NONBLOCK);
    if (!listener->armed) {
        oc_io__listener_close(&uring->base, listener);
        return 0;
    }
    if (!oc_io__uring_cancel_accept(uring, listener)) {
        return -EAGAIN;
    }
    listener->state = OC_IO__LISTENER_ENDING;
    /* At once: the caller is going to close the descriptor, and the accept would keep its file
     * alive and listening. */
    for (unsigned tries = 0; tries < UNLISTEN_TRIES; tries++) {
        int rc = oc_io__uring_enter(uring, 0, 0);
        if (rc < 0 && rc != -EINTR) {
            return rc;
        }
        if (oc_io__ring_unsubmitted(&uring->ring) == 0) {
            break;
        }
    }
    return 0;
}

static int uring_connect(struct oc_io *io, const struct sockaddr *address, socklen_t size,
                         const char *congestion, uint64_t tag, struct oc_conn *handle)
{
    struct oc_io__uring *uring = uring_of(io);

    int fd = oc_io__connect_socket(&uring->base, address->sa_family, 0, congestion);
    if (fd < 0) {
        return fd;
    }
    struct oc_io__conn *conn = oc_io__conn_open(&uring->base, fd, tag, OC_IO__CONNECTING);
    if (conn == NULL) {
        close(fd);
        return -ENOBUFS;
    }
    if (!oc_io__uring_connect(uring, conn, address, size)) {
        oc_io__conn_unadopt(&uring->base, conn);
        close(fd);
        return -EAGAIN;
    }
    conn->connecting = true;
    *handle = oc_io__conn_handle(&uring->base, conn);
    return 0;
}

static int uring_adopt(struct oc_io *io, int fd, uint64_t tag, const void *unread,
                       uint32_t unread_size, struct oc_conn *handle)
{
    struct oc_io__uring *uring = uring_of(io);
    struct oc_io__conn *conn = NULL;

    int rc = oc_io__conn_adopt(&uring->base, fd, tag, unread, unread_size, &conn);
    if (rc < 0) {
        return rc;
    }
    uring->base.stats.system_calls++;
    if (fcntl(fd, F_SETFL, 0) < 0) {
        rc = -errno;
        oc_io__conn_unadopt(&uring->base, conn);
        return rc;
    }
    *handle = oc_io__conn_handle(&uring->base, conn);
    oc_io__uring_want_receive(uring, conn);
    return 0;
}

static int uring_poll(struct oc_io *io, struct oc_io_event *events, uint32_t capacity,
                      uint64_t timeout_ns, uint64_t *now_ns)
{
    struct oc_io__uring *uring = uring_of(io);
    struct oc_io__base *base = &uring->base;
    struct oc_io__batch batch = {.events = events, .capacity = capacity};

    OC_ASSERT(capacity > 0);
    OC_ASSERT(capacity <= OC_IO_EVENTS_MAX);
    base->stats.polls++;
    /* Who does not wait needs no clock before; time only has to go on for those who do. */
    uint64_t start_ns = timeout_ns == 0 ? base->now_ns : oc_io__clock_ns();
    base->now_ns = start_ns;
    for (;;) {
        OC_ASSERT(batch.count == 0);
        give_back(uring);
        arm(uring);
        flush(uring);
        oc_io__deliver(base, &batch);
        serve_ready(uring, &batch);
        uint64_t left_ns = batch.count == 0 && is_idle(uring)
                               ? oc_io__left_ns(base, start_ns, timeout_ns)
                               : 0;
        int rc = turn(uring, oc_io__wait_ns(base, base->now_ns, left_ns));
        for (unsigned tries = 0; rc >= 0 && gathers(uring, capacity - batch.count, tries);
             tries++) {
            rc = oc_io__uring_enter(uring, 0, 0);
        }
        if (rc < 0 && rc != -EINTR) {
            return rc;
        }
        base->now_ns = oc_io__clock_ns();
        int reaped = reap(uring, &batch);
        if (reaped < 0) {
            return reaped;
        }
        expire(uring);
        oc_io__deliver(base, &batch);
        if (batch.count > 0 || rc == -EINTR || oc_io__left_ns(base, start_ns, timeout_ns) == 0) {
            break;
        }
    }
    oc_io__batch_done(base, &batch);
    *now_ns = base->now_ns;
    return (int)batch.count;
}

static int uring_receive(struct oc_io *io, struct oc_conn handle, bool on)
{
    struct oc_io__uring *uring = uring_of(io);
    struct oc_io__conn *conn = oc_io__conn_find(&uring->base, handle);

    if (conn == NULL || (conn->state != OC_IO__OPEN && conn->state != OC_IO__BROKEN)) {
        return -ENOTCONN;
    }
    oc_io__conn_pause(&uring->base, conn, on);
    if (!on) {
        oc_io__list_remove(&uring->base, OC_IO__LIST_READY, conn);
        oc_io__list_remove(&uring->base, OC_IO__LIST_STARVED, conn);
        /* If it cannot be cancelled just now, what comes is kept until receive(on) all the same. */
        (void)oc_io__uring_cancel_receive(uring, conn);
        return 0;
    }
    oc_io__list_push(&uring->base, OC_IO__LIST_READY, conn);
    oc_io__uring_want_receive(uring, conn);
    return 0;
}

/** A receive may have taken the bytes already: they lie in a completion for which the last batch
 * had no room. */
static bool uring_has_input(struct oc_io *io, struct oc_conn handle)
{
    struct oc_io__uring *uring = uring_of(io);
    const struct io_uring_cqe *cqe;
    unsigned head;

    if (oc_io__has_input(io, handle)) {
        return true;
    }
    if (oc_io__conn_find(&uring->base, handle) == NULL) {
        return false;
    }
    uint64_t receive = oc_io__uring_data(OC_IO__OP_RECEIVE, handle.index, handle.generation);
    io_uring_for_each_cqe(&uring->ring.ring, head, cqe)
    {
        if (cqe->user_data == receive && cqe->res > 0) {
            return true;
        }
    }
    return oc_io__ring_is_overflown(&uring->ring);
}

static int uring_close(struct oc_io *io, struct oc_conn handle, enum oc_io_close_mode mode)
{
    struct oc_io__uring *uring = uring_of(io);
    struct oc_io__conn *conn = oc_io__conn_find(&uring->base, handle);

    if (conn == NULL) {
        return -ENOTCONN;
    }
    oc_io__conn_let_go(&uring->base, conn);
    if (conn->state == OC_IO__ENDING || conn->state == OC_IO__ENDED) {
        return 0;
    }
    if (mode == OC_IO_CLOSE_ABORT || conn->state == OC_IO__CONNECTING) {
        oc_io__conn_reset(&uring->base, conn);
        oc_io__uring_end(uring, conn, 0);
    } else if (conn->state == OC_IO__BROKEN) {
        oc_io__uring_end(uring, conn, 0);
    } else if (conn->state == OC_IO__OPEN) {
        oc_io__conn_flush(&uring->base, conn);
        oc_io__list_remove(&uring->base, OC_IO__LIST_READY, conn);
        oc_io__uring_want_receive(uring, conn);
    }
    return 0;
}

static void uring_shutdown(struct oc_io *io)
{
    struct oc_io__uring *uring = uring_of(io);

    let_go(uring);
    oc_io__base_shutdown(&uring->base);
    oc_io__ring_close(&uring->ring);
}

const struct oc_io_ops oc_io_uring_ops = {
    .name = "io_uring",
    .open = uring_open,
    .start = uring_start,
    .listen = uring_listen,
    .unlisten = uring_unlisten,
    .connect = uring_connect,
    .adopt = uring_adopt,
    .poll = uring_poll,
    .receive = uring_receive,
    .unreceive = oc_io__unreceive,
    .has_input = uring_has_input,
    .send = oc_io__send,
    .chunk_open = oc_io__chunk_open,
    .send_shared = oc_io__send_shared,
    .chunk_release = oc_io__chunk_give,
    .owed = oc_io__owed,
    .owed_most = oc_io__owed_most,
    .close = uring_close,
    .peer = oc_io__peer,
    .wake = oc_io__wake,
    .stats = oc_io__stats,
    .shutdown = uring_shutdown,
};

/* --- the turn ------------------------------------------------------------------------------ */

int oc_io__uring_enter(struct oc_io__uring *uring, uint32_t wait_count, uint64_t timeout_ns)
{
    uring->base.stats.system_calls++;
    int rc = oc_io__ring_enter(&uring->ring, wait_count, timeout_ns);

    if (oc_io__ring_unsubmitted(&uring->ring) == 0) {
        uring->sent_mark = io_uring_smp_load_acquire(uring->ring.ring.cq.ktail);
        uring->sent_is_marked = true;
    }
    /* No memory or no room for completions just now: what was not taken stays in the queue and goes
     * with the next enter, after the completions that are there have been looked at. */
    if (rc == -ETIME || rc == -EAGAIN || rc == -EBUSY) {
        return 0;
    }
    return rc;
}

static struct oc_io__uring *uring_of(struct oc_io *io)
{
    return (struct oc_io__uring *)oc_io__base_of(io);
}

/** Whether nothing is left to do but wait for the kernel. */
static bool is_idle(const struct oc_io__uring *uring)
{
    const struct oc_io__base *base = &uring->base;
    /* Those that wait for a buffer although there are some have to be armed first; if there are
     * none, only the caller can bring some back. */
    bool may_arm = base->lists[OC_IO__LIST_STARVED].count > 0 && uring->ring.buffers_given > 0;

    return !may_arm && base->lists[OC_IO__LIST_READY].count == 0 &&
           base->lists[OC_IO__LIST_DIRTY].count == 0 && base->listeners_pending == 0;
}

/**
 * Whether more is done than the last enter brought. A turn sends once to each connection that owes,
 * so where all hear of all, a turn of 20 events sends as often as one of 1000. It ends before
 * buffers or the completion queue are likely to be used up, because a multishot operation that
 * finds no room ends; and before the batch is, because silent sends are done when all completions
 * have been looked at.
 */
static bool gathers(const struct oc_io__uring *uring, uint32_t room, unsigned tries)
{
    uint32_t ready = io_uring_cq_ready(&uring->ring.ring);

    return tries < GATHER_ENTERS && oc_io__ring_has_more(&uring->ring) &&
           ready + ENTER_COMPLETIONS <= room &&
           ready + ENTER_COMPLETIONS <= uring->ring.buffers_given &&
           ready < uring->ring.ring.cq.ring_entries / 2;
}

/** What the last poll() lent, and what was dropped, goes back to the kernel. */
static void give_back(struct oc_io__uring *uring)
{
    struct oc_io__base *base = &uring->base;
    uint32_t size = base->config.test_short_io ? 1 : base->config.buffer_size;

    oc_io__take_back(base);
    for (uint32_t i = 0; i < base->borrowed_count; i++) {
        uint32_t buffer = base->borrowed[i];
        oc_io__ring_give(&uring->ring, oc_io__buffer(base, buffer), size, buffer, i);
    }
    if (base->borrowed_count > 0) {
        oc_io__ring_publish(&uring->ring, base->borrowed_count);
        base->borrowed_count = 0;
    }
}

/** Arms what is not armed, before anything else takes the entries of the queue. */
static void arm(struct oc_io__uring *uring)
{
    struct oc_io__base *base = &uring->base;

    if (!uring->wake_armed) {
        (void)oc_io__uring_arm_wake(uring);
    }
    for (uint32_t i = 0; base->listeners_pending > 0 && i < OC_IO__LISTENERS_MAX; i++) {
        struct oc_io__listener *listener = &base->listeners[i];
        if (listener->pending && oc_io__uring_arm_accept(uring, listener)) {
            oc_io__listener_set_pending(base, listener, false);
        }
    }
    /* A receive that finds no buffer ends at once, even if nothing was sent: arming more of them
     * than there are buffers would only go round in circles. */
    for (uint32_t room = uring->ring.buffers_given; room > 0; room--) {
        struct oc_io__conn *conn = oc_io__list_pop(base, OC_IO__LIST_STARVED);
        if (conn == NULL) {
            break;
        }
        if (!conn->receiving && !oc_io__uring_arm_receive(uring, conn)) {
            oc_io__list_push(base, OC_IO__LIST_STARVED, conn);
            break;
        }
    }
}

static void flush(struct oc_io__uring *uring)
{
    struct oc_io__base *base = &uring->base;

    for (uint32_t count = base->lists[OC_IO__LIST_DIRTY].count; count > 0; count--) {
        struct oc_io__conn *conn = oc_io__list_pop(base, OC_IO__LIST_DIRTY);
        if (conn == NULL) {
            break;
        }
        if (conn->sending) {
            continue; /* the completion puts it back */
        }
        if (conn->out.size == 0) {
            if (conn->state == OC_IO__FLUSHING) {
                oc_io__uring_half_close(uring, conn);
            }
            continue;
        }
        if (!oc_io__uring_send(uring, conn)) {
            oc_io__list_push(base, OC_IO__LIST_DIRTY, conn);
            break;
        }
    }
}

/** Input that was kept back, of connections that may be told of it now. */
static void serve_ready(struct oc_io__uring *uring, struct oc_io__batch *batch)
{
    struct oc_io__base *base = &uring->base;

    for (uint32_t count = base->lists[OC_IO__LIST_READY].count; count > 0; count--) {
        struct oc_io__conn *conn = oc_io__list_pop(base, OC_IO__LIST_READY);
        bool had_unread = !oc_io__queue_is_empty(&conn->unread);
        if (conn->sated && !had_unread) {
            conn->sated = false;
            oc_io__uring_want_receive(uring, conn);
        }
        if (!oc_io__deliver_unread(base, batch, conn)) {
            oc_io__list_push(base, OC_IO__LIST_READY, conn);
            return;
        }
        if (conn->state == OC_IO__BROKEN && conn->eof_seen) {
            oc_io__uring_end(uring, conn, conn->error);
        } else if (conn->sated) {
            /* It may give these back again: nothing more before that is known. */
            (void)oc_io__uring_cancel_receive(uring, conn);
            oc_io__list_push(base, OC_IO__LIST_READY, conn);
        }
    }
}

/** Enters the kernel if there is a reason to. 0 or more, -EINTR, or -errno if the ring is broken.
 */
static int turn(struct oc_io__uring *uring, uint64_t wait_ns)
{
    bool submits = oc_io__ring_unsubmitted(&uring->ring) > 0;
    bool has_completions = io_uring_cq_ready(&uring->ring.ring) > 0;

    if (has_completions || wait_ns == 0) {
        if (!submits && (has_completions || !oc_io__ring_wants_enter(&uring->ring))) {
            return 0;
        }
        return oc_io__uring_enter(uring, 0, 0);
    }
    return spin_then_block(uring, wait_ns);
}

static int spin_then_block(struct oc_io__uring *uring, uint64_t wait_ns)
{
    struct oc_io__base *base = &uring->base;
    uint64_t spin_ns = base->config.busy_poll_ns < wait_ns ? base->config.busy_poll_ns : wait_ns;

    if (spin_ns > 0) {
        uint64_t elapsed_ns = 0;
        for (uint32_t spins = 1; elapsed_ns < spin_ns; spins++) {
            /* Two loads of shared memory tell whether an enter would find anything. */
            if (oc_io__ring_unsubmitted(&uring->ring) > 0 ||
                oc_io__ring_wants_enter(&uring->ring)) {
                int rc = oc_io__uring_enter(uring, 0, 0);
                if (rc < 0) {
                    return rc;
                }
            }
            if (io_uring_cq_ready(&uring->ring.ring) > 0 || atomic_load(&base->woken)) {
                return 0;
            }
            oc_io__relax();
            if (spins % SPINS_PER_CLOCK == 0) {
                elapsed_ns = oc_io__clock_ns() - base->now_ns;
            }
        }
        if (elapsed_ns >= wait_ns) {
            return 0;
        }
        wait_ns -= wait_ns == UINT64_MAX ? 0 : elapsed_ns;
    }
    atomic_store(&base->sleeping, true);
    bool blocks = !atomic_load(&base->woken);
    base->stats.waits++;
    int rc = oc_io__uring_enter(uring, blocks ? 1 : 0, wait_ns);
    atomic_store(&base->sleeping, false);
    return rc;
}

/** Looks at every completion for which the batch has room. 0 or -errno if the ring is broken. */
static int reap(struct oc_io__uring *uring, struct oc_io__batch *batch)
{
    struct io_uring_cqe cqe;

    for (;;) {
        while (!oc_io__batch_is_full(batch) && oc_io__ring_take(&uring->ring, &cqe)) {
            oc_io__uring_complete(uring, batch, &cqe);
        }
        if (oc_io__batch_is_full(batch) || !oc_io__ring_is_overflown(&uring->ring)) {
            break;
        }
        /* What found no room waits in the kernel, and only an enter brings it. */
        uring->base.stats.overflows++;
        int rc = oc_io__uring_enter(uring, 0, 0);
        if (rc < 0 && rc != -EINTR) {
            return rc;
        }
    }
    oc_io__uring_conclude(uring);
    uring->base.stats.buffers_used = uring->base.config.buffer_count - uring->ring.buffers_given;
    return 0;
}

static void expire(struct oc_io__uring *uring)
{
    struct oc_io__base *base = &uring->base;
    uint32_t timer;

    oc_timer_wheel_advance(&base->wheel, base->now_ns);
    while ((timer = oc_timer_wheel_pop(&base->wheel)) != OC_INDEX_NONE) {
        if (timer >= base->config.connections_max) {
            oc_io__listener_set_pending(
                base, &base->listeners[timer - base->config.connections_max], true);
            continue;
        }
        struct oc_io__conn *conn = &base->conns[timer];
        if (conn->state == OC_IO__ENDING) {
            /* A cancellation was lost or could not be submitted: this ends every operation. */
            base->stats.system_calls++;
            (void)shutdown(conn->fd, SHUT_RDWR);
            oc_timer_wheel_add(&base->wheel, timer, base->now_ns + OC_IO_FLUSH_TIMEOUT_NS);
            continue;
        }
        if (conn->state == OC_IO__FLUSHING) {
            /* A FIN would pass what was cut off for the whole. */
            oc_io__conn_reset(base, conn);
            oc_io__uring_end(uring, conn, -ETIMEDOUT);
        } else {
            oc_io__uring_end(uring, conn, 0);
        }
    }
}

/** Resets every connection, stops every listener, and waits until the kernel holds no file. */
static void let_go(struct oc_io__uring *uring)
{
    struct oc_io__base *base = &uring->base;
    uint64_t until_ns = oc_io__clock_ns() + SHUTDOWN_NS;
    struct io_uring_cqe cqe;

    for (uint32_t i = 0; i < base->slots.fresh; i++) {
        struct oc_io__conn *conn = &base->conns[i];
        if (conn->state != OC_IO__FREE && conn->state != OC_IO__ENDED) {
            oc_io__conn_reset(base, conn);
            oc_io__uring_end(uring, conn, 0);
        }
    }
    for (uint32_t i = 0; i < OC_IO__LISTENERS_MAX; i++) {
        struct oc_io__listener *listener = &base->listeners[i];
        if (listener->state == OC_IO__LISTENER_OPEN && listener->armed) {
            listener->state = OC_IO__LISTENER_ENDING;
            (void)oc_io__uring_cancel_accept(uring, listener);
        }
    }
    uint32_t rest = uring->wake_armed ? 1 : 0;
    while (uring->operations > rest && oc_io__clock_ns() < until_ns) {
        int rc = oc_io__uring_enter(uring, 1, SHUTDOWN_NS / 10);
        if (rc < 0 && rc != -EINTR) {
            break;
        }
        /* Nothing is told any more: every state left is one that adds no event. */
        struct oc_io__batch none = {0};
        while (oc_io__ring_take(&uring->ring, &cqe)) {
            oc_io__uring_complete(uring, &none, &cqe);
        }
        oc_io__uring_conclude(uring);
    }
}
