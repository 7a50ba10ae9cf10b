/*
 * Simulated measurements through the real judgement.
 *
 * One data set of four cells, those of the gate, and one A/A data set of the same cells are made
 * once; each trial fills in other figures. All blocks of the last look are there from the start:
 * the gate goes through the looks itself and stops each reading where it is decided, so what a
 * growing measurement would have decided is what comes out.
 */
#include "verify/simulation.h"

#include <errno.h>
#include <math.h>

#include "verify/judgement.h"
#include "verify/looks.h"
#include "verify/simulation_world.h"

#define LEVEL 0.95

/* Typical of a small host; only ratios matter. */
#define LATENCY_NS 20000.0
#define RATE       50000.0

#define PING_PONG_CELL 0U

/* Over all trials. */
struct tally {
    uint32_t results[OC_GATE_RESULT_COUNT];
    uint32_t met[OC_GATE_CRITERIA];
    uint32_t better;
    uint32_t worse;
    uint32_t covered;
    double blocks;
    double *bounds; /* of each trial, for their median */
};

static void tell_apart(struct oc_verify_cell cells[OC_GATE_CRITERIA]);
static void fill(struct oc_verify__world *world, struct oc_verify_data *data, double effect);
static void fill_pair(struct oc_verify__world *world, const struct oc_verify_cell *cell,
                      struct oc_verify_run *current, struct oc_verify_run *other, double effect);
static void fill_run(struct oc_verify_run *run, const struct oc_verify_cell *cell, double log_worse,
                     double effect);
static int trial(struct oc_verify__world *world, struct tally *tally, uint32_t index);
static void count_comparison(const struct oc_verify__world *world,
                             const struct oc_gate_input *input, struct tally *tally);
static uint32_t blocks_until_decided(const struct oc_simulation_config *config,
                                     const struct oc_gate *gate);
static void summarize(uint32_t trials, const struct tally *tally,
                      struct oc_simulation_result *result);

int oc_simulation_run(const struct oc_simulation_config *config,
                      struct oc_simulation_result *result)
{
    struct oc_verify__world world;
    struct tally tally = {.blocks = 0.0};
    int rc = oc_verify__world_init(&world, config, OC_GATE_CRITERIA, config->blocks_max);

    tell_apart(world.cells);
    tally.bounds = oc_arena_alloc(&world.arena, config->trials, sizeof(tally.bounds[0]), 0);
    if (tally.bounds == NULL) {
        rc = -ENOMEM;
    }
    for (uint32_t i = 0; rc == 0 && i < config->trials; i++) {
        fill(&world, &world.aa, 0.0);
        fill(&world, &world.data, config->effect);
        rc = trial(&world, &tally, i);
    }
    if (rc == 0) {
        summarize(config->trials, &tally, result);
    }
    oc_arena_deinit(&world.arena);
    return rc;
}

static void tell_apart(struct oc_verify_cell cells[OC_GATE_CRITERIA])
{
    static const struct {
        enum oc_verify_scenario scenario;
        enum oc_verify_gate_part gate;
        uint32_t load_percent;
    } KINDS[OC_GATE_CRITERIA] = {
        {OC_VERIFY_SCENARIO_PING_PONG, OC_VERIFY_GATE_PING_PONG, 0},
        {OC_VERIFY_SCENARIO_PERSISTENT, OC_VERIFY_GATE_PERSISTENT, 0},
        {OC_VERIFY_SCENARIO_PERCENTILES, OC_VERIFY_GATE_TAIL, 60},
        {OC_VERIFY_SCENARIO_STRESS, OC_VERIFY_GATE_STRESS, 0},
    };

    for (uint32_t i = 0; i < OC_GATE_CRITERIA; i++) {
        cells[i].scenario = KINDS[i].scenario;
        cells[i].gate = KINDS[i].gate;
        cells[i].load_percent = KINDS[i].load_percent;
    }
}

static void fill(struct oc_verify__world *world, struct oc_verify_data *data, double effect)
{
    for (uint32_t i = 0; i < data->run_count; i += 2) {
        fill_pair(world, &data->cells[data->runs[i].cell], &data->runs[i], &data->runs[i + 1U],
                  effect);
    }
}

static void fill_pair(struct oc_verify__world *world, const struct oc_verify_cell *cell,
                      struct oc_verify_run *current, struct oc_verify_run *other, double effect)
{
    const struct oc_simulation_config *config = world->config;
    double block = config->block_sd * oc_verify__noise_normal(&world->random);

    if (config->recorded != NULL) {
        uint64_t drawn = oc_random_below(&world->random, config->recorded_count);

        fill_run(current, cell, block, 0.0);
        fill_run(other, cell, block + config->recorded[drawn] - world->recorded_median, effect);
        return;
    }
    fill_run(current, cell, block + oc_verify__noise_run(config, &world->random), 0.0);
    fill_run(other, cell, block + oc_verify__noise_run(config, &world->random), effect);
}

/* The percentiles of one run share its noise: they were measured together. */
static void fill_run(struct oc_verify_run *run, const struct oc_verify_cell *cell, double log_worse,
                     double effect)
{
    double latency_ns = LATENCY_NS * exp(log_worse) * (1.0 - effect);

    switch (cell->gate) {
    case OC_VERIFY_GATE_PING_PONG:
        run->metrics[OC_VERIFY_METRIC_LATENCY_P50] = latency_ns;
        break;
    case OC_VERIFY_GATE_TAIL:
        run->metrics[OC_VERIFY_METRIC_LATENCY_P95] = 2.0 * latency_ns;
        run->metrics[OC_VERIFY_METRIC_LATENCY_P99] = 4.0 * latency_ns;
        break;
    default:
        run->metrics[OC_VERIFY_METRIC_RATE] = RATE * exp(-log_worse) * (1.0 + effect);
        break;
    }
}

static int trial(struct oc_verify__world *world, struct tally *tally, uint32_t index)
{
    struct oc_verify__trial trial;
    struct oc_gate gate;
    int rc = oc_verify__trial_begin(&trial, world, index);

    if (rc == 0) {
        oc_gate_decide(&trial.input, OC_VERIFY_PAIR_EPOLL_IO_URING, &gate);
        tally->results[gate.result]++;
        for (uint32_t i = 0; i < OC_GATE_CRITERIA; i++) {
            tally->met[i] += gate.criteria[i].state == OC_CRITERION_MET ? 1U : 0U;
        }
        tally->blocks += blocks_until_decided(world->config, &gate);
        count_comparison(world, &trial.input, tally);
        tally->bounds[index] = oc_resolutions_of(&trial.resolutions, PING_PONG_CELL,
                                                 OC_VERIFY_METRIC_LATENCY_P50)
                                   .bound;
    }
    oc_arena_deinit(&trial.arena);
    return rc;
}

/* As the table of comparisons of a measurement that ended at the first look. */
static void count_comparison(const struct oc_verify__world *world,
                             const struct oc_gate_input *input, struct tally *tally)
{
    struct oc_verify_cell *cell = &world->data.cells[PING_PONG_CELL];
    double truth = log1p(-world->config->effect);
    struct oc_comparison comparison;

    cell->blocks_max = cell->blocks;
    if (oc_judgement_compare(input, OC_VERIFY_PAIR_EPOLL_IO_URING, PING_PONG_CELL,
                             OC_VERIFY_METRIC_LATENCY_P50, &comparison)) {
        tally->better += comparison.verdict == OC_VERDICT_BETTER ? 1U : 0U;
        tally->worse += comparison.verdict == OC_VERDICT_WORSE ? 1U : 0U;
        tally->covered += comparison.ratio.low <= truth && truth <= comparison.ratio.high ? 1U : 0U;
    }
    cell->blocks_max = world->config->blocks_max;
}

/* Where the runner would have stopped: at the first look that settles the gate. */
static uint32_t blocks_until_decided(const struct oc_simulation_config *config,
                                     const struct oc_gate *gate)
{
    struct oc_looks looks = oc_looks_plan(config->blocks, config->blocks_max);

    for (uint32_t look = 0; look < looks.count; look++) {
        struct oc_gate so_far = {.needed = gate->needed};

        for (uint32_t i = 0; i < OC_GATE_CRITERIA; i++) {
            const struct oc_criterion *criterion = &gate->criteria[i];
            const struct oc_gate_reading *reading = &criterion->readings[criterion->headline];
            bool known = criterion->state != OC_CRITERION_UNDECIDED && reading->look <= look;

            so_far.met += known && criterion->state == OC_CRITERION_MET ? 1U : 0U;
            so_far.undecided += known ? 0U : 1U;
        }
        if (so_far.met >= so_far.needed || so_far.met + so_far.undecided < so_far.needed) {
            return looks.at[look].blocks;
        }
    }
    return looks.at[looks.count - 1U].blocks;
}

static void summarize(uint32_t trials, const struct tally *tally,
                      struct oc_simulation_result *result)
{
    result->proceed = oc_statistics_proportion(tally->results[OC_GATE_PROCEED], trials, LEVEL);
    result->stay = oc_statistics_proportion(tally->results[OC_GATE_STAY], trials, LEVEL);
    result->undecided = oc_statistics_proportion(tally->results[OC_GATE_UNDECIDED], trials, LEVEL);
    for (uint32_t i = 0; i < OC_GATE_CRITERIA; i++) {
        result->criteria_met[i] = oc_statistics_proportion(tally->met[i], trials, LEVEL);
    }
    result->called_better = oc_statistics_proportion(tally->better, trials, LEVEL);
    result->called_worse = oc_statistics_proportion(tally->worse, trials, LEVEL);
    result->covered = oc_statistics_proportion(tally->covered, trials, LEVEL);
    result->blocks_mean = tally->blocks / trials;
    oc_statistics_sort(tally->bounds, trials);
    result->bound_median = oc_statistics_quantile(tally->bounds, trials, 0.5);
}
