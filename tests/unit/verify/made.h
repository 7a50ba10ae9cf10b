/*
 * What the tests of the judgement share: measurements made up with a known truth, and catching an
 * assertion.
 */
#ifndef OC_TESTS_UNIT_VERIFY_MADE_H
#define OC_TESTS_UNIT_VERIFY_MADE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/arena.h"
#include "core/random.h"
#include "verify/gate.h"
#include "verify/pairs.h"
#include "verify/resolution.h"

#define MADE_CELLS_MAX 16U
#define MADE_RUNS_MAX  8192U

/* A measurement in the making, and the input of what judges it. */
struct made {
    struct oc_verify_cell cells[MADE_CELLS_MAX];
    struct oc_verify_run runs[MADE_RUNS_MAX];
    struct oc_verify_data data;
    struct oc_arena arena;
    struct oc_pairs pairs;
    struct oc_resolutions resolutions;
    struct oc_gate_input input;
    struct oc_random random;
};

static inline struct made *made_begin(uint64_t seed)
{
    struct made *made = calloc(1, sizeof(*made));

    assert_non_null(made);
    made->data.cells = made->cells;
    made->data.runs = made->runs;
    oc_arena_init(&made->arena);
    oc_random_init(&made->random, seed);
    return made;
}

static inline void made_end(struct made *made)
{
    oc_arena_deinit(&made->arena);
    free(made);
}

/* A cell of 24 blocks in one look; change what it returns for others. */
static inline struct oc_verify_cell *made_cell(struct made *made, const char *name,
                                               enum oc_verify_scenario scenario)
{
    struct oc_verify_cell *cell = &made->cells[made->data.cell_count++];

    assert_true(made->data.cell_count <= MADE_CELLS_MAX);
    cell->scenario = scenario;
    cell->connections = 1;
    cell->window = 1;
    cell->load_percent = scenario == OC_VERIFY_SCENARIO_PERCENTILES ? 60 : 0;
    cell->blocks = 24;
    cell->blocks_max = 24;
    (void)snprintf(cell->name, sizeof(cell->name), "%s", name);
    return cell;
}

/* A run of the newest cell without any figure yet. */
static inline struct oc_verify_run *made_run(struct made *made, uint32_t block,
                                             enum oc_verify_stack stack)
{
    struct oc_verify_run *run = &made->runs[made->data.run_count++];

    assert_true(made->data.run_count <= MADE_RUNS_MAX);
    run->cell = made->data.cell_count - 1U;
    run->block = block;
    run->stack = (uint8_t)stack;
    for (uint32_t metric = 0; metric < OC_VERIFY_METRIC_COUNT; metric++) {
        run->metrics[metric] = (double)NAN;
    }
    return run;
}

/* The run of a stack in a block of the newest cell, which is made if it is not there. */
static inline struct oc_verify_run *made_run_of(struct made *made, uint32_t block,
                                                enum oc_verify_stack stack)
{
    for (uint32_t i = made->data.run_count; i-- > 0;) {
        struct oc_verify_run *run = &made->runs[i];

        if (run->cell + 1U == made->data.cell_count && run->block == block && run->stack == stack) {
            return run;
        }
    }
    return made_run(made, block, stack);
}

/* Even noise of at most +-`noise` of the value: the median of its logarithm is known to be 0. */
static inline double made_noise(struct made *made, double noise)
{
    return 1.0 + noise * (2.0 * oc_random_double(&made->random) - 1.0);
}

/* `blocks` runs of a stack in the newest cell, a metric around `value`. */
static inline void made_metric(struct made *made, uint32_t blocks, enum oc_verify_stack stack,
                               enum oc_verify_metric metric, double value, double noise)
{
    for (uint32_t block = 0; block < blocks; block++) {
        made_run_of(made, block, stack)->metrics[metric] = value * made_noise(made, noise);
    }
}

/* Order the runs, and set the same resolution everywhere. */
static inline const struct oc_gate_input *made_input(struct made *made, double bound)
{
    size_t count = (size_t)made->data.cell_count * OC_VERIFY_METRIC_COUNT;

    assert_int_equal(oc_pairs_init(&made->pairs, &made->data, &made->arena), 0);
    made->resolutions.cell_count = made->data.cell_count;
    made->resolutions.table = oc_arena_alloc(&made->arena, count,
                                             sizeof(made->resolutions.table[0]), 0);
    assert_non_null(made->resolutions.table);
    for (size_t i = 0; i < count; i++) {
        made->resolutions.table[i].bound = bound;
    }
    made->input = (struct oc_gate_input){
        .pairs = &made->pairs,
        .resolutions = &made->resolutions,
        .thresholds = OC_GATE_THRESHOLDS_DEFAULT,
        .seed = 1,
        .resamples = 1000,
    };
    return &made->input;
}

/* Valgrind shows itself in the environment of its client; long simulations shorten themselves. */
static inline bool made_under_valgrind(void)
{
    const char *preload = getenv("LD_PRELOAD");

    return preload != NULL && strstr(preload, "vgpreload") != NULL;
}

#endif
