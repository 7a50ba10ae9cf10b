/*
 * Goal: the A/A bound is the farther end of its interval, is borrowed in the order promised, and
 * nothing is claimed below it.
 * Method: A/A data of known spread; the two judging rules at the corners of their cases.
 * Fails if: a cell without A/A gets a smaller bound than its scenario's, no A/A at all gives a
 * finite bound, or an effect below the bound passes.
 */
#include "verify/resolution.h"

#include "made.h"

#define P50 OC_VERIFY_METRIC_LATENCY_P50

static const struct oc_bootstrap_config CONFIG = {.seed = 1, .resamples = 1000};

static void test_table(void **state)
{
    struct made *aa = made_begin(1);
    struct made *made = made_begin(2);
    struct oc_resolutions resolutions;
    struct oc_resolution own;
    struct oc_resolution other;

    (void)state;
    made_cell(aa, "far", OC_VERIFY_SCENARIO_PING_PONG);
    made_metric(aa, 24, OC_VERIFY_STACK_EPOLL, P50, 100.0, 0.0);
    made_metric(aa, 24, OC_VERIFY_STACK_ALTERED, P50, 100.0, 0.10);
    made_cell(aa, "near", OC_VERIFY_SCENARIO_PING_PONG);
    made_metric(aa, 24, OC_VERIFY_STACK_EPOLL, P50, 100.0, 0.0);
    made_metric(aa, 24, OC_VERIFY_STACK_ALTERED, P50, 97.0, 0.001);
    made_cell(aa, "few", OC_VERIFY_SCENARIO_STRESS);
    made_metric(aa, 5, OC_VERIFY_STACK_EPOLL, P50, 100.0, 0.0);
    made_metric(aa, 5, OC_VERIFY_STACK_ALTERED, P50, 100.0, 0.5);
    made_cell(aa, "wild", OC_VERIFY_SCENARIO_FAN_OUT);
    made_metric(aa, 24, OC_VERIFY_STACK_EPOLL, P50, 100.0, 0.0);
    made_metric(aa, 24, OC_VERIFY_STACK_ALTERED, P50, 300.0, 0.1);
    (void)made_input(aa, 0.0);
    made_cell(made, "near", OC_VERIFY_SCENARIO_PING_PONG);
    made_cell(made, "unknown", OC_VERIFY_SCENARIO_PING_PONG);
    made_cell(made, "few", OC_VERIFY_SCENARIO_STRESS);
    made_cell(made, "far", OC_VERIFY_SCENARIO_PING_PONG);
    made_cell(made, "wild", OC_VERIFY_SCENARIO_FAN_OUT);
    assert_int_equal(
        oc_resolutions_make(&resolutions, &aa->pairs, &made->data, &CONFIG, &made->arena), 0);
    /* A constant difference of 3 % between two equal stacks is resolution, too. */
    own = oc_resolutions_of(&resolutions, 0, P50);
    assert_true(fabs(own.bound + log(0.97)) < 1e-3);
    assert_false(own.borrowed);
    assert_int_equal(own.pairs, 24);
    own = oc_resolutions_of(&resolutions, 3, P50);
    assert_true(own.bound > 0.01);
    assert_true(own.bound < 0.10);
    other = oc_resolutions_of(&resolutions, 1, P50);
    assert_true(other.borrowed);
    assert_int_equal(other.pairs, 0);
    assert_true(other.bound == fmax(own.bound, oc_resolutions_of(&resolutions, 0, P50).bound));
    other = oc_resolutions_of(&resolutions, 2, P50);
    assert_true(other.borrowed);
    assert_int_equal(other.pairs, 5);
    /* Nothing in its scenario: the largest of all. */
    assert_true(other.bound == oc_resolutions_of(&resolutions, 4, P50).bound);
    assert_true(other.bound > 1.0);
    other = oc_resolutions_of(&resolutions, 0, OC_VERIFY_METRIC_RATE);
    assert_true(other.bound == INFINITY);
    made_end(aa);
    made_end(made);
}

static struct oc_interval interval(double low, double estimate, double high)
{
    return (struct oc_interval){.low = low, .estimate = estimate, .high = high};
}

/* The other open loops have the rate that they were offered: what does not vary lends nothing. */
static void test_search_borrows_nothing(void **state)
{
    struct made *made = made_begin(1);
    struct oc_resolutions resolutions;

    (void)state;
    made_cell(made, "60%", OC_VERIFY_SCENARIO_PERCENTILES);
    made_metric(made, 24, OC_VERIFY_STACK_EPOLL, OC_VERIFY_METRIC_RATE, 1e5, 0.001);
    made_metric(made, 24, OC_VERIFY_STACK_ALTERED, OC_VERIFY_METRIC_RATE, 1e5, 0.001);
    made_cell(made, "80%", OC_VERIFY_SCENARIO_PERCENTILES);
    made_cell(made, "search", OC_VERIFY_SCENARIO_PERCENTILES)->p99_limit_us = 200;
    made_cell(made, "own", OC_VERIFY_SCENARIO_PERCENTILES)->p99_limit_us = 200;
    made_metric(made, 24, OC_VERIFY_STACK_EPOLL, OC_VERIFY_METRIC_RATE, 1e5, 0.1);
    made_metric(made, 24, OC_VERIFY_STACK_ALTERED, OC_VERIFY_METRIC_RATE, 1e5, 0.1);
    (void)made_input(made, 0.0);
    assert_int_equal(
        oc_resolutions_make(&resolutions, &made->pairs, &made->data, &CONFIG, &made->arena), 0);
    assert_true(oc_resolutions_of(&resolutions, 1, OC_VERIFY_METRIC_RATE).borrowed);
    assert_false(oc_resolutions_of(&resolutions, 2, OC_VERIFY_METRIC_RATE).borrowed);
    assert_true(oc_resolutions_of(&resolutions, 2, OC_VERIFY_METRIC_RATE).bound == INFINITY);
    assert_true(oc_resolutions_of(&resolutions, 3, OC_VERIFY_METRIC_RATE).bound < 0.5);
    made_end(made);
}

static void test_limit(void **state)
{
    struct oc_interval harm = interval(-0.01, 0.0, 0.015);

    (void)state;
    assert_int_equal(oc_limit_judge(&harm, 0.02, 0.0), OC_LIMIT_HELD);
    assert_int_equal(oc_limit_judge(&harm, 0.01, 0.0), OC_LIMIT_NOT_RESOLVABLE);
    /* The resolution takes the place of a smaller limit. */
    assert_int_equal(oc_limit_judge(&harm, 0.01, 0.02), OC_LIMIT_HELD);
    harm = interval(0.03, 0.04, 0.05);
    assert_int_equal(oc_limit_judge(&harm, 0.02, 0.01), OC_LIMIT_EXCEEDED);
    assert_int_equal(oc_limit_judge(&harm, 0.02, 0.04), OC_LIMIT_NOT_RESOLVABLE);
    harm = interval(-INFINITY, 0.0, INFINITY);
    assert_int_equal(oc_limit_judge(&harm, 0.02, 0.01), OC_LIMIT_NOT_RESOLVABLE);
    harm = interval(-0.01, 0.0, 0.015);
    assert_int_equal(oc_limit_judge(&harm, 0.02, INFINITY), OC_LIMIT_NOT_RESOLVABLE);
    harm = interval((double)NAN, (double)NAN, (double)NAN);
    assert_int_equal(oc_limit_judge(&harm, 0.02, 0.01), OC_LIMIT_NOT_RESOLVABLE);
}

static void test_standing(void **state)
{
    struct oc_interval gain = interval(0.11, 0.12, 0.13);

    (void)state;
    assert_int_equal(oc_standing_judge(&gain, 0.10, 0.02), OC_STANDING_BEYOND);
    assert_int_equal(oc_standing_judge(&gain, 0.10, 0.12), OC_STANDING_UNRESOLVED);
    assert_int_equal(oc_standing_judge(&gain, 0.11, 0.02), OC_STANDING_STRADDLES);
    assert_int_equal(oc_standing_judge(&gain, 0.15, 0.02), OC_STANDING_SHORT);
    assert_int_equal(oc_standing_judge(&gain, 0.15, 0.15), OC_STANDING_UNRESOLVED);
    gain = interval(-0.5, -0.4, -0.3);
    assert_int_equal(oc_standing_judge(&gain, 0.10, 0.2), OC_STANDING_SHORT);
    assert_int_equal(oc_standing_judge(&gain, 0.0, 0.2), OC_STANDING_SHORT);
    assert_int_equal(oc_standing_judge(&gain, 0.0, 0.5), OC_STANDING_UNRESOLVED);
    assert_int_equal(oc_standing_judge(&gain, 0.0, INFINITY), OC_STANDING_UNRESOLVED);
    gain = interval((double)NAN, (double)NAN, (double)NAN);
    assert_int_equal(oc_standing_judge(&gain, 0.10, 0.0), OC_STANDING_STRADDLES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_search_borrows_nothing),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_standing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
