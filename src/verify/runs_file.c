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
#include <unistd.h>

#include "core/assert.h"
#include "verify/stacks.h"

/* A coarse step is this fraction of its power of two. */
#define COARSE_BITS 5U
#define FORMAT      2

static json_t *head_to_json(const struct oc_verify__runs_head *head);
static int check_head(json_t *line, const struct oc_verify__runs_head *head, const char *path,
                      char *error, size_t error_size);
static void tell_misfit(const char *key, const json_t *wanted, const json_t *found, char *error,
                        size_t error_size);
static bool read_part(json_t *list, struct oc_verify__runs_past *past);
static bool read_end(json_t *line, struct oc_verify__runs_past *past);
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

int oc_verify__runs_begin(const char *path, uint64_t size, const struct oc_verify__hello *hosts,
                          uint32_t host_count, char *error, size_t error_size)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < host_count; i++) {
        (void)json_array_append_new(list, oc_verify__hello_json(&hosts[i]));
    }
    if (size > 0 && truncate(path, (off_t)size) < 0) {
        (void)snprintf(error, error_size, "%s cannot be written: %s", path, strerror(errno));
        json_decref(list);
        return -1;
    }
    return write_line(path, "ae", json_pack("{s:o}", "part", list), error, error_size);
}

int oc_verify__runs_append(const char *path, const struct oc_verify__plan *plan,
                           const struct oc_verify__runs_line *run, char *error, size_t error_size)
{
    json_t *line = oc_verify__run_to_json(&plan->cells[run->run->cell], run->run);

    if (line != NULL) {
        (void)json_object_set_new(line, "elapsed_s", json_real(run->elapsed_s));
    }
    if (line != NULL && run->last) {
        (void)json_object_set_new(line, "last", json_true());
    }
    if (line != NULL && run->latency->count > 0) {
        (void)json_object_set_new(line, "latency", oc_verify__histogram_to_json(run->latency));
    }
    return write_line(path, "ae", line, error, error_size);
}

int oc_verify__runs_end(const char *path, const struct oc_verify_environment *const *ends,
                        uint32_t host_count, const struct oc_verify__runs_past *past, char *error,
                        size_t error_size)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < host_count; i++) {
        (void)json_array_append_new(list, oc_verify__hello_end_json(ends[i]));
    }
    return write_line(path, "ae",
                      json_pack("{s:o, s:f, s:s}", "end", list, "elapsed_s", past->elapsed_s,
                                "calls_why", past->calls_why),
                      error, error_size);
}

int oc_verify__runs_read(const char *path, const struct oc_verify__runs_head *head,
                         void (*reader)(void *context, const struct oc_verify__runs_line *run),
                         void *context, struct oc_verify__runs_past *past, char *error,
                         size_t error_size)
{
    FILE *file = fopen(path, "re");
    struct oc_histogram *latency = calloc(1, sizeof(*latency));
    char *text = NULL;
    size_t capacity = 0;
    ssize_t size;
    uint32_t number = 0;
    bool good = true;
    int rc = 0;

    *past = (struct oc_verify__runs_past){0};
    if (file == NULL || latency == NULL) {
        (void)snprintf(error, error_size, "%s: %s", path, strerror(errno));
        rc = file == NULL ? -EINVAL : -ENOMEM;
    }
    while (rc == 0 && (size = getline(&text, &capacity, file)) > 0) {
        struct oc_verify_run run;
        struct oc_verify__runs_line found = {.run = &run, .latency = latency};
        json_t *line = NULL;
        if (!good) {
            (void)snprintf(error, error_size,
                           "%s:%" PRIu32 ": this line cannot be read, and it is not the last: "
                           "repair it, or measure anew",
                           path, number);
            rc = -EINVAL;
            break;
        }
        /* Of a line that was cut off at least the end lacks. */
        if (text[size - 1] == '\n') {
            line = json_loads(text, 0, NULL);
        }
        if (++number == 1) {
            rc = check_head(line, head, path, error, error_size);
        } else if (json_object_get(line, "part") != NULL) {
            good = read_part(json_object_get(line, "part"), past);
        } else if (json_object_get(line, "end") != NULL) {
            good = read_end(line, past);
        } else if ((good = line != NULL && run_from_json(head->plan, line, &run))) {
            past->elapsed_s = json_number_value(json_object_get(line, "elapsed_s"));
            found.elapsed_s = past->elapsed_s;
            found.last = json_is_true(json_object_get(line, "last"));
            oc_histogram_reset(latency);
            histogram_from_json(json_object_get(line, "latency"), latency);
            reader(context, &found);
        }
        past->size += good ? (uint64_t)size : 0;
        json_decref(line);
    }
    if (rc == 0 && number == 0) {
        (void)snprintf(error, error_size, "%s is no file of runs: it is empty", path);
        rc = -EINVAL;
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
        rc = -EINVAL;
    }
    json_object_foreach(wanted, key, value)
    {
        const bool ignored = head->any_seed && strcmp(key, "seed") == 0;
        if (rc == 0 && !ignored && !json_equal(value, json_object_get(line, key))) {
            int used = snprintf(error, error_size, "%s does not fit: ", path);
            if (used > 0 && (size_t)used < error_size) {
                tell_misfit(key, value, json_object_get(line, key), error + used,
                            error_size - (size_t)used);
            }
            rc = -EINVAL;
        }
    }
    json_decref(wanted);
    return rc;
}

/* In the words of the options that would make it fit. */
static void tell_misfit(const char *key, const json_t *wanted, const json_t *found, char *error,
                        size_t error_size)
{
    if (strcmp(key, "seed") == 0) {
        (void)snprintf(error, error_size, "it was measured with --seed %" JSON_INTEGER_FORMAT,
                       json_integer_value(found));
    } else if (strcmp(key, "full") == 0) {
        (void)snprintf(error, error_size, "it is of %s, and this is %s",
                       json_is_true(found) ? "--full" : "--quick",
                       json_is_true(wanted) ? "--full" : "--quick");
    } else if (strcmp(key, "cells") == 0) {
        (void)snprintf(error, error_size,
                       "it has other cells, or other stacks in them: give the --pairs and "
                       "--scenario with which it was begun, and see that the same stacks are there "
                       "(tokio, libuv, io_uring)");
    } else if (json_is_string(found)) {
        (void)snprintf(error, error_size, "its %s was %.150s, and this is %.150s", key,
                       json_string_value(found), json_string_value(wanted));
    } else {
        (void)snprintf(error, error_size,
                       "its format is that of another version of outcry: measure anew");
    }
}

static bool read_part(json_t *list, struct oc_verify__runs_past *past)
{
    const size_t count = json_array_size(list);
    struct oc_verify__hello hosts[OC_VERIFY__HOSTS_MAX];

    for (size_t i = 0; i < count && i < OC_VERIFY__HOSTS_MAX; i++) {
        if (!oc_verify__hello_read(json_array_get(list, i), &hosts[i])) {
            return false;
        }
        if (past->parts.count == 0) {
            past->hosts[i] = hosts[i];
        }
        /* Until the line comes that says when this part ended. */
        (void)snprintf(past->hosts[i].environment.time_end,
                       sizeof(past->hosts[i].environment.time_end), "unknown");
    }
    if (count == 0) {
        return false;
    }
    oc_verify__parts_begin(&past->parts, &hosts[0].environment,
                           count > 1 ? &hosts[1].environment : NULL);
    return true;
}

static bool read_end(json_t *line, struct oc_verify__runs_past *past)
{
    json_t *list = json_object_get(line, "end");
    const char *why = json_string_value(json_object_get(line, "calls_why"));

    past->elapsed_s = json_number_value(json_object_get(line, "elapsed_s"));
    (void)snprintf(past->calls_why, sizeof(past->calls_why), "%s", why == NULL ? "" : why);
    for (size_t i = 0; i < json_array_size(list) && i < OC_VERIFY__HOSTS_MAX; i++) {
        if (!oc_verify__hello_end_read(json_array_get(list, i), &past->hosts[i].environment)) {
            return false;
        }
    }
    return json_array_size(list) > 0;
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
