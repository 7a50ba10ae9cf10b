/*
 * A histogram of nanoseconds with 3 significant decimal digits, from 1 ns to 100 s.
 *
 * Log-linear, after HdrHistogram (hdrhistogram.org): values below 2,048 have a count each; above,
 * every power of two is divided into 1,024 equal steps, so a step is less than 0.1 % of its values.
 * Recording is two shifts and an increment, and histograms of several threads merge by addition.
 * Percentiles must never be averaged: merge, then ask. It does not correct for coordinated
 * omission: the load generator records from the intended send time.
 */
#ifndef OC_CORE_HISTOGRAM_H
#define OC_CORE_HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>

/** Larger values are counted as this one, and in `clamped_count`. */
#define OC_HISTOGRAM_NS_MAX 100000000000ULL

#define OC_HISTOGRAM_STEP_BITS 10U
#define OC_HISTOGRAM_STEPS     (1U << OC_HISTOGRAM_STEP_BITS)
/** The first has 2,048 values of 1 ns, each further one twice the range: 2^37 > 100 s. */
#define OC_HISTOGRAM_BUCKETS 27U
#define OC_HISTOGRAM_COUNTS  ((OC_HISTOGRAM_BUCKETS + 1U) * OC_HISTOGRAM_STEPS)

/**
 * Belongs to one thread. 224 KiB: from the arena, not from the stack. All zero is an empty
 * histogram, so fresh memory needs no init.
 */
struct oc_histogram {
    uint64_t count;
    uint64_t clamped_count; /* of them, larger than OC_HISTOGRAM_NS_MAX */
    uint64_t min_ns;        /* exact; meaningless while count is 0 */
    uint64_t max_ns;
    unsigned __int128 sum_ns; /* exact, so that the mean is */
    uint64_t counts[OC_HISTOGRAM_COUNTS];
};

/**
 * Empty the histogram. Touches all of it.
 */
void oc_histogram_reset(struct oc_histogram *histogram);

/**
 * Count one value. @value_ns any; 0 is counted as 0. O(1).
 */
void oc_histogram_record(struct oc_histogram *histogram, uint64_t value_ns);

/**
 * Count a value `count` times; 0 times does nothing. O(1).
 */
void oc_histogram_record_n(struct oc_histogram *histogram, uint64_t value_ns, uint64_t count);

/**
 * Add everything that `from` counted to `histogram`. Percentiles of the result are those of all the
 * values together.
 */
void oc_histogram_merge(struct oc_histogram *histogram, const struct oc_histogram *from);

/**
 * The value that `percentile` percent of all values do not exceed.
 *
 * @percentile  0 to 100, for instance 99.9; the rank is percentile * count / 100 rounded up, and at
 *              least 1.
 * Returns the largest value of that rank's step, in ns: not below the exact one and less than 0.1 %
 * above it, and never above the maximum. 0 when nothing was recorded. O(steps).
 */
uint64_t oc_histogram_percentile_ns(const struct oc_histogram *histogram, double percentile);

/** Smallest value, exact (after clamping). 0 when nothing was recorded. */
uint64_t oc_histogram_min_ns(const struct oc_histogram *histogram);

/** Largest value, exact (after clamping). 0 when nothing was recorded. */
uint64_t oc_histogram_max_ns(const struct oc_histogram *histogram);

/** Mean, exact (after clamping). 0 when nothing was recorded. */
double oc_histogram_mean_ns(const struct oc_histogram *histogram);

/** Values recorded. */
uint64_t oc_histogram_count(const struct oc_histogram *histogram);

/** Of them, how many exceeded OC_HISTOGRAM_NS_MAX: any makes the top percentiles a bound. */
uint64_t oc_histogram_clamped_count(const struct oc_histogram *histogram);

/**
 * Write the percentile table that HdrHistogram's tools read (.hgrm): five lines for each halving of
 * the distance to 100 %, then mean, standard deviation, maximum and counts.
 *
 * @unit_divisor  ns in the unit of the Value column, for instance 1000.0 for microseconds; above 0.
 * Returns 0, or -EIO when the stream reports an error; `file` is not flushed.
 */
int oc_histogram_write_hgrm(const struct oc_histogram *histogram, FILE *file, double unit_divisor);

#endif
