/*
 * Goal: the search finds the highest rung that a server holds, whatever the ladder's place, in few
 * offers; disturbances of the host move it by at most a rung, and a late generator is no result.
 * Method: made servers, whose p99 is a step or a queue's curve of the rate, with their limit at
 * every place of the ladder; then with offers disturbed by chance, from a seed that is printed.
 * Fails when: the rate is not the highest rung within the limit, a single disturbed or late offer
 * changes it, a generator that stays late gives a rate, or a rung is offered without end.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/random.h"
#include "verify/search.h"

#define CAPACITY 100000.0
#define LIMIT_NS 200000.0
#define LAG_NS   100000.0
/* Between 29 rungs and none lie 4 or 5 halvings; each rung twice at most. */
#define OFFERS_MIN 4U
#define OFFERS_MAX 10U
#define TRIALS     2000U

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

static void test_step_at_every_place(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        for (uint32_t permille = 320; permille < 1170; permille += 13) {
            const double held = permille / 1e3 * CAPACITY;
            struct oc_verify__search search;
            double rate;
            oc_verify__search_start(&search, CAPACITY, seed, LIMIT_NS, LAG_NS);
            while (oc_verify__search_next(&search, &rate)) {
                oc_verify__search_tell(&search, step_p99_ns(rate, held), 20e3);
            }
            assert_found(oc_verify__search_rate(&search), held);
            assert_in_range(search.offers, OFFERS_MIN, OFFERS_MAX);
            assert_true(fabs(search.lag_p99_ns - 20e3) < 0.5);
            assert_false(search.late);
        }
    }
}

static void test_the_ends(void **state)
{
    struct oc_verify__search search;
    double rate;

    (void)state;
    /* Nothing holds, not even p99 just above the limit. */
    oc_verify__search_start(&search, CAPACITY, 1, LIMIT_NS, LAG_NS);
    while (oc_verify__search_next(&search, &rate)) {
        oc_verify__search_tell(&search, LIMIT_NS + 1, 20e3);
    }
    assert_true(isnan(oc_verify__search_rate(&search)));
    assert_false(search.late);
    assert_in_range((uint64_t)search.lowest_rate, (uint64_t)(0.3 * CAPACITY),
                    (uint64_t)(0.3 * CAPACITY * OC_VERIFY__SEARCH_STEP));
    /* All hold, the limit itself included: the top rung. */
    oc_verify__search_start(&search, CAPACITY, 1, LIMIT_NS, LAG_NS);
    while (oc_verify__search_next(&search, &rate)) {
        oc_verify__search_tell(&search, LIMIT_NS, LAG_NS);
    }
    assert_true(oc_verify__search_rate(&search) > 1.17 * CAPACITY);
    assert_true(oc_verify__search_rate(&search) < 1.24 * CAPACITY);
    assert_in_range(search.offers, OFFERS_MIN, OFFERS_MIN + 1);
}

/* Every rung's first offer is disturbed: broken, or late. It costs offers and changes nothing. */
static void test_one_disturbance_each(void **state)
{
    (void)state;
    for (int late = 0; late <= 1; late++) {
        struct oc_verify__search search;
        double before = 0;
        double rate;
        oc_verify__search_start(&search, CAPACITY, 3, LIMIT_NS, LAG_NS);
        while (oc_verify__search_next(&search, &rate)) {
            bool first = fabs(rate - before) > 1.0;
            before = rate;
            oc_verify__search_tell(&search, first ? 9e6 : step_p99_ns(rate, 0.8 * CAPACITY),
                                   first && late ? 3e6 : 20e3);
        }
        assert_found(oc_verify__search_rate(&search), 0.8 * CAPACITY);
        assert_true(fabs(search.lag_p99_ns - 20e3) < 0.5);
        /* A late offer stands beside the two that break. */
        assert_in_range(search.offers, 2 * OFFERS_MIN, 3 * OFFERS_MAX / 2);
    }
}

/* Late four times at one rung: no rate. */
static void test_late(void **state)
{
    (void)state;
    for (int slow = 0; slow <= 1; slow++) {
        struct oc_verify__search search;
        uint32_t lates = 0;
        double rate;
        oc_verify__search_start(&search, CAPACITY, 3, LIMIT_NS, LAG_NS);
        while (oc_verify__search_next(&search, &rate)) {
            lates += rate > 0.9 * CAPACITY ? 1 : 0;
            oc_verify__search_tell(&search, slow ? 9e6 : 50e3,
                                   rate > 0.9 * CAPACITY ? LAG_NS + 1 : 20e3);
        }
        /* Who is slow is never offered so much. */
        assert_int_equal(search.late, !slow);
        assert_int_equal(lates, slow ? 0 : 4);
        assert_true(isnan(oc_verify__search_rate(&search)));
        assert_true((search.lag_p99_ns > LAG_NS) == !slow);
    }
}

/* A queue's p99, 20 us / (1 - load), with noise of 10 % of it and a tenth of the offers disturbed
 * on top: the limit is at a load of 0.9. */
static void test_noise(void **state)
{
    const uint64_t seed = 20260722;
    uint32_t within = 0;
    struct oc_random random;

    (void)state;
    oc_random_init(&random, seed);
    for (uint32_t trial = 0; trial < TRIALS; trial++) {
        struct oc_verify__search search;
        double best = 0.9 * CAPACITY;
        double found;
        double rate;
        oc_verify__search_start(&search, CAPACITY, trial, LIMIT_NS, LAG_NS);
        while (oc_verify__search_next(&search, &rate)) {
            double load = fmin(rate / CAPACITY, 0.9999);
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
    /* Both offers of one of five rungs are disturbed in at most 5 %. */
    print_message("within a rung: %u of %u, seed %llu\n", within, TRIALS, (unsigned long long)seed);
    assert_true(within >= TRIALS * 94 / 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step_at_every_place),
        cmocka_unit_test(test_the_ends),
        cmocka_unit_test(test_one_disturbance_each),
        cmocka_unit_test(test_late),
        cmocka_unit_test(test_noise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
