/*
 * One ring: set-up, and the one system call of a turn.
 *
 * liburing sets the ring up and fills submissions in. Entering the kernel is done here, by its raw
 * io_uring_enter2: liburing 2.3 may enter twice in one call of io_uring_submit_and_wait_timeout,
 * does not know NO_IOWAIT, and does not say how often it entered, while system calls are what this
 * backend counts. Constants that 2.3 lacks are named here and detected at run time.
 */
#ifndef OC_IO_URING_RING_H
#define OC_IO_URING_RING_H

#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>

/** What the backend cannot do without; all of it is in Linux 6.1. */
#define OC_IO__RING_SETUP_FLAGS                                           \
    (IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | \
     IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG)
#define OC_IO__RING_FEATURES                                                  \
    (IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_FAST_POLL | \
     IORING_FEAT_EXT_ARG | IORING_FEAT_CQE_SKIP)

/** Later than liburing 2.3 (Linux 6.15): idle waits do not count as waiting for a disk. */
#define OC_IO__RING_FEAT_NO_IOWAIT  (1U << 17)
#define OC_IO__RING_ENTER_NO_IOWAIT (1U << 7)

/** Completions are many to one submission with multishot operations. */
#define OC_IO__RING_CQ_FACTOR 8U

/** The only group of provided buffers. */
#define OC_IO__RING_BUFFER_GROUP 0

/** Belongs to the thread that opened it: the kernel refuses every other (SINGLE_ISSUER). */
struct oc_io__ring {
    struct io_uring ring;
    unsigned enter_flags; /* of every enter: registered descriptor, NO_IOWAIT */
    struct io_uring_buf_ring *buffers;
    uint32_t buffer_count;
    uint32_t buffers_given; /* that the kernel may fill */
    bool is_open;
};

/**
 * Makes the ring in this thread and registers its descriptor. Returns 0, or -errno: what the kernel
 * said, or -EOPNOTSUPP if it lacks one of OC_IO__RING_FEATURES.
 */
int oc_io__ring_open(struct oc_io__ring *ring, uint32_t queue_depth);

/**
 * Registers the ring of provided buffers, empty. @memory is page-aligned, with 16 bytes for each of
 * the @count entries (a power of two), and stays until close. Returns 0 or -errno.
 */
int oc_io__ring_register_buffers(struct oc_io__ring *ring, void *memory, uint32_t count);

/** Unmaps and closes. The kernel takes its side down later. */
void oc_io__ring_close(struct oc_io__ring *ring);

/**
 * One io_uring_enter: submits everything, and runs what the kernel has put off. If @wait_count is
 * not 0 it then sleeps until so many completions are there, at most @timeout_ns (UINT64_MAX: no
 * limit). Returns 0 or more, or -errno: -EINTR and -ETIME are ordinary, -EAGAIN and -EBUSY mean
 * "later".
 */
int oc_io__ring_enter(struct oc_io__ring *ring, uint32_t wait_count, uint64_t timeout_ns);

/** One io_uring_enter that submits only. */
int oc_io__ring_submit(struct oc_io__ring *ring);

/** Puts a buffer behind the others; the kernel sees it after oc_io__ring_publish(). */
static inline void oc_io__ring_give(struct oc_io__ring *ring, uint8_t *bytes, uint32_t size,
                                    uint32_t buffer, uint32_t position)
{
    io_uring_buf_ring_add(ring->buffers, bytes, size, (unsigned short)buffer,
                          io_uring_buf_ring_mask(ring->buffer_count), (int)position);
}

static inline void oc_io__ring_publish(struct oc_io__ring *ring, uint32_t count)
{
    io_uring_buf_ring_advance(ring->buffers, (int)count);
    ring->buffers_given += count;
}

/** Submissions that were filled in and not taken by the kernel. */
static inline uint32_t oc_io__ring_unsubmitted(const struct oc_io__ring *ring)
{
    return ring->ring.sq.sqe_tail - io_uring_smp_load_acquire(ring->ring.sq.khead);
}

/** Whether the kernel has put work off that an enter would run, or completions that found no room.
 */
static inline bool oc_io__ring_wants_enter(const struct oc_io__ring *ring)
{
    return (IO_URING_READ_ONCE(*ring->ring.sq.kflags) &
            (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
}

/** Whether put-off work is left that the last enter did not run: it runs about 20 pieces. */
static inline bool oc_io__ring_has_more(const struct oc_io__ring *ring)
{
    return (IO_URING_READ_ONCE(*ring->ring.sq.kflags) & IORING_SQ_TASKRUN) != 0;
}

static inline bool oc_io__ring_is_overflown(const struct oc_io__ring *ring)
{
    return (IO_URING_READ_ONCE(*ring->ring.sq.kflags) & IORING_SQ_CQ_OVERFLOW) != 0;
}

/** Takes the oldest completion. Returns false if there is none. No system call. */
static inline bool oc_io__ring_take(struct oc_io__ring *ring, struct io_uring_cqe *cqe)
{
    struct io_uring_cq *cq = &ring->ring.cq;
    unsigned head = *cq->khead;

    /* Pairs with the kernel's release of the tail: the entry is complete before it is counted. */
    if (head == io_uring_smp_load_acquire(cq->ktail)) {
        return false;
    }
    cqe->user_data = cq->cqes[head & cq->ring_mask].user_data;
    cqe->res = cq->cqes[head & cq->ring_mask].res;
    cqe->flags = cq->cqes[head & cq->ring_mask].flags;
    /* Released only after the copy: the kernel may overwrite the entry from here. */
    io_uring_smp_store_release(cq->khead, head + 1);
    return true;
}

#endif
