/*
 * What is measured: stacks, cells, runs and metrics. The vocabulary that the runner (which fills
 * runs), the judgement (which reads them) and the reports share.
 *
 * A cell is one scenario with its parameters and its placement. It is measured in blocks: one block
 * holds one run of each stack, in random order, each run a fresh server process. Two runs of one
 * block are a pair. The unit of every statistic is the run, never the request.
 */
#ifndef OC_VERIFY_MODEL_H
#define OC_VERIFY_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/histogram.h"

/* X(enumerator, name in reports, what it is) */
#define OC_VERIFY_STACK_MAP(X)                                                               \
    X(FLOOR, "floor", "blocking send and recv, the least that a TCP round trip costs here")  \
    X(TOKIO, "tokio", "Tokio, serde_json, multi-threaded runtime: what people migrate from") \
    X(TOKIO_CURRENT, "tokio-current", "the same in Tokio's current-thread runtime")          \
    X(LIBUV, "libuv", "an echo on libuv: an outside check of our epoll")                     \
    X(EPOLL, "epoll", "outcry on epoll")                                                     \
    X(IO_URING, "io_uring", "outcry on io_uring")                                            \
    X(ALTERED, "altered", "outcry on epoll again, for A/A, or slowed down on purpose")

enum oc_verify_stack {
#define OC_VERIFY_STACK_ENUMERATOR(name, wire, text) OC_VERIFY_STACK_##name,
    OC_VERIFY_STACK_MAP(OC_VERIFY_STACK_ENUMERATOR)
#undef OC_VERIFY_STACK_ENUMERATOR
        OC_VERIFY_STACK_COUNT
};

enum oc_verify_direction {
    OC_VERIFY_LOWER_IS_BETTER,
    OC_VERIFY_HIGHER_IS_BETTER,
    OC_VERIFY_NEITHER, /* explains, does not judge: batch size, descriptors */
};

/* X(enumerator, name in reports, unit, direction) */
#define OC_VERIFY_METRIC_MAP(X)                                           \
    X(LATENCY_P50, "latency_p50", "ns", LOWER_IS_BETTER)                  \
    X(LATENCY_P95, "latency_p95", "ns", LOWER_IS_BETTER)                  \
    X(LATENCY_P99, "latency_p99", "ns", LOWER_IS_BETTER)                  \
    X(LATENCY_P999, "latency_p999", "ns", LOWER_IS_BETTER)                \
    X(LATENCY_MAX, "latency_max", "ns", LOWER_IS_BETTER)                  \
    X(RATE, "rate", "1/s", HIGHER_IS_BETTER)                              \
    X(CONNECT_P50, "connect_p50", "ns", LOWER_IS_BETTER)                  \
    X(CONNECT_P99, "connect_p99", "ns", LOWER_IS_BETTER)                  \
    X(SERVER_CPU, "server_cpu", "ns/request", LOWER_IS_BETTER)            \
    X(CLIENT_CPU, "client_cpu", "ns/request", LOWER_IS_BETTER)            \
    X(MACHINE_CPU, "machine_cpu", "ns/request", LOWER_IS_BETTER)          \
    X(SYSTEM_CALLS, "system_calls", "1/request", LOWER_IS_BETTER)         \
    X(CONTEXT_SWITCHES, "context_switches", "1/request", LOWER_IS_BETTER) \
    X(BATCH_MEAN, "batch_mean", "events/poll", NEITHER)                   \
    X(RESIDENT, "resident", "bytes", LOWER_IS_BETTER)                     \
    X(DESCRIPTORS, "descriptors", "1", NEITHER)                           \
    X(ERRORS, "errors", "1", LOWER_IS_BETTER)                             \
    X(DROPS, "drops", "1", LOWER_IS_BETTER)                               \
    X(TIMEOUTS, "timeouts", "1", LOWER_IS_BETTER)

enum oc_verify_metric {
#define OC_VERIFY_METRIC_ENUMERATOR(name, wire, unit, direction) OC_VERIFY_METRIC_##name,
    OC_VERIFY_METRIC_MAP(OC_VERIFY_METRIC_ENUMERATOR)
#undef OC_VERIFY_METRIC_ENUMERATOR
        OC_VERIFY_METRIC_COUNT
};

/* X(enumerator, name in reports) */
#define OC_VERIFY_SCENARIO_MAP(X)           \
    X(PING_PONG, "ping-pong")               \
    X(PERSISTENT, "persistent")             \
    X(REUSE, "reuse")                       \
    X(PERCENTILES, "percentiles")           \
    X(REQUEST_RESPONSE, "request-response") \
    X(STRESS, "stress")                     \
    X(FAN_OUT, "fan-out")

enum oc_verify_scenario {
#define OC_VERIFY_SCENARIO_ENUMERATOR(name, wire) OC_VERIFY_SCENARIO_##name,
    OC_VERIFY_SCENARIO_MAP(OC_VERIFY_SCENARIO_ENUMERATOR)
#undef OC_VERIFY_SCENARIO_ENUMERATOR
        OC_VERIFY_SCENARIO_COUNT
};

enum oc_verify_placement {
    OC_VERIFY_SAME_CORE,  /* client and server share a core: no idle core has to be woken */
    OC_VERIFY_CROSS_CORE, /* a core each, both block: a wake-up is in every trip */
    OC_VERIFY_BUSY_POLL,  /* a core each, both spin; CPU time means nothing here */
    OC_VERIFY_PLACEMENT_COUNT
};

/** Which part of the decision gate a cell feeds, if any. */
enum oc_verify_gate_part {
    OC_VERIFY_GATE_NONE,
    OC_VERIFY_GATE_PING_PONG,  /* LATENCY_P50 */
    OC_VERIFY_GATE_PERSISTENT, /* RATE */
    OC_VERIFY_GATE_TAIL,       /* LATENCY_P95 or LATENCY_P99 */
    OC_VERIFY_GATE_STRESS,     /* RATE */
};

#define OC_VERIFY_CELL_NAME_BYTES 64U

struct oc_verify_cell {
    char name[OC_VERIFY_CELL_NAME_BYTES]; /* unique, e.g. "ping-pong/100B/same-core" */
    enum oc_verify_scenario scenario;
    enum oc_verify_placement placement;
    enum oc_verify_gate_part gate;
    bool echo;             /* raw echo servers; else whole venues with real orders */
    uint32_t size;         /* bytes of a message; 0 where the flow decides */
    uint32_t connections;  /* listeners in fan-out */
    uint32_t window;       /* requests in flight of each connection; 0: open loop */
    uint32_t load_percent; /* open loop: of the weaker stack's capacity of each pair */
    uint32_t p99_limit_us; /* not 0: a run searches for the highest rate with a p99 within it;
                            * duration and warm-up are of one offer */
    uint32_t messages;     /* of each connection, which then makes way for a new one; 0: no limit */
    bool equity;           /* whole venues: the equity flow instead of pingpong */
    uint32_t warmup_ms;    /* not measured */
    uint32_t duration_ms;  /* measured, of each run */
    uint32_t stacks;       /* set of 1 << enum oc_verify_stack that can run it */
    uint32_t blocks;       /* planned at least */
    uint32_t blocks_max;   /* if a decision needs more looks; equal to blocks where none does */
};

enum oc_verify_exclusion {
    OC_VERIFY_KEPT,
    OC_VERIFY_EXCLUDED_STEAL, /* the hypervisor took more CPU time than the limit */
    OC_VERIFY_EXCLUDED_LAG,   /* the generator could not send on time */
    OC_VERIFY_FAILED,         /* no measurement, excludes the pairs of its stack; `why` says more */
};

/**
 * One run of one stack. A metric that was not measured is NaN.
 */
struct oc_verify_run {
    uint32_t cell;          /* index */
    uint32_t block;         /* from 0 within its cell */
    uint8_t stack;          /* enum oc_verify_stack */
    uint8_t order;          /* place within its block */
    uint8_t exclusion;      /* enum oc_verify_exclusion: STEAL and LAG exclude the block for all */
    double steal_share;     /* of the machine's CPU time during the run */
    double offered_rate;    /* open loop, requests a second; 0 in the closed loop and of a search */
    double lag_p99_ns;      /* open loop and search: how late the generator was; else 0 */
    uint64_t request_count; /* measured ones */
    double metrics[OC_VERIFY_METRIC_COUNT];
    char why[128]; /* FAILED, or what excluded it; else empty */
};

/** Loads of one open-loop cell: that of the pairs with tokio, and that of epoll and io_uring. */
#define OC_VERIFY_LOADS_MAX 2U

/** Latencies of all kept runs of a cell at one load. For curves only; statistics use the runs. */
struct oc_verify_latencies {
    bool used;
    double offered_rate;                            /* 0 in the closed loop */
    struct oc_histogram *of[OC_VERIFY_STACK_COUNT]; /* NULL where there are none */
};

/** All that was measured. Owned by whoever made it; readers borrow. */
struct oc_verify_data {
    struct oc_verify_cell *cells;
    uint32_t cell_count;
    struct oc_verify_run *runs; /* in the order in which they were made */
    uint32_t run_count;
    struct oc_verify_latencies *latencies; /* [cell * OC_VERIFY_LOADS_MAX + load]; NULL: none */
};

#endif
