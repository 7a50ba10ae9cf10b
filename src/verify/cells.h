/*
 * The plan: which cells are measured, with which stacks, how long and how often.
 *
 * Two plans. Quick ends within 90 s and cannot decide much; full takes up to two hours. A plan is
 * fixed before the data: the same options give the same plan. Cells of the decision gate have more
 * blocks, and more again if a look leaves them undecided.
 */
#ifndef OC_VERIFY_CELLS_H
#define OC_VERIFY_CELLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "verify/model.h"

#define OC_VERIFY__CELLS_MAX 96U

struct oc_verify__plan_config {
    bool full;
    uint32_t scenarios;   /* set of 1 << enum oc_verify_scenario */
    uint32_t stacks;      /* set of 1 << enum oc_verify_stack that exist here and are wanted */
    uint32_t cpus;        /* with one, placements on two cores are left out */
    bool two_hosts;       /* clients on another host than servers; `cpus` does not matter then */
    uint32_t blocks;      /* tests: so many in every cell; 0: as planned */
    uint32_t duration_ms; /* tests: of every run, a third of it warm-up; 0: as planned */
};

struct oc_verify__plan {
    struct oc_verify_cell cells[OC_VERIFY__CELLS_MAX];
    uint32_t cell_count;
};

/**
 * Writes the plan. Cells that fewer than two wanted stacks can run are left out, capacities only if
 * none can. Two hosts share no core: same-core cells are left out then, but a cross-core cell of
 * the same name takes their place in the plan and in the gate. Pure.
 */
void oc_verify__plan_make(const struct oc_verify__plan_config *config,
                          struct oc_verify__plan *plan);

/** Whether the cell measures a capacity that open-loop cells of its placement need. Pure. */
bool oc_verify__cell_is_capacity(const struct oc_verify_cell *cell);

/**
 * Index of the capacity cell that an open-loop cell refers to, UINT32_MAX if there is none. Pure.
 */
uint32_t oc_verify__capacity_of(const struct oc_verify__plan *plan,
                                const struct oc_verify_cell *cell);

/** Seconds that one run of a cell takes, roughly; with what start and end cost. Pure. */
double oc_verify__cell_seconds(const struct oc_verify_cell *cell);

/** Runs of one block of a cell: an open-loop cell has some twice (see verify.h). Pure. */
uint32_t oc_verify__cell_runs(const struct oc_verify_cell *cell);

/** Names in reports. */
const char *oc_verify_scenario_name(enum oc_verify_scenario scenario);
const char *oc_verify_placement_name(enum oc_verify_placement placement);

/** Reads "ping-pong,stress" as a set. False, and the first unknown name, if there is one. */
bool oc_verify_scenarios_parse(const char *text, uint32_t *scenarios, char *unknown, size_t size);

#endif
