/*
 * Reading a JSON report back, with checks.
 */
#include "verify/report_set.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "verify/cells.h"
#include "verify/runs_file.h"
#include "verify/stacks.h"

#define FORMAT         1
#define FILE_BYTES_MAX (512LL << 20)
#define CELLS_MAX      1024U
#define RUNS_MAX       1000000U
#define RATIOS_MAX     100000U
#define PLACE_BYTES    96U
#define LOG_MAX        50.0

/* Where in the file, and what went wrong first. */
struct reader {
    struct oc_verify__set *set;
    char *error;
    size_t error_size;
    bool failed;
    char place[PLACE_BYTES]; /* "cells[3]" */
};

static int read_root(struct reader *reader);
static void fail(struct reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static json_t *need(struct reader *reader, const json_t *object, const char *key, json_type type,
                    const char *what);
static const char *need_text(struct reader *reader, const json_t *object, const char *key);
static double need_number(struct reader *reader, const json_t *object, const char *key,
                          bool may_be_null);
static uint32_t need_count(struct reader *reader, const json_t *object, const char *key);
static json_t *need_list(struct reader *reader, const json_t *object, const char *key,
                         size_t count_max);
static void read_cells(struct reader *reader);
static void read_runs(struct reader *reader);
static void read_run(struct reader *reader, const json_t *item);
static void read_ratios(struct reader *reader, const json_t *judgement);
static void read_interval(struct reader *reader, const json_t *object,
                          struct oc_interval *interval);
static void read_gates(struct reader *reader, const json_t *judgement);
static uint32_t find_name(const char *text, const char *(*name)(uint32_t index), uint32_t count);
static const char *metric_name(uint32_t index);
static const char *pair_name(uint32_t index);
static const char *scenario_name(uint32_t index);
static const char *placement_name(uint32_t index);

int oc_verify__set_read(struct oc_verify__set *set, const char *path, char *error,
                        size_t error_size)
{
    struct reader reader = {.set = set, .error = error, .error_size = error_size};
    struct stat status;
    json_error_t wrong;

    *set = (struct oc_verify__set){.path = path};
    if (stat(path, &status) < 0) {
        (void)snprintf(error, error_size, "%s cannot be read: %s", path, strerror(errno));
        return -1;
    }
    if (status.st_size > FILE_BYTES_MAX) {
        (void)snprintf(error, error_size,
                       "%s is larger than %lld MB: no JSON report of outcry verify", path,
                       FILE_BYTES_MAX >> 20);
        return -1;
    }
    set->root = json_load_file(path, JSON_REJECT_DUPLICATES, &wrong);
    if (set->root == NULL) {
        (void)snprintf(
            error, error_size,
            "%s is no JSON report of outcry verify (what --json FILE writes); line %d: %s", path,
            wrong.line, wrong.text);
        return -1;
    }
    return read_root(&reader);
}

void oc_verify__set_deinit(struct oc_verify__set *set)
{
    json_decref(set->root);
    free(set->cells);
    free(set->voided);
    free(set->runs);
    free(set->ratios);
    *set = (struct oc_verify__set){0};
}

const char *oc_verify__set_text(const struct oc_verify__set *set, const char *object,
                                const char *key)
{
    const char *text = json_string_value(json_object_get(json_object_get(set->root, object), key));

    return text != NULL ? text : "";
}

uint32_t oc_verify__set_cell(const struct oc_verify__set *set, const char *name)
{
    for (uint32_t i = 0; i < set->cell_count; i++) {
        if (strcmp(set->cells[i].name, name) == 0) {
            return i;
        }
    }
    return UINT32_MAX;
}

uint32_t oc_verify__set_values(const struct oc_verify__set *set, uint32_t cell,
                               enum oc_verify_stack stack, enum oc_verify_metric metric,
                               double *values)
{
    double rate = 0;
    uint32_t count = 0;

    for (uint32_t i = 0; i < set->run_count; i++) {
        const struct oc_verify_run *run = &set->runs[i];
        if (run->cell != cell || run->stack != stack || run->offered_rate < rate ||
            isnan(run->metrics[metric]) || run->metrics[metric] <= 0) {
            continue;
        }
        if (run->offered_rate > rate) {
            rate = run->offered_rate;
            count = 0;
        }
        if (count < OC_PAIRS_BLOCKS_MAX) {
            values[count++] = log(run->metrics[metric]);
        }
    }
    return count;
}

static int read_root(struct reader *reader)
{
    struct oc_verify__set *set = reader->set;
    const json_t *judgement;
    double format;

    if (!json_is_object(set->root)) {
        fail(reader, "an object is needed");
        return -1;
    }
    format = need_number(reader, set->root, "outcry_verify", false);
    if (!reader->failed && format != FORMAT) {
        fail(reader, "outcry_verify is %g: this program reads format %d", format, FORMAT);
    }
    (void)need(reader, set->root, "environment", JSON_OBJECT, "an object");
    (void)need(reader, set->root, "stacks", JSON_OBJECT, "an object");
    judgement = need(reader, set->root, "judgement", JSON_OBJECT, "an object");
    if (!reader->failed && !json_is_boolean(json_object_get(set->root, "full"))) {
        fail(reader, "full: true or false is needed");
    }
    if (!reader->failed) {
        read_cells(reader);
    }
    if (!reader->failed) {
        read_runs(reader);
    }
    if (!reader->failed) {
        read_ratios(reader, judgement);
    }
    if (!reader->failed) {
        read_gates(reader, judgement);
    }
    return reader->failed ? -1 : 0;
}

/* The first thing that is wrong stays. */
static void fail(struct reader *reader, const char *format, ...)
{
    char text[256];
    va_list arguments;

    if (reader->failed) {
        return;
    }
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    (void)snprintf(reader->error, reader->error_size,
                   "%s is no JSON report of outcry verify (what --json FILE writes): %s%s%s",
                   reader->set->path, reader->place, reader->place[0] != '\0' ? "." : "", text);
    reader->failed = true;
}

static json_t *need(struct reader *reader, const json_t *object, const char *key, json_type type,
                    const char *what)
{
    json_t *value = json_object_get(object, key);

    if (value == NULL || json_typeof(value) != type) {
        fail(reader, "%s: %s is needed", key, what);
        return NULL;
    }
    return value;
}

/* Never NULL. */
static const char *need_text(struct reader *reader, const json_t *object, const char *key)
{
    const json_t *value = need(reader, object, key, JSON_STRING, "a text");

    return value != NULL ? json_string_value(value) : "";
}

static double need_number(struct reader *reader, const json_t *object, const char *key,
                          bool may_be_null)
{
    const json_t *value = json_object_get(object, key);

    if (json_is_null(value) && may_be_null) {
        return NAN;
    }
    if (!json_is_number(value)) {
        fail(reader, "%s: a number%s is needed", key, may_be_null ? " or null" : "");
        return NAN;
    }
    return json_number_value(value);
}

static uint32_t need_count(struct reader *reader, const json_t *object, const char *key)
{
    double value = need_number(reader, object, key, false);

    if (!(value >= 0 && value <= (double)UINT32_MAX)) {
        fail(reader, "%s: a whole number from 0 is needed", key);
        return 0;
    }
    return (uint32_t)value;
}

static json_t *need_list(struct reader *reader, const json_t *object, const char *key,
                         size_t count_max)
{
    json_t *list = need(reader, object, key, JSON_ARRAY, "a list");

    if (list != NULL && json_array_size(list) > count_max) {
        fail(reader, "%s: at most %zu are read", key, count_max);
        return NULL;
    }
    return list;
}

static void read_cells(struct reader *reader)
{
    struct oc_verify__set *set = reader->set;
    const json_t *list = need_list(reader, set->root, "cells", CELLS_MAX);

    set->cells = calloc(json_array_size(list) + 1, sizeof(*set->cells));
    set->voided = calloc(json_array_size(list) + 1, sizeof(*set->voided));
    if (set->cells == NULL || set->voided == NULL) {
        fail(reader, "no memory");
        return;
    }
    for (size_t i = 0; i < json_array_size(list) && !reader->failed; i++) {
        const json_t *item = json_array_get(list, i);
        struct oc_verify_cell *cell = &set->cells[i];
        const char *name;
        (void)snprintf(reader->place, sizeof(reader->place), "cells[%zu]", i);
        name = need_text(reader, item, "name");
        if (strlen(name) == 0 || strlen(name) >= sizeof(cell->name)) {
            fail(reader, "name: 1 to %zu bytes are needed", sizeof(cell->name) - 1);
        }
        if (oc_verify__set_cell(set, name) != UINT32_MAX) {
            fail(reader, "name: there are two of it");
        }
        (void)snprintf(cell->name, sizeof(cell->name), "%s", name);
        cell->scenario = find_name(need_text(reader, item, "scenario"), scenario_name,
                                   OC_VERIFY_SCENARIO_COUNT);
        cell->placement = find_name(need_text(reader, item, "placement"), placement_name,
                                    OC_VERIFY_PLACEMENT_COUNT);
        if (cell->scenario == OC_VERIFY_SCENARIO_COUNT ||
            cell->placement == OC_VERIFY_PLACEMENT_COUNT) {
            fail(reader, "scenario and placement: known ones are needed");
        }
        set->voided[i] = json_is_true(json_object_get(item, "void"));
        cell->size = need_count(reader, item, "size");
        cell->connections = need_count(reader, item, "connections");
        cell->window = need_count(reader, item, "window");
        cell->load_percent = need_count(reader, item, "load_percent");
        cell->messages = need_count(reader, item, "messages");
        /* Reports of before there were such searches have none. */
        cell->p99_limit_us = json_object_get(item, "p99_limit_us") == NULL
                                 ? 0
                                 : need_count(reader, item, "p99_limit_us");
        cell->warmup_ms = need_count(reader, item, "warmup_ms");
        cell->duration_ms = need_count(reader, item, "duration_ms");
        set->cell_count = (uint32_t)i + 1;
    }
    reader->place[0] = '\0';
}

static void read_runs(struct reader *reader)
{
    struct oc_verify__set *set = reader->set;
    const json_t *list = need_list(reader, set->root, "runs", RUNS_MAX);

    set->runs = calloc(json_array_size(list) + 1, sizeof(*set->runs));
    if (set->runs == NULL) {
        fail(reader, "no memory");
    }
    for (size_t i = 0; i < json_array_size(list) && !reader->failed; i++) {
        (void)snprintf(reader->place, sizeof(reader->place), "runs[%zu]", i);
        read_run(reader, json_array_get(list, i));
    }
    reader->place[0] = '\0';
}

/* Runs that do not count are passed over. */
static void read_run(struct reader *reader, const json_t *item)
{
    struct oc_verify__set *set = reader->set;
    struct oc_verify_run *run = &set->runs[set->run_count];
    const json_t *metrics = need(reader, item, "metrics", JSON_OBJECT, "an object");
    const char *exclusion = need_text(reader, item, "exclusion");
    enum oc_verify_stack stack = oc_verify_stack_find(need_text(reader, item, "stack"));

    run->cell = oc_verify__set_cell(set, need_text(reader, item, "cell"));
    run->offered_rate = need_number(reader, item, "offered_rate", false);
    if (run->cell == UINT32_MAX) {
        fail(reader, "cell: it is not among the cells");
    }
    if (stack == OC_VERIFY_STACK_COUNT) {
        fail(reader, "stack: a known one is needed");
    }
    run->stack = (uint8_t)stack;
    for (uint32_t i = 0; i < OC_VERIFY_METRIC_COUNT; i++) {
        const json_t *value = json_object_get(metrics, metric_name(i));
        run->metrics[i] = value == NULL ? NAN : json_number_value(value);
        if (value != NULL && !json_is_number(value)) {
            fail(reader, "metrics.%s: a number is needed", metric_name(i));
        }
    }
    set->run_count += strcmp(exclusion, oc_verify_exclusion_name(OC_VERIFY_KEPT)) == 0;
}

static void read_ratios(struct reader *reader, const json_t *judgement)
{
    struct oc_verify__set *set = reader->set;
    const json_t *list = need_list(reader, judgement, "comparisons", RATIOS_MAX);

    set->ratios = calloc(json_array_size(list) + 1, sizeof(*set->ratios));
    if (set->ratios == NULL) {
        fail(reader, "no memory");
        return;
    }
    for (size_t i = 0; i < json_array_size(list) && !reader->failed; i++) {
        const json_t *item = json_array_get(list, i);
        struct oc_verify__set_ratio *ratio = &set->ratios[i];
        (void)snprintf(reader->place, sizeof(reader->place), "judgement.comparisons[%zu]", i);
        ratio->pair = find_name(need_text(reader, item, "pair"), pair_name, OC_VERIFY_PAIR_COUNT);
        ratio->metric = find_name(need_text(reader, item, "metric"), metric_name,
                                  OC_VERIFY_METRIC_COUNT);
        ratio->cell = oc_verify__set_cell(set, need_text(reader, item, "cell"));
        if (ratio->pair == OC_VERIFY_PAIR_COUNT || ratio->metric == OC_VERIFY_METRIC_COUNT ||
            ratio->cell == UINT32_MAX) {
            fail(reader, "pair, metric and cell: known ones are needed");
        }
        ratio->verdict = need_text(reader, item, "verdict");
        read_interval(reader, need(reader, item, "log_ratio", JSON_OBJECT, "an object"),
                      &ratio->ratio);
        set->ratio_count = (uint32_t)i + 1;
    }
    reader->place[0] = '\0';
}

static void read_interval(struct reader *reader, const json_t *object, struct oc_interval *interval)
{
    interval->estimate = need_number(reader, object, "estimate", true);
    interval->low = need_number(reader, object, "low", true);
    interval->high = need_number(reader, object, "high", true);
    if (fabs(interval->estimate) > LOG_MAX || fabs(interval->low) > LOG_MAX ||
        fabs(interval->high) > LOG_MAX) {
        fail(reader, "log_ratio: at most %g is a ratio", LOG_MAX);
    }
    interval->kind = isnan(interval->estimate) ? OC_INTERVAL_NONE : OC_INTERVAL_BCA;
    /* An end without bound is null in the file. */
    interval->low = isnan(interval->low) ? -INFINITY : interval->low;
    interval->high = isnan(interval->high) ? INFINITY : interval->high;
}

static void read_gates(struct reader *reader, const json_t *judgement)
{
    const json_t *gates = need(reader, judgement, "gates", JSON_OBJECT, "an object");

    for (uint32_t pair = 0; pair < OC_VERIFY_PAIR_COUNT && !reader->failed; pair++) {
        struct oc_verify__set_gate *gate = &reader->set->gates[pair];
        const json_t *object = json_object_get(gates, pair_name(pair));
        const json_t *criteria;
        if (object == NULL) {
            continue;
        }
        (void)snprintf(reader->place, sizeof(reader->place), "judgement.gates.%s", pair_name(pair));
        gate->result = need_text(reader, object, "result");
        criteria = need_list(reader, object, "criteria", OC_GATE_CRITERIA);
        if (json_array_size(criteria) != OC_GATE_CRITERIA) {
            fail(reader, "criteria: %u are needed", OC_GATE_CRITERIA);
        }
        for (uint32_t i = 0; i < OC_GATE_CRITERIA && !reader->failed; i++) {
            gate->states[i] = need_text(reader, json_array_get(criteria, i), "state");
            gate->thresholds[i] = need_number(reader, json_array_get(criteria, i), "threshold",
                                              true);
        }
    }
    reader->place[0] = '\0';
}

/* The index of a name; `count` for an unknown one. */
static uint32_t find_name(const char *text, const char *(*name)(uint32_t index), uint32_t count)
{
    uint32_t i = 0;

    while (i < count && strcmp(text, name(i)) != 0) {
        i++;
    }
    return i;
}

static const char *metric_name(uint32_t index)
{
    return oc_verify_metric_name(index);
}

static const char *pair_name(uint32_t index)
{
    return oc_pairs_name(index);
}

static const char *scenario_name(uint32_t index)
{
    return oc_verify_scenario_name(index);
}

static const char *placement_name(uint32_t index)
{
    return oc_verify_placement_name(index);
}
