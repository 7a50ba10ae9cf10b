/*
 * The recommendation for this host: io_uring, epoll, or no difference worth having, by mode.
 *
 * The rule, fixed before the data. The primary figure of cells that block is CPU time per request:
 * the server's, or the whole machine's where that is missing. Under busy-poll CPU time means
 * nothing, there it is the rate. The cells of a mode are pooled with equal weights (the mean of
 * their medians of log ratios). Then, in this order:
 *   - undecided, when one cell by itself is above 3 % and another, or the pool, points elsewhere;
 *   - equal, when the pooled equivalence interval lies within 3 %;
 *   - a stack, when the whole pooled interval is on its side, the estimate is above the resolution,
 *     and its p99 is not worse by more than 3 % ("held" in the sense of oc_limit_judge) where a p99
 *     was measured;
 *   - else undecided.
 */
#ifndef OC_VERIFY_RECOMMENDATION_H
#define OC_VERIFY_RECOMMENDATION_H

#include <stdbool.h>
#include <stdint.h>

#include "verify/bootstrap.h"
#include "verify/gate.h"
#include "verify/pairs.h"
#include "verify/resolution.h"

#define OC_EQUIVALENCE_MARGIN 0.03

/** A cell with at least so many connections is of the mode "many". */
#define OC_MODE_MANY_CONNECTIONS 64U

/* X(enumerator, text) */
#define OC_MODE_MAP(X)          \
    X(FEW, "few connections")   \
    X(MANY, "many connections") \
    X(FAN_OUT, "fan-out")       \
    X(PIPELINED, "pipelined")

enum oc_mode {
#define OC_MODE_ENUMERATOR(name, text) OC_MODE_##name,
    OC_MODE_MAP(OC_MODE_ENUMERATOR)
#undef OC_MODE_ENUMERATOR
        OC_MODE_COUNT
};

/* X(enumerator, text): cells that block and cells that spin are not pooled. */
#define OC_WAITING_MAP(X)   \
    X(BLOCKING, "blocking") \
    X(SPINNING, "busy-poll")

enum oc_waiting {
#define OC_WAITING_ENUMERATOR(name, text) OC_WAITING_##name,
    OC_WAITING_MAP(OC_WAITING_ENUMERATOR)
#undef OC_WAITING_ENUMERATOR
        OC_WAITING_COUNT
};

/* X(enumerator, text) */
#define OC_ADVICE_MAP(X)         \
    X(IO_URING, "io_uring")      \
    X(EPOLL, "epoll")            \
    X(EQUAL, "equal within 3 %") \
    X(UNDECIDED, "undecided")    \
    X(NOT_MEASURED, "not measured")

enum oc_advice {
#define OC_ADVICE_ENUMERATOR(name, text) OC_ADVICE_##name,
    OC_ADVICE_MAP(OC_ADVICE_ENUMERATOR)
#undef OC_ADVICE_ENUMERATOR
        OC_ADVICE_COUNT
};

/** Measured costs, nanoseconds; NaN where not measured. */
struct oc_verify_costs {
    double call_ns;       /* a bare system call, in and out */
    double epoll_wait_ns; /* with an event ready */
    double read_ns;       /* of a small message from a socket */
    double write_ns;      /* of one to a socket */
    double switch_ns;     /* from one thread to another and its wake-up */
};

#define OC_VERIFY_COSTS_NONE                                      \
    ((struct oc_verify_costs){.call_ns = __builtin_nan(""),       \
                              .epoll_wait_ns = __builtin_nan(""), \
                              .read_ns = __builtin_nan(""),       \
                              .write_ns = __builtin_nan(""),      \
                              .switch_ns = __builtin_nan("")})

/** The figures behind a cause: means over the pooled cells of medians; NaN where not measured. */
struct oc_cause {
    double calls_epoll; /* system calls a request */
    double calls_io_uring;
    double switches_epoll; /* context switches a request */
    double switches_io_uring;
    double batch_epoll; /* events a poll */
    double batch_io_uring;
    double cpu_epoll_ns;   /* the primary figure, when it is CPU time */
    double cpu_more_ns;    /* what io_uring takes more: of each cell its paired ratio's share of
                              epoll's median. Dear cells count for more than in `cost`, so that the
                              sign of several may be another */
    double calls_worth_ns; /* calls saved by io_uring at the price of a bare call */
};

/** One of the cells that were pooled. */
struct oc_recommendation_part {
    uint32_t cell;
    double epoll; /* median of the metric */
    double cost;  /* median of the paired log ratios io_uring / epoll; for RATE its negative */
};

struct oc_recommendation {
    enum oc_mode mode;
    enum oc_waiting waiting;
    enum oc_advice advice;
    enum oc_undecided why;
    uint32_t cell_count;                                          /* pooled */
    struct oc_recommendation_part parts[OC_BOOTSTRAP_STRATA_MAX]; /* in the order of the data */
    bool contradicted;             /* a cell by itself decides the opposite */
    enum oc_verify_metric metric;  /* SERVER_CPU, MACHINE_CPU or RATE */
    struct oc_interval cost;       /* log ratio io_uring / epoll, below 0: io_uring costs less.
                                      For RATE it is the negative log ratio of the rates. */
    struct oc_interval cost_inner; /* for equivalence */
    double bound;                  /* of the resolution, the mean of the cells */
    uint32_t tail_cell_count;
    struct oc_interval tail;  /* p99, log ratio io_uring / epoll; NONE where there is none */
    enum oc_limit tail_limit; /* "not worse by more than 3 %" for the stack that costs less */
    double tail_bound;        /* of the tail's resolution, the mean of its cells: above 3 % it
                                 takes the place of the limit */
    struct oc_cause cause;
    char sentence[640]; /* the cause in words that the figures support; empty if not measured */
};

/** The mode of a cell. */
enum oc_mode oc_mode_of(const struct oc_verify_cell *cell);

/** Recommend for one mode. */
void oc_recommendation_make(const struct oc_gate_input *input, const struct oc_verify_costs *costs,
                            enum oc_mode mode, enum oc_waiting waiting,
                            struct oc_recommendation *recommendation);

/** Words for reports: static text. */
const char *oc_mode_text(enum oc_mode mode);
const char *oc_waiting_text(enum oc_waiting waiting);
const char *oc_advice_text(enum oc_advice advice);

#endif
