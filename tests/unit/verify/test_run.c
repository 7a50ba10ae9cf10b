/*
 * Goal: a run is excluded by steal time or by its generator's lag, and never by what came out.
 * Method: runs on both sides of each limit, with latencies from far below to far above the lag.
 * Fails when: the same lag is excluded for one latency and kept for another, or a limit is another
 * one than is documented.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "verify/run.h"

static const double LATENCIES_NS[] = {1e3, 50e3, 400e3, 5e6, 1e9, NAN};

#define LATENCIES (sizeof(LATENCIES_NS) / sizeof(LATENCIES_NS[0]))

static struct oc_verify_run excluded(double lag_ns, double latency_ns)
{
    struct oc_verify_run run = {.lag_p99_ns = lag_ns, .request_count = 9};

    for (uint32_t i = 0; i < OC_VERIFY_METRIC_COUNT; i++) {
        run.metrics[i] = latency_ns;
    }
    oc_verify__run_exclude(&run, 0);
    return run;
}

static void test_lag_whatever_came_out(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < LATENCIES; i++) {
        struct oc_verify_run run = excluded(100001, LATENCIES_NS[i]);
        assert_int_equal(run.exclusion, OC_VERIFY_EXCLUDED_LAG);
        assert_string_equal(run.why, "the generator was late: p99 of its lag 100.0 us, more than "
                                     "100 us");
        run = excluded(100000, LATENCIES_NS[i]);
        assert_int_equal(run.exclusion, OC_VERIFY_KEPT);
        assert_string_equal(run.why, "");
    }
}

static void test_steal(void **state)
{
    static const struct {
        double share;
        uint64_t steal_ns;
        enum oc_verify_exclusion exclusion;
    } CASES[] = {
        {0.06, 30000000, OC_VERIFY_EXCLUDED_STEAL},
        {0.05, 30000000, OC_VERIFY_KEPT},
        {0.90, 20000000, OC_VERIFY_KEPT}, /* two ticks say nothing */
        {0.90, 20000001, OC_VERIFY_EXCLUDED_STEAL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct oc_verify_run run = {.steal_share = CASES[i].share};
        oc_verify__run_exclude(&run, CASES[i].steal_ns);
        assert_int_equal(run.exclusion, CASES[i].exclusion);
        assert_int_equal(run.why[0] != '\0', CASES[i].exclusion != OC_VERIFY_KEPT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lag_whatever_came_out),
        cmocka_unit_test(test_steal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
