/*
 * Intervals of medians by the bootstrap: how far the median of so many runs may be from the truth.
 *
 * The statistic is a weighted sum of the medians of independent samples ("strata"). One stratum of
 * weight 1 is the plain median; several cells with equal weights are pooled; weights 1 and -1 are a
 * difference. Values are log ratios of pairs nearly everywhere, so that "twice" and "half" are
 * equally far from "the same".
 *
 * Two methods, by what they were measured to cover (normal and skewed values, nominal 95 %):
 *   - BCa (bias-corrected and accelerated) of resampled medians, for a sample of 24 or more (93.7
 * to 95.2 % covered) and for pooled samples of 8 or more each (94.4 to 94.9 %);
 *   - below, where BCa covers 91 to 94 %, interpolated order statistics (94.3 to 95.2 %).
 * Where so few values cannot reach the level at all, as 5 cannot reach 95 %, the interval goes from
 * -INFINITY to INFINITY, and everything stays undecided.
 */
#ifndef OC_VERIFY_BOOTSTRAP_H
#define OC_VERIFY_BOOTSTRAP_H

#include <stdbool.h>
#include <stdint.h>

#define OC_BOOTSTRAP_VALUES_MIN    24U    /* of a single sample */
#define OC_BOOTSTRAP_POOLED_MIN    8U     /* of each of several, and of the rows of a share */
#define OC_BOOTSTRAP_RESAMPLES     10000U /* what to use; fewer is for simulations */
#define OC_BOOTSTRAP_RESAMPLES_MAX 20000U
#define OC_BOOTSTRAP_STRATA_MAX    128U

enum oc_interval_kind {
    OC_INTERVAL_NONE,      /* no values: all NaN */
    OC_INTERVAL_POINT,     /* all values of each stratum are equal: no width */
    OC_INTERVAL_ORDER,     /* interpolated order statistics: too few values for the bootstrap */
    OC_INTERVAL_UNBOUNDED, /* too few values for the level */
    OC_INTERVAL_BCA,
};

struct oc_interval {
    double estimate;
    double low;  /* <= high */
    double high; /* need not contain the estimate, but nearly always does */
    double level;
    uint32_t count; /* values of the smallest stratum */
    enum oc_interval_kind kind;
};

/** One sample. Borrowed for the call. */
struct oc_stratum {
    const double *values; /* finite, in any order */
    uint32_t count;       /* at most OC_STATISTICS_VALUES_MAX */
    double weight;
};

struct oc_bootstrap_config {
    uint64_t seed;
    uint32_t resamples; /* 100 to OC_BOOTSTRAP_RESAMPLES_MAX */
    double level;       /* of the interval, e.g. 0.95 */
    double level_inner; /* of the equivalence interval, e.g. 0.90; 0: not wanted */
};

/**
 * The interval of a weighted sum of medians.
 *
 * @strata    1 to OC_BOOTSTRAP_STRATA_MAX of them. One without values makes the result NONE.
 * @interval  out: at config->level.
 * @inner     out: of the same resamples at config->level_inner; may be NULL.
 * Deterministic by the seed. Time: resamples times values, about 1 ms for 24 values and 10,000
 * resamples. 160 kB of stack.
 * Source: Efron, "Better Bootstrap Confidence Intervals", 1987; ties count half in the bias.
 * Hettmansperger and Sheather, "Confidence Intervals Based on Interpolated Order Statistics", 1986.
 */
void oc_bootstrap_interval(const struct oc_stratum *strata, uint32_t strata_count,
                           const struct oc_bootstrap_config *config, struct oc_interval *interval,
                           struct oc_interval *inner);

/**
 * Of the way a + b, the share that a is: median(a) / (median(a) + median(b)), where both stand side
 * by side in rows and rows are resampled whole.
 *
 * @a, @b  count values each, logarithms of ratios of the same blocks.
 * The interval is of percentiles and goes to -INFINITY or INFINITY when more than its tail of the
 * resamples have no way to share out (|median(a) + median(b)| < 1e-9). NONE without rows, UNBOUNDED
 * below OC_BOOTSTRAP_POOLED_MIN rows. May lie outside 0 to 1, when the two point in opposite
 * directions.
 */
void oc_bootstrap_share(const double *a, const double *b, uint32_t count,
                        const struct oc_bootstrap_config *config, struct oc_interval *interval);

/** Turn the direction around: what was a loss is a gain. */
void oc_interval_negate(struct oc_interval *interval);

/**
 * Equivalence by two one-sided tests, as inclusion: whether the interval (at 90 % for an error of
 * 5 %) lies within the margin.
 *
 * @inner  of a log ratio. @margin  as a ratio: 0.03 means 1 / 1.03 to 1.03. Above 0.
 * Source: Schuirmann, 1987.
 */
bool oc_bootstrap_equivalent(const struct oc_interval *inner, double margin);

#endif
