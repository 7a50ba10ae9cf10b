/*
 * What `outcry load` says about a run: the line of a second, the table, JSON, and the thresholds.
 */
#ifndef OC_CLI_LOAD_REPORT_H
#define OC_CLI_LOAD_REPORT_H

#include <stdio.h>

#include "client/equity.h"
#include "client/load.h"
#include "client/lobster.h"
#include "client/threshold.h"

#define OC_CLI_THRESHOLDS_MAX 16

enum oc_cli_flow {
    OC_CLI_PINGPONG,
    OC_CLI_EQUITY,
    OC_CLI_LOBSTER,
};

/** A finished run with everything that is told about it. */
struct oc_cli_load_report {
    const char *connect;
    const char *flow_name;
    enum oc_cli_flow flow;
    const struct oc_load_config *config;
    const struct oc_load_result *result;
    uint32_t instruments;
    struct oc_equity_facts equity; /* of all connections together */
    struct oc_lobster_facts lobster;
    uint32_t threshold_count;
    struct oc_threshold thresholds[OC_CLI_THRESHOLDS_MAX];
    const char *threshold_texts[OC_CLI_THRESHOLDS_MAX];
};

/** Prints the line of one second. */
void oc_cli_load_print_second(FILE *out, const struct oc_load_second *second);

/** Prints the table for people. */
void oc_cli_load_print(FILE *out, const struct oc_cli_load_report *report);

/** Prints one JSON object. Returns 0, -ENOMEM or -EIO. */
int oc_cli_load_print_json(FILE *out, const struct oc_cli_load_report *report);

/** Judges the thresholds; says on stderr which one does not hold. True if all do. */
bool oc_cli_load_judge(const struct oc_cli_load_report *report);

#endif
