/*
 * What the gate's simulation and the family's have in common: two data sets, the noise that fills
 * them, and what the judgement of a trial needs.
 */
#ifndef OC_VERIFY_SIMULATION_WORLD_H
#define OC_VERIFY_SIMULATION_WORLD_H

#include "core/arena.h"
#include "core/random.h"
#include "verify/gate.h"
#include "verify/simulation.h"

/** The measurement, EPOLL before IO_URING in each block, and the A/A of the same cells. */
struct oc_verify__world {
    const struct oc_simulation_config *config;
    struct oc_arena arena;
    struct oc_random random;
    struct oc_verify_cell cells[OC_SIMULATION_CELLS_MAX];
    struct oc_verify_data data;
    struct oc_verify_data aa;
    double recorded_median; /* of the recorded noise */
};

/** The judgement of one trial. Does not move: `input` points to the rest. */
struct oc_verify__trial {
    struct oc_arena arena;
    struct oc_pairs pairs;
    struct oc_resolutions resolutions;
    struct oc_gate_input input;
};

/**
 * Make the data sets: no metric measured, and cells alike, for the caller to tell apart. The caller
 * gives world->arena back, after a failure too. Returns 0, or -ENOMEM.
 */
int oc_verify__world_init(struct oc_verify__world *world, const struct oc_simulation_config *config,
                          uint32_t cell_count, uint32_t blocks_max);

/** Of the standard normal distribution. */
double oc_verify__noise_normal(struct oc_random *random);

/** How much worse a run is than the truth, as a logarithm: its own noise, and an outlier at times.
 */
double oc_verify__noise_run(const struct oc_simulation_config *config, struct oc_random *random);

/**
 * Pair the runs and resolve the A/A, as trial `index`: `input` is complete then. The caller gives
 * trial->arena back, after a failure too. Returns 0, or -ENOMEM.
 */
int oc_verify__trial_begin(struct oc_verify__trial *trial, const struct oc_verify__world *world,
                           uint32_t index);

#endif
