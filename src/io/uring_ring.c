/*
 * One ring: see uring_ring.h.
 */
#define _GNU_SOURCE /* liburing.h wants cpu_set_t */
#include "io/uring_ring.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "core/assert.h"

/* A ring that was closed, by this process or by the one before it, holds its locked memory until
 * the kernel has taken it down: 25 to 35 ms on Linux 6.18. */
#define MEMORY_TRIES    30U
#define MEMORY_DELAY_NS 10000000L

static unsigned flush_submissions(struct oc_io__ring *ring);
static bool retry_for_memory(int rc, unsigned *tries);

int oc_io__ring_open(struct oc_io__ring *ring, uint32_t queue_depth)
{
    struct io_uring_params params = {
        .flags = OC_IO__RING_SETUP_FLAGS,
        .cq_entries = queue_depth * OC_IO__RING_CQ_FACTOR,
    };
    unsigned tries = 0;
    int rc;

    *ring = (struct oc_io__ring){0};
    do {
        rc = io_uring_queue_init_params(queue_depth, &ring->ring, &params);
    } while (retry_for_memory(rc, &tries));
    if (rc < 0) {
        return rc;
    }
    ring->is_open = true;
    if ((params.features & OC_IO__RING_FEATURES) != OC_IO__RING_FEATURES) {
        oc_io__ring_close(ring);
        return -EOPNOTSUPP;
    }
    /* Spares the look-up of the descriptor on each enter. Works without: a full table is no reason
     * to refuse. */
    if (io_uring_register_ring_fd(&ring->ring) == 1) {
        ring->enter_flags |= IORING_ENTER_REGISTERED_RING;
    }
    if ((params.features & OC_IO__RING_FEAT_NO_IOWAIT) != 0) {
        ring->enter_flags |= OC_IO__RING_ENTER_NO_IOWAIT;
    }
    return 0;
}

int oc_io__ring_register_buffers(struct oc_io__ring *ring, void *memory, uint32_t count)
{
    struct io_uring_buf_reg registration = {
        .ring_addr = (uintptr_t)memory,
        .ring_entries = count,
        .bgid = OC_IO__RING_BUFFER_GROUP,
    };
    unsigned tries = 0;
    int rc;

    do {
        rc = io_uring_register_buf_ring(&ring->ring, &registration, 0);
    } while (retry_for_memory(rc, &tries));
    if (rc < 0) {
        return rc;
    }
    ring->buffers = memory;
    ring->buffer_count = count;
    io_uring_buf_ring_init(ring->buffers);
    return 0;
}

void oc_io__ring_close(struct oc_io__ring *ring)
{
    if (ring->is_open) {
        io_uring_queue_exit(&ring->ring);
        ring->is_open = false;
    }
}

int oc_io__ring_enter(struct oc_io__ring *ring, uint32_t wait_count, uint64_t timeout_ns)
{
    unsigned submit_count = flush_submissions(ring);
    unsigned flags = ring->enter_flags | IORING_ENTER_GETEVENTS;
    struct __kernel_timespec timeout = {
        .tv_sec = (long long)(timeout_ns / 1000000000ULL),
        .tv_nsec = (long long)(timeout_ns % 1000000000ULL),
    };
    struct io_uring_getevents_arg argument = {.ts = (uintptr_t)&timeout};

    if (wait_count == 0 || timeout_ns == UINT64_MAX) {
        return io_uring_enter2((unsigned)ring->ring.enter_ring_fd, submit_count, wait_count, flags,
                               NULL, 0);
    }
    return io_uring_enter2((unsigned)ring->ring.enter_ring_fd, submit_count, wait_count,
                           flags | IORING_ENTER_EXT_ARG, (void *)&argument, sizeof(argument));
}

int oc_io__ring_submit(struct oc_io__ring *ring)
{
    unsigned submit_count = flush_submissions(ring);

    return io_uring_enter2((unsigned)ring->ring.enter_ring_fd, submit_count, 0, ring->enter_flags,
                           NULL, 0);
}

static bool retry_for_memory(int rc, unsigned *tries)
{
    const struct timespec delay = {.tv_nsec = MEMORY_DELAY_NS};

    if (rc != -ENOMEM || *tries == MEMORY_TRIES) {
        return false;
    }
    (*tries)++;
    (void)nanosleep(&delay, NULL);
    return true;
}

/** Shows the kernel what was filled in. liburing does the same, but does not export it. */
static unsigned flush_submissions(struct oc_io__ring *ring)
{
    struct io_uring_sq *sq = &ring->ring.sq;

    if (sq->sqe_head != sq->sqe_tail) {
        sq->sqe_head = sq->sqe_tail;
        /* The kernel reads the tail in this very thread, inside the enter: no barrier. */
        IO_URING_WRITE_ONCE(*sq->ktail, sq->sqe_tail);
    }
    return oc_io__ring_unsubmitted(ring);
}
