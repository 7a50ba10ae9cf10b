/*
 * The planned looks and their levels.
 *
 * The levels below solve, look by look, P(first crossing at look k) = spent(t_k) - spent(t_k-1)
 * for a Brownian motion seen at t_k = blocks_k / blocks_max, with spent(t) = 0.05 ln(1 + (e - 1) t)
 * two-sided. tests/unit/verify/reference.py computes them by numerical integration (Armitage,
 * McPherson and Rowe, 1969); tests/unit/verify/test_looks.c checks them by simulation.
 * Source: Lan and DeMets, "Discrete Sequential Boundaries for Clinical Trials", 1983.
 */
#include "verify/looks.h"

#include <stdbool.h>
#include <stddef.h>

#define SINGLE_LEVEL 0.95

/* At 24 of 96, 48 of 96, 96 of 96; and at a half and the whole. */
static const struct oc_look LOOKS_QUARTERS[3] = {{24, 0.982131}, {48, 0.982092}, {96, 0.973991}};
static const struct oc_look LOOKS_HALVES[2] = {{1, 0.968994}, {2, 0.972262}};

struct oc_looks oc_looks_plan(uint32_t blocks, uint32_t blocks_max)
{
    struct oc_looks looks = {.count = 1, .at = {{blocks, SINGLE_LEVEL}}};

    if (blocks == 24 && blocks_max == 96) {
        looks.count = 3;
        for (uint32_t i = 0; i < 3; i++) {
            looks.at[i] = LOOKS_QUARTERS[i];
        }
    } else if ((blocks == 24 || blocks == 48) && blocks_max == 2U * blocks) {
        looks.count = 2;
        for (uint32_t i = 0; i < 2; i++) {
            looks.at[i] = LOOKS_HALVES[i];
            looks.at[i].blocks *= blocks;
        }
    }
    return looks;
}

uint32_t oc_looks_reached(const struct oc_looks *looks, uint32_t blocks_run)
{
    uint32_t reached = OC_LOOKS_NONE;

    for (uint32_t i = 0; i < looks->count && looks->at[i].blocks <= blocks_run; i++) {
        reached = i;
    }
    return reached;
}

double oc_looks_level_inner(double level)
{
    return 1.0 - 2.0 * (1.0 - level);
}
