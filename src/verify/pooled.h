/*
 * Several cells taken together: the mean of their medians, each cell with the same weight.
 *
 * Only recommendation and claims pool; the gate never does. Left out are cells that were voided,
 * and those in which a stack keeps failing. Blocks are those of the last look that the cell reached
 * (all, before the first), and the pool's level is the highest that one of its looks demands. Its
 * A/A bound is the mean of its cells' bounds, measured or borrowed: where no cell's error is beyond
 * its bound, the mean of the errors is not beyond the mean of the bounds.
 */
#ifndef OC_VERIFY_POOLED_H
#define OC_VERIFY_POOLED_H

#include <stdbool.h>
#include <stdint.h>

#include "verify/bootstrap.h"
#include "verify/gate.h"
#include "verify/pairs.h"

struct oc_pooled {
    const struct oc_gate_input *input;
    struct oc_stratum strata[OC_BOOTSTRAP_STRATA_MAX];
    double values[OC_BOOTSTRAP_STRATA_MAX][OC_PAIRS_BLOCKS_MAX];
    uint32_t cells[OC_BOOTSTRAP_STRATA_MAX]; /* of which cell each stratum is */
    double bounds[OC_BOOTSTRAP_STRATA_MAX];  /* its resolution, log ratio; 0 for values */
    uint32_t count;                          /* of strata */
    double level;
    double bound;          /* of the result, log ratio; set by oc_pooled_interval */
    enum oc_undecided why; /* of the last cell that was left out */
};

/** Begin with nothing. 140 kB: on the stack once, not in a recursion. */
void oc_pooled_begin(struct oc_pooled *pool, const struct oc_gate_input *input);

/** The blocks of a cell that are judged, and at which level. */
uint32_t oc_pooled_blocks(const struct oc_gate_input *input, uint32_t cell, double *level);

/**
 * Take a cell in: its log ratios candidate / current times `weight`.
 *
 * Returns whether it had any; else `why` says what it lacks.
 */
bool oc_pooled_add_ratios(struct oc_pooled *pool, uint32_t cell, enum oc_verify_stack current,
                          enum oc_verify_stack candidate, enum oc_verify_metric metric,
                          double weight);

/**
 * Take a cell in: the metric of one stack, as it is or as its logarithm.
 */
bool oc_pooled_add_values(struct oc_pooled *pool, uint32_t cell, enum oc_verify_stack stack,
                          enum oc_verify_metric metric, bool logarithm, double weight);

/**
 * Leave out the strata with fewer values than OC_BOOTSTRAP_POOLED_MIN, if others have as many: a
 * few short cells must not make the whole pool unbounded. By the number of pairs only, which is no
 * outcome.
 *
 * @group  so many neighbouring strata, 1 or 2, stay or go together.
 */
void oc_pooled_thin(struct oc_pooled *pool, uint32_t group);

/**
 * The cells that are in, each once and in the order of the data.
 *
 * @cells  room for OC_BOOTSTRAP_STRATA_MAX.
 * Returns how many there are.
 */
uint32_t oc_pooled_cells(const struct oc_pooled *pool, uint32_t *cells);

/**
 * The interval of the sum of all strata, divided by `divisor`; and the bound.
 *
 * @inner  at twice the error; may be NULL.
 */
void oc_pooled_interval(struct oc_pooled *pool, double divisor, uint64_t seed,
                        struct oc_interval *interval, struct oc_interval *inner);

#endif
