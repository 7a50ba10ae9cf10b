/*
 * Goal: the plans are what the limits of time and of the gate allow, and options cut them down
 * without changing what is left.
 * Method: both plans with all stacks, then with fewer stacks, scenarios and CPUs; the estimate of
 * their time. Fails when: a gate part has no cell or two, a name is used twice, an open-loop cell
 * has no capacity, a stack is planned where it cannot run, or the time is beyond 90 s or two hours.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "verify/cells.h"

#define STACK(name) (1U << OC_VERIFY_STACK_##name)
#define ALL_STACKS  ((1U << OC_VERIFY_STACK_COUNT) - 1)

static struct oc_verify__plan plan;

static void make(bool full, uint32_t stacks, uint32_t scenarios, uint32_t cpus)
{
    struct oc_verify__plan_config config = {
        .full = full, .scenarios = scenarios, .stacks = stacks, .cpus = cpus};

    oc_verify__plan_make(&config, &plan);
}

static double seconds(bool most)
{
    double sum = 0;

    for (uint32_t i = 0; i < plan.cell_count; i++) {
        const struct oc_verify_cell *cell = &plan.cells[i];
        sum += (most ? cell->blocks_max : cell->blocks) * oc_verify__cell_runs(cell) *
               oc_verify__cell_seconds(cell);
    }
    return sum;
}

/* Searches for a capacity: in busy-poll, of both of our stacks, with an A/A of their own, and their
 * limit in their name, by which files of runs and reports of other days know them. */
static int searches(void)
{
    int count = 0;

    for (uint32_t i = 0; i < plan.cell_count; i++) {
        const struct oc_verify_cell *cell = &plan.cells[i];
        char limit[32];
        if (cell->p99_limit_us == 0) {
            continue;
        }
        count++;
        (void)snprintf(limit, sizeof(limit), "-p99-%" PRIu32 "us/", cell->p99_limit_us);
        assert_non_null(strstr(cell->name, limit));
        assert_int_equal(cell->placement, OC_VERIFY_BUSY_POLL);
        assert_int_equal(cell->stacks, STACK(EPOLL) | STACK(IO_URING) | STACK(ALTERED));
        assert_int_equal(cell->load_percent, 0);
        assert_false(oc_verify__cell_is_capacity(cell));
        assert_int_equal(cell->blocks, 12);
        assert_true(cell->blocks * 3 * oc_verify__cell_seconds(cell) < 150.0);
    }
    return count;
}

/* A bound is lent within a scenario and a placement: each has an A/A of its own. */
static void assert_aa_everywhere(void)
{
    bool measured[OC_VERIFY_SCENARIO_COUNT][OC_VERIFY_PLACEMENT_COUNT] = {{false}};

    for (uint32_t i = 0; i < plan.cell_count; i++) {
        const struct oc_verify_cell *cell = &plan.cells[i];
        measured[cell->scenario][cell->placement] |= (cell->stacks & STACK(ALTERED)) != 0;
    }
    for (uint32_t i = 0; i < plan.cell_count; i++) {
        const struct oc_verify_cell *cell = &plan.cells[i];
        assert_true(measured[cell->scenario][cell->placement] || oc_verify__cell_is_capacity(cell));
    }
}

static void test_whole_plans(void **state)
{
    (void)state;
    for (int full = 0; full <= 1; full++) {
        uint32_t gates[OC_VERIFY_GATE_STRESS + 1] = {0};
        uint32_t scenarios = 0;
        make(full != 0, ALL_STACKS, UINT32_MAX, 2);
        for (uint32_t i = 0; i < plan.cell_count; i++) {
            const struct oc_verify_cell *cell = &plan.cells[i];
            gates[cell->gate]++;
            scenarios |= 1U << cell->scenario;
            assert_true(strlen(cell->name) < sizeof(cell->name) - 1);
            for (uint32_t j = 0; j < i; j++) {
                assert_string_not_equal(cell->name, plan.cells[j].name);
            }
            assert_true(cell->blocks >= 8 || oc_verify__cell_is_capacity(cell));
            assert_true(cell->blocks_max >= cell->blocks);
            assert_true(cell->warmup_ms > 0 && cell->duration_ms > 0);
            if (cell->gate != OC_VERIFY_GATE_NONE) {
                assert_true((cell->stacks & STACK(ALTERED)) != 0);
                assert_true((cell->stacks & STACK(TOKIO)) != 0);
            }
            if (cell->load_percent > 0) {
                assert_int_not_equal(oc_verify__capacity_of(&plan, cell), UINT32_MAX);
            }
            /* What cannot be run. */
            if (!cell->echo) {
                assert_int_equal(cell->stacks & (STACK(FLOOR) | STACK(LIBUV)), 0);
            }
            if (cell->connections > 1) {
                assert_int_equal(cell->stacks & STACK(FLOOR), 0);
            }
            if (cell->placement == OC_VERIFY_BUSY_POLL) {
                assert_int_equal(
                    cell->stacks & (STACK(TOKIO) | STACK(TOKIO_CURRENT) | STACK(LIBUV)), 0);
            }
        }
        for (uint32_t part = OC_VERIFY_GATE_PING_PONG; part <= OC_VERIFY_GATE_STRESS; part++) {
            assert_int_equal(gates[part], 1);
        }
        assert_int_equal(scenarios, (1U << OC_VERIFY_SCENARIO_COUNT) - 1);
        assert_int_equal(searches(), full);
        if (full != 0) {
            assert_aa_everywhere();
        }
        /* verify.c ends at the limit, 6900 s, whatever happens; the plan with all its looks must
         * fit it on a quiet host. */
        assert_true(seconds(false) < (full != 0 ? 3900.0 : 80.0));
        assert_true(full == 0 || seconds(true) < 6600.0);
    }
}

static void test_cut_down(void **state)
{
    uint32_t whole;

    (void)state;
    make(true, ALL_STACKS, UINT32_MAX, 2);
    whole = plan.cell_count;
    make(true, ALL_STACKS, UINT32_MAX, 1);
    assert_true(plan.cell_count > 0 && plan.cell_count < whole);
    for (uint32_t i = 0; i < plan.cell_count; i++) {
        assert_int_equal(plan.cells[i].placement, OC_VERIFY_SAME_CORE);
    }
    make(true, STACK(EPOLL) | STACK(IO_URING), 1U << OC_VERIFY_SCENARIO_STRESS, 2);
    assert_true(plan.cell_count > 0);
    for (uint32_t i = 0; i < plan.cell_count; i++) {
        assert_int_equal(plan.cells[i].scenario, OC_VERIFY_SCENARIO_STRESS);
        assert_int_equal(plan.cells[i].stacks, STACK(EPOLL) | STACK(IO_URING));
    }
    make(false, STACK(EPOLL), UINT32_MAX & ~(1U << OC_VERIFY_SCENARIO_PERCENTILES), 2);
    assert_int_equal(plan.cell_count, 0);
    /* Nothing to compare, and no open loop to measure a capacity for but of the very stack. */
    make(true, STACK(EPOLL), UINT32_MAX, 2);
    for (uint32_t i = 0; i < plan.cell_count; i++) {
        assert_true(oc_verify__cell_is_capacity(&plan.cells[i]));
    }
    /* A capacity of one stack, so that the open loop of it and its A/A has one. */
    make(false, STACK(EPOLL) | STACK(ALTERED), 1U << OC_VERIFY_SCENARIO_PERCENTILES, 2);
    assert_int_equal(plan.cell_count, 2);
    assert_int_equal(plan.cells[0].stacks, STACK(EPOLL));
    assert_int_not_equal(oc_verify__capacity_of(&plan, &plan.cells[1]), UINT32_MAX);
}

/* Two hosts share no core: no cell is lost with the same-core ones, nor is a part of the gate. */
static void test_two_hosts(void **state)
{
    struct oc_verify__plan_config config = {
        .scenarios = UINT32_MAX, .stacks = ALL_STACKS, .cpus = 1, .two_hosts = true};

    (void)state;
    for (int full = 0; full <= 1; full++) {
        uint32_t gates[OC_VERIFY_GATE_STRESS + 1] = {0};
        uint32_t scenarios = 0;
        config.full = full != 0;
        oc_verify__plan_make(&config, &plan);
        for (uint32_t i = 0; i < plan.cell_count; i++) {
            const struct oc_verify_cell *cell = &plan.cells[i];
            gates[cell->gate]++;
            scenarios |= 1U << cell->scenario;
            assert_int_not_equal(cell->placement, OC_VERIFY_SAME_CORE);
            assert_null(strstr(cell->name, "same-core"));
            for (uint32_t j = 0; j < i; j++) {
                assert_string_not_equal(cell->name, plan.cells[j].name);
            }
        }
        for (uint32_t gate = OC_VERIFY_GATE_PING_PONG; gate <= OC_VERIFY_GATE_STRESS; gate++) {
            assert_int_equal(gates[gate], 1);
        }
        assert_int_equal(scenarios, (1U << OC_VERIFY_SCENARIO_COUNT) - 1);
    }
}

static void test_overrides(void **state)
{
    struct oc_verify__plan_config config = {
        .scenarios = UINT32_MAX, .stacks = ALL_STACKS, .cpus = 2, .blocks = 3, .duration_ms = 30};

    (void)state;
    oc_verify__plan_make(&config, &plan);
    for (uint32_t i = 0; i < plan.cell_count; i++) {
        assert_int_equal(plan.cells[i].blocks, 3);
        assert_int_equal(plan.cells[i].blocks_max, 3);
        assert_int_equal(plan.cells[i].duration_ms, 30);
        assert_int_equal(plan.cells[i].warmup_ms, 10);
    }
}

static void test_scenario_names(void **state)
{
    uint32_t scenarios;
    char unknown[32] = "";

    (void)state;
    assert_true(oc_verify_scenarios_parse("ping-pong", &scenarios, unknown, sizeof(unknown)));
    assert_int_equal(scenarios, 1U << OC_VERIFY_SCENARIO_PING_PONG);
    assert_true(oc_verify_scenarios_parse("stress,fan-out", &scenarios, unknown, sizeof(unknown)));
    assert_int_equal(scenarios, 1U << OC_VERIFY_SCENARIO_STRESS | 1U << OC_VERIFY_SCENARIO_FAN_OUT);
    assert_false(oc_verify_scenarios_parse("stress,fan", &scenarios, unknown, sizeof(unknown)));
    assert_string_equal(unknown, "fan");
    assert_false(oc_verify_scenarios_parse("", &scenarios, unknown, sizeof(unknown)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_plans),    cmocka_unit_test(test_cut_down),
        cmocka_unit_test(test_two_hosts),      cmocka_unit_test(test_overrides),
        cmocka_unit_test(test_scenario_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
