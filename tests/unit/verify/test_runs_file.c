/*
 * Goal: a run that was written down is the run that is read back, with what the hosts were then,
 * and a file that does not belong to the plan is refused. Method: runs with every kind of content
 * through a file of two parts, lines cut off and spoilt, files of other seeds, plans and formats;
 * the coarse histogram against the exact one. Fails when: a member gets lost, a half line becomes a
 * run or swallows the next one, a line that cannot be read is passed over, the hosts are those of a
 * later part, runs of another plan are mixed in or refused in words that do not name the option, or
 * a percentile moves by more than 4 %.
 */
#include <errno.h>
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
static struct oc_verify__runs_past past;
static struct oc_verify__hello hosts[2];

struct seen {
    uint32_t count;
    uint32_t last_count;
    struct oc_verify_run runs[8];
    struct oc_histogram *latency; /* of the first */
};

static void on_run(void *context, const struct oc_verify__runs_line *line)
{
    struct seen *seen = context;

    if (seen->count == 0 && seen->latency != NULL) {
        oc_histogram_merge(seen->latency, line->latency);
    }
    seen->runs[seen->count++] = *line->run;
    seen->last_count += line->last;
}

static void append_text(const char *text)
{
    FILE *file = fopen(path, "ae");

    assert_non_null(file);
    (void)fputs(text, file);
    (void)fclose(file);
}

static int read_all(const struct oc_verify__runs_head *head, struct seen *seen, char error[300])
{
    return oc_verify__runs_read(path, head, on_run, seen, &past, error, 300);
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
        oc_verify__runs_append(path, &plan,
                               &(struct oc_verify__runs_line){.run = &first, .latency = latency},
                               error, sizeof(error)),
        0);
    assert_int_equal(oc_verify__runs_append(path, &plan,
                                            &(struct oc_verify__runs_line){.run = &second,
                                                                           .latency = seen.latency,
                                                                           .elapsed_s = 1.5,
                                                                           .last = true},
                                            error, sizeof(error)),
                     0);
    append_text("{\"cell\":\"ping-pong/1/same-core\",\"block\":1,\"sta");

    assert_int_equal(read_all(&head, &seen, error), 0);
    assert_true(past.elapsed_s == 1.5);
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

    (void)state;
    assert_int_equal(oc_verify__runs_create(path, &head, error, sizeof(error)), 0);
    other = head_of(8);
    assert_int_equal(read_all(&other, &seen, error), -EINVAL);
    assert_non_null(strstr(error, "does not fit: it was measured with --seed 7"));
    other.any_seed = true;
    assert_int_equal(read_all(&other, &seen, error), 0);
    other = head_of(7);
    other.full = false;
    assert_int_equal(read_all(&other, &seen, error), -EINVAL);
    assert_non_null(strstr(error, "it is of --full, and this is --quick"));
    other = head_of(7);
    other.kernel = "Linux 7";
    assert_int_equal(read_all(&other, &seen, error), -EINVAL);
    assert_non_null(strstr(error, "its kernel was Linux 6, and this is Linux 7"));
    plan.cells[0].duration_ms++;
    assert_int_equal(read_all(&head, &seen, error), -EINVAL);
    assert_non_null(strstr(error, "--pairs and --scenario"));
    plan.cells[0].duration_ms--;
    assert_int_equal(read_all(&head, &seen, error), 0);

    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(read_all(&head, &seen, error), -EINVAL);
    append_text("{\"a\": 1}\n");
    assert_int_equal(read_all(&head, &seen, error), -EINVAL);
    assert_non_null(strstr(error, "no file of runs"));
    assert_int_equal(truncate(path, 0), 0);
    append_text("{\"outcry_verify_runs\": 1, \"seed\": 7, \"full\": true}\n");
    assert_int_equal(read_all(&head, &seen, error), -EINVAL);
    assert_non_null(strstr(error, "another version of outcry"));
    assert_int_equal(
        oc_verify__runs_read("/nonexistent/x", &head, on_run, &seen, &past, error, sizeof(error)),
        -EINVAL);
    assert_int_equal(oc_verify__runs_create("/nonexistent/x", &head, error, sizeof(error)), -1);
    assert_int_equal(seen.count, 0);
}

static void append_run(uint32_t block)
{
    static struct oc_histogram none;
    struct oc_verify_run run = {.block = block};
    char error[300];

    assert_int_equal(
        oc_verify__runs_append(path, &plan,
                               &(struct oc_verify__runs_line){
                                   .run = &run, .latency = &none, .elapsed_s = block, .last = true},
                               error, sizeof(error)),
        0);
}

static void test_spoilt_lines(void **state)
{
    struct oc_verify__runs_head head = head_of(7);
    struct seen seen = {0};
    char error[300] = "";
    uint64_t size;

    (void)state;
    assert_int_equal(oc_verify__runs_create(path, &head, error, sizeof(error)), 0);
    append_run(1);
    assert_int_equal(read_all(&head, &seen, error), 0);
    size = past.size;
    append_text("{\"cell\":\"ping-p");
    assert_int_equal(read_all(&head, &seen, error), 0);
    assert_int_equal(past.size, size);
    /* What is appended next begins a line of its own. */
    hosts[0].environment.busy_share = 0.5;
    assert_int_equal(oc_verify__runs_begin(path, past.size, hosts, 1, error, sizeof(error)), 0);
    append_run(2);
    seen.count = 0;
    assert_int_equal(read_all(&head, &seen, error), 0);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.runs[1].block, 2);
    assert_int_equal(past.parts.count, 1);

    append_text("{\"cell\":\"ping-pong/1/same-core\"}\n");
    assert_int_equal(read_all(&head, &seen, error), 0);
    append_run(3);
    assert_int_equal(read_all(&head, &seen, error), -EINVAL);
    assert_non_null(strstr(error, path));
    assert_non_null(strstr(error, ":5: "));
}

static void test_parts(void **state)
{
    struct oc_verify__runs_head head = head_of(7);
    const struct oc_verify_environment *ends[] = {&hosts[0].environment, &hosts[1].environment};
    struct seen seen = {0};
    char error[300] = "";

    (void)state;
    assert_int_equal(oc_verify__runs_create(path, &head, error, sizeof(error)), 0);
    (void)snprintf(hosts[0].environment.time_begin, 32, "first");
    hosts[0].environment.busy_share = 0.25;
    hosts[1].environment.busy_share = 0.75;
    hosts[1].environment.load_before[2] = 3;
    hosts[0].costs.call_ns = 100;
    assert_int_equal(oc_verify__runs_begin(path, 0, hosts, 2, error, sizeof(error)), 0);
    append_run(8);
    assert_int_equal(read_all(&head, &seen, error), 0);
    assert_string_equal(past.hosts[0].environment.time_end, "unknown");
    assert_true(past.elapsed_s == 8);

    (void)snprintf(hosts[0].environment.time_begin, 32, "second");
    hosts[0].environment.busy_share = 1;
    hosts[0].costs.call_ns = 200;
    assert_int_equal(oc_verify__runs_begin(path, past.size, hosts, 2, error, sizeof(error)), 0);
    (void)snprintf(hosts[0].environment.time_end, 32, "late");
    hosts[1].environment.load_after[0] = 4;
    past.elapsed_s = 99;
    (void)snprintf(past.calls_why, sizeof(past.calls_why), "no right");
    assert_int_equal(oc_verify__runs_end(path, ends, 2, &past, error, sizeof(error)), 0);

    assert_int_equal(read_all(&head, &seen, error), 0);
    assert_int_equal(past.parts.count, 2);
    assert_string_equal(past.parts.of[0].time_begin, "first");
    assert_true(past.parts.of[0].busy_share == 0.75);
    assert_string_equal(past.parts.of[1].time_begin, "second");
    assert_true(past.parts.of[1].busy_share == 1);
    assert_string_equal(past.hosts[0].environment.time_begin, "first");
    assert_true(past.hosts[0].costs.call_ns == 100);
    assert_true(past.hosts[1].environment.load_before[2] == 3);
    assert_string_equal(past.hosts[0].environment.time_end, "late");
    assert_true(past.hosts[1].environment.load_after[0] == 4);
    assert_true(past.elapsed_s == 99);
    assert_string_equal(past.calls_why, "no right");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_spoilt_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_parts, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
