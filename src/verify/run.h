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
 * Open loop and search: a run is excluded if the 99th percentile of the send lag exceeds this, in
 * all runs alike. Fixed, and no share of the run's latency: that would keep a late generator where
 * the stack is slow and exclude it where it is fast, so that what came out would decide. 100 us
 * lies between what a generator on a core of its own does (while it handles a reply and sends a
 * request, some 10 us, the next one waits: in four verifications on the host at hand the medians of
 * the runs were 21 to 26 us, their 90th percentiles 51 to 81 us) and what another program on its
 * core does to it (200 to 1000 us). The lag is part of the latency of all stacks alike: it makes
 * ratios look nearer to 1, never farther.
 */
#define OC_VERIFY_LAG_MAX_NS 100000.0
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
 * Takes about the cell's warm-up and duration, a search so many times that, and 0.1 s. Pins the
 * calling thread; it stays pinned.
 */
void oc_verify__run_make(struct oc_verify__rig *rig, const struct oc_verify_cell *cell,
                         const struct oc_script *scripts, struct oc_verify_run *run,
                         struct oc_histogram *latency);

/**
 * Excludes a run by its steal share and its generator's lag, and by nothing else: never by what
 * came out. Sets `exclusion` and `why`; leaves a run alone that neither concerns.
 *
 * @steal_ns  steal time of the whole run: the share of a short one is too coarse alone. Pure.
 */
void oc_verify__run_exclude(struct oc_verify_run *run, uint64_t steal_ns);

#endif
