/*
 * Goal: the intervals of medians are those of BCa where there are enough values, interpolated order
 * statistics where there are few, and never promise what the data cannot give.
 * Method: against the bootstrap distribution enumerated by reference.py; samples whose order
 * statistics are known; coverage of the true median over simulated samples.
 * Fails if: an end leaves its bracket, few values give a finite interval at a level that they
 * cannot reach, the seed does not decide everything, or the coverage is not what was asked for.
 */
#include "verify/bootstrap.h"

#include "made.h"
#include "reference.h"
#include "verify/statistics.h"

static const struct oc_bootstrap_config CONFIG = {
    .seed = 1, .resamples = OC_BOOTSTRAP_RESAMPLES, .level = 0.95, .level_inner = 0.90};

static struct oc_interval interval_of(const double *values, uint32_t count,
                                      struct oc_interval *inner)
{
    struct oc_stratum stratum = {values, count, 1.0};
    struct oc_interval interval;

    oc_bootstrap_interval(&stratum, 1, &CONFIG, &interval, inner);
    return interval;
}

static void assert_brackets(const struct oc_interval *interval, const double *brackets)
{
    double close = 1e-12;

    if (interval->low < brackets[0] - close || interval->low > brackets[1] + close ||
        interval->high < brackets[2] - close || interval->high > brackets[3] + close) {
        fail_msg("%.9g to %.9g", interval->low, interval->high);
    }
}

static void test_enumerated(void **state)
{
    struct oc_interval inner;
    struct oc_interval interval = interval_of(REFERENCE_SAMPLE_24, 24, &inner);

    (void)state;
    assert_int_equal(interval.kind, OC_INTERVAL_BCA);
    assert_true(interval.level == 0.95);
    assert_true(inner.level == 0.90);
    assert_int_equal(interval.count, 24);
    assert_true(interval.estimate == oc_statistics_median(REFERENCE_SAMPLE_24, 24));
    assert_brackets(&interval, REFERENCE_BCA_24);
    assert_brackets(&inner, REFERENCE_BCA_24_90);
    interval = interval_of(REFERENCE_SAMPLE_25, 25, NULL);
    assert_brackets(&interval, REFERENCE_BCA_25);
    interval = interval_of(REFERENCE_SAMPLE_50, 50, NULL);
    assert_brackets(&interval, REFERENCE_BCA_50);
}

/* Five values equal to the median, 11 below and 8 above: the bias is not 0. */
static void test_bias(void **state)
{
    struct oc_bootstrap_config config = CONFIG;
    struct oc_stratum stratum = {REFERENCE_UNEVEN_24, 24, 1.0};
    struct oc_interval interval;

    (void)state;
    config.level = 0.80;
    oc_bootstrap_interval(&stratum, 1, &config, &interval, NULL);
    assert_true(interval.estimate == 0.0);
    assert_brackets(&interval, REFERENCE_BCA_UNEVEN_24);
}

static void test_order(void **state)
{
    static const double *const EXPECTED[2] = {REFERENCE_ORDER_8, REFERENCE_ORDER_9};
    static const double *const SAMPLES[2] = {REFERENCE_SAMPLE_8, REFERENCE_SAMPLE_9};

    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        struct oc_interval inner;
        struct oc_interval interval = interval_of(SAMPLES[i], 8U + i, &inner);

        assert_int_equal(interval.kind, OC_INTERVAL_ORDER);
        assert_true(fabs(interval.low - EXPECTED[i][0]) < 1e-12);
        assert_true(fabs(interval.high - EXPECTED[i][1]) < 1e-12);
        assert_true(fabs(inner.low - EXPECTED[i][2]) < 1e-12);
        assert_true(fabs(inner.high - EXPECTED[i][3]) < 1e-12);
    }
}

static void test_few_values(void **state)
{
    const double values[] = {5.0, 1.0, 4.0, 2.0, 3.0, 6.0, 7.0};
    struct oc_interval inner;
    struct oc_interval interval;

    (void)state;
    /* 7 values: 1 to 7 covers 1 - 2 / 128, 2 to 6 covers 1 - 16 / 128; 95 % lies 0.3143 of the way
     * between, and the formula makes that 0.7333 of the distance. */
    interval = interval_of(values, 7, &inner);
    assert_int_equal(interval.kind, OC_INTERVAL_ORDER);
    assert_true(fabs(interval.low - (1.0 + 11.0 / 15.0)) < 1e-9);
    assert_true(fabs(interval.high - (7.0 - 11.0 / 15.0)) < 1e-9);
    assert_true(inner.low > interval.low);
    assert_true(inner.low < 2.0);
    /* 5 values reach 93.75 % at most: not 95, but 90. */
    interval = interval_of(values, 5, &inner);
    assert_int_equal(interval.kind, OC_INTERVAL_UNBOUNDED);
    assert_true(interval.low == -INFINITY);
    assert_true(interval.high == INFINITY);
    assert_true(interval.estimate == 3.0);
    assert_int_equal(inner.kind, OC_INTERVAL_ORDER);
    assert_true(fabs(inner.low - (1.0 + 6.0 / 17.0)) < 1e-9);
    assert_true(fabs(inner.high - (5.0 - 6.0 / 17.0)) < 1e-9);
    interval = interval_of(values, 0, &inner);
    assert_int_equal(interval.kind, OC_INTERVAL_NONE);
    assert_true(isnan(interval.low));
    assert_false(oc_bootstrap_equivalent(&inner, 0.03));
}

static void test_ties(void **state)
{
    double values[24];
    struct oc_interval inner;
    struct oc_interval interval;

    (void)state;
    for (uint32_t i = 0; i < 24; i++) {
        values[i] = 0.25;
    }
    interval = interval_of(values, 24, &inner);
    assert_int_equal(interval.kind, OC_INTERVAL_POINT);
    assert_true(interval.low == 0.25);
    assert_true(interval.high == 0.25);
    /* One that differs cannot move a median of 24. */
    values[7] = 9.0;
    interval = interval_of(values, 24, &inner);
    assert_int_equal(interval.kind, OC_INTERVAL_BCA);
    assert_true(interval.low == 0.25);
    assert_true(interval.high == 0.25);
    /* Half and half: the median may be either. */
    for (uint32_t i = 0; i < 24; i++) {
        values[i] = i % 2 == 0 ? 0.0 : 1.0;
    }
    interval = interval_of(values, 24, NULL);
    assert_true(interval.low == 0.0);
    assert_true(interval.high == 1.0);
    assert_true(interval.estimate == 0.5);
}

static void test_seed(void **state)
{
    struct oc_bootstrap_config config = CONFIG;
    struct oc_stratum stratum = {REFERENCE_SAMPLE_80, 80, 1.0};
    struct oc_interval first;
    struct oc_interval again;

    (void)state;
    config.resamples = 200;
    oc_bootstrap_interval(&stratum, 1, &config, &first, NULL);
    oc_bootstrap_interval(&stratum, 1, &config, &again, NULL);
    assert_memory_equal(&first, &again, sizeof(first));
    config.seed++;
    oc_bootstrap_interval(&stratum, 1, &config, &again, NULL);
    assert_true(first.low != again.low || first.high != again.high);
}

static void test_strata(void **state)
{
    const double near[] = {1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8};
    double far[9];
    struct oc_stratum strata[2] = {{near, 9, 0.5}, {far, 9, 0.5}};
    struct oc_interval alone = interval_of(near, 9, NULL);
    struct oc_interval interval;

    (void)state;
    for (uint32_t i = 0; i < 9; i++) {
        far[i] = near[i] + 10.0;
    }
    oc_bootstrap_interval(strata, 2, &CONFIG, &interval, NULL);
    assert_true(fabs(interval.estimate - 6.4) < 1e-12);
    /* The mean of two independent medians is surer than one of them, by up to sqrt(2). */
    assert_true(interval.high - interval.low < alone.high - alone.low);
    assert_true(interval.high - interval.low > 0.5 * (alone.high - alone.low));
    /* A difference: the common part goes out. */
    strata[0].weight = -1.0;
    strata[1].weight = 1.0;
    oc_bootstrap_interval(strata, 2, &CONFIG, &interval, NULL);
    assert_true(fabs(interval.estimate - 10.0) < 1e-12);
    assert_true(interval.low < 10.0);
    assert_true(interval.high > 10.0);
    /* Few values: each stratum gets half of the error, which needs 7 and not 6. */
    strata[0].count = strata[1].count = 6;
    oc_bootstrap_interval(strata, 2, &CONFIG, &interval, NULL);
    assert_int_equal(interval.kind, OC_INTERVAL_UNBOUNDED);
    strata[0].count = strata[1].count = 7;
    oc_bootstrap_interval(strata, 2, &CONFIG, &interval, NULL);
    assert_int_equal(interval.kind, OC_INTERVAL_ORDER);
    assert_true(fabs(interval.low - (11.036 - 1.564)) < 1e-9);
    assert_true(fabs(interval.high - (11.564 - 1.036)) < 1e-9);
    strata[1].count = 0;
    oc_bootstrap_interval(strata, 2, &CONFIG, &interval, NULL);
    assert_int_equal(interval.kind, OC_INTERVAL_NONE);
}

static void test_share(void **state)
{
    double a[24];
    double b[24];
    struct oc_interval interval;

    (void)state;
    for (uint32_t i = 0; i < 24; i++) {
        a[i] = -0.6 + 0.001 * REFERENCE_SAMPLE_24[i];
        b[i] = -0.2 + 0.001 * REFERENCE_SAMPLE_24[23U - i];
    }
    oc_bootstrap_share(a, b, 24, &CONFIG, &interval);
    assert_true(fabs(interval.estimate - 0.75) < 1e-3);
    assert_true(interval.low > 0.749);
    assert_true(interval.low <= interval.estimate);
    assert_true(interval.high >= interval.estimate);
    assert_true(interval.high < 0.751);
    /* Opposite directions: more than the whole. */
    for (uint32_t i = 0; i < 24; i++) {
        b[i] = -b[i];
    }
    oc_bootstrap_share(a, b, 24, &CONFIG, &interval);
    assert_true(interval.low > 1.4);
    /* No way at all has no shares. */
    for (uint32_t i = 0; i < 24; i++) {
        b[i] = -a[i];
    }
    oc_bootstrap_share(a, b, 24, &CONFIG, &interval);
    assert_int_equal(interval.kind, OC_INTERVAL_UNBOUNDED);
    assert_true(isnan(interval.estimate));
    oc_bootstrap_share(a, b, 7, &CONFIG, &interval);
    assert_int_equal(interval.kind, OC_INTERVAL_UNBOUNDED);
    oc_bootstrap_share(a, b, 0, &CONFIG, &interval);
    assert_int_equal(interval.kind, OC_INTERVAL_NONE);
}

static void test_equivalence(void **state)
{
    struct oc_interval inner = {.low = -log(1.03) + 1e-9, .high = log(1.03) - 1e-9};

    (void)state;
    assert_true(oc_bootstrap_equivalent(&inner, 0.03));
    inner.high += 2e-9;
    assert_false(oc_bootstrap_equivalent(&inner, 0.03));
    inner.high = 0.0;
    inner.low -= 2e-9;
    assert_false(oc_bootstrap_equivalent(&inner, 0.03));
    inner.low = -0.03; /* 0.97 is farther from 1 than 1 / 1.03 is */
    assert_false(oc_bootstrap_equivalent(&inner, 0.03));
}

/* How often the interval holds the true median, 0, of skewed values. */
static double coverage(uint32_t count, uint32_t trials)
{
    struct oc_bootstrap_config config = {.resamples = 1000, .level = 0.95};
    struct oc_random random;
    uint32_t hits = 0;

    oc_random_init(&random, 7);
    for (uint32_t trial = 0; trial < trials; trial++) {
        double values[48];
        struct oc_stratum stratum = {values, count, 1.0};
        struct oc_interval interval;

        for (uint32_t i = 0; i < count; i++) {
            values[i] = oc_random_exponential(&random, 1.0) - log(2.0);
        }
        config.seed = trial;
        oc_bootstrap_interval(&stratum, 1, &config, &interval, NULL);
        hits += interval.low <= 0.0 && interval.high >= 0.0 ? 1U : 0U;
    }
    print_message("%u values: covered %.1f %%\n", count, 100.0 * hits / trials);
    return (double)hits / trials;
}

static void test_coverage(void **state)
{
    static const uint32_t COUNTS[] = {6, 8, 12, 23, 24, 48};
    uint32_t trials = made_under_valgrind() ? 50 : 1000;
    /* 1.5 % for the method, and three standard deviations of the count; the seed is fixed. */
    double tolerance = 0.015 + 3.0 * sqrt(0.05 * 0.95 / trials);

    (void)state;
    for (uint32_t i = 0; i < sizeof(COUNTS) / sizeof(COUNTS[0]); i++) {
        assert_true(fabs(coverage(COUNTS[i], trials) - 0.95) < tolerance);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_enumerated),  cmocka_unit_test(test_order),
        cmocka_unit_test(test_bias),        cmocka_unit_test(test_few_values),
        cmocka_unit_test(test_ties),        cmocka_unit_test(test_seed),
        cmocka_unit_test(test_strata),      cmocka_unit_test(test_share),
        cmocka_unit_test(test_equivalence), cmocka_unit_test(test_coverage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
