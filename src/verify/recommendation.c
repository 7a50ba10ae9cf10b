/*
 * The recommendation by mode and the words for its cause.
 *
 * The words only repeat figures: what differs, by how much, and what the system calls saved are
 * worth at the measured price of one. A cause that no figure shows is not named.
 */
#include "verify/recommendation.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/assert.h"
#include "verify/pooled.h"
#include "verify/statistics.h"

/* What the cells say one by one. */
struct opinions {
    bool for_io_uring; /* a cell decides, above the margin */
    bool for_epoll;
};

static bool belongs(const struct oc_verify_cell *cell, enum oc_mode mode, enum oc_waiting waiting,
                    enum oc_verify_metric metric);
static enum oc_verify_metric choose_metric(const struct oc_gate_input *input, enum oc_mode mode,
                                           enum oc_waiting waiting);
static void pool_cost(const struct oc_gate_input *input, struct oc_recommendation *recommendation,
                      struct opinions *opinions, enum oc_undecided *missing);
static void pool_tail(const struct oc_gate_input *input, struct oc_recommendation *recommendation);
static void advise(struct oc_recommendation *recommendation, const struct opinions *opinions);
static struct oc_interval negated(const struct oc_interval *interval);
static void gather_parts(const struct oc_pooled *pool, struct oc_recommendation *recommendation);
static void gather_cause(const struct oc_gate_input *input, const struct oc_verify_costs *costs,
                         struct oc_recommendation *recommendation);
static void gather_cpu(struct oc_recommendation *recommendation);
static double mean_of_medians(const struct oc_gate_input *input,
                              const struct oc_recommendation *recommendation,
                              enum oc_verify_stack stack, enum oc_verify_metric metric);
static void write_sentence(struct oc_recommendation *recommendation,
                           const struct oc_verify_costs *costs);
static void append(struct oc_recommendation *recommendation, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

enum oc_mode oc_mode_of(const struct oc_verify_cell *cell)
{
    if (cell->scenario == OC_VERIFY_SCENARIO_FAN_OUT) {
        return OC_MODE_FAN_OUT;
    }
    if (cell->window > 1) {
        return OC_MODE_PIPELINED;
    }
    return cell->connections >= OC_MODE_MANY_CONNECTIONS ? OC_MODE_MANY : OC_MODE_FEW;
}

void oc_recommendation_make(const struct oc_gate_input *input, const struct oc_verify_costs *costs,
                            enum oc_mode mode, enum oc_waiting waiting,
                            struct oc_recommendation *recommendation)
{
    struct opinions opinions = {false, false};
    enum oc_undecided missing;

    memset(recommendation, 0, sizeof(*recommendation));
    recommendation->mode = mode;
    recommendation->waiting = waiting;
    recommendation->metric = choose_metric(input, mode, waiting);
    pool_cost(input, recommendation, &opinions, &missing);
    pool_tail(input, recommendation);
    if (recommendation->cell_count == 0) {
        recommendation->advice = OC_ADVICE_NOT_MEASURED;
        recommendation->why = missing;
        return;
    }
    advise(recommendation, &opinions);
    gather_cause(input, costs, recommendation);
    write_sentence(recommendation, costs);
}

const char *oc_mode_text(enum oc_mode mode)
{
    static const char *const TEXTS[OC_MODE_COUNT] = {
#define MODE_TEXT(name, text) [OC_MODE_##name] = text,
        OC_MODE_MAP(MODE_TEXT)
#undef MODE_TEXT
    };

    OC_ASSERT(mode < OC_MODE_COUNT);
    return TEXTS[mode];
}

const char *oc_waiting_text(enum oc_waiting waiting)
{
    static const char *const TEXTS[OC_WAITING_COUNT] = {
#define WAITING_TEXT(name, text) [OC_WAITING_##name] = text,
        OC_WAITING_MAP(WAITING_TEXT)
#undef WAITING_TEXT
    };

    OC_ASSERT(waiting < OC_WAITING_COUNT);
    return TEXTS[waiting];
}

const char *oc_advice_text(enum oc_advice advice)
{
    static const char *const TEXTS[OC_ADVICE_COUNT] = {
#define ADVICE_TEXT(name, text) [OC_ADVICE_##name] = text,
        OC_ADVICE_MAP(ADVICE_TEXT)
#undef ADVICE_TEXT
    };

    OC_ASSERT(advice < OC_ADVICE_COUNT);
    return TEXTS[advice];
}

/* The rate of an open loop is what was offered, so it says nothing of the server, but for a
 * search's. */
static bool belongs(const struct oc_verify_cell *cell, enum oc_mode mode, enum oc_waiting waiting,
                    enum oc_verify_metric metric)
{
    bool spins = cell->placement == OC_VERIFY_BUSY_POLL;

    return !oc_pairs_is_capacity(cell) && oc_mode_of(cell) == mode &&
           spins == (waiting == OC_WAITING_SPINNING) &&
           (metric != OC_VERIFY_METRIC_RATE || cell->window > 0 || cell->p99_limit_us > 0);
}

static enum oc_verify_metric choose_metric(const struct oc_gate_input *input, enum oc_mode mode,
                                           enum oc_waiting waiting)
{
    double ratios[OC_PAIRS_BLOCKS_MAX];

    if (waiting == OC_WAITING_SPINNING) {
        return OC_VERIFY_METRIC_RATE;
    }
    for (uint32_t cell = 0; cell < input->pairs->data->cell_count; cell++) {
        if (belongs(&input->pairs->data->cells[cell], mode, waiting, OC_VERIFY_METRIC_SERVER_CPU) &&
            oc_pairs_ratios(input->pairs, cell, OC_VERIFY_STACK_EPOLL, OC_VERIFY_STACK_IO_URING,
                            OC_VERIFY_METRIC_SERVER_CPU, OC_PAIRS_ALL, ratios) > 0) {
            return OC_VERIFY_METRIC_SERVER_CPU;
        }
    }
    return OC_VERIFY_METRIC_MACHINE_CPU;
}

static void pool_cost(const struct oc_gate_input *input, struct oc_recommendation *recommendation,
                      struct opinions *opinions, enum oc_undecided *missing)
{
    const struct oc_verify_data *data = input->pairs->data;
    enum oc_verify_metric metric = recommendation->metric;
    double sign = metric == OC_VERIFY_METRIC_RATE ? -1.0 : 1.0;
    uint64_t seed = oc_pairs_seed(input->seed, &(struct oc_verify_cell){.name = "recommendation"},
                                  metric, (uint32_t)recommendation->mode);
    struct oc_pooled pool;

    oc_pooled_begin(&pool, input);
    for (uint32_t cell = 0; cell < data->cell_count; cell++) {
        struct oc_interval alone;
        struct oc_interval opposite;
        struct oc_bootstrap_config config = {.seed = seed, .resamples = input->resamples};
        double bound = oc_resolutions_of(input->resolutions, cell, metric).bound;

        if (!belongs(&data->cells[cell], recommendation->mode, recommendation->waiting, metric) ||
            !oc_pooled_add_ratios(&pool, cell, OC_VERIFY_STACK_EPOLL, OC_VERIFY_STACK_IO_URING,
                                  metric, sign)) {
            continue;
        }
        (void)oc_pooled_blocks(input, cell, &config.level);
        oc_bootstrap_interval(&pool.strata[pool.count - 1U], 1, &config, &alone, NULL);
        opposite = negated(&alone);
        opinions->for_epoll |= oc_standing_judge(&alone, log1p(OC_EQUIVALENCE_MARGIN), bound) ==
                               OC_STANDING_BEYOND;
        opinions->for_io_uring |= oc_standing_judge(&opposite, log1p(OC_EQUIVALENCE_MARGIN),
                                                    bound) == OC_STANDING_BEYOND;
    }
    oc_pooled_thin(&pool, 1);
    gather_parts(&pool, recommendation);
    *missing = pool.why;
    oc_pooled_interval(&pool, fmax(1.0, pool.count), seed, &recommendation->cost,
                       &recommendation->cost_inner);
    recommendation->bound = pool.bound;
}

static void pool_tail(const struct oc_gate_input *input, struct oc_recommendation *recommendation)
{
    const struct oc_verify_data *data = input->pairs->data;
    uint64_t seed = oc_pairs_seed(input->seed, &(struct oc_verify_cell){.name = "recommendation"},
                                  OC_VERIFY_METRIC_LATENCY_P99, (uint32_t)recommendation->mode);
    struct oc_pooled pool;

    oc_pooled_begin(&pool, input);
    for (uint32_t cell = 0; cell < data->cell_count; cell++) {
        if (belongs(&data->cells[cell], recommendation->mode, recommendation->waiting,
                    OC_VERIFY_METRIC_LATENCY_P99)) {
            (void)oc_pooled_add_ratios(&pool, cell, OC_VERIFY_STACK_EPOLL, OC_VERIFY_STACK_IO_URING,
                                       OC_VERIFY_METRIC_LATENCY_P99, 1.0);
        }
    }
    oc_pooled_thin(&pool, 1);
    recommendation->tail_cell_count = pool.count;
    oc_pooled_interval(&pool, fmax(1.0, pool.count), seed, &recommendation->tail, NULL);
    recommendation->tail_bound = pool.bound;
}

static void advise(struct oc_recommendation *recommendation, const struct opinions *opinions)
{
    const struct oc_interval *cost = &recommendation->cost;
    struct oc_interval gain = negated(cost);
    bool io_uring_less = cost->estimate < 0.0;
    struct oc_interval harm = io_uring_less ? recommendation->tail : negated(&recommendation->tail);
    bool equal = isfinite(recommendation->bound) &&
                 oc_bootstrap_equivalent(&recommendation->cost_inner, OC_EQUIVALENCE_MARGIN);

    recommendation->tail_limit = oc_limit_judge(&harm, log1p(OC_EQUIVALENCE_MARGIN),
                                                recommendation->tail_bound);
    recommendation->contradicted = (opinions->for_io_uring && (equal || !io_uring_less)) ||
                                   (opinions->for_epoll && (equal || io_uring_less));
    recommendation->advice = OC_ADVICE_UNDECIDED;
    if (cost->kind == OC_INTERVAL_UNBOUNDED) {
        recommendation->why = OC_UNDECIDED_TOO_FEW;
    } else if (!isfinite(recommendation->bound)) {
        recommendation->why = OC_UNDECIDED_UNRESOLVED;
    } else if (recommendation->contradicted) {
        recommendation->why = OC_UNDECIDED_DISAGREE;
    } else if (equal) {
        recommendation->advice = OC_ADVICE_EQUAL;
    } else {
        switch (oc_standing_judge(io_uring_less ? &gain : cost, 0.0, recommendation->bound)) {
        case OC_STANDING_BEYOND:
            if (recommendation->tail_cell_count > 0 &&
                recommendation->tail_limit != OC_LIMIT_HELD) {
                recommendation->why = OC_UNDECIDED_TAIL;
            } else {
                recommendation->advice = io_uring_less ? OC_ADVICE_IO_URING : OC_ADVICE_EPOLL;
            }
            break;
        case OC_STANDING_UNRESOLVED:
            recommendation->why = OC_UNDECIDED_UNRESOLVED;
            break;
        case OC_STANDING_SHORT:
        case OC_STANDING_STRADDLES:
            recommendation->why = OC_UNDECIDED_STRADDLES;
            break;
        }
    }
}

static struct oc_interval negated(const struct oc_interval *interval)
{
    struct oc_interval result = *interval;

    oc_interval_negate(&result);
    return result;
}

static void gather_parts(const struct oc_pooled *pool, struct oc_recommendation *recommendation)
{
    uint32_t cells[OC_BOOTSTRAP_STRATA_MAX];
    const enum oc_verify_stack epoll = OC_VERIFY_STACK_EPOLL;

    recommendation->cell_count = oc_pooled_cells(pool, cells);
    for (uint32_t i = 0; i < recommendation->cell_count; i++) {
        struct oc_recommendation_part *part = &recommendation->parts[i];
        double values[OC_PAIRS_BLOCKS_MAX];
        double level;
        uint32_t at = 0;
        uint32_t count;

        while (pool->cells[at] != cells[i]) {
            at++;
        }
        count = oc_pairs_rows(pool->input->pairs, cells[i], &epoll, 1, recommendation->metric,
                              oc_pooled_blocks(pool->input, cells[i], &level), values);
        *part = (struct oc_recommendation_part){
            .cell = cells[i],
            .epoll = oc_statistics_median(values, count),
            .cost = oc_statistics_median(pool->strata[at].values, pool->strata[at].count) *
                    (recommendation->metric == OC_VERIFY_METRIC_RATE ? -1.0 : 1.0),
        };
    }
}

static void gather_cause(const struct oc_gate_input *input, const struct oc_verify_costs *costs,
                         struct oc_recommendation *recommendation)
{
    struct oc_cause *cause = &recommendation->cause;
    const struct {
        enum oc_verify_metric metric;
        double *epoll;
        double *io_uring;
    } figures[] = {
        {OC_VERIFY_METRIC_SYSTEM_CALLS, &cause->calls_epoll, &cause->calls_io_uring},
        {OC_VERIFY_METRIC_CONTEXT_SWITCHES, &cause->switches_epoll, &cause->switches_io_uring},
        {OC_VERIFY_METRIC_BATCH_MEAN, &cause->batch_epoll, &cause->batch_io_uring},
    };

    for (uint32_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
        *figures[i].epoll = mean_of_medians(input, recommendation, OC_VERIFY_STACK_EPOLL,
                                            figures[i].metric);
        *figures[i].io_uring = mean_of_medians(input, recommendation, OC_VERIFY_STACK_IO_URING,
                                               figures[i].metric);
    }
    gather_cpu(recommendation);
    cause->calls_worth_ns = costs->call_ns * (cause->calls_epoll - cause->calls_io_uring);
}

static void gather_cpu(struct oc_recommendation *recommendation)
{
    struct oc_cause *cause = &recommendation->cause;
    const double count = recommendation->cell_count;

    cause->cpu_epoll_ns = recommendation->metric == OC_VERIFY_METRIC_RATE ? NAN : 0.0;
    cause->cpu_more_ns = cause->cpu_epoll_ns;
    for (uint32_t i = 0; i < recommendation->cell_count; i++) {
        const struct oc_recommendation_part *part = &recommendation->parts[i];

        cause->cpu_epoll_ns += part->epoll / count;
        cause->cpu_more_ns += part->epoll * expm1(part->cost) / count;
    }
}

static double mean_of_medians(const struct oc_gate_input *input,
                              const struct oc_recommendation *recommendation,
                              enum oc_verify_stack stack, enum oc_verify_metric metric)
{
    double values[OC_PAIRS_BLOCKS_MAX];
    double sum = 0.0;
    uint32_t cells = 0;

    for (uint32_t i = 0; i < recommendation->cell_count; i++) {
        const uint32_t cell = recommendation->parts[i].cell;
        double level;
        uint32_t count = oc_pairs_rows(input->pairs, cell, &stack, 1, metric,
                                       oc_pooled_blocks(input, cell, &level), values);

        sum += count > 0 ? oc_statistics_median(values, count) : 0.0;
        cells += count > 0 ? 1U : 0U;
    }
    return cells > 0 ? sum / cells : NAN;
}

static void write_sentence(struct oc_recommendation *recommendation,
                           const struct oc_verify_costs *costs)
{
    const struct oc_cause *cause = &recommendation->cause;
    const struct oc_interval *tail = &recommendation->tail;
    double saved_calls = cause->calls_epoll - cause->calls_io_uring;
    double difference = recommendation->metric == OC_VERIFY_METRIC_RATE
                            ? expm1(-recommendation->cost.estimate)
                            : expm1(recommendation->cost.estimate);

    append(recommendation, "io_uring against epoll: %+.1f %% %s", 100.0 * difference,
           recommendation->metric == OC_VERIFY_METRIC_RATE         ? "requests per second"
           : recommendation->metric == OC_VERIFY_METRIC_SERVER_CPU ? "server CPU per request"
                                                                   : "machine CPU per request");
    if (recommendation->cell_count > 1) {
        append(recommendation, ", the mean of %u cells", (unsigned)recommendation->cell_count);
    }
    if (isfinite(cause->cpu_more_ns)) {
        append(recommendation, "%s: of epoll's %.2f us, %.0f ns %s",
               recommendation->cell_count > 1 ? "; in time, where dear cells count for more" : "",
               cause->cpu_epoll_ns / 1e3, fabs(cause->cpu_more_ns),
               cause->cpu_more_ns < 0.0 ? "less" : "more");
    }
    if (isfinite(saved_calls)) {
        append(recommendation, "; %.2f system calls per request against %.2f",
               cause->calls_io_uring, cause->calls_epoll);
    }
    if (isfinite(cause->calls_worth_ns) && saved_calls > 0.0) {
        append(recommendation, " (those saved would be worth %.0f ns, at %.0f ns for a bare one)",
               cause->calls_worth_ns, costs->call_ns);
    } else if (isfinite(saved_calls) && saved_calls <= 0.0) {
        append(recommendation, " (none are saved)");
    }
    if (isfinite(cause->batch_epoll) && isfinite(cause->batch_io_uring)) {
        append(recommendation, "; %.1f events a poll against %.1f", cause->batch_io_uring,
               cause->batch_epoll);
    }
    if (isfinite(cause->switches_epoll) && isfinite(cause->switches_io_uring)) {
        append(recommendation, "; %.2f context switches per request against %.2f",
               cause->switches_io_uring, cause->switches_epoll);
    }
    if (isfinite(tail->low) && isfinite(tail->high)) {
        append(recommendation, "; p99 latency %+.1f %% (%+.1f to %+.1f)",
               100.0 * expm1(tail->estimate), 100.0 * expm1(tail->low), 100.0 * expm1(tail->high));
        if ((recommendation->advice == OC_ADVICE_IO_URING ||
             recommendation->advice == OC_ADVICE_EPOLL) &&
            recommendation->tail_bound > log1p(OC_EQUIVALENCE_MARGIN)) {
            append(recommendation,
                   ": \"not worse by 3 %%\" was held only within what A/A resolves, %.1f %%",
                   100.0 * expm1(recommendation->tail_bound));
        }
    }
    append(recommendation, ".");
}

/* What does not fit is cut: the figures themselves stand in the struct. */
static void append(struct oc_recommendation *recommendation, const char *format, ...)
{
    size_t used = strlen(recommendation->sentence);
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(recommendation->sentence + used, sizeof(recommendation->sentence) - used,
                    format, arguments);
    va_end(arguments);
}
