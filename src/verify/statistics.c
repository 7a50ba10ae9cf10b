/*
 * Order statistics, the normal distribution, Holm's correction, Clopper and Pearson's interval.
 *
 * Inverses are found by bisection of the exact function rather than by a fitted formula: nothing
 * here is called often enough to need one, and there are no coefficients to get wrong.
 */
#include "verify/statistics.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"

/* Halvings of the interval (-40, 40) or (0, 1) until it is narrower than a double can tell. */
#define BISECTION_STEPS 64U

static int compare_doubles(const void *left, const void *right);
static double binomial_below(uint32_t hits, uint32_t trials, double share);
static double proportion_where(uint32_t hits, uint32_t trials, double tail);

double oc_statistics_normal_cdf(double z)
{
    return 0.5 * erfc(-z * M_SQRT1_2);
}

double oc_statistics_normal_quantile(double share)
{
    double low = -40.0;
    double high = 40.0;

    OC_ASSERT(share >= 0.0);
    OC_ASSERT(share <= 1.0);
    if (share == 0.0 || share == 1.0) {
        return share == 0.0 ? -INFINITY : INFINITY;
    }
    for (uint32_t step = 0; step < BISECTION_STEPS; step++) {
        double middle = 0.5 * (low + high);

        if (oc_statistics_normal_cdf(middle) < share) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return 0.5 * (low + high);
}

void oc_statistics_sort(double *values, uint32_t count)
{
    if (count > 1) {
        qsort(values, count, sizeof(values[0]), compare_doubles);
    }
}

double oc_statistics_quantile(const double *sorted, uint32_t count, double share)
{
    double place;
    uint32_t below;

    OC_ASSERT(share >= 0.0);
    OC_ASSERT(share <= 1.0);
    if (count == 0) {
        return NAN;
    }
    place = share * (count - 1U);
    below = (uint32_t)place;
    if (below + 1U >= count) {
        return sorted[count - 1U];
    }
    return sorted[below] + (place - below) * (sorted[below + 1U] - sorted[below]);
}

double oc_statistics_median(const double *values, uint32_t count)
{
    double sorted[OC_STATISTICS_VALUES_MAX];

    OC_ASSERT(count <= OC_STATISTICS_VALUES_MAX);
    if (count == 0) {
        return NAN;
    }
    memcpy(sorted, values, count * sizeof(sorted[0]));
    oc_statistics_sort(sorted, count);
    return 0.5 * (sorted[(count - 1U) / 2U] + sorted[count / 2U]);
}

void oc_statistics_holm(const double *p, double *adjusted, uint32_t count)
{
    uint32_t tested = 0;

    for (uint32_t i = 0; i < count; i++) {
        tested += isnan(p[i]) ? 0U : 1U;
    }
    /* The value of rank r (from 0, ascending) is multiplied by what is left, tested - r. */
    for (uint32_t i = 0; i < count; i++) {
        uint32_t smaller = 0;

        for (uint32_t j = 0; j < count; j++) {
            smaller += p[j] < p[i] ? 1U : 0U;
        }
        adjusted[i] = fmin(1.0, p[i] * (tested - smaller));
    }
    /* A later one is never below an earlier one. In place: what was raised before is no more than
     * what it is compared with would become. */
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < count; j++) {
            adjusted[i] = p[j] <= p[i] ? fmax(adjusted[i], adjusted[j]) : adjusted[i];
        }
        adjusted[i] = isnan(p[i]) ? NAN : adjusted[i];
    }
}

struct oc_proportion oc_statistics_proportion(uint32_t hits, uint32_t trials, double level)
{
    struct oc_proportion proportion = {.hits = hits, .trials = trials, .share = NAN, .high = 1.0};
    double tail = 0.5 * (1.0 - level);

    OC_ASSERT(hits <= trials);
    OC_ASSERT(level > 0.0);
    OC_ASSERT(level < 1.0);
    if (trials == 0) {
        return proportion;
    }
    proportion.share = (double)hits / trials;
    /* The least share that gives so many hits or more with the probability `tail`, and the largest
     * that gives so many or fewer. */
    proportion.low = hits == 0 ? 0.0 : proportion_where(hits - 1U, trials, 1.0 - tail);
    proportion.high = hits == trials ? 1.0 : proportion_where(hits, trials, tail);
    return proportion;
}

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return (a > b) - (a < b);
}

/* P(X <= hits) of a binomial distribution; the share lies strictly between 0 and 1. */
static double binomial_below(uint32_t hits, uint32_t trials, double share)
{
    double log_odds = log(share) - log1p(-share);
    double log_term = trials * log1p(-share);
    double sum = 0.0;

    for (uint32_t i = 0; i <= hits; i++) {
        sum += exp(log_term);
        log_term += log_odds + log((double)(trials - i)) - log(i + 1.0);
    }
    return fmin(1.0, sum);
}

/* The share at which P(X <= hits) is `tail`: it falls as the share grows. */
static double proportion_where(uint32_t hits, uint32_t trials, double tail)
{
    double low = 0.0;
    double high = 1.0;

    for (uint32_t step = 0; step < BISECTION_STEPS; step++) {
        double middle = 0.5 * (low + high);

        if (middle <= low || middle >= high) {
            break;
        }
        if (binomial_below(hits, trials, middle) > tail) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return 0.5 * (low + high);
}
