/*
 * The claims table: what is commonly said about moving to io_uring, beside what was measured here.
 *
 * Every claim is data: its words, what is to be measured for it, in which cells, and the range that
 * it names. A verdict is given only if the whole interval agrees; everything else is "not decidable
 * here". Each claim is judged by itself at 95 %: of twenty verdicts one may be chance.
 */
#ifndef OC_VERIFY_CLAIMS_H
#define OC_VERIFY_CLAIMS_H

#include <stdbool.h>
#include <stdint.h>

#include "verify/bootstrap.h"
#include "verify/gate.h"
#include "verify/pairs.h"
#include "verify/recommendation.h"

/** What is measured for a claim. `value` of a finding is in the unit named here. */
enum oc_claim_kind {
    OC_CLAIM_GAIN,      /* share by which the metric is better, candidate against current */
    OC_CLAIM_CHANGE,    /* relative change of the metric, either direction */
    OC_CLAIM_CURRENT,   /* the metric itself, of the current stack */
    OC_CLAIM_CANDIDATE, /* the metric itself, of the candidate */
    OC_CLAIM_NETWORK,   /* share of the current's order latency that its raw echo takes */
    OC_CLAIM_TAIL,      /* share by which the gain at p99 exceeds the gain at p50 */
    OC_CLAIM_COST,      /* one of struct oc_verify_costs, ns */
    OC_CLAIM_NONE_OF,   /* share of the candidate's runs with any error, drop or timeout */
};

/** How the measured value is held against the claim's range. */
enum oc_claim_sense {
    OC_CLAIM_AT_LEAST, /* a promise: confirmed from `low` on, also above `high` */
    OC_CLAIM_AT_MOST,  /* a promise: confirmed up to `high` */
    OC_CLAIM_WITHIN,   /* a statement: confirmed inside, refuted outside */
};

struct oc_claim {
    const char *text;
    const char *measured_as; /* what was measured for it, in words */
    enum oc_claim_kind kind;
    enum oc_claim_sense sense;
    enum oc_verify_metric metric; /* for COST: unused */
    uint32_t cost;                /* for COST: offset in struct oc_verify_costs */
    uint32_t scenarios;           /* set of 1 << enum oc_verify_scenario */
    uint32_t connections_min;
    uint32_t connections_max; /* 0: no limit */
    uint32_t window_min;
    uint32_t window_max; /* 0: no limit; open loop counts as 0 */
    uint32_t per;        /* CURRENT, CANDIDATE: of so many requests together; 0 counts as 1 */
    bool blocking_only;  /* CPU time, calls and switches mean nothing under busy-poll */
    double low;          /* shares as 0.15, times in ns */
    double high;         /* INFINITY: none named */
};

/* X(enumerator, text) */
#define OC_CLAIM_VERDICT_MAP(X) \
    X(CONFIRMED, "confirmed")   \
    X(REFUTED, "refuted")       \
    X(NOT_DECIDABLE, "not decidable here")

enum oc_claim_verdict {
#define OC_CLAIM_VERDICT_ENUMERATOR(name, text) OC_CLAIM_##name,
    OC_CLAIM_VERDICT_MAP(OC_CLAIM_VERDICT_ENUMERATOR)
#undef OC_CLAIM_VERDICT_ENUMERATOR
        OC_CLAIM_VERDICT_COUNT
};

struct oc_claim_finding {
    const struct oc_claim *claim;
    enum oc_verify_pair pair;
    enum oc_claim_verdict verdict;
    enum oc_undecided why;    /* of NOT_DECIDABLE */
    struct oc_interval value; /* in the unit of the kind: a share, a number, ns. Gains are shares
                                 of the current: latency 1 - ratio, rate ratio - 1 */
    double bound;             /* resolution, as a share; 0 for kinds that compare nothing */
    uint32_t cell_count;      /* pooled, with equal weights */
    uint32_t cells[OC_BOOTSTRAP_STRATA_MAX]; /* those; with NETWORK also the echoes beside them */
    uint32_t cells_shown;                    /* of `cells` */
    double current;    /* CHANGE: geometric mean of the current's medians; else NaN */
    double candidate;  /* CHANGE: `current` changed by `value` */
    uint32_t runs_hit; /* NONE_OF: runs with an error, drop or timeout */
    uint32_t runs;     /* NONE_OF: runs looked at */
};

/** The table: oc_claims_count claims, in the order of the report. */
extern const struct oc_claim oc_claims[];
extern const uint32_t oc_claims_count;

/** Whether a cell's runs count for a claim. */
bool oc_claims_uses(const struct oc_claim *claim, const struct oc_verify_cell *cell);

/** Judge one claim for one pair. */
void oc_claims_judge(const struct oc_gate_input *input, const struct oc_verify_costs *costs,
                     const struct oc_claim *claim, enum oc_verify_pair pair,
                     struct oc_claim_finding *finding);

/** Words for reports: static text. */
const char *oc_claim_verdict_text(enum oc_claim_verdict verdict);

#endif
