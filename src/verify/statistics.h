/*
 * The small statistics: order statistics, the normal distribution, Holm's correction and exact
 * intervals of a proportion. No state, no randomness: the same numbers in, the same numbers out.
 *
 * Checked against scipy and against exact enumeration: tests/unit/verify/reference.py.
 */
#ifndef OC_VERIFY_STATISTICS_H
#define OC_VERIFY_STATISTICS_H

#include <stdint.h>

/** The most values of one sample: a cell has at most 96 planned blocks, recorded noise has more. */
#define OC_STATISTICS_VALUES_MAX 512U

/** A share of trials with its Clopper-Pearson interval, which covers at least at its level. */
struct oc_proportion {
    uint32_t hits;
    uint32_t trials;
    double share; /* NaN without trials, the interval is then 0 to 1 */
    double low;
    double high;
};

/** P(Z <= z) of the standard normal distribution, with a relative error below 1e-13 for |z| < 8. */
double oc_statistics_normal_cdf(double z);

/**
 * The z of which the standard normal distribution has `share` below.
 *
 * @share  0 gives -INFINITY, 1 gives INFINITY; asserted to lie between.
 */
double oc_statistics_normal_quantile(double share);

/** Sort ascending, in place. No NaN. */
void oc_statistics_sort(double *values, uint32_t count);

/**
 * A quantile of sorted values by linear interpolation between order statistics (type 7 of Hyndman
 * and Fan, the default of R and numpy).
 *
 * @sorted  ascending. @count may be 0, which gives NaN. @share  0.0 to 1.0.
 */
double oc_statistics_quantile(const double *sorted, uint32_t count, double share);

/**
 * The median; for an even count the mean of the two in the middle.
 *
 * @values  in any order, not changed. @count  0 (gives NaN) to OC_STATISTICS_VALUES_MAX.
 */
double oc_statistics_median(const double *values, uint32_t count);

/**
 * Holm's step-down correction of p-values for their number.
 *
 * @p         NaN means not tested: it does not count and stays NaN.
 * @adjusted  out: at most 1, never below its p, in the order of `p`; not the same array as `p`.
 * O(count^2) time, no memory: families here have hundreds of members at most.
 * Source: Holm, "A Simple Sequentially Rejective Multiple Test Procedure", 1979.
 */
void oc_statistics_holm(const double *p, double *adjusted, uint32_t count);

/**
 * The share of hits with its Clopper-Pearson interval.
 *
 * @level  of confidence, above 0 and below 1, e.g. 0.95.
 * Source: Clopper and Pearson, 1934; "0 of 20" gives 0 to 16.8 %.
 */
struct oc_proportion oc_statistics_proportion(uint32_t hits, uint32_t trials, double level);

#endif
