/*
 * Goal: the search finds the highest rung that a server holds, whatever it holds and wherever the
 * ladder lies, in few offers; disturbances of the host move it by at most a rung, and where the
 * generator meets its own limit first, the search says so and what was held below it.
 * Method: made servers, whose p99 is a step or a queue's curve of the rate, with their limit at
 * every place of the ladder; then with offers disturbed by chance, from a seed that is printed.
 * Fails when: the rate is not the highest rung within the limit, a single disturbed or late offer
 * changes it, a generator's limit passes for the server's or hides it, or a rung is offered without
 * end.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/random.h"
#include "verify/search.h"

#define LIMIT_NS 200000.0
#define LAG_NS   100000.0
#define TRIALS   2000U

/* Whether the rate is the highest rung of its ladder that is not above `held`. */
static void assert_found(double rate, double held)
{
    assert_true(rate <= held);
    assert_true(rate * OC_VERIFY__SEARCH_STEP > held);
}

static double step_p99_ns(double rate, double held)
{
    return rate <= held ? 50e3 : 5e6;
}

/* From 1.1 thousand to 5 million a second. Rungs of the climb and of the bisection, each four times
 * at most; around 100,000, where servers are, no more than what the plan's time allows for. */
static void test_step_at_every_place(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        for (uint32_t i = 0; i < 276; i++) {
            const double held = 1.1e3 * pow(1.031, i);
            struct oc_verify__search search;
            double rate;
            oc_verify__search_start(&search, seed, LIMIT_NS, LAG_NS);
            while (oc_verify__search_next(&search, &rate)) {
                oc_verify__search_tell(&search, step_p99_ns(rate, held), 20e3);
            }
            assert_found(oc_verify__search_rate(&search), held);
            assert_in_range(search.offers, 5, held > 40e3 && held < 300e3 ? 22 : 30);
            assert_true(fabs(search.lag_p99_ns - 20e3) < 0.5);
            assert_false(search.generator_late);
        }
    }
}

/* Nothing holds, not even p99 just above the limit: less than the ladder has, and no failure. */
static void test_below_the_ladder(void **state)
{
    struct oc_verify__search search;
    double rate;

    (void)state;
    oc_verify__search_start(&search, 1, LIMIT_NS, LAG_NS);
    while (oc_verify__search_next(&search, &rate)) {
        oc_verify__search_tell(&search, LIMIT_NS + 1, 20e3);
    }
    assert_false(search.generator_late);
    assert_true(oc_verify__search_rate(&search) > 0);
    assert_true(oc_verify__search_rate(&search) < OC_VERIFY__SEARCH_LOWEST);
}

/* The limits themselves hold; and a search ends even if everything does. */
static void test_above_the_ladder(void **state)
{
    struct oc_verify__search search;
    double rate = 0;

    (void)state;
    oc_verify__search_start(&search, 1, LIMIT_NS, LAG_NS);
    while (oc_verify__search_next(&search, &rate)) {
        oc_verify__search_tell(&search, LIMIT_NS, LAG_NS);
    }
    assert_true(oc_verify__search_rate(&search) > 16e6);
    assert_true(search.offers < 20);
}

/* Every rung's first offer is disturbed: broken, or late. It costs offers and changes nothing. */
static void test_one_disturbance_each(void **state)
{
    (void)state;
    for (int late = 0; late <= 1; late++) {
        struct oc_verify__search search;
        double before = 0;
        double rate;
        oc_verify__search_start(&search, 3, LIMIT_NS, LAG_NS);
        while (oc_verify__search_next(&search, &rate)) {
            bool first = fabs(rate - before) > 1.0;
            before = rate;
            oc_verify__search_tell(&search, first ? 9e6 : step_p99_ns(rate, 80e3),
                                   first && late ? 3e6 : 20e3);
        }
        assert_found(oc_verify__search_rate(&search), 80e3);
        assert_false(search.generator_late);
        assert_true(fabs(search.lag_p99_ns - 20e3) < 0.5);
    }
}

/* A generator that is late above 90,000 a second: the limit of a server that holds more; of one
 * that holds less it hides nothing, though the climb has met it. */
static void test_late(void **state)
{
    (void)state;
    for (int slow = 0; slow <= 1; slow++) {
        const double held = slow ? 75e3 : 120e3;
        struct oc_verify__search search;
        double rate;
        oc_verify__search_start(&search, 3, LIMIT_NS, LAG_NS);
        while (oc_verify__search_next(&search, &rate)) {
            oc_verify__search_tell(&search, step_p99_ns(rate, held),
                                   rate > 90e3 ? LAG_NS + 1 : 20e3);
        }
        assert_int_equal(search.generator_late, !slow);
        assert_found(oc_verify__search_rate(&search), slow ? held : 90e3);
        if (!slow) {
            assert_true(search.late_p99_ns > LAG_NS);
        }
        assert_true(fabs(search.lag_p99_ns - 20e3) < 0.5);
    }
}

/* A queue's p99, 20 us / (1 - load), with noise of 10 % of it and a tenth of the offers disturbed
 * on top, each for itself: the limit is at a load of 0.9. */
static void test_noise(void **state)
{
    const double capacity = 100e3;
    const uint64_t seed = 20260722;
    uint32_t within = 0;
    struct oc_random random;

    (void)state;
    oc_random_init(&random, seed);
    for (uint32_t trial = 0; trial < TRIALS; trial++) {
        struct oc_verify__search search;
        double best = 0.9 * capacity;
        double found;
        double rate;
        oc_verify__search_start(&search, trial, LIMIT_NS, LAG_NS);
        while (oc_verify__search_next(&search, &rate)) {
            double load = fmin(rate / capacity, 0.9999);
            double p99_ns = 20e3 / (1.0 - load) * (0.9 + 0.2 * oc_random_double(&random));
            p99_ns += oc_random_below(&random, 10) == 0 ? 2e6 : 0;
            oc_verify__search_tell(&search, p99_ns, 20e3);
        }
        found = oc_verify__search_rate(&search);
        /* The highest rung below the limit is up to a rung below it; one more either side. */
        within += found > best / pow(OC_VERIFY__SEARCH_STEP, 2) &&
                          found < best * OC_VERIFY__SEARCH_STEP
                      ? 1
                      : 0;
    }
    /* Both offers of one of the seven rungs that hold are disturbed in at most 7 %. */
    print_message("within a rung: %u of %u, seed %llu\n", within, TRIALS, (unsigned long long)seed);
    assert_true(within >= TRIALS * 92 / 100);
}

static int compare_doubles(const void *a, const void *b)
{
    const double *left = a;
    const double *right = b;

    return (*left > *right) - (*left < *right);
}

static double found_rate(uint64_t seed, double held)
{
    struct oc_verify__search search;
    double rate;

    oc_verify__search_start(&search, seed, LIMIT_NS, LAG_NS);
    while (oc_verify__search_next(&search, &rate)) {
        oc_verify__search_tell(&search, step_p99_ns(rate, held), 20e3);
    }
    return oc_verify__search_rate(&search);
}

/* Two servers that differ by less than a rung: by the medians of 12 pairs, as they are judged, they
 * differ by that much on average, because each run has a ladder of its own. */
static void test_parts_of_a_rung(void **state)
{
    static const double DIFFERENCES[] = {0.01, 0.025, 0.04};

    (void)state;
    for (size_t i = 0; i < sizeof(DIFFERENCES) / sizeof(DIFFERENCES[0]); i++) {
        double sum = 0.0;
        for (uint64_t trial = 0; trial < 200; trial++) {
            double ratios[12];
            for (uint64_t block = 0; block < 12; block++) {
                const uint64_t seed = trial * 12 + block;
                ratios[block] = log(found_rate(seed ^ 1ULL << 32, 1e5 * (1.0 + DIFFERENCES[i])) /
                                    found_rate(seed, 1e5));
            }
            qsort(ratios, 12, sizeof(ratios[0]), compare_doubles);
            sum += (ratios[5] + ratios[6]) / 2.0;
        }
        assert_true(fabs(sum / 200.0 - log1p(DIFFERENCES[i])) < 0.002);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step_at_every_place),
        cmocka_unit_test(test_below_the_ladder),
        cmocka_unit_test(test_above_the_ladder),
        cmocka_unit_test(test_one_disturbance_each),
        cmocka_unit_test(test_late),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_parts_of_a_rung),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
