/*
 * When each request is meant to be sent, and what that means for its latency.
 *
 * Open loop: the times are fixed before the first reply comes, and a request that could not be sent
 * in time keeps its intended time; a server that stalls is charged for everything that had to wait
 * (no coordinated omission; Schroeder et al., NSDI 2006, and wrk2). Closed loop: a request is meant
 * to go when its predecessor made room, so it is intended when it is sent.
 */
#ifndef OC_CLIENT_SCHEDULE_H
#define OC_CLIENT_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/random.h"

enum oc_arrivals {
    OC_ARRIVALS_CLOSED,   /* when there is room in the window */
    OC_ARRIVALS_CONSTANT, /* evenly spaced */
    OC_ARRIVALS_POISSON,  /* exponential gaps: what many independent clients look like */
};

/** The schedule of one connection. */
struct oc_schedule {
    enum oc_arrivals arrivals;
    uint64_t start_ns;
    uint64_t next_ns; /* intended time of the next request; UINT64_MAX in the closed loop */
    uint64_t index;   /* of the next request */
    double rate;      /* requests a second, of all connections together */
    uint32_t connections;
    uint32_t connection;
    struct oc_random random;
};

/**
 * Start the schedule of connection `connection` (0 to connections - 1) at start_ns.
 *
 * @rate  of all connections together, above 0 unless closed. Constant arrivals of the connections
 *        interleave at equal distance. Poisson arrivals are independent for each connection: their
 *        sum is a Poisson process of the whole rate. @seed  any; used by Poisson only.
 */
void oc_schedule_start(struct oc_schedule *schedule, enum oc_arrivals arrivals, double rate,
                       uint32_t connection, uint32_t connections, uint64_t start_ns, uint64_t seed);

/** Whether a request is due. In the closed loop always: the window alone decides. */
bool oc_schedule_due(const struct oc_schedule *schedule, uint64_t now_ns);

/** Takes the next request and returns its intended time; sent_ns itself in the closed loop. */
uint64_t oc_schedule_take(struct oc_schedule *schedule, uint64_t sent_ns);

#endif
