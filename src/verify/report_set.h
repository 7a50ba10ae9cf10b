/*
 * A measurement read back from its JSON report, as far as two of them are compared: cells, the
 * runs' main figures, what was judged, and the host.
 *
 * The bytes come from outside: everything that is used is checked, and what is wrong is named with
 * its place.
 */
#ifndef OC_VERIFY_REPORT_SET_H
#define OC_VERIFY_REPORT_SET_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "verify/bootstrap.h"
#include "verify/gate.h"
#include "verify/model.h"
#include "verify/pairs.h"

/** One comparison as the file has it. Texts are borrowed from the file's root. */
struct oc_verify__set_ratio {
    enum oc_verify_pair pair;
    uint32_t cell;
    enum oc_verify_metric metric;
    struct oc_interval ratio; /* log */
    const char *verdict;
};

struct oc_verify__set_gate {
    const char *result; /* NULL: this pair was not asked for */
    double thresholds[OC_GATE_CRITERIA];
    const char *states[OC_GATE_CRITERIA];
};

struct oc_verify__set {
    json_t *root;
    const char *path; /* borrowed */
    struct oc_verify_cell *cells;
    bool *voided; /* by cell */
    uint32_t cell_count;
    struct oc_verify_run *runs; /* kept ones */
    uint32_t run_count;
    struct oc_verify__set_ratio *ratios;
    uint32_t ratio_count;
    struct oc_verify__set_gate gates[OC_VERIFY_PAIR_COUNT];
};

/**
 * Reads a file of `outcry verify --json`.
 *
 * Returns 0, or -1 with a sentence in `error`. To be given back with oc_verify__set_deinit in
 * either case.
 */
int oc_verify__set_read(struct oc_verify__set *set, const char *path, char *error,
                        size_t error_size);

void oc_verify__set_deinit(struct oc_verify__set *set);

/** A text of an object of the root, such as environment.kernel; "" where there is none. */
const char *oc_verify__set_text(const struct oc_verify__set *set, const char *object,
                                const char *key);

/** The cell of that name; UINT32_MAX if there is none. */
uint32_t oc_verify__set_cell(const struct oc_verify__set *set, const char *name);

/**
 * The logarithms of a metric of a stack's runs in a cell, at its highest load.
 *
 * @values  room for OC_PAIRS_BLOCKS_MAX. Returns their count. Values of 0 or below are left out.
 */
uint32_t oc_verify__set_values(const struct oc_verify__set *set, uint32_t cell,
                               enum oc_verify_stack stack, enum oc_verify_metric metric,
                               double *values);

#endif
