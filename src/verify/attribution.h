/*
 * Attribution and ceiling: whose merit is the way from tokio to io_uring, and how much could
 * io_uring give at most.
 *
 * A move from tokio to io_uring changes two things at once: the program is rewritten, and the
 * kernel interface is another. On the logarithmic scale the two add up, log(io_uring / tokio) =
 * log(epoll / tokio) + log(io_uring / epoll), so that each has its share.
 */
#ifndef OC_VERIFY_ATTRIBUTION_H
#define OC_VERIFY_ATTRIBUTION_H

#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"
#include "verify/bootstrap.h"
#include "verify/gate.h"
#include "verify/pairs.h"

/** Of the way from tokio to io_uring in one cell: what is the rewrite, what is io_uring. */
struct oc_attribution {
    uint32_t cell;
    enum oc_verify_metric metric;
    enum oc_verify_stack tokio;  /* the runtime that is the baseline here */
    struct oc_interval total;    /* log(io_uring / tokio) */
    struct oc_interval rewrite;  /* log(epoll / tokio) */
    struct oc_interval io_uring; /* log(io_uring / epoll) */
    struct oc_interval share;    /* of the rewrite; 1 - share is io_uring's. May leave 0 to 1 */
    bool meaningful;             /* the total differs from nothing: its interval has no 0 */
};

/** The most that io_uring could give: the calls it saves at the price of a bare call. */
struct oc_ceiling {
    uint32_t cell;
    enum oc_verify_metric metric; /* LATENCY_P50 of one in flight, or SERVER_CPU */
    double call_ns;               /* a bare system call */
    double calls_epoll;           /* per request, medians */
    double calls_io_uring;
    double request_ns; /* median of the metric on epoll */
    double share;      /* call_ns * calls saved / request_ns; 0 where none is saved */
};

/**
 * Attribute each cell in which all three stacks have runs at the same load: by its primary metric,
 * and by server and machine CPU time where that means something.
 *
 * @attributions  out: count of them, owned by the arena.
 * Returns 0, or -ENOMEM.
 */
int oc_attribution_make(const struct oc_gate_input *input, struct oc_arena *arena,
                        struct oc_attribution **attributions, uint32_t *count);

/**
 * The ceiling of each cell in which epoll and io_uring have counted system calls: of the latency
 * where one request is in flight on one connection, of the server's CPU time where it blocks.
 *
 * @call_ns  NaN gives none.
 * Returns 0, or -ENOMEM.
 */
int oc_ceilings_make(const struct oc_gate_input *input, double call_ns, struct oc_arena *arena,
                     struct oc_ceiling **ceilings, uint32_t *count);

#endif
