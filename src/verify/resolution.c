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
                   enum oc_verify_metric metric);

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
            resolutions->table[cell * OC_VERIFY_METRIC_COUNT + metric] = measure(
                aa, &cells->cells[cell], (enum oc_verify_metric)metric, config);
        }
        borrow(resolutions, cells, (enum oc_verify_metric)metric);
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
                   enum oc_verify_metric metric)
{
    double of_scenario[OC_VERIFY_SCENARIO_COUNT];
    double of_all = -1.0;

    for (uint32_t i = 0; i < OC_VERIFY_SCENARIO_COUNT; i++) {
        of_scenario[i] = -1.0;
    }
    for (uint32_t cell = 0; cell < cells->cell_count; cell++) {
        double bound = resolutions->table[cell * OC_VERIFY_METRIC_COUNT + metric].bound;
        enum oc_verify_scenario scenario = cells->cells[cell].scenario;

        if (isfinite(bound)) {
            of_scenario[scenario] = fmax(of_scenario[scenario], bound);
            of_all = fmax(of_all, bound);
        }
    }
    for (uint32_t cell = 0; cell < cells->cell_count; cell++) {
        struct oc_resolution *resolution =
            &resolutions->table[cell * OC_VERIFY_METRIC_COUNT + metric];
        double lent = of_scenario[cells->cells[cell].scenario];

        /* The other open loops have the rate that they were offered: no measure of a search. */
        if (isfinite(resolution->bound) || of_all < 0.0 ||
            (metric == OC_VERIFY_METRIC_RATE && cells->cells[cell].p99_limit_us > 0)) {
            continue;
        }
        resolution->bound = lent >= 0.0 ? lent : of_all;
        resolution->borrowed = true;
    }
}
