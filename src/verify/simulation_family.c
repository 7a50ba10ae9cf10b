/*
 * One scenario, simulated: how often its comparisons call a difference where there is none, and how
 * often they call one that is there.
 *
 * All cells and both figures vary independently, which is the hardest case for the error of a
 * family: real figures of one run go up and down together.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/arena.h"
#include "core/assert.h"
#include "core/random.h"
#include "verify/judgement.h"
#include "verify/simulation.h"
#include "verify/simulation_noise.h"

#define LEVEL 0.95

/* Typical of a small host; only ratios matter. */
#define RATE   50000.0
#define CPU_NS 8000.0

#define COMPARISONS_MAX (2U * OC_SIMULATION_CELLS_MAX)

/* Over all trials. */
struct tally {
    uint32_t any;
    uint32_t better;
    uint32_t worse;
    uint32_t alone;
};

/* The measurement, and the A/A of the same cells. */
struct world {
    const struct oc_simulation_config *config;
    struct oc_arena arena;
    struct oc_random random;
    struct oc_verify_data data;
    struct oc_verify_data aa;
};

static int build(struct world *world, struct oc_verify_data *data, uint32_t cell_count,
                 enum oc_verify_stack other);
static void fill(struct world *world, struct oc_verify_data *data, double effect);
static int trial(struct world *world, struct tally *tally, uint32_t index);
static void count(const struct oc_comparison *comparisons, uint32_t comparison_count,
                  struct tally *tally);

int oc_simulation_family_run(const struct oc_simulation_config *config, uint32_t cell_count,
                             struct oc_simulation_family *result)
{
    struct world world = {.config = config};
    struct tally tally = {0};
    uint32_t trials = config->trials;
    int rc;

    OC_ASSERT(trials >= 1);
    OC_ASSERT(cell_count >= 1);
    OC_ASSERT(cell_count <= OC_SIMULATION_CELLS_MAX);
    OC_ASSERT(config->blocks >= 1);
    OC_ASSERT(config->blocks <= OC_PAIRS_BLOCKS_MAX);
    OC_ASSERT(config->effect < 1.0);
    oc_arena_init(&world.arena);
    oc_random_init(&world.random, config->seed);
    rc = build(&world, &world.data, cell_count, OC_VERIFY_STACK_IO_URING);
    if (rc == 0) {
        rc = build(&world, &world.aa, cell_count, OC_VERIFY_STACK_ALTERED);
    }
    for (uint32_t i = 0; rc == 0 && i < trials; i++) {
        fill(&world, &world.aa, 0.0);
        fill(&world, &world.data, config->effect);
        rc = trial(&world, &tally, i);
    }
    if (rc == 0) {
        uint32_t all = trials * 2U * cell_count;

        result->any = oc_statistics_proportion(tally.any, trials, LEVEL);
        result->better = oc_statistics_proportion(tally.better, all, LEVEL);
        result->worse = oc_statistics_proportion(tally.worse, all, LEVEL);
        result->alone = oc_statistics_proportion(tally.alone, all, LEVEL);
    }
    oc_arena_deinit(&world.arena);
    return rc;
}

static int build(struct world *world, struct oc_verify_data *data, uint32_t cell_count,
                 enum oc_verify_stack other)
{
    struct oc_verify_run *run;

    data->cell_count = cell_count;
    data->run_count = cell_count * world->config->blocks * 2U;
    data->cells = oc_arena_alloc(&world->arena, cell_count, sizeof(data->cells[0]), 0);
    data->runs = oc_arena_alloc(&world->arena, data->run_count, sizeof(data->runs[0]), 0);
    if (data->cells == NULL || data->runs == NULL) {
        return -ENOMEM;
    }
    run = data->runs;
    for (uint32_t cell = 0; cell < cell_count; cell++) {
        data->cells[cell] = (struct oc_verify_cell){
            .scenario = OC_VERIFY_SCENARIO_STRESS,
            .connections = 1,
            .window = 1,
            .blocks = world->config->blocks,
            .blocks_max = world->config->blocks,
        };
        (void)snprintf(data->cells[cell].name, sizeof(data->cells[cell].name), "simulated/%u",
                       cell);
        for (uint32_t i = 0; i < 2U * world->config->blocks; i++) {
            *run = (struct oc_verify_run){.cell = cell, .block = i / 2U};
            run->stack = (uint8_t)(i % 2U == 0 ? OC_VERIFY_STACK_EPOLL : other);
            for (uint32_t metric = 0; metric < OC_VERIFY_METRIC_COUNT; metric++) {
                run->metrics[metric] = NAN;
            }
            run++;
        }
    }
    return 0;
}

static void fill(struct world *world, struct oc_verify_data *data, double effect)
{
    const struct oc_simulation_config *config = world->config;
    double block[2] = {0.0, 0.0};

    for (uint32_t i = 0; i < data->run_count; i++) {
        double *metrics = data->runs[i].metrics;
        double better = i % 2U == 0 ? 0.0 : effect;
        double noise[2];

        for (uint32_t figure = 0; figure < 2; figure++) {
            if (i % 2U == 0) {
                block[figure] = config->block_sd * oc_verify__noise_normal(&world->random);
            }
            noise[figure] = block[figure] + oc_verify__noise_run(config, &world->random);
        }
        metrics[OC_VERIFY_METRIC_RATE] = RATE * exp(-noise[0]) * (1.0 + better);
        metrics[OC_VERIFY_METRIC_SERVER_CPU] = CPU_NS * exp(noise[1]) * (1.0 - better);
    }
}

static int trial(struct world *world, struct tally *tally, uint32_t index)
{
    const struct oc_simulation_config *config = world->config;
    struct oc_bootstrap_config bootstrap = {.seed = config->seed + index,
                                            .resamples = config->resamples};
    struct oc_comparison comparisons[COMPARISONS_MAX];
    struct oc_resolutions resolutions;
    struct oc_pairs pairs;
    struct oc_pairs aa;
    struct oc_gate_input input = {
        .pairs = &pairs,
        .resolutions = &resolutions,
        .thresholds = config->thresholds,
        .seed = config->seed + index,
        .resamples = config->resamples,
    };
    struct oc_arena arena;
    uint32_t made = 0;
    int rc;

    oc_arena_init(&arena);
    rc = oc_pairs_init(&pairs, &world->data, &arena);
    if (rc == 0) {
        rc = oc_pairs_init(&aa, &world->aa, &arena);
    }
    if (rc == 0) {
        rc = oc_resolutions_make(&resolutions, &aa, &world->data, &bootstrap, &arena);
    }
    for (uint32_t cell = 0; rc == 0 && cell < world->data.cell_count; cell++) {
        static const enum oc_verify_metric METRICS[] = {OC_VERIFY_METRIC_RATE,
                                                        OC_VERIFY_METRIC_SERVER_CPU};

        for (uint32_t i = 0; i < 2; i++) {
            made += oc_judgement_compare(&input, OC_VERIFY_PAIR_EPOLL_IO_URING, cell, METRICS[i],
                                         &comparisons[made])
                        ? 1U
                        : 0U;
        }
    }
    for (uint32_t i = 0; i < made; i++) {
        tally->alone += comparisons[i].verdict == OC_VERDICT_BETTER ||
                                comparisons[i].verdict == OC_VERDICT_WORSE
                            ? 1U
                            : 0U;
    }
    if (rc == 0) {
        rc = oc_judgement_correct(comparisons, made, world->data.cells, &arena);
    }
    if (rc == 0) {
        count(comparisons, made, tally);
    }
    oc_arena_deinit(&arena);
    return rc;
}

static void count(const struct oc_comparison *comparisons, uint32_t comparison_count,
                  struct tally *tally)
{
    uint32_t better = 0;
    uint32_t worse = 0;

    for (uint32_t i = 0; i < comparison_count; i++) {
        better += comparisons[i].verdict == OC_VERDICT_BETTER ? 1U : 0U;
        worse += comparisons[i].verdict == OC_VERDICT_WORSE ? 1U : 0U;
    }
    tally->better += better;
    tally->worse += worse;
    tally->any += better + worse > 0 ? 1U : 0U;
}
