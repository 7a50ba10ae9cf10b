/*
 * Goal: exclusion takes whole blocks and never looks at an outcome; runs are paired within their
 * block at the same load; the baseline is the better runtime.
 * Method: measurements made up run by run, with values that say where they come from.
 * Fails if: a run of an excluded block is used, a failed run costs another pair its block, runs of
 * different blocks or loads meet, or the voiding limit is at another count.
 */
#include "verify/pairs.h"

#include "made.h"

#define P50 OC_VERIFY_METRIC_LATENCY_P50

static const enum oc_verify_stack BOTH[2] = {OC_VERIFY_STACK_EPOLL, OC_VERIFY_STACK_IO_URING};

static void test_blocks(void **state)
{
    struct made *made = made_begin(1);
    const enum oc_verify_stack three[3] = {OC_VERIFY_STACK_TOKIO, OC_VERIFY_STACK_EPOLL,
                                           OC_VERIFY_STACK_IO_URING};
    struct oc_cell_account account;
    double rows[3U * OC_PAIRS_BLOCKS_MAX];

    (void)state;
    made_cell(made, "other", OC_VERIFY_SCENARIO_STRESS);
    made_metric(made, 3, OC_VERIFY_STACK_EPOLL, P50, 1e6, 0.0);
    made_cell(made, "cell", OC_VERIFY_SCENARIO_PING_PONG);
    /* The last block first: the order of the runs is not that of the blocks. */
    for (uint32_t i = 20; i-- > 0;) {
        for (uint32_t k = 0; k < 3; k++) {
            made_run(made, i, three[k])->metrics[P50] = 100.0 * (k + 1U) + i;
        }
    }
    made_run_of(made, 3, OC_VERIFY_STACK_TOKIO)->exclusion = OC_VERIFY_EXCLUDED_STEAL;
    made_run_of(made, 5, OC_VERIFY_STACK_IO_URING)->exclusion = OC_VERIFY_EXCLUDED_LAG;
    made_run_of(made, 6, OC_VERIFY_STACK_TOKIO)->exclusion = OC_VERIFY_FAILED;
    made_run_of(made, 7, OC_VERIFY_STACK_EPOLL)->metrics[P50] = (double)NAN;
    (void)made_input(made, 0.0);
    assert_int_equal(oc_pairs_blocks_run(&made->pairs, 1), 20);
    assert_int_equal(oc_pairs_rows(&made->pairs, 1, BOTH, 2, P50, OC_PAIRS_ALL, rows), 17);
    assert_int_equal(oc_pairs_rows(&made->pairs, 1, three, 3, P50, OC_PAIRS_ALL, rows), 16);
    assert_int_equal(oc_pairs_rows(&made->pairs, 1, three, 3, P50, 8, rows), 4);
    for (uint32_t i = 0; i < 4; i++) {
        static const double BLOCKS[] = {0.0, 1.0, 2.0, 4.0};

        for (uint32_t k = 0; k < 3; k++) {
            assert_true(rows[3U * i + k] == 100.0 * (k + 1U) + BLOCKS[i]);
        }
    }
    oc_pairs_account(&made->pairs, 1, OC_PAIRS_ALL, &account);
    assert_int_equal(account.blocks_run, 20);
    assert_int_equal(account.blocks_excluded, 2);
    assert_int_equal(account.steal[OC_VERIFY_STACK_TOKIO], 1);
    assert_int_equal(account.lag[OC_VERIFY_STACK_IO_URING], 1);
    assert_int_equal(account.failed[OC_VERIFY_STACK_TOKIO], 1);
    assert_int_equal(account.kept[OC_VERIFY_STACK_EPOLL], 18);
    assert_int_equal(account.kept[OC_VERIFY_STACK_TOKIO], 17);
    /* 2 of 20 is 10 %, not more. */
    assert_false(account.voided);
    oc_pairs_account(&made->pairs, 1, 19, &account);
    assert_true(account.voided);
    /* Of a search one late generator is enough, no steal time. */
    made->cells[1].p99_limit_us = 200;
    oc_pairs_account(&made->pairs, 1, OC_PAIRS_ALL, &account);
    assert_true(account.voided);
    made_run_of(made, 5, OC_VERIFY_STACK_IO_URING)->exclusion = OC_VERIFY_EXCLUDED_STEAL;
    oc_pairs_account(&made->pairs, 1, OC_PAIRS_ALL, &account);
    assert_false(account.voided);
    made_end(made);
}

/* What is searched for is what ranks. */
static void test_primary(void **state)
{
    struct oc_verify_cell cell = {.scenario = OC_VERIFY_SCENARIO_PERCENTILES, .load_percent = 100};

    (void)state;
    assert_int_equal(oc_pairs_primary(&cell), OC_VERIFY_METRIC_LATENCY_P99);
    cell.p99_limit_us = 200;
    cell.load_percent = 0;
    assert_int_equal(oc_pairs_primary(&cell), OC_VERIFY_METRIC_RATE);
    assert_false(oc_pairs_is_capacity(&cell));
}

static void test_failures(void **state)
{
    struct oc_cell_account account = {.blocks_run = 20};

    (void)state;
    account.failed[OC_VERIFY_STACK_EPOLL] = 2;
    account.failed[OC_VERIFY_STACK_TOKIO] = 20;
    assert_false(oc_pairs_failed(&account, BOTH, 2));
    account.failed[OC_VERIFY_STACK_IO_URING] = 1;
    assert_true(oc_pairs_failed(&account, BOTH, 2));
}

static void test_loads(void **state)
{
    struct made *made = made_begin(1);
    static const struct {
        enum oc_verify_stack stack;
        double rate;
        double value;
    } RUNS[] = {
        {OC_VERIFY_STACK_TOKIO, 1000.0, 400.0},   {OC_VERIFY_STACK_EPOLL, 3000.0, 30.0},
        {OC_VERIFY_STACK_EPOLL, 1000.0, 10.0},    {OC_VERIFY_STACK_IO_URING, 1000.0, 11.0},
        {OC_VERIFY_STACK_IO_URING, 3000.0, 36.0}, {OC_VERIFY_STACK_IO_URING, 5000.0, 55.0},
    };
    double ratios[OC_PAIRS_BLOCKS_MAX];

    (void)state;
    made_cell(made, "cell", OC_VERIFY_SCENARIO_PERCENTILES);
    for (uint32_t i = 0; i < sizeof(RUNS) / sizeof(RUNS[0]); i++) {
        struct oc_verify_run *run = made_run(made, 0, RUNS[i].stack);

        run->offered_rate = RUNS[i].rate;
        run->metrics[P50] = RUNS[i].value;
    }
    /* The same stacks in another block at loads that do not meet. */
    made_run(made, 1, OC_VERIFY_STACK_EPOLL)->offered_rate = 100.0;
    made_run(made, 1, OC_VERIFY_STACK_IO_URING)->offered_rate = 101.0;
    (void)made_input(made, 0.0);
    assert_int_equal(oc_pairs_ratios(&made->pairs, 0, OC_VERIFY_STACK_TOKIO, OC_VERIFY_STACK_EPOLL,
                                     P50, OC_PAIRS_ALL, ratios),
                     1);
    assert_true(ratios[0] == log(10.0 / 400.0));
    assert_int_equal(oc_pairs_ratios(&made->pairs, 0, OC_VERIFY_STACK_EPOLL,
                                     OC_VERIFY_STACK_IO_URING, P50, OC_PAIRS_ALL, ratios),
                     1);
    assert_true(ratios[0] == log(36.0 / 30.0));
    made_end(made);
}

static void test_zeros(void **state)
{
    struct made *made = made_begin(1);
    static const double VALUES[][2] = {{0.0, 0.0}, {0.0, 3.0}, {3.0, 0.0}, {2.0, 4.0}};
    double ratios[OC_PAIRS_BLOCKS_MAX];

    (void)state;
    made_cell(made, "cell", OC_VERIFY_SCENARIO_STRESS);
    for (uint32_t i = 0; i < 4; i++) {
        made_run(made, i, BOTH[0])->metrics[OC_VERIFY_METRIC_ERRORS] = VALUES[i][0];
        made_run(made, i, BOTH[1])->metrics[OC_VERIFY_METRIC_ERRORS] = VALUES[i][1];
    }
    (void)made_input(made, 0.0);
    assert_int_equal(oc_pairs_ratios(&made->pairs, 0, BOTH[0], BOTH[1], OC_VERIFY_METRIC_ERRORS,
                                     OC_PAIRS_ALL, ratios),
                     2);
    assert_true(ratios[0] == 0.0);
    assert_true(ratios[1] == log(2.0));
    made_end(made);
}

static void test_baseline(void **state)
{
    struct made *made = made_begin(1);

    (void)state;
    made_cell(made, "latency", OC_VERIFY_SCENARIO_PING_PONG);
    made_metric(made, 9, OC_VERIFY_STACK_TOKIO, P50, 200.0, 0.1);
    made_metric(made, 9, OC_VERIFY_STACK_TOKIO_CURRENT, P50, 100.0, 0.1);
    made_metric(made, 9, OC_VERIFY_STACK_TOKIO_CURRENT, OC_VERIFY_METRIC_RATE, 1.0, 0.1);
    made_cell(made, "rate", OC_VERIFY_SCENARIO_STRESS);
    made_metric(made, 9, OC_VERIFY_STACK_TOKIO, OC_VERIFY_METRIC_RATE, 200.0, 0.1);
    made_metric(made, 9, OC_VERIFY_STACK_TOKIO_CURRENT, OC_VERIFY_METRIC_RATE, 100.0, 0.1);
    made_cell(made, "one", OC_VERIFY_SCENARIO_STRESS);
    made_metric(made, 9, OC_VERIFY_STACK_TOKIO_CURRENT, OC_VERIFY_METRIC_RATE, 100.0, 0.1);
    made_cell(made, "none", OC_VERIFY_SCENARIO_STRESS);
    (void)made_input(made, 0.0);
    assert_int_equal(oc_pairs_stand_in(&made->pairs, 0, OC_VERIFY_STACK_TOKIO, OC_PAIRS_ALL),
                     OC_VERIFY_STACK_TOKIO_CURRENT);
    assert_int_equal(oc_pairs_stand_in(&made->pairs, 1, OC_VERIFY_STACK_TOKIO, OC_PAIRS_ALL),
                     OC_VERIFY_STACK_TOKIO);
    assert_int_equal(oc_pairs_stand_in(&made->pairs, 2, OC_VERIFY_STACK_TOKIO, OC_PAIRS_ALL),
                     OC_VERIFY_STACK_TOKIO_CURRENT);
    assert_int_equal(oc_pairs_stand_in(&made->pairs, 3, OC_VERIFY_STACK_TOKIO, OC_PAIRS_ALL),
                     OC_VERIFY_STACK_TOKIO);
    assert_int_equal(oc_pairs_stand_in(&made->pairs, 0, OC_VERIFY_STACK_EPOLL, OC_PAIRS_ALL),
                     OC_VERIFY_STACK_EPOLL);
    made_end(made);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(oc_pairs_name(OC_VERIFY_PAIR_TOKIO_IO_URING), "tokio:io_uring");
    assert_int_equal(oc_pairs_current(OC_VERIFY_PAIR_EPOLL_IO_URING), OC_VERIFY_STACK_EPOLL);
    assert_int_equal(oc_pairs_candidate(OC_VERIFY_PAIR_EPOLL_ALTERED), OC_VERIFY_STACK_ALTERED);
    assert_int_equal(oc_pairs_direction(OC_VERIFY_METRIC_RATE), OC_VERIFY_HIGHER_IS_BETTER);
    assert_int_equal(oc_pairs_direction(OC_VERIFY_METRIC_BATCH_MEAN), OC_VERIFY_NEITHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_primary),  cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_failures), cmocka_unit_test(test_loads),
        cmocka_unit_test(test_zeros),    cmocka_unit_test(test_baseline),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
