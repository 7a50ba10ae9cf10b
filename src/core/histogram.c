/*
 * Counting nanoseconds log-linearly, and HdrHistogram's percentile table.
 *
 * Floating point appears only where results are read out, never where values are recorded.
 */
#include "core/histogram.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "core/assert.h"

/* Lines of the table for each halving of the distance to 100 %, as HdrHistogram's own tools use. */
#define HGRM_TICKS_PER_HALF_DISTANCE 5.0

_Static_assert((2ULL * OC_HISTOGRAM_STEPS << (OC_HISTOGRAM_BUCKETS - 1)) > OC_HISTOGRAM_NS_MAX,
               "the buckets reach the largest value");

static uint32_t step_of(uint64_t value_ns);
static uint64_t step_width(uint32_t step);
static uint64_t step_low(uint32_t step);
static uint64_t step_high(const struct oc_histogram *histogram, uint32_t step);
static double deviation_ns(const struct oc_histogram *histogram);
static void write_lines(const struct oc_histogram *histogram, FILE *file, double unit_divisor);

void oc_histogram_reset(struct oc_histogram *histogram)
{
    memset(histogram, 0, sizeof(*histogram));
}

void oc_histogram_record(struct oc_histogram *histogram, uint64_t value_ns)
{
    oc_histogram_record_n(histogram, value_ns, 1);
}

void oc_histogram_record_n(struct oc_histogram *histogram, uint64_t value_ns, uint64_t count)
{
    if (count == 0) {
        return;
    }
    if (value_ns > OC_HISTOGRAM_NS_MAX) {
        value_ns = OC_HISTOGRAM_NS_MAX;
        histogram->clamped_count += count;
    }
    if (histogram->count == 0 || value_ns < histogram->min_ns) {
        histogram->min_ns = value_ns;
    }
    if (value_ns > histogram->max_ns) {
        histogram->max_ns = value_ns;
    }
    histogram->count += count;
    histogram->sum_ns += (unsigned __int128)value_ns * count;
    histogram->counts[step_of(value_ns)] += count;
}

void oc_histogram_merge(struct oc_histogram *histogram, const struct oc_histogram *from)
{
    if (from->count == 0) {
        return;
    }
    if (histogram->count == 0 || from->min_ns < histogram->min_ns) {
        histogram->min_ns = from->min_ns;
    }
    if (from->max_ns > histogram->max_ns) {
        histogram->max_ns = from->max_ns;
    }
    histogram->count += from->count;
    histogram->clamped_count += from->clamped_count;
    histogram->sum_ns += from->sum_ns;
    for (uint32_t step = 0; step < OC_HISTOGRAM_COUNTS; step++) {
        histogram->counts[step] += from->counts[step];
    }
}

uint64_t oc_histogram_percentile_ns(const struct oc_histogram *histogram, double percentile)
{
    uint64_t rank;
    uint64_t seen_count = 0;

    OC_ASSERT(percentile >= 0.0);
    OC_ASSERT(percentile <= 100.0);
    if (histogram->count == 0) {
        return 0;
    }
    /* 99.9 is not a binary fraction: without the step down, rounding could push an exact rank of
     * 999 above 999 and the rank up to 1000. */
    rank = (uint64_t)ceil(nextafter(percentile, 0.0) * (double)histogram->count / 100.0);
    if (rank < 1) {
        rank = 1;
    }
    for (uint32_t step = 0; step < OC_HISTOGRAM_COUNTS; step++) {
        seen_count += histogram->counts[step];
        if (seen_count >= rank) {
            return step_high(histogram, step);
        }
    }
    /* The conversion to double may round a count above 2^53 up. */
    return histogram->max_ns;
}

uint64_t oc_histogram_min_ns(const struct oc_histogram *histogram)
{
    return histogram->count == 0 ? 0 : histogram->min_ns;
}

uint64_t oc_histogram_max_ns(const struct oc_histogram *histogram)
{
    return histogram->max_ns;
}

double oc_histogram_mean_ns(const struct oc_histogram *histogram)
{
    if (histogram->count == 0) {
        return 0.0;
    }
    return (double)histogram->sum_ns / (double)histogram->count;
}

uint64_t oc_histogram_count(const struct oc_histogram *histogram)
{
    return histogram->count;
}

uint64_t oc_histogram_clamped_count(const struct oc_histogram *histogram)
{
    return histogram->clamped_count;
}

int oc_histogram_write_hgrm(const struct oc_histogram *histogram, FILE *file, double unit_divisor)
{
    OC_ASSERT(unit_divisor > 0.0);
    fprintf(file, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
            "1/(1-Percentile)");
    if (histogram->count > 0) {
        write_lines(histogram, file, unit_divisor);
    }
    fprintf(file, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n",
            oc_histogram_mean_ns(histogram) / unit_divisor, deviation_ns(histogram) / unit_divisor);
    fprintf(file, "#[Max     = %12.3f, Total count    = %12" PRIu64 "]\n",
            (double)histogram->max_ns / unit_divisor, histogram->count);
    fprintf(file, "#[Buckets = %12u, SubBuckets     = %12u]\n", OC_HISTOGRAM_BUCKETS,
            2 * OC_HISTOGRAM_STEPS);
    return ferror(file) ? -EIO : 0;
}

/* Index of a value's count: bucket b above 0 holds 2^(10+b) to 2^(11+b) - 1 in steps of 2^b. */
static uint32_t step_of(uint64_t value_ns)
{
    uint32_t bucket;

    if (value_ns < 2 * OC_HISTOGRAM_STEPS) {
        return (uint32_t)value_ns;
    }
    bucket = 63U - (uint32_t)__builtin_clzll(value_ns) - OC_HISTOGRAM_STEP_BITS;
    return (bucket << OC_HISTOGRAM_STEP_BITS) + (uint32_t)(value_ns >> bucket);
}

static uint64_t step_width(uint32_t step)
{
    return step < 2 * OC_HISTOGRAM_STEPS ? 1 : 1ULL << ((step >> OC_HISTOGRAM_STEP_BITS) - 1);
}

/* Smallest value that is counted in a step: the inverse of step_of. */
static uint64_t step_low(uint32_t step)
{
    if (step < 2 * OC_HISTOGRAM_STEPS) {
        return step;
    }
    return (OC_HISTOGRAM_STEPS + step % OC_HISTOGRAM_STEPS) * step_width(step);
}

/* Largest value that may have been counted in a step. */
static uint64_t step_high(const struct oc_histogram *histogram, uint32_t step)
{
    uint64_t high_ns = step_low(step) + step_width(step) - 1;

    return high_ns < histogram->max_ns ? high_ns : histogram->max_ns;
}

/* Standard deviation, each value taken as the middle of its step. */
static double deviation_ns(const struct oc_histogram *histogram)
{
    double mean_ns = oc_histogram_mean_ns(histogram);
    double sum = 0.0;

    if (histogram->count == 0) {
        return 0.0;
    }
    for (uint32_t step = 0; step < OC_HISTOGRAM_COUNTS; step++) {
        if (histogram->counts[step] != 0) {
            uint64_t middle_ns = step_low(step) + step_width(step) / 2;
            double distance_ns = (double)middle_ns - mean_ns;

            sum += distance_ns * distance_ns * (double)histogram->counts[step];
        }
    }
    return sqrt(sum / (double)histogram->count);
}

/* The lines of HdrHistogram's percentile iterator, so that two .hgrm files compare line by line: a
 * line for each level that the cumulated count has reached, and a last one for 100 %. */
static void write_lines(const struct oc_histogram *histogram, FILE *file, double unit_divisor)
{
    double level = 0.0; /* percent */
    uint64_t seen_count = 0;

    for (uint32_t step = 0; seen_count < histogram->count; step++) {
        bool is_last;
        double value;

        OC_ASSERT(step < OC_HISTOGRAM_COUNTS);
        if (histogram->counts[step] == 0) {
            continue;
        }
        seen_count += histogram->counts[step];
        is_last = seen_count == histogram->count;
        value = (double)step_high(histogram, step) / unit_divisor;
        while (100.0 * (double)seen_count / (double)histogram->count >= level) {
            double halvings = ldexp(1.0, ilogb(100.0 / (100.0 - level)) + 1);

            fprintf(file, "%12.3f %2.12f %10" PRIu64 " %14.2f\n", value, level / 100.0, seen_count,
                    1.0 / (1.0 - level / 100.0));
            level += 100.0 / (HGRM_TICKS_PER_HALF_DISTANCE * halvings);
            /* The step that holds the maximum reaches every level; it gets one line and the end. */
            if (is_last) {
                break;
            }
        }
    }
    fprintf(file, "%12.3f %2.12f %10" PRIu64 "\n", (double)histogram->max_ns / unit_divisor, 1.0,
            seen_count);
}
