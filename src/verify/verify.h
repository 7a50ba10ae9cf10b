/*
 * outcry verify: measures network stacks side by side, on this host or with the servers on another
 * one, and decides between them.
 *
 * This is the room's entry: a configuration in, a report of structs out; the reports (terminal,
 * JSON, HTML, Markdown) read those. A block holds one run of each stack of a cell, in an order
 * drawn from the seed; rounds go through all cells in an order drawn likewise, so that slow changes
 * of the host meet all stacks alike. Open-loop cells are loaded with a share of the weaker stack's
 * capacity, measured before them: at most two loads, one for the pairs with tokio, one for epoll
 * and io_uring between themselves.
 */
#ifndef OC_VERIFY_VERIFY_H
#define OC_VERIFY_VERIFY_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "io/socket.h"
#include "verify/calibrate.h"
#include "verify/environment.h"
#include "verify/gate.h"
#include "verify/judgement.h"
#include "verify/model.h"
#include "verify/stacks.h"

/** What is told while it runs. */
struct oc_verify_progress {
    const struct oc_verify_cell *cell; /* about to be measured */
    uint32_t block;
    uint32_t runs_done;
    uint32_t runs_planned; /* grows when a look asks for more blocks */
    double elapsed_s;
    double left_s; /* estimated from the plan and the pace so far */
};

struct oc_verify_config {
    bool full;           /* else quick */
    uint32_t pairs;      /* set of 1 << enum oc_verify_pair */
    uint32_t gates;      /* set likewise: of which it is known before that they can be passed */
    uint32_t scenarios;  /* set of 1 << enum oc_verify_scenario */
    uint64_t seed;       /* of all orders, arrivals and resamples */
    const char *command; /* the command line, for the report; may be NULL */
    struct oc_gate_thresholds thresholds;
    const char *runs_path; /* each run is appended here as a line of JSON; NULL: nowhere */
    bool resume;           /* go on with the runs of that file */
    const char *aa_path;   /* file of runs of an A/A verification of the same cells, whose
                              resolution counts here; NULL: ALTERED of these runs is the A/A */
    const char *on;        /* HOST:PORT of an agent that starts the servers; NULL: this host */
    const char *tokio;     /* path of the program; NULL: looked for; of this host only */
    const char *libuv;
    double (*apply_ns)(void);  /* measures one order in the engine: calibrate.h; may be NULL */
    uint64_t altered_delay_ns; /* busy time added to ALTERED for each request; 0: A/A */
    uint32_t stacks;           /* set; 0: all that the pairs need, with floor and libuv */
    uint32_t blocks;           /* for tests: in every cell; 0: as planned */
    uint32_t duration_ms;      /* for tests: of every run; 0: as planned */
    uint32_t resamples;        /* for tests: of the bootstrap; 0: OC_BOOTSTRAP_RESAMPLES */
    const volatile sig_atomic_t *stop; /* not 0: end with what there is; may be NULL */
    void (*on_progress)(void *context, const struct oc_verify_progress *progress); /* or NULL */
    void *context;
};

/** Everything there is to report. */
struct oc_verify_report {
    bool full;
    bool stopped;   /* by the user */
    bool timed_out; /* the time was up before all planned blocks were made */
    uint32_t pairs;
    uint64_t seed;
    double elapsed_s;      /* of measuring, all parts together */
    uint32_t runs_resumed; /* of the file */
    struct oc_verify_parts parts;
    uint64_t altered_delay_ns;
    struct oc_verify_data data;
    struct oc_verify_environment environment;        /* of this host, when the first part began */
    bool two_hosts;                                  /* servers ran on another one */
    char server_address[OC_IO_ADDRESS_TEXT_BYTES];   /* of that one's agent */
    struct oc_verify_environment server_environment; /* of that one; else all zero */
    struct oc_verify_stack_status stacks[OC_VERIFY_STACK_COUNT];
    struct oc_verify_costs costs; /* on the servers' host */
    struct oc_verify_split split;
    struct oc_judgement_config judgement_config;
    struct oc_judgement judgement;
    char calls_why[96];       /* why system calls of foreign stacks were not counted; else empty */
    struct oc_verify_data aa; /* of aa_path; empty without */
    struct oc_arena arena;    /* of the judgement */
};

/**
 * Measures and judges. Takes up to 90 s (quick) or two hours (full); starts and ends server
 * processes, on loopback or by an agent elsewhere, and pins the calling thread. Meanwhile its
 * scheduling priority is raised where that is allowed (priority.h). Not to be called from two
 * threads.
 *
 * Returns 0 and the report, or with a sentence in `error` -EINVAL if what is asked for cannot be (a
 * file of runs that does not fit, no HOST:PORT, a gate that cannot be passed here), -1 else (no
 * memory, files, nothing to measure, no agent or one that went away). The report is to be given
 * back with
 * oc_verify_report_deinit in either case.
 */
int oc_verify_run(const struct oc_verify_config *config, struct oc_verify_report *report,
                  char *error, size_t error_size);

/** Gives the report's memory back. Harmless on one that is all zero. */
void oc_verify_report_deinit(struct oc_verify_report *report);

/**
 * Median of one metric of one stack over the kept runs of a cell; at the highest load where there
 * are two. NaN where there is none.
 */
double oc_verify_report_median(const struct oc_verify_report *report, uint32_t cell,
                               enum oc_verify_stack stack, enum oc_verify_metric metric);

#endif
