/*
 * What a completion means.
 *
 * A connection is over only when the kernel has finished every operation of it: close(2) alone
 * would neither end a pending receive nor send a FIN, because the operation holds the file. So an
 * end is two steps, cancel and, when `outstanding` is 0, close; CLOSED comes after the second.
 */
#define _GNU_SOURCE /* liburing.h wants cpu_set_t */
#include <errno.h>
#include <unistd.h>

#include "io/uring.h"

static void complete_conn(struct oc_io__uring *uring, struct oc_io__batch *batch,
                          struct oc_io__conn *conn, enum oc_io__uring_operation operation,
                          const struct io_uring_cqe *cqe);
static void complete_receive(struct oc_io__uring *uring, struct oc_io__batch *batch,
                             struct oc_io__conn *conn, const struct io_uring_cqe *cqe);
static void complete_send(struct oc_io__uring *uring, struct oc_io__conn *conn, int result,
                          bool waited);
static void complete_connect(struct oc_io__uring *uring, struct oc_io__batch *batch,
                             struct oc_io__conn *conn, int error);
static void complete_cancel(struct oc_io__uring *uring, struct oc_io__conn *conn, int result);
static void complete_accept(struct oc_io__uring *uring, struct oc_io__batch *batch,
                            struct oc_io__listener *listener, const struct io_uring_cqe *cqe);
static void take_input(struct oc_io__uring *uring, struct oc_io__batch *batch,
                       struct oc_io__conn *conn, uint32_t buffer, uint32_t size);
static void input_ended(struct oc_io__uring *uring, struct oc_io__batch *batch,
                        struct oc_io__conn *conn, int error);
static void send_more(struct oc_io__uring *uring, struct oc_io__conn *conn, uint32_t sent);
static void send_failed(struct oc_io__uring *uring, struct oc_io__conn *conn, int error);
static void finish_if_done(struct oc_io__uring *uring, struct oc_io__conn *conn);

void oc_io__uring_complete(struct oc_io__uring *uring, struct oc_io__batch *batch,
                           const struct io_uring_cqe *cqe)
{
    struct oc_io__base *base = &uring->base;
    enum oc_io__uring_operation operation = (enum oc_io__uring_operation)(cqe->user_data >> 56);
    uint32_t index = (uint32_t)(cqe->user_data >> 32) & 0xffffffU;
    uint32_t generation = (uint32_t)cqe->user_data;
    bool is_final = (cqe->flags & IORING_CQE_F_MORE) == 0;

    if (is_final) {
        OC_ASSERT(uring->operations > 0);
        uring->operations--;
    }
    if (operation == OC_IO__OP_WAKE) {
        uring->wake_armed = !is_final;
        base->stats.rearms += is_final ? 1 : 0;
        return;
    }
    if (operation == OC_IO__OP_ACCEPT) {
        OC_ASSERT(index < OC_IO__LISTENERS_MAX);
        OC_ASSERT(base->listeners[index].generation == generation);
        complete_accept(uring, batch, &base->listeners[index], cqe);
        return;
    }
    if (operation == OC_IO__OP_ACCEPT_CANCEL) {
        return;
    }
    /* A slot is not reused before its last operation is done: no completion can be stale. If one
     * were, going on would hand one client's bytes to another. */
    OC_ASSERT(index < base->config.connections_max);
    OC_ASSERT(base->conns[index].generation == generation);
    complete_conn(uring, batch, &base->conns[index], operation, cqe);
}

void oc_io__uring_conclude(struct oc_io__uring *uring)
{
    struct oc_io__base *base = &uring->base;
    uint32_t head = *uring->ring.ring.cq.khead;

    if (base->lists[OC_IO__LIST_SENT].count == 0 || !uring->sent_is_marked ||
        (int32_t)(head - uring->sent_mark) < 0 || oc_io__ring_is_overflown(&uring->ring)) {
        return;
    }
    struct oc_io__conn *conn;
    while ((conn = oc_io__list_pop(base, OC_IO__LIST_SENT)) != NULL) {
        OC_ASSERT(conn->sending);
        conn->sending = false;
        conn->outstanding--;
        uring->operations--;
        oc_io__note_conn(base, OC_IO_FLIGHT_SENT, conn, (int32_t)conn->send_size);
        send_more(uring, conn, conn->send_size);
        finish_if_done(uring, conn);
    }
}

void oc_io__uring_end(struct oc_io__uring *uring, struct oc_io__conn *conn, int error)
{
    struct oc_io__base *base = &uring->base;

    if (conn->state == OC_IO__ENDING || conn->state == OC_IO__ENDED) {
        return;
    }
    if (conn->error == 0) {
        conn->error = error;
    }
    if (conn->outstanding == 0) {
        oc_io__conn_end(base, conn);
        return;
    }
    conn->state = OC_IO__ENDING;
    oc_io__note_conn(base, OC_IO_FLIGHT_ENDING, conn, conn->error);
    oc_io__queue_truncate(&base->chunks, &conn->out, conn->sending ? conn->send_size : 0);
    oc_io__conn_drop_unread(base, conn);
    oc_io__list_remove(base, OC_IO__LIST_DIRTY, conn);
    oc_io__list_remove(base, OC_IO__LIST_READY, conn);
    oc_io__list_remove(base, OC_IO__LIST_STARVED, conn);
    oc_io__list_remove(base, OC_IO__LIST_REFUSED, conn);
    oc_timer_wheel_cancel(&base->wheel, oc_io__conn_index(base, conn));
    oc_timer_wheel_add(&base->wheel, oc_io__conn_index(base, conn),
                       base->now_ns + OC_IO_FLUSH_TIMEOUT_NS);
    oc_io__uring_cancel_all(uring, conn);
}

void oc_io__uring_half_close(struct oc_io__uring *uring, struct oc_io__conn *conn)
{
    OC_ASSERT(conn->state == OC_IO__FLUSHING);

    if (conn->eof_seen) {
        oc_io__uring_end(uring, conn, 0);
        return;
    }
    /* The system call and not IORING_OP_SHUTDOWN, which always goes to a worker thread. */
    uring->base.stats.system_calls++;
    if (shutdown(conn->fd, SHUT_WR) < 0) {
        oc_io__uring_end(uring, conn, -errno);
        return;
    }
    conn->state = OC_IO__LINGERING;
    oc_io__conn_flush_goes_on(&uring->base, conn);
}

static void complete_conn(struct oc_io__uring *uring, struct oc_io__batch *batch,
                          struct oc_io__conn *conn, enum oc_io__uring_operation operation,
                          const struct io_uring_cqe *cqe)
{
    if ((cqe->flags & IORING_CQE_F_MORE) == 0) {
        OC_ASSERT(conn->outstanding > 0);
        conn->outstanding--;
    }
    switch (operation) {
    case OC_IO__OP_RECEIVE:
        complete_receive(uring, batch, conn, cqe);
        break;
    case OC_IO__OP_SEND:
        oc_io__list_remove(&uring->base, OC_IO__LIST_SENT, conn);
        complete_send(uring, conn, cqe->res, false);
        break;
    case OC_IO__OP_SEND_WAITING:
        complete_send(uring, conn, cqe->res, true);
        break;
    case OC_IO__OP_CONNECT:
        complete_connect(uring, batch, conn, cqe->res);
        break;
    case OC_IO__OP_CANCEL:
        complete_cancel(uring, conn, cqe->res);
        break;
    case OC_IO__OP_ACCEPT:
    case OC_IO__OP_ACCEPT_CANCEL:
    case OC_IO__OP_WAKE:
        OC_UNREACHABLE();
    }
    finish_if_done(uring, conn);
}

static void complete_receive(struct oc_io__uring *uring, struct oc_io__batch *batch,
                             struct oc_io__conn *conn, const struct io_uring_cqe *cqe)
{
    struct oc_io__base *base = &uring->base;
    bool is_final = (cqe->flags & IORING_CQE_F_MORE) == 0;
    int result = cqe->res;

    if (is_final) {
        conn->receiving = false;
        conn->cancelling = false;
        oc_io__note_conn(base, OC_IO_FLIGHT_RECEIVE_ENDED, conn, result);
    }
    if ((cqe->flags & IORING_CQE_F_BUFFER) != 0) {
        uint32_t buffer = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
        uring->ring.buffers_given--;
        if (result > 0) {
            take_input(uring, batch, conn, buffer, (uint32_t)result);
        } else {
            base->borrowed[base->borrowed_count++] = buffer;
        }
    }
    if (conn->state == OC_IO__ENDING) {
        return;
    }
    if (result == -ENOBUFS) {
        base->stats.buffer_starved++;
        oc_io__note_conn(base, OC_IO_FLIGHT_STARVED, conn, 0);
    }
    if (result == 0) {
        input_ended(uring, batch, conn, 0);
    } else if (result < 0 && result != -ENOBUFS && result != -ECANCELED && result != -EINTR &&
               result != -EAGAIN) {
        input_ended(uring, batch, conn, result);
    } else if (is_final && !conn->paused) {
        /* Also after data: a multishot operation may end with its last bytes. */
        base->stats.rearms++;
        oc_io__uring_want_receive(uring, conn);
    }
}

/** Bytes arrived: to the caller, or behind those that wait already, or nowhere. */
static void take_input(struct oc_io__uring *uring, struct oc_io__batch *batch,
                       struct oc_io__conn *conn, uint32_t buffer, uint32_t size)
{
    struct oc_io__base *base = &uring->base;
    bool delivers = conn->state == OC_IO__OPEN || conn->state == OC_IO__BROKEN;

    if (!delivers) {
        base->borrowed[base->borrowed_count++] = buffer;
        return;
    }
    if (!conn->paused && oc_io__queue_is_empty(&conn->unread)) {
        oc_io__emit_buffer(base, batch, conn, buffer, 0, size);
        return;
    }
    /* A copy rather than the buffer, while there are chunks: paused connections must not starve the
     * others of buffers. */
    oc_io__keep_input(base, conn, buffer, size);
}

/** The peer's FIN (error 0), or what broke the connection. Nothing more will be received. */
static void input_ended(struct oc_io__uring *uring, struct oc_io__batch *batch,
                        struct oc_io__conn *conn, int error)
{
    struct oc_io__base *base = &uring->base;

    switch ((enum oc_io__conn_state)conn->state) {
    case OC_IO__OPEN:
        if (error == 0) {
            conn->eof_seen = true;
            if (!conn->paused && !oc_io__deliver_unread(base, batch, conn)) {
                oc_io__list_push(base, OC_IO__LIST_READY, conn);
            }
            return;
        }
        if (oc_io__queue_is_empty(&conn->unread)) {
            break;
        }
        oc_io__conn_break(base, conn, error, conn->sending ? conn->send_size : 0);
        conn->eof_seen = true;
        conn->eof_told = true;
        return;
    case OC_IO__BROKEN:
        if (oc_io__queue_is_empty(&conn->unread)) {
            break;
        }
        conn->eof_seen = true;
        conn->eof_told = true;
        return;
    case OC_IO__FLUSHING:
        if (error != 0) {
            break;
        }
        conn->eof_seen = true;
        return;
    case OC_IO__LINGERING:
        break;
    case OC_IO__FREE:
    case OC_IO__CONNECTING:
    case OC_IO__ENDING:
    case OC_IO__ENDED:
        OC_UNREACHABLE();
    }
    oc_io__uring_end(uring, conn, error);
}

static void complete_send(struct oc_io__uring *uring, struct oc_io__conn *conn, int result,
                          bool waited)
{
    struct oc_io__base *base = &uring->base;
    uint32_t sent = result > 0 ? (uint32_t)result : 0;

    conn->sending = false;
    oc_io__note_conn(base, OC_IO_FLIGHT_SENT, conn, result);
    if (conn->state != OC_IO__ENDING && result < 0 && result != -EAGAIN && result != -EINTR) {
        send_failed(uring, conn, result);
        return;
    }
    /* The socket is full: the rest waits in the kernel until it is not. */
    conn->send_blocked = !waited && sent < conn->send_size;
    base->stats.short_sends += conn->send_blocked ? 1 : 0;
    send_more(uring, conn, sent);
}

/** `sent` more bytes are the kernel's; what follows from that. */
static void send_more(struct oc_io__uring *uring, struct oc_io__conn *conn, uint32_t sent)
{
    struct oc_io__base *base = &uring->base;

    OC_ASSERT(!conn->sending);
    oc_io__queue_consume(&base->chunks, &conn->out, sent);
    base->stats.sent_bytes += sent;
    if (conn->state == OC_IO__FLUSHING && sent > 0) {
        oc_io__conn_flush_goes_on(base, conn);
    }
    if (conn->state == OC_IO__ENDING || conn->state == OC_IO__BROKEN) {
        oc_io__queue_truncate(&base->chunks, &conn->out, 0);
    } else if (conn->out.size > 0 || conn->state == OC_IO__FLUSHING) {
        oc_io__list_push(base, OC_IO__LIST_DIRTY, conn);
    }
}

static void send_failed(struct oc_io__uring *uring, struct oc_io__conn *conn, int error)
{
    struct oc_io__base *base = &uring->base;

    if (conn->state == OC_IO__BROKEN) {
        oc_io__queue_truncate(&base->chunks, &conn->out, 0);
        return;
    }
    if (conn->state == OC_IO__FLUSHING || conn->eof_told) {
        oc_io__uring_end(uring, conn, error);
        return;
    }
    /* What the peer sent before it went away is still to be told. */
    oc_io__conn_break(base, conn, error, 0);
    if (!conn->paused) {
        oc_io__uring_want_receive(uring, conn);
    }
}

static void complete_connect(struct oc_io__uring *uring, struct oc_io__batch *batch,
                             struct oc_io__conn *conn, int error)
{
    conn->connecting = false;
    if (conn->state == OC_IO__ENDING) {
        return;
    }
    OC_ASSERT(conn->state == OC_IO__CONNECTING);
    oc_io__emit(&uring->base, batch, OC_IO_CONNECTED, conn, error);
    if (error < 0) {
        oc_io__uring_end(uring, conn, error);
        return;
    }
    conn->state = OC_IO__OPEN;
    oc_io__uring_want_receive(uring, conn);
}

static void complete_cancel(struct oc_io__uring *uring, struct oc_io__conn *conn, int result)
{
    /* Not found although it was not heard of either: nothing but the end of the socket ends it. */
    if (result == -ENOENT && conn->state == OC_IO__ENDING && conn->outstanding > 0) {
        uring->base.stats.system_calls++;
        (void)shutdown(conn->fd, SHUT_RDWR);
    }
}

static void complete_accept(struct oc_io__uring *uring, struct oc_io__batch *batch,
                            struct oc_io__listener *listener, const struct io_uring_cqe *cqe)
{
    struct oc_io__base *base = &uring->base;
    bool is_final = (cqe->flags & IORING_CQE_F_MORE) == 0;
    bool failed = cqe->res < 0 && !oc_io__accept_is_transient(cqe->res);

    if (cqe->res >= 0 && listener->state != OC_IO__LISTENER_OPEN) {
        /* It came before the cancellation; nobody is there any more to take it. */
        close(cqe->res);
        base->stats.system_calls++;
    } else if (cqe->res >= 0) {
        struct oc_io__conn *conn = oc_io__listener_accepted(base, batch, listener, cqe->res);
        if (conn != NULL && !oc_io__uring_arm_receive(uring, conn)) {
            oc_io__uring_want_receive(uring, conn);
        }
    } else if (failed && listener->state == OC_IO__LISTENER_OPEN) {
        oc_io__emit_accept_failed(base, batch, listener->tag, cqe->res);
    }
    if (!is_final) {
        return;
    }
    listener->armed = false;
    if (listener->state == OC_IO__LISTENER_ENDING) {
        oc_io__listener_close(base, listener);
    } else if (failed) {
        oc_io__listener_retry_later(base, listener);
    } else {
        base->stats.rearms++;
        oc_io__listener_set_pending(base, listener, true);
    }
}

static void finish_if_done(struct oc_io__uring *uring, struct oc_io__conn *conn)
{
    if (conn->state == OC_IO__ENDING && conn->outstanding == 0) {
        oc_io__conn_end(&uring->base, conn);
    }
}
