/*
 * The data of a simulation, lognormal noise with outliers, and how a trial begins.
 */
#include "verify/simulation_world.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "core/assert.h"

static int make_runs(struct oc_verify__world *world, struct oc_verify_data *data, uint32_t blocks,
                     enum oc_verify_stack other);

int oc_verify__world_init(struct oc_verify__world *world, const struct oc_simulation_config *config,
                          uint32_t cell_count, uint32_t blocks_max)
{
    int rc;

    OC_ASSERT(config->trials >= 1);
    OC_ASSERT(config->blocks >= 1);
    OC_ASSERT(config->blocks <= blocks_max);
    OC_ASSERT(blocks_max <= OC_PAIRS_BLOCKS_MAX);
    OC_ASSERT(config->effect < 1.0);
    OC_ASSERT(config->recorded_count <= OC_STATISTICS_VALUES_MAX);
    OC_ASSERT(cell_count >= 1);
    OC_ASSERT(cell_count <= OC_SIMULATION_CELLS_MAX);
    world->config = config;
    world->recorded_median = config->recorded != NULL
                                 ? oc_statistics_median(config->recorded, config->recorded_count)
                                 : 0.0;
    oc_arena_init(&world->arena);
    oc_random_init(&world->random, config->seed);
    for (uint32_t i = 0; i < cell_count; i++) {
        struct oc_verify_cell *cell = &world->cells[i];

        *cell = (struct oc_verify_cell){
            .connections = 1, .window = 1, .blocks = config->blocks, .blocks_max = blocks_max};
        (void)snprintf(cell->name, sizeof(cell->name), "simulated/%u", i);
    }
    world->data = (struct oc_verify_data){.cells = world->cells, .cell_count = cell_count};
    world->aa = world->data;
    rc = make_runs(world, &world->data, blocks_max, OC_VERIFY_STACK_IO_URING);
    return rc != 0 ? rc : make_runs(world, &world->aa, config->blocks, OC_VERIFY_STACK_ALTERED);
}

/* Box and Muller; the second number is thrown away for the sake of simplicity. */
double oc_verify__noise_normal(struct oc_random *random)
{
    double radius = sqrt(2.0 * oc_random_exponential(random, 1.0));

    return radius * cos(2.0 * M_PI * oc_random_double(random));
}

double oc_verify__noise_run(const struct oc_simulation_config *config, struct oc_random *random)
{
    double noise = config->run_sd * oc_verify__noise_normal(random);

    if (oc_random_double(random) < config->outlier_share) {
        noise += config->outlier_size;
    }
    return noise;
}

int oc_verify__trial_begin(struct oc_verify__trial *trial, const struct oc_verify__world *world,
                           uint32_t index)
{
    const struct oc_simulation_config *config = world->config;
    const struct oc_bootstrap_config bootstrap = {.seed = config->seed + index,
                                                  .resamples = config->resamples};
    struct oc_pairs aa;
    int rc;

    trial->input = (struct oc_gate_input){
        .pairs = &trial->pairs,
        .resolutions = &trial->resolutions,
        .thresholds = config->thresholds,
        .seed = bootstrap.seed,
        .resamples = bootstrap.resamples,
    };
    oc_arena_init(&trial->arena);
    rc = oc_pairs_init(&trial->pairs, &world->data, &trial->arena);
    if (rc == 0) {
        rc = oc_pairs_init(&aa, &world->aa, &trial->arena);
    }
    if (rc == 0) {
        rc = oc_resolutions_make(&trial->resolutions, &aa, &world->data, &bootstrap, &trial->arena);
    }
    return rc;
}

static int make_runs(struct oc_verify__world *world, struct oc_verify_data *data, uint32_t blocks,
                     enum oc_verify_stack other)
{
    data->run_count = data->cell_count * blocks * 2U;
    data->runs = oc_arena_alloc(&world->arena, data->run_count, sizeof(data->runs[0]), 0);
    if (data->runs == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < data->run_count; i++) {
        struct oc_verify_run *run = &data->runs[i];

        run->cell = i / (2U * blocks);
        run->block = i / 2U % blocks;
        run->stack = (uint8_t)(i % 2U == 0 ? OC_VERIFY_STACK_EPOLL : other);
        for (uint32_t metric = 0; metric < OC_VERIFY_METRIC_COUNT; metric++) {
            run->metrics[metric] = NAN;
        }
    }
    return 0;
}
