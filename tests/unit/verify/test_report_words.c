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
        {P50, 412.4, "412 ns"},
        {P50, 4124.0, "4.12 us"},
        {P50, 41240.0, "41.2 us"},
        {P50, 1.3e6, "1.30 ms"},
        {P50, 2.5e9, "2.50 s"},
        {P50, NAN, "-"},
        {P50, INFINITY, "-"},
        {RATE, 123456.4, "123,456 /s"},
        {RATE, 999.0, "999 /s"},
        {RATE, 6353128.0, "6.35 M/s"},
        {OC_VERIFY_METRIC_RESIDENT, 4.05e6, "4.0 MB"},
        {OC_VERIFY_METRIC_SYSTEM_CALLS, 2.344, "2.34"},
        {OC_VERIFY_METRIC_SYSTEM_CALLS, 121.6, "122"},
    };
    char text[OC_VERIFY__WORDS_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        assert_string_equal(oc_verify__words_value(CASES[i].metric, CASES[i].value, text),
                            CASES[i].words);
    }
    assert_string_equal(oc_verify__words_values(P50, 41200.0, 25600.0, text), "41.2 to 25.6 us");
    assert_string_equal(oc_verify__words_values(P50, 1.2e6, 900e3, text), "1.20 ms to 900.0 us");
    assert_string_equal(oc_verify__words_values(P50, NAN, 900e3, text), "- to 900.0 us");
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
    assert_string_equal(oc_verify__words_changes(&it, text), "x 4.000 (3.000 to 12.5)");
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
    assert_string_equal(oc_verify__words_bound(log(1.013), text), "1.3 %");
    assert_string_equal(oc_verify__words_bound(log(2.5), text), "x 2.5");
    assert_string_equal(oc_verify__words_bound(INFINITY, text), "none");
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
    assert_string_equal(oc_verify__words_finding(&finding, text), "10.0 % (5.0 to 15.0)");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_intervals),
        cmocka_unit_test(test_readings),
        cmocka_unit_test(test_findings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
