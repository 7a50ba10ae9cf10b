/*
 * Goal: quantiles, the normal distribution, Holm's correction and Clopper and Pearson's intervals
 * are right.
 * Method: against figures of scipy and numpy (reference.py) and the ends that can be told by hand.
 * Fails if: a figure differs by more than rounding, or an end case (none, one, all) is wrong.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reference.h"
#include "verify/statistics.h"

#define COUNT(array) ((uint32_t)(sizeof(array) / sizeof((array)[0])))

static void assert_close(double actual, double expected, double tolerance)
{
    if (!(fabs(actual - expected) <= tolerance * fmax(1e-300, fabs(expected)))) {
        fail_msg("%.17g instead of %.17g", actual, expected);
    }
}

static void test_normal(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < COUNT(REFERENCE_Z); i++) {
        assert_close(oc_statistics_normal_cdf(REFERENCE_Z[i]), REFERENCE_CDF[i], 1e-13);
    }
    for (uint32_t i = 0; i < COUNT(REFERENCE_SHARES); i++) {
        double quantile = oc_statistics_normal_quantile(REFERENCE_SHARES[i]);

        /* The middle is 0, where no relative error can be asked for. */
        assert_true(fabs(quantile - REFERENCE_QUANTILES[i]) < 1e-10);
    }
    assert_true(oc_statistics_normal_quantile(0.0) == -INFINITY);
    assert_true(oc_statistics_normal_quantile(1.0) == INFINITY);
}

static void test_quantiles(void **state)
{
    double sorted[25];
    const double even[] = {4.0, 1.0, 3.0, 2.0};

    (void)state;
    for (uint32_t i = 0; i < 25; i++) {
        sorted[i] = REFERENCE_SAMPLE_25[i];
    }
    assert_close(oc_statistics_median(sorted, 25), REFERENCE_QUANTILES_25[3], 1e-14);
    oc_statistics_sort(sorted, 25);
    for (uint32_t i = 0; i < COUNT(REFERENCE_QUANTILE_SHARES); i++) {
        assert_close(oc_statistics_quantile(sorted, 25, REFERENCE_QUANTILE_SHARES[i]),
                     REFERENCE_QUANTILES_25[i], 1e-13);
    }
    assert_true(oc_statistics_median(even, 4) == 2.5);
    assert_true(oc_statistics_median(even, 1) == 4.0);
    assert_true(isnan(oc_statistics_median(even, 0)));
    assert_true(isnan(oc_statistics_quantile(even, 0, 0.5)));
}

static void test_holm(void **state)
{
    double p[COUNT(REFERENCE_HOLM_P) + 1U];
    double adjusted[COUNT(REFERENCE_HOLM_P) + 1U];
    double single;

    (void)state;
    oc_statistics_holm(REFERENCE_HOLM_P, adjusted, COUNT(REFERENCE_HOLM_P));
    for (uint32_t i = 0; i < COUNT(REFERENCE_HOLM_P); i++) {
        assert_close(adjusted[i], REFERENCE_HOLM[i], 1e-14);
    }
    /* One that was not tested changes nothing for the others. */
    p[0] = NAN;
    for (uint32_t i = 0; i < COUNT(REFERENCE_HOLM_P); i++) {
        p[i + 1U] = REFERENCE_HOLM_P[i];
    }
    oc_statistics_holm(p, adjusted, COUNT(p));
    assert_true(isnan(adjusted[0]));
    for (uint32_t i = 0; i < COUNT(REFERENCE_HOLM_P); i++) {
        assert_close(adjusted[i + 1U], REFERENCE_HOLM[i], 1e-14);
    }
    p[0] = 0.04;
    oc_statistics_holm(p, &single, 1);
    assert_true(single == 0.04);
}

static void test_proportions(void **state)
{
    struct oc_proportion none = oc_statistics_proportion(0, 0, 0.95);

    (void)state;
    for (uint32_t i = 0; i < COUNT(REFERENCE_PROPORTIONS); i++) {
        const double *row = REFERENCE_PROPORTIONS[i];
        struct oc_proportion proportion = oc_statistics_proportion((uint32_t)row[0],
                                                                   (uint32_t)row[1], row[2]);

        assert_close(proportion.share, row[0] / row[1], 1e-15);
        assert_true(fabs(proportion.low - row[3]) < 1e-10);
        assert_true(fabs(proportion.high - row[4]) < 1e-10);
    }
    assert_true(isnan(none.share));
    assert_true(none.low == 0.0);
    assert_true(none.high == 1.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_normal),
        cmocka_unit_test(test_quantiles),
        cmocka_unit_test(test_holm),
        cmocka_unit_test(test_proportions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
