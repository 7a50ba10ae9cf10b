/*
 * Goal: the generator is xoshiro256** as published, and its distributions are what they say.
 * Method: known answers of the reference; then means, extremes and a chi-square over seeded draws.
 * Fails if: a seed gives other numbers than before, a bound is reached, or a value is favoured. The
 * statistics are of one fixed seed by default, so they do not fail by chance.
 */
#include "core/random.h"

#include <math.h>

#include "support.h"

enum { DRAWS = 1000000 };

static void test_known_answers(void **state)
{
    /* Of the state 1, 2, 3, 4, by the authors' reference code. */
    static const uint64_t of_state[] = {11520ULL, 0ULL, 1509978240ULL, 1215971899390074240ULL};
    /* splitmix64 of seed 0, by its author's reference code. */
    static const uint64_t of_seed[] = {0xe220a8397b1dcdafULL, 0x6e789e6aa1b965f4ULL,
                                       0x06c45d188009454fULL, 0xf88bb8a8724c81ecULL};
    struct oc_random random = {{1, 2, 3, 4}};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        assert_true(oc_random_next(&random) == of_state[i]);
    }
    oc_random_init(&random, 0);
    for (size_t i = 0; i < 4; i++) {
        assert_true(random.state[i] == of_seed[i]);
    }
}

static void test_below_is_even(void **state)
{
    struct oc_random random;
    uint32_t counts[10] = {0};
    double chi_square = 0.0;

    (void)state;
    oc_random_init(&random, support_seed());
    for (uint32_t i = 0; i < DRAWS; i++) {
        uint64_t value = oc_random_below(&random, 10);

        assert_true(value < 10);
        counts[value]++;
    }
    for (uint32_t value = 0; value < 10; value++) {
        double distance = counts[value] - DRAWS / 10.0;

        chi_square += distance * distance / (DRAWS / 10.0);
    }
    print_message("chi-square of 9 degrees: %.2f\n", chi_square);
    assert_true(chi_square < 33.72); /* 1 in 10,000 */
    assert_true(oc_random_below(&random, 1) == 0);
    expect_oc_assert(oc_random_below(&random, 0));
}

/* With a bound of 3 * 2^62 bias is gross: by remainder the lowest third comes up twice as often, by
 * multiplication every third value. */
static void test_below_has_no_bias_at_large_bounds(void **state)
{
    const uint64_t bound = 3ULL << 62;
    struct oc_random random;
    uint32_t thirds[3] = {0};
    uint32_t remainders[3] = {0};

    (void)state;
    oc_random_init(&random, support_seed());
    for (uint32_t i = 0; i < DRAWS; i++) {
        uint64_t value = oc_random_below(&random, bound);

        assert_true(value < bound);
        thirds[value >> 62]++;
        remainders[value % 3]++;
    }
    for (uint32_t third = 0; third < 3; third++) {
        /* Five standard deviations of a binomial count. */
        assert_true(fabs(thirds[third] - DRAWS / 3.0) < 5 * sqrt(DRAWS * 2.0 / 9.0));
        assert_true(fabs(remainders[third] - DRAWS / 3.0) < 5 * sqrt(DRAWS * 2.0 / 9.0));
    }
    for (uint32_t i = 0; i < 1000; i++) {
        assert_true(oc_random_below(&random, UINT64_MAX) < UINT64_MAX);
    }
}

static void test_double_and_exponential(void **state)
{
    struct oc_random random;
    double sum = 0.0;
    double exponential_sum = 0.0;
    uint32_t beyond = 0;

    (void)state;
    oc_random_init(&random, support_seed());
    for (uint32_t i = 0; i < DRAWS; i++) {
        double value = oc_random_double(&random);
        double exponential = oc_random_exponential(&random, 250.0);

        assert_true(value >= 0.0);
        assert_true(value < 1.0);
        assert_true(exponential >= 0.0);
        assert_true(exponential < 250.0 * 36.8);
        sum += value;
        exponential_sum += exponential;
        beyond += exponential > 500.0;
    }
    assert_true(fabs(sum / DRAWS - 0.5) < 5 * sqrt(1.0 / 12.0 / DRAWS));
    assert_true(fabs(exponential_sum / DRAWS - 250.0) < 5 * 250.0 / sqrt(DRAWS));
    /* e^-2 of all are beyond twice the mean. */
    assert_true(fabs((double)beyond / DRAWS - exp(-2.0)) < 0.002);
}

static void test_extremes_of_double(void **state)
{
    /* xoshiro256** gives rotl(5 * s1, 7) * 9: a second word of 0 gives 0. */
    struct oc_random zero = {{1, 0, 1, 1}};
    struct oc_random again = zero;

    (void)state;
    assert_true(oc_random_double(&zero) == 0.0);
    assert_true(oc_random_exponential(&again, 1.0) == 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_below_is_even),
        cmocka_unit_test(test_below_has_no_bias_at_large_bounds),
        cmocka_unit_test(test_double_and_exponential),
        cmocka_unit_test(test_extremes_of_double),
    };

    return cmocka_run_group_tests_name("core.random", tests, NULL, NULL);
}
