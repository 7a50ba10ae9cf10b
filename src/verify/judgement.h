/*
 * The judgement: measured runs in; comparisons, the gate's decisions, a recommendation for each
 * mode, attribution, ceiling and the verdict on common claims out.
 *
 * Pure computing. The same data and the same seed give the same judgement. Nothing is printed
 * here; the reports read these structs. Ratios are kept as natural logarithms of
 * candidate / current; exp() makes them ratios.
 *
 * Errors of the comparisons. What is judged was fixed before the data: of each cell its primary
 * figure and the server's CPU time, nothing else. All of them in one scenario and one pair of
 * stacks are a family, and in a family without any difference at most 5 % of the measurements may
 * call one anywhere. So "better" and "worse" ask for all of this: the interval excludes "the same",
 * the estimate is above the A/A bound, and the paired rank test's p, corrected after Holm for the
 * family, is below 5 %. "Equal" is a claim of its own, with an error of 5 % for each comparison.
 * The fewest pairs that can be called in a family of n: 2^(1 - pairs) n < 0.05, as with 8 pairs of
 * n = 6 and 12 pairs of n = 102.
 */
#ifndef OC_VERIFY_JUDGEMENT_H
#define OC_VERIFY_JUDGEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"
#include "verify/attribution.h"
#include "verify/bootstrap.h"
#include "verify/claims.h"
#include "verify/gate.h"
#include "verify/pairs.h"
#include "verify/recommendation.h"
#include "verify/resolution.h"

struct oc_judgement_config {
    uint64_t seed;
    uint32_t resamples; /* OC_BOOTSTRAP_RESAMPLES */
    uint32_t pairs;     /* set of 1 << enum oc_verify_pair */
    struct oc_gate_thresholds thresholds;
    struct oc_verify_costs costs;    /* NaN where not measured: OC_VERIFY_COSTS_NONE */
    const struct oc_verify_data *aa; /* A/A runs, borrowed for the call; NULL: the ALTERED runs of
                                        the data themselves are unmodified and serve as A/A */
};

/* X(enumerator, text) */
#define OC_VERDICT_MAP(X)        \
    X(BETTER, "better")          \
    X(WORSE, "worse")            \
    X(EQUAL, "equal within 3 %") \
    X(UNDECIDED, "undecided")    \
    X(NEITHER, "not judged") /* the metric explains; or the cell only measures a capacity */

enum oc_verdict {
#define OC_VERDICT_ENUMERATOR(name, text) OC_VERDICT_##name,
    OC_VERDICT_MAP(OC_VERDICT_ENUMERATOR)
#undef OC_VERDICT_ENUMERATOR
        OC_VERDICT_COUNT
};

/** One metric of one cell between the two stacks of a pair. */
struct oc_comparison {
    enum oc_verify_pair pair;
    uint32_t cell;
    enum oc_verify_metric metric;
    enum oc_verify_stack current; /* what TOKIO stands for here */
    enum oc_verify_stack candidate;
    uint32_t pair_count;
    double current_median; /* of the paired runs, in the unit of the metric */
    double candidate_median;
    struct oc_interval ratio;       /* log; at 95 %, or at the level of the last look reached */
    struct oc_interval ratio_inner; /* for equivalence, at 90 % or so */
    double p_paired;                /* Wilcoxon; NaN where there is none */
    double p_unpaired;              /* Mann-Whitney */
    double p_holm;                  /* p_paired corrected for looks and family; NaN outside of it */
    struct oc_resolution resolution;
    enum oc_verdict verdict;
    enum oc_undecided why;
};

/** All that is judged. The arrays belong to the arena. */
struct oc_judgement {
    struct oc_pairs pairs; /* for reports that want values */
    struct oc_resolutions resolutions;
    struct oc_cell_account *accounts; /* one for each cell, all blocks */
    uint32_t cell_count;
    struct oc_gate gates[OC_VERIFY_PAIR_COUNT]; /* NOT_MEASURED for pairs not asked for */
    struct oc_comparison *comparisons;          /* by pair, cell, metric; only those with data */
    uint32_t comparison_count;
    struct oc_recommendation recommendations[OC_MODE_COUNT][OC_WAITING_COUNT];
    struct oc_attribution *attributions;
    uint32_t attribution_count;
    struct oc_ceiling *ceilings;
    uint32_t ceiling_count;
    struct oc_claim_finding *claims;
    uint32_t claim_count;
};

/**
 * Judge.
 *
 * @data    borrowed; must outlive the judgement, whose `pairs` refer to it.
 * Returns 0, or -ENOMEM. Time: about 1 ms for each comparison of 24 pairs.
 */
int oc_judgement_make(struct oc_judgement *judgement, const struct oc_verify_data *data,
                      const struct oc_judgement_config *config, struct oc_arena *arena);

/** Whether a metric of a cell is judged, as a member of the family of its scenario. */
bool oc_judgement_is_judged(const struct oc_verify_cell *cell, enum oc_verify_metric metric);

/**
 * Compare one metric of one cell between the stacks of a pair, over the blocks of the last look
 * reached (all, before the first). p_holm is NaN and the verdict is that of the comparison by
 * itself: oc_judgement_correct makes both those of the family.
 *
 * Returns false when no pair has a value; the comparison is then not written.
 */
bool oc_judgement_compare(const struct oc_gate_input *input, enum oc_verify_pair pair,
                          uint32_t cell, enum oc_verify_metric metric,
                          struct oc_comparison *comparison);

/**
 * Correct the comparisons of one pair of stacks for their number, in families by scenario.
 *
 * Sets p_holm of what is judged, and takes back a "better" or "worse" that the corrected p does not
 * bear out: it becomes undecided, CHANCE. A cell that is looked at several times has its p
 * multiplied by what its look may spend of the 5 %.
 * Returns 0, or -ENOMEM.
 */
int oc_judgement_correct(struct oc_comparison *comparisons, uint32_t count,
                         const struct oc_verify_cell *cells, struct oc_arena *arena);

/** What oc_gate_decide and oc_gate_blocks_wanted need, from a judgement. */
struct oc_gate_input oc_judgement_gate_input(const struct oc_judgement *judgement,
                                             const struct oc_judgement_config *config);

/** The comparison, or NULL when there are no data. */
const struct oc_comparison *oc_judgement_comparison(const struct oc_judgement *judgement,
                                                    enum oc_verify_pair pair, uint32_t cell,
                                                    enum oc_verify_metric metric);

/** Words for reports: static text. */
const char *oc_verdict_text(enum oc_verdict verdict);

#endif
