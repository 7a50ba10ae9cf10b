/*
 * The rank tests of Wilcoxon and of Mann and Whitney.
 *
 * Exact distributions are built as probabilities, value by value, so that no count overflows: of
 * the sum of positive ranks by adding one rank at a time, of U by the recurrence on which sample
 * the largest value belongs to.
 */
#include "verify/rank_test.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "verify/statistics.h"

#define PAIRED_SUM_MAX (OC_RANK_TEST_PAIRED_EXACT_MAX * (OC_RANK_TEST_PAIRED_EXACT_MAX + 1U) / 2U)
#define UNPAIRED_U_MAX (OC_RANK_TEST_UNPAIRED_EXACT_MAX * OC_RANK_TEST_UNPAIRED_EXACT_MAX)

/* A value to be ranked, and whether it counts towards the statistic. */
struct ranked {
    double value;
    bool counts;
};

/* What ranking shows: the sum of the ranks that count, and the ties. */
struct rank_sum {
    double counted;
    double tie_term; /* sum of t^3 - t over groups of t equal values */
};

static int compare_ranked(const void *left, const void *right);
static struct rank_sum rank_all(struct ranked *all, uint32_t count);
static double paired_exact(double positive, uint32_t count);
static double unpaired_exact(double u, uint32_t left_count, uint32_t right_count);
static double two_sided(double statistic, double mean, double variance);

double oc_rank_test_paired(const double *differences, uint32_t count)
{
    struct ranked all[OC_STATISTICS_VALUES_MAX];
    struct rank_sum sum;
    uint32_t used = 0;
    double n;

    OC_ASSERT(count <= OC_STATISTICS_VALUES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        if (differences[i] != 0.0) {
            all[used++] = (struct ranked){fabs(differences[i]), differences[i] > 0.0};
        }
    }
    if (used == 0) {
        return NAN;
    }
    sum = rank_all(all, used);
    if (used <= OC_RANK_TEST_PAIRED_EXACT_MAX && sum.tie_term == 0.0 && used == count) {
        return paired_exact(sum.counted, used);
    }
    n = used;
    return two_sided(sum.counted, n * (n + 1.0) / 4.0,
                     n * (n + 1.0) * (2.0 * n + 1.0) / 24.0 - sum.tie_term / 48.0);
}

double oc_rank_test_unpaired(const double *left, uint32_t left_count, const double *right,
                             uint32_t right_count)
{
    struct ranked all[2U * OC_STATISTICS_VALUES_MAX];
    struct rank_sum sum;
    uint32_t count = left_count + right_count;
    double n = count;
    double u;
    double variance;

    OC_ASSERT(left_count <= OC_STATISTICS_VALUES_MAX);
    OC_ASSERT(right_count <= OC_STATISTICS_VALUES_MAX);
    if (left_count == 0 || right_count == 0) {
        return NAN;
    }
    for (uint32_t i = 0; i < left_count; i++) {
        all[i] = (struct ranked){left[i], true};
    }
    for (uint32_t i = 0; i < right_count; i++) {
        all[left_count + i] = (struct ranked){right[i], false};
    }
    sum = rank_all(all, count);
    u = sum.counted - 0.5 * left_count * (left_count + 1.0);
    if (left_count <= OC_RANK_TEST_UNPAIRED_EXACT_MAX &&
        right_count <= OC_RANK_TEST_UNPAIRED_EXACT_MAX && sum.tie_term == 0.0) {
        return unpaired_exact(u, left_count, right_count);
    }
    variance = (double)left_count * right_count / 12.0 * (n + 1.0 - sum.tie_term / (n * (n - 1.0)));
    return variance > 0.0 ? two_sided(u, 0.5 * left_count * right_count, variance) : NAN;
}

static int compare_ranked(const void *left, const void *right)
{
    double a = ((const struct ranked *)left)->value;
    double b = ((const struct ranked *)right)->value;

    return (a > b) - (a < b);
}

/* Equal values get the mean of their ranks. */
static struct rank_sum rank_all(struct ranked *all, uint32_t count)
{
    struct rank_sum sum = {0.0, 0.0};
    uint32_t end;

    qsort(all, count, sizeof(all[0]), compare_ranked);
    for (uint32_t begin = 0; begin < count; begin = end) {
        double ties;

        end = begin + 1U;
        while (end < count && all[end].value == all[begin].value) {
            end++;
        }
        ties = end - begin;
        sum.tie_term += ties * ties * ties - ties;
        for (uint32_t i = begin; i < end; i++) {
            sum.counted += all[i].counts ? 0.5 * (begin + 1.0 + end) : 0.0;
        }
    }
    return sum;
}

/* Each rank is positive or not with the probability 1/2. */
static double paired_exact(double positive, uint32_t count)
{
    double chance[PAIRED_SUM_MAX + 1U] = {1.0};
    uint32_t sum_max = count * (count + 1U) / 2U;
    uint32_t smaller = (uint32_t)fmin(positive, sum_max - positive);
    double below = 0.0;

    for (uint32_t rank = 1; rank <= count; rank++) {
        for (uint32_t sum = sum_max; sum > 0; sum--) {
            chance[sum] = 0.5 * (chance[sum] + (sum >= rank ? chance[sum - rank] : 0.0));
        }
        chance[0] *= 0.5;
    }
    for (uint32_t sum = 0; sum <= smaller; sum++) {
        below += chance[sum];
    }
    return fmin(1.0, 2.0 * below);
}

/*
 * The largest of i + j values belongs to the left sample with the probability i / (i + j), and is
 * then above all j of the right: P(i, j, u) = i / (i + j) P(i - 1, j, u - j) + j / (i + j)
 * P(i, j - 1, u). One row for each j is kept while i grows; u - j refers to the row of i - 1 and is
 * read before it is overwritten because u runs downwards.
 */
static double unpaired_exact(double u, uint32_t left_count, uint32_t right_count)
{
    static const uint32_t columns = UNPAIRED_U_MAX + 1U;
    double chance[OC_RANK_TEST_UNPAIRED_EXACT_MAX + 1U][UNPAIRED_U_MAX + 1U];
    uint32_t u_max = left_count * right_count;
    uint32_t smaller = (uint32_t)fmin(u, u_max - u);
    double below = 0.0;

    memset(chance, 0, sizeof(chance[0]) * (right_count + 1U));
    for (uint32_t j = 0; j <= right_count; j++) {
        chance[j][0] = 1.0;
    }
    OC_ASSERT(u_max < columns);
    for (uint32_t i = 1; i <= left_count; i++) {
        for (uint32_t j = 1; j <= right_count; j++) {
            double of_left = (double)i / (i + j);

            for (uint32_t k = i * j + 1U; k-- > 0;) {
                double with_left = k >= j ? chance[j][k - j] : 0.0;

                chance[j][k] = of_left * with_left + (1.0 - of_left) * chance[j - 1U][k];
            }
        }
    }
    for (uint32_t k = 0; k <= smaller; k++) {
        below += chance[right_count][k];
    }
    return fmin(1.0, 2.0 * below);
}

/* By the normal approximation, moved half a step towards the mean. */
static double two_sided(double statistic, double mean, double variance)
{
    double distance = fmax(0.0, fabs(statistic - mean) - 0.5);

    return fmin(1.0, 2.0 * oc_statistics_normal_cdf(-distance / sqrt(variance)));
}
