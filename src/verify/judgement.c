/*
 * All that is judged of a measurement, in the order in which one part needs another: the pairing,
 * the A/A resolution, then comparisons, gate, recommendations, attribution, ceilings and claims.
 */
#include "verify/judgement.h"

#include <errno.h>
#include <math.h>

#include "core/assert.h"
#include "verify/attribution.h"
#include "verify/pooled.h"
#include "verify/rank_test.h"
#include "verify/statistics.h"

/* Of a family, that it calls a difference anywhere where there is none. */
#define FAMILY_ERROR 0.05

/* What is claimed of both ways to io_uring; the way to epoll alone has no claims about io_uring. */
static const enum oc_verify_pair CLAIM_PAIRS[] = {OC_VERIFY_PAIR_TOKIO_IO_URING,
                                                  OC_VERIFY_PAIR_EPOLL_IO_URING};

static int judge_resolution(struct oc_judgement *judgement, const struct oc_verify_data *data,
                            const struct oc_judgement_config *config, struct oc_arena *arena);
static int judge_accounts(struct oc_judgement *judgement, struct oc_arena *arena);
static int judge_comparisons(struct oc_judgement *judgement, const struct oc_gate_input *input,
                             uint32_t pair_set, struct oc_arena *arena);
static double p_of_looks(const struct oc_comparison *comparison);
static void judge_gates(struct oc_judgement *judgement, const struct oc_gate_input *input,
                        uint32_t pair_set);
static int judge_claims(struct oc_judgement *judgement, const struct oc_gate_input *input,
                        const struct oc_judgement_config *config, struct oc_arena *arena);
static void compare_values(const struct oc_gate_input *input, uint32_t block_limit,
                           struct oc_comparison *comparison);
static void conclude(struct oc_comparison *comparison);

int oc_judgement_make(struct oc_judgement *judgement, const struct oc_verify_data *data,
                      const struct oc_judgement_config *config, struct oc_arena *arena)
{
    struct oc_gate_input input;
    int rc;

    *judgement = (struct oc_judgement){.cell_count = data->cell_count};
    rc = judge_resolution(judgement, data, config, arena);
    if (rc != 0) {
        return rc;
    }
    input = oc_judgement_gate_input(judgement, config);
    rc = judge_accounts(judgement, arena);
    if (rc == 0) {
        rc = judge_comparisons(judgement, &input, config->pairs, arena);
    }
    if (rc == 0) {
        rc = oc_attribution_make(&input, arena, &judgement->attributions,
                                 &judgement->attribution_count);
    }
    if (rc == 0) {
        rc = oc_ceilings_make(&input, config->costs.call_ns, arena, &judgement->ceilings,
                              &judgement->ceiling_count);
    }
    if (rc == 0) {
        rc = judge_claims(judgement, &input, config, arena);
    }
    if (rc != 0) {
        return rc;
    }
    judge_gates(judgement, &input, config->pairs);
    for (uint32_t mode = 0; mode < OC_MODE_COUNT; mode++) {
        for (uint32_t waiting = 0; waiting < OC_WAITING_COUNT; waiting++) {
            oc_recommendation_make(&input, &config->costs, (enum oc_mode)mode,
                                   (enum oc_waiting)waiting,
                                   &judgement->recommendations[mode][waiting]);
        }
    }
    return 0;
}

bool oc_judgement_is_judged(const struct oc_verify_cell *cell, enum oc_verify_metric metric)
{
    return !oc_pairs_is_capacity(cell) &&
           (metric == oc_pairs_primary(cell) || metric == OC_VERIFY_METRIC_SERVER_CPU);
}

int oc_judgement_correct(struct oc_comparison *comparisons, uint32_t count,
                         const struct oc_verify_cell *cells, struct oc_arena *arena)
{
    double *p = oc_arena_alloc(arena, 2U * (size_t)count, sizeof(p[0]), 0);

    if (p == NULL) {
        return -ENOMEM;
    }
    for (uint32_t scenario = 0; scenario < OC_VERIFY_SCENARIO_COUNT; scenario++) {
        for (uint32_t i = 0; i < count; i++) {
            const struct oc_verify_cell *cell = &cells[comparisons[i].cell];
            bool member = cell->scenario == scenario &&
                          oc_judgement_is_judged(cell, comparisons[i].metric);

            p[i] = member ? p_of_looks(&comparisons[i]) : NAN;
        }
        oc_statistics_holm(p, p + count, count);
        for (uint32_t i = 0; i < count; i++) {
            struct oc_comparison *it = &comparisons[i];

            if (cells[it->cell].scenario != scenario) {
                continue;
            }
            it->p_holm = p[count + i];
            if ((it->verdict == OC_VERDICT_BETTER || it->verdict == OC_VERDICT_WORSE) &&
                !(it->p_holm < FAMILY_ERROR)) {
                it->verdict = OC_VERDICT_UNDECIDED;
                it->why = OC_UNDECIDED_CHANCE;
            }
        }
    }
    return 0;
}

bool oc_judgement_compare(const struct oc_gate_input *input, enum oc_verify_pair pair,
                          uint32_t cell, enum oc_verify_metric metric,
                          struct oc_comparison *comparison)
{
    struct oc_comparison made = {
        .pair = pair,
        .cell = cell,
        .metric = metric,
        .candidate = oc_pairs_candidate(pair),
        .p_holm = NAN,
        .resolution = oc_resolutions_of(input->resolutions, cell, metric),
        .verdict = OC_VERDICT_UNDECIDED,
    };
    const struct oc_verify_cell *described = &input->pairs->data->cells[cell];
    double level;
    uint32_t block_limit = oc_pooled_blocks(input, cell, &level);
    double ratios[OC_PAIRS_BLOCKS_MAX];
    struct oc_stratum stratum = {.values = ratios, .weight = 1.0};
    struct oc_bootstrap_config config = {
        .seed = oc_pairs_seed(input->seed, described, metric, pair),
        .resamples = input->resamples,
        .level = level,
        .level_inner = oc_looks_level_inner(level),
    };
    struct oc_cell_account account;
    enum oc_verify_stack stacks[2];

    made.current = oc_pairs_stand_in(input->pairs, cell, oc_pairs_current(pair), block_limit);
    stratum.count = oc_pairs_ratios(input->pairs, cell, made.current, made.candidate, metric,
                                    block_limit, ratios);
    if (stratum.count == 0) {
        return false;
    }
    made.pair_count = stratum.count;
    oc_bootstrap_interval(&stratum, 1, &config, &made.ratio, &made.ratio_inner);
    made.p_paired = oc_rank_test_paired(ratios, stratum.count);
    compare_values(input, block_limit, &made);
    oc_pairs_account(input->pairs, cell, block_limit, &account);
    stacks[0] = made.current;
    stacks[1] = made.candidate;
    if (!oc_judgement_is_judged(described, metric)) {
        made.verdict = OC_VERDICT_NEITHER;
    } else if (account.voided) {
        made.why = OC_UNDECIDED_VOIDED;
    } else if (oc_pairs_failed(&account, stacks, 2)) {
        made.why = OC_UNDECIDED_FAILING;
    } else if (made.ratio.kind == OC_INTERVAL_UNBOUNDED) {
        made.why = OC_UNDECIDED_TOO_FEW;
    } else {
        conclude(&made);
    }
    *comparison = made;
    return true;
}

struct oc_gate_input oc_judgement_gate_input(const struct oc_judgement *judgement,
                                             const struct oc_judgement_config *config)
{
    return (struct oc_gate_input){
        .pairs = &judgement->pairs,
        .resolutions = &judgement->resolutions,
        .thresholds = config->thresholds,
        .seed = config->seed,
        .resamples = config->resamples,
    };
}

const struct oc_comparison *oc_judgement_comparison(const struct oc_judgement *judgement,
                                                    enum oc_verify_pair pair, uint32_t cell,
                                                    enum oc_verify_metric metric)
{
    for (uint32_t i = 0; i < judgement->comparison_count; i++) {
        const struct oc_comparison *comparison = &judgement->comparisons[i];

        if (comparison->pair == pair && comparison->cell == cell && comparison->metric == metric) {
            return comparison;
        }
    }
    return NULL;
}

const char *oc_verdict_text(enum oc_verdict verdict)
{
    static const char *const TEXTS[OC_VERDICT_COUNT] = {
#define VERDICT_TEXT(name, text) [OC_VERDICT_##name] = text,
        OC_VERDICT_MAP(VERDICT_TEXT)
#undef VERDICT_TEXT
    };

    OC_ASSERT(verdict < OC_VERDICT_COUNT);
    return TEXTS[verdict];
}

static int judge_resolution(struct oc_judgement *judgement, const struct oc_verify_data *data,
                            const struct oc_judgement_config *config, struct oc_arena *arena)
{
    struct oc_bootstrap_config bootstrap = {.seed = config->seed, .resamples = config->resamples};
    struct oc_pairs aa;
    int rc = oc_pairs_init(&judgement->pairs, data, arena);

    if (rc == 0) {
        rc = oc_pairs_init(&aa, config->aa != NULL ? config->aa : data, arena);
    }
    if (rc == 0) {
        rc = oc_resolutions_make(&judgement->resolutions, &aa, data, &bootstrap, arena);
    }
    return rc;
}

static int judge_accounts(struct oc_judgement *judgement, struct oc_arena *arena)
{
    judgement->accounts = oc_arena_alloc(arena, judgement->cell_count,
                                         sizeof(judgement->accounts[0]), 0);
    if (judgement->accounts == NULL) {
        return -ENOMEM;
    }
    for (uint32_t cell = 0; cell < judgement->cell_count; cell++) {
        oc_pairs_account(&judgement->pairs, cell, OC_PAIRS_ALL, &judgement->accounts[cell]);
    }
    return 0;
}

static int judge_comparisons(struct oc_judgement *judgement, const struct oc_gate_input *input,
                             uint32_t pair_set, struct oc_arena *arena)
{
    size_t count_max = (size_t)OC_VERIFY_PAIR_COUNT * judgement->cell_count *
                       OC_VERIFY_METRIC_COUNT;

    judgement->comparisons = oc_arena_alloc(arena, count_max, sizeof(judgement->comparisons[0]), 0);
    if (judgement->comparisons == NULL) {
        return -ENOMEM;
    }
    for (uint32_t pair = 0; pair < OC_VERIFY_PAIR_COUNT; pair++) {
        uint32_t begin = judgement->comparison_count;
        int rc;

        if ((pair_set & 1U << pair) == 0) {
            continue;
        }
        for (uint32_t cell = 0; cell < judgement->cell_count; cell++) {
            for (uint32_t metric = 0; metric < OC_VERIFY_METRIC_COUNT; metric++) {
                judgement->comparison_count +=
                    oc_judgement_compare(input, (enum oc_verify_pair)pair, cell,
                                         (enum oc_verify_metric)metric,
                                         &judgement->comparisons[judgement->comparison_count])
                        ? 1U
                        : 0U;
            }
        }
        rc = oc_judgement_correct(&judgement->comparisons[begin],
                                  judgement->comparison_count - begin, input->pairs->data->cells,
                                  arena);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

static void judge_gates(struct oc_judgement *judgement, const struct oc_gate_input *input,
                        uint32_t pair_set)
{
    for (uint32_t pair = 0; pair < OC_VERIFY_PAIR_COUNT; pair++) {
        struct oc_gate *gate = &judgement->gates[pair];

        gate->pair = (enum oc_verify_pair)pair;
        gate->result = OC_GATE_NOT_MEASURED;
        if ((pair_set & 1U << pair) != 0) {
            oc_gate_decide(input, (enum oc_verify_pair)pair, gate);
        }
    }
}

static int judge_claims(struct oc_judgement *judgement, const struct oc_gate_input *input,
                        const struct oc_judgement_config *config, struct oc_arena *arena)
{
    uint32_t pair_count = sizeof(CLAIM_PAIRS) / sizeof(CLAIM_PAIRS[0]);

    judgement->claims = oc_arena_alloc(arena, (size_t)pair_count * oc_claims_count,
                                       sizeof(judgement->claims[0]), 0);
    if (judgement->claims == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < oc_claims_count; i++) {
        for (uint32_t k = 0; k < pair_count; k++) {
            if ((config->pairs & 1U << CLAIM_PAIRS[k]) != 0) {
                oc_claims_judge(input, &config->costs, &oc_claims[i], CLAIM_PAIRS[k],
                                &judgement->claims[judgement->claim_count++]);
            }
        }
    }
    return 0;
}

/* As sure at its look as 5 % are in a single one. */
static double p_of_looks(const struct oc_comparison *comparison)
{
    return fmin(1.0, comparison->p_paired * FAMILY_ERROR / (1.0 - comparison->ratio.level));
}

/* Medians of the paired runs, and the test that does not know of pairs. */
static void compare_values(const struct oc_gate_input *input, uint32_t block_limit,
                           struct oc_comparison *comparison)
{
    const enum oc_verify_stack stacks[2] = {comparison->current, comparison->candidate};
    double rows[2U * OC_PAIRS_BLOCKS_MAX];
    double current[OC_PAIRS_BLOCKS_MAX];
    double candidate[OC_PAIRS_BLOCKS_MAX];
    uint32_t count = oc_pairs_rows(input->pairs, comparison->cell, stacks, 2, comparison->metric,
                                   block_limit, rows);

    for (uint32_t i = 0; i < count; i++) {
        current[i] = rows[2U * i];
        candidate[i] = rows[2U * i + 1U];
    }
    comparison->current_median = oc_statistics_median(current, count);
    comparison->candidate_median = oc_statistics_median(candidate, count);
    comparison->p_unpaired = oc_rank_test_unpaired(current, count, candidate, count);
}

static void conclude(struct oc_comparison *comparison)
{
    struct oc_interval gain = comparison->ratio;
    struct oc_interval loss = comparison->ratio;
    double bound = comparison->resolution.bound;
    enum oc_standing better;
    enum oc_standing worse;

    if (oc_pairs_direction(comparison->metric) == OC_VERIFY_LOWER_IS_BETTER) {
        oc_interval_negate(&gain);
    } else {
        oc_interval_negate(&loss);
    }
    better = oc_standing_judge(&gain, 0.0, bound);
    worse = oc_standing_judge(&loss, 0.0, bound);
    comparison->why = OC_UNDECIDED_DECIDED;
    if (isfinite(bound) &&
        oc_bootstrap_equivalent(&comparison->ratio_inner, OC_EQUIVALENCE_MARGIN)) {
        comparison->verdict = OC_VERDICT_EQUAL;
    } else if (better == OC_STANDING_BEYOND) {
        comparison->verdict = OC_VERDICT_BETTER;
    } else if (worse == OC_STANDING_BEYOND) {
        comparison->verdict = OC_VERDICT_WORSE;
    } else if (!isfinite(bound) || better == OC_STANDING_UNRESOLVED ||
               worse == OC_STANDING_UNRESOLVED) {
        comparison->why = OC_UNDECIDED_UNRESOLVED;
    } else {
        comparison->why = OC_UNDECIDED_STRADDLES;
    }
}
