/*
 * Goal: the loads of an open-loop block are those of the weaker stack of each pair, and runs
 * collected or dropped are those meant.
 * Method: block plans for capacities with a known answer; data to which runs are added and of which
 * blocks are dropped, across the growth of their array. Fails when: a pair has two loads, the load
 * refers to the stronger stack, a missing stack spoils the others, or a dropped block leaves a run.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "verify/session.h"

#define STACK(name) (1U << OC_VERIFY_STACK_##name)
#define RUNS        1000U

static struct oc_verify__planned_run runs[OC_VERIFY__BLOCK_RUNS_MAX];
static struct oc_verify_data data;
static struct oc_histogram latency; /* of every run that is added */

/* The rate of the n-th run of a stack in the last plan; NAN if there is none. */
static double rate_of(uint32_t count, enum oc_verify_stack stack, uint32_t n)
{
    for (uint32_t i = 0; i < count; i++) {
        if (runs[i].stack == stack && n-- == 0) {
            return runs[i].rate;
        }
    }
    return NAN;
}

static void assert_rate(double actual, double expected)
{
    assert_true(fabs(actual - expected) < 1e-9 * expected);
}

static void test_closed_loop(void **state)
{
    const struct oc_verify_cell cell = {.stacks = STACK(FLOOR) | STACK(EPOLL)};
    double capacities[OC_VERIFY_STACK_COUNT] = {0};

    (void)state;
    assert_int_equal(oc_verify__block_plan(&cell, capacities, runs), 2);
    assert_int_equal(runs[0].stack, OC_VERIFY_STACK_FLOOR);
    assert_int_equal(runs[1].stack, OC_VERIFY_STACK_EPOLL);
    assert_true(runs[0].rate <= 0.0 && runs[1].rate <= 0.0);
}

static void test_two_loads(void **state)
{
    const struct oc_verify_cell cell = {
        .load_percent = 50,
        .stacks = STACK(TOKIO) | STACK(TOKIO_CURRENT) | STACK(EPOLL) | STACK(IO_URING) |
                  STACK(ALTERED),
    };
    double capacities[OC_VERIFY_STACK_COUNT];
    uint32_t count;

    (void)state;
    for (uint32_t i = 0; i < OC_VERIFY_STACK_COUNT; i++) {
        capacities[i] = NAN;
    }
    capacities[OC_VERIFY_STACK_TOKIO] = 100;
    capacities[OC_VERIFY_STACK_TOKIO_CURRENT] = 120; /* the better one counts */
    capacities[OC_VERIFY_STACK_EPOLL] = 400;
    capacities[OC_VERIFY_STACK_IO_URING] = 360;
    count = oc_verify__block_plan(&cell, capacities, runs);
    assert_int_equal(count, 7);
    assert_int_equal(count, oc_verify__cell_runs(&cell));
    assert_rate(rate_of(count, OC_VERIFY_STACK_TOKIO, 0), 60);
    assert_rate(rate_of(count, OC_VERIFY_STACK_TOKIO_CURRENT, 0), 60);
    assert_rate(rate_of(count, OC_VERIFY_STACK_EPOLL, 0), 180);
    assert_rate(rate_of(count, OC_VERIFY_STACK_EPOLL, 1), 60);
    assert_rate(rate_of(count, OC_VERIFY_STACK_IO_URING, 0), 180);
    assert_rate(rate_of(count, OC_VERIFY_STACK_IO_URING, 1), 60);
    assert_rate(rate_of(count, OC_VERIFY_STACK_ALTERED, 0), 180);
    assert_true(isnan(rate_of(count, OC_VERIFY_STACK_ALTERED, 1)));

    /* Tokio is the stronger one: one load does for all. */
    capacities[OC_VERIFY_STACK_TOKIO] = 1000;
    count = oc_verify__block_plan(&cell, capacities, runs);
    assert_int_equal(count, 5);
    assert_rate(rate_of(count, OC_VERIFY_STACK_TOKIO, 0), 180);
    assert_rate(rate_of(count, OC_VERIFY_STACK_EPOLL, 0), 180);
}

static void test_missing_capacity(void **state)
{
    struct oc_verify_cell cell = {
        .load_percent = 60,
        .stacks = STACK(TOKIO) | STACK(EPOLL) | STACK(IO_URING),
    };
    double capacities[OC_VERIFY_STACK_COUNT];
    uint32_t count;

    (void)state;
    for (uint32_t i = 0; i < OC_VERIFY_STACK_COUNT; i++) {
        capacities[i] = NAN;
    }
    assert_int_equal(oc_verify__block_plan(&cell, capacities, runs), 0);
    capacities[OC_VERIFY_STACK_EPOLL] = 100; /* io_uring failed, and so did tokio */
    count = oc_verify__block_plan(&cell, capacities, runs);
    assert_int_equal(count, 3);
    assert_rate(rate_of(count, OC_VERIFY_STACK_EPOLL, 0), 60);
    assert_rate(rate_of(count, OC_VERIFY_STACK_IO_URING, 0), 60);
}

static void begin_data(uint32_t cell_count)
{
    const struct oc_verify__plan plan = {.cell_count = cell_count};

    oc_histogram_reset(&latency);
    oc_histogram_record(&latency, 1000);
    assert_int_equal(oc_verify__data_init(&data, &plan), 0);
}

static void test_data(void **state)
{
    (void)state;
    begin_data(2);
    for (uint32_t i = 0; i < RUNS; i++) {
        struct oc_verify_run run = {.cell = i % 2,
                                    .block = i / 4,
                                    .stack = OC_VERIFY_STACK_EPOLL,
                                    .request_count = i,
                                    .exclusion = i == 3 ? OC_VERIFY_EXCLUDED_LAG : OC_VERIFY_KEPT};
        assert_int_equal(oc_verify__data_add(&data, &run, &latency), 0);
    }
    assert_int_equal(data.run_count, RUNS);
    assert_int_equal(data.latencies[0].of[OC_VERIFY_STACK_EPOLL]->count, RUNS / 2);
    assert_int_equal(data.latencies[OC_VERIFY_LOADS_MAX].of[OC_VERIFY_STACK_EPOLL]->count,
                     RUNS / 2 - 1);
    assert_false(data.latencies[1].used);
    assert_null(data.latencies[0].of[OC_VERIFY_STACK_TOKIO]);
    oc_verify__data_drop(&data, 1, 7);
    oc_verify__data_drop(&data, 1, 7000);
    assert_int_equal(data.run_count, RUNS - 2);
    for (uint32_t i = 0; i < data.run_count; i++) {
        assert_false(data.runs[i].cell == 1 && data.runs[i].block == 7);
        assert_true(i == 0 || data.runs[i - 1].request_count < data.runs[i].request_count);
    }
    oc_verify__data_deinit(&data);
}

/* In whatever order the runs come: each load has its own sums, and a third one has none. */
static void test_loads(void **state)
{
    static const struct {
        enum oc_verify_stack stack;
        double rate;
    } LOADED[] = {
        {OC_VERIFY_STACK_EPOLL, 180}, {OC_VERIFY_STACK_EPOLL, 60},     {OC_VERIFY_STACK_TOKIO, 60},
        {OC_VERIFY_STACK_EPOLL, 60},  {OC_VERIFY_STACK_IO_URING, 180}, {OC_VERIFY_STACK_EPOLL, 90},
    };

    (void)state;
    begin_data(1);
    for (size_t i = 0; i < sizeof(LOADED) / sizeof(LOADED[0]); i++) {
        struct oc_verify_run run = {.stack = (uint8_t)LOADED[i].stack,
                                    .offered_rate = LOADED[i].rate};
        assert_int_equal(oc_verify__data_add(&data, &run, &latency), 0);
    }
    assert_int_equal(data.run_count, 6);
    assert_rate(data.latencies[0].offered_rate, 180);
    assert_rate(data.latencies[1].offered_rate, 60);
    assert_int_equal(data.latencies[0].of[OC_VERIFY_STACK_EPOLL]->count, 1);
    assert_int_equal(data.latencies[0].of[OC_VERIFY_STACK_IO_URING]->count, 1);
    assert_null(data.latencies[0].of[OC_VERIFY_STACK_TOKIO]);
    assert_int_equal(data.latencies[1].of[OC_VERIFY_STACK_EPOLL]->count, 2);
    assert_int_equal(data.latencies[1].of[OC_VERIFY_STACK_TOKIO]->count, 1);
    oc_verify__data_deinit(&data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_closed_loop),
        cmocka_unit_test(test_two_loads),
        cmocka_unit_test(test_missing_capacity),
        cmocka_unit_test(test_data),
        cmocka_unit_test(test_loads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
