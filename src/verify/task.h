/*
 * What a client is asked to do in one run, what comes out of it, and the phases of time it keeps.
 *
 * Warm-up, measured period, and for some stacks a counting period behind it, in which system calls
 * are counted from outside. At each border the client calls `mark`, where the meters are read: the
 * load stands still for that time, so requests that were under way at the begin of the measured
 * period are not recorded.
 */
#ifndef OC_VERIFY_TASK_H
#define OC_VERIFY_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "client/load.h"
#include "client/script.h"
#include "core/histogram.h"
#include "io/socket.h"
#include "verify/model.h"

enum oc_verify__mark {
    OC_VERIFY__MARK_BEGIN, /* of the measured period */
    OC_VERIFY__MARK_END,
    OC_VERIFY__MARK_COUNT, /* begin of the counting period */
    OC_VERIFY__MARK_COUNTED,
};

/** How long a client waits for a reply. */
#define OC_VERIFY__TIMEOUT_NS 5000000000ULL

struct oc_verify__task {
    const struct oc_verify_cell *cell;
    struct oc_io_address address;
    uint64_t warmup_ns;
    uint64_t measure_ns;
    uint64_t count_ns; /* 0: no counting period */
    uint64_t busy_poll_ns;
    double rate;                     /* open loop: requests a second */
    uint64_t seed;                   /* of Poisson arrivals */
    const struct oc_script *scripts; /* real orders: one for each connection; borrowed */
    void (*mark)(void *context, enum oc_verify__mark mark, uint64_t requests);
    void *context;
};

struct oc_verify__outcome {
    struct oc_histogram *latency; /* of the caller, empty; measured requests */
    struct oc_histogram *connect; /* of the caller, empty; connect to first reply */
    struct oc_histogram *lag;     /* of the caller, empty; open loop: sent - intended */
    uint64_t requests_all;        /* since the process started, all phases */
    uint64_t errors;              /* replies that were wrong, connections that broke */
    uint64_t timeouts;            /* requests without a reply */
    double rate_held;             /* of a search: the highest rate within the limit */
    double search_lag_p99_ns;     /* of a search, for all its offers (verify/search.h) */
    char why[128];                /* of the first of them */
};

/** The phases of one run: where the client is in time. */
struct oc_verify__pace {
    const struct oc_verify__task *task;
    uint64_t next_ns;  /* when this phase ends */
    uint64_t begin_ns; /* of the measured period; UINT64_MAX before it */
    enum oc_verify__mark next;
    bool measuring;
};

/** The run begins now. */
void oc_verify__pace_start(struct oc_verify__pace *pace, const struct oc_verify__task *task);

/**
 * Calls marks that are due at now_ns. @requests  answered so far. Returns false when the run is
 * over.
 */
bool oc_verify__pace_step(struct oc_verify__pace *pace, uint64_t now_ns, uint64_t requests);

/** Whether a request sent at sent_ns and answered now belongs to the measured ones. */
static inline bool oc_verify__pace_counts(const struct oc_verify__pace *pace, uint64_t sent_ns)
{
    return pace->measuring && sent_ns >= pace->begin_ns;
}

/** Notes the first failure. */
void oc_verify__outcome_fail(struct oc_verify__outcome *outcome, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * The clients. Each connects, plays all phases and closes. They return 0 when the measured period
 * took place to its end, -1 otherwise, with the reason in outcome->why. Capacity is a search with
 * many offers of the same orders: its measured period is all of them, and it leaves no latencies.
 */
int oc_verify__raw_run(const struct oc_verify__task *task, struct oc_verify__outcome *outcome);
int oc_verify__many_run(const struct oc_verify__task *task, struct oc_verify__outcome *outcome);
int oc_verify__orders_run(const struct oc_verify__task *task, struct oc_verify__outcome *outcome);
int oc_verify__capacity_run(const struct oc_verify__task *task, struct oc_verify__outcome *outcome);
int oc_verify__fan_out_run(const struct oc_verify__task *task, struct oc_verify__outcome *outcome);

/** What the load generator is asked for a task: closed loop, or open where it has a rate. */
void oc_verify__orders_config(const struct oc_verify__task *task, struct oc_load_config *config);

/** Plays the task's scripts once and adds what went wrong to the outcome. Returns 0 or -1. */
int oc_verify__orders_play(const struct oc_verify__task *task, const struct oc_load_config *config,
                           struct oc_load_result *result, struct oc_verify__outcome *outcome);

/**
 * Fills a buffer with messages of `size` bytes (5 to 65,540), one after the other: frames of the
 * protocol, 4 bytes of length and letters, because the tokio echo sends frames back. What is behind
 * the last whole message is part of one.
 */
void oc_verify__fill_messages(char *bytes, uint32_t capacity, uint32_t size);

/**
 * A connected, blocking socket with TCP_NODELAY and congestion control reno, whose recv(2) gives up
 * after OC_VERIFY__TIMEOUT_NS. @source  above 0: bound to 127.0.0.0 + source, so that many
 * connections in a short time do not run out of ports. Returns the descriptor or -errno.
 */
int oc_verify__connect(const struct oc_io_address *address, uint32_t source);

#endif
