/*
 * The capacity at a limit of p99: real orders in open loop, offered at one rate after another to
 * the same server, until the search knows the highest that it holds.
 *
 * Each offer connects anew and ends when the last reply to its orders is in, so that none inherits
 * the queue of the one before it.
 */
#include <math.h>

#include "core/random.h"
#include "verify/run.h"
#include "verify/search.h"
#include "verify/task.h"

#define PERCENTILE 99.0

static int offer(const struct oc_verify__task *task, double rate, uint64_t seed,
                 struct oc_verify__outcome *outcome, struct oc_load_result *result);

int oc_verify__capacity_run(const struct oc_verify__task *task, struct oc_verify__outcome *outcome)
{
    const struct oc_verify_cell *cell = task->cell;
    const double limit_ns = cell->p99_limit_us * 1e3;
    struct oc_verify__search search;
    struct oc_random seeds; /* of the offers' arrivals: no two blocks have one in common */
    uint64_t measured = 0;
    double rate;

    oc_random_init(&seeds, task->seed);
    oc_verify__search_start(&search, task->seed, limit_ns, OC_VERIFY_LAG_MAX_NS);
    task->mark(task->context, OC_VERIFY__MARK_BEGIN, 0);
    while (oc_verify__search_next(&search, &rate)) {
        struct oc_load_result result = {.latency = outcome->latency, .lag = outcome->lag};
        double p99_ns;
        if (offer(task, rate, oc_random_next(&seeds), outcome, &result) < 0) {
            return -1;
        }
        measured += result.measured;
        /* Nothing that came back within the limit is nothing that held it. */
        p99_ns = result.measured == 0
                     ? INFINITY
                     : (double)oc_histogram_percentile_ns(outcome->latency, PERCENTILE);
        oc_verify__search_tell(&search, p99_ns,
                               (double)oc_histogram_percentile_ns(outcome->lag, PERCENTILE));
    }
    task->mark(task->context, OC_VERIFY__MARK_END, measured);
    /* Of offers that were chosen by what came out: no curve of anything. */
    oc_histogram_reset(outcome->latency);
    outcome->rate_held = oc_verify__search_rate(&search);
    if (search.held == 0 && search.generator_late) {
        oc_verify__outcome_fail(outcome, "the generator was late at the lowest rate already");
        return -1;
    }
    outcome->search_lag_p99_ns = search.generator_late ? search.late_p99_ns : search.lag_p99_ns;
    return 0;
}

static int offer(const struct oc_verify__task *task, double rate, uint64_t seed,
                 struct oc_verify__outcome *outcome, struct oc_load_result *result)
{
    struct oc_load_config config;

    oc_verify__orders_config(task, &config);
    config.arrivals = OC_ARRIVALS_POISSON;
    config.window = OC_LOAD_WINDOW_MAX;
    config.busy_poll_ns = OC_VERIFY__SPIN_NS;
    config.rate = rate;
    config.seed = seed;
    oc_histogram_reset(outcome->latency);
    oc_histogram_reset(outcome->lag);
    return oc_verify__orders_play(task, &config, result, outcome);
}
