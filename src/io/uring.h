/*
 * What the files of the io_uring backend share: the instance, and who does what.
 *
 *   uring.c           the slots of the table and the turn
 *   uring_submit.c    fills submissions in: receive, send, accept, connect, cancel
 *   uring_complete.c  what a completion means for its connection or listener
 *   uring_ring.c      the ring itself
 *   uring_probe.c     what this kernel can do
 *
 * user_data is {operation, slot, generation}, never a pointer: a completion that came too late
 * would be found out by its generation.
 */
#ifndef OC_IO_URING_H
#define OC_IO_URING_H

#include <sys/socket.h>
#include <sys/uio.h>

#include "io/base.h"
#include "io/uring_ring.h"

enum oc_io__uring_operation {
    OC_IO__OP_RECEIVE = 1,
    OC_IO__OP_SEND,         /* must not wait, completes in silence */
    OC_IO__OP_SEND_WAITING, /* waits until the socket took all */
    OC_IO__OP_CONNECT,
    OC_IO__OP_CANCEL,
    OC_IO__OP_ACCEPT,
    OC_IO__OP_ACCEPT_CANCEL,
    OC_IO__OP_WAKE,
};

/** What a submission points at until the kernel has taken it: one for each entry of the queue. */
union oc_io__uring_scratch {
    struct {
        struct msghdr message;
        struct iovec vector[OC_IO__VECTOR_MAX];
    };
    struct sockaddr_storage address;
};

struct oc_io__uring {
    struct oc_io__base base;
    struct oc_io__ring ring;
    union oc_io__uring_scratch *scratch;
    void *buffer_ring_memory;
    uint32_t operations; /* that the kernel has not finished, of connections, listeners, wake_fd */
    bool wake_armed;
    /*
     * Sends of OC_IO__OP_SEND complete without a completion. They are known to be done when every
     * submission was taken and every completion that was there right after it, up to `sent_mark`,
     * has been looked at: one that failed is among those.
     */
    bool sent_is_marked;
    uint32_t sent_mark;
};

static inline uint64_t oc_io__uring_data(enum oc_io__uring_operation operation, uint32_t index,
                                         uint32_t generation)
{
    return (uint64_t)operation << 56 | (uint64_t)index << 32 | generation;
}

/* --- uring.c ------------------------------------------------------------------------------- */

/** One counted enter; remembers sent_mark. Returns 0 or more, or -errno where the ring is broken.
 */
int oc_io__uring_enter(struct oc_io__uring *uring, uint32_t wait_count, uint64_t timeout_ns);

/* --- uring_submit.c: each returns false if the kernel takes no more submissions just now ------ */

bool oc_io__uring_arm_wake(struct oc_io__uring *uring);
bool oc_io__uring_arm_accept(struct oc_io__uring *uring, struct oc_io__listener *listener);
bool oc_io__uring_cancel_accept(struct oc_io__uring *uring, const struct oc_io__listener *listener);
bool oc_io__uring_arm_receive(struct oc_io__uring *uring, struct oc_io__conn *conn);
bool oc_io__uring_cancel_receive(struct oc_io__uring *uring, struct oc_io__conn *conn);
bool oc_io__uring_connect(struct oc_io__uring *uring, struct oc_io__conn *conn,
                          const struct sockaddr *address, socklen_t size);
/** Sends what is owed, at most one vector of it. */
bool oc_io__uring_send(struct oc_io__uring *uring, struct oc_io__conn *conn);
/** Cancels whatever the kernel still does for the connection, but for a multishot receive that is
 * being cancelled already. */
void oc_io__uring_cancel_all(struct oc_io__uring *uring, struct oc_io__conn *conn);
/** Asks for the receive to be armed with the next poll, if it is not. */
void oc_io__uring_want_receive(struct oc_io__uring *uring, struct oc_io__conn *conn);

/* --- uring_complete.c ---------------------------------------------------------------------- */

/** Acts on one completion; may add one event, for which the batch must have room. */
void oc_io__uring_complete(struct oc_io__uring *uring, struct oc_io__batch *batch,
                           const struct io_uring_cqe *cqe);
/** Concludes the silent sends, if they are known to be done. */
void oc_io__uring_conclude(struct oc_io__uring *uring);
/** Ends a connection: now, or when the kernel has let go of it. */
void oc_io__uring_end(struct oc_io__uring *uring, struct oc_io__conn *conn, int error);
/** Everything is sent: now our FIN; after the peer's the connection is over. */
void oc_io__uring_half_close(struct oc_io__uring *uring, struct oc_io__conn *conn);

#endif
