/*
 * Goal: the open loop's times are fixed by rate and start alone, whatever was sent when.
 * Method: take requests late, early and in bursts and compare the intended times with the formula;
 * Poisson: mean, spread and independence of the connections over many draws of a printed seed.
 * Fails when: a late request moves its successors (coordinated omission), rounding accumulates, or
 * connections share their gaps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/schedule.h"

#define SEED 7U

static void test_constant_interleaves(void **state)
{
    struct oc_schedule schedules[4];

    (void)state;
    for (uint32_t c = 0; c < 4; c++) {
        oc_schedule_start(&schedules[c], OC_ARRIVALS_CONSTANT, 1000.0, c, 4, 5000, SEED);
    }
    for (uint64_t i = 0; i < 400; i++) {
        struct oc_schedule *schedule = &schedules[i % 4];
        uint64_t intended_ns = 5000 + i * 1000000;
        assert_false(oc_schedule_due(schedule, intended_ns - 1));
        assert_true(oc_schedule_due(schedule, intended_ns));
        assert_int_equal(oc_schedule_take(schedule, intended_ns), intended_ns);
    }
}

/* A stall of 100 ms: what had to wait keeps its times, and so does what comes after. */
static void test_late_requests_keep_their_times(void **state)
{
    struct oc_schedule schedule;
    uint64_t now_ns = 100000000;
    uint64_t count = 0;

    (void)state;
    oc_schedule_start(&schedule, OC_ARRIVALS_CONSTANT, 10000.0, 0, 1, 0, SEED);
    while (oc_schedule_due(&schedule, now_ns)) {
        assert_int_equal(oc_schedule_take(&schedule, now_ns), count * 100000);
        count++;
    }
    assert_int_equal(count, 1001);
    assert_int_equal(oc_schedule_take(&schedule, now_ns), 1001 * 100000);
}

static void test_rounding_does_not_accumulate(void **state)
{
    struct oc_schedule schedule;
    uint64_t intended_ns = 0;

    (void)state;
    oc_schedule_start(&schedule, OC_ARRIVALS_CONSTANT, 3.0, 0, 1, 0, SEED);
    for (uint32_t i = 0; i <= 3000000; i++) {
        intended_ns = oc_schedule_take(&schedule, 0);
    }
    assert_in_range(intended_ns, 1000000000000000 - 1000, 1000000000000000 + 1000);
}

static void test_poisson(void **state)
{
    enum { COUNT = 200000 };
    struct oc_schedule schedules[2];
    double sum = 0.0;
    double square_sum = 0.0;
    uint64_t last_ns = 0;
    uint32_t equal = 0;
    double mean;
    double variance;

    (void)state;
    oc_schedule_start(&schedules[0], OC_ARRIVALS_POISSON, 2000.0, 0, 2, 0, SEED);
    oc_schedule_start(&schedules[1], OC_ARRIVALS_POISSON, 2000.0, 1, 2, 0, SEED);
    for (uint32_t i = 0; i < COUNT; i++) {
        uint64_t intended_ns = oc_schedule_take(&schedules[0], 0);
        double gap = (double)(intended_ns - last_ns);
        equal += oc_schedule_take(&schedules[1], 0) == intended_ns;
        assert_true(intended_ns >= last_ns);
        sum += gap;
        square_sum += gap * gap;
        last_ns = intended_ns;
    }
    /* Each of the two has half of the rate: a mean gap of 1 ms, and as large a deviation. */
    mean = sum / COUNT;
    variance = square_sum / COUNT - mean * mean;
    print_message("seed %u: mean gap %.0f ns, variance / mean^2 %.3f\n", SEED, mean,
                  variance / (mean * mean));
    assert_true(mean > 0.99e6 && mean < 1.01e6);
    assert_true(variance / (mean * mean) > 0.97 && variance / (mean * mean) < 1.03);
    assert_int_equal(equal, 0);
}

static void test_closed_loop_is_always_due(void **state)
{
    struct oc_schedule schedule;

    (void)state;
    oc_schedule_start(&schedule, OC_ARRIVALS_CLOSED, 0.0, 0, 1, 1000, SEED);
    assert_true(oc_schedule_due(&schedule, 0));
    assert_int_equal(oc_schedule_take(&schedule, 123), 123);
    assert_true(oc_schedule_due(&schedule, 0));
    assert_int_equal(oc_schedule_take(&schedule, 456), 456);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constant_interleaves),
        cmocka_unit_test(test_late_requests_keep_their_times),
        cmocka_unit_test(test_rounding_does_not_accumulate),
        cmocka_unit_test(test_poisson),
        cmocka_unit_test(test_closed_loop_is_always_due),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
