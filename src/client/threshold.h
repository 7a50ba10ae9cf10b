/*
 * Thresholds: what a load run must reach, as one writes it on a command line: 'p99<500us'.
 *
 * A threshold names a figure of the run, a relation and a limit. Latencies need a unit, so that
 * nobody compares microseconds with nanoseconds by mistake; counts and rates take none.
 */
#ifndef OC_CLIENT_THRESHOLD_H
#define OC_CLIENT_THRESHOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/histogram.h"

enum oc_figure {
    OC_FIGURE_PERCENTILE, /* of the latency, ns */
    OC_FIGURE_MAX,        /* largest latency, ns */
    OC_FIGURE_MEAN,       /* mean latency, ns */
    OC_FIGURE_LAG,        /* 99th percentile of the send lag, ns */
    OC_FIGURE_RATE,       /* requests answered in a second */
    OC_FIGURE_REJECTS,    /* requests that were refused, expected ones included */
};

enum oc_relation {
    OC_BELOW,
    OC_AT_MOST,
    OC_ABOVE,
    OC_AT_LEAST,
};

struct oc_threshold {
    enum oc_figure figure;
    enum oc_relation relation;
    double percentile; /* OC_FIGURE_PERCENTILE: 0 to 100 */
    double limit;      /* ns, requests a second, or a count */
};

/** The figures of a finished run. Both histograms are borrowed. */
struct oc_figures {
    const struct oc_histogram *latency;
    const struct oc_histogram *lag;
    double rate;
    uint64_t rejects;
};

/**
 * Parse one threshold: NAME RELATION LIMIT without white space.
 *
 * NAME is p0 to p100 with up to 4 decimals (p99.99), max, mean, lag, rate or rejects; RELATION one
 * of < <= > >=; LIMIT a decimal number, behind it ns, us, ms or s for a latency, nothing, k or M
 * for the others. Returns 0, or -EINVAL with a sentence in error[0..error_size).
 */
int oc_threshold_parse(const char *text, struct oc_threshold *threshold, char *error,
                       size_t error_size);

/** Whether the figures keep the threshold. *actual: the figure, in the threshold's own unit. */
bool oc_threshold_holds(const struct oc_threshold *threshold, const struct oc_figures *figures,
                        double *actual);

/**
 * Parse a duration such as "500us", "1.5s" or "0". Units: ns, us, ms, s, m (minutes).
 * Returns 0, or -EINVAL when it is no number, has no unit (but for 0) or exceeds 2^63 - 1 ns.
 */
int oc_duration_parse(const char *text, uint64_t *duration_ns);

/** Write a duration for people: "812 ns", "45.3 us", "1.20 ms", "3.00 s". Returns `text`. */
char *oc_duration_format(double duration_ns, char *text, size_t size);

#endif
