/*
 * Goal: each criterion is met, not met or undecided exactly as the rule says, and the gate's result
 * follows from their number.
 * Method: measurements with narrow noise around a known ratio, so that the whole interval lies
 * where the ratio does; one thing changed at a time.
 * Fails if: a threshold is taken in the wrong direction or as the wrong ratio (1 - 0.10, not
 * 1 / 1.10), a voided or failing cell decides, a later look overturns an earlier one, data beyond
 * a look are used, or the result ignores what is still undecided.
 */
#include "verify/gate.h"

#include "made.h"

#define PAIR OC_VERIFY_PAIR_EPOLL_IO_URING

/* Latency ratios of ping-pong and tail, rate ratios of persistent and stress. */
struct truth {
    double ping_pong;
    double persistent;
    double p95;
    double p99;
    double stress;
};

static void make_pair(struct made *made, uint32_t blocks, enum oc_verify_metric metric,
                      double ratio)
{
    made_metric(made, blocks, OC_VERIFY_STACK_EPOLL, metric, 100.0, 0.001);
    made_metric(made, blocks, OC_VERIFY_STACK_IO_URING, metric, 100.0 * ratio, 0.001);
}

static struct made *make(const struct truth *truth)
{
    struct made *made = made_begin(3);

    made_cell(made, "ping", OC_VERIFY_SCENARIO_PING_PONG)->gate = OC_VERIFY_GATE_PING_PONG;
    make_pair(made, 24, OC_VERIFY_METRIC_LATENCY_P50, truth->ping_pong);
    made_cell(made, "persistent", OC_VERIFY_SCENARIO_PERSISTENT)->gate = OC_VERIFY_GATE_PERSISTENT;
    make_pair(made, 24, OC_VERIFY_METRIC_RATE, truth->persistent);
    made_cell(made, "tail", OC_VERIFY_SCENARIO_PERCENTILES)->gate = OC_VERIFY_GATE_TAIL;
    make_pair(made, 24, OC_VERIFY_METRIC_LATENCY_P95, truth->p95);
    make_pair(made, 24, OC_VERIFY_METRIC_LATENCY_P99, truth->p99);
    made_cell(made, "stress", OC_VERIFY_SCENARIO_STRESS)->gate = OC_VERIFY_GATE_STRESS;
    make_pair(made, 24, OC_VERIFY_METRIC_RATE, truth->stress);
    return made;
}

static struct oc_gate decide(struct made *made, double bound)
{
    struct oc_gate gate;

    oc_gate_decide(made_input(made, bound), PAIR, &gate);
    return gate;
}

static void test_thresholds(void **state)
{
    static const struct {
        struct truth truth;
        enum oc_criterion_state states[OC_GATE_CRITERIA];
        enum oc_gate_result result;
    } CASES[] = {
        {{0.895, 1.155, 0.845, 1.0, 1.205}, {0, 0, 0, 0}, OC_GATE_PROCEED},
        /* 0.905 is better by 10 % as 1 / 0.905, but not by the rule. */
        {{0.905, 1.145, 0.855, 0.855, 1.195}, {1, 1, 1, 1}, OC_GATE_STAY},
        {{0.895, 1.0, 1.0, 0.845, 1.0}, {0, 1, 0, 1}, OC_GATE_PROCEED},
        {{0.895, 1.0, 1.0, 1.0, 1.0}, {0, 1, 1, 1}, OC_GATE_STAY},
        {{1.2, 0.8, 1.2, 1.2, 0.8}, {1, 1, 1, 1}, OC_GATE_STAY},
        /* p95 falls short, but p99 may still do it. */
        {{1.0, 1.0, 1.0, 0.85, 1.0}, {1, 1, 2, 1}, OC_GATE_STAY},
        {{0.9, 1.15, 1.0, 1.0, 1.0}, {2, 2, 1, 1}, OC_GATE_UNDECIDED},
        {{0.9, 1.0, 1.0, 1.0, 1.0}, {2, 1, 1, 1}, OC_GATE_STAY},
        {{0.8, 1.15, 1.0, 1.0, 1.3}, {0, 2, 1, 0}, OC_GATE_PROCEED},
    };

    (void)state;
    for (uint32_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct made *made = make(&CASES[i].truth);
        struct oc_gate gate = decide(made, 0.001);
        uint32_t counts[OC_CRITERION_STATE_COUNT] = {0};

        for (uint32_t k = 0; k < OC_GATE_CRITERIA; k++) {
            if (gate.criteria[k].state != CASES[i].states[k]) {
                fail_msg("case %u, criterion %u: %s", i, k,
                         oc_criterion_state_text(gate.criteria[k].state));
            }
            counts[gate.criteria[k].state]++;
        }
        assert_int_equal(gate.result, CASES[i].result);
        assert_int_equal(gate.met, counts[OC_CRITERION_MET]);
        assert_int_equal(gate.not_met, counts[OC_CRITERION_NOT_MET]);
        assert_int_equal(gate.undecided, counts[OC_CRITERION_UNDECIDED]);
        made_end(made);
    }
}

static void test_reading(void **state)
{
    struct made *made = make(&(struct truth){0.8, 1.0, 1.0, 0.7, 1.0});
    struct oc_gate gate = decide(made, 0.01);
    const struct oc_criterion *tail = &gate.criteria[2];
    const struct oc_gate_reading *reading = &gate.criteria[0].readings[0];

    (void)state;
    assert_int_equal(gate.criteria[0].reading_count, 1);
    assert_int_equal(reading->cell, 0);
    assert_int_equal(reading->metric, OC_VERIFY_METRIC_LATENCY_P50);
    assert_int_equal(reading->current, OC_VERIFY_STACK_EPOLL);
    assert_int_equal(reading->look, 0);
    assert_true(fabs(reading->gain.estimate + log(0.8)) < 1e-3);
    assert_true(reading->gain.level == 0.95);
    assert_true(fabs(reading->threshold + log(0.9)) < 1e-12);
    /* p95 and p99 share the error; shown is the one that met it. */
    assert_int_equal(tail->reading_count, 2);
    assert_int_equal(tail->headline, 1);
    assert_int_equal(tail->readings[1].metric, OC_VERIFY_METRIC_LATENCY_P99);
    assert_true(fabs(tail->readings[0].gain.level - 0.975) < 1e-12);
    assert_int_equal(tail->readings[0].state, OC_CRITERION_NOT_MET);
    made_end(made);
}

static void test_resolution(void **state)
{
    struct made *made = make(&(struct truth){0.8, 1.10, 0.8, 0.8, 1.3});
    struct oc_gate gate = decide(made, 0.5);

    (void)state;
    /* Nothing is claimed, neither that it is met nor that it is not. */
    assert_int_equal(gate.undecided, 4);
    assert_int_equal(gate.result, OC_GATE_UNDECIDED);
    made->cells[0].blocks_max = 96;
    assert_int_equal(oc_gate_blocks_wanted(&made->input, &gate, 0), 48);
    made->cells[0].blocks_max = 24;
    for (uint32_t i = 0; i < OC_GATE_CRITERIA; i++) {
        assert_int_equal(gate.criteria[i].why, OC_UNDECIDED_UNRESOLVED);
        assert_int_equal(oc_gate_blocks_wanted(&made->input, &gate, i), 24);
    }
    made_end(made);
}

static void test_missing(void **state)
{
    struct made *made = make(&(struct truth){0.8, 1.3, 0.8, 0.8, 1.3});
    struct oc_gate gate;

    (void)state;
    oc_gate_decide(made_input(made, 0.01), OC_VERIFY_PAIR_TOKIO_EPOLL, &gate);
    assert_int_equal(gate.result, OC_GATE_NOT_MEASURED);
    assert_int_equal(gate.criteria[0].why, OC_UNDECIDED_NOT_MEASURED);
    /* One part left out of the measurement. */
    made->cells[1].gate = OC_VERIFY_GATE_NONE;
    gate = decide(made, 0.01);
    assert_int_equal(gate.criteria[1].state, OC_CRITERION_UNDECIDED);
    assert_int_equal(gate.criteria[1].why, OC_UNDECIDED_NOT_MEASURED);
    assert_int_equal(gate.result, OC_GATE_PROCEED);
    made_end(made);
}

static void test_exclusion(void **state)
{
    struct made *made = make(&(struct truth){0.8, 1.3, 1.0, 1.0, 1.0});
    struct oc_gate gate;

    (void)state;
    /* 3 of the 24 blocks of the ping-pong, by either stack. */
    made->runs[0].exclusion = OC_VERIFY_EXCLUDED_STEAL;
    made->runs[1].exclusion = OC_VERIFY_EXCLUDED_LAG;
    made->runs[24U + 2U].exclusion = OC_VERIFY_EXCLUDED_STEAL;
    gate = decide(made, 0.01);
    assert_int_equal(gate.criteria[0].why, OC_UNDECIDED_VOIDED);
    assert_int_equal(gate.result, OC_GATE_UNDECIDED);
    made->runs[1].exclusion = OC_VERIFY_KEPT;
    gate = decide(made, 0.01);
    assert_int_equal(gate.criteria[0].state, OC_CRITERION_MET);
    assert_int_equal(gate.criteria[0].readings[0].gain.count, 22);
    for (uint32_t i = 3; i < 6; i++) {
        made->runs[i].exclusion = OC_VERIFY_FAILED;
    }
    gate = decide(made, 0.01);
    assert_int_equal(gate.criteria[0].why, OC_UNDECIDED_FAILING);
    made_end(made);
}

static void test_too_few(void **state)
{
    struct made *made = made_begin(4);
    struct oc_verify_cell *cell = made_cell(made, "ping", OC_VERIFY_SCENARIO_PING_PONG);
    struct oc_gate gate;

    (void)state;
    cell->gate = OC_VERIFY_GATE_PING_PONG;
    make_pair(made, 5, OC_VERIFY_METRIC_LATENCY_P50, 0.5);
    gate = decide(made, 0.01);
    assert_int_equal(gate.criteria[0].why, OC_UNDECIDED_TOO_EARLY);
    assert_int_equal(gate.criteria[0].readings[0].look, OC_LOOKS_NONE);
    assert_int_equal(oc_gate_blocks_wanted(&made->input, &gate, 0), 24);
    cell->blocks = cell->blocks_max = 5;
    gate = decide(made, 0.01);
    assert_int_equal(gate.criteria[0].why, OC_UNDECIDED_TOO_FEW);
    assert_int_equal(oc_gate_blocks_wanted(&made->input, &gate, 0), 5);
    cell->blocks = cell->blocks_max = 6;
    make_pair(made, 6, OC_VERIFY_METRIC_LATENCY_P50, 0.5);
    gate = decide(made, 0.01);
    assert_int_equal(gate.criteria[0].state, OC_CRITERION_MET);
    made_end(made);
}

/* 24 blocks at the threshold, then blocks far beyond it, or short of it. */
static void test_looks(void **state)
{
    struct made *made = made_begin(5);
    struct oc_verify_cell *cell = made_cell(made, "ping", OC_VERIFY_SCENARIO_PING_PONG);
    struct oc_gate gate;
    const struct oc_gate_reading *reading = &gate.criteria[0].readings[0];

    (void)state;
    cell->gate = OC_VERIFY_GATE_PING_PONG;
    cell->blocks_max = 96;
    for (uint32_t block = 0; block < 96; block++) {
        double ratio = block < 24 ? (block % 2 == 0 ? 0.85 : 0.95) : 0.80;

        made_run_of(made, block, OC_VERIFY_STACK_EPOLL)->metrics[OC_VERIFY_METRIC_LATENCY_P50] =
            100.0;
        made_run_of(made, block, OC_VERIFY_STACK_IO_URING)->metrics[OC_VERIFY_METRIC_LATENCY_P50] =
            ratio * 100.0 * made_noise(made, 0.001);
    }
    made->data.run_count = 2U * 24U;
    gate = decide(made, 0.01);
    assert_int_equal(gate.criteria[0].why, OC_UNDECIDED_STRADDLES);
    assert_int_equal(reading->look, 0);
    assert_int_equal(reading->look_count, 3);
    assert_true(reading->gain.level > 0.98);
    assert_int_equal(oc_gate_blocks_wanted(&made->input, &gate, 0), 48);
    /* Between the looks nothing is looked at. */
    made->data.run_count = 2U * 47U;
    gate = decide(made, 0.01);
    assert_int_equal(gate.criteria[0].state, OC_CRITERION_UNDECIDED);
    assert_int_equal(reading->gain.count, 24);
    made->data.run_count = 2U * 96U;
    gate = decide(made, 0.01);
    assert_int_equal(gate.criteria[0].state, OC_CRITERION_MET);
    assert_int_equal(reading->look, 1);
    assert_int_equal(reading->gain.count, 48);
    /* What the first look decides, later data do not undo. */
    for (uint32_t i = 0; i < 2U * 24U; i++) {
        if (made->runs[i].stack == OC_VERIFY_STACK_IO_URING) {
            made->runs[i].metrics[OC_VERIFY_METRIC_LATENCY_P50] = 99.0 + 0.01 * i;
        }
    }
    gate = decide(made, 0.01);
    assert_int_equal(gate.criteria[0].state, OC_CRITERION_NOT_MET);
    assert_int_equal(reading->look, 0);
    made_end(made);
}

/* Two cells feed the same part: all must meet it. */
static void test_several_cells(void **state)
{
    static const struct {
        double ratios[2];
        enum oc_criterion_state state;
    } CASES[] = {
        {{0.8, 0.8}, OC_CRITERION_MET},
        {{0.8, 0.9}, OC_CRITERION_UNDECIDED},
        {{0.8, 1.0}, OC_CRITERION_NOT_MET},
        {{0.9, 1.0}, OC_CRITERION_NOT_MET},
    };

    (void)state;
    for (uint32_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct made *made = made_begin(6);
        struct oc_gate gate;

        for (uint32_t k = 0; k < 2; k++) {
            made_cell(made, k == 0 ? "one" : "two", OC_VERIFY_SCENARIO_PING_PONG)->gate =
                OC_VERIFY_GATE_PING_PONG;
            make_pair(made, 24, OC_VERIFY_METRIC_LATENCY_P50, CASES[i].ratios[k]);
        }
        gate = decide(made, 0.001);
        assert_int_equal(gate.criteria[0].state, CASES[i].state);
        assert_int_equal(gate.criteria[0].readings[gate.criteria[0].headline].state,
                         CASES[i].state);
        made_end(made);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thresholds), cmocka_unit_test(test_reading),
        cmocka_unit_test(test_resolution), cmocka_unit_test(test_missing),
        cmocka_unit_test(test_exclusion),  cmocka_unit_test(test_too_few),
        cmocka_unit_test(test_looks),      cmocka_unit_test(test_several_cells),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
