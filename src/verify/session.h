/*
 * What verify.c (the order of things) and session.c (blocks and their runs) share.
 */
#ifndef OC_VERIFY_SESSION_H
#define OC_VERIFY_SESSION_H

#include "verify/cells.h"
#include "verify/local.h"
#include "verify/priority.h"
#include "verify/remote.h"
#include "verify/run.h"
#include "verify/runs_file.h"
#include "verify/verify.h"

/** Runs of one block at most: every stack at two loads. */
#define OC_VERIFY__BLOCK_RUNS_MAX (2U * OC_VERIFY_STACK_COUNT)

struct oc_verify__planned_run {
    enum oc_verify_stack stack;
    double rate; /* offered; 0 in the closed loop */
};

/** The scripts of real orders: prepared once, played by every run. */
struct oc_verify__scripts {
    struct oc_script *pingpong;
    struct oc_script *equity;
    uint32_t pingpong_count;
    uint32_t equity_count;
};

/** One verification under way. */
struct oc_verify__session {
    const struct oc_verify_config *config;
    struct oc_verify_report *report;
    struct oc_verify__plan plan;
    struct oc_verify__stacks stacks; /* of this host */
    struct oc_verify__local local;   /* one of these two is the rig's host */
    struct oc_verify__remote remote;
    struct oc_verify__rig rig;
    struct oc_verify__priority priority;
    struct oc_verify__scripts scripts;
    struct oc_histogram *latency;                        /* of the run */
    struct oc_verify__runs_past past;                    /* of the file of runs */
    struct oc_verify__hello hosts[OC_VERIFY__HOSTS_MAX]; /* as this part found them */
    uint32_t blocks_done[OC_VERIFY__CELLS_MAX];
    uint32_t blocks_wanted[OC_VERIFY__CELLS_MAX];
    uint64_t start_ns;
    uint64_t deadline_ns; /* no block begins later */
    double seconds_done;  /* of the plan, in this process */
    char *error;
    size_t error_size;
    bool begun; /* a part: something is measured in this process */
    bool over;  /* time is up, or stopped */
};

/**
 * The runs of a block of `cell`, in the order of stacks. @capacities  by stack, requests a second,
 * NaN where unknown; for open-loop cells only. Returns their number: 0 if the loads cannot be told.
 * Pure.
 */
uint32_t oc_verify__block_plan(const struct oc_verify_cell *cell,
                               const double capacities[OC_VERIFY_STACK_COUNT],
                               struct oc_verify__planned_run runs[OC_VERIFY__BLOCK_RUNS_MAX]);

/**
 * Measures the next block of a cell. A stack that failed twice in a row in this cell is left out
 * from then on. Returns 0, or -1 with the session's error set (memory, the file of runs).
 */
int oc_verify__block_make(struct oc_verify__session *session, uint32_t cell);

/** Seconds measured so far, in all parts together. */
double oc_verify__elapsed_s(const struct oc_verify__session *session);

/** Makes data for the cells of a plan, without runs. 0 or -ENOMEM. */
int oc_verify__data_init(struct oc_verify_data *data, const struct oc_verify__plan *plan);

/** Gives the memory back. Harmless on data that are all zero. */
void oc_verify__data_deinit(struct oc_verify_data *data);

/** Takes a run over: the struct and the latencies are copied. 0 or -ENOMEM. */
int oc_verify__data_add(struct oc_verify_data *data, const struct oc_verify_run *run,
                        const struct oc_histogram *latency);

/** Drops the runs of one block that are in the data. Their latencies stay in the curves. */
void oc_verify__data_drop(struct oc_verify_data *data, uint32_t cell, uint32_t block);

/** Gives the scripts back. */
void oc_verify__scripts_deinit(struct oc_verify__scripts *scripts);

#endif
