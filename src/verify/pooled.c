/*
 * Cells taken together, as strata of one bootstrap.
 */
#include "verify/pooled.h"

#include <math.h>

#include "core/assert.h"
#include "verify/looks.h"

#define LEVEL_LEAST 0.95

static bool usable(struct oc_pooled *pool, uint32_t cell, const enum oc_verify_stack *stacks,
                   uint32_t stack_count, uint32_t *block_limit);
static bool take(struct oc_pooled *pool, uint32_t cell, uint32_t count, double weight,
                 double bound);
static void swap(struct oc_pooled *pool, uint32_t one, uint32_t other);

void oc_pooled_begin(struct oc_pooled *pool, const struct oc_gate_input *input)
{
    pool->input = input;
    pool->count = 0;
    pool->level = LEVEL_LEAST;
    pool->bound = 0.0;
    pool->why = OC_UNDECIDED_NOT_MEASURED;
}

uint32_t oc_pooled_blocks(const struct oc_gate_input *input, uint32_t cell, double *level)
{
    const struct oc_verify_cell *described = &input->pairs->data->cells[cell];
    struct oc_looks looks = oc_looks_plan(described->blocks, described->blocks_max);
    uint32_t reached = oc_looks_reached(&looks, oc_pairs_blocks_run(input->pairs, cell));

    if (reached == OC_LOOKS_NONE) {
        *level = looks.at[0].level;
        return OC_PAIRS_ALL;
    }
    *level = looks.at[reached].level;
    return looks.at[reached].blocks;
}

bool oc_pooled_add_ratios(struct oc_pooled *pool, uint32_t cell, enum oc_verify_stack current,
                          enum oc_verify_stack candidate, enum oc_verify_metric metric,
                          double weight)
{
    const enum oc_verify_stack stacks[2] = {current, candidate};
    uint32_t block_limit;
    uint32_t count;

    if (!usable(pool, cell, stacks, 2, &block_limit)) {
        return false;
    }
    count = oc_pairs_ratios(pool->input->pairs, cell, current, candidate, metric, block_limit,
                            pool->values[pool->count]);
    return take(pool, cell, count, weight,
                oc_resolutions_of(pool->input->resolutions, cell, metric).bound);
}

bool oc_pooled_add_values(struct oc_pooled *pool, uint32_t cell, enum oc_verify_stack stack,
                          enum oc_verify_metric metric, bool logarithm, double weight)
{
    uint32_t block_limit;
    uint32_t count;
    double *values;

    if (!usable(pool, cell, &stack, 1, &block_limit)) {
        return false;
    }
    values = pool->values[pool->count];
    count = oc_pairs_rows(pool->input->pairs, cell, &stack, 1, metric, block_limit, values);
    for (uint32_t i = 0; logarithm && i < count; i++) {
        if (values[i] <= 0.0) {
            return false;
        }
        values[i] = log(values[i]);
    }
    return take(pool, cell, count, weight, 0.0);
}

void oc_pooled_thin(struct oc_pooled *pool, uint32_t group)
{
    uint32_t kept = 0;

    OC_ASSERT(pool->count % group == 0);
    for (uint32_t i = 0; i < pool->count; i += group) {
        bool enough = true;

        for (uint32_t k = 0; k < group; k++) {
            enough = enough && pool->strata[i + k].count >= OC_BOOTSTRAP_POOLED_MIN;
        }
        /* To the front; what is short is only forgotten when something else was kept. */
        for (uint32_t k = 0; enough && k < group; k++) {
            swap(pool, kept + k, i + k);
        }
        kept += enough ? group : 0U;
    }
    if (kept > 0) {
        pool->count = kept;
    }
}

uint32_t oc_pooled_cells(const struct oc_pooled *pool, uint32_t *cells)
{
    uint32_t count = 0;

    for (uint32_t cell = 0; cell < pool->input->pairs->data->cell_count; cell++) {
        uint32_t i = 0;

        while (i < pool->count && pool->cells[i] != cell) {
            i++;
        }
        if (i < pool->count) {
            cells[count++] = cell;
        }
    }
    return count;
}

void oc_pooled_interval(struct oc_pooled *pool, double divisor, uint64_t seed,
                        struct oc_interval *interval, struct oc_interval *inner)
{
    struct oc_bootstrap_config config = {
        .seed = seed,
        .resamples = pool->input->resamples,
        .level = pool->level,
        .level_inner = oc_looks_level_inner(pool->level),
    };
    static const struct oc_stratum NOTHING = {.weight = 1.0};

    OC_ASSERT(divisor > 0.0);
    pool->bound = 0.0;
    if (pool->count == 0) {
        oc_bootstrap_interval(&NOTHING, 1, &config, interval, inner);
        return;
    }
    for (uint32_t i = 0; i < pool->count; i++) {
        pool->strata[i].weight /= divisor;
        pool->bound += fabs(pool->strata[i].weight) * pool->bounds[i];
    }
    oc_bootstrap_interval(pool->strata, pool->count, &config, interval, inner);
}

static bool usable(struct oc_pooled *pool, uint32_t cell, const enum oc_verify_stack *stacks,
                   uint32_t stack_count, uint32_t *block_limit)
{
    struct oc_cell_account account;
    double level;

    if (pool->count == OC_BOOTSTRAP_STRATA_MAX) {
        return false;
    }
    *block_limit = oc_pooled_blocks(pool->input, cell, &level);
    oc_pairs_account(pool->input->pairs, cell, *block_limit, &account);
    if (account.voided) {
        pool->why = OC_UNDECIDED_VOIDED;
        return false;
    }
    if (oc_pairs_failed(&account, stacks, stack_count)) {
        pool->why = OC_UNDECIDED_FAILING;
        return false;
    }
    return true;
}

static bool take(struct oc_pooled *pool, uint32_t cell, uint32_t count, double weight, double bound)
{
    double level;

    if (count == 0) {
        return false;
    }
    (void)oc_pooled_blocks(pool->input, cell, &level);
    pool->level = fmax(pool->level, level);
    pool->strata[pool->count] = (struct oc_stratum){pool->values[pool->count], count, weight};
    pool->cells[pool->count] = cell;
    pool->bounds[pool->count] = bound;
    pool->count++;
    return true;
}

static void swap(struct oc_pooled *pool, uint32_t one, uint32_t other)
{
    struct oc_stratum stratum = pool->strata[one];
    uint32_t cell = pool->cells[one];
    double bound = pool->bounds[one];

    pool->strata[one] = pool->strata[other];
    pool->cells[one] = pool->cells[other];
    pool->bounds[one] = pool->bounds[other];
    pool->strata[other] = stratum;
    pool->cells[other] = cell;
    pool->bounds[other] = bound;
}
