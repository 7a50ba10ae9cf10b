/*
 * The shares of rewrite and io_uring, and the ceiling.
 */
#include "verify/attribution.h"

#include <errno.h>
#include <math.h>

#include "verify/looks.h"
#include "verify/pooled.h"
#include "verify/statistics.h"

/* The primary metric of a cell and two kinds of CPU time; for a ceiling latency and CPU time. */
#define ATTRIBUTIONS_OF_CELL 3U
#define CEILINGS_OF_CELL     2U

static bool attribute(const struct oc_gate_input *input, uint32_t cell,
                      enum oc_verify_metric metric, struct oc_attribution *attribution);
static void interval_of(const struct oc_bootstrap_config *config, const double *values,
                        uint32_t count, struct oc_interval *interval);
static bool ceiling_of(const struct oc_gate_input *input, uint32_t cell,
                       enum oc_verify_metric metric, double call_ns, struct oc_ceiling *ceiling);
static double median_of(const struct oc_gate_input *input, uint32_t cell,
                        enum oc_verify_stack stack, enum oc_verify_metric metric);

int oc_attribution_make(const struct oc_gate_input *input, struct oc_arena *arena,
                        struct oc_attribution **attributions, uint32_t *count)
{
    const struct oc_verify_data *data = input->pairs->data;

    *count = 0;
    *attributions = oc_arena_alloc(arena, (size_t)data->cell_count * ATTRIBUTIONS_OF_CELL,
                                   sizeof(**attributions), 0);
    if (*attributions == NULL) {
        return -ENOMEM;
    }
    for (uint32_t cell = 0; cell < data->cell_count; cell++) {
        const enum oc_verify_metric metrics[ATTRIBUTIONS_OF_CELL] = {
            oc_pairs_primary(&data->cells[cell]), OC_VERIFY_METRIC_SERVER_CPU,
            OC_VERIFY_METRIC_MACHINE_CPU};
        /* Who spins takes all the CPU time there is. */
        uint32_t metric_count = data->cells[cell].placement == OC_VERIFY_BUSY_POLL
                                    ? 1U
                                    : ATTRIBUTIONS_OF_CELL;

        for (uint32_t i = 0; i < metric_count; i++) {
            *count += attribute(input, cell, metrics[i], &(*attributions)[*count]) ? 1U : 0U;
        }
    }
    return 0;
}

int oc_ceilings_make(const struct oc_gate_input *input, double call_ns, struct oc_arena *arena,
                     struct oc_ceiling **ceilings, uint32_t *count)
{
    const struct oc_verify_data *data = input->pairs->data;

    *count = 0;
    *ceilings = oc_arena_alloc(arena, (size_t)data->cell_count * CEILINGS_OF_CELL,
                               sizeof(**ceilings), 0);
    if (*ceilings == NULL) {
        return -ENOMEM;
    }
    for (uint32_t cell = 0; cell < data->cell_count && isfinite(call_ns); cell++) {
        const struct oc_verify_cell *described = &data->cells[cell];

        if (described->connections == 1 && described->window == 1) {
            *count += ceiling_of(input, cell, OC_VERIFY_METRIC_LATENCY_P50, call_ns,
                                 &(*ceilings)[*count])
                          ? 1U
                          : 0U;
        }
        if (described->placement != OC_VERIFY_BUSY_POLL) {
            *count += ceiling_of(input, cell, OC_VERIFY_METRIC_SERVER_CPU, call_ns,
                                 &(*ceilings)[*count])
                          ? 1U
                          : 0U;
        }
    }
    return 0;
}

static bool attribute(const struct oc_gate_input *input, uint32_t cell,
                      enum oc_verify_metric metric, struct oc_attribution *attribution)
{
    double level;
    uint32_t block_limit = oc_pooled_blocks(input, cell, &level);
    const enum oc_verify_stack stacks[3] = {
        oc_pairs_stand_in(input->pairs, cell, OC_VERIFY_STACK_TOKIO, block_limit),
        OC_VERIFY_STACK_EPOLL,
        OC_VERIFY_STACK_IO_URING,
    };
    struct oc_bootstrap_config config = {
        .seed = oc_pairs_seed(input->seed, &input->pairs->data->cells[cell], metric,
                              OC_VERIFY_PAIR_COUNT),
        .resamples = input->resamples,
        .level = level,
    };
    double rows[3U * OC_PAIRS_BLOCKS_MAX];
    double total[OC_PAIRS_BLOCKS_MAX];
    double rewrite[OC_PAIRS_BLOCKS_MAX];
    double io_uring[OC_PAIRS_BLOCKS_MAX];
    uint32_t row_count = oc_pairs_rows(input->pairs, cell, stacks, 3, metric, block_limit, rows);
    uint32_t count = 0;

    for (uint32_t i = 0; i < row_count; i++) {
        const double *row = &rows[3U * i];

        if (row[0] > 0.0 && row[1] > 0.0 && row[2] > 0.0) {
            rewrite[count] = log(row[1] / row[0]);
            io_uring[count] = log(row[2] / row[1]);
            total[count] = log(row[2] / row[0]);
            count++;
        }
    }
    if (count == 0) {
        return false;
    }
    *attribution = (struct oc_attribution){.cell = cell, .metric = metric, .tokio = stacks[0]};
    interval_of(&config, total, count, &attribution->total);
    interval_of(&config, rewrite, count, &attribution->rewrite);
    interval_of(&config, io_uring, count, &attribution->io_uring);
    oc_bootstrap_share(rewrite, io_uring, count, &config, &attribution->share);
    attribution->meaningful = attribution->total.low > 0.0 || attribution->total.high < 0.0;
    return true;
}

static void interval_of(const struct oc_bootstrap_config *config, const double *values,
                        uint32_t count, struct oc_interval *interval)
{
    struct oc_stratum stratum = {values, count, 1.0};

    oc_bootstrap_interval(&stratum, 1, config, interval, NULL);
}

static bool ceiling_of(const struct oc_gate_input *input, uint32_t cell,
                       enum oc_verify_metric metric, double call_ns, struct oc_ceiling *ceiling)
{
    struct oc_ceiling made = {
        .cell = cell,
        .metric = metric,
        .call_ns = call_ns,
        .calls_epoll = median_of(input, cell, OC_VERIFY_STACK_EPOLL, OC_VERIFY_METRIC_SYSTEM_CALLS),
        .calls_io_uring = median_of(input, cell, OC_VERIFY_STACK_IO_URING,
                                    OC_VERIFY_METRIC_SYSTEM_CALLS),
        .request_ns = median_of(input, cell, OC_VERIFY_STACK_EPOLL, metric),
    };

    /* Comparisons with NaN are false. */
    if (!(made.calls_epoll >= 0.0 && made.calls_io_uring >= 0.0 && made.request_ns > 0.0)) {
        return false;
    }
    made.share = call_ns * fmax(0.0, made.calls_epoll - made.calls_io_uring) / made.request_ns;
    *ceiling = made;
    return true;
}

static double median_of(const struct oc_gate_input *input, uint32_t cell,
                        enum oc_verify_stack stack, enum oc_verify_metric metric)
{
    double values[OC_PAIRS_BLOCKS_MAX];
    double level;
    uint32_t count = oc_pairs_rows(input->pairs, cell, &stack, 1, metric,
                                   oc_pooled_blocks(input, cell, &level), values);

    return oc_statistics_median(values, count);
}
