/*
 * One run: start, load, read the meters at the borders, stop, divide.
 */
#define _GNU_SOURCE /* sched_setaffinity */
#include "verify/run.h"

#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "verify/calls.h"
#include "verify/clock.h"
#include "verify/meters.h"
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
    uint64_t resident_bytes;
    uint32_t descriptors;
    bool began;
    bool ended;
    bool has_counters; /* of an echo server of ours, at both borders */
    struct oc_verify_counters begin_counters;
    struct oc_verify_counters end_counters;
    struct oc_verify__calls calls;
    int calls_rc;
    uint64_t count_requests; /* when the counting began, then how many were counted */
    uint64_t count_calls;
};

static bool counts_itself(const struct oc_verify_cell *cell, enum oc_verify_stack stack);
static bool start(struct oc_verify__rig *rig, const struct oc_verify_cell *cell,
                  struct oc_verify_run *run);
static void pin(int cpu);
static void on_mark(void *context, enum oc_verify__mark mark, uint64_t requests);
static void see_begin(struct sight *sight, uint64_t requests);
static void see_end(struct sight *sight, uint64_t requests);
static void fill_latencies(struct oc_verify_run *run, const struct oc_histogram *latency,
                           const struct oc_histogram *connect);
static void fill_costs(struct oc_verify_run *run, const struct oc_verify_cell *cell,
                       const struct sight *sight);
static void fill_calls(struct oc_verify_run *run, const struct oc_verify_cell *cell,
                       const struct sight *sight, const struct oc_verify__outcome *outcome);
static void exclude(struct oc_verify_run *run, const struct sight *sight,
                    const struct oc_verify__outcome *outcome);
static int play(const struct oc_verify__task *task, struct oc_verify__outcome *outcome);

void oc_verify__run_make(struct oc_verify__rig *rig, const struct oc_verify_cell *cell,
                         const struct oc_script *scripts, struct oc_verify_run *run,
                         struct oc_histogram *latency)
{
    const bool spins = cell->placement == OC_VERIFY_BUSY_POLL;
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
        .seed = rig->seed,
        .scripts = scripts,
        .mark = on_mark,
        .context = &sight,
    };
    uint64_t drops[2];
    uint64_t retransmits[2];

    for (uint32_t i = 0; i < OC_VERIFY_METRIC_COUNT; i++) {
        run->metrics[i] = NAN;
    }
    oc_histogram_reset(latency);
    oc_histogram_reset(rig->connect);
    oc_histogram_reset(rig->lag);
    if (task.rate > 0) {
        task.busy_poll_ns = OC_VERIFY__SPIN_NS;
    }
    if (!start(rig, cell, run)) {
        return;
    }
    task.address = rig->child.address;
    pin(cell->placement == OC_VERIFY_SAME_CORE ? rig->server_cpu : rig->client_cpu);
    oc_verify__tcp_read(&drops[0], &retransmits[0]);
    if (play(&task, &outcome) < 0 || !sight.ended) {
        run->exclusion = OC_VERIFY_FAILED;
        (void)snprintf(run->why, sizeof(run->why), "%s",
                       outcome.why[0] != '\0' ? outcome.why : "the run ended too early");
        oc_histogram_reset(latency);
    }
    oc_verify__tcp_read(&drops[1], &retransmits[1]);
    oc_verify__child_stop(&rig->child);
    run->metrics[OC_VERIFY_METRIC_ERRORS] = (double)outcome.errors;
    run->metrics[OC_VERIFY_METRIC_TIMEOUTS] = (double)outcome.timeouts;
    run->metrics[OC_VERIFY_METRIC_DROPS] = (double)(drops[1] - drops[0]);
    if (run->exclusion == OC_VERIFY_FAILED) {
        return;
    }
    fill_latencies(run, latency, rig->connect);
    fill_costs(run, cell, &sight);
    fill_calls(run, cell, &sight, &outcome);
    exclude(run, &sight, &outcome);
}

/* An echo of ours tells its counters whenever it is asked; a venue only at its end, with all that
 * connecting cost, so it is counted from outside like the others. */
static bool counts_itself(const struct oc_verify_cell *cell, enum oc_verify_stack stack)
{
    return cell->echo && oc_verify__stack_is_ours(stack);
}

static bool start(struct oc_verify__rig *rig, const struct oc_verify_cell *cell,
                  struct oc_verify_run *run)
{
    struct oc_verify__command command;
    char why[OC_VERIFY__WHY_BYTES];

    oc_verify__stacks_command(rig->stacks, run->stack, cell,
                              cell->placement == OC_VERIFY_BUSY_POLL ? BUSY_POLL_NS : 0, &command);
    if (oc_verify__child_start(&rig->child, command.words, rig->server_cpu, why) < 0) {
        run->exclusion = OC_VERIFY_FAILED;
        (void)snprintf(run->why, sizeof(run->why), "%s", why);
        return false;
    }
    return true;
}

static int play(const struct oc_verify__task *task, struct oc_verify__outcome *outcome)
{
    if (task->cell->scenario == OC_VERIFY_SCENARIO_FAN_OUT) {
        return oc_verify__fan_out_run(task, outcome);
    }
    if (!task->cell->echo) {
        return oc_verify__orders_run(task, outcome);
    }
    return task->cell->connections == 1 ? oc_verify__raw_run(task, outcome)
                                        : oc_verify__many_run(task, outcome);
}

static void pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    (void)sched_setaffinity(0, sizeof(set), &set);
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
        sight->calls_rc = oc_verify__calls_begin(&sight->calls, rig->child.pid);
        if (sight->calls_rc < 0) {
            (void)snprintf(rig->calls_why, sizeof(rig->calls_why), "raw_syscalls tracepoint: %s",
                           strerror(-sight->calls_rc));
        }
        sight->count_requests = requests;
        return;
    case OC_VERIFY__MARK_COUNTED:
        if (sight->calls_rc == 0) {
            sight->count_calls = oc_verify__calls_end(&sight->calls);
        }
        sight->count_requests = requests - sight->count_requests;
        return;
    }
}

/* What disturbs least comes last: the meters' own times are the borders. */
static void see_begin(struct sight *sight, uint64_t requests)
{
    struct oc_verify__child *child = &sight->rig->child;

    if (sight->counts_itself) {
        sight->has_counters = oc_verify__child_counters(child, &sight->begin_counters);
    }
    sight->began = true;
    sight->begin_requests = requests;
    oc_verify__meters_read(child->pid, &sight->begin);
}

static void see_end(struct sight *sight, uint64_t requests)
{
    struct oc_verify__child *child = &sight->rig->child;

    oc_verify__meters_read(child->pid, &sight->end);
    sight->end_requests = requests;
    sight->ended = sight->began;
    if (sight->has_counters) {
        sight->has_counters = oc_verify__child_counters(child, &sight->end_counters);
    }
    sight->resident_bytes = oc_verify__resident_bytes(child->pid);
    sight->descriptors = oc_verify__descriptor_count(child->pid);
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
    const double machine_ns = elapsed_ns * oc_verify__cpu_count();
    const bool spins = cell->placement == OC_VERIFY_BUSY_POLL;
    double steal_ns = (double)(end->steal_ns - begin->steal_ns);

    run->request_count = sight->end_requests - sight->begin_requests;
    run->steal_share = machine_ns > 0 ? steal_ns / machine_ns : 0;
    run->metrics[OC_VERIFY_METRIC_RESIDENT] = (double)sight->resident_bytes;
    run->metrics[OC_VERIFY_METRIC_DESCRIPTORS] = (double)sight->descriptors;
    if (run->request_count == 0) {
        return;
    }
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
    if (run->offered_rate > 0) {
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
    } else if (!oc_verify__stack_is_ours(sight->stack) ||
               !oc_verify_counters_find(sight->rig->child.log, &counters)) {
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

/* By steal time and the generator's lag only, never by what came out. */
static void exclude(struct oc_verify_run *run, const struct sight *sight,
                    const struct oc_verify__outcome *outcome)
{
    uint64_t steal_ns = sight->end.steal_ns - sight->begin.steal_ns;
    double lag_ns = (double)oc_histogram_percentile_ns(outcome->lag, 99.0);
    double p99_ns = run->metrics[OC_VERIFY_METRIC_LATENCY_P99];

    run->lag_p99_ns = lag_ns;
    if (steal_ns > STEAL_NS_ALWAYS && run->steal_share > OC_VERIFY_STEAL_MAX) {
        run->exclusion = OC_VERIFY_EXCLUDED_STEAL;
        (void)snprintf(run->why, sizeof(run->why), "steal time %.1f %% of the machine",
                       100.0 * run->steal_share);
    } else if (run->offered_rate > 0 && lag_ns > OC_VERIFY_LAG_ALWAYS_NS &&
               lag_ns > OC_VERIFY_LAG_MAX * p99_ns) {
        run->exclusion = OC_VERIFY_EXCLUDED_LAG;
        (void)snprintf(run->why, sizeof(run->why),
                       "the generator was late: p99 of its lag %.1f us, of the latency %.1f us",
                       lag_ns / 1e3, p99_ns / 1e3);
    }
}
