/*
 * The file of runs: one line of JSON for each, appended as it is made, so that what was measured is
 * never lost and a full verification can be resumed.
 *
 * The first line says what plan it belongs to; a file of another plan, seed or kernel is refused.
 * The last run of a block says so: a block that was broken off is told from a complete one, and
 * measured anew.
 */
#ifndef OC_VERIFY_RUNS_FILE_H
#define OC_VERIFY_RUNS_FILE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "core/histogram.h"
#include "verify/cells.h"
#include "verify/model.h"

/** What must be the same for runs to belong together. */
struct oc_verify__runs_head {
    uint64_t seed;
    bool any_seed; /* when reading: runs of another seed will do */
    bool full;
    const char *kernel;
    const char *version;
    const struct oc_verify__plan *plan;
};

/**
 * Begins a new file, replacing one of that name. Returns 0, or -1 with a sentence in `error`.
 */
int oc_verify__runs_create(const char *path, const struct oc_verify__runs_head *head, char *error,
                           size_t error_size);

/** Appends one run, the last of its block or not. Same results. */
int oc_verify__runs_append(const char *path, const struct oc_verify__plan *plan,
                           const struct oc_verify_run *run, bool last,
                           const struct oc_histogram *latency, char *error, size_t error_size);

/**
 * Reads a file. A last line that was cut off is passed over. Returns 0 after all runs were handed
 * to `reader` (what it gets is borrowed, the histogram may be empty), or -1 with a sentence in
 * `error`: no such file, not of this plan.
 */
int oc_verify__runs_read(const char *path, const struct oc_verify__runs_head *head,
                         void (*reader)(void *context, const struct oc_verify_run *run, bool last,
                                        const struct oc_histogram *latency),
                         void *context, char *error, size_t error_size);

/** A run of a cell as a JSON object, without its histogram. The caller's. NULL: no memory. */
json_t *oc_verify__run_to_json(const struct oc_verify_cell *cell, const struct oc_verify_run *run);

/**
 * A histogram as [[upper bound in ns, count], ...], coarsened to 32 steps by power of two (3 %):
 * for curves. The caller's.
 */
json_t *oc_verify__histogram_to_json(const struct oc_histogram *histogram);

/** Names in reports. */
const char *oc_verify_metric_name(enum oc_verify_metric metric);
const char *oc_verify_metric_unit(enum oc_verify_metric metric);
const char *oc_verify_exclusion_name(enum oc_verify_exclusion exclusion);

#endif
