/*
 * What this kernel's io_uring can do, found out by doing it on a pair of sockets.
 *
 * One step for each thing that the backend relies on, in the order in which kernels learned them;
 * the first failure ends it. The steps use the same set-up code as the backend, with the sizes that
 * it will have, so that a limit that would stop the backend stops the probe.
 */
#define _GNU_SOURCE /* liburing.h wants cpu_set_t */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/probe.h"
#include "io/uring_ring.h"

#define BUFFER_COUNT      4U
#define OPERATIONS_MAX    256U /* that the kernel can tell of in one call */
#define BUFFER_BYTES      64U
#define LARGE_BYTES       (1U << 20)
#define SOCKET_BYTES      4096
#define PATIENCE_NS       200000000ULL
#define PAGE_BYTES        4096U
#define DATA_RECEIVE      1U
#define DATA_SEND         2U
#define DATA_CANCEL       3U
#define SILENT_SEND_FLAGS (MSG_DONTWAIT | MSG_WAITALL | MSG_NOSIGNAL)

struct prober {
    struct oc_io__ring ring;
    uint32_t queue_depth;
    uint32_t entry_count; /* of the ring of buffers */
    void *buffer_ring;    /* page-aligned: the entries, behind them the buffers */
    uint8_t *large;
    int pair[2];
};

struct step {
    const char *name;
    const char *needs;
    int (*run)(struct prober *prober);
};

static int prepare(struct prober *prober);
static int try_setup(struct prober *prober);
static int try_operations(struct prober *prober);
static int try_buffer_ring(struct prober *prober);
static int try_multishot_receive(struct prober *prober);
static int try_no_buffers(struct prober *prober);
static int try_silent_send(struct prober *prober);
static int try_cancel(struct prober *prober);
static void tell_flags(struct oc_io_probe_report *report, const struct oc_io__ring *ring);

static const struct step STEPS[] = {
    {"setup", "Linux 6.1", try_setup},
    {"operations", "Linux 5.11", try_operations},
    {"provided buffer ring", "Linux 5.19", try_buffer_ring},
    {"multishot receive", "Linux 6.0", try_multishot_receive},
    {"recovery from missing buffers", "Linux 6.0", try_no_buffers},
    {"silent send", "Linux 6.1", try_silent_send},
    {"cancellation", "Linux 5.5", try_cancel},
};

_Static_assert(sizeof(STEPS) / sizeof(STEPS[0]) <= OC_IO_PROBE_STEPS_MAX, "room in the report");

void oc_io__uring_probe(struct oc_io_probe_report *report)
{
    struct prober prober = {
        .queue_depth = report->queue_depth,
        .entry_count = report->buffer_count < BUFFER_COUNT ? BUFFER_COUNT : report->buffer_count,
        .pair = {-1, -1},
    };

    report->is_built_in = true;
    report->was_tried = true;
    int prepared = prepare(&prober);
    if (prepared < 0) {
        report->steps[report->step_count++] = (struct oc_io_probe_step){
            .name = "memory and sockets", .error = prepared};
        goto out;
    }
    size_t count = sizeof(STEPS) / sizeof(STEPS[0]);
    for (size_t i = 0; i < count; i++) {
        /* Written down before: if the step is deadly, it has to be known which one it was. */
        struct oc_io_probe_step *step = &report->steps[report->step_count++];
        *step = (struct oc_io_probe_step){
            .name = STEPS[i].name,
            .needs = STEPS[i].needs,
            .error = -EPERM,
        };
        int rc = STEPS[i].run(&prober);
        step->error = rc;
        if (rc < 0) {
            break;
        }
        tell_flags(report, &prober.ring);
        report->is_available = i + 1 == count;
    }
    oc_io__ring_close(&prober.ring);

out:
    if (prober.pair[0] >= 0) {
        close(prober.pair[0]);
        close(prober.pair[1]);
    }
    free(prober.buffer_ring);
    free(prober.large);
}

static int prepare(struct prober *prober)
{
    prober->large = calloc(1, LARGE_BYTES);
    if (prober->large == NULL || posix_memalign(&prober->buffer_ring, PAGE_BYTES,
                                                prober->entry_count * sizeof(struct io_uring_buf) +
                                                    BUFFER_COUNT * BUFFER_BYTES) != 0) {
        return -ENOMEM;
    }
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, prober->pair) < 0 ? -errno : 0;
}

static int try_setup(struct prober *prober)
{
    return oc_io__ring_open(&prober->ring, prober->queue_depth);
}

static int try_operations(struct prober *prober)
{
    static const int NEEDED[] = {IORING_OP_ACCEPT,      IORING_OP_CONNECT, IORING_OP_RECV,
                                 IORING_OP_SEND,        IORING_OP_SENDMSG, IORING_OP_POLL_ADD,
                                 IORING_OP_ASYNC_CANCEL};
    struct io_uring_probe *known = calloc(1, sizeof(*known) +
                                                 OPERATIONS_MAX * sizeof(struct io_uring_probe_op));

    if (known == NULL) {
        return -ENOMEM;
    }
    int rc = io_uring_register_probe(&prober->ring.ring, known, OPERATIONS_MAX);
    for (size_t i = 0; rc == 0 && i < sizeof(NEEDED) / sizeof(NEEDED[0]); i++) {
        if (!io_uring_opcode_supported(known, NEEDED[i])) {
            rc = -EOPNOTSUPP;
        }
    }
    free(known);
    return rc;
}

/** The buffers lie behind the entries of their ring. */
static uint8_t *buffers_of(const struct prober *prober)
{
    return (uint8_t *)prober->buffer_ring + prober->entry_count * sizeof(struct io_uring_buf);
}

/** Of the backend's size, but with BUFFER_COUNT buffers in it. */
static int try_buffer_ring(struct prober *prober)
{
    uint8_t *buffers = buffers_of(prober);

    int rc = oc_io__ring_register_buffers(&prober->ring, prober->buffer_ring, prober->entry_count);
    if (rc < 0) {
        return rc;
    }
    for (uint32_t i = 0; i < BUFFER_COUNT; i++) {
        oc_io__ring_give(&prober->ring, buffers + i * BUFFER_BYTES, BUFFER_BYTES, i, i);
    }
    oc_io__ring_publish(&prober->ring, BUFFER_COUNT);
    return 0;
}

/** Submits, and takes one completion. Returns 0, -ETIME if none came in time, or -errno. */
static int next_completion(struct prober *prober, struct io_uring_cqe *cqe)
{
    if (oc_io__ring_take(&prober->ring, cqe)) {
        return 0;
    }
    int rc = oc_io__ring_enter(&prober->ring, 1, PATIENCE_NS);
    if (rc < 0 && rc != -EINTR) {
        return rc;
    }
    return oc_io__ring_take(&prober->ring, cqe) ? 0 : -ETIME;
}

static void arm_receive(struct prober *prober)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&prober->ring.ring);

    io_uring_prep_recv_multishot(sqe, prober->pair[0], NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = OC_IO__RING_BUFFER_GROUP;
    io_uring_sqe_set_data64(sqe, DATA_RECEIVE);
}

/** Armed once, it has to complete for each of BUFFER_COUNT messages. */
static int try_multishot_receive(struct prober *prober)
{
    struct io_uring_cqe cqe;

    arm_receive(prober);
    for (uint32_t i = 0; i < BUFFER_COUNT; i++) {
        if (write(prober->pair[1], "ping", 4) != 4) {
            return -EIO;
        }
        int rc = next_completion(prober, &cqe);
        if (rc < 0) {
            return rc;
        }
        if (cqe.res < 0) {
            return cqe.res;
        }
        if (cqe.res != 4 || (cqe.flags & IORING_CQE_F_BUFFER) == 0 ||
            (cqe.flags & IORING_CQE_F_MORE) == 0) {
            return -EPROTO;
        }
    }
    return 0;
}

/** All buffers are taken: the next message must say so, end the receive, and not be lost. */
static int try_no_buffers(struct prober *prober)
{
    struct io_uring_cqe cqe;
    uint8_t *buffers = buffers_of(prober);

    if (write(prober->pair[1], "more", 4) != 4) {
        return -EIO;
    }
    int rc = next_completion(prober, &cqe);
    if (rc < 0) {
        return rc;
    }
    if (cqe.res != -ENOBUFS || (cqe.flags & IORING_CQE_F_MORE) != 0) {
        return -EPROTO;
    }
    for (uint32_t i = 0; i < BUFFER_COUNT; i++) {
        oc_io__ring_give(&prober->ring, buffers + i * BUFFER_BYTES, BUFFER_BYTES, i, i);
    }
    oc_io__ring_publish(&prober->ring, BUFFER_COUNT);
    arm_receive(prober);
    rc = next_completion(prober, &cqe);
    if (rc < 0) {
        return rc;
    }
    return cqe.res == 4 && (cqe.flags & IORING_CQE_F_BUFFER) != 0 ? 0 : -EPROTO;
}

static void send_silently(struct prober *prober, size_t size)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&prober->ring.ring);

    io_uring_prep_send(sqe, prober->pair[0], prober->large, size, SILENT_SEND_FLAGS);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    io_uring_sqe_set_data64(sqe, DATA_SEND);
}

/**
 * A send that may not wait: silent if all was taken, else a completion with exactly the number of
 * bytes that were. The backend frees what it sent on the strength of that silence.
 */
static int try_silent_send(struct prober *prober)
{
    const int size = SOCKET_BYTES;
    struct io_uring_cqe cqe;
    int64_t received = 0;
    ssize_t piece;

    (void)setsockopt(prober->pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    send_silently(prober, 16);
    int rc = oc_io__ring_enter(&prober->ring, 0, 0);
    if (rc < 0) {
        return rc;
    }
    if (oc_io__ring_take(&prober->ring, &cqe) ||
        recv(prober->pair[1], prober->large, LARGE_BYTES, MSG_DONTWAIT) != 16) {
        return -EPROTO;
    }
    send_silently(prober, LARGE_BYTES);
    rc = oc_io__ring_enter(&prober->ring, 0, 0);
    if (rc < 0) {
        return rc;
    }
    if (!oc_io__ring_take(&prober->ring, &cqe) || cqe.res <= 0 || cqe.res >= (int)LARGE_BYTES) {
        return -EPROTO;
    }
    while ((piece = recv(prober->pair[1], prober->large, LARGE_BYTES, MSG_DONTWAIT)) > 0) {
        received += piece;
    }
    return received == cqe.res ? 0 : -EPROTO;
}

/** The receive is still armed; its cancellation must be found, and end it. */
static int try_cancel(struct prober *prober)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&prober->ring.ring);
    struct io_uring_cqe cqe;
    bool ended = false;
    bool found = false;

    io_uring_prep_cancel64(sqe, DATA_RECEIVE, 0);
    io_uring_sqe_set_data64(sqe, DATA_CANCEL);
    for (int i = 0; i < 2; i++) {
        int rc = next_completion(prober, &cqe);
        if (rc < 0) {
            return rc;
        }
        ended = ended || (cqe.user_data == DATA_RECEIVE && cqe.res == -ECANCELED);
        found = found || (cqe.user_data == DATA_CANCEL && cqe.res >= 0);
    }
    return ended && found ? 0 : -EPROTO;
}

static void tell_flags(struct oc_io_probe_report *report, const struct oc_io__ring *ring)
{
    report->setup_flags = ring->ring.flags;
    report->features = ring->ring.features;
    report->has_registered_descriptor = (ring->enter_flags & IORING_ENTER_REGISTERED_RING) != 0;
    report->has_no_iowait = (ring->enter_flags & OC_IO__RING_ENTER_NO_IOWAIT) != 0;
    snprintf(report->setup_flag_names, sizeof(report->setup_flag_names), "%s%s%s%s%s%s",
             (ring->ring.flags & IORING_SETUP_SINGLE_ISSUER) != 0 ? "SINGLE_ISSUER" : "",
             (ring->ring.flags & IORING_SETUP_DEFER_TASKRUN) != 0 ? " DEFER_TASKRUN" : "",
             (ring->ring.flags & IORING_SETUP_TASKRUN_FLAG) != 0 ? " TASKRUN_FLAG" : "",
             (ring->ring.flags & IORING_SETUP_SUBMIT_ALL) != 0 ? " SUBMIT_ALL" : "",
             (ring->ring.flags & IORING_SETUP_CQSIZE) != 0 ? " CQSIZE" : "",
             (ring->ring.flags & IORING_SETUP_CLAMP) != 0 ? " CLAMP" : "");
}
