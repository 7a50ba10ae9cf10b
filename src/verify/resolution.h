/*
 * The resolution of the instrument: what it shows when there is nothing to see.
 *
 * An A/A run measures the same stack under two names, EPOLL and ALTERED. The farther end of its
 * interval is the bound: an estimate at or below it is not claimed to be a difference. A cell that
 * has no A/A of its own, or too few blocks of it, borrows the largest bound of the same metric in
 * the cells that are nearest to it: of its scenario and placement; else of its placement; else of
 * its scenario; else of all (docs/adr/0007). Without any, the bound is INFINITY and nothing is
 * claimed. The rate of an open loop is what was offered, or found by a search: it is neither
 * borrowed nor lent.
 */
#ifndef OC_VERIFY_RESOLUTION_H
#define OC_VERIFY_RESOLUTION_H

#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"
#include "verify/bootstrap.h"
#include "verify/pairs.h"

struct oc_resolution {
    double bound;    /* log ratio, 0 to INFINITY */
    bool borrowed;   /* from another cell */
    uint32_t lender; /* whose bound it is: the cell itself, if not borrowed */
    uint32_t pairs;  /* of the cell's own A/A */
};

struct oc_resolutions {
    uint32_t cell_count;
    struct oc_resolution *table; /* [cell * OC_VERIFY_METRIC_COUNT + metric] */
};

/** What can be said about a limit such as "under 1 %". */
enum oc_limit {
    OC_LIMIT_HELD,           /* the upper end is below the larger of the limit and the bound */
    OC_LIMIT_EXCEEDED,       /* the lower end is above it */
    OC_LIMIT_NOT_RESOLVABLE, /* here, with these data */
};

/** How a measured effect stands to a threshold. */
enum oc_standing {
    OC_STANDING_BEYOND, /* the whole interval is, and the estimate is above the bound */
    OC_STANDING_SHORT,  /* the whole interval falls short, and the bound is below the threshold */
    OC_STANDING_STRADDLES, /* the threshold is in the interval */
    OC_STANDING_UNRESOLVED /* the interval would say so, but the resolution does not allow it */
};

/**
 * Make the table.
 *
 * @aa      the A/A runs: EPOLL against ALTERED. Cells correspond by their names.
 * @cells   of which a resolution is wanted.
 * @config  level and level_inner are not used: the level is 95 %.
 * Returns 0, or -ENOMEM. The arena owns the table.
 */
int oc_resolutions_make(struct oc_resolutions *resolutions, const struct oc_pairs *aa,
                        const struct oc_verify_data *cells,
                        const struct oc_bootstrap_config *config, struct oc_arena *arena);

/** Of one metric in one cell. */
struct oc_resolution oc_resolutions_of(const struct oc_resolutions *resolutions, uint32_t cell,
                                       enum oc_verify_metric metric);

/**
 * Judge "a harm of at most `limit`".
 *
 * @harm   interval of a log ratio, above 0 is worse. @limit  as a log ratio, 0 or above.
 * @bound  of the resolution; INFINITY, for no A/A run at all, makes it not resolvable.
 */
enum oc_limit oc_limit_judge(const struct oc_interval *harm, double limit, double bound);

/**
 * Judge "a gain of more than `threshold`".
 *
 * @gain  interval of a log ratio, above 0 is better. @threshold  as a log ratio, 0 or above.
 */
enum oc_standing oc_standing_judge(const struct oc_interval *gain, double threshold, double bound);

#endif
