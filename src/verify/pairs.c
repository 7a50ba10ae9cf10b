/*
 * Exclusion of blocks and pairing of runs.
 *
 * An order of the runs by cell and block is made once; everything else walks the runs of one cell
 * block by block. A block holds a few runs, so the search for those that belong together is plain.
 */
#include "verify/pairs.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "core/assert.h"
#include "verify/statistics.h"

/* Offered rates are the same if they differ by less than this share. */
#define RATE_TOLERANCE 1e-6

/* The runs of one block: order[begin] to order[end - 1]. */
struct span {
    uint32_t begin;
    uint32_t end;
};

static const struct {
    const char *name;
    enum oc_verify_stack current;
    enum oc_verify_stack candidate;
} PAIRS[OC_VERIFY_PAIR_COUNT] = {
#define PAIR(name, wire, current, candidate) \
    [OC_VERIFY_PAIR_##name] = {wire, OC_VERIFY_STACK_##current, OC_VERIFY_STACK_##candidate},
    OC_VERIFY_PAIR_MAP(PAIR)
#undef PAIR
};

static const struct oc_verify_run *run_at(const struct oc_pairs *pairs, uint32_t place);
static bool next_block(const struct oc_pairs *pairs, uint32_t cell, uint32_t block_limit,
                       struct span *span);
static bool block_excluded(const struct oc_pairs *pairs, const struct span *span);
static bool block_row(const struct oc_pairs *pairs, const struct span *span,
                      const enum oc_verify_stack *stacks, uint32_t stack_count,
                      enum oc_verify_metric metric, double *row);
static const struct oc_verify_run *run_of(const struct oc_pairs *pairs, const struct span *span,
                                          enum oc_verify_stack stack, double rate);
static void count_run(const struct oc_verify_run *run, struct oc_cell_account *account);

const char *oc_pairs_name(enum oc_verify_pair pair)
{
    OC_ASSERT(pair < OC_VERIFY_PAIR_COUNT);
    return PAIRS[pair].name;
}

enum oc_verify_stack oc_pairs_current(enum oc_verify_pair pair)
{
    OC_ASSERT(pair < OC_VERIFY_PAIR_COUNT);
    return PAIRS[pair].current;
}

enum oc_verify_stack oc_pairs_candidate(enum oc_verify_pair pair)
{
    OC_ASSERT(pair < OC_VERIFY_PAIR_COUNT);
    return PAIRS[pair].candidate;
}

int oc_pairs_init(struct oc_pairs *pairs, const struct oc_verify_data *data, struct oc_arena *arena)
{
    uint32_t *next;

    pairs->data = data;
    pairs->order = oc_arena_alloc(arena, data->run_count, sizeof(pairs->order[0]), 0);
    pairs->cell_begin = oc_arena_alloc(arena, data->cell_count + 1U, sizeof(*next), 0);
    next = oc_arena_alloc(arena, data->cell_count + 1U, sizeof(*next), 0);
    if (pairs->order == NULL || pairs->cell_begin == NULL || next == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < data->run_count; i++) {
        OC_ASSERT(data->runs[i].cell < data->cell_count);
        OC_ASSERT(data->runs[i].stack < OC_VERIFY_STACK_COUNT);
        pairs->cell_begin[data->runs[i].cell + 1U]++;
    }
    for (uint32_t cell = 0; cell < data->cell_count; cell++) {
        pairs->cell_begin[cell + 1U] += pairs->cell_begin[cell];
        next[cell] = pairs->cell_begin[cell];
    }
    /* Insertion by block: a cell's runs come nearly in order, because blocks are made in order. */
    for (uint32_t i = 0; i < data->run_count; i++) {
        uint32_t cell = data->runs[i].cell;
        uint32_t place = next[cell]++;

        while (place > pairs->cell_begin[cell] &&
               run_at(pairs, place - 1U)->block > data->runs[i].block) {
            pairs->order[place] = pairs->order[place - 1U];
            place--;
        }
        pairs->order[place] = i;
    }
    return 0;
}

void oc_pairs_account(const struct oc_pairs *pairs, uint32_t cell, uint32_t block_limit,
                      struct oc_cell_account *account)
{
    struct span span = {0, 0};

    memset(account, 0, sizeof(*account));
    while (next_block(pairs, cell, block_limit, &span)) {
        bool excluded = block_excluded(pairs, &span);

        account->blocks_run++;
        account->blocks_excluded += excluded ? 1U : 0U;
        for (uint32_t i = span.begin; i < span.end; i++) {
            const struct oc_verify_run *run = run_at(pairs, i);

            if (run->exclusion != OC_VERIFY_KEPT) {
                count_run(run, account);
            } else if (!excluded) {
                account->kept[run->stack]++;
            }
        }
    }
    account->voided = account->blocks_excluded > OC_PAIRS_EXCLUDED_SHARE_MAX * account->blocks_run;
    for (uint32_t stack = 0; stack < OC_VERIFY_STACK_COUNT; stack++) {
        account->voided |= pairs->data->cells[cell].p99_limit_us > 0 && account->lag[stack] > 0;
    }
}

uint32_t oc_pairs_blocks_run(const struct oc_pairs *pairs, uint32_t cell)
{
    uint32_t end = pairs->cell_begin[cell + 1U];

    return end > pairs->cell_begin[cell] ? run_at(pairs, end - 1U)->block + 1U : 0;
}

bool oc_pairs_failed(const struct oc_cell_account *account, const enum oc_verify_stack *stacks,
                     uint32_t stack_count)
{
    uint32_t failed = 0;

    for (uint32_t i = 0; i < stack_count; i++) {
        failed += account->failed[stacks[i]];
    }
    return failed > OC_PAIRS_EXCLUDED_SHARE_MAX * account->blocks_run;
}

uint32_t oc_pairs_rows(const struct oc_pairs *pairs, uint32_t cell,
                       const enum oc_verify_stack *stacks, uint32_t stack_count,
                       enum oc_verify_metric metric, uint32_t block_limit, double *rows)
{
    struct span span = {0, 0};
    uint32_t count = 0;

    OC_ASSERT(stack_count >= 1);
    OC_ASSERT(stack_count <= OC_PAIRS_STACKS_MAX);
    while (count < OC_PAIRS_BLOCKS_MAX && next_block(pairs, cell, block_limit, &span)) {
        if (!block_excluded(pairs, &span) &&
            block_row(pairs, &span, stacks, stack_count, metric, &rows[count * stack_count])) {
            count++;
        }
    }
    return count;
}

uint32_t oc_pairs_ratios(const struct oc_pairs *pairs, uint32_t cell, enum oc_verify_stack current,
                         enum oc_verify_stack candidate, enum oc_verify_metric metric,
                         uint32_t block_limit, double *ratios)
{
    const enum oc_verify_stack stacks[2] = {current, candidate};
    double rows[2U * OC_PAIRS_BLOCKS_MAX];
    uint32_t row_count = oc_pairs_rows(pairs, cell, stacks, 2, metric, block_limit, rows);
    uint32_t count = 0;

    for (uint32_t i = 0; i < row_count; i++) {
        double of_current = rows[2U * i];
        double of_candidate = rows[2U * i + 1U];

        if (of_current > 0.0 && of_candidate > 0.0) {
            ratios[count++] = log(of_candidate / of_current);
        } else if (of_current == 0.0 && of_candidate == 0.0) {
            ratios[count++] = 0.0;
        }
    }
    return count;
}

uint64_t oc_pairs_seed(uint64_t seed, const struct oc_verify_cell *cell,
                       enum oc_verify_metric metric, uint32_t purpose)
{
    /* FNV-1a of the name, then of the numbers; oc_random_init mixes the rest. */
    uint64_t hash = 0xcbf29ce484222325ULL ^ seed;

    for (const char *c = cell->name; *c != '\0'; c++) {
        hash = (hash ^ (unsigned char)*c) * 0x100000001b3ULL;
    }
    hash = (hash ^ (uint64_t)metric) * 0x100000001b3ULL;
    return (hash ^ purpose) * 0x100000001b3ULL;
}

bool oc_pairs_same_rate(double a, double b)
{
    return fabs(a - b) <= RATE_TOLERANCE * fmax(fabs(a), fabs(b));
}

bool oc_pairs_is_capacity(const struct oc_verify_cell *cell)
{
    return cell->scenario == OC_VERIFY_SCENARIO_PERCENTILES && cell->load_percent == 0 &&
           cell->p99_limit_us == 0;
}

enum oc_verify_metric oc_pairs_primary(const struct oc_verify_cell *cell)
{
    if (cell->p99_limit_us > 0) {
        return OC_VERIFY_METRIC_RATE;
    }
    switch (cell->scenario) {
    case OC_VERIFY_SCENARIO_PING_PONG:
    case OC_VERIFY_SCENARIO_REQUEST_RESPONSE:
        return OC_VERIFY_METRIC_LATENCY_P50;
    case OC_VERIFY_SCENARIO_PERCENTILES:
    case OC_VERIFY_SCENARIO_FAN_OUT:
        return OC_VERIFY_METRIC_LATENCY_P99;
    case OC_VERIFY_SCENARIO_PERSISTENT:
    case OC_VERIFY_SCENARIO_REUSE:
    case OC_VERIFY_SCENARIO_STRESS:
        return OC_VERIFY_METRIC_RATE;
    case OC_VERIFY_SCENARIO_COUNT:
        break;
    }
    OC_UNREACHABLE();
}

enum oc_verify_direction oc_pairs_direction(enum oc_verify_metric metric)
{
    static const enum oc_verify_direction DIRECTIONS[OC_VERIFY_METRIC_COUNT] = {
#define METRIC_DIRECTION(name, wire, unit, direction) \
    [OC_VERIFY_METRIC_##name] = OC_VERIFY_##direction,
        OC_VERIFY_METRIC_MAP(METRIC_DIRECTION)
#undef METRIC_DIRECTION
    };

    OC_ASSERT(metric < OC_VERIFY_METRIC_COUNT);
    return DIRECTIONS[metric];
}

enum oc_verify_stack oc_pairs_stand_in(const struct oc_pairs *pairs, uint32_t cell,
                                       enum oc_verify_stack stack, uint32_t block_limit)
{
    static const enum oc_verify_stack RUNTIMES[2] = {OC_VERIFY_STACK_TOKIO,
                                                     OC_VERIFY_STACK_TOKIO_CURRENT};
    enum oc_verify_metric metric = oc_pairs_primary(&pairs->data->cells[cell]);
    double values[OC_PAIRS_BLOCKS_MAX];
    double medians[2];

    if (stack != OC_VERIFY_STACK_TOKIO) {
        return stack;
    }
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t count = oc_pairs_rows(pairs, cell, &RUNTIMES[i], 1, metric, block_limit, values);

        medians[i] = oc_statistics_median(values, count);
        if (oc_pairs_direction(metric) == OC_VERIFY_HIGHER_IS_BETTER) {
            medians[i] = -medians[i];
        }
    }
    if (isnan(medians[0]) || isnan(medians[1])) {
        return isnan(medians[1]) ? RUNTIMES[0] : RUNTIMES[1];
    }
    return medians[1] < medians[0] ? RUNTIMES[1] : RUNTIMES[0];
}

static const struct oc_verify_run *run_at(const struct oc_pairs *pairs, uint32_t place)
{
    return &pairs->data->runs[pairs->order[place]];
}

/* Moves on from an empty span at 0 or from the block before. False at the end. */
static bool next_block(const struct oc_pairs *pairs, uint32_t cell, uint32_t block_limit,
                       struct span *span)
{
    uint32_t cell_end = pairs->cell_begin[cell + 1U];
    uint32_t block;

    span->begin = span->end == 0 ? pairs->cell_begin[cell] : span->end;
    if (span->begin >= cell_end) {
        return false;
    }
    block = run_at(pairs, span->begin)->block;
    span->end = span->begin + 1U;
    while (span->end < cell_end && run_at(pairs, span->end)->block == block) {
        span->end++;
    }
    return block < block_limit;
}

static bool block_excluded(const struct oc_pairs *pairs, const struct span *span)
{
    for (uint32_t i = span->begin; i < span->end; i++) {
        uint8_t exclusion = run_at(pairs, i)->exclusion;

        if (exclusion == OC_VERIFY_EXCLUDED_STEAL || exclusion == OC_VERIFY_EXCLUDED_LAG) {
            return true;
        }
    }
    return false;
}

/* The values of the stacks at the highest rate that all of them have here. */
static bool block_row(const struct oc_pairs *pairs, const struct span *span,
                      const enum oc_verify_stack *stacks, uint32_t stack_count,
                      enum oc_verify_metric metric, double *row)
{
    double rate_best = -1.0;

    for (uint32_t i = span->begin; i < span->end; i++) {
        const struct oc_verify_run *run = run_at(pairs, i);
        double values[OC_PAIRS_STACKS_MAX];
        uint32_t found = 0;

        if (run->stack != stacks[0] || run->offered_rate <= rate_best) {
            continue;
        }
        while (found < stack_count) {
            const struct oc_verify_run *other = run_of(pairs, span, stacks[found],
                                                       run->offered_rate);

            if (other == NULL || !isfinite(other->metrics[metric])) {
                break;
            }
            values[found++] = other->metrics[metric];
        }
        if (found == stack_count) {
            rate_best = run->offered_rate;
            memcpy(row, values, stack_count * sizeof(row[0]));
        }
    }
    return rate_best >= 0.0;
}

static const struct oc_verify_run *run_of(const struct oc_pairs *pairs, const struct span *span,
                                          enum oc_verify_stack stack, double rate)
{
    for (uint32_t i = span->begin; i < span->end; i++) {
        const struct oc_verify_run *run = run_at(pairs, i);

        if (run->stack == stack && run->exclusion == OC_VERIFY_KEPT &&
            oc_pairs_same_rate(run->offered_rate, rate)) {
            return run;
        }
    }
    return NULL;
}

static void count_run(const struct oc_verify_run *run, struct oc_cell_account *account)
{
    switch (run->exclusion) {
    case OC_VERIFY_EXCLUDED_STEAL:
        account->steal[run->stack]++;
        break;
    case OC_VERIFY_EXCLUDED_LAG:
        account->lag[run->stack]++;
        break;
    default:
        account->failed[run->stack]++;
        break;
    }
}
