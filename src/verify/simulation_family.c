/*
 * One scenario, simulated: how often its comparisons call a difference where there is none, and how
 * often they call one that is there.
 *
 * All cells and both figures vary independently, which is the hardest case for the error of a
 * family: real figures of one run go up and down together.
 */
#include <math.h>

#include "verify/judgement.h"
#include "verify/simulation_world.h"

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

static void fill(struct oc_verify__world *world, struct oc_verify_data *data, double effect);
static int trial(struct oc_verify__world *world, struct tally *tally, uint32_t index);
static void count(const struct oc_comparison *comparisons, uint32_t comparison_count,
                  struct tally *tally);

int oc_simulation_family_run(const struct oc_simulation_config *config, uint32_t cell_count,
                             struct oc_simulation_family *result)
{
    struct oc_verify__world world;
    struct tally tally = {0};
    uint32_t trials = config->trials;
    int rc = oc_verify__world_init(&world, config, cell_count, config->blocks);

    for (uint32_t i = 0; i < cell_count; i++) {
        world.cells[i].scenario = OC_VERIFY_SCENARIO_STRESS;
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

static void fill(struct oc_verify__world *world, struct oc_verify_data *data, double effect)
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

static int trial(struct oc_verify__world *world, struct tally *tally, uint32_t index)
{
    struct oc_comparison comparisons[COMPARISONS_MAX];
    struct oc_verify__trial trial;
    uint32_t made = 0;
    int rc = oc_verify__trial_begin(&trial, world, index);

    for (uint32_t cell = 0; rc == 0 && cell < world->data.cell_count; cell++) {
        static const enum oc_verify_metric METRICS[] = {OC_VERIFY_METRIC_RATE,
                                                        OC_VERIFY_METRIC_SERVER_CPU};

        for (uint32_t i = 0; i < 2; i++) {
            made += oc_judgement_compare(&trial.input, OC_VERIFY_PAIR_EPOLL_IO_URING, cell,
                                         METRICS[i], &comparisons[made])
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
        rc = oc_judgement_correct(comparisons, made, world->data.cells, &trial.arena);
    }
    if (rc == 0) {
        count(comparisons, made, tally);
    }
    oc_arena_deinit(&trial.arena);
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
