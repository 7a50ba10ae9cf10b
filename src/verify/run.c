/*
 * One run: start, load, read the meters at the borders, stop, divide.
 */
#include "verify/run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "verify/task.h"

/* Both sides of a busy-poll placement spin for so long before they would block. */
#define BUSY_POLL_NS 1000000ULL
/* Steal time of a whole run, two ticks of /proc/stat, that says nothing. */
#define STEAL_NS_ALWAYS 20000000ULL

/* What the marks write down. */
struct sight {
    struct oc_verify__rig *rig;
    enum oc_verify_stack stack;
    bool counts_itself;
    struct oc_verify__meters begin;
    struct oc_verify__meters end;
    uint64_t begin_requests;
    uint64_t end_requests;
    struct oc_verify__footprint footprint;
    bool began;
    bool ended;
    bool has_counters; /* of an echo server of ours, at both borders */
    struct oc_verify_counters begin_counters;
    struct oc_verify_counters end_counters;
    struct oc_verify_counters last_counters; /* that a server of ours left behind */
    bool has_last_counters;
    int calls_rc;
    uint64_t count_requests; /* when the counting began, then how many were counted */
    uint64_t count_calls;
};

static bool counts_itself(const struct oc_verify_cell *cell, enum oc_verify_stack stack);
static bool start(struct oc_verify__rig *rig, const struct oc_verify_cell *cell,
                  struct oc_verify_run *run, struct oc_io_address *address);
static void fail(struct oc_verify_run *run, struct oc_histogram *latency, const char *why);
static void on_mark(void *context, enum oc_verify__mark mark, uint64_t requests);
static void see_begin(struct sight *sight, uint64_t requests);
static void see_end(struct sight *sight, uint64_t requests);
static void fill(struct oc_verify_run *run, const struct oc_verify_cell *cell,
                 const struct sight *sight, const struct oc_verify__outcome *outcome);
static void fill_latencies(struct oc_verify_run *run, const struct oc_histogram *latency,
                           const struct oc_histogram *connect);
static void fill_costs(struct oc_verify_run *run, const struct oc_verify_cell *cell,
                       const struct sight *sight);
static void fill_calls(struct oc_verify_run *run, const struct oc_verify_cell *cell,
                       const struct sight *sight, const struct oc_verify__outcome *outcome);
static uint64_t steal_ns_of(const struct sight *sight);
static int play(const struct oc_verify__task *task, struct oc_verify__outcome *outcome);

void oc_verify__run_make(struct oc_verify__rig *rig, const struct oc_verify_cell *cell,
                         const struct oc_script *scripts, struct oc_verify_run *run,
                         struct oc_histogram *latency)
{
    const bool spins = cell->placement == OC_VERIFY_BUSY_POLL;
    const struct oc_verify__host_ops *ops = rig->host->ops;
    struct sight sight = {.rig = rig,
                          .stack = run->stack,
                          .counts_itself = counts_itself(cell, run->stack),
                          .calls_rc = -1};
    struct oc_verify__outcome outcome = {
        .latency = latency, .connect = rig->connect, .lag = rig->lag};
    struct oc_verify__task task = {
        .cell = cell,
        .warmup_ns = (uint64_t)cell->warmup_ms * 1000000U,
        .measure_ns = (uint64_t)cell->duration_ms * 1000000U,
        .count_ns = counts_itself(cell, run->stack) ? 0 : rig->count_ns,
        .busy_poll_ns = spins ? BUSY_POLL_NS : 0,
        .rate = run->offered_rate,
        .seed = cell->p99_limit_us > 0 ? rig->seed ^ (uint64_t)run->stack << 32 : rig->seed,
        .scripts = scripts,
        .mark = on_mark,
        .context = &sight,
    };
    uint64_t drops;

    for (uint32_t i = 0; i < OC_VERIFY_METRIC_COUNT; i++) {
        run->metrics[i] = NAN;
    }
    oc_histogram_reset(latency);
    oc_histogram_reset(rig->connect);
    oc_histogram_reset(rig->lag);
    if (task.rate > 0) {
        task.busy_poll_ns = OC_VERIFY__SPIN_NS;
    }
    if (!start(rig, cell, run, &task.address)) {
        return;
    }
    oc_verify__process_pin(cell->placement == OC_VERIFY_SAME_CORE ? rig->cpus.server
                                                                  : rig->cpus.client);
    drops = ops->drops(rig->host);
    if (play(&task, &outcome) < 0 || !sight.ended) {
        fail(run, latency, outcome.why[0] != '\0' ? outcome.why : "the run ended too early");
    } else if (sight.end_requests == sight.begin_requests) {
        fail(run, latency, "no request was completed in the time that is measured");
    }
    drops = ops->drops(rig->host) - drops;
    sight.has_last_counters = ops->stop(rig->host, &sight.last_counters);
    if (rig->host->lost[0] != '\0') {
        fail(run, latency, rig->host->lost);
    }
    run->metrics[OC_VERIFY_METRIC_ERRORS] = (double)outcome.errors;
    run->metrics[OC_VERIFY_METRIC_TIMEOUTS] = (double)outcome.timeouts;
    run->metrics[OC_VERIFY_METRIC_DROPS] = (double)drops;
    if (run->exclusion == OC_VERIFY_FAILED) {
        return;
    }
    fill(run, cell, &sight, &outcome);
    oc_verify__run_exclude(run, steal_ns_of(&sight));
}

void oc_verify__run_exclude(struct oc_verify_run *run, uint64_t steal_ns)
{
    if (steal_ns > STEAL_NS_ALWAYS && run->steal_share > OC_VERIFY_STEAL_MAX) {
        run->exclusion = OC_VERIFY_EXCLUDED_STEAL;
        (void)snprintf(run->why, sizeof(run->why), "steal time %.1f %% of the machine",
                       100.0 * run->steal_share);
    } else if (run->lag_p99_ns > OC_VERIFY_LAG_MAX_NS) {
        run->exclusion = OC_VERIFY_EXCLUDED_LAG;
        (void)snprintf(run->why, sizeof(run->why),
                       "the generator was late: p99 of its lag %.1f us, more than %.0f us",
                       run->lag_p99_ns / 1e3, OC_VERIFY_LAG_MAX_NS / 1e3);
    }
}

static void fail(struct oc_verify_run *run, struct oc_histogram *latency, const char *why)
{
    run->exclusion = OC_VERIFY_FAILED;
    (void)snprintf(run->why, sizeof(run->why), "%.127s", why);
    oc_histogram_reset(latency);
}

/* An echo of ours tells its counters whenever it is asked; a venue only at its end, with all that
 * connecting cost, so it is counted from outside like the others. */
static bool counts_itself(const struct oc_verify_cell *cell, enum oc_verify_stack stack)
{
    return cell->echo && oc_verify__stack_is_ours(stack);
}

static bool start(struct oc_verify__rig *rig, const struct oc_verify_cell *cell,
                  struct oc_verify_run *run, struct oc_io_address *address)
{
    const struct oc_verify__server server = {
        .stack = run->stack,
        .echo = cell->echo,
        .size = cell->size,
        .busy_poll_ns = cell->placement == OC_VERIFY_BUSY_POLL ? BUSY_POLL_NS : 0,
        .altered_delay_ns = run->stack == OC_VERIFY_STACK_ALTERED ? rig->altered_delay_ns : 0,
    };
    char why[OC_VERIFY__WHY_BYTES];

    if (rig->host->ops->start(rig->host, &server, address, why) < 0) {
        run->exclusion = OC_VERIFY_FAILED;
        (void)snprintf(run->why, sizeof(run->why), "%s", why);
        return false;
    }
    return true;
}

static int play(const struct oc_verify__task *task, struct oc_verify__outcome *outcome)
{
    if (task->cell->p99_limit_us > 0) {
        return oc_verify__capacity_run(task, outcome);
    }
    if (task->cell->scenario == OC_VERIFY_SCENARIO_FAN_OUT) {
        return oc_verify__fan_out_run(task, outcome);
    }
    if (!task->cell->echo) {
        return oc_verify__orders_run(task, outcome);
    }
    return task->cell->connections == 1 ? oc_verify__raw_run(task, outcome)
                                        : oc_verify__many_run(task, outcome);
}

static void on_mark(void *context, enum oc_verify__mark mark, uint64_t requests)
{
    struct sight *sight = context;
    struct oc_verify__rig *rig = sight->rig;

    switch (mark) {
    case OC_VERIFY__MARK_BEGIN:
        see_begin(sight, requests);
        return;
    case OC_VERIFY__MARK_END:
        see_end(sight, requests);
        return;
    case OC_VERIFY__MARK_COUNT:
        sight->calls_rc = rig->host->ops->calls_begin(rig->host);
        if (sight->calls_rc < 0) {
            (void)snprintf(rig->calls_why, sizeof(rig->calls_why), "raw_syscalls tracepoint: %s",
                           strerror(-sight->calls_rc));
        }
        sight->count_requests = requests;
        return;
    case OC_VERIFY__MARK_COUNTED:
        if (sight->calls_rc == 0) {
            sight->count_calls = rig->host->ops->calls_end(rig->host);
        }
        sight->count_requests = requests - sight->count_requests;
        return;
    }
}

/* What disturbs least comes last: the meters' own times are the borders. */
static void see_begin(struct sight *sight, uint64_t requests)
{
    struct oc_verify__host *host = sight->rig->host;

    if (sight->counts_itself) {
        sight->has_counters = host->ops->counters(host, &sight->begin_counters);
    }
    sight->began = true;
    sight->begin_requests = requests;
    host->ops->meters(host, OC_VERIFY__BORDER_BEGIN, &sight->begin);
}

static void see_end(struct sight *sight, uint64_t requests)
{
    struct oc_verify__host *host = sight->rig->host;

    host->ops->meters(host, OC_VERIFY__BORDER_END, &sight->end);
    sight->end_requests = requests;
    sight->ended = sight->began;
    if (sight->has_counters) {
        sight->has_counters = host->ops->counters(host, &sight->end_counters);
    }
    host->ops->footprint(host, &sight->footprint);
}

static void fill(struct oc_verify_run *run, const struct oc_verify_cell *cell,
                 const struct sight *sight, const struct oc_verify__outcome *outcome)
{
    fill_latencies(run, outcome->latency, outcome->connect);
    fill_costs(run, cell, sight);
    if (cell->p99_limit_us > 0) {
        /* System calls and memory are those of other rates for each stack: they compare with
         * nothing. */
        run->metrics[OC_VERIFY_METRIC_RESIDENT] = NAN;
        run->metrics[OC_VERIFY_METRIC_DESCRIPTORS] = NAN;
        run->metrics[OC_VERIFY_METRIC_RATE] = outcome->rate_held;
        run->lag_p99_ns = outcome->search_lag_p99_ns;
    } else {
        fill_calls(run, cell, sight, outcome);
        run->lag_p99_ns = (double)oc_histogram_percentile_ns(outcome->lag, 99.0);
    }
}

static void fill_latencies(struct oc_verify_run *run, const struct oc_histogram *latency,
                           const struct oc_histogram *connect)
{
    static const struct {
        enum oc_verify_metric metric;
        double percentile;
    } LATENCIES[] = {
        {OC_VERIFY_METRIC_LATENCY_P50, 50.0},  {OC_VERIFY_METRIC_LATENCY_P95, 95.0},
        {OC_VERIFY_METRIC_LATENCY_P99, 99.0},  {OC_VERIFY_METRIC_LATENCY_P999, 99.9},
        {OC_VERIFY_METRIC_LATENCY_MAX, 100.0},
    };

    for (size_t i = 0; i < sizeof(LATENCIES) / sizeof(LATENCIES[0]) && latency->count > 0; i++) {
        run->metrics[LATENCIES[i].metric] = (double)oc_histogram_percentile_ns(
            latency, LATENCIES[i].percentile);
    }
    if (connect->count > 0) {
        run->metrics[OC_VERIFY_METRIC_CONNECT_P50] = (double)oc_histogram_percentile_ns(connect,
                                                                                        50.0);
        run->metrics[OC_VERIFY_METRIC_CONNECT_P99] = (double)oc_histogram_percentile_ns(connect,
                                                                                        99.0);
    }
}

static void fill_costs(struct oc_verify_run *run, const struct oc_verify_cell *cell,
                       const struct sight *sight)
{
    const struct oc_verify__meters *begin = &sight->begin;
    const struct oc_verify__meters *end = &sight->end;
    const double requests = (double)(sight->end_requests - sight->begin_requests);
    const double elapsed_ns = (double)(end->now_ns - begin->now_ns);
    const double machine_ns = (double)(end->machine_ns - begin->machine_ns);
    const double here_ns = (double)(end->here_machine_ns - begin->here_machine_ns);
    const bool spins = cell->placement == OC_VERIFY_BUSY_POLL;
    double steal_ns = (double)(end->steal_ns - begin->steal_ns);

    run->request_count = sight->end_requests - sight->begin_requests;
    run->steal_share = fmax(
        machine_ns > 0 ? steal_ns / machine_ns : 0,
        here_ns > 0 ? (double)(end->here_steal_ns - begin->here_steal_ns) / here_ns : 0);
    run->metrics[OC_VERIFY_METRIC_RESIDENT] = (double)sight->footprint.resident_bytes;
    run->metrics[OC_VERIFY_METRIC_DESCRIPTORS] = (double)sight->footprint.descriptors;
    run->metrics[OC_VERIFY_METRIC_RATE] = requests * 1e9 / elapsed_ns;
    /* Who spins is busy whatever it does: no CPU time then, and none of the open loop's client. */
    if (spins) {
        return;
    }
    run->metrics[OC_VERIFY_METRIC_SERVER_CPU] = (double)(end->server_cpu_ns -
                                                         begin->server_cpu_ns) /
                                                requests;
    run->metrics[OC_VERIFY_METRIC_CONTEXT_SWITCHES] = (double)(end->switches - begin->switches) /
                                                      requests;
    if (run->offered_rate > 0 || cell->p99_limit_us > 0) {
        return;
    }
    run->metrics[OC_VERIFY_METRIC_CLIENT_CPU] = (double)(end->client_cpu_ns -
                                                         begin->client_cpu_ns) /
                                                requests;
    run->metrics[OC_VERIFY_METRIC_MACHINE_CPU] = (machine_ns - steal_ns -
                                                  (double)(end->idle_ns - begin->idle_ns)) /
                                                 requests;
}

/* Best between the borders, by the server itself or from outside; else, of a venue where nothing
 * may be counted from outside, its whole life. */
static void fill_calls(struct oc_verify_run *run, const struct oc_verify_cell *cell,
                       const struct sight *sight, const struct oc_verify__outcome *outcome)
{
    double *calls = &run->metrics[OC_VERIFY_METRIC_SYSTEM_CALLS];
    struct oc_verify_counters counters;
    double requests = (double)outcome->requests_all;

    if (sight->calls_rc == 0 && sight->count_requests > 0) {
        *calls = (double)sight->count_calls / (double)sight->count_requests;
    }
    if (sight->counts_itself) {
        if (!sight->has_counters) {
            return;
        }
        counters = sight->end_counters;
        counters.system_calls -= sight->begin_counters.system_calls;
        counters.received -= sight->begin_counters.received;
        counters.polls -= sight->begin_counters.polls;
        requests = (double)run->request_count;
    } else if (oc_verify__stack_is_ours(sight->stack) && sight->has_last_counters) {
        counters = sight->last_counters;
    } else {
        return;
    }
    if (isnan(*calls) && requests > 0) {
        *calls = (double)counters.system_calls / requests;
    }
    /* Polls that accept a connection bring no input: where they are many, the mean says nothing. */
    if (counters.polls > 0 && cell->messages == 0 && cell->scenario != OC_VERIFY_SCENARIO_FAN_OUT) {
        run->metrics[OC_VERIFY_METRIC_BATCH_MEAN] = (double)counters.received /
                                                    (double)counters.polls;
    }
}

/* Of the host that suffered more. */
static uint64_t steal_ns_of(const struct sight *sight)
{
    uint64_t there_ns = sight->end.steal_ns - sight->begin.steal_ns;
    uint64_t here_ns = sight->end.here_steal_ns - sight->begin.here_steal_ns;

    return there_ns > here_ns ? there_ns : here_ns;
}
