/*
 * xoshiro256** and the distributions that are drawn from it.
 */
#include "core/random.h"

#include <math.h>

#include "core/assert.h"

static uint64_t rotate_left(uint64_t value, unsigned int count);

void oc_random_init(struct oc_random *random, uint64_t seed)
{
    /* splitmix64: equal bits in the seed do not show in the state, and it is never all zero. */
    for (unsigned int i = 0; i < 4; i++) {
        uint64_t mixed;

        seed += 0x9e3779b97f4a7c15ULL;
        mixed = (seed ^ seed >> 30) * 0xbf58476d1ce4e5b9ULL;
        mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebULL;
        random->state[i] = mixed ^ mixed >> 31;
    }
}

uint64_t oc_random_next(struct oc_random *random)
{
    uint64_t *state = random->state;
    uint64_t result = rotate_left(state[1] * 5, 7) * 9;
    uint64_t shifted = state[1] << 17;

    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate_left(state[3], 45);
    return result;
}

uint64_t oc_random_below(struct oc_random *random, uint64_t bound)
{
    unsigned __int128 product;

    OC_ASSERT(bound > 0);
    product = (unsigned __int128)oc_random_next(random) * bound;
    if ((uint64_t)product < bound) {
        /* 2^64 modulo bound: so many of the low parts belong to results that would come up once too
         * often. The division is behind the comparison because it is rarely needed. */
        uint64_t surplus = -bound % bound;

        while ((uint64_t)product < surplus) {
            product = (unsigned __int128)oc_random_next(random) * bound;
        }
    }
    return (uint64_t)(product >> 64);
}

double oc_random_double(struct oc_random *random)
{
    return (double)(oc_random_next(random) >> 11) * 0x1.0p-53;
}

double oc_random_exponential(struct oc_random *random, double mean)
{
    /* 1 - x lies in (0, 1], where the logarithm is finite. */
    return -log(1.0 - oc_random_double(random)) * mean;
}

static uint64_t rotate_left(uint64_t value, unsigned int count)
{
    return value << count | value >> (64 - count);
}
