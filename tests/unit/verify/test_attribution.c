/*
 * Goal: the way from tokio to io_uring is split as it was made, and the ceiling is the product that
 * it says.
 * Method: measurements with known ratios.
 * Fails if: the shares are taken of the ratios instead of their logarithms, runs of different loads
 * meet, a cell without all three stacks is attributed, or a ceiling is given without its figures.
 */
#include "verify/attribution.h"

#include "made.h"

#define P50 OC_VERIFY_METRIC_LATENCY_P50

static void test_shares(void **state)
{
    struct made *made = made_begin(1);
    struct oc_attribution *attributions;
    uint32_t count;

    (void)state;
    made_cell(made, "ping", OC_VERIFY_SCENARIO_PING_PONG);
    made_metric(made, 24, OC_VERIFY_STACK_TOKIO, P50, 400.0, 0.002);
    made_metric(made, 24, OC_VERIFY_STACK_TOKIO_CURRENT, P50, 200.0, 0.002);
    made_metric(made, 24, OC_VERIFY_STACK_EPOLL, P50, 100.0, 0.002);
    made_metric(made, 24, OC_VERIFY_STACK_IO_URING, P50, 95.0, 0.002);
    made_metric(made, 24, OC_VERIFY_STACK_EPOLL, OC_VERIFY_METRIC_SERVER_CPU, 95.0, 0.002);
    made_cell(made, "two stacks", OC_VERIFY_SCENARIO_PING_PONG);
    made_metric(made, 24, OC_VERIFY_STACK_EPOLL, P50, 100.0, 0.002);
    made_metric(made, 24, OC_VERIFY_STACK_IO_URING, P50, 95.0, 0.002);
    made_cell(made, "no way", OC_VERIFY_SCENARIO_STRESS);
    for (uint32_t i = 0; i < 3; i++) {
        static const enum oc_verify_stack STACKS[] = {OC_VERIFY_STACK_TOKIO, OC_VERIFY_STACK_EPOLL,
                                                      OC_VERIFY_STACK_IO_URING};

        made_metric(made, 24, STACKS[i], OC_VERIFY_METRIC_RATE, 1e5, 0.1);
    }
    assert_int_equal(
        oc_attribution_make(made_input(made, 0.01), &made->arena, &attributions, &count), 0);
    assert_int_equal(count, 2);
    assert_int_equal(attributions[0].cell, 0);
    assert_int_equal(attributions[0].metric, P50);
    assert_int_equal(attributions[0].tokio, OC_VERIFY_STACK_TOKIO_CURRENT);
    assert_true(attributions[0].meaningful);
    assert_true(fabs(attributions[0].total.estimate - log(0.475)) < 2e-3);
    assert_true(fabs(attributions[0].rewrite.estimate - log(0.5)) < 2e-3);
    assert_true(fabs(attributions[0].io_uring.estimate - log(0.95)) < 2e-3);
    assert_true(fabs(attributions[0].share.estimate - log(0.5) / log(0.475)) < 5e-3);
    assert_true(attributions[0].share.low < attributions[0].share.high);
    assert_int_equal(attributions[1].cell, 2);
    assert_false(attributions[1].meaningful);
    made_end(made);
}

static void test_ceiling(void **state)
{
    struct made *made = made_begin(1);
    struct oc_ceiling *ceilings;
    uint32_t count;

    (void)state;
    made_cell(made, "ping", OC_VERIFY_SCENARIO_PING_PONG);
    made_metric(made, 9, OC_VERIFY_STACK_EPOLL, P50, 20000.0, 0.0);
    made_metric(made, 9, OC_VERIFY_STACK_EPOLL, OC_VERIFY_METRIC_SERVER_CPU, 8000.0, 0.0);
    made_metric(made, 9, OC_VERIFY_STACK_EPOLL, OC_VERIFY_METRIC_SYSTEM_CALLS, 3.0, 0.0);
    made_metric(made, 9, OC_VERIFY_STACK_IO_URING, OC_VERIFY_METRIC_SYSTEM_CALLS, 1.0, 0.0);
    made_cell(made, "uncounted", OC_VERIFY_SCENARIO_PING_PONG);
    made_metric(made, 9, OC_VERIFY_STACK_EPOLL, P50, 20000.0, 0.0);
    made_cell(made, "more calls", OC_VERIFY_SCENARIO_STRESS)->window = 16;
    made_metric(made, 9, OC_VERIFY_STACK_EPOLL, OC_VERIFY_METRIC_SERVER_CPU, 8000.0, 0.0);
    made_metric(made, 9, OC_VERIFY_STACK_EPOLL, OC_VERIFY_METRIC_SYSTEM_CALLS, 0.1, 0.0);
    made_metric(made, 9, OC_VERIFY_STACK_IO_URING, OC_VERIFY_METRIC_SYSTEM_CALLS, 0.2, 0.0);
    assert_int_equal(
        oc_ceilings_make(made_input(made, 0.01), 200.0, &made->arena, &ceilings, &count), 0);
    assert_int_equal(count, 3);
    assert_int_equal(ceilings[0].metric, P50);
    assert_true(fabs(ceilings[0].share - 0.02) < 1e-12);
    assert_int_equal(ceilings[1].metric, OC_VERIFY_METRIC_SERVER_CPU);
    assert_true(fabs(ceilings[1].share - 0.05) < 1e-12);
    assert_int_equal(ceilings[2].cell, 2);
    assert_true(ceilings[2].share == 0.0);
    assert_int_equal(oc_ceilings_make(&made->input, (double)NAN, &made->arena, &ceilings, &count),
                     0);
    assert_int_equal(count, 0);
    made_end(made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_ceiling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
