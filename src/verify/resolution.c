/*
 * The A/A bounds, and the two questions in which they matter: is a harm within a limit, is a gain
 * beyond a threshold.
 */
#include "verify/resolution.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "core/assert.h"

#define LEVEL 0.95

static struct oc_resolution measure(const struct oc_pairs *aa, const struct oc_verify_cell *cell,
                                    enum oc_verify_metric metric,
                                    const struct oc_bootstrap_config *config);
static void borrow(struct oc_resolutions *resolutions, const struct oc_verify_data *cells,
                   uint32_t cell, enum oc_verify_metric metric);
static bool is_shared(const struct oc_verify_cell *cell, enum oc_verify_metric metric);
static uint32_t nearness(const struct oc_verify_cell *one, const struct oc_verify_cell *other);

int oc_resolutions_make(struct oc_resolutions *resolutions, const struct oc_pairs *aa,
                        const struct oc_verify_data *cells,
                        const struct oc_bootstrap_config *config, struct oc_arena *arena)
{
    resolutions->cell_count = cells->cell_count;
    resolutions->table = oc_arena_alloc(arena, (size_t)cells->cell_count * OC_VERIFY_METRIC_COUNT,
                                        sizeof(resolutions->table[0]), 0);
    if (resolutions->table == NULL) {
        return -ENOMEM;
    }
    for (uint32_t metric = 0; metric < OC_VERIFY_METRIC_COUNT; metric++) {
        for (uint32_t cell = 0; cell < cells->cell_count; cell++) {
            struct oc_resolution *own = &resolutions->table[cell * OC_VERIFY_METRIC_COUNT + metric];

            *own = measure(aa, &cells->cells[cell], (enum oc_verify_metric)metric, config);
            own->lender = cell;
        }
        for (uint32_t cell = 0; cell < cells->cell_count; cell++) {
            borrow(resolutions, cells, cell, (enum oc_verify_metric)metric);
        }
    }
    return 0;
}

struct oc_resolution oc_resolutions_of(const struct oc_resolutions *resolutions, uint32_t cell,
                                       enum oc_verify_metric metric)
{
    OC_ASSERT(cell < resolutions->cell_count);
    OC_ASSERT(metric < OC_VERIFY_METRIC_COUNT);
    return resolutions->table[cell * OC_VERIFY_METRIC_COUNT + metric];
}

enum oc_limit oc_limit_judge(const struct oc_interval *harm, double limit, double bound)
{
    double allowed = fmax(limit, bound);

    if (!isfinite(bound)) {
        return OC_LIMIT_NOT_RESOLVABLE;
    }
    if (harm->high < allowed) {
        return OC_LIMIT_HELD;
    }
    return harm->low > allowed ? OC_LIMIT_EXCEEDED : OC_LIMIT_NOT_RESOLVABLE;
}

enum oc_standing oc_standing_judge(const struct oc_interval *gain, double threshold, double bound)
{
    if (gain->low > threshold) {
        return gain->estimate > bound ? OC_STANDING_BEYOND : OC_STANDING_UNRESOLVED;
    }
    if (gain->high < threshold) {
        /* A loss that is itself resolved falls short of any threshold. */
        return bound < threshold || gain->estimate < -bound ? OC_STANDING_SHORT
                                                            : OC_STANDING_UNRESOLVED;
    }
    return OC_STANDING_STRADDLES;
}

static struct oc_resolution measure(const struct oc_pairs *aa, const struct oc_verify_cell *cell,
                                    enum oc_verify_metric metric,
                                    const struct oc_bootstrap_config *config)
{
    struct oc_resolution resolution = {.bound = INFINITY};
    struct oc_bootstrap_config at_level = *config;
    double ratios[OC_PAIRS_BLOCKS_MAX];
    struct oc_stratum stratum = {.values = ratios, .weight = 1.0};
    struct oc_interval interval;
    struct oc_cell_account account;

    for (uint32_t i = 0; i < aa->data->cell_count; i++) {
        if (strcmp(aa->data->cells[i].name, cell->name) != 0) {
            continue;
        }
        oc_pairs_account(aa, i, OC_PAIRS_ALL, &account);
        stratum.count = oc_pairs_ratios(aa, i, OC_VERIFY_STACK_EPOLL, OC_VERIFY_STACK_ALTERED,
                                        metric, OC_PAIRS_ALL, ratios);
        resolution.pairs = stratum.count;
        if (account.voided || stratum.count == 0) {
            break;
        }
        at_level.level = LEVEL;
        oc_bootstrap_interval(&stratum, 1, &at_level, &interval, NULL);
        resolution.bound = fmax(fabs(interval.low), fabs(interval.high));
        break;
    }
    return resolution;
}

static void borrow(struct oc_resolutions *resolutions, const struct oc_verify_data *cells,
                   uint32_t cell, enum oc_verify_metric metric)
{
    struct oc_resolution *own = &resolutions->table[cell * OC_VERIFY_METRIC_COUNT + metric];
    uint32_t nearest = 0;

    if (isfinite(own->bound) || !is_shared(&cells->cells[cell], metric)) {
        return;
    }
    for (uint32_t lender = 0; lender < cells->cell_count; lender++) {
        const struct oc_resolution *lent =
            &resolutions->table[lender * OC_VERIFY_METRIC_COUNT + metric];
        uint32_t near = nearness(&cells->cells[cell], &cells->cells[lender]);

        if (lent->borrowed || !isfinite(lent->bound) || !is_shared(&cells->cells[lender], metric)) {
            continue;
        }
        if (!own->borrowed || near > nearest || (near == nearest && lent->bound > own->bound)) {
            own->bound = lent->bound;
            own->borrowed = true;
            own->lender = lender;
            nearest = near;
        }
    }
}

/* The rate of an open loop does not vary, and that of a search varies as no other. */
static bool is_shared(const struct oc_verify_cell *cell, enum oc_verify_metric metric)
{
    return metric != OC_VERIFY_METRIC_RATE || cell->window > 0;
}

/* Whether a wake-up is in every trip counts for more than what is sent in it. */
static uint32_t nearness(const struct oc_verify_cell *one, const struct oc_verify_cell *other)
{
    return (one->placement == other->placement ? 2U : 0U) +
           (one->scenario == other->scenario ? 1U : 0U);
}
