/*
 * Filling submissions in.
 *
 * Every function takes one entry of the submission queue. If the queue is full, what is in it is
 * submitted first; if the kernel takes nothing (no memory), the caller is told and tries again with
 * the next poll. What an entry points at is stable until the kernel has taken it (SUBMIT_STABLE).
 */
#define _GNU_SOURCE /* liburing.h wants cpu_set_t */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "io/uring.h"

static struct io_uring_sqe *take(struct oc_io__uring *uring);
static union oc_io__uring_scratch *scratch_of(struct oc_io__uring *uring,
                                              const struct io_uring_sqe *sqe);
static void started(struct oc_io__uring *uring, struct oc_io__conn *conn, struct io_uring_sqe *sqe,
                    enum oc_io__uring_operation operation);
static bool cancel(struct oc_io__uring *uring, struct oc_io__conn *conn,
                   enum oc_io__uring_operation operation);

bool oc_io__uring_arm_wake(struct oc_io__uring *uring)
{
    struct io_uring_sqe *sqe = take(uring);

    if (sqe == NULL) {
        return false;
    }
    /* Poll and not read: nothing has to be read from an eventfd whose every write is an edge. */
    io_uring_prep_poll_multishot(sqe, atomic_load(&uring->base.wake_fd), POLLIN);
    io_uring_sqe_set_data64(sqe, oc_io__uring_data(OC_IO__OP_WAKE, 0, 0));
    uring->wake_armed = true;
    uring->operations++;
    return true;
}

bool oc_io__uring_arm_accept(struct oc_io__uring *uring, struct oc_io__listener *listener)
{
    struct io_uring_sqe *sqe = take(uring);

    if (sqe == NULL) {
        return false;
    }
    io_uring_prep_multishot_accept(sqe, listener->fd, NULL, NULL, SOCK_CLOEXEC);
    io_uring_sqe_set_data64(sqe, oc_io__uring_data(OC_IO__OP_ACCEPT,
                                                   (uint32_t)(listener - uring->base.listeners),
                                                   listener->generation));
    listener->armed = true;
    uring->operations++;
    return true;
}

bool oc_io__uring_cancel_accept(struct oc_io__uring *uring, const struct oc_io__listener *listener)
{
    struct io_uring_sqe *sqe = take(uring);
    uint32_t index = (uint32_t)(listener - uring->base.listeners);

    if (sqe == NULL) {
        return false;
    }
    io_uring_prep_cancel64(sqe, oc_io__uring_data(OC_IO__OP_ACCEPT, index, listener->generation),
                           0);
    io_uring_sqe_set_data64(
        sqe, oc_io__uring_data(OC_IO__OP_ACCEPT_CANCEL, index, listener->generation));
    uring->operations++;
    return true;
}

bool oc_io__uring_arm_receive(struct oc_io__uring *uring, struct oc_io__conn *conn)
{
    OC_ASSERT(!conn->receiving);

    struct io_uring_sqe *sqe = take(uring);
    if (sqe == NULL) {
        return false;
    }
    io_uring_prep_recv_multishot(sqe, conn->fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = OC_IO__RING_BUFFER_GROUP;
    started(uring, conn, sqe, OC_IO__OP_RECEIVE);
    conn->receiving = true;
    conn->cancelling = false;
    return true;
}

bool oc_io__uring_cancel_receive(struct oc_io__uring *uring, struct oc_io__conn *conn)
{
    if (!conn->receiving || conn->cancelling) {
        return true;
    }
    conn->cancelling = cancel(uring, conn, OC_IO__OP_RECEIVE);
    return conn->cancelling;
}

bool oc_io__uring_connect(struct oc_io__uring *uring, struct oc_io__conn *conn,
                          const struct sockaddr *address, socklen_t size)
{
    OC_ASSERT(size <= sizeof(struct sockaddr_storage));

    struct io_uring_sqe *sqe = take(uring);
    if (sqe == NULL) {
        return false;
    }
    union oc_io__uring_scratch *scratch = scratch_of(uring, sqe);
    memcpy(&scratch->address, address, size);
    io_uring_prep_connect(sqe, conn->fd, (const struct sockaddr *)&scratch->address, size);
    started(uring, conn, sqe, OC_IO__OP_CONNECT);
    return true;
}

bool oc_io__uring_send(struct oc_io__uring *uring, struct oc_io__conn *conn)
{
    OC_ASSERT(!conn->sending);
    OC_ASSERT(conn->out.size > 0);

    struct oc_io__base *base = &uring->base;
    struct io_uring_sqe *sqe = take(uring);
    if (sqe == NULL) {
        return false;
    }
    union oc_io__uring_scratch *scratch = scratch_of(uring, sqe);
    struct iovec *vector = scratch->vector;
    uint32_t count = oc_io__queue_vector(&base->chunks, &conn->out, vector, OC_IO__VECTOR_MAX,
                                         &conn->send_size);
    if (base->config.test_short_io) {
        count = 1;
        vector[0].iov_len = 1;
        conn->send_size = 1;
    }
    /* WAITALL: the kernel goes on after a short write by itself. */
    int flags = MSG_NOSIGNAL | MSG_WAITALL | (conn->send_blocked ? 0 : MSG_DONTWAIT);
    if (count == 1) {
        io_uring_prep_send(sqe, conn->fd, vector[0].iov_base, vector[0].iov_len, flags);
    } else {
        scratch->message = (struct msghdr){.msg_iov = vector, .msg_iovlen = count};
        io_uring_prep_sendmsg(sqe, conn->fd, &scratch->message, (unsigned)flags);
    }
    if (conn->send_blocked) {
        started(uring, conn, sqe, OC_IO__OP_SEND_WAITING);
    } else {
        started(uring, conn, sqe, OC_IO__OP_SEND);
        if (conn->state == OC_IO__OPEN && conn->send_size == conn->out.size) {
            /*
             * With DONTWAIT the send is never put off: when the enter that takes it returns, either
             * all bytes were copied, which it says by silence, or there is a completion that says
             * how many. So a turn of replies wakes nobody and waits for real events only. Where
             * something has to follow the send, the completion is wanted: without it the enter
             * would wait for somebody else's.
             */
            sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
            oc_io__list_push(base, OC_IO__LIST_SENT, conn);
            uring->sent_is_marked = false;
        }
    }
    conn->sending = true;
    base->stats.send_count++;
    return true;
}

void oc_io__uring_cancel_all(struct oc_io__uring *uring, struct oc_io__conn *conn)
{
    /* If one cannot be submitted now, the deadline of ENDING shuts the socket down instead. */
    (void)oc_io__uring_cancel_receive(uring, conn);
    if (conn->sending && conn->send_blocked) {
        (void)cancel(uring, conn, OC_IO__OP_SEND_WAITING);
    }
    if (conn->connecting) {
        (void)cancel(uring, conn, OC_IO__OP_CONNECT);
    }
}

void oc_io__uring_want_receive(struct oc_io__uring *uring, struct oc_io__conn *conn)
{
    if (!conn->receiving && !conn->eof_seen && !conn->sated) {
        oc_io__list_push(&uring->base, OC_IO__LIST_STARVED, conn);
    }
}

/** An entry of the submission queue, or NULL if the kernel takes none. */
static struct io_uring_sqe *take(struct oc_io__uring *uring)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&uring->ring.ring);

    if (sqe != NULL) {
        return sqe;
    }
    uring->base.stats.system_calls++;
    (void)oc_io__ring_submit(&uring->ring);
    return io_uring_get_sqe(&uring->ring.ring);
}

static union oc_io__uring_scratch *scratch_of(struct oc_io__uring *uring,
                                              const struct io_uring_sqe *sqe)
{
    return &uring->scratch[sqe - uring->ring.ring.sq.sqes];
}

static void started(struct oc_io__uring *uring, struct oc_io__conn *conn, struct io_uring_sqe *sqe,
                    enum oc_io__uring_operation operation)
{
    OC_ASSERT(conn->outstanding < UINT8_MAX);

    io_uring_sqe_set_data64(
        sqe, oc_io__uring_data(operation, oc_io__conn_index(&uring->base, conn), conn->generation));
    conn->outstanding++;
    uring->operations++;
}

static bool cancel(struct oc_io__uring *uring, struct oc_io__conn *conn,
                   enum oc_io__uring_operation operation)
{
    struct io_uring_sqe *sqe = take(uring);

    if (sqe == NULL) {
        return false;
    }
    /* By user_data: cancelling by descriptor would walk every operation that waits. */
    io_uring_prep_cancel64(
        sqe, oc_io__uring_data(operation, oc_io__conn_index(&uring->base, conn), conn->generation),
        0);
    started(uring, conn, sqe, OC_IO__OP_CANCEL);
    return true;
}
