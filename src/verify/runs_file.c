/*
 * Lines of JSON: writing, reading, and what belongs together.
 */
#include "verify/runs_file.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "verify/stacks.h"

/* A coarse step is this fraction of its power of two. */
#define COARSE_BITS 5U
#define FORMAT      1

static json_t *head_to_json(const struct oc_verify__runs_head *head);
static int check_head(json_t *line, const struct oc_verify__runs_head *head, const char *path,
                      char *error, size_t error_size);
static int write_line(const char *path, const char *mode, json_t *line, char *error,
                      size_t error_size);
static bool run_from_json(const struct oc_verify__plan *plan, json_t *line,
                          struct oc_verify_run *run);
static void histogram_from_json(json_t *list, struct oc_histogram *histogram);
static uint64_t low_of(uint32_t index);
static uint64_t coarse_bound(uint64_t value);

static const struct {
    const char *name;
    const char *unit;
} METRICS[] = {
#define METRIC_ENTRY(name, wire, unit, direction) {wire, unit},
    OC_VERIFY_METRIC_MAP(METRIC_ENTRY)
#undef METRIC_ENTRY
};

static const char *const EXCLUSIONS[] = {
    [OC_VERIFY_KEPT] = "kept",
    [OC_VERIFY_EXCLUDED_STEAL] = "steal",
    [OC_VERIFY_EXCLUDED_LAG] = "lag",
    [OC_VERIFY_FAILED] = "failed",
};

int oc_verify__runs_create(const char *path, const struct oc_verify__runs_head *head, char *error,
                           size_t error_size)
{
    return write_line(path, "we", head_to_json(head), error, error_size);
}

int oc_verify__runs_append(const char *path, const struct oc_verify__plan *plan,
                           const struct oc_verify_run *run, bool last,
                           const struct oc_histogram *latency, char *error, size_t error_size)
{
    json_t *line = oc_verify__run_to_json(&plan->cells[run->cell], run);

    if (line != NULL && last) {
        (void)json_object_set_new(line, "last", json_true());
    }
    if (line != NULL && latency->count > 0) {
        (void)json_object_set_new(line, "latency", oc_verify__histogram_to_json(latency));
    }
    return write_line(path, "ae", line, error, error_size);
}

int oc_verify__runs_read(const char *path, const struct oc_verify__runs_head *head,
                         void (*reader)(void *context, const struct oc_verify_run *run, bool last,
                                        const struct oc_histogram *latency),
                         void *context, char *error, size_t error_size)
{
    FILE *file = fopen(path, "re");
    struct oc_histogram *latency = calloc(1, sizeof(*latency));
    char *text = NULL;
    size_t capacity = 0;
    bool first = true;
    int rc = 0;

    if (file == NULL || latency == NULL) {
        (void)snprintf(error, error_size, "%s: %s", path, strerror(errno));
        rc = -1;
    }
    for (; rc == 0 && getline(&text, &capacity, file) > 0; first = false) {
        struct oc_verify_run run;
        json_t *line = json_loads(text, 0, NULL);
        if (first) {
            rc = check_head(line, head, path, error, error_size);
        } else if (line != NULL && run_from_json(head->plan, line, &run)) {
            oc_histogram_reset(latency);
            histogram_from_json(json_object_get(line, "latency"), latency);
            reader(context, &run, json_is_true(json_object_get(line, "last")), latency);
        }
        json_decref(line);
    }
    if (rc == 0 && first) {
        (void)snprintf(error, error_size, "%s is no file of runs: it is empty", path);
        rc = -1;
    }
    free(text);
    free(latency);
    if (file != NULL) {
        (void)fclose(file);
    }
    return rc;
}

json_t *oc_verify__run_to_json(const struct oc_verify_cell *cell, const struct oc_verify_run *run)
{
    json_t *object = json_pack("{s:s, s:i, s:s, s:i, s:s, s:f, s:f, s:f, s:I}", "cell", cell->name,
                               "block", (int)run->block, "stack", oc_verify_stack_name(run->stack),
                               "order", (int)run->order, "exclusion", EXCLUSIONS[run->exclusion],
                               "steal_share", run->steal_share, "offered_rate", run->offered_rate,
                               "lag_p99_ns", run->lag_p99_ns, "requests",
                               (json_int_t)run->request_count);
    json_t *metrics = json_object();

    for (uint32_t i = 0; i < OC_VERIFY_METRIC_COUNT; i++) {
        if (isfinite(run->metrics[i])) {
            (void)json_object_set_new(metrics, METRICS[i].name, json_real(run->metrics[i]));
        }
    }
    (void)json_object_set_new(object, "metrics", metrics);
    if (run->why[0] != '\0') {
        (void)json_object_set_new(object, "why", json_string(run->why));
    }
    return object;
}

json_t *oc_verify__histogram_to_json(const struct oc_histogram *histogram)
{
    json_t *list = json_array();
    uint64_t bound = 0;
    uint64_t count = 0;

    for (uint32_t i = 0; i < OC_HISTOGRAM_COUNTS; i++) {
        uint64_t next;
        if (histogram->counts[i] == 0) {
            continue;
        }
        next = coarse_bound(low_of(i));
        if (count > 0 && next != bound) {
            (void)json_array_append_new(list,
                                        json_pack("[I,I]", (json_int_t)bound, (json_int_t)count));
            count = 0;
        }
        bound = next;
        count += histogram->counts[i];
    }
    if (count > 0) {
        (void)json_array_append_new(list, json_pack("[I,I]", (json_int_t)bound, (json_int_t)count));
    }
    return list;
}

const char *oc_verify_metric_name(enum oc_verify_metric metric)
{
    OC_ASSERT(metric < OC_VERIFY_METRIC_COUNT);
    return METRICS[metric].name;
}

const char *oc_verify_metric_unit(enum oc_verify_metric metric)
{
    OC_ASSERT(metric < OC_VERIFY_METRIC_COUNT);
    return METRICS[metric].unit;
}

const char *oc_verify_exclusion_name(enum oc_verify_exclusion exclusion)
{
    OC_ASSERT(exclusion <= OC_VERIFY_FAILED);
    return EXCLUSIONS[exclusion];
}

static json_t *head_to_json(const struct oc_verify__runs_head *head)
{
    json_t *cells = json_array();

    for (uint32_t i = 0; i < head->plan->cell_count; i++) {
        const struct oc_verify_cell *cell = &head->plan->cells[i];
        (void)json_array_append_new(cells, json_pack("[s,i,i,i]", cell->name, (int)cell->stacks,
                                                     (int)cell->warmup_ms, (int)cell->duration_ms));
    }
    return json_pack("{s:i, s:I, s:b, s:s, s:s, s:o}", "outcry_verify_runs", FORMAT, "seed",
                     (json_int_t)head->seed, "full", head->full, "kernel", head->kernel, "version",
                     head->version, "cells", cells);
}

static int check_head(json_t *line, const struct oc_verify__runs_head *head, const char *path,
                      char *error, size_t error_size)
{
    json_t *wanted = head_to_json(head);
    const char *key;
    json_t *value;
    int rc = 0;

    if (line == NULL || json_object_get(line, "outcry_verify_runs") == NULL) {
        (void)snprintf(error, error_size, "%s is no file of runs", path);
        rc = -1;
    }
    json_object_foreach(wanted, key, value)
    {
        const bool ignored = head->any_seed && strcmp(key, "seed") == 0;
        if (rc == 0 && !ignored && !json_equal(value, json_object_get(line, key))) {
            (void)snprintf(
                error, error_size,
                "%s does not fit: its %s differ%s; measure anew, or give the same options, "
                "stacks and seed",
                path, key, strcmp(key, "cells") == 0 ? "" : "s");
            rc = -1;
        }
    }
    json_decref(wanted);
    return rc;
}

/* Takes the reference to the line. */
static int write_line(const char *path, const char *mode, json_t *line, char *error,
                      size_t error_size)
{
    FILE *file = fopen(path, mode);
    int rc = file == NULL || line == NULL ? -1 : 0;

    if (rc == 0) {
        rc = json_dumpf(line, file, JSON_COMPACT);
        rc = fputc('\n', file) == EOF ? -1 : rc;
    }
    if (file != NULL && fclose(file) != 0) {
        rc = -1;
    }
    json_decref(line);
    if (rc < 0) {
        (void)snprintf(error, error_size, "%s cannot be written: %s", path, strerror(errno));
    }
    return rc;
}

static bool run_from_json(const struct oc_verify__plan *plan, json_t *line,
                          struct oc_verify_run *run)
{
    const char *cell;
    const char *stack;
    const char *exclusion;
    const char *why;
    int block;
    int order;
    json_int_t requests;
    json_t *metrics;

    *run = (struct oc_verify_run){0};
    if (json_unpack(line, "{s:s, s:i, s:s, s:i, s:s, s:F, s:F, s:F, s:I, s:o}", "cell", &cell,
                    "block", &block, "stack", &stack, "order", &order, "exclusion", &exclusion,
                    "steal_share", &run->steal_share, "offered_rate", &run->offered_rate,
                    "lag_p99_ns", &run->lag_p99_ns, "requests", &requests, "metrics",
                    &metrics) < 0) {
        return false;
    }
    while (run->cell < plan->cell_count && strcmp(plan->cells[run->cell].name, cell) != 0) {
        run->cell++;
    }
    while (run->exclusion <= OC_VERIFY_FAILED &&
           strcmp(EXCLUSIONS[run->exclusion], exclusion) != 0) {
        run->exclusion++;
    }
    run->stack = (uint8_t)oc_verify_stack_find(stack);
    run->block = (uint32_t)block;
    run->order = (uint8_t)order;
    run->request_count = (uint64_t)requests;
    for (uint32_t i = 0; i < OC_VERIFY_METRIC_COUNT; i++) {
        json_t *value = json_object_get(metrics, METRICS[i].name);
        run->metrics[i] = json_is_number(value) ? json_number_value(value) : NAN;
    }
    why = json_string_value(json_object_get(line, "why"));
    (void)snprintf(run->why, sizeof(run->why), "%s", why == NULL ? "" : why);
    return run->cell < plan->cell_count && run->exclusion <= OC_VERIFY_FAILED &&
           run->stack < OC_VERIFY_STACK_COUNT && block >= 0;
}

static void histogram_from_json(json_t *list, struct oc_histogram *histogram)
{
    size_t index;
    json_t *pair;

    json_array_foreach(list, index, pair)
    {
        json_int_t bound = json_integer_value(json_array_get(pair, 0));
        json_int_t count = json_integer_value(json_array_get(pair, 1));
        if (bound >= 0 && count > 0) {
            oc_histogram_record_n(histogram, (uint64_t)bound, (uint64_t)count);
        }
    }
}

/* The smallest value that core/histogram.h counts at this index. */
static uint64_t low_of(uint32_t index)
{
    uint32_t shift;

    if (index < 2 * OC_HISTOGRAM_STEPS) {
        return index;
    }
    shift = index / OC_HISTOGRAM_STEPS - 1;
    return (uint64_t)(index - shift * OC_HISTOGRAM_STEPS) << shift;
}

static uint64_t coarse_bound(uint64_t value)
{
    uint32_t shift;

    if (value < 2U << COARSE_BITS) {
        return value;
    }
    shift = 63U - (uint32_t)__builtin_clzll(value) - COARSE_BITS;
    return (((value >> shift) + 1) << shift) - 1;
}
