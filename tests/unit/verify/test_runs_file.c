/*
 * Goal: a run that was written down is the run that is read back, and a file that does not belong
 * to the plan is refused.
 * Method: runs with every kind of content through a file, a line cut off at its end, files of other
 * seeds, plans and formats; the coarse histogram against the exact one. Fails when: a member gets
 * lost, a half line becomes a run, runs of another plan are mixed in, or a percentile moves by more
 * than 4 %.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/random.h"
#include "verify/runs_file.h"

#define SEED 20260727U

static struct oc_verify__plan plan;
static char path[64];

struct seen {
    uint32_t count;
    uint32_t last_count;
    struct oc_verify_run runs[8];
    struct oc_histogram *latency; /* of the first */
};

static void on_run(void *context, const struct oc_verify_run *run, bool last,
                   const struct oc_histogram *latency)
{
    struct seen *seen = context;

    if (seen->count == 0) {
        oc_histogram_merge(seen->latency, latency);
    }
    seen->runs[seen->count++] = *run;
    seen->last_count += last;
}

static struct oc_verify__runs_head head_of(uint64_t seed)
{
    return (struct oc_verify__runs_head){
        .seed = seed, .full = true, .kernel = "Linux 6", .version = "outcry 1", .plan = &plan};
}

static int set_up(void **state)
{
    int fd;

    (void)state;
    (void)snprintf(path, sizeof(path), "/tmp/outcry-runs-XXXXXX");
    fd = mkstemp(path);
    if (fd < 0) {
        return -1;
    }
    (void)close(fd);
    plan.cell_count = 2;
    (void)snprintf(plan.cells[0].name, sizeof(plan.cells[0].name), "ping-pong/1/same-core");
    (void)snprintf(plan.cells[1].name, sizeof(plan.cells[1].name), "stress/1/same-core");
    plan.cells[1].stacks = 5;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(path);
    return 0;
}

/* Doubles exactly: loads pair runs by equality, before and after a resume. */
static void assert_same(const struct oc_verify_run *read, const struct oc_verify_run *written)
{
    assert_int_equal(read->cell, written->cell);
    assert_int_equal(read->block, written->block);
    assert_int_equal(read->stack, written->stack);
    assert_int_equal(read->order, written->order);
    assert_int_equal(read->exclusion, written->exclusion);
    assert_int_equal(read->request_count, written->request_count);
    assert_string_equal(read->why, written->why);
    assert_memory_equal(&read->offered_rate, &written->offered_rate, sizeof(double));
    assert_memory_equal(&read->steal_share, &written->steal_share, sizeof(double));
    for (uint32_t i = 0; i < OC_VERIFY_METRIC_COUNT; i++) {
        if (isnan(written->metrics[i])) {
            assert_true(isnan(read->metrics[i]));
        } else {
            assert_memory_equal(&read->metrics[i], &written->metrics[i], sizeof(double));
        }
    }
}

static void test_round_trip(void **state)
{
    struct oc_verify__runs_head head = head_of(7);
    struct oc_histogram *latency = calloc(2, sizeof(*latency));
    struct seen seen = {0};
    struct oc_verify_run first = {.cell = 1,
                                  .block = 70000,
                                  .stack = OC_VERIFY_STACK_IO_URING,
                                  .order = 9,
                                  .exclusion = OC_VERIFY_EXCLUDED_LAG,
                                  .steal_share = 0.01234567890123,
                                  .offered_rate = 123456.789012345,
                                  .lag_p99_ns = 7,
                                  .request_count = 1ULL << 40,
                                  .why = "late"};
    struct oc_verify_run second = {.exclusion = OC_VERIFY_FAILED, .why = "\"quoted\" {json}"};
    struct oc_random random;
    char error[300];
    FILE *file;

    (void)state;
    assert_non_null(latency);
    seen.latency = &latency[1];
    oc_random_init(&random, SEED);
    for (uint32_t i = 0; i < OC_VERIFY_METRIC_COUNT; i++) {
        first.metrics[i] = i % 3 == 0 ? NAN : oc_random_exponential(&random, 1e6);
        second.metrics[i] = NAN;
    }
    for (uint32_t i = 0; i < 100000; i++) {
        oc_histogram_record(&latency[0], (uint64_t)oc_random_exponential(&random, 50000.0));
    }
    assert_int_equal(oc_verify__runs_create(path, &head, error, sizeof(error)), 0);
    assert_int_equal(
        oc_verify__runs_append(path, &plan, &first, false, &latency[0], error, sizeof(error)), 0);
    assert_int_equal(
        oc_verify__runs_append(path, &plan, &second, true, seen.latency, error, sizeof(error)), 0);
    file = fopen(path, "ae");
    assert_non_null(file);
    (void)fprintf(file, "{\"cell\":\"ping-pong/1/same-core\",\"block\":1,\"sta");
    (void)fclose(file);

    assert_int_equal(oc_verify__runs_read(path, &head, on_run, &seen, error, sizeof(error)), 0);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.last_count, 1);
    assert_same(&seen.runs[0], &first);
    assert_int_equal(seen.runs[1].exclusion, OC_VERIFY_FAILED);
    assert_string_equal(seen.runs[1].why, second.why);

    assert_int_equal(latency[1].count, latency[0].count);
    for (int percentile = 1; percentile < 100; percentile++) {
        double exact = (double)oc_histogram_percentile_ns(&latency[0], percentile);
        double coarse = (double)oc_histogram_percentile_ns(&latency[1], percentile);
        assert_true(coarse >= exact && coarse <= exact * 1.04);
    }
    free(latency);
}

static void test_refused(void **state)
{
    struct oc_verify__runs_head head = head_of(7);
    struct oc_verify__runs_head other;
    struct seen seen = {0};
    char error[300] = "";
    FILE *file;

    (void)state;
    assert_int_equal(oc_verify__runs_create(path, &head, error, sizeof(error)), 0);
    other = head_of(8);
    assert_int_equal(oc_verify__runs_read(path, &other, on_run, &seen, error, sizeof(error)), -1);
    assert_non_null(strstr(error, "seed"));
    other.any_seed = true;
    assert_int_equal(oc_verify__runs_read(path, &other, on_run, &seen, error, sizeof(error)), 0);
    other = head_of(7);
    other.kernel = "Linux 7";
    assert_int_equal(oc_verify__runs_read(path, &other, on_run, &seen, error, sizeof(error)), -1);
    assert_non_null(strstr(error, "kernel"));
    plan.cells[0].duration_ms++;
    assert_int_equal(oc_verify__runs_read(path, &head, on_run, &seen, error, sizeof(error)), -1);
    assert_non_null(strstr(error, "cells"));
    plan.cells[0].duration_ms--;
    assert_int_equal(oc_verify__runs_read(path, &head, on_run, &seen, error, sizeof(error)), 0);

    file = fopen(path, "we");
    assert_non_null(file);
    (void)fclose(file);
    assert_int_equal(oc_verify__runs_read(path, &head, on_run, &seen, error, sizeof(error)), -1);
    file = fopen(path, "we");
    assert_non_null(file);
    (void)fprintf(file, "{\"a\": 1}\n");
    (void)fclose(file);
    assert_int_equal(oc_verify__runs_read(path, &head, on_run, &seen, error, sizeof(error)), -1);
    assert_non_null(strstr(error, "no file of runs"));
    assert_int_equal(
        oc_verify__runs_read("/nonexistent/x", &head, on_run, &seen, error, sizeof(error)), -1);
    assert_int_equal(oc_verify__runs_create("/nonexistent/x", &head, error, sizeof(error)), -1);
    assert_int_equal(seen.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
