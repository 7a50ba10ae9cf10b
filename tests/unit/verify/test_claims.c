/*
 * Goal: each kind of claim is measured as it says, and confirmed or refuted only by a whole
 * interval.
 * Method: the table itself, checked for sense; measurements in which the truth of a claim is known.
 * Fails if: a gain is taken in the wrong direction or unit, a range is held against the wrong end,
 * a claim is judged without data, or a cell that does not belong to a claim moves it.
 */
#include "verify/claims.h"

#include "made.h"

#define EPOLL    OC_VERIFY_STACK_EPOLL
#define IO_URING OC_VERIFY_STACK_IO_URING
#define PAIR     OC_VERIFY_PAIR_EPOLL_IO_URING

static const struct oc_claim *find(const char *words)
{
    for (uint32_t i = 0; i < oc_claims_count; i++) {
        if (strstr(oc_claims[i].text, words) != NULL) {
            return &oc_claims[i];
        }
    }
    fail_msg("no claim with \"%s\"", words);
    return NULL;
}

static struct oc_claim_finding judge(const struct oc_gate_input *input, const char *words)
{
    const struct oc_verify_costs costs = {.call_ns = 100.0,
                                          .epoll_wait_ns = 4000.0,
                                          .read_ns = 700.0,
                                          .write_ns = (double)NAN,
                                          .switch_ns = 5000.0};
    struct oc_claim_finding finding;

    oc_claims_judge(input, &costs, find(words), PAIR, &finding);
    return finding;
}

static void make_pair(struct made *made, enum oc_verify_metric metric, double epoll,
                      double io_uring)
{
    made_metric(made, 24, EPOLL, metric, epoll, 0.002);
    made_metric(made, 24, IO_URING, metric, io_uring, 0.002);
}

static void test_table(void **state)
{
    (void)state;
    assert_true(oc_claims_count >= 20);
    for (uint32_t i = 0; i < oc_claims_count; i++) {
        const struct oc_claim *claim = &oc_claims[i];

        assert_non_null(claim->text);
        assert_non_null(claim->measured_as);
        assert_true(claim->low <= claim->high);
        assert_true(claim->kind == OC_CLAIM_COST || claim->scenarios != 0);
        if (claim->kind == OC_CLAIM_GAIN) {
            assert_int_not_equal(oc_pairs_direction(claim->metric), OC_VERIFY_NEITHER);
        }
        /* Who spins asks as often as it likes. */
        if (claim->kind != OC_CLAIM_COST && claim->kind != OC_CLAIM_NONE_OF &&
            (claim->metric == OC_VERIFY_METRIC_SERVER_CPU ||
             claim->metric == OC_VERIFY_METRIC_SYSTEM_CALLS ||
             claim->metric == OC_VERIFY_METRIC_CONTEXT_SWITCHES)) {
            assert_true(claim->blocking_only);
        }
    }
}

static void test_gain(void **state)
{
    static const struct {
        double ratio;
        enum oc_claim_verdict verdict;
        double share;
    } CASES[] = {
        {1.27, OC_CLAIM_CONFIRMED, 0.27}, /* beyond the lower end */
        {1.90, OC_CLAIM_CONFIRMED, 0.90}, /* more than claimed is no refutation */
        {1.20, OC_CLAIM_REFUTED, 0.20},       {0.80, OC_CLAIM_REFUTED, -0.20},
        {1.25, OC_CLAIM_NOT_DECIDABLE, 0.25},
    };

    (void)state;
    for (uint32_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct made *made = made_begin(i);
        struct oc_claim_finding finding;

        made_cell(made, "stress", OC_VERIFY_SCENARIO_STRESS);
        make_pair(made, OC_VERIFY_METRIC_RATE, 1e5, CASES[i].ratio * 1e5);
        /* Another scenario says something else, and has no say. */
        made_cell(made, "persistent", OC_VERIFY_SCENARIO_PERSISTENT);
        make_pair(made, OC_VERIFY_METRIC_RATE, 1e5, 3e5);
        finding = judge(made_input(made, 0.01), "under stress");
        assert_int_equal(finding.verdict, CASES[i].verdict);
        assert_int_equal(finding.cell_count, 1);
        assert_true(fabs(finding.value.estimate - CASES[i].share) < 5e-3);
        assert_true(fabs(finding.bound - expm1(0.01)) < 1e-12);
        finding = judge(&made->input, "persistent connection");
        assert_int_equal(finding.verdict, OC_CLAIM_CONFIRMED);
        /* Without a resolution nothing is said. */
        finding = judge(made_input(made, INFINITY), "persistent connection");
        assert_int_equal(finding.verdict, OC_CLAIM_NOT_DECIDABLE);
        assert_int_equal(finding.why, OC_UNDECIDED_UNRESOLVED);
        made_end(made);
    }
}

static void test_lower_is_better(void **state)
{
    struct made *made = made_begin(1);
    struct oc_claim_finding finding;

    (void)state;
    made_cell(made, "open", OC_VERIFY_SCENARIO_PERCENTILES);
    make_pair(made, OC_VERIFY_METRIC_SERVER_CPU, 5000.0, 3500.0);
    make_pair(made, OC_VERIFY_METRIC_LATENCY_P50, 100.0, 98.0);
    make_pair(made, OC_VERIFY_METRIC_LATENCY_P99, 1000.0, 900.0);
    made_cell(made, "spin", OC_VERIFY_SCENARIO_PERCENTILES)->placement = OC_VERIFY_BUSY_POLL;
    make_pair(made, OC_VERIFY_METRIC_SERVER_CPU, 5000.0, 9000.0);
    finding = judge(made_input(made, 0.01), "less CPU per request");
    assert_int_equal(finding.verdict, OC_CLAIM_CONFIRMED);
    assert_int_equal(finding.cell_count, 1);
    assert_true(fabs(finding.value.estimate - 0.30) < 5e-3);
    finding = judge(&made->input, "p99 gains more");
    assert_int_equal(finding.verdict, OC_CLAIM_CONFIRMED);
    assert_true(fabs(finding.value.estimate - (1.0 - 0.9 / 0.98)) < 5e-3);
    /* Of a difference, both may err: p99 alone would still resolve 8.5 % with a bound of 5 %. */
    finding = judge(made_input(made, 0.05), "p99 gains more");
    assert_int_equal(finding.verdict, OC_CLAIM_NOT_DECIDABLE);
    assert_int_equal(finding.why, OC_UNDECIDED_UNRESOLVED);
    made_end(made);
}

static void test_figures(void **state)
{
    struct made *made = made_begin(1);
    struct oc_claim_finding finding;

    (void)state;
    made_cell(made, "echo", OC_VERIFY_SCENARIO_PING_PONG)->echo = true;
    made->cells[0].size = 100;
    make_pair(made, OC_VERIFY_METRIC_LATENCY_P50, 20000.0, 19000.0);
    make_pair(made, OC_VERIFY_METRIC_SERVER_CPU, 9000.0, 8000.0);
    make_pair(made, OC_VERIFY_METRIC_SYSTEM_CALLS, 3.0, 1.0);
    made_cell(made, "large echo", OC_VERIFY_SCENARIO_PING_PONG)->echo = true;
    made->cells[1].size = 1000;
    make_pair(made, OC_VERIFY_METRIC_LATENCY_P50, 40000.0, 39000.0);
    made_cell(made, "orders", OC_VERIFY_SCENARIO_REQUEST_RESPONSE);
    make_pair(made, OC_VERIFY_METRIC_LATENCY_P50, 26000.0, 25000.0);
    made_cell(made, "window", OC_VERIFY_SCENARIO_PERSISTENT)->window = 16;
    make_pair(made, OC_VERIFY_METRIC_SYSTEM_CALLS, 0.4, 0.15);
    (void)made_input(made, 0.01);
    finding = judge(&made->input, "network I/O");
    assert_int_equal(finding.verdict, OC_CLAIM_CONFIRMED);
    assert_int_equal(finding.cell_count, 1);
    assert_true(fabs(finding.value.estimate - 20.0 / 26.0) < 2e-3);
    /* The orders, and the echo that is set beside them. */
    assert_int_equal(finding.cells_shown, 2);
    assert_int_equal(finding.cells[0], 0);
    assert_int_equal(finding.cells[1], 2);
    finding = judge(&made->input, "34-56 us");
    assert_int_equal(finding.verdict, OC_CLAIM_REFUTED);
    assert_true(fabs(finding.value.estimate - 9000.0) < 20.0);
    finding = judge(&made->input, "before");
    assert_int_equal(finding.verdict, OC_CLAIM_CONFIRMED);
    finding = judge(&made->input, "0.3 system calls");
    assert_int_equal(finding.verdict, OC_CLAIM_CONFIRMED);
    finding = judge(&made->input, "ten requests");
    assert_int_equal(finding.verdict, OC_CLAIM_CONFIRMED);
    /* Of ten requests, as the claim is. */
    assert_true(fabs(finding.value.estimate - 1.5) < 0.01);
    assert_int_equal(finding.cells_shown, 1);
    assert_int_equal(finding.cells[0], 3);
    made->cells[3].window = 1;
    finding = judge(&made->input, "ten requests");
    assert_int_equal(finding.verdict, OC_CLAIM_NOT_DECIDABLE);
    assert_int_equal(finding.why, OC_UNDECIDED_NOT_MEASURED);
    assert_true(isnan(finding.value.estimate));
    made_end(made);
}

static void test_costs(void **state)
{
    struct made *made = made_begin(1);
    const struct oc_gate_input *input = made_input(made, 0.01);

    (void)state;
    assert_int_equal(judge(input, "epoll_wait").verdict, OC_CLAIM_CONFIRMED);
    assert_int_equal(judge(input, "read takes").verdict, OC_CLAIM_REFUTED);
    assert_int_equal(judge(input, "write takes").verdict, OC_CLAIM_NOT_DECIDABLE);
    assert_int_equal(judge(input, "context switch takes").verdict, OC_CLAIM_CONFIRMED);
    assert_true(judge(input, "read takes").value.high == 700.0);
    made_end(made);
}

static void test_memory(void **state)
{
    struct made *made = made_begin(1);
    struct oc_claim_finding finding;

    (void)state;
    made_cell(made, "stress", OC_VERIFY_SCENARIO_STRESS);
    make_pair(made, OC_VERIFY_METRIC_RESIDENT, 1e7, 1.2e7);
    finding = judge(made_input(made, 0.01), "similar memory");
    assert_int_equal(finding.verdict, OC_CLAIM_REFUTED);
    assert_true(fabs(finding.value.estimate - 0.2) < 5e-3);
    assert_true(fabs(finding.current - 1e7) < 2e4);
    assert_true(fabs(finding.candidate - finding.current * (1.0 + finding.value.estimate)) < 1.0);
    assert_int_equal(judge(made_input(made, 0.30), "similar memory").verdict, OC_CLAIM_CONFIRMED);
    assert_int_equal(judge(made_input(made, INFINITY), "similar memory").verdict,
                     OC_CLAIM_NOT_DECIDABLE);
    made_end(made);
}

static void test_none_of(void **state)
{
    struct made *made = made_begin(1);
    struct oc_claim_finding finding;

    (void)state;
    made_cell(made, "stress", OC_VERIFY_SCENARIO_STRESS);
    assert_int_equal(judge(made_input(made, 0.0), "no errors").verdict, OC_CLAIM_NOT_DECIDABLE);
    made_metric(made, 20, EPOLL, OC_VERIFY_METRIC_ERRORS, 5.0, 0.0);
    made_metric(made, 20, IO_URING, OC_VERIFY_METRIC_ERRORS, 0.0, 0.0);
    finding = judge(made_input(made, 0.0), "no errors");
    assert_int_equal(finding.verdict, OC_CLAIM_CONFIRMED);
    assert_int_equal(finding.runs, 20);
    assert_int_equal(finding.cells_shown, 1);
    assert_true(fabs(finding.value.high - 0.16843) < 1e-5);
    made_run_of(made, 3, IO_URING)->metrics[OC_VERIFY_METRIC_DROPS] = 1.0;
    finding = judge(made_input(made, 0.0), "no errors");
    assert_int_equal(finding.verdict, OC_CLAIM_REFUTED);
    assert_int_equal(finding.runs_hit, 1);
    /* What excludes a run, or fails it, does not hide what went wrong in it. */
    made_run_of(made, 3, IO_URING)->exclusion = OC_VERIFY_FAILED;
    finding = judge(made_input(made, 0.0), "no errors");
    assert_int_equal(finding.verdict, OC_CLAIM_REFUTED);
    assert_int_equal(finding.runs, 20);
    made_end(made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),           cmocka_unit_test(test_gain),
        cmocka_unit_test(test_lower_is_better), cmocka_unit_test(test_figures),
        cmocka_unit_test(test_costs),           cmocka_unit_test(test_memory),
        cmocka_unit_test(test_none_of),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
