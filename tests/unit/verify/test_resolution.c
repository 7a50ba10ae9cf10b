/*
 * Goal: the A/A bound is the farther end of its interval, is borrowed in the order promised, and
 * nothing is claimed below it.
 * Method: A/A data of known spread; the two judging rules at the corners of their cases.
 * Fails if: a bound is borrowed from a cell that is not among the nearest, or is not the largest of
 * them; a rate is lent by an open loop; no A/A at all gives a finite bound, or an effect below the
 * bound passes.
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

/* A cell with an A/A of its own, whose bound is about `bound`. */
static void make_aa(struct made *made, const char *name, enum oc_verify_scenario scenario,
                    enum oc_verify_placement placement, double bound)
{
    made_cell(made, name, scenario)->placement = placement;
    made_metric(made, 24, OC_VERIFY_STACK_EPOLL, P50, 100.0, 0.0);
    made_metric(made, 24, OC_VERIFY_STACK_ALTERED, P50, 100.0 * exp(bound), 1e-6);
}

static struct oc_resolution of_name(const struct made *made,
                                    const struct oc_resolutions *resolutions, const char *name,
                                    enum oc_verify_metric metric)
{
    uint32_t cell = 0;

    while (strcmp(made->cells[cell].name, name) != 0) {
        cell++;
        assert_true(cell < made->data.cell_count);
    }
    return oc_resolutions_of(resolutions, cell, metric);
}

/* The nearest lend: scenario and placement, else placement, else scenario, else all; of the equally
 * near the largest, whichever comes first. */
static void test_nearest(void **state)
{
    static const struct {
        const char *name;
        enum oc_verify_scenario scenario;
        enum oc_verify_placement placement;
        const char *lender;
        double bound;
    } CASES[] = {
        {"both", OC_VERIFY_SCENARIO_PING_PONG, OC_VERIFY_SAME_CORE, "ping same two", 0.02},
        {"both apart", OC_VERIFY_SCENARIO_PING_PONG, OC_VERIFY_CROSS_CORE, "ping cross", 0.10},
        /* A bound of the scenario that is larger, or smaller, is of another placement. */
        {"placement", OC_VERIFY_SCENARIO_STRESS, OC_VERIFY_SAME_CORE, "reuse same", 0.03},
        {"placement alone", OC_VERIFY_SCENARIO_FAN_OUT, OC_VERIFY_SAME_CORE, "reuse same", 0.03},
        {"scenario", OC_VERIFY_SCENARIO_PING_PONG, OC_VERIFY_BUSY_POLL, "ping cross", 0.10},
        {"all", OC_VERIFY_SCENARIO_FAN_OUT, OC_VERIFY_BUSY_POLL, "stress cross", 0.30},
    };
    struct made *made = made_begin(1);
    struct oc_resolutions resolutions;

    (void)state;
    make_aa(made, "ping same one", OC_VERIFY_SCENARIO_PING_PONG, OC_VERIFY_SAME_CORE, 0.01);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        made_cell(made, CASES[i].name, CASES[i].scenario)->placement = CASES[i].placement;
    }
    make_aa(made, "ping same two", OC_VERIFY_SCENARIO_PING_PONG, OC_VERIFY_SAME_CORE, 0.02);
    make_aa(made, "ping cross", OC_VERIFY_SCENARIO_PING_PONG, OC_VERIFY_CROSS_CORE, 0.10);
    make_aa(made, "reuse same", OC_VERIFY_SCENARIO_REUSE, OC_VERIFY_SAME_CORE, 0.03);
    make_aa(made, "stress cross", OC_VERIFY_SCENARIO_STRESS, OC_VERIFY_CROSS_CORE, 0.30);
    (void)made_input(made, 0.0);
    assert_int_equal(
        oc_resolutions_make(&resolutions, &made->pairs, &made->data, &CONFIG, &made->arena), 0);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct oc_resolution it = of_name(made, &resolutions, CASES[i].name, P50);

        assert_true(it.borrowed);
        assert_int_equal(it.pairs, 0);
        assert_string_equal(made->cells[it.lender].name, CASES[i].lender);
        assert_true(fabs(it.bound - CASES[i].bound) < 1e-4);
    }
    /* Who has its own keeps it, however small. */
    assert_false(of_name(made, &resolutions, "ping same one", P50).borrowed);
    assert_true(of_name(made, &resolutions, "ping same one", P50).bound < 0.011);
    assert_int_equal(of_name(made, &resolutions, "ping same one", P50).lender, 0);
    made_end(made);
}

/* The rate of an open loop is the load, or a search's: neither is lent, and nothing borrowed. */
static void test_rate_of_open_loops(void **state)
{
    static const char *const OPEN[] = {"60%", "80%", "search", "own"};
    struct made *made = made_begin(1);
    struct oc_resolutions resolutions;
    struct oc_resolution it;

    (void)state;
    made_cell(made, "60%", OC_VERIFY_SCENARIO_PERCENTILES);
    made_metric(made, 24, OC_VERIFY_STACK_EPOLL, OC_VERIFY_METRIC_RATE, 1e5, 0.001);
    made_metric(made, 24, OC_VERIFY_STACK_ALTERED, OC_VERIFY_METRIC_RATE, 1e5, 0.001);
    made_metric(made, 24, OC_VERIFY_STACK_EPOLL, P50, 100.0, 0.01);
    made_metric(made, 24, OC_VERIFY_STACK_ALTERED, P50, 100.0, 0.01);
    made_cell(made, "80%", OC_VERIFY_SCENARIO_PERCENTILES);
    made_cell(made, "search", OC_VERIFY_SCENARIO_PERCENTILES)->p99_limit_us = 200;
    made_cell(made, "own", OC_VERIFY_SCENARIO_PERCENTILES)->p99_limit_us = 200;
    made_metric(made, 24, OC_VERIFY_STACK_EPOLL, OC_VERIFY_METRIC_RATE, 1e5, 0.1);
    made_metric(made, 24, OC_VERIFY_STACK_ALTERED, OC_VERIFY_METRIC_RATE, 1e5, 0.1);
    for (uint32_t cell = 0; cell < made->data.cell_count; cell++) {
        made->cells[cell].window = 0;
    }
    made_cell(made, "closed", OC_VERIFY_SCENARIO_PERCENTILES);
    (void)made_input(made, 0.0);
    assert_int_equal(
        oc_resolutions_make(&resolutions, &made->pairs, &made->data, &CONFIG, &made->arena), 0);
    for (size_t i = 0; i < sizeof(OPEN) / sizeof(OPEN[0]); i++) {
        it = of_name(made, &resolutions, OPEN[i], OC_VERIFY_METRIC_RATE);
        assert_false(it.borrowed);
        assert_int_equal(isfinite(it.bound), i == 0 || i == 3);
    }
    it = of_name(made, &resolutions, "closed", OC_VERIFY_METRIC_RATE);
    assert_false(it.borrowed);
    assert_true(it.bound == INFINITY);
    /* Their latency is one like any other. */
    assert_true(of_name(made, &resolutions, "80%", P50).borrowed);
    assert_true(of_name(made, &resolutions, "search", P50).borrowed);
    assert_true(of_name(made, &resolutions, "closed", P50).borrowed);
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
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_rate_of_open_loops),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_standing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
