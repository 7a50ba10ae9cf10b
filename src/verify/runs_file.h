/*
 * The file of runs: one line of JSON for each, appended as it is made, so that what was measured is
 * never lost and a full verification can be resumed.
 *
 * The first line says what plan it belongs to; a file of another plan, seed or kernel is refused.
 * The last run of a block says so: a block that was broken off is told from a complete one, and
 * measured anew. Around the runs of each part stand two lines of its own: what the hosts were when
 * it began, and when it ended. So a file that is judged again is reported as it was measured.
 */
#ifndef OC_VERIFY_RUNS_FILE_H
#define OC_VERIFY_RUNS_FILE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "core/histogram.h"
#include "verify/cells.h"
#include "verify/hello.h"
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

/** Hosts of a measurement at most: this one, and that of the servers. */
#define OC_VERIFY__HOSTS_MAX       2U
#define OC_VERIFY__CALLS_WHY_BYTES 96U

/** One run as it stands in the file. All borrowed. */
struct oc_verify__runs_line {
    const struct oc_verify_run *run;
    const struct oc_histogram *latency; /* may be empty */
    double elapsed_s;                   /* measured until then, all parts together */
    bool last;                          /* of its block */
};

/** What a file says beside its runs. */
struct oc_verify__runs_past {
    struct oc_verify__hello hosts[OC_VERIFY__HOSTS_MAX]; /* as the first part found them; time
                                                            and load of the end are the last's */
    struct oc_verify_parts parts;
    double elapsed_s;
    char calls_why[OC_VERIFY__CALLS_WHY_BYTES];
    uint64_t size; /* bytes of whole lines: what follows was cut off */
};

/**
 * Begins a new file, replacing one of that name. Returns 0, or -1 with a sentence in `error`.
 */
int oc_verify__runs_create(const char *path, const struct oc_verify__runs_head *head, char *error,
                           size_t error_size);

/**
 * Begins a part. @size  of what was read: what was cut off behind it goes; 0: a new file. Same
 * results.
 */
int oc_verify__runs_begin(const char *path, uint64_t size, const struct oc_verify__hello *hosts,
                          uint32_t host_count, char *error, size_t error_size);

/** Appends one run. Same results. */
int oc_verify__runs_append(const char *path, const struct oc_verify__plan *plan,
                           const struct oc_verify__runs_line *run, char *error, size_t error_size);

/**
 * Ends a part.
 * @ends  environments of the hosts, of which `load_after` and `time_end` count.
 * @past  of which `elapsed_s` and `calls_why` count.
 * Same results.
 */
int oc_verify__runs_end(const char *path, const struct oc_verify_environment *const *ends,
                        uint32_t host_count, const struct oc_verify__runs_past *past, char *error,
                        size_t error_size);

/**
 * Reads a file. A last line that was cut off is passed over. Returns 0 after all runs were handed
 * to `reader` and the rest to *past, or with a sentence in `error` -EINVAL (no such file, not of
 * this plan, a line before the last that cannot be read) or -ENOMEM.
 */
int oc_verify__runs_read(const char *path, const struct oc_verify__runs_head *head,
                         void (*reader)(void *context, const struct oc_verify__runs_line *run),
                         void *context, struct oc_verify__runs_past *past, char *error,
                         size_t error_size);

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
