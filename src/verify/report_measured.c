/*
 * What was measured as sections. Every figure of a table is the median of the kept runs.
 */
#include "verify/report_measured.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "verify/cells.h"
#include "verify/report_words.h"
#include "verify/stacks.h"

#define COST_BYTES 32U

struct figure {
    const char *title;
    enum oc_verify_metric metric;
    double divisor;
    int decimals;
};

static const struct figure FIGURES[] = {
    {"p50 us", OC_VERIFY_METRIC_LATENCY_P50, 1e3, 1},
    {"p95 us", OC_VERIFY_METRIC_LATENCY_P95, 1e3, 1},
    {"p99 us", OC_VERIFY_METRIC_LATENCY_P99, 1e3, 1},
    {"p99.9 us", OC_VERIFY_METRIC_LATENCY_P999, 1e3, 1},
    {"rate /s", OC_VERIFY_METRIC_RATE, 1, 0},
    {"connect us", OC_VERIFY_METRIC_CONNECT_P50, 1e3, 1},
    {"server us", OC_VERIFY_METRIC_SERVER_CPU, 1e3, 2},
    {"client us", OC_VERIFY_METRIC_CLIENT_CPU, 1e3, 2},
    {"machine us", OC_VERIFY_METRIC_MACHINE_CPU, 1e3, 2},
    {"calls", OC_VERIFY_METRIC_SYSTEM_CALLS, 1, 2},
    {"switches", OC_VERIFY_METRIC_CONTEXT_SWITCHES, 1, 2},
    {"batch", OC_VERIFY_METRIC_BATCH_MEAN, 1, 1},
    {"RSS MiB", OC_VERIFY_METRIC_RESIDENT, 1048576, 1},
    {"lost", OC_VERIFY_METRIC_ERRORS, 1, 0}, /* the sum of all runs: one bad run in many counts */
};
#define FIGURE_COUNT (sizeof(FIGURES) / sizeof(FIGURES[0]))

static void put_end(struct oc_verify__page *page, const struct oc_verify_report *report);
static bool stack_shown(const struct oc_verify_report *report, uint32_t stack);
static void put_main_figure(struct oc_verify__page *page, const struct oc_verify_report *report,
                            uint32_t cell, enum oc_verify_stack stack);
static void put_figures_of(struct oc_verify__page *page, const struct oc_verify_report *report,
                           uint32_t cell);
static double figure_of(const struct oc_verify_report *report, uint32_t cell,
                        enum oc_verify_stack stack, const struct figure *figure);
static const char *cost_text(double ns, char text[COST_BYTES]);
static void put_host(struct oc_verify__page *page, const struct oc_verify_environment *host);
static void put_fact(struct oc_verify__page *page, const char *name, const char *value);

void oc_verify__measured_head(struct oc_verify__page *page, const struct oc_verify_report *report)
{
    const struct oc_verify_environment *host = &report->environment;
    const struct oc_verify_environment *there = &report->server_environment;
    const char *where = oc_verify__words_where(report);
    char kernel[sizeof(host->kernel)];

    /* System and release; the rest stands with the environment. */
    (void)snprintf(kernel, sizeof(kernel), "%s", host->kernel);
    kernel[strcspn(kernel, " ") + 1 +
           strcspn(kernel + strcspn(kernel, " ") + (strchr(kernel, ' ') != NULL), " ")] = '\0';
    oc_verify__page_paragraph(page,
                              "%c%s. %s; %s; %s, %" PRIu32 " of %" PRIu32 " CPUs; %s; %s: %" PRIu32
                              " runs in %.0f s, seed %" PRIu64 ".",
                              toupper((unsigned char)where[0]), where + 1, host->time_begin, kernel,
                              host->cpu, host->cpus_allowed, host->cpus_online, host->version,
                              report->full ? "full" : "quick", report->data.run_count,
                              report->elapsed_s, report->seed);
    put_end(page, report);
    for (uint32_t i = 1; i < report->parts.count; i++) {
        oc_verify__page_paragraph(page,
                                  "Broken off and gone on with by --resume at %s, on a machine "
                                  "that was %.0f %% busy before. What is said of the host and of "
                                  "the costs of a call is of the first part.",
                                  report->parts.of[i].time_begin,
                                  100.0 * report->parts.of[i].busy_share);
    }
    if (report->two_hosts && !oc_verify__words_apart(report)) {
        oc_verify__page_paragraph(page,
                                  "The agent at %s, which started the servers, is on this host: "
                                  "clients and servers share its CPUs, and there was no network "
                                  "between them.",
                                  report->server_address);
    } else if (report->two_hosts) {
        oc_verify__page_paragraph(page,
                                  "The clients ran there; the servers on the host of the agent at "
                                  "%s: %s, %" PRIu32 " of %" PRIu32 " CPUs, %s.",
                                  report->server_address, there->cpu, there->cpus_allowed,
                                  there->cpus_online, there->version);
        if (there->busy_share > 0.05) {
            oc_verify__page_paragraph(page,
                                      "Before it began, the servers' host was already %.0f %% "
                                      "busy: expect wide intervals.",
                                      100.0 * there->busy_share);
        }
    }
    if (host->busy_share > 0.05) {
        oc_verify__page_paragraph(page,
                                  "Before it began, the machine was already %.0f %% busy: expect "
                                  "wide intervals.",
                                  100.0 * host->busy_share);
    }
}

void oc_verify__measured_overview(struct oc_verify__page *page,
                                  const struct oc_verify_report *report)
{
    struct oc_verify__page_column columns[2 + OC_VERIFY_STACK_COUNT] = {{"cell", false, false},
                                                                        {"figure", false, false}};
    uint32_t count = 2;
    char text[OC_VERIFY__WORDS_BYTES];
    char least[OC_VERIFY__SENTENCE_BYTES];

    oc_verify__page_heading(page, 2, "Cells and stacks");
    for (uint32_t stack = 0; stack < OC_VERIFY_STACK_COUNT; stack++) {
        if (stack_shown(report, stack)) {
            columns[count++] = (struct oc_verify__page_column){oc_verify_stack_name(stack), true,
                                                               stack == OC_VERIFY_STACK_ALTERED ||
                                                                   stack == OC_VERIFY_STACK_FLOOR};
        }
    }
    oc_verify__page_table(page,
                          page->format == OC_VERIFY__PAGE_TEXT
                              ? "The main figure of each cell, median of the kept runs. Open loop: "
                                "at the highest load of each stack"
                              : "The main figure of each cell, median of the kept runs; in "
                                "brackets its time as a multiple of the floor's, where the floor "
                                "runs. Open loop: at the highest load of each stack",
                          columns, count);
    for (uint32_t cell = 0; cell < report->data.cell_count; cell++) {
        oc_verify__page_cell(page, "%s", report->data.cells[cell].name);
        oc_verify__page_cell(
            page, "%s", oc_verify__words_metric(oc_verify__words_main(&report->data.cells[cell])));
        for (uint32_t stack = 0; stack < OC_VERIFY_STACK_COUNT; stack++) {
            if (stack_shown(report, stack)) {
                put_main_figure(page, report, cell, stack);
            }
        }
    }
    oc_verify__page_table_end(page);
    for (uint32_t cell = 0; cell < report->data.cell_count; cell++) {
        const char *why = oc_verify__words_void(&report->judgement.accounts[cell], text);
        if (why[0] != '\0') {
            oc_verify__page_item(page, "%s: %s.", report->data.cells[cell].name, why);
        } else if (oc_pairs_is_capacity(&report->data.cells[cell])) {
            oc_verify__page_item(page, "%s: measures the capacity for the open loop; not judged.",
                                 report->data.cells[cell].name);
        }
        if (oc_verify__words_at_least(report, cell, least)[0] != '\0') {
            oc_verify__page_item(page,
                                 "%s: the generator met its own limit before the server's: %s, by "
                                 "the medians of the runs in which it did.",
                                 report->data.cells[cell].name, least);
        }
    }
    for (uint32_t stack = 0; stack < OC_VERIFY_STACK_COUNT; stack++) {
        if (!report->stacks[stack].available) {
            oc_verify__page_item(page, "%s: not measured: %s", oc_verify_stack_name(stack),
                                 report->stacks[stack].why[0] != '\0' ? report->stacks[stack].why
                                                                      : "not asked for");
        }
    }
}

void oc_verify__measured_figures(struct oc_verify__page *page,
                                 const struct oc_verify_report *report)
{
    oc_verify__page_heading(page, 2, "All figures");
    oc_verify__page_paragraph(
        page,
        "Medians of the kept runs. CPU time, system calls and context switches are per "
        "request; \"server\" and \"client\" are the processes, \"machine\" is everything%s. "
        "\"lost\" is the sum of errors, drops and timeouts of the kept runs.",
        oc_verify__words_apart(report)
            ? " on the servers' host"
            : ", since loopback bills the receiver's work to the sender");
    for (uint32_t cell = 0; cell < report->data.cell_count; cell++) {
        put_figures_of(page, report, cell);
    }
}

void oc_verify__measured_resolution(struct oc_verify__page *page,
                                    const struct oc_verify_report *report)
{
    static const struct oc_verify__page_column COLUMNS[] = {
        {"cell", false, false},       {"median latency", true, false}, {"p95 latency", true, false},
        {"p99 latency", true, false}, {"rate", true, false},           {"server CPU", true, false},
        {"pairs", true, false}};
    static const enum oc_verify_metric METRICS[] = {
        OC_VERIFY_METRIC_LATENCY_P50, OC_VERIFY_METRIC_LATENCY_P95, OC_VERIFY_METRIC_LATENCY_P99,
        OC_VERIFY_METRIC_RATE, OC_VERIFY_METRIC_SERVER_CPU};
    char text[OC_VERIFY__WORDS_BYTES];
    bool any = false;

    oc_verify__page_heading(page, 2, "Resolution");
    for (uint32_t cell = 0; cell < report->data.cell_count; cell++) {
        uint32_t pairs = 0;
        for (size_t i = 0; i < sizeof(METRICS) / sizeof(METRICS[0]); i++) {
            struct oc_resolution it = oc_resolutions_of(&report->judgement.resolutions, cell,
                                                        METRICS[i]);
            pairs = !it.borrowed && it.pairs > pairs ? it.pairs : pairs;
        }
        if (pairs == 0) {
            continue;
        }
        if (!any) {
            oc_verify__page_table(page,
                                  "A/A: the same program under two names. The farther end of the "
                                  "interval of their ratio; no smaller difference is claimed. "
                                  "Cells that are not here borrow the largest of their scenario "
                                  "and placement, else of their placement, else of their "
                                  "scenario, else of all",
                                  COLUMNS, sizeof(COLUMNS) / sizeof(COLUMNS[0]));
            any = true;
        }
        oc_verify__page_cell(page, "%s", report->data.cells[cell].name);
        for (size_t i = 0; i < sizeof(METRICS) / sizeof(METRICS[0]); i++) {
            struct oc_resolution it = oc_resolutions_of(&report->judgement.resolutions, cell,
                                                        METRICS[i]);
            oc_verify__page_cell(page, "%s%s", oc_verify__words_bound(it.bound, text),
                                 it.borrowed && isfinite(it.bound) ? " b" : "");
        }
        oc_verify__page_cell(page, "%" PRIu32, pairs);
    }
    if (any) {
        oc_verify__page_table_end(page);
    } else {
        oc_verify__page_paragraph(page, "No A/A run was made with enough blocks: no difference is "
                                        "claimed at all.");
    }
}

void oc_verify__measured_exclusions(struct oc_verify__page *page,
                                    const struct oc_verify_report *report)
{
    static const struct oc_verify__page_column COLUMNS[] = {
        {"cell", false, false},          {"stack", false, false},  {"steal", true, false},
        {"late generator", true, false}, {"failed", true, false},  {"kept", true, false},
        {"blocks", true, false},         {"excluded", true, false}};
    uint32_t blocks = 0;
    bool any = false;

    oc_verify__page_heading(page, 2, "Exclusions");
    for (uint32_t cell = 0; cell < report->data.cell_count; cell++) {
        const struct oc_cell_account *it = &report->judgement.accounts[cell];
        blocks += it->blocks_run;
        for (uint32_t stack = 0; stack < OC_VERIFY_STACK_COUNT; stack++) {
            if (it->steal[stack] + it->lag[stack] + it->failed[stack] == 0) {
                continue;
            }
            if (!any) {
                oc_verify__page_table(page,
                                      "Runs that do not count, by their own cause. Steal time or a "
                                      "late generator excludes the block for every stack; over "
                                      "10 % of the blocks voids the cell",
                                      COLUMNS, sizeof(COLUMNS) / sizeof(COLUMNS[0]));
                any = true;
            }
            oc_verify__page_cell(page, "%s%s", report->data.cells[cell].name,
                                 it->voided ? " (void)" : "");
            oc_verify__page_cell(page, "%s", oc_verify_stack_name(stack));
            oc_verify__page_cell(page, "%" PRIu32, it->steal[stack]);
            oc_verify__page_cell(page, "%" PRIu32, it->lag[stack]);
            oc_verify__page_cell(page, "%" PRIu32, it->failed[stack]);
            oc_verify__page_cell(page, "%" PRIu32, it->kept[stack]);
            oc_verify__page_cell(page, "%" PRIu32, it->blocks_run);
            oc_verify__page_cell(page, "%" PRIu32, it->blocks_excluded);
        }
    }
    if (any) {
        oc_verify__page_table_end(page);
    } else {
        oc_verify__page_paragraph(page, "None: all runs of %" PRIu32 " blocks count.", blocks);
    }
}

void oc_verify__measured_environment(struct oc_verify__page *page,
                                     const struct oc_verify_report *report)
{
    static const struct oc_verify__page_column COLUMNS[] = {{"what", false, false},
                                                            {"value", false, false}};
    const struct oc_verify_environment *host = &report->environment;
    const struct oc_verify_costs *costs = &report->costs;
    char text[5][COST_BYTES];
    char line[512];

    oc_verify__page_heading(page, 2, "Environment");
    oc_verify__page_table(page, "The host, the stacks and the command", COLUMNS, 2);
    put_fact(page, "command", host->command);
    (void)snprintf(line, sizeof(line), "%s to %s", host->time_begin, host->time_end);
    put_fact(page, "measured", line);
    put_host(page, host);
    (void)snprintf(line, sizeof(line),
                   "a bare system call %s, epoll_wait %s, read %s, write %s (with the receiver's "
                   "TCP), a context switch %s",
                   cost_text(costs->call_ns, text[0]), cost_text(costs->epoll_wait_ns, text[1]),
                   cost_text(costs->read_ns, text[2]), cost_text(costs->write_ns, text[3]),
                   cost_text(costs->switch_ns, text[4]));
    put_fact(page, oc_verify__words_apart(report) ? "costs on the servers' host" : "costs here",
             line);
    for (uint32_t stack = 0; stack < OC_VERIFY_STACK_COUNT; stack++) {
        const struct oc_verify_stack_status *status = &report->stacks[stack];
        (void)snprintf(line, sizeof(line), "%s%s", status->available ? "" : "not measured: ",
                       status->available ? status->version : status->why);
        put_fact(page, oc_verify_stack_name(stack), line);
    }
    oc_verify__page_table_end(page);
    if (report->two_hosts) {
        oc_verify__page_table(page, "The servers' host", COLUMNS, 2);
        put_fact(page, "agent", report->server_address);
        put_host(page, &report->server_environment);
        oc_verify__page_table_end(page);
    }
}

/* That it ended before its time, and how much of the plan it has. */
static void put_end(struct oc_verify__page *page, const struct oc_verify_report *report)
{
    uint32_t planned = 0;

    if (!report->stopped && !report->timed_out) {
        return;
    }
    for (uint32_t cell = 0; cell < report->data.cell_count; cell++) {
        planned += report->data.cells[cell].blocks *
                   oc_verify__cell_runs(&report->data.cells[cell]);
    }
    oc_verify__page_paragraph(page,
                              "%s, after %" PRIu32 " of at least %" PRIu32
                              " planned runs (%.0f %%): what is missing is undecided.",
                              report->stopped ? "STOPPED EARLY by a signal"
                                              : "ENDED EARLY, because the time was up",
                              report->data.run_count, planned,
                              100.0 * fmin(1.0, report->data.run_count / fmax(1.0, planned)));
}

static bool stack_shown(const struct oc_verify_report *report, uint32_t stack)
{
    for (uint32_t cell = 0; cell < report->data.cell_count; cell++) {
        if (oc_verify__words_measured(report, cell, stack)) {
            return true;
        }
    }
    return false;
}

static void put_main_figure(struct oc_verify__page *page, const struct oc_verify_report *report,
                            uint32_t cell, enum oc_verify_stack stack)
{
    const enum oc_verify_metric metric = oc_verify__words_main(&report->data.cells[cell]);
    double value = oc_verify_report_median(report, cell, stack, metric);
    double multiple = oc_verify__words_multiple(report, cell, stack);
    char text[OC_VERIFY__WORDS_BYTES];

    if (isnan(value) && oc_verify__words_missing(report, cell, stack)[0] == '\0') {
        oc_verify__page_cell_of(page, OC_VERIFY__PAGE_OPEN, "-");
    } else if (report->judgement.accounts[cell].voided) {
        oc_verify__page_cell_of(page, OC_VERIFY__PAGE_OPEN, "void");
    } else if (isnan(value)) {
        oc_verify__page_cell_of(page, OC_VERIFY__PAGE_OPEN, "not measured");
    } else if (isfinite(multiple) && page->format != OC_VERIFY__PAGE_TEXT) {
        oc_verify__page_cell(page, "%s (%.2f)", oc_verify__words_value(metric, value, text),
                             multiple);
    } else {
        oc_verify__page_cell(page, "%s", oc_verify__words_value(metric, value, text));
    }
}

static void put_figures_of(struct oc_verify__page *page, const struct oc_verify_report *report,
                           uint32_t cell)
{
    struct oc_verify__page_column columns[FIGURE_COUNT + 2] = {{"stack", false, false}};
    const struct figure *shown[FIGURE_COUNT];
    const struct oc_cell_account *account = &report->judgement.accounts[cell];
    uint32_t count = 0;
    char caption[384];
    char why[OC_VERIFY__WORDS_BYTES];

    for (size_t i = 0; i < FIGURE_COUNT; i++) {
        bool any = false;
        for (uint32_t stack = 0; stack < OC_VERIFY_STACK_COUNT && !any; stack++) {
            any = oc_verify__words_measured(report, cell, stack) &&
                  !isnan(figure_of(report, cell, stack, &FIGURES[i]));
        }
        if (any) {
            shown[count] = &FIGURES[i];
            columns[++count] = (struct oc_verify__page_column){FIGURES[i].title, true, false};
        }
    }
    if (count == 0) {
        oc_verify__page_item(page, "%s: %s", report->data.cells[cell].name,
                             account->voided ? oc_verify__words_void(account, why)
                                             : "not measured");
        return;
    }
    columns[count + 1] = (struct oc_verify__page_column){"x floor", true, false};
    (void)snprintf(caption, sizeof(caption), "%s (%" PRIu32 " blocks)%s%s",
                   report->data.cells[cell].name, account->blocks_run, account->voided ? "; " : "",
                   oc_verify__words_void(account, why));
    oc_verify__page_table(page, caption, columns, count + 2);
    for (uint32_t stack = 0; stack < OC_VERIFY_STACK_COUNT; stack++) {
        double multiple = oc_verify__words_multiple(report, cell, stack);
        if (!oc_verify__words_measured(report, cell, stack)) {
            continue;
        }
        oc_verify__page_cell(page, "%s", oc_verify_stack_name(stack));
        for (uint32_t i = 0; i < count; i++) {
            double value = figure_of(report, cell, stack, shown[i]);
            if (isfinite(value)) {
                oc_verify__page_cell(page, "%.*f", shown[i]->decimals, value / shown[i]->divisor);
            } else {
                oc_verify__page_cell(page, "-");
            }
        }
        if (isfinite(multiple)) {
            oc_verify__page_cell(page, "%.2f", multiple);
        } else {
            oc_verify__page_cell(page, "-");
        }
    }
    oc_verify__page_table_end(page);
}

static double figure_of(const struct oc_verify_report *report, uint32_t cell,
                        enum oc_verify_stack stack, const struct figure *figure)
{
    double sum = NAN;

    if (figure->metric != OC_VERIFY_METRIC_ERRORS) {
        return oc_verify_report_median(report, cell, stack, figure->metric);
    }
    for (uint32_t i = 0; i < report->data.run_count; i++) {
        const struct oc_verify_run *run = &report->data.runs[i];
        const double drops = run->metrics[OC_VERIFY_METRIC_DROPS];
        const double timeouts = run->metrics[OC_VERIFY_METRIC_TIMEOUTS];
        if (run->cell == cell && run->stack == stack && run->exclusion == OC_VERIFY_KEPT &&
            !isnan(run->metrics[OC_VERIFY_METRIC_ERRORS])) {
            sum = (isnan(sum) ? 0 : sum) + run->metrics[OC_VERIFY_METRIC_ERRORS] +
                  (isnan(drops) ? 0 : drops) + (isnan(timeouts) ? 0 : timeouts);
        }
    }
    return sum;
}

static const char *cost_text(double ns, char text[COST_BYTES])
{
    if (isnan(ns)) {
        (void)snprintf(text, COST_BYTES, "not measured");
    } else {
        (void)snprintf(text, COST_BYTES, "%.0f ns", ns);
    }
    return text;
}

static void put_host(struct oc_verify__page *page, const struct oc_verify_environment *host)
{
    char line[512];

    put_fact(page, "program", host->version);
    put_fact(page, "compiler", host->compiler);
    put_fact(page, "kernel", host->kernel);
    (void)snprintf(line, sizeof(line), "%s, %" PRIu32 " of %" PRIu32 " CPUs, %.1f GB", host->cpu,
                   host->cpus_allowed, host->cpus_online, (double)host->memory_bytes / 1e9);
    put_fact(page, "machine", line);
    put_fact(page, "hypervisor or vendor", host->hypervisor);
    put_fact(page, "mitigations", host->mitigations);
    put_fact(page, "clock source", host->clock_source);
    put_fact(page, "congestion control", host->congestion_control);
    put_fact(page, "idle governor", host->idle_governor);
    put_fact(page, "frequency governor", host->frequency_governor);
    put_fact(page, "io_uring of the kernel", host->io_uring);
    (void)snprintf(line, sizeof(line),
                   "%.2f %.2f %.2f before, %.2f %.2f %.2f after; %.1f %% busy before it began",
                   host->load_before[0], host->load_before[1], host->load_before[2],
                   host->load_after[0], host->load_after[1], host->load_after[2],
                   100.0 * host->busy_share);
    put_fact(page, "load", line);
    put_fact(page, "priority", host->priority);
}

static void put_fact(struct oc_verify__page *page, const char *name, const char *value)
{
    oc_verify__page_cell(page, "%s", name);
    oc_verify__page_cell(page, "%s", value[0] != '\0' ? value : "the system does not tell");
}
