/*
 * Lognormal noise with outliers.
 */
#include "verify/simulation_noise.h"

#include <math.h>

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
