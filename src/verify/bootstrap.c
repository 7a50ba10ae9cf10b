/*
 * The bootstrap of medians.
 *
 * Values are sorted once. A resample is then only a count for each value, and its median is found
 * by walking the counts: no resample is copied or sorted.
 */
#include "verify/bootstrap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "core/random.h"
#include "verify/statistics.h"

/* A way shorter than this is none: its shares would be noise divided by nothing. */
#define SHARE_WAY_MIN 1e-9

/* One sample, sorted. `row` says where each value stood; rows are what is resampled. */
struct sorted {
    double values[OC_STATISTICS_VALUES_MAX];
    uint16_t row[OC_STATISTICS_VALUES_MAX];
    uint32_t count;
};

/* What BCa needs besides the resamples. */
struct corrections {
    double bias;         /* z0 */
    double acceleration; /* a */
};

static void sort_rows(struct sorted *sorted, const double *values, uint32_t count);
static double sorted_median(const struct sorted *sorted);
static double counted_median(const struct sorted *sorted, const uint16_t *counts);
static void draw_rows(struct oc_random *random, uint16_t *counts, uint32_t count);
static struct oc_interval empty_interval(double level, enum oc_interval_kind kind);
static bool all_equal(const struct oc_stratum *stratum);
static void by_order(const struct oc_stratum *strata, uint32_t strata_count, double level,
                     struct oc_interval *interval);
static bool order_ends(const double *sorted, uint32_t count, double level, double *low,
                       double *high);
static void resample(const struct oc_stratum *strata, uint32_t strata_count,
                     const struct oc_bootstrap_config *config, double *medians);
static struct corrections correct(const struct oc_stratum *strata, uint32_t strata_count,
                                  double estimate, const double *medians, uint32_t resamples);
static double jackknife_sums(const struct oc_stratum *stratum, double *cubes);
static void by_percentiles(const double *sorted_medians, uint32_t resamples,
                           const struct corrections *corrections, double level,
                           struct oc_interval *interval);

void oc_bootstrap_interval(const struct oc_stratum *strata, uint32_t strata_count,
                           const struct oc_bootstrap_config *config, struct oc_interval *interval,
                           struct oc_interval *inner)
{
    double medians[OC_BOOTSTRAP_RESAMPLES_MAX];
    struct corrections corrections;
    bool point = true;
    uint32_t count_min = UINT32_MAX;
    double estimate = 0.0;

    OC_ASSERT(strata_count >= 1);
    OC_ASSERT(strata_count <= OC_BOOTSTRAP_STRATA_MAX);
    OC_ASSERT(config->resamples >= 100);
    OC_ASSERT(config->resamples <= OC_BOOTSTRAP_RESAMPLES_MAX);
    for (uint32_t i = 0; i < strata_count; i++) {
        OC_ASSERT(strata[i].count <= OC_STATISTICS_VALUES_MAX);
        count_min = strata[i].count < count_min ? strata[i].count : count_min;
        estimate += strata[i].weight * oc_statistics_median(strata[i].values, strata[i].count);
        point = point && all_equal(&strata[i]);
    }
    *interval = empty_interval(config->level, OC_INTERVAL_NONE);
    interval->count = count_min;
    interval->estimate = estimate;
    if (count_min == 0) {
        interval->estimate = NAN;
    } else if (count_min <
               (strata_count == 1 ? OC_BOOTSTRAP_VALUES_MIN : OC_BOOTSTRAP_POOLED_MIN)) {
        by_order(strata, strata_count, config->level, interval);
    } else if (point) {
        interval->kind = OC_INTERVAL_POINT;
        interval->low = interval->high = estimate;
    } else {
        resample(strata, strata_count, config, medians);
        corrections = correct(strata, strata_count, estimate, medians, config->resamples);
        interval->kind = OC_INTERVAL_BCA;
        by_percentiles(medians, config->resamples, &corrections, config->level, interval);
    }
    if (inner == NULL) {
        return;
    }
    *inner = *interval;
    inner->level = config->level_inner;
    if (interval->kind == OC_INTERVAL_ORDER || interval->kind == OC_INTERVAL_UNBOUNDED) {
        by_order(strata, strata_count, config->level_inner, inner);
    } else if (interval->kind == OC_INTERVAL_BCA) {
        by_percentiles(medians, config->resamples, &corrections, config->level_inner, inner);
    }
}

void oc_bootstrap_share(const double *a, const double *b, uint32_t count,
                        const struct oc_bootstrap_config *config, struct oc_interval *interval)
{
    double shares[OC_BOOTSTRAP_RESAMPLES_MAX];
    uint16_t counts[OC_STATISTICS_VALUES_MAX];
    struct sorted sorted_a;
    struct sorted sorted_b;
    struct oc_random random;
    uint32_t lost = 0;
    double tail = 0.5 * (1.0 - config->level);
    double way;

    OC_ASSERT(count <= OC_STATISTICS_VALUES_MAX);
    OC_ASSERT(config->resamples >= 100);
    OC_ASSERT(config->resamples <= OC_BOOTSTRAP_RESAMPLES_MAX);
    *interval = empty_interval(config->level, OC_INTERVAL_NONE);
    interval->count = count;
    if (count == 0) {
        return;
    }
    sort_rows(&sorted_a, a, count);
    sort_rows(&sorted_b, b, count);
    way = sorted_median(&sorted_a) + sorted_median(&sorted_b);
    interval->estimate = fabs(way) < SHARE_WAY_MIN ? NAN : sorted_median(&sorted_a) / way;
    interval->kind = OC_INTERVAL_UNBOUNDED;
    interval->low = -INFINITY;
    interval->high = INFINITY;
    if (count < OC_BOOTSTRAP_POOLED_MIN) {
        return;
    }
    oc_random_init(&random, config->seed);
    for (uint32_t i = 0; i < config->resamples; i++) {
        double median_a;

        draw_rows(&random, counts, count);
        median_a = counted_median(&sorted_a, counts);
        way = median_a + counted_median(&sorted_b, counts);
        shares[i - lost] = fabs(way) < SHARE_WAY_MIN ? 0.0 : median_a / way;
        lost += fabs(way) < SHARE_WAY_MIN;
    }
    if (lost > tail * config->resamples) {
        return;
    }
    oc_statistics_sort(shares, config->resamples - lost);
    interval->kind = OC_INTERVAL_BCA;
    interval->low = oc_statistics_quantile(shares, config->resamples - lost, tail);
    interval->high = oc_statistics_quantile(shares, config->resamples - lost, 1.0 - tail);
}

void oc_interval_negate(struct oc_interval *interval)
{
    double low = interval->low;

    interval->estimate = -interval->estimate;
    interval->low = -interval->high;
    interval->high = -low;
}

bool oc_bootstrap_equivalent(const struct oc_interval *inner, double margin)
{
    OC_ASSERT(margin > 0.0);
    /* A comparison with NaN is false: no data are not equivalent. */
    return inner->low > -log1p(margin) && inner->high < log1p(margin);
}

/* Insertion: samples are short, and a comparison function would have to see the rows. */
static void sort_rows(struct sorted *sorted, const double *values, uint32_t count)
{
    sorted->count = count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t place = i;

        while (place > 0 && sorted->values[place - 1U] > values[i]) {
            sorted->values[place] = sorted->values[place - 1U];
            sorted->row[place] = sorted->row[place - 1U];
            place--;
        }
        sorted->values[place] = values[i];
        sorted->row[place] = (uint16_t)i;
    }
}

static double sorted_median(const struct sorted *sorted)
{
    return 0.5 * (sorted->values[(sorted->count - 1U) / 2U] + sorted->values[sorted->count / 2U]);
}

/* The median of a resample that holds row r `counts[r]` times; as many in all as there are rows. */
static double counted_median(const struct sorted *sorted, const uint16_t *counts)
{
    uint32_t lower = (sorted->count - 1U) / 2U;
    uint32_t upper = sorted->count / 2U;
    uint32_t passed = 0;
    uint32_t i = 0;
    double value;

    while (passed + counts[sorted->row[i]] <= lower) {
        passed += counts[sorted->row[i++]];
    }
    value = sorted->values[i];
    while (passed + counts[sorted->row[i]] <= upper) {
        passed += counts[sorted->row[i++]];
    }
    return 0.5 * (value + sorted->values[i]);
}

static void draw_rows(struct oc_random *random, uint16_t *counts, uint32_t count)
{
    memset(counts, 0, count * sizeof(counts[0]));
    for (uint32_t i = 0; i < count; i++) {
        counts[oc_random_below(random, count)]++;
    }
}

static struct oc_interval empty_interval(double level, enum oc_interval_kind kind)
{
    return (struct oc_interval){
        .estimate = NAN, .low = NAN, .high = NAN, .level = level, .kind = kind};
}

static bool all_equal(const struct oc_stratum *stratum)
{
    for (uint32_t i = 1; i < stratum->count; i++) {
        if (stratum->values[i] != stratum->values[0]) {
            return false;
        }
    }
    return true;
}

/*
 * From a low to a high order statistic of each stratum. With several strata each gets its part of
 * the error (Bonferroni), and the ends add up.
 */
static void by_order(const struct oc_stratum *strata, uint32_t strata_count, double level,
                     struct oc_interval *interval)
{
    double sorted[OC_STATISTICS_VALUES_MAX];

    interval->kind = OC_INTERVAL_ORDER;
    interval->low = 0.0;
    interval->high = 0.0;
    for (uint32_t i = 0; i < strata_count; i++) {
        const struct oc_stratum *stratum = &strata[i];
        double ends[2];

        memcpy(sorted, stratum->values, stratum->count * sizeof(sorted[0]));
        oc_statistics_sort(sorted, stratum->count);
        if (!order_ends(sorted, stratum->count, 1.0 - (1.0 - level) / strata_count, &ends[0],
                        &ends[1])) {
            interval->kind = OC_INTERVAL_UNBOUNDED;
            interval->low = -INFINITY;
            interval->high = INFINITY;
            return;
        }
        interval->low += stratum->weight * ends[stratum->weight >= 0.0 ? 0 : 1];
        interval->high += stratum->weight * ends[stratum->weight >= 0.0 ? 1 : 0];
    }
}

/*
 * From the k-th lowest to the k-th highest value the median is covered with a probability that the
 * binomial distribution gives. Of the last k that reaches the level and the first that does not,
 * the ends are interpolated by the formula of Hettmansperger and Sheather. False: not even the
 * extremes reach it.
 */
static bool order_ends(const double *sorted, uint32_t count, double level, double *low,
                       double *high)
{
    double term = pow(0.5, count); /* of so many values just k - 1 fall below the median */
    double reached = 0.0;
    double missed = 1.0;
    double part;
    uint32_t k = 0;

    while (2U * (k + 1U) <= count) {
        missed -= 2.0 * term;
        if (missed < level) {
            break;
        }
        k++;
        reached = missed;
        term *= (double)(count - k + 1U) / k;
    }
    if (k == 0) {
        return false;
    }
    /* For an even count the two in the middle are the last pair, and cover less than any level. */
    part = missed < level ? (reached - level) / (reached - missed) : 0.0;
    part = (count - k) * part / (k + (count - 2.0 * k) * part);
    *low = sorted[k - 1U];
    *high = sorted[count - k];
    if (part > 0.0) {
        *low += part * (sorted[k] - *low);
        *high += part * (sorted[count - k - 1U] - *high);
    }
    return true;
}

static void resample(const struct oc_stratum *strata, uint32_t strata_count,
                     const struct oc_bootstrap_config *config, double *medians)
{
    uint16_t counts[OC_STATISTICS_VALUES_MAX];
    struct sorted sorted;
    struct oc_random random;

    oc_random_init(&random, config->seed);
    memset(medians, 0, config->resamples * sizeof(medians[0]));
    for (uint32_t i = 0; i < strata_count; i++) {
        sort_rows(&sorted, strata[i].values, strata[i].count);
        for (uint32_t k = 0; k < config->resamples; k++) {
            draw_rows(&random, counts, strata[i].count);
            medians[k] += strata[i].weight * counted_median(&sorted, counts);
        }
    }
    oc_statistics_sort(medians, config->resamples);
}

/*
 * The bias is how far the estimate is from the middle of the resamples, in standard deviations;
 * resampled medians often equal the estimate, and those count half. The acceleration is the skew
 * of the jackknife. For medians both are small: the bias is 0 for an odd count without ties, and
 * the jackknife takes two values nearly equally often.
 */
static struct corrections correct(const struct oc_stratum *strata, uint32_t strata_count,
                                  double estimate, const double *medians, uint32_t resamples)
{
    /* Sums in another order differ in the last bits; what is so close is a tie. */
    double close = 1e-12 * (1.0 + fabs(estimate));
    double below = 0.0;
    double squares = 0.0;
    double cubes = 0.0;

    for (uint32_t i = 0; i < resamples; i++) {
        below += medians[i] < estimate - close ? 1.0 : medians[i] <= estimate + close ? 0.5 : 0.0;
    }
    for (uint32_t i = 0; i < strata_count; i++) {
        squares += jackknife_sums(&strata[i], &cubes);
    }
    /* At most one resample's worth from certainty: an infinite bias would lose the interval. */
    below = fmin(fmax(below, 0.5), resamples - 0.5);
    return (struct corrections){
        .bias = oc_statistics_normal_quantile(below / resamples),
        .acceleration = squares > 0.0 ? cubes / (6.0 * pow(squares, 1.5)) : 0.0,
    };
}

/*
 * Of one stratum: the sum of squares, and added to `cubes` the sum of cubes, of the deviations that
 * leaving out one value makes. The median without one value takes three values at most.
 */
static double jackknife_sums(const struct oc_stratum *stratum, double *cubes)
{
    struct sorted sorted;
    double without[OC_STATISTICS_VALUES_MAX];
    uint32_t count = stratum->count;
    uint32_t lower = (count - 2U) / 2U;
    uint32_t upper = (count - 1U) / 2U;
    double mean = 0.0;
    double squares = 0.0;

    sort_rows(&sorted, stratum->values, count);
    for (uint32_t i = 0; i < count; i++) {
        without[i] = 0.5 * stratum->weight *
                     (sorted.values[lower + (i <= lower)] + sorted.values[upper + (i <= upper)]);
        mean += without[i] / count;
    }
    for (uint32_t i = 0; i < count; i++) {
        double influence = (count - 1.0) / count * (mean - without[i]);

        squares += influence * influence;
        *cubes += influence * influence * influence;
    }
    return squares;
}

static void by_percentiles(const double *sorted_medians, uint32_t resamples,
                           const struct corrections *corrections, double level,
                           struct oc_interval *interval)
{
    double shares[2] = {0.5 * (1.0 - level), 0.5 * (1.0 + level)};
    double ends[2];

    for (uint32_t i = 0; i < 2; i++) {
        double z = corrections->bias + oc_statistics_normal_quantile(shares[i]);
        double stretched = corrections->bias + z / (1.0 - corrections->acceleration * z);

        ends[i] = oc_statistics_quantile(sorted_medians, resamples,
                                         oc_statistics_normal_cdf(stretched));
    }
    interval->low = fmin(ends[0], ends[1]);
    interval->high = fmax(ends[0], ends[1]);
}
