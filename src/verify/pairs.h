/*
 * From runs to paired values: which blocks count, which runs belong together.
 *
 * Exclusion never looks at an outcome. Steal time or a lagging generator in one run excludes the
 * whole block for every stack, since a disturbance does not stop at the end of a run; more than 10
 * % of the blocks excluded voids the cell. Of a search for a capacity, one run with a late
 * generator voids it: there the fast ones meet the generator's limit, so that to go on without them
 * would be to exclude by outcome. A FAILED run takes its block from every pair that its
 * stack is in, and is counted by itself; more than 10 % of the blocks voids those pairs, because a
 * failure may well be an outcome.
 *
 * In open loop a stack may have several runs in a block, one for each pair's load: runs are paired
 * at the highest offered rate that all stacks asked for have in that block (equal within 1e-6).
 *
 * The baseline tokio is, in each cell, the runtime with the better median of the cell's primary
 * metric over the blocks judged, for all metrics of that cell. Choosing the better of two after the
 * data flatters it a little: the bias is on tokio's side, against our stacks.
 */
#ifndef OC_VERIFY_PAIRS_H
#define OC_VERIFY_PAIRS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"
#include "verify/model.h"

/** More than this share of a cell's blocks excluded voids it. */
#define OC_PAIRS_EXCLUDED_SHARE_MAX 0.10

/** The most blocks of a cell that are looked at; the rest is ignored. */
#define OC_PAIRS_BLOCKS_MAX 128U

#define OC_PAIRS_STACKS_MAX 3U

/** All blocks, as a limit. */
#define OC_PAIRS_ALL UINT32_MAX

/* X(enumerator, name in options and reports, current, candidate) TOKIO: the better runtime. */
#define OC_VERIFY_PAIR_MAP(X)                            \
    X(TOKIO_EPOLL, "tokio:epoll", TOKIO, EPOLL)          \
    X(TOKIO_IO_URING, "tokio:io_uring", TOKIO, IO_URING) \
    X(EPOLL_IO_URING, "epoll:io_uring", EPOLL, IO_URING) \
    X(EPOLL_ALTERED, "epoll:altered", EPOLL, ALTERED)

enum oc_verify_pair {
#define OC_VERIFY_PAIR_ENUMERATOR(name, wire, current, candidate) OC_VERIFY_PAIR_##name,
    OC_VERIFY_PAIR_MAP(OC_VERIFY_PAIR_ENUMERATOR)
#undef OC_VERIFY_PAIR_ENUMERATOR
        OC_VERIFY_PAIR_COUNT
};

/** The runs in the order of cell and block. Borrows the data. */
struct oc_pairs {
    const struct oc_verify_data *data;
    uint32_t *order;      /* indices of runs */
    uint32_t *cell_begin; /* cell_count + 1: where each cell begins in `order` */
};

/** What became of the blocks of a cell. */
struct oc_cell_account {
    uint32_t blocks_run;
    uint32_t blocks_excluded;             /* by steal or lag */
    uint32_t kept[OC_VERIFY_STACK_COUNT]; /* runs */
    uint32_t steal[OC_VERIFY_STACK_COUNT];
    uint32_t lag[OC_VERIFY_STACK_COUNT];
    uint32_t failed[OC_VERIFY_STACK_COUNT];
    bool voided;
};

/** Names of a pair: static text. */
const char *oc_pairs_name(enum oc_verify_pair pair);
enum oc_verify_stack oc_pairs_current(enum oc_verify_pair pair);
enum oc_verify_stack oc_pairs_candidate(enum oc_verify_pair pair);

/**
 * Order the runs. To be done anew when runs were added.
 *
 * Asserts that every run's cell and stack are in range. The arena owns what this allocates.
 * Returns 0, or -ENOMEM.
 */
int oc_pairs_init(struct oc_pairs *pairs, const struct oc_verify_data *data,
                  struct oc_arena *arena);

/**
 * Count what became of the blocks 0 to block_limit - 1 of a cell.
 */
void oc_pairs_account(const struct oc_pairs *pairs, uint32_t cell, uint32_t block_limit,
                      struct oc_cell_account *account);

/** The highest block of the cell that has a run, plus 1. */
uint32_t oc_pairs_blocks_run(const struct oc_pairs *pairs, uint32_t cell);

/**
 * Whether failures void every pair of these stacks: in more than 10 % of the blocks.
 */
bool oc_pairs_failed(const struct oc_cell_account *account, const enum oc_verify_stack *stacks,
                     uint32_t stack_count);

/**
 * The values of one metric, of runs that belong together.
 *
 * @stacks  1 to OC_PAIRS_STACKS_MAX, distinct, taken literally (TOKIO is the multi-threaded one).
 * @rows    out: rows of stack_count values, with room for OC_PAIRS_BLOCKS_MAX rows; one for each
 *          block below block_limit that was kept, and in which every stack has a finite value.
 * Returns the number of rows.
 */
uint32_t oc_pairs_rows(const struct oc_pairs *pairs, uint32_t cell,
                       const enum oc_verify_stack *stacks, uint32_t stack_count,
                       enum oc_verify_metric metric, uint32_t block_limit, double *rows);

/**
 * The logarithms of candidate / current of one metric, one for each pair.
 *
 * @ratios  out: room for OC_PAIRS_BLOCKS_MAX. Rows in which a value is 0 or below have no ratio:
 *          both 0 counts as a ratio of 1, as with errors; one 0 leaves the row out.
 * Returns the number of ratios.
 */
uint32_t oc_pairs_ratios(const struct oc_pairs *pairs, uint32_t cell, enum oc_verify_stack current,
                         enum oc_verify_stack candidate, enum oc_verify_metric metric,
                         uint32_t block_limit, double *ratios);

/**
 * A seed for what is computed of one metric of one cell and one pair: it depends on nothing else,
 * so that leaving out other cells or pairs changes no digit of a result.
 */
uint64_t oc_pairs_seed(uint64_t seed, const struct oc_verify_cell *cell,
                       enum oc_verify_metric metric, uint32_t purpose);

/** Whether two offered rates are one load: equal to a millionth. */
bool oc_pairs_same_rate(double a, double b);

/**
 * Whether a cell only measures the capacity that open-loop loads are shares of. It has few blocks,
 * is compared like others, but counts neither for recommendations nor for claims.
 */
bool oc_pairs_is_capacity(const struct oc_verify_cell *cell);

/**
 * By which metric a cell is ranked: LATENCY_P50, LATENCY_P99 or RATE, by its scenario; a search for
 * a capacity by RATE.
 */
enum oc_verify_metric oc_pairs_primary(const struct oc_verify_cell *cell);

/** Whether higher values of the metric are better, lower are, or neither. */
enum oc_verify_direction oc_pairs_direction(enum oc_verify_metric metric);

/**
 * The stack that stands for `stack` in a cell: of TOKIO the better runtime, else itself.
 */
enum oc_verify_stack oc_pairs_stand_in(const struct oc_pairs *pairs, uint32_t cell,
                                       enum oc_verify_stack stack, uint32_t block_limit);

#endif
