/*
 * Planned looks: when the data may be judged, and how sure each look must be.
 *
 * Who looks at growing data three times at 95 % errs in 11 % of the cases, not in 5. So the looks
 * are planned (after 24, 48 and 96 blocks) and the error of 5 % is spent across them by the
 * Pocock-like function of Lan and DeMets, 0.05 ln(1 + (e - 1) t): it leaves enough to the first
 * look to decide there, where the resamples of a bootstrap can still see the tail. The
 * alternative of O'Brien and Fleming allows the first look of three 0.001 %, of which 10,000
 * resamples know nothing. The simultaneous intervals of all looks hold together at 95 %, so
 * whichever look decides, its interval may be quoted.
 */
#ifndef OC_VERIFY_LOOKS_H
#define OC_VERIFY_LOOKS_H

#include <stdint.h>

#define OC_LOOKS_MAX  3U
#define OC_LOOKS_NONE UINT32_MAX

/** One planned look. */
struct oc_look {
    uint32_t blocks; /* judged are the blocks 0 to blocks - 1 */
    double level;    /* two-sided confidence of an interval at this look */
};

struct oc_looks {
    uint32_t count;
    struct oc_look at[OC_LOOKS_MAX];
};

/**
 * The looks of a cell.
 *
 * @blocks, @blocks_max  of the cell. 24 and 48, 24 and 96, 48 and 96: 24, 48, 96 as far as they
 *                       lie in this range. Anything else, and equal numbers: one look at 95 %
 *                       after `blocks`.
 */
struct oc_looks oc_looks_plan(uint32_t blocks, uint32_t blocks_max);

/**
 * The last look that so many blocks allow, as an index; OC_LOOKS_NONE before the first.
 *
 * Blocks between two looks wait for the next: what is judged was fixed before the data.
 */
uint32_t oc_looks_reached(const struct oc_looks *looks, uint32_t blocks_run);

/**
 * The level of the inner interval that the equivalence test uses at a look: 90 % where the look is
 * at 95 %, and likewise twice the error at the others.
 */
double oc_looks_level_inner(double level);

#endif
