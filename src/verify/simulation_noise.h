/*
 * The noise of simulated runs: what the gate's simulation and the family's have in common.
 */
#ifndef OC_VERIFY_SIMULATION_NOISE_H
#define OC_VERIFY_SIMULATION_NOISE_H

#include "core/random.h"
#include "verify/simulation.h"

/** Of the standard normal distribution. */
double oc_verify__noise_normal(struct oc_random *random);

/** How much worse a run is than the truth, as a logarithm: its own noise, and an outlier at times.
 */
double oc_verify__noise_run(const struct oc_simulation_config *config, struct oc_random *random);

#endif
