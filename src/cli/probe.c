/*
 * outcry probe: what this kernel offers io_uring, what --net auto would choose, and why.
 */
#include <argp.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "io/probe.h"

enum { KEY_JSON = 1000 };

static const struct argp_option OPTIONS[] = {
    {"json", KEY_JSON, NULL, 0, "One JSON object instead of a table", 0}, {0}};

static error_t on_option(int key, char *value, struct argp_state *state);
static void print_table(const struct oc_io_probe_report *report, const struct oc_io_ops *ops,
                        const char *reason);
static int print_json(const struct oc_io_probe_report *report, const struct oc_io_ops *ops,
                      const char *reason);

int oc_cli_probe(int argc, char **argv)
{
    static const struct argp ARGP = {
        OPTIONS,
        on_option,
        NULL,
        "Finds out what this kernel offers io_uring by trying it, and says which backend "
        "`outcry serve --net auto` would take, and why. Exits 0 whatever the answer is.",
        NULL,
        NULL,
        NULL};
    struct oc_io_probe_report report;
    char reason[OC_IO_REASON_BYTES];
    bool json = false;

    if (argp_parse(&ARGP, argc, argv, 0, NULL, &json) != 0) {
        return OC_CLI_USAGE;
    }
    const struct oc_io_ops *ops = oc_io_choose(OC_IO_MODE_AUTO, &report, reason, sizeof(reason));
    if (json) {
        return print_json(&report, ops, reason);
    }
    print_table(&report, ops, reason);
    return 0;
}

static error_t on_option(int key, char *value, struct argp_state *state)
{
    bool *json = state->input;

    if (key == KEY_JSON) {
        *json = true;
        return 0;
    }
    if (key == ARGP_KEY_ARG) {
        argp_error(state, "\"%s\" is not understood: probe takes no arguments", value);
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

static void print_row(const char *name, const char *value)
{
    printf("  %-32s %s\n", name, value);
}

static void print_table(const struct oc_io_probe_report *report, const struct oc_io_ops *ops,
                        const char *reason)
{
    char text[OC_IO_PROBE_TEXT_BYTES];

    printf("surroundings\n");
    print_row("kernel", report->kernel);
    snprintf(text, sizeof(text), "%d", report->sysctl_disabled);
    print_row("sysctl kernel.io_uring_disabled",
              report->sysctl_disabled < 0 ? "not there (before Linux 6.6)" : text);
    print_row("seccomp filter", report->seccomp_mode < 0    ? "unknown"
                                : report->seccomp_mode == 0 ? "none"
                                                            : "yes");
    snprintf(text, sizeof(text), "%" PRIu64 " KiB", report->memlock_bytes / 1024);
    print_row("locked memory limit", report->memlock_bytes == UINT64_MAX ? "unlimited" : text);
    printf("io_uring\n");
    print_row("in this build", report->is_built_in ? "yes" : "no");
    for (uint32_t i = 0; i < report->step_count; i++) {
        const struct oc_io_probe_step *step = &report->steps[i];
        snprintf(text, sizeof(text), "%s (needs %s)",
                 step->error == 0 ? "ok" : strerror(-step->error),
                 step->needs != NULL ? step->needs : "-");
        print_row(step->name, text);
    }
    if (report->setup_flags != 0) {
        print_row("setup flags", report->setup_flag_names);
        snprintf(text, sizeof(text), "0x%" PRIx32, report->features);
        print_row("features", text);
        print_row("registered ring descriptor", report->has_registered_descriptor ? "yes" : "no");
        print_row("NO_IOWAIT (Linux 6.15)", report->has_no_iowait ? "yes" : "no");
    }
    printf("choice of --net auto\n");
    print_row(ops->name, reason);
    if (!report->is_available) {
        print_row("mend", report->mend);
    }
}

static json_t *steps_json(const struct oc_io_probe_report *report)
{
    json_t *steps = json_array();

    for (uint32_t i = 0; i < report->step_count; i++) {
        const struct oc_io_probe_step *step = &report->steps[i];
        json_array_append_new(steps,
                              json_pack("{s:s, s:s?, s:b, s:i}", "name", step->name, "needs",
                                        step->needs, "ok", step->error == 0, "error", step->error));
    }
    return steps;
}

static int print_json(const struct oc_io_probe_report *report, const struct oc_io_ops *ops,
                      const char *reason)
{
    json_t *memlock = report->memlock_bytes == UINT64_MAX
                          ? json_null()
                          : json_integer((json_int_t)report->memlock_bytes);
    json_t *root = json_pack(
        "{s:s, s:s, s:s, s:i, s:i, s:o, s:{s:b, s:b, s:b, s:i, s:o, s:I, s:s, s:I, s:b, s:b, s:s, "
        "s:s}}",
        "kernel", report->kernel, "choice", ops->name, "reason", reason, "sysctl_io_uring_disabled",
        report->sysctl_disabled, "seccomp_mode", report->seccomp_mode, "memlock_bytes", memlock,
        "io_uring", "built_in", report->is_built_in, "tried", report->was_tried, "available",
        report->is_available, "killed_by", report->killed_by, "steps", steps_json(report),
        "setup_flags", (json_int_t)report->setup_flags, "setup_flag_names",
        report->setup_flag_names, "features", (json_int_t)report->features, "registered_descriptor",
        report->has_registered_descriptor, "no_iowait", report->has_no_iowait, "cause",
        report->cause, "mend", report->mend);

    if (root == NULL || json_dumpf(root, stdout, JSON_INDENT(2)) != 0) {
        fprintf(stderr, "outcry probe: the report could not be written\n");
        json_decref(root);
        return 1;
    }
    printf("\n");
    json_decref(root);
    return 0;
}
