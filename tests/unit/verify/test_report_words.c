/*
 * Goal: figures become the right words, and what is no number is said instead of printed.
 * Method: values with known words, NaN, infinities and sizes beyond all.
 * Fails if: a sign, unit, end of an interval or direction is wrong, or "nan" or "inf" comes out.
 */
#include "verify/report_words.h"

#include "made.h"

#define P50  OC_VERIFY_METRIC_LATENCY_P50
#define RATE OC_VERIFY_METRIC_RATE

static struct oc_interval interval(double estimate, double low, double high)
{
    return (struct oc_interval){
        .estimate = estimate, .low = low, .high = high, .kind = OC_INTERVAL_BCA};
}

static void test_values(void **state)
{
    static const struct {
        enum oc_verify_metric metric;
        double value;
        const char *words;
    } CASES[] = {
        {P50, 412.4, "0.41 us"},
        {P50, 4124.0, "4.12 us"},
        {P50, 41240.0, "41.24 us"},
        {P50, 1.3e6, "1,300.00 us"},
        {P50, 2.5e9, "2,500.00 ms"},
        {P50, 25e9, "25.00 s"},
        {P50, NAN, "-"},
        {P50, INFINITY, "-"},
        {RATE, 123456.4, "123,456 /s"},
        {RATE, 999.0, "999 /s"},
        {RATE, 6353128.0, "6,353,128 /s"},
        {OC_VERIFY_METRIC_RESIDENT, 4.05e6, "3.9 MiB"},
        {OC_VERIFY_METRIC_SYSTEM_CALLS, 2.344, "2.34"},
        {OC_VERIFY_METRIC_SYSTEM_CALLS, 121.6, "121.60"},
    };
    char text[OC_VERIFY__WORDS_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        assert_string_equal(oc_verify__words_value(CASES[i].metric, CASES[i].value, text),
                            CASES[i].words);
    }
    assert_string_equal(oc_verify__words_values(P50, 41200.0, 25600.0, text), "41.20 to 25.60 us");
    assert_string_equal(oc_verify__words_values(P50, 1.2e6, 900e3, text), "1,200.00 to 900.00 us");
    assert_string_equal(oc_verify__words_values(P50, 1.2e8, 9e7, text),
                        "120.00 ms to 90,000.00 us");
    assert_string_equal(oc_verify__words_values(P50, NAN, 900e3, text), "- to 900.00 us");
    /* Beyond all sizes it is cut, not overrun. */
    assert_true(strlen(oc_verify__words_value(P50, 1e308, text)) < OC_VERIFY__WORDS_BYTES);
}

static void test_intervals(void **state)
{
    struct oc_interval it = interval(log(0.62), log(0.60), log(0.65));
    char text[OC_VERIFY__WORDS_BYTES];

    (void)state;
    assert_string_equal(oc_verify__words_changes(&it, text), "-38.0 % (-40.0 to -35.0)");
    assert_string_equal(oc_verify__words_ratio(&it, text), "0.620 (0.600 to 0.650)");
    it = interval(log(4.0), log(3.0), log(12.5));
    assert_string_equal(oc_verify__words_changes(&it, text), "x 4.000 (3.000 to 12.500)");
    it = interval(log(0.62), -INFINITY, INFINITY);
    assert_string_equal(oc_verify__words_changes(&it, text), "-38.0 % (no interval)");
    assert_string_equal(oc_verify__words_ratio(&it, text), "0.620 (no interval)");
    it = interval(log(0.62), -INFINITY, 0.0);
    assert_string_equal(oc_verify__words_ratio(&it, text), "0.620 (0 to 1.000)");
    it = interval(log(0.62), 0.0, INFINITY);
    assert_string_equal(oc_verify__words_changes(&it, text), "-38.0 % (+0.0 to any)");
    it = interval(NAN, NAN, NAN);
    it.kind = OC_INTERVAL_NONE;
    assert_string_equal(oc_verify__words_changes(&it, text), "not measured");
    assert_string_equal(oc_verify__words_ratio(&it, text), "not measured");
    assert_string_equal(oc_verify__words_change(NAN, text), "-");
    /* A change of -29 % is beyond a bound of +39.5 %, whose other end is -28.3 %. */
    assert_string_equal(oc_verify__words_bound(log(1.395), text), "-28.3 to +39.5 %");
    assert_string_equal(oc_verify__words_bound(log(2.5), text), "-60.0 to +150.0 %");
    assert_string_equal(oc_verify__words_bound(INFINITY, text), "none");
    assert_string_equal(oc_verify__words_bound_ratio(log(1.395), text), "x 1.395");
    assert_string_equal(oc_verify__words_bound_ratio(INFINITY, text), "none");
}

/* A gain of latency is a fall of it, and the ends change places. */
static void test_readings(void **state)
{
    struct oc_gate_reading reading = {.metric = P50,
                                      .gain = interval(-log(0.62), -log(0.65), -log(0.60))};
    char text[OC_VERIFY__WORDS_BYTES];

    (void)state;
    assert_string_equal(oc_verify__words_reading(&reading, text), "-38.0 % (-40.0 to -35.0)");
    reading = (struct oc_gate_reading){.metric = RATE,
                                       .gain = interval(log(1.2), log(1.1), log(1.3))};
    assert_string_equal(oc_verify__words_reading(&reading, text), "+20.0 % (+10.0 to +30.0)");
}

static void test_findings(void **state)
{
    struct oc_claim claim = {.kind = OC_CLAIM_GAIN, .metric = P50};
    struct oc_claim_finding finding = {.claim = &claim, .value = interval(0.1, 0.05, 0.15)};
    char text[OC_VERIFY__WORDS_BYTES];

    (void)state;
    assert_string_equal(oc_verify__words_finding(&finding, text), "+10.0 % (+5.0 to +15.0)");
    claim.kind = OC_CLAIM_COST;
    finding.value = interval(3300.0, 3300.0, 3300.0);
    assert_string_equal(oc_verify__words_finding(&finding, text), "3.30 us");
    claim = (struct oc_claim){.kind = OC_CLAIM_CANDIDATE, .metric = OC_VERIFY_METRIC_SYSTEM_CALLS};
    finding.value = interval(0.4, 0.3, 0.5);
    assert_string_equal(oc_verify__words_finding(&finding, text), "0.40 (0.30 to 0.50)");
    finding.value = interval(0.4, -INFINITY, INFINITY);
    assert_string_equal(oc_verify__words_finding(&finding, text), "0.40");
    finding.value = interval(NAN, NAN, NAN);
    assert_string_equal(oc_verify__words_finding(&finding, text), "-");
    claim.kind = OC_CLAIM_NONE_OF;
    finding = (struct oc_claim_finding){
        .claim = &claim, .value = interval(0.0, 0.0, 0.1), .runs_hit = 0, .runs = 48};
    assert_string_equal(oc_verify__words_finding(&finding, text), "0 of 48 runs");
}

/* The kind of a claim, and of what a change is. */
static void test_claims(void **state)
{
    static const struct {
        struct oc_claim claim;
        const char *words;
    } CASES[] = {
        {{.kind = OC_CLAIM_GAIN, .sense = OC_CLAIM_AT_LEAST, .low = 0.47}, "at least 47 %"},
        {{.kind = OC_CLAIM_TAIL, .sense = OC_CLAIM_AT_LEAST}, "above 0 %"},
        {{.kind = OC_CLAIM_COST, .sense = OC_CLAIM_WITHIN, .low = 3e3, .high = 5e3}, "3 to 5 us"},
        {{.kind = OC_CLAIM_CHANGE, .sense = OC_CLAIM_WITHIN, .low = -0.1, .high = 0.1},
         "-10 to +10 %"},
        {{.kind = OC_CLAIM_CANDIDATE,
          .sense = OC_CLAIM_AT_MOST,
          .metric = OC_VERIFY_METRIC_SYSTEM_CALLS,
          .high = 0.3},
         "at most 0.3"},
        {{.kind = OC_CLAIM_CANDIDATE,
          .sense = OC_CLAIM_AT_MOST,
          .metric = OC_VERIFY_METRIC_SYSTEM_CALLS,
          .per = 10,
          .high = 2.0},
         "at most 2"},
        {{.kind = OC_CLAIM_NONE_OF, .sense = OC_CLAIM_AT_MOST}, "no run"},
    };
    struct oc_claim claim = {.kind = OC_CLAIM_CHANGE, .metric = OC_VERIFY_METRIC_RESIDENT};
    struct oc_claim_finding finding = {.claim = &claim,
                                       .value = interval(0.717, 0.7, 0.73),
                                       .current = 3.0 * 1048576,
                                       .candidate = 5.151 * 1048576};
    char text[OC_VERIFY__WORDS_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        assert_string_equal(oc_verify__words_claim(&CASES[i].claim, text), CASES[i].words);
    }
    assert_string_equal(oc_verify__words_finding(&finding, text),
                        "+71.7 % (+70.0 to +73.0): 3.0 to 5.2 MiB");
}

static void test_cells(void **state)
{
    static const struct oc_verify_cell CELLS[] = {
        {.name = "stress/1/same-core", .scenario = OC_VERIFY_SCENARIO_STRESS},
        {.name = "reuse/each/same-core", .scenario = OC_VERIFY_SCENARIO_REUSE},
        {.name = "stress/64/same-core", .scenario = OC_VERIFY_SCENARIO_STRESS},
        {.name = "stress/64/busy-poll",
         .scenario = OC_VERIFY_SCENARIO_STRESS,
         .placement = OC_VERIFY_BUSY_POLL},
    };
    static const uint32_t ALL[] = {0, 1, 2, 3};
    uint32_t many[512] = {0};
    char text[OC_VERIFY__SENTENCE_BYTES];

    (void)state;
    assert_string_equal(oc_verify__words_cells(CELLS, ALL, 4, text),
                        "stress/{1, 64}/same-core; reuse/each/same-core; stress/64/busy-poll");
    assert_string_equal(oc_verify__words_cells(CELLS, ALL, 2, text),
                        "stress/1/same-core; reuse/each/same-core");
    assert_string_equal(oc_verify__words_cells(CELLS, ALL, 0, text), "");
    /* Cut, not overrun. */
    assert_int_equal(strlen(oc_verify__words_cells(CELLS, many, 512, text)),
                     OC_VERIFY__SENTENCE_BYTES - 1U);
}

static void test_void(void **state)
{
    struct oc_cell_account account = {.blocks_run = 8, .blocks_excluded = 3};
    char text[OC_VERIFY__WORDS_BYTES];

    (void)state;
    account.lag[OC_VERIFY_STACK_EPOLL] = 2;
    account.steal[OC_VERIFY_STACK_TOKIO] = 1;
    assert_string_equal(oc_verify__words_void(&account, text), "");
    account.voided = true;
    assert_string_equal(oc_verify__words_void(&account, text),
                        "void: 3 of 8 blocks excluded (1 runs with steal time, 2 with a late "
                        "generator)");
}

/* What a generator's limit leaves to be said of a search; other cells and other reasons say none.
 */
static void test_at_least(void **state)
{
    struct oc_verify_cell cell = {.p99_limit_us = 200};
    struct oc_verify_run runs[4] = {
        {.stack = OC_VERIFY_STACK_EPOLL, .exclusion = OC_VERIFY_EXCLUDED_LAG},
        {.stack = OC_VERIFY_STACK_EPOLL, .exclusion = OC_VERIFY_EXCLUDED_LAG},
        {.stack = OC_VERIFY_STACK_EPOLL, .exclusion = OC_VERIFY_EXCLUDED_STEAL},
        {.stack = OC_VERIFY_STACK_IO_URING, .exclusion = OC_VERIFY_EXCLUDED_LAG},
    };
    struct oc_verify_report report = {
        .data = {.cells = &cell, .cell_count = 1, .runs = runs, .run_count = 4}};
    char text[OC_VERIFY__SENTENCE_BYTES];

    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        runs[i].metrics[OC_VERIFY_METRIC_RATE] = 200000.0 + 10000.0 * i;
    }
    assert_string_equal(oc_verify__words_at_least(&report, 0, text),
                        "at least 205,000 /s on epoll (2 runs), 230,000 /s on io_uring (1 runs)");
    cell.p99_limit_us = 0;
    assert_string_equal(oc_verify__words_at_least(&report, 0, text), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),   cmocka_unit_test(test_intervals),
        cmocka_unit_test(test_readings), cmocka_unit_test(test_findings),
        cmocka_unit_test(test_claims),   cmocka_unit_test(test_cells),
        cmocka_unit_test(test_void),     cmocka_unit_test(test_at_least),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
