/*
 * The load generator: many connections on one thread that play scripts, check every reply and
 * measure.
 *
 * It is built on the io table with the epoll backend whatever the server uses, so that the client
 * is the same instrument for both. Latency runs from the intended send time (client/schedule.h) to
 * the end of the poll that brought the last reply of the request; encoding, decoding and checking
 * on this side are inside. It knows no flow: scripts say what is sent and what must come back.
 */
#ifndef OC_CLIENT_LOAD_H
#define OC_CLIENT_LOAD_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/schedule.h"
#include "client/script.h"
#include "core/histogram.h"
#include "core/reason.h"
#include "io/socket.h"

#define OC_LOAD_CONNECTIONS_MAX 10000U
/** Requests of one connection that may be unanswered in the open loop; further ones wait. */
#define OC_LOAD_WINDOW_MAX 16384U

/** One second of a run. */
struct oc_load_second {
    double second; /* since the run began, warm-up included */
    bool warmup;
    uint64_t requests; /* sent in this second */
    uint64_t answered;
    uint64_t in_flight;
    const struct oc_histogram *latency; /* of this second; borrowed for the call */
};

struct oc_load_config {
    struct oc_io_address address;
    uint32_t connections; /* 1 to OC_LOAD_CONNECTIONS_MAX */
    uint32_t window;      /* unanswered requests of a connection, 1 to OC_LOAD_WINDOW_MAX */
    enum oc_arrivals arrivals;
    double rate;            /* open loop: requests a second of all connections together */
    uint64_t warmup_ns;     /* at the begin of the run; not measured */
    uint64_t duration_ns;   /* behind the warm-up; UINT64_MAX: until the requests are used up */
    uint64_t request_count; /* of all connections, warm-up included; UINT64_MAX: no limit */
    uint64_t user_first;    /* connection i is user_first + i */
    uint64_t seed;          /* of Poisson arrivals */
    uint64_t timeout_ns;    /* a reply that takes longer is missing */
    uint64_t busy_poll_ns;
    const char *congestion;            /* TCP congestion control; NULL: the system's */
    bool tape;                         /* hear the trades of the others too */
    const volatile sig_atomic_t *stop; /* not 0: end the run early and report; may be NULL */
    void (*on_second)(void *context, const struct oc_load_second *second); /* may be NULL */
    void *on_second_context;
    /* Called when the measured time begins and when it is over, with the requests answered so far:
     * for who reads other clocks meanwhile. May be NULL. */
    void (*on_measure)(void *context, bool begins, uint64_t answered);
    void *on_measure_context;
};

struct oc_load_result {
    struct oc_histogram *latency; /* set by the caller; of measured requests, ns */
    struct oc_histogram *lag;     /* set by the caller; open loop: sent - intended, ns, of requests
                                   * that waited for nothing but this side */
    uint64_t preloaded;           /* requests that filled the book, answered before the run */
    uint64_t requests;            /* sent in the run, warm-up included */
    uint64_t answered;            /* of them, answered completely */
    uint64_t measured;            /* of them, intended behind the warm-up */
    uint64_t held;    /* open loop: measured requests that waited for an id or for room */
    uint64_t replies; /* frames, of the run */
    uint64_t foreign; /* trades of others on the tape */
    uint64_t trades;  /* own replies of that kind, preload included */
    uint64_t books;
    uint64_t reject_counts[OC_REASON_COUNT];
    uint64_t wrong;        /* replies that were not what they must be; the first ends the run */
    uint64_t missing;      /* requests without all their replies */
    uint64_t unsent;       /* open loop: requests that were due and never sent */
    uint64_t measured_ns;  /* from the end of the warm-up to the last measured reply */
    uint64_t system_calls; /* of this side, in the run */
    bool used_up;          /* a script ended before the time was up */
    char why[768];         /* what was wrong or missing, first occurrence; else empty */
};

/**
 * Connects, fills the book, runs, waits for the last replies and closes.
 *
 * @scripts  one for each connection; borrowed. Each connection first sets its session, cancels what
 *           its user has open and waits for both.
 * Returns 0 when the run took place, whatever came back: look at wrong and missing. A negative
 * errno when it could not (connecting, memory), with a sentence in result->why.
 */
int oc_load_run(const struct oc_load_config *config, const struct oc_script *scripts,
                struct oc_load_result *result);

#endif
