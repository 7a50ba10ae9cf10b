/*
 * Rank tests: do two stacks differ at all, without a word about the shape of the noise.
 *
 * They stand beside the intervals as a second witness. Small samples without ties are exact, by
 * counting all sign patterns or arrangements; else the normal approximation with the correction for
 * ties and for continuity.
 */
#ifndef OC_VERIFY_RANK_TEST_H
#define OC_VERIFY_RANK_TEST_H

#include <stdint.h>

/** Up to so many differences without ties and zeros are counted exactly. */
#define OC_RANK_TEST_PAIRED_EXACT_MAX 50U

/** Up to so many values on each side without ties are counted exactly. */
#define OC_RANK_TEST_UNPAIRED_EXACT_MAX 24U

/**
 * Wilcoxon's signed-rank test of paired differences (here: log ratios) against a median of 0.
 *
 * @count  at most OC_STATISTICS_VALUES_MAX. Zeros are left out, as Wilcoxon did.
 * Returns the two-sided p-value; NaN when no difference is left.
 */
double oc_rank_test_paired(const double *differences, uint32_t count);

/**
 * The test of Mann and Whitney of two independent samples.
 *
 * @left_count, @right_count  at most OC_STATISTICS_VALUES_MAX each.
 * Returns the two-sided p-value; NaN when a sample is empty or all values are the same.
 */
double oc_rank_test_unpaired(const double *left, uint32_t left_count, const double *right,
                             uint32_t right_count);

#endif
