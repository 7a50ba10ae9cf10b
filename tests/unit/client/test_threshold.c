/*
 * Goal: what people write behind --assert and --duration means exactly one thing or is refused.
 * Method: tables of texts with their meaning, texts that must fail, and figures with a known
 * answer. Fails when: a unit is wrong by its factor, a sloppy text is accepted, or a relation is
 * turned round.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/threshold.h"

static void test_parse(void **state)
{
    static const struct {
        const char *text;
        enum oc_figure figure;
        enum oc_relation relation;
        double percentile;
        double limit;
    } cases[] = {
        {"p99<500us", OC_FIGURE_PERCENTILE, OC_BELOW, 99.0, 500e3},
        {"p99.99<=2.5ms", OC_FIGURE_PERCENTILE, OC_AT_MOST, 99.99, 2.5e6},
        {"p50>1ns", OC_FIGURE_PERCENTILE, OC_ABOVE, 50.0, 1.0},
        {"max<=1s", OC_FIGURE_MAX, OC_AT_MOST, 0.0, 1e9},
        {"mean<80us", OC_FIGURE_MEAN, OC_BELOW, 0.0, 80e3},
        {"lag<50us", OC_FIGURE_LAG, OC_BELOW, 0.0, 50e3},
        {"rate>=20k", OC_FIGURE_RATE, OC_AT_LEAST, 0.0, 20e3},
        {"rate>1.5M", OC_FIGURE_RATE, OC_ABOVE, 0.0, 1.5e6},
        {"rejects<=0", OC_FIGURE_REJECTS, OC_AT_MOST, 0.0, 0.0},
    };
    char error[200];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct oc_threshold threshold;
        assert_int_equal(oc_threshold_parse(cases[i].text, &threshold, error, sizeof(error)), 0);
        assert_int_equal(threshold.figure, cases[i].figure);
        assert_int_equal(threshold.relation, cases[i].relation);
        assert_true(threshold.percentile - cases[i].percentile < 1e-9 &&
                    cases[i].percentile - threshold.percentile < 1e-9);
        assert_true(threshold.limit - cases[i].limit < 1e-3 &&
                    cases[i].limit - threshold.limit < 1e-3);
    }
}

static void test_parse_refuses(void **state)
{
    static const char *const texts[] = {
        "",          "p99",         "p99<",       "p99<500",   "p99<500 us", "p99 <500us",
        "p101<1ms",  "p<1ms",       "p99=1ms",    "p99<1xs",   "rate>20us",  "rate>",
        "rate>20kk", "rejects<1ms", "speed>1",    "P99<1ms",   "p99<-1us",   "p99<1e3us",
        "p99<0x1us", "p99<.us",     "p99<1.2.3s", "p99<inf",   "p99<nan",    "maximum<1s",
        "p99<1us ",  " p99<1us",    "max<1usus",  "rate>=1e6", "p99<>1us",   "p9a<1us",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct oc_threshold threshold;
        char error[200] = "";
        if (oc_threshold_parse(texts[i], &threshold, error, sizeof(error)) != -EINVAL) {
            fail_msg("'%s' was accepted", texts[i]);
        }
        assert_true(error[0] != '\0');
    }
}

static void test_holds(void **state)
{
    static struct oc_histogram latency;
    static struct oc_histogram lag;
    struct oc_figures figures = {.latency = &latency, .lag = &lag, .rate = 1000.0, .rejects = 3};
    static const struct {
        const char *text;
        bool holds;
        double actual;
    } cases[] = {
        {"p50<=500ns", true, 500.0},    {"p50<500ns", false, 500.0}, {"p99>=990ns", true, 990.0},
        {"p99>990ns", false, 990.0},    {"max<=1000ns", true, 1e3},  {"max<1us", false, 1e3},
        {"mean<=500.5ns", true, 500.5}, {"lag<8ns", true, 7.0},      {"lag<7ns", false, 7.0},
        {"rate>999", true, 1e3},        {"rate>1k", false, 1e3},     {"rejects<=3", true, 3.0},
        {"rejects<3", false, 3.0},
    };

    (void)state;
    for (uint64_t ns = 1; ns <= 1000; ns++) {
        oc_histogram_record(&latency, ns);
    }
    oc_histogram_record(&lag, 7);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct oc_threshold threshold;
        char error[200];
        double actual;
        assert_int_equal(oc_threshold_parse(cases[i].text, &threshold, error, sizeof(error)), 0);
        if (oc_threshold_holds(&threshold, &figures, &actual) != cases[i].holds) {
            fail_msg("'%s' judged wrongly", cases[i].text);
        }
        assert_true(actual - cases[i].actual < 0.01 && cases[i].actual - actual < 0.01);
    }
}

static void test_duration(void **state)
{
    static const char *const bad[] = {
        "", "10", "s", "1h", "-1s", "1 s", "1e3s", "99999999999999s", "1s ", "0x1s"};
    uint64_t ns = 1;
    char text[32];

    (void)state;
    assert_int_equal(oc_duration_parse("0", &ns), 0);
    assert_int_equal(ns, 0);
    assert_int_equal(oc_duration_parse("500us", &ns), 0);
    assert_int_equal(ns, 500000);
    assert_int_equal(oc_duration_parse("1.5s", &ns), 0);
    assert_int_equal(ns, 1500000000);
    assert_int_equal(oc_duration_parse("7ns", &ns), 0);
    assert_int_equal(ns, 7);
    assert_int_equal(oc_duration_parse("2m", &ns), 0);
    assert_int_equal(ns, 120000000000);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (oc_duration_parse(bad[i], &ns) != -EINVAL) {
            fail_msg("'%s' was accepted", bad[i]);
        }
    }
    assert_string_equal(oc_duration_format(812.0, text, sizeof(text)), "812 ns");
    assert_string_equal(oc_duration_format(45300.0, text, sizeof(text)), "45.3 us");
    assert_string_equal(oc_duration_format(1200000.0, text, sizeof(text)), "1.20 ms");
    assert_string_equal(oc_duration_format(3e9, text, sizeof(text)), "3.00 s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_holds),
        cmocka_unit_test(test_duration),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
