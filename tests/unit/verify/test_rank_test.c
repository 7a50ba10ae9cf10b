/*
 * Goal: the two rank tests give the p-values they should, exact and approximate.
 * Method: against scipy (reference.py); small cases that can be counted by hand; symmetry.
 * Fails if: a p-value differs, an end case is not NaN, or swapping the sides changes a result.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reference.h"
#include "verify/rank_test.h"
#include "verify/statistics.h"

static void assert_p(double actual, double expected)
{
    if (!(fabs(actual - expected) <= 1e-11)) {
        fail_msg("p = %.17g instead of %.17g", actual, expected);
    }
}

static void test_paired(void **state)
{
    (void)state;
    assert_p(oc_rank_test_paired(REFERENCE_SAMPLE_8, 8), REFERENCE_WILCOXON[0]);
    assert_p(oc_rank_test_paired(REFERENCE_SAMPLE_24, 24), REFERENCE_WILCOXON[1]);
    assert_p(oc_rank_test_paired(REFERENCE_SAMPLE_50, 50), REFERENCE_WILCOXON[2]);
    assert_p(oc_rank_test_paired(REFERENCE_SAMPLE_80, 80), REFERENCE_WILCOXON[3]);
    assert_p(oc_rank_test_paired(REFERENCE_TIED_50, 50), REFERENCE_WILCOXON_TIED);
}

static void test_paired_by_hand(void **state)
{
    const double all_up[] = {1.0, 2.0, 3.0, 4.0, 5.0};
    const double one_down[] = {-1.0, 2.0, 3.0, 4.0, 5.0};
    const double zeros[] = {0.0, 0.0};
    double negated[24];

    (void)state;
    /* One pattern of 32 on each side; two: no negative rank, or only the lowest. */
    assert_p(oc_rank_test_paired(all_up, 5), 2.0 / 32.0);
    assert_p(oc_rank_test_paired(one_down, 5), 4.0 / 32.0);
    assert_p(oc_rank_test_paired(all_up, 1), 1.0);
    assert_true(isnan(oc_rank_test_paired(zeros, 2)));
    assert_true(isnan(oc_rank_test_paired(zeros, 0)));
    for (uint32_t i = 0; i < 24; i++) {
        negated[i] = -REFERENCE_SAMPLE_24[i];
    }
    assert_p(oc_rank_test_paired(negated, 24), REFERENCE_WILCOXON[1]);
}

static void test_unpaired(void **state)
{
    double shifted[24];
    double rounded[24];

    (void)state;
    for (uint32_t i = 0; i < 24; i++) {
        shifted[i] = REFERENCE_SAMPLE_24[i] + 0.04;
        rounded[i] = nearbyint(REFERENCE_SAMPLE_24[i] * 100.0) / 100.0;
    }
    assert_p(oc_rank_test_unpaired(REFERENCE_SAMPLE_8, 8, REFERENCE_SAMPLE_24, 24),
             REFERENCE_MANN_WHITNEY[0]);
    assert_p(oc_rank_test_unpaired(REFERENCE_SAMPLE_24, 24, REFERENCE_SAMPLE_8, 8),
             REFERENCE_MANN_WHITNEY[0]);
    assert_p(oc_rank_test_unpaired(shifted, 24, REFERENCE_SAMPLE_9, 9), REFERENCE_MANN_WHITNEY[1]);
    assert_p(oc_rank_test_unpaired(REFERENCE_SAMPLE_25, 25, REFERENCE_SAMPLE_50, 50),
             REFERENCE_MANN_WHITNEY[2]);
    assert_p(oc_rank_test_unpaired(rounded, 24, REFERENCE_TIED_50, 50), REFERENCE_MANN_WHITNEY[3]);
}

static void test_unpaired_by_hand(void **state)
{
    const double low[] = {1.0, 2.0, 3.0};
    const double high[] = {4.0, 5.0, 6.0};
    const double same[] = {7.0, 7.0, 7.0};

    (void)state;
    /* One arrangement of C(6, 3) = 20 on each side. */
    assert_p(oc_rank_test_unpaired(low, 3, high, 3), 2.0 / 20.0);
    assert_true(isnan(oc_rank_test_unpaired(low, 0, high, 3)));
    assert_true(isnan(oc_rank_test_unpaired(same, 3, same, 3)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paired),
        cmocka_unit_test(test_paired_by_hand),
        cmocka_unit_test(test_unpaired),
        cmocka_unit_test(test_unpaired_by_hand),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
