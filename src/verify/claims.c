/*
 * The verdicts on the claims.
 *
 * Logarithms of ratios are computed with, and turned into the unit of the claim at the end: the
 * transformations are monotonic, so the ends of an interval stay its ends.
 */
#include "verify/claims.h"

#include <math.h>
#include <string.h>

#include "core/assert.h"
#include "verify/pooled.h"
#include "verify/statistics.h"

#define LEVEL 0.95

/* The echo that is set beside a real order has about its size. */
#define ORDER_BYTES 100U

static enum oc_verify_stack stack_in(const struct oc_pooled *pool, uint32_t cell,
                                     enum oc_verify_stack stack);
static void pool_cells(struct oc_pooled *pool, const struct oc_claim *claim,
                       enum oc_verify_pair pair);
static bool pool_network(struct oc_pooled *pool, uint32_t cell, enum oc_verify_stack stack);
static bool pool_tail(struct oc_pooled *pool, uint32_t cell, enum oc_verify_stack current,
                      enum oc_verify_stack candidate);
static void level_change(const struct oc_pooled *pool, struct oc_claim_finding *finding);
static void to_unit(const struct oc_claim *claim, struct oc_interval *value);
static double gain_share(enum oc_verify_metric metric, double gain);
static void decide(struct oc_claim_finding *finding);
static void decide_range(struct oc_claim_finding *finding, double low, double high);
static void judge_cost(const struct oc_verify_costs *costs, struct oc_claim_finding *finding);
static void judge_none_of(const struct oc_gate_input *input, struct oc_claim_finding *finding);

bool oc_claims_uses(const struct oc_claim *claim, const struct oc_verify_cell *cell)
{
    return (claim->scenarios & 1U << cell->scenario) != 0 && !oc_pairs_is_capacity(cell) &&
           cell->connections >= claim->connections_min &&
           (claim->connections_max == 0 || cell->connections <= claim->connections_max) &&
           cell->window >= claim->window_min &&
           (claim->window_max == 0 || cell->window <= claim->window_max) &&
           (!claim->blocking_only || cell->placement != OC_VERIFY_BUSY_POLL) &&
           (claim->kind != OC_CLAIM_NETWORK || !cell->echo);
}

void oc_claims_judge(const struct oc_gate_input *input, const struct oc_verify_costs *costs,
                     const struct oc_claim *claim, enum oc_verify_pair pair,
                     struct oc_claim_finding *finding)
{
    struct oc_pooled pool;

    *finding = (struct oc_claim_finding){
        .claim = claim,
        .pair = pair,
        .verdict = OC_CLAIM_NOT_DECIDABLE,
        .why = OC_UNDECIDED_NOT_MEASURED,
        .value = {.estimate = NAN, .low = NAN, .high = NAN, .level = LEVEL},
        .current = NAN,
        .candidate = NAN,
    };
    if (claim->kind == OC_CLAIM_COST) {
        judge_cost(costs, finding);
        return;
    }
    if (claim->kind == OC_CLAIM_NONE_OF) {
        judge_none_of(input, finding);
        return;
    }
    oc_pooled_begin(&pool, input);
    pool_cells(&pool, claim, pair);
    oc_pooled_thin(&pool, claim->kind == OC_CLAIM_NETWORK ? 2U : 1U);
    finding->cell_count = claim->kind == OC_CLAIM_NETWORK ? pool.count / 2U : pool.count;
    finding->cells_shown = oc_pooled_cells(&pool, finding->cells);
    oc_pooled_interval(&pool, fmax(1.0, finding->cell_count),
                       oc_pairs_seed(input->seed, &(struct oc_verify_cell){.name = "claims"},
                                     claim->metric, (uint32_t)(claim - oc_claims)),
                       &finding->value, NULL);
    if (pool.count == 0) {
        finding->why = pool.why;
        return;
    }
    if (claim->kind == OC_CLAIM_CHANGE) {
        level_change(&pool, finding);
    }
    to_unit(claim, &finding->value);
    finding->bound = expm1(pool.bound);
    if (finding->value.kind == OC_INTERVAL_UNBOUNDED) {
        finding->why = OC_UNDECIDED_TOO_FEW;
    } else if (!isfinite(finding->bound)) {
        finding->why = OC_UNDECIDED_UNRESOLVED;
    } else {
        decide(finding);
    }
}

const char *oc_claim_verdict_text(enum oc_claim_verdict verdict)
{
    static const char *const TEXTS[OC_CLAIM_VERDICT_COUNT] = {
#define VERDICT_TEXT(name, text) [OC_CLAIM_##name] = text,
        OC_CLAIM_VERDICT_MAP(VERDICT_TEXT)
#undef VERDICT_TEXT
    };

    OC_ASSERT(verdict < OC_CLAIM_VERDICT_COUNT);
    return TEXTS[verdict];
}

static enum oc_verify_stack stack_in(const struct oc_pooled *pool, uint32_t cell,
                                     enum oc_verify_stack stack)
{
    double level;

    return oc_pairs_stand_in(pool->input->pairs, cell, stack,
                             oc_pooled_blocks(pool->input, cell, &level));
}

static void pool_cells(struct oc_pooled *pool, const struct oc_claim *claim,
                       enum oc_verify_pair pair)
{
    const struct oc_verify_data *data = pool->input->pairs->data;
    enum oc_verify_stack candidate = oc_pairs_candidate(pair);
    double sign = oc_pairs_direction(claim->metric) == OC_VERIFY_HIGHER_IS_BETTER ? 1.0 : -1.0;

    for (uint32_t cell = 0; cell < data->cell_count; cell++) {
        enum oc_verify_stack current;

        if (!oc_claims_uses(claim, &data->cells[cell])) {
            continue;
        }
        current = stack_in(pool, cell, oc_pairs_current(pair));
        switch (claim->kind) {
        case OC_CLAIM_GAIN:
            (void)oc_pooled_add_ratios(pool, cell, current, candidate, claim->metric, sign);
            break;
        case OC_CLAIM_CHANGE:
            (void)oc_pooled_add_ratios(pool, cell, current, candidate, claim->metric, 1.0);
            break;
        case OC_CLAIM_CURRENT:
            (void)oc_pooled_add_values(pool, cell, current, claim->metric, false, 1.0);
            break;
        case OC_CLAIM_CANDIDATE:
            (void)oc_pooled_add_values(pool, cell, candidate, claim->metric, false, 1.0);
            break;
        case OC_CLAIM_NETWORK:
            (void)pool_network(pool, cell, current);
            break;
        case OC_CLAIM_TAIL:
            (void)pool_tail(pool, cell, current, candidate);
            break;
        case OC_CLAIM_COST:
        case OC_CLAIM_NONE_OF:
            OC_UNREACHABLE();
        }
    }
}

/*
 * A cell of real orders and the echo of the same placement that is nearest in size: two strata, of
 * weights that make them a ratio.
 */
static bool pool_network(struct oc_pooled *pool, uint32_t cell, enum oc_verify_stack stack)
{
    const struct oc_verify_data *data = pool->input->pairs->data;
    uint32_t echo = UINT32_MAX;
    uint32_t echo_distance = UINT32_MAX;

    for (uint32_t i = 0; i < data->cell_count; i++) {
        const struct oc_verify_cell *other = &data->cells[i];
        uint32_t distance = other->size > ORDER_BYTES ? other->size - ORDER_BYTES
                                                      : ORDER_BYTES - other->size;

        if (other->scenario == OC_VERIFY_SCENARIO_PING_PONG && other->echo &&
            other->placement == data->cells[cell].placement && distance < echo_distance) {
            echo = i;
            echo_distance = distance;
        }
    }
    if (echo == UINT32_MAX ||
        !oc_pooled_add_values(pool, echo, stack, OC_VERIFY_METRIC_LATENCY_P50, true, 1.0)) {
        return false;
    }
    if (!oc_pooled_add_values(pool, cell, stack, OC_VERIFY_METRIC_LATENCY_P50, true, -1.0)) {
        pool->count--;
        return false;
    }
    return true;
}

/* The gain at p99 beyond that at p50, both of the same runs. */
static bool pool_tail(struct oc_pooled *pool, uint32_t cell, enum oc_verify_stack current,
                      enum oc_verify_stack candidate)
{
    double medians[OC_PAIRS_BLOCKS_MAX];
    double level;
    uint32_t count = oc_pairs_ratios(pool->input->pairs, cell, current, candidate,
                                     OC_VERIFY_METRIC_LATENCY_P50,
                                     oc_pooled_blocks(pool->input, cell, &level), medians);
    struct oc_stratum *stratum;

    if (!oc_pooled_add_ratios(pool, cell, current, candidate, OC_VERIFY_METRIC_LATENCY_P99, -1.0)) {
        return false;
    }
    stratum = &pool->strata[pool->count - 1U];
    if (stratum->count != count) {
        pool->count--;
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        pool->values[pool->count - 1U][i] -= medians[i];
    }
    /* Of a difference: both may err. */
    pool->bounds[pool->count - 1U] +=
        oc_resolutions_of(pool->input->resolutions, cell, OC_VERIFY_METRIC_LATENCY_P50).bound;
    return true;
}

/* What the change is of. The candidate's is computed by it, so that the two never disagree. */
static void level_change(const struct oc_pooled *pool, struct oc_claim_finding *finding)
{
    double sum = 0.0;

    for (uint32_t i = 0; i < finding->cells_shown; i++) {
        double values[OC_PAIRS_BLOCKS_MAX];
        double level;
        enum oc_verify_stack current = stack_in(pool, finding->cells[i],
                                                oc_pairs_current(finding->pair));
        uint32_t count = oc_pairs_rows(
            pool->input->pairs, finding->cells[i], &current, 1, finding->claim->metric,
            oc_pooled_blocks(pool->input, finding->cells[i], &level), values);

        sum += log(oc_statistics_median(values, count));
    }
    finding->current = exp(sum / finding->cells_shown);
    finding->candidate = finding->current * exp(finding->value.estimate);
}

static void to_unit(const struct oc_claim *claim, struct oc_interval *value)
{
    double *const numbers[3] = {&value->estimate, &value->low, &value->high};

    for (uint32_t i = 0; i < 3; i++) {
        switch (claim->kind) {
        case OC_CLAIM_GAIN:
        case OC_CLAIM_TAIL:
            *numbers[i] = gain_share(claim->metric, *numbers[i]);
            break;
        case OC_CLAIM_CHANGE:
            *numbers[i] = expm1(*numbers[i]);
            break;
        case OC_CLAIM_NETWORK:
            *numbers[i] = exp(*numbers[i]);
            break;
        case OC_CLAIM_CURRENT:
        case OC_CLAIM_CANDIDATE:
            *numbers[i] *= fmax(1.0, claim->per);
            break;
        case OC_CLAIM_COST:
        case OC_CLAIM_NONE_OF:
            break;
        }
    }
}

/* A logarithm as a share of the current stack's figure. */
static double gain_share(enum oc_verify_metric metric, double gain)
{
    return oc_pairs_direction(metric) == OC_VERIFY_HIGHER_IS_BETTER ? expm1(gain) : -expm1(-gain);
}

static void decide(struct oc_claim_finding *finding)
{
    const struct oc_claim *claim = finding->claim;

    switch (claim->sense) {
    case OC_CLAIM_AT_LEAST:
        switch (oc_standing_judge(&finding->value, claim->low, finding->bound)) {
        case OC_STANDING_BEYOND:
            finding->verdict = OC_CLAIM_CONFIRMED;
            finding->why = OC_UNDECIDED_DECIDED;
            break;
        case OC_STANDING_SHORT:
            finding->verdict = OC_CLAIM_REFUTED;
            finding->why = OC_UNDECIDED_DECIDED;
            break;
        case OC_STANDING_STRADDLES:
            finding->why = OC_UNDECIDED_STRADDLES;
            break;
        case OC_STANDING_UNRESOLVED:
            finding->why = OC_UNDECIDED_UNRESOLVED;
            break;
        }
        break;
    case OC_CLAIM_AT_MOST:
        decide_range(finding, -INFINITY, claim->high);
        break;
    case OC_CLAIM_WITHIN:
        /* A limit below the resolution cannot be asked for: it becomes the resolution. */
        decide_range(finding, fmin(claim->low, finding->bound > 0.0 ? -finding->bound : INFINITY),
                     fmax(claim->high, finding->bound > 0.0 ? finding->bound : -INFINITY));
        break;
    }
}

static void decide_range(struct oc_claim_finding *finding, double low, double high)
{
    const struct oc_interval *value = &finding->value;

    finding->why = OC_UNDECIDED_DECIDED;
    if (value->low >= low && value->high <= high) {
        finding->verdict = OC_CLAIM_CONFIRMED;
    } else if (value->high < low || value->low > high) {
        finding->verdict = OC_CLAIM_REFUTED;
    } else {
        finding->why = OC_UNDECIDED_STRADDLES;
    }
}

static void judge_cost(const struct oc_verify_costs *costs, struct oc_claim_finding *finding)
{
    double value;

    memcpy(&value, (const unsigned char *)costs + finding->claim->cost, sizeof(value));
    if (isnan(value)) {
        return;
    }
    finding->value.kind = OC_INTERVAL_POINT;
    finding->value.estimate = value;
    finding->value.low = value;
    finding->value.high = value;
    decide(finding);
}

static void judge_none_of(const struct oc_gate_input *input, struct oc_claim_finding *finding)
{
    static const enum oc_verify_metric METRICS[] = {OC_VERIFY_METRIC_ERRORS, OC_VERIFY_METRIC_DROPS,
                                                    OC_VERIFY_METRIC_TIMEOUTS};
    const struct oc_verify_data *data = input->pairs->data;
    bool seen[OC_BOOTSTRAP_STRATA_MAX] = {false};
    struct oc_proportion share;

    for (uint32_t i = 0; i < data->run_count; i++) {
        const struct oc_verify_run *run = &data->runs[i];
        uint32_t measured = 0;
        uint32_t hits = 0;

        /* Excluded and failed ones, too: an error is why a run fails, and no disturbance of the
         * host excuses one. */
        if (run->stack != oc_pairs_candidate(finding->pair) ||
            run->cell >= OC_BOOTSTRAP_STRATA_MAX ||
            !oc_claims_uses(finding->claim, &data->cells[run->cell])) {
            continue;
        }
        for (uint32_t k = 0; k < sizeof(METRICS) / sizeof(METRICS[0]); k++) {
            measured += isnan(run->metrics[METRICS[k]]) ? 0U : 1U;
            hits += run->metrics[METRICS[k]] > 0.0 ? 1U : 0U;
        }
        finding->runs += measured > 0 ? 1U : 0U;
        finding->runs_hit += hits > 0 ? 1U : 0U;
        seen[run->cell] |= measured > 0;
    }
    for (uint32_t cell = 0; cell < data->cell_count && cell < OC_BOOTSTRAP_STRATA_MAX; cell++) {
        if (seen[cell]) {
            finding->cells[finding->cells_shown++] = cell;
        }
    }
    finding->cell_count = finding->cells_shown;
    if (finding->runs == 0) {
        return;
    }
    share = oc_statistics_proportion(finding->runs_hit, finding->runs, LEVEL);
    finding->value.kind = OC_INTERVAL_ORDER;
    finding->value.estimate = share.share;
    finding->value.low = share.low;
    finding->value.high = share.high;
    finding->value.count = finding->runs;
    /* Not by the interval: one run with an error refutes "none", however rare it is. */
    finding->verdict = finding->runs_hit == 0 ? OC_CLAIM_CONFIRMED : OC_CLAIM_REFUTED;
    finding->why = OC_UNDECIDED_DECIDED;
}
