/*
 * One run: a fresh server process of one stack, one client, one cell; metrics out.
 */
#ifndef OC_VERIFY_RUN_H
#define OC_VERIFY_RUN_H

#include <stdint.h>

#include "client/script.h"
#include "core/histogram.h"
#include "verify/host.h"
#include "verify/model.h"
#include "verify/process.h"

/** Runs with more steal time than this share of the machine are excluded, with their block. Two
 * ticks of 10 ms are always allowed: /proc/stat is no finer. */
#define OC_VERIFY_STEAL_MAX 0.05
/**
 * Open loop: excluded if the 99th percentile of the send lag exceeds this share of the p99, and
 * what a generator on one core cannot do better than: while it handles a reply and sends a request,
 * some 10 us on the hosts at hand, the next one waits. The lag is part of the latency of all stacks
 * alike: it makes ratios look nearer to 1, never farther.
 */
#define OC_VERIFY_LAG_MAX       0.25
#define OC_VERIFY_LAG_ALWAYS_NS 40000.0
/** The client of an open loop has a core to itself and spins, so that it sends on time. */
#define OC_VERIFY__SPIN_NS 1000000000ULL

/** What runs share. Belongs to one thread. */
struct oc_verify__rig {
    struct oc_verify__host *host; /* where servers run */
    struct oc_verify__cpus cpus;  /* of this host; servers of another one are not on cpus.server */
    uint64_t altered_delay_ns;    /* of ALTERED, for each request; 0 for A/A */
    uint64_t count_ns;        /* counting period for stacks that do not count themselves; 0: none */
    uint64_t seed;            /* of Poisson arrivals */
    struct oc_histogram *lag; /* scratch */
    struct oc_histogram *connect;
    char calls_why[96]; /* why system calls of others cannot be counted, if so */
};

/**
 * Makes the run that *run names by cell, block, stack, order and offered_rate: fills the rest.
 *
 * @cell     the run's cell. @scripts  of its connections; NULL where it needs none.
 * @latency  out: of this run; empty when it FAILED.
 * Takes about the cell's warm-up and duration, and 0.1 s. Pins the calling thread; it stays pinned.
 */
void oc_verify__run_make(struct oc_verify__rig *rig, const struct oc_verify_cell *cell,
                         const struct oc_script *scripts, struct oc_verify_run *run,
                         struct oc_histogram *latency);

#endif
