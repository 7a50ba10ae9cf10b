/*
 * Blocks: which runs, in which order, made one after the other and written down.
 */
#include "verify/session.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/equity.h"
#include "client/pingpong.h"
#include "core/assert.h"
#include "core/random.h"
#include "verify/clock.h"
#include "verify/environment.h"
#include "verify/statistics.h"

#define STACK(name) (1U << OC_VERIFY_STACK_##name)

/* In a row, in one cell: then a stack is not tried again there. */
#define FAILURES_MAX 2U
/* Equity scripts: requests of each connection, more than a run of a second plays. */
#define EQUITY_REQUESTS 30000U
#define EQUITY_RESTING  20000U
#define RUNS_GROWTH     256U

static int add_latencies(struct oc_verify_data *data, const struct oc_verify_run *run,
                         const struct oc_histogram *latency);
static double best_of(const double *capacities, uint32_t stacks);
static double weakest_of(const double *values, uint32_t count);
static void read_capacities(const struct oc_verify__session *session,
                            const struct oc_verify_cell *cell,
                            double capacities[OC_VERIFY_STACK_COUNT]);
static void shuffle(struct oc_verify__planned_run *runs, uint32_t count, uint64_t seed);
static uint32_t leave_out(const struct oc_verify_data *data, uint32_t cell,
                          struct oc_verify__planned_run *runs, uint32_t count);
static bool has_given_up(const struct oc_verify_data *data, uint32_t cell,
                         enum oc_verify_stack stack);
static int make_scripts(struct oc_verify__session *session, const struct oc_verify_cell *cell,
                        const struct oc_script **scripts);
static bool is_to_stop(const struct oc_verify__session *session);
static int fail(struct oc_verify__session *session, const char *what);

uint32_t oc_verify__block_plan(const struct oc_verify_cell *cell,
                               const double capacities[OC_VERIFY_STACK_COUNT],
                               struct oc_verify__planned_run runs[OC_VERIFY__BLOCK_RUNS_MAX])
{
    const double load = cell->load_percent / 100.0;
    double alone = 0;  /* load of the pair of epoll and io_uring */
    double tokios = 0; /* of the pairs with tokio */
    uint32_t count = 0;

    if (cell->load_percent > 0) {
        const double epoll = capacities[OC_VERIFY_STACK_EPOLL];
        const double io_uring = capacities[OC_VERIFY_STACK_IO_URING];
        const double tokio = best_of(capacities,
                                     cell->stacks & (STACK(TOKIO) | STACK(TOKIO_CURRENT)));
        alone = load * weakest_of((double[]){epoll, io_uring}, 2);
        tokios = isnan(tokio) ? alone : load * weakest_of((double[]){tokio, epoll, io_uring}, 3);
        if (isnan(tokios)) {
            return 0;
        }
        alone = isnan(alone) ? tokios : alone;
    }
    for (uint32_t i = 0; i < OC_VERIFY_STACK_COUNT; i++) {
        const bool is_tokio = i == OC_VERIFY_STACK_TOKIO || i == OC_VERIFY_STACK_TOKIO_CURRENT;
        if ((cell->stacks >> i & 1U) == 0) {
            continue;
        }
        runs[count++] = (struct oc_verify__planned_run){
            .stack = i,
            .rate = is_tokio ? tokios : alone,
        };
        if ((i == OC_VERIFY_STACK_EPOLL || i == OC_VERIFY_STACK_IO_URING) && tokios < alone) {
            runs[count++] = (struct oc_verify__planned_run){.stack = i, .rate = tokios};
        }
    }
    return count;
}

int oc_verify__block_make(struct oc_verify__session *session, uint32_t cell_index)
{
    const struct oc_verify_cell *cell = &session->plan.cells[cell_index];
    struct oc_verify_data *data = &session->report->data;
    const uint32_t block = session->blocks_done[cell_index];
    struct oc_verify__planned_run runs[OC_VERIFY__BLOCK_RUNS_MAX];
    double capacities[OC_VERIFY_STACK_COUNT];
    const struct oc_script *scripts = NULL;
    uint32_t count;

    read_capacities(session, cell, capacities);
    count = oc_verify__block_plan(cell, capacities, runs);
    if (make_scripts(session, cell, &scripts) < 0) {
        return fail(session, "no memory for the orders");
    }
    session->rig.seed = session->config->seed + block;
    count = leave_out(data, cell_index, runs, count);
    shuffle(runs, count, session->config->seed ^ ((uint64_t)cell_index << 32 | block));
    for (uint32_t i = 0; i < count; i++) {
        struct oc_verify_run run = {
            .cell = cell_index,
            .block = block,
            .stack = (uint8_t)runs[i].stack,
            .order = (uint8_t)i,
            .offered_rate = runs[i].rate,
        };
        struct oc_verify__runs_line line = {
            .run = &run,
            .latency = session->latency,
            .last = i + 1 == count,
        };
        if (is_to_stop(session)) {
            session->over = true;
            return 0;
        }
        oc_verify__run_make(&session->rig, cell, scripts, &run, session->latency);
        if (run.exclusion == OC_VERIFY_FAILED && is_to_stop(session)) {
            /* What asked for the end may have ended the server, too: that is no failure of it. */
            session->over = true;
            return 0;
        }
        if (session->rig.host->lost[0] != '\0') {
            return fail(session, session->rig.host->lost);
        }
        oc_verify__make_printable(run.why);
        if (oc_verify__data_add(data, &run, session->latency) < 0) {
            return fail(session, "no memory for the runs");
        }
        line.elapsed_s = oc_verify__elapsed_s(session);
        if (session->config->runs_path != NULL &&
            oc_verify__runs_append(session->config->runs_path, &session->plan, &line,
                                   session->error, session->error_size) < 0) {
            return -1;
        }
    }
    session->blocks_done[cell_index]++;
    return 0;
}

double oc_verify__elapsed_s(const struct oc_verify__session *session)
{
    return session->past.elapsed_s + (double)(oc_verify__clock_ns() - session->start_ns) / 1e9;
}

int oc_verify__data_init(struct oc_verify_data *data, const struct oc_verify__plan *plan)
{
    *data = (struct oc_verify_data){
        .cells = calloc(plan->cell_count, sizeof(*data->cells)),
        .latencies = calloc((size_t)plan->cell_count * OC_VERIFY_LOADS_MAX,
                            sizeof(*data->latencies)),
        .cell_count = plan->cell_count,
    };
    if (data->cells == NULL || data->latencies == NULL) {
        oc_verify__data_deinit(data);
        return -ENOMEM;
    }
    memcpy(data->cells, plan->cells, plan->cell_count * sizeof(*data->cells));
    return 0;
}

void oc_verify__data_deinit(struct oc_verify_data *data)
{
    for (uint32_t i = 0; data->latencies != NULL && i < data->cell_count * OC_VERIFY_LOADS_MAX;
         i++) {
        for (uint32_t stack = 0; stack < OC_VERIFY_STACK_COUNT; stack++) {
            free(data->latencies[i].of[stack]);
        }
    }
    free(data->latencies);
    free(data->cells);
    free(data->runs);
    *data = (struct oc_verify_data){0};
}

int oc_verify__data_add(struct oc_verify_data *data, const struct oc_verify_run *run,
                        const struct oc_histogram *latency)
{
    /* The room for runs is a multiple of RUNS_GROWTH, and it is full when their number is. */
    if (data->run_count % RUNS_GROWTH == 0) {
        struct oc_verify_run *runs = realloc(data->runs,
                                             (data->run_count + RUNS_GROWTH) * sizeof(*runs));
        if (runs == NULL) {
            return -ENOMEM;
        }
        data->runs = runs;
    }
    if (run->exclusion == OC_VERIFY_KEPT && latency->count > 0 &&
        add_latencies(data, run, latency) < 0) {
        return -ENOMEM;
    }
    data->runs[data->run_count++] = *run;
    return 0;
}

void oc_verify__data_drop(struct oc_verify_data *data, uint32_t cell, uint32_t block)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < data->run_count; i++) {
        if (data->runs[i].cell != cell || data->runs[i].block != block) {
            data->runs[kept++] = data->runs[i];
        }
    }
    data->run_count = kept;
}

void oc_verify__scripts_deinit(struct oc_verify__scripts *scripts)
{
    for (uint32_t i = 0; i < scripts->pingpong_count; i++) {
        oc_script_deinit(&scripts->pingpong[i]);
    }
    for (uint32_t i = 0; i < scripts->equity_count; i++) {
        oc_script_deinit(&scripts->equity[i]);
    }
    free(scripts->pingpong);
    free(scripts->equity);
    *scripts = (struct oc_verify__scripts){0};
}

/* A third load, which no plan has, is in no curve. */
static int add_latencies(struct oc_verify_data *data, const struct oc_verify_run *run,
                         const struct oc_histogram *latency)
{
    for (uint32_t load = 0; load < OC_VERIFY_LOADS_MAX; load++) {
        struct oc_verify_latencies *at = &data->latencies[run->cell * OC_VERIFY_LOADS_MAX + load];

        if (at->used && !oc_pairs_same_rate(at->offered_rate, run->offered_rate)) {
            continue;
        }
        at->used = true;
        at->offered_rate = run->offered_rate;
        if (at->of[run->stack] == NULL) {
            at->of[run->stack] = calloc(1, sizeof(struct oc_histogram));
        }
        if (at->of[run->stack] == NULL) {
            return -ENOMEM;
        }
        oc_histogram_merge(at->of[run->stack], latency);
        break;
    }
    return 0;
}

/* Of those that have a capacity; NaN if none has. */
static double best_of(const double *capacities, uint32_t stacks)
{
    double best = NAN;

    for (uint32_t i = 0; i < OC_VERIFY_STACK_COUNT; i++) {
        if ((stacks >> i & 1U) != 0 && !isnan(capacities[i])) {
            best = isnan(best) || capacities[i] > best ? capacities[i] : best;
        }
    }
    return best;
}

/* NaN are passed over. */
static double weakest_of(const double *values, uint32_t count)
{
    double weakest = NAN;

    for (uint32_t i = 0; i < count; i++) {
        weakest = fmin(weakest, values[i]);
    }
    return weakest;
}

/* Medians of the capacity cell's runs. They are all made by then, so that every block has the same
 * loads, also after a resume. */
static void read_capacities(const struct oc_verify__session *session,
                            const struct oc_verify_cell *cell,
                            double capacities[OC_VERIFY_STACK_COUNT])
{
    const struct oc_verify_data *data = &session->report->data;
    uint32_t from = oc_verify__capacity_of(&session->plan, cell);

    for (uint32_t stack = 0; stack < OC_VERIFY_STACK_COUNT; stack++) {
        double values[OC_PAIRS_BLOCKS_MAX];
        uint32_t count = 0;
        capacities[stack] = NAN;
        for (uint32_t i = 0; i < data->run_count && count < OC_PAIRS_BLOCKS_MAX; i++) {
            const struct oc_verify_run *run = &data->runs[i];
            if (run->cell == from && run->stack == stack && run->exclusion != OC_VERIFY_FAILED) {
                values[count++] = run->metrics[OC_VERIFY_METRIC_RATE];
            }
        }
        if (count > 0) {
            capacities[stack] = oc_statistics_median(values, count);
        }
    }
}

static void shuffle(struct oc_verify__planned_run *runs, uint32_t count, uint64_t seed)
{
    struct oc_random random;

    oc_random_init(&random, seed);
    for (uint32_t i = count; i > 1; i--) {
        uint32_t other = (uint32_t)oc_random_below(&random, i);
        struct oc_verify__planned_run kept = runs[i - 1];
        runs[i - 1] = runs[other];
        runs[other] = kept;
    }
}

/* By the data alone, so that a resumed verification does the same. */
static uint32_t leave_out(const struct oc_verify_data *data, uint32_t cell,
                          struct oc_verify__planned_run *runs, uint32_t count)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (!has_given_up(data, cell, runs[i].stack)) {
            runs[kept++] = runs[i];
        }
    }
    return kept;
}

static bool has_given_up(const struct oc_verify_data *data, uint32_t cell,
                         enum oc_verify_stack stack)
{
    uint32_t failures = 0;

    for (uint32_t i = 0; i < data->run_count; i++) {
        if (data->runs[i].cell == cell && data->runs[i].stack == stack) {
            failures = data->runs[i].exclusion == OC_VERIFY_FAILED ? failures + 1 : 0;
        }
    }
    return failures >= FAILURES_MAX;
}

static int make_scripts(struct oc_verify__session *session, const struct oc_verify_cell *cell,
                        const struct oc_script **scripts)
{
    struct oc_verify__scripts *all = &session->scripts;
    struct oc_script **made = cell->equity ? &all->equity : &all->pingpong;
    uint32_t *count = cell->equity ? &all->equity_count : &all->pingpong_count;

    if (cell->echo || cell->scenario == OC_VERIFY_SCENARIO_FAN_OUT) {
        return 0;
    }
    if (*count < cell->connections) {
        struct oc_script *grown = realloc(*made, cell->connections * sizeof(*grown));
        if (grown == NULL) {
            return -ENOMEM;
        }
        *made = grown;
        memset(grown + *count, 0, (cell->connections - *count) * sizeof(*grown));
    }
    for (; *count < cell->connections; (*count)++) {
        struct oc_equity_config equity = {
            .seed = session->config->seed,
            .user_id = *count + 1,
            .connection = *count,
            .instruments = 1,
            .resting = EQUITY_RESTING / cell->connections,
            .request_count = EQUITY_REQUESTS,
        };
        struct oc_equity_facts facts;
        int rc = cell->equity ? oc_equity_prepare(&equity, &(*made)[*count], &facts)
                              : oc_pingpong_prepare(*count + 1, &(*made)[*count]);
        if (rc < 0) {
            oc_script_deinit(&(*made)[*count]);
            return rc;
        }
    }
    *scripts = *made;
    return 0;
}

static bool is_to_stop(const struct oc_verify__session *session)
{
    return session->config->stop != NULL && *session->config->stop != 0;
}

static int fail(struct oc_verify__session *session, const char *what)
{
    (void)snprintf(session->error, session->error_size, "%s", what);
    return -1;
}
