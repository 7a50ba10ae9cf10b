/*
 * Simulated measurements: the proof of the instrument's statistics without a server.
 *
 * Runs of two stacks with a known effect between them go through the very code that judges real
 * ones: exclusion, pairing, A/A, looks, gate. Counted over many trials, what comes out is the
 * false-alarm rate and the power. Noise is lognormal: a block effect that both runs of a block
 * share, a run effect, now and then an outlier that makes a run worse; or the ratios of a recorded
 * A/A run, drawn with replacement.
 */
#ifndef OC_VERIFY_SIMULATION_H
#define OC_VERIFY_SIMULATION_H

#include <stdint.h>

#include "verify/gate.h"
#include "verify/statistics.h"

struct oc_simulation_config {
    uint64_t seed;
    uint32_t trials;        /* 1 or more */
    uint32_t resamples;     /* of each bootstrap; 2,000 is enough here */
    uint32_t blocks;        /* first look of a gate cell, e.g. 24 */
    uint32_t blocks_max;    /* last, e.g. 96 */
    double effect;          /* share by which the candidate is truly better: a latency times
                               (1 - effect), a rate times (1 + effect) */
    double run_sd;          /* of the logarithm of a run, e.g. 0.03 */
    double block_sd;        /* of the logarithm of a block, e.g. 0.05 */
    double outlier_share;   /* of runs, e.g. 0.03 */
    double outlier_size;    /* log, how much worse such a run is, e.g. 0.3 */
    const double *recorded; /* log ratios of A/A pairs, centred here; NULL: the model above */
    uint32_t recorded_count;
    struct oc_gate_thresholds thresholds;
};

#define OC_SIMULATION_CONFIG_DEFAULT                      \
    ((struct oc_simulation_config){.seed = 1,             \
                                   .trials = 1000,        \
                                   .resamples = 2000,     \
                                   .blocks = 24,          \
                                   .blocks_max = 96,      \
                                   .run_sd = 0.03,        \
                                   .block_sd = 0.05,      \
                                   .outlier_share = 0.03, \
                                   .outlier_size = 0.3,   \
                                   .thresholds = OC_GATE_THRESHOLDS_DEFAULT})

#define OC_SIMULATION_CELLS_MAX 64U

/** Counted over the trials, with intervals at 95 %. */
struct oc_simulation_result {
    struct oc_proportion proceed; /* the gate's decisions */
    struct oc_proportion stay;
    struct oc_proportion undecided;
    struct oc_proportion criteria_met[OC_GATE_CRITERIA];
    struct oc_proportion called_better; /* the ping-pong's comparison: is there a difference */
    struct oc_proportion called_worse;
    struct oc_proportion covered; /* the ping-pong's interval at the first look holds the truth */
    double blocks_mean;           /* until the decision, or the last look */
    double bound_median;          /* the A/A bound of the ping-pong, log ratio */
};

/**
 * Simulate.
 *
 * Takes memory for the time of the call. Returns 0, or -ENOMEM. About 10 ms a trial.
 */
int oc_simulation_run(const struct oc_simulation_config *config,
                      struct oc_simulation_result *result);

/** Of the comparisons of one scenario, all of them together. */
struct oc_simulation_family {
    struct oc_proportion any;    /* measurements that called a difference anywhere: with no effect,
                                    the error of the family */
    struct oc_proportion better; /* of all comparisons: with an effect, the power of one */
    struct oc_proportion worse;
    struct oc_proportion alone; /* better or worse, each by itself and without the correction */
};

/**
 * Simulate one scenario of `cell_count` cells, each with its rate and its CPU time, which vary
 * independently, and the same effect in all: 2 * cell_count comparisons are one family.
 *
 * @config      `blocks` are the pairs of each cell, judged once; recorded noise is not used.
 * @cell_count  1 to OC_SIMULATION_CELLS_MAX.
 * Returns 0, or -ENOMEM. About 1 ms for each comparison of a trial.
 */
int oc_simulation_family_run(const struct oc_simulation_config *config, uint32_t cell_count,
                             struct oc_simulation_family *result);

#endif
