/*
 * A whole report made up for the tests of the reports: a real plan, runs with a known truth, a
 * judgement over them, and texts from outside that try to break out.
 */
#ifndef OC_TESTS_UNIT_VERIFY_REPORT_MADE_H
#define OC_TESTS_UNIT_VERIFY_REPORT_MADE_H

#include <unistd.h>

#include "made.h"
#include "verify/cells.h"
#include "verify/report_words.h"
#include "verify/stacks.h"
#include "verify/verify.h"

#define REPORT_MADE_EVIL     "<script>alert('1')</script> & \"x\" | `y` \x1b[31m \xff\xfe [a](b)"
#define REPORT_MADE_PATH     "/tmp/outcry-test-report-XXXXXX"
#define REPORT_MADE_WHY      "the <program> is not there"
#define REPORT_MADE_ANY_LOAD 50000.0

struct report_made {
    uint64_t seed;
    uint32_t blocks; /* 0: no runs at all */
    bool full;
    bool evil;     /* texts of the host break out, if they are not escaped */
    bool voids;    /* every second block of each cell is excluded */
    bool fails;    /* io_uring fails in every run */
    double factor; /* of all times: another day; 0 counts as 1 */
};

/* Of a stack, how its times stand to epoll's. */
static inline double report_made_cost(enum oc_verify_stack stack)
{
    static const double COSTS[OC_VERIFY_STACK_COUNT] = {
        [OC_VERIFY_STACK_FLOOR] = 0.90,         [OC_VERIFY_STACK_TOKIO] = 1.90,
        [OC_VERIFY_STACK_TOKIO_CURRENT] = 1.60, [OC_VERIFY_STACK_LIBUV] = 1.05,
        [OC_VERIFY_STACK_EPOLL] = 1.00,         [OC_VERIFY_STACK_IO_URING] = 0.96,
        [OC_VERIFY_STACK_ALTERED] = 1.00,
    };

    return COSTS[stack];
}

static inline void report_made_metrics(const struct oc_verify_cell *cell, double cost,
                                       struct oc_random *random, struct oc_verify_run *run)
{
    const double noise = 1.0 + 0.03 * (oc_random_double(random) - 0.5);
    const double time_ns = 14000.0 * cost * noise *
                           (1.0 + cell->size / 5000.0 + cell->connections * 0.8);
    double *metrics = run->metrics;

    metrics[OC_VERIFY_METRIC_LATENCY_P50] = time_ns;
    metrics[OC_VERIFY_METRIC_LATENCY_P95] = time_ns * 1.6;
    metrics[OC_VERIFY_METRIC_LATENCY_P99] = time_ns * (2.4 + noise);
    metrics[OC_VERIFY_METRIC_LATENCY_P999] = time_ns * 6.0;
    metrics[OC_VERIFY_METRIC_RATE] = 1e9 * (cell->window + 1.0) * cell->connections / time_ns;
    metrics[OC_VERIFY_METRIC_SERVER_CPU] = 7000.0 * cost * noise *
                                           (1.0 + 1.0 / (1.0 + cell->connections));
    metrics[OC_VERIFY_METRIC_CLIENT_CPU] = 6000.0 * noise;
    metrics[OC_VERIFY_METRIC_MACHINE_CPU] = 20000.0 * cost * noise;
    metrics[OC_VERIFY_METRIC_SYSTEM_CALLS] = 2.5 * cost * cost;
    metrics[OC_VERIFY_METRIC_CONTEXT_SWITCHES] = 1.01 * noise;
    metrics[OC_VERIFY_METRIC_RESIDENT] = 4e6 * cost;
    metrics[OC_VERIFY_METRIC_ERRORS] = 0;
    if (cell->placement == OC_VERIFY_BUSY_POLL) {
        metrics[OC_VERIFY_METRIC_SERVER_CPU] = (double)NAN;
        metrics[OC_VERIFY_METRIC_CLIENT_CPU] = (double)NAN;
    }
}

static inline void report_made_latencies(struct oc_verify_report *report,
                                         const struct oc_verify_run *run, struct oc_random *random)
{
    struct oc_verify_latencies *at = &report->data.latencies[run->cell * OC_VERIFY_LOADS_MAX];
    struct oc_histogram **sum = &at->of[run->stack];

    at->used = true;
    at->offered_rate = run->offered_rate;
    if (*sum == NULL) {
        *sum = calloc(1, sizeof(**sum));
        assert_non_null(*sum);
    }
    for (uint32_t i = 0; i < 400; i++) {
        double share = oc_random_double(random);
        double tail = 1.0 + 0.4 * share + 0.02 / (1.0003 - share);
        oc_histogram_record_n(
            *sum, (uint64_t)(run->metrics[OC_VERIFY_METRIC_LATENCY_P50] * tail * 0.8), 20);
    }
}

static inline void report_made_runs(struct oc_verify_report *report,
                                    const struct report_made *config)
{
    struct oc_random random;
    struct oc_verify_data *data = &report->data;

    oc_random_init(&random, config->seed);
    for (uint32_t cell = 0; cell < data->cell_count; cell++) {
        const struct oc_verify_cell *it = &data->cells[cell];
        uint32_t blocks = it->blocks < config->blocks ? it->blocks : config->blocks;
        for (uint32_t i = 0; i < blocks * OC_VERIFY_STACK_COUNT; i++) {
            struct oc_verify_run *run = &data->runs[data->run_count];
            const uint32_t stack = i % OC_VERIFY_STACK_COUNT;
            double cost = report_made_cost(stack) * (config->factor > 0 ? config->factor : 1.0);
            if ((it->stacks >> stack & 1U) == 0) {
                continue;
            }
            *run = (struct oc_verify_run){.cell = cell,
                                          .block = i / OC_VERIFY_STACK_COUNT,
                                          .stack = (uint8_t)stack,
                                          .request_count = 8000};
            for (uint32_t metric = 0; metric < OC_VERIFY_METRIC_COUNT; metric++) {
                run->metrics[metric] = (double)NAN;
            }
            run->offered_rate = it->load_percent > 0 ? REPORT_MADE_ANY_LOAD : 0.0;
            data->run_count++;
            if (config->fails && stack == OC_VERIFY_STACK_IO_URING) {
                run->exclusion = OC_VERIFY_FAILED;
                (void)snprintf(run->why, sizeof(run->why), "it <failed> & ended");
                continue;
            }
            report_made_metrics(it, cost, &random, run);
            if (config->voids && run->block % 2 == 0) {
                run->exclusion = OC_VERIFY_EXCLUDED_STEAL;
                continue;
            }
            report_made_latencies(report, run, &random);
        }
    }
}

static inline void report_made_host(struct oc_verify_report *report,
                                    const struct report_made *config)
{
    struct oc_verify_environment *host = &report->environment;

    (void)snprintf(host->kernel, sizeof(host->kernel), "Linux 6.1.0 #1 SMP x86_64");
    (void)snprintf(host->cpu, sizeof(host->cpu), "%s", config->evil ? REPORT_MADE_EVIL : "a CPU");
    (void)snprintf(host->command, sizeof(host->command), "%s",
                   config->evil ? REPORT_MADE_EVIL : "outcry verify --full");
    (void)snprintf(host->version, sizeof(host->version), "outcry 0.1.0 (abc)");
    (void)snprintf(host->congestion_control, sizeof(host->congestion_control), "cubic");
    (void)snprintf(host->time_begin, sizeof(host->time_begin), "2026-01-02T03:04:05Z");
    host->cpus_online = 2;
    host->cpus_allowed = 2;
    report->costs = (struct oc_verify_costs){160.0, 400.0, 900.0, 3300.0, 1700.0};
    report->split = (struct oc_verify_split){120.0, (double)NAN, (double)NAN};
    for (uint32_t i = 0; i < OC_VERIFY_STACK_COUNT; i++) {
        report->stacks[i].available = i != OC_VERIFY_STACK_LIBUV;
        (void)snprintf(report->stacks[i].version, sizeof(report->stacks[i].version), "1.%u", i);
    }
    (void)snprintf(report->stacks[OC_VERIFY_STACK_LIBUV].why,
                   sizeof(report->stacks[OC_VERIFY_STACK_LIBUV].why), REPORT_MADE_WHY);
}

/* To be given back with report_made_end. */
static inline struct oc_verify_report *report_made_begin(const struct report_made *config)
{
    struct oc_verify_report *report = calloc(1, sizeof(*report));
    static struct oc_verify__plan plan;
    struct oc_verify__plan_config plan_config = {
        .full = config->full,
        .scenarios = (1U << OC_VERIFY_SCENARIO_COUNT) - 1U,
        .stacks = ((1U << OC_VERIFY_STACK_COUNT) - 1U) & ~(1U << OC_VERIFY_STACK_LIBUV),
        .cpus = 2,
    };

    assert_non_null(report);
    report->full = config->full;
    report->pairs = (1U << OC_VERIFY_PAIR_EPOLL_ALTERED) - 1U;
    report->seed = config->seed;
    report->elapsed_s = 12.0;
    oc_arena_init(&report->arena);
    report_made_host(report, config);
    oc_verify__plan_make(&plan_config, &plan);
    report->data.cell_count = plan.cell_count;
    report->data.cells = calloc(plan.cell_count, sizeof(*report->data.cells));
    report->data.runs = calloc((size_t)plan.cell_count * 128U * OC_VERIFY_STACK_COUNT,
                               sizeof(*report->data.runs));
    report->data.latencies = calloc((size_t)plan.cell_count * OC_VERIFY_LOADS_MAX,
                                    sizeof(*report->data.latencies));
    assert_non_null(report->data.cells);
    assert_non_null(report->data.runs);
    assert_non_null(report->data.latencies);
    memcpy(report->data.cells, plan.cells, plan.cell_count * sizeof(plan.cells[0]));
    report_made_runs(report, config);
    report->judgement_config = (struct oc_judgement_config){
        .seed = config->seed,
        .resamples = 200,
        .pairs = report->pairs,
        .thresholds = OC_GATE_THRESHOLDS_DEFAULT,
        .costs = report->costs,
    };
    assert_int_equal(oc_judgement_make(&report->judgement, &report->data, &report->judgement_config,
                                       &report->arena),
                     0);
    return report;
}

static inline void report_made_end(struct oc_verify_report *report)
{
    oc_verify_report_deinit(report);
    free(report);
}

/* What a writer of files wrote; to be freed. */
static inline char *report_made_read(int (*write)(const struct oc_verify_report *report,
                                                  const char *path, char *error, size_t error_size),
                                     const struct oc_verify_report *report)
{
    char path[] = REPORT_MADE_PATH;
    char error[256] = "";
    int fd = mkstemp(path);
    char *text = NULL;
    size_t size = 0;
    FILE *file;

    assert_true(fd >= 0);
    assert_int_equal(write(report, path, error, sizeof(error)), 0);
    file = fopen(path, "re");
    assert_non_null(file);
    assert_true(getdelim(&text, &size, '\0', file) > 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(path), 0);
    return text;
}

/* A word by itself: "nan" is in no other word. */
static inline bool report_made_has_word(const char *text, const char *word)
{
    const size_t size = strlen(word);

    for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word)) {
        bool begins = at == text || strchr("abcdefghijklmnopqrstuvwxyz", at[-1]) == NULL;
        if (begins && strchr("abcdefghijklmnopqrstuvwxyz", at[size]) == NULL) {
            return true;
        }
    }
    return false;
}

/* Every format: all cells, all criteria, what is missing and why; no number that is none. */
static inline void report_made_check(const struct oc_verify_report *report, const char *text,
                                     const char *why)
{
    for (uint32_t cell = 0; cell < report->data.cell_count; cell++) {
        if (strstr(text, report->data.cells[cell].name) == NULL) {
            fail_msg("%s is missing", report->data.cells[cell].name);
        }
    }
    for (uint32_t i = 0; i < OC_GATE_CRITERIA && report->data.run_count > 0; i++) {
        if (strstr(text, oc_verify__words_criterion(i)) == NULL) {
            fail_msg("%s is missing", oc_verify__words_criterion(i));
        }
    }
    assert_non_null(strstr(text, why));
    assert_false(report_made_has_word(text, "nan"));
    assert_false(report_made_has_word(text, "inf"));
    assert_null(strchr(text, '\x1b'));
    assert_null(strchr(text, '\xff'));
}

#endif
