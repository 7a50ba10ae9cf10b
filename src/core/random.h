/*
 * A seeded generator of random numbers for the load generator, the simulator and tests.
 *
 * xoshiro256** (Blackman and Vigna, prng.di.unimi.it), its state filled from the seed by
 * splitmix64. The same seed gives the same integers on every machine; oc_random_exponential goes
 * through log() and may differ in the last bit between C libraries. Not for secrets. The venue
 * itself draws none.
 */
#ifndef OC_CORE_RANDOM_H
#define OC_CORE_RANDOM_H

#include <stdint.h>

/** Belongs to one thread. */
struct oc_random {
    uint64_t state[4];
};

/**
 * Start a sequence. Every seed is good, 0 too.
 */
void oc_random_init(struct oc_random *random, uint64_t seed);

/** The next 64 random bits. */
uint64_t oc_random_next(struct oc_random *random);

/**
 * A number from 0 to bound - 1, each equally likely.
 *
 * @bound  at least 1 (asserted).
 * Source: Lemire, "Fast Random Integer Generation in an Interval", 2019.
 */
uint64_t oc_random_below(struct oc_random *random, uint64_t bound);

/** A number from 0.0 (included) to 1.0 (excluded), a multiple of 2^-53. */
double oc_random_double(struct oc_random *random);

/**
 * An exponentially distributed number: the time between events that come independently.
 *
 * @mean  above 0, in any unit; the result is in the same unit, 0.0 to 36.8 times the mean.
 */
double oc_random_exponential(struct oc_random *random, double mean);

#endif
