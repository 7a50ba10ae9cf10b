/*
 * Real orders: the project's load generator plays a script, so that every reply is checked while it
 * is measured.
 */
#include <stdlib.h>
#include <string.h>

#include "verify/task.h"

/* What the generator's handshake sends on each connection: session, mass cancel, ping. */
#define HANDSHAKE_REQUESTS 3U
/* Behind the measured period, before calls are counted: its connections are new ones. */
#define COUNT_WARMUP_NS 20000000ULL

struct orders {
    const struct oc_verify__task *task;
    bool counting;
};

static void on_measure(void *context, bool begins, uint64_t answered);

int oc_verify__orders_run(const struct oc_verify__task *task, struct oc_verify__outcome *outcome)
{
    struct orders orders = {.task = task};
    struct oc_histogram *ignored = calloc(2, sizeof(*ignored));
    struct oc_load_config config;
    struct oc_load_result result = {.latency = outcome->latency, .lag = outcome->lag};
    struct oc_load_result counted = {0};
    int rc;

    if (ignored == NULL) {
        oc_verify__outcome_fail(outcome, "no memory");
        return -1;
    }
    oc_verify__orders_config(task, &config);
    config.on_measure = on_measure;
    config.on_measure_context = &orders;
    counted.latency = &ignored[0];
    counted.lag = &ignored[1];
    rc = oc_verify__orders_play(task, &config, &result, outcome);
    if (rc == 0 && task->count_ns > 0) {
        orders.counting = true;
        config.warmup_ns = COUNT_WARMUP_NS;
        config.duration_ns = task->count_ns;
        rc = oc_verify__orders_play(task, &config, &counted, outcome);
    }
    free(ignored);
    return rc;
}

void oc_verify__orders_config(const struct oc_verify__task *task, struct oc_load_config *config)
{
    *config = (struct oc_load_config){
        .address = task->address,
        .connections = task->cell->connections,
        .window = task->rate > 0 ? OC_LOAD_WINDOW_MAX : task->cell->window,
        .arrivals = task->rate > 0 ? OC_ARRIVALS_POISSON : OC_ARRIVALS_CLOSED,
        .rate = task->rate,
        .warmup_ns = task->warmup_ns,
        .duration_ns = task->measure_ns,
        .request_count = UINT64_MAX,
        .user_first = 1,
        .seed = task->seed,
        .timeout_ns = OC_VERIFY__TIMEOUT_NS,
        .busy_poll_ns = task->busy_poll_ns,
        .congestion = "reno",
    };
}

int oc_verify__orders_play(const struct oc_verify__task *task, const struct oc_load_config *config,
                           struct oc_load_result *result, struct oc_verify__outcome *outcome)
{
    int rc = oc_load_run(config, task->scripts, result);

    outcome->requests_all += result->preloaded + result->requests +
                             (uint64_t)config->connections * HANDSHAKE_REQUESTS;
    outcome->errors += result->wrong;
    outcome->timeouts += result->missing;
    if (result->why[0] != '\0') {
        oc_verify__outcome_fail(outcome, "%s", result->why);
    } else if (rc < 0) {
        oc_verify__outcome_fail(outcome, "%s", strerror(-rc));
    }
    return rc < 0 || result->wrong > 0 || result->missing > 0 ? -1 : 0;
}

static void on_measure(void *context, bool begins, uint64_t answered)
{
    struct orders *orders = context;
    enum oc_verify__mark mark = begins ? OC_VERIFY__MARK_BEGIN : OC_VERIFY__MARK_END;

    if (orders->counting) {
        mark = begins ? OC_VERIFY__MARK_COUNT : OC_VERIFY__MARK_COUNTED;
    }
    orders->task->mark(orders->task->context, mark, answered);
}
