/*
 * Numbers to words, with as many digits as a reader can use.
 */
#include "verify/report_words.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/assert.h"
#include "verify/cells.h"
#include "verify/runs_file.h"
#include "verify/statistics.h"

#define MIB 1048576.0

static const char *scaled_time(double ns, char *text, size_t size);
static const char *grouped(double value, int decimals, char *text, size_t size);
static void change_number(double log_ratio, bool factor, char text[32]);
static bool is_share(const struct oc_claim *claim);
static double scale_of(const struct oc_claim *claim);
static const char *unit_of(const struct oc_claim *claim);
static bool stand_together(const struct oc_verify_cell *one, const struct oc_verify_cell *other);
static size_t add(char text[OC_VERIFY__SENTENCE_BYTES], size_t used, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static const char *list_criteria(const struct oc_gate *gate, enum oc_criterion_state state,
                                 char *text, size_t size);

const char *oc_verify__words_where(const struct oc_verify_report *report)
{
    return oc_verify__words_apart(report) ? "two hosts"
           : report->two_hosts            ? "this host, by an agent"
                                          : "this host, loopback";
}

bool oc_verify__words_apart(const struct oc_verify_report *report)
{
    return report->two_hosts &&
           (report->environment.boot_id[0] == '\0' ||
            strcmp(report->environment.boot_id, report->server_environment.boot_id) != 0);
}

const char *oc_verify__words_metric(enum oc_verify_metric metric)
{
    static const char *const NAMES[OC_VERIFY_METRIC_COUNT] = {
        [OC_VERIFY_METRIC_LATENCY_P50] = "p50 latency",
        [OC_VERIFY_METRIC_LATENCY_P95] = "p95 latency",
        [OC_VERIFY_METRIC_LATENCY_P99] = "p99 latency",
        [OC_VERIFY_METRIC_LATENCY_P999] = "p99.9 latency",
        [OC_VERIFY_METRIC_LATENCY_MAX] = "longest latency",
        [OC_VERIFY_METRIC_RATE] = "rate",
        [OC_VERIFY_METRIC_CONNECT_P50] = "median connect",
        [OC_VERIFY_METRIC_CONNECT_P99] = "p99 connect",
        [OC_VERIFY_METRIC_SERVER_CPU] = "server CPU",
        [OC_VERIFY_METRIC_CLIENT_CPU] = "client CPU",
        [OC_VERIFY_METRIC_MACHINE_CPU] = "machine CPU",
        [OC_VERIFY_METRIC_SYSTEM_CALLS] = "system calls",
        [OC_VERIFY_METRIC_CONTEXT_SWITCHES] = "context switches",
        [OC_VERIFY_METRIC_BATCH_MEAN] = "events a poll",
        [OC_VERIFY_METRIC_RESIDENT] = "resident memory",
        [OC_VERIFY_METRIC_DESCRIPTORS] = "descriptors",
        [OC_VERIFY_METRIC_ERRORS] = "errors",
        [OC_VERIFY_METRIC_DROPS] = "drops",
        [OC_VERIFY_METRIC_TIMEOUTS] = "timeouts",
    };

    OC_ASSERT(metric < OC_VERIFY_METRIC_COUNT);
    return NAMES[metric];
}

const char *oc_verify__words_value(enum oc_verify_metric metric, double value,
                                   char text[OC_VERIFY__WORDS_BYTES])
{
    const char *unit = oc_verify_metric_unit(metric);

    if (!isfinite(value)) {
        (void)snprintf(text, OC_VERIFY__WORDS_BYTES, "-");
    } else if (strncmp(unit, "ns", 2) == 0) {
        (void)scaled_time(value, text, OC_VERIFY__WORDS_BYTES);
    } else if (strcmp(unit, "1/s") == 0) {
        char number[48];
        (void)snprintf(text, OC_VERIFY__WORDS_BYTES, "%s /s",
                       grouped(value, 0, number, sizeof(number)));
    } else if (strcmp(unit, "bytes") == 0) {
        (void)snprintf(text, OC_VERIFY__WORDS_BYTES, "%.1f MiB", value / MIB);
    } else {
        (void)snprintf(text, OC_VERIFY__WORDS_BYTES, "%.2f", value);
    }
    return text;
}

const char *oc_verify__words_values(enum oc_verify_metric metric, double current, double candidate,
                                    char text[OC_VERIFY__WORDS_BYTES])
{
    char from[OC_VERIFY__WORDS_BYTES];
    char to[OC_VERIFY__WORDS_BYTES];

    const char *unit;

    (void)oc_verify__words_value(metric, current, from);
    (void)oc_verify__words_value(metric, candidate, to);
    /* The unit once, if it is the same. */
    unit = strchr(from, ' ');
    if (unit != NULL && strchr(to, ' ') != NULL && strcmp(unit, strchr(to, ' ')) == 0) {
        from[unit - from] = '\0';
    }
    (void)snprintf(text, OC_VERIFY__WORDS_BYTES, "%.70s to %.70s", from, to);
    return text;
}

const char *oc_verify__words_change(double log_ratio, char text[OC_VERIFY__WORDS_BYTES])
{
    char number[32];

    if (isnan(log_ratio)) {
        (void)snprintf(text, OC_VERIFY__WORDS_BYTES, "-");
    } else if (log_ratio >= log(2.0)) {
        change_number(log_ratio, true, number);
        (void)snprintf(text, OC_VERIFY__WORDS_BYTES, "x %s", number);
    } else {
        change_number(log_ratio, false, number);
        (void)snprintf(text, OC_VERIFY__WORDS_BYTES, "%s %%", number);
    }
    return text;
}

const char *oc_verify__words_changes(const struct oc_interval *log_ratio,
                                     char text[OC_VERIFY__WORDS_BYTES])
{
    char estimate[OC_VERIFY__WORDS_BYTES];
    char low[32];
    char high[32];
    const bool factor = log_ratio->estimate >= log(2.0);

    if (log_ratio->kind == OC_INTERVAL_NONE || isnan(log_ratio->estimate)) {
        (void)snprintf(text, OC_VERIFY__WORDS_BYTES, "not measured");
        return text;
    }
    (void)oc_verify__words_change(log_ratio->estimate, estimate);
    if (!isfinite(log_ratio->low) && !isfinite(log_ratio->high)) {
        (void)snprintf(text, OC_VERIFY__WORDS_BYTES, "%.24s (no interval)", estimate);
        return text;
    }
    change_number(log_ratio->low, factor, low);
    change_number(log_ratio->high, factor, high);
    (void)snprintf(text, OC_VERIFY__WORDS_BYTES, "%.24s (%.31s to %.31s)", estimate, low, high);
    return text;
}

const char *oc_verify__words_ratio(const struct oc_interval *log_ratio,
                                   char text[OC_VERIFY__WORDS_BYTES])
{
    char low[32];
    char high[32];

    if (log_ratio->kind == OC_INTERVAL_NONE || isnan(log_ratio->estimate)) {
        (void)snprintf(text, OC_VERIFY__WORDS_BYTES, "not measured");
    } else if (!isfinite(log_ratio->low) && !isfinite(log_ratio->high)) {
        (void)snprintf(text, OC_VERIFY__WORDS_BYTES, "%.3f (no interval)",
                       exp(log_ratio->estimate));
    } else {
        change_number(log_ratio->low, true, low);
        change_number(log_ratio->high, true, high);
        (void)snprintf(text, OC_VERIFY__WORDS_BYTES, "%.3f (%s to %s)", exp(log_ratio->estimate),
                       low, high);
    }
    return text;
}

const char *oc_verify__words_bound(double bound, char text[OC_VERIFY__WORDS_BYTES])
{
    (void)snprintf(text, OC_VERIFY__WORDS_BYTES, isfinite(bound) ? "%+.1f to %+.1f %%" : "none",
                   100.0 * expm1(-bound), 100.0 * expm1(bound));
    return text;
}

const char *oc_verify__words_bound_ratio(double bound, char text[OC_VERIFY__WORDS_BYTES])
{
    (void)snprintf(text, OC_VERIFY__WORDS_BYTES, isfinite(bound) ? "x %.3f" : "none", exp(bound));
    return text;
}

const char *oc_verify__words_reading(const struct oc_gate_reading *reading,
                                     char text[OC_VERIFY__WORDS_BYTES])
{
    struct oc_interval change = reading->gain;

    if (oc_pairs_direction(reading->metric) == OC_VERIFY_LOWER_IS_BETTER) {
        oc_interval_negate(&change);
    }
    return oc_verify__words_changes(&change, text);
}

const char *oc_verify__words_finding(const struct oc_claim_finding *finding,
                                     char text[OC_VERIFY__WORDS_BYTES])
{
    const struct oc_interval *value = &finding->value;
    const bool share = is_share(finding->claim);
    const double scale = scale_of(finding->claim);
    const char *unit = unit_of(finding->claim);
    const int decimals = share ? 1 : 2;
    const bool signed_share = finding->claim->kind == OC_CLAIM_CHANGE ||
                              finding->claim->kind == OC_CLAIM_GAIN ||
                              finding->claim->kind == OC_CLAIM_TAIL;
    size_t used;

    if (value->kind == OC_INTERVAL_NONE || !isfinite(value->estimate)) {
        (void)snprintf(text, OC_VERIFY__WORDS_BYTES, "-");
    } else if (finding->claim->kind == OC_CLAIM_NONE_OF) {
        (void)snprintf(text, OC_VERIFY__WORDS_BYTES, "%" PRIu32 " of %" PRIu32 " runs",
                       finding->runs_hit, finding->runs);
    } else if (!isfinite(value->low) || !isfinite(value->high) ||
               finding->claim->kind == OC_CLAIM_COST) {
        (void)snprintf(text, OC_VERIFY__WORDS_BYTES, signed_share ? "%+.*f%s" : "%.*f%s", decimals,
                       scale * value->estimate, unit);
    } else {
        (void)snprintf(text, OC_VERIFY__WORDS_BYTES,
                       signed_share ? "%+.*f%s (%+.*f to %+.*f)" : "%.*f%s (%.*f to %.*f)",
                       decimals, scale * value->estimate, unit, decimals, scale * value->low,
                       decimals, scale * value->high);
    }
    used = strlen(text);
    if (finding->claim->kind == OC_CLAIM_CHANGE && isfinite(finding->candidate) &&
        finding->claim->metric == OC_VERIFY_METRIC_RESIDENT) {
        (void)snprintf(text + used, OC_VERIFY__WORDS_BYTES - used, ": %.1f to %.1f MiB",
                       finding->current / MIB, finding->candidate / MIB);
    }
    return text;
}

const char *oc_verify__words_claim(const struct oc_claim *claim, char text[OC_VERIFY__WORDS_BYTES])
{
    const double scale = scale_of(claim);
    const char *unit = unit_of(claim);
    const int decimals = is_share(claim) ? 0 : claim->per > 0 || scale < 1.0 ? 0 : 1;

    if (claim->kind == OC_CLAIM_NONE_OF) {
        (void)snprintf(text, OC_VERIFY__WORDS_BYTES, "no run");
        return text;
    }
    switch (claim->sense) {
    case OC_CLAIM_AT_LEAST:
        (void)snprintf(text, OC_VERIFY__WORDS_BYTES, "%s %.*f%s",
                       claim->low > 0.0 ? "at least" : "above", decimals, scale * claim->low, unit);
        break;
    case OC_CLAIM_AT_MOST:
        (void)snprintf(text, OC_VERIFY__WORDS_BYTES, "at most %.*f%s", decimals,
                       scale * claim->high, unit);
        break;
    case OC_CLAIM_WITHIN:
        (void)snprintf(text, OC_VERIFY__WORDS_BYTES,
                       claim->low < 0.0 ? "%+.*f to %+.*f%s" : "%.*f to %.*f%s", decimals,
                       scale * claim->low, decimals, scale * claim->high, unit);
        break;
    }
    return text;
}

const char *oc_verify__words_cells(const struct oc_verify_cell *all, const uint32_t *cells,
                                   uint32_t count, char text[OC_VERIFY__SENTENCE_BYTES])
{
    size_t used = 0;

    text[0] = '\0';
    for (uint32_t i = 0; i < count; i++) {
        bool first = true;
        bool alone = true;

        for (uint32_t k = 0; k < count; k++) {
            first &= k >= i || !stand_together(&all[cells[k]], &all[cells[i]]);
            alone &= k == i || !stand_together(&all[cells[k]], &all[cells[i]]);
        }
        if (first && alone) {
            used += add(text, used, "%s%s", used > 0 ? "; " : "", all[cells[i]].name);
        } else if (first) {
            used += add(text, used, "%s%s/{", used > 0 ? "; " : "",
                        oc_verify_scenario_name(all[cells[i]].scenario));
            for (uint32_t k = i; k < count; k++) {
                const char *what = strchr(all[cells[k]].name, '/');
                if (stand_together(&all[cells[k]], &all[cells[i]]) && what != NULL) {
                    used += add(text, used, "%s%.*s", k > i ? ", " : "",
                                (int)strcspn(what + 1, "/"), what + 1);
                }
            }
            used += add(text, used, "}/%s", oc_verify_placement_name(all[cells[i]].placement));
        }
    }
    return text;
}

const char *oc_verify__words_void(const struct oc_cell_account *account,
                                  char text[OC_VERIFY__WORDS_BYTES])
{
    uint32_t steal = 0;
    uint32_t lag = 0;

    text[0] = '\0';
    for (uint32_t stack = 0; stack < OC_VERIFY_STACK_COUNT; stack++) {
        steal += account->steal[stack];
        lag += account->lag[stack];
    }
    if (account->voided) {
        (void)snprintf(text, OC_VERIFY__WORDS_BYTES,
                       "void: %" PRIu32 " of %" PRIu32 " blocks excluded (%" PRIu32
                       " runs with steal time, %" PRIu32 " with a late generator)",
                       account->blocks_excluded, account->blocks_run, steal, lag);
    }
    return text;
}

const char *oc_verify__words_at_least(const struct oc_verify_report *report, uint32_t cell,
                                      char text[OC_VERIFY__SENTENCE_BYTES])
{
    size_t used = 0;

    text[0] = '\0';
    if (report->data.cells[cell].p99_limit_us == 0) {
        return text;
    }
    for (uint32_t stack = 0; stack < OC_VERIFY_STACK_COUNT; stack++) {
        double held[OC_PAIRS_BLOCKS_MAX];
        char value[OC_VERIFY__WORDS_BYTES];
        uint32_t count = 0;
        for (uint32_t i = 0; i < report->data.run_count && count < OC_PAIRS_BLOCKS_MAX; i++) {
            const struct oc_verify_run *run = &report->data.runs[i];
            if (run->cell == cell && run->stack == stack &&
                run->exclusion == OC_VERIFY_EXCLUDED_LAG) {
                held[count++] = run->metrics[OC_VERIFY_METRIC_RATE];
            }
        }
        if (count > 0) {
            used += add(text, used, "%s%s on %s (%" PRIu32 " runs)", used == 0 ? "at least " : ", ",
                        oc_verify__words_value(OC_VERIFY_METRIC_RATE,
                                               oc_statistics_median(held, count), value),
                        oc_verify_stack_name(stack), count);
        }
    }
    return text;
}

const char *oc_verify__words_verdict(const struct oc_comparison *comparison,
                                     char text[OC_VERIFY__WORDS_BYTES])
{
    const bool open = comparison->verdict == OC_VERDICT_UNDECIDED;

    (void)snprintf(text, OC_VERIFY__WORDS_BYTES, "%s%s%s", oc_verdict_text(comparison->verdict),
                   open ? ": " : "", open ? oc_verify__words_why(comparison->why) : "");
    return text;
}

const char *oc_verify__words_absent(const struct oc_verify_report *report, enum oc_verify_pair pair,
                                    char text[OC_VERIFY__WORDS_BYTES])
{
    const enum oc_verify_stack stacks[2] = {oc_pairs_current(pair), oc_pairs_candidate(pair)};

    text[0] = '\0';
    for (uint32_t i = 0; i < 2; i++) {
        bool there = false;

        for (uint32_t run = 0; run < report->data.run_count && !there; run++) {
            const enum oc_verify_stack stack = report->data.runs[run].stack;
            there = stack == stacks[i] ||
                    (stacks[i] == OC_VERIFY_STACK_TOKIO && stack == OC_VERIFY_STACK_TOKIO_CURRENT);
        }
        if (!there && text[0] == '\0') {
            (void)snprintf(text, OC_VERIFY__WORDS_BYTES, "%s not measured",
                           oc_verify_stack_name(stacks[i]));
        }
    }
    return text;
}

enum oc_verify_metric oc_verify__words_main(const struct oc_verify_cell *cell)
{
    return oc_pairs_is_capacity(cell) ? OC_VERIFY_METRIC_RATE : oc_pairs_primary(cell);
}

const char *oc_verify__words_criterion(uint32_t criterion)
{
    static const char *const NAMES[OC_GATE_CRITERIA] = {
        "ping-pong latency", "persistent throughput", "p95 or p99 latency", "stress throughput"};

    OC_ASSERT(criterion < OC_GATE_CRITERIA);
    return NAMES[criterion];
}

const char *oc_verify__words_decision(const struct oc_verify_report *report,
                                      enum oc_verify_pair pair,
                                      char text[OC_VERIFY__SENTENCE_BYTES])
{
    const struct oc_gate *gate = &report->judgement.gates[pair];
    const char *from = oc_verify_stack_name(oc_pairs_current(pair));
    const char *to = oc_verify_stack_name(oc_pairs_candidate(pair));
    char names[256];

    switch (gate->result) {
    case OC_GATE_PROCEED:
        (void)snprintf(text, OC_VERIFY__SENTENCE_BYTES,
                       "From %s to %s: proceed, because %" PRIu32 " of 4 criteria are met where "
                       "%" PRIu32 " are needed (%s).",
                       from, to, gate->met, gate->needed,
                       list_criteria(gate, OC_CRITERION_MET, names, sizeof(names)));
        break;
    case OC_GATE_STAY:
        (void)snprintf(text, OC_VERIFY__SENTENCE_BYTES,
                       "From %s to %s: stay, because %" PRIu32 " of 4 criteria are not met (%s), "
                       "so that %" PRIu32 " cannot be.",
                       from, to, gate->not_met,
                       list_criteria(gate, OC_CRITERION_NOT_MET, names, sizeof(names)),
                       gate->needed);
        break;
    case OC_GATE_UNDECIDED:
        (void)snprintf(text, OC_VERIFY__SENTENCE_BYTES,
                       "From %s to %s: undecided, because %" PRIu32
                       " of 4 criteria must be met, and met: %" PRIu32 ", not met: %" PRIu32
                       ", undecided by these data: %" PRIu32 " (%s).",
                       from, to, gate->needed, gate->met, gate->not_met, gate->undecided,
                       list_criteria(gate, OC_CRITERION_UNDECIDED, names, sizeof(names)));
        break;
    case OC_GATE_NOT_MEASURED:
    case OC_GATE_RESULT_COUNT:
        (void)snprintf(text, OC_VERIFY__SENTENCE_BYTES, "From %s to %s: not measured%s%s.", from,
                       to, report->stacks[oc_pairs_current(pair)].available ? "" : ": ",
                       report->stacks[oc_pairs_current(pair)].available
                           ? ""
                           : report->stacks[oc_pairs_current(pair)].why);
        break;
    }
    return text;
}

const char *oc_verify__words_why(enum oc_undecided why)
{
    static const char *const WORDS[OC_UNDECIDED_COUNT] = {
        [OC_UNDECIDED_DECIDED] = "",
        [OC_UNDECIDED_NOT_MEASURED] = "not measured",
        [OC_UNDECIDED_VOIDED] = "cell void",
        [OC_UNDECIDED_FAILING] = "a stack fails",
        [OC_UNDECIDED_TOO_EARLY] = "before the first look",
        [OC_UNDECIDED_TOO_FEW] = "too few pairs",
        [OC_UNDECIDED_STRADDLES] = "too wide",
        [OC_UNDECIDED_UNRESOLVED] = "below A/A",
        [OC_UNDECIDED_DISAGREE] = "cells disagree",
        [OC_UNDECIDED_TAIL] = "p99 worse, or maybe",
        [OC_UNDECIDED_CHANCE] = "may be chance",
    };

    OC_ASSERT(why < OC_UNDECIDED_COUNT);
    return WORDS[why];
}

double oc_verify__words_multiple(const struct oc_verify_report *report, uint32_t cell,
                                 enum oc_verify_stack stack)
{
    const enum oc_verify_metric order[] = {oc_verify__words_main(&report->data.cells[cell]),
                                           OC_VERIFY_METRIC_LATENCY_P50, OC_VERIFY_METRIC_RATE};

    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        double floor = oc_verify_report_median(report, cell, OC_VERIFY_STACK_FLOOR, order[i]);
        double value = oc_verify_report_median(report, cell, stack, order[i]);
        if (floor > 0 && value > 0) {
            return order[i] == OC_VERIFY_METRIC_RATE ? floor / value : value / floor;
        }
    }
    return NAN;
}

const char *oc_verify__words_missing(const struct oc_verify_report *report, uint32_t cell,
                                     enum oc_verify_stack stack)
{
    for (uint32_t i = 0; i < report->data.run_count; i++) {
        const struct oc_verify_run *run = &report->data.runs[i];
        if (run->cell == cell && run->stack == stack && run->exclusion == OC_VERIFY_FAILED) {
            return run->why[0] != '\0' ? run->why : "it failed";
        }
    }
    for (uint32_t i = 0; i < report->data.run_count; i++) {
        if (report->data.runs[i].cell == cell && report->data.runs[i].stack == stack) {
            /* With their blocks, be it for another stack's sake. */
            return oc_verify__words_measured(report, cell, stack) ? "its runs have no such figure"
                                                                  : "its runs were excluded";
        }
    }
    if (!report->stacks[stack].available) {
        return report->stacks[stack].why[0] != '\0' ? report->stacks[stack].why : "not asked for";
    }
    return (report->data.cells[cell].stacks >> stack & 1U) != 0 ? "it ended before its turn" : "";
}

bool oc_verify__words_measured(const struct oc_verify_report *report, uint32_t cell,
                               enum oc_verify_stack stack)
{
    return report->judgement.accounts != NULL && report->judgement.accounts[cell].kept[stack] > 0;
}

bool oc_verify__words_asked(const struct oc_verify_report *report, enum oc_verify_pair pair)
{
    return (report->pairs >> pair & 1U) != 0 && pair != OC_VERIFY_PAIR_EPOLL_ALTERED;
}

static const char *scaled_time(double ns, char *text, size_t size)
{
    const double scale = ns < 1e8 ? 1e3 : ns < 1e10 ? 1e6 : 1e9;
    char number[48];

    (void)snprintf(text, size, "%s %s", grouped(ns / scale, 2, number, sizeof(number)),
                   ns < 1e8    ? "us"
                   : ns < 1e10 ? "ms"
                               : "s");
    return text;
}

/* 1234567.891 as "1,234,567.89". */
static const char *grouped(double value, int decimals, char *text, size_t size)
{
    char digits[40];
    size_t count;
    size_t used = 0;

    (void)snprintf(digits, sizeof(digits), "%.*f", decimals, fmin(fmax(value, 0.0), 1e15));
    count = strcspn(digits, ".");
    for (size_t i = 0; i < count && used + 2 < size; i++) {
        if (i > 0 && (count - i) % 3 == 0) {
            text[used++] = ',';
        }
        text[used++] = digits[i];
    }
    (void)snprintf(text + used, size - used, "%s", digits + count);
    return text;
}

/* The bare number of a change: a percentage with its sign, or a factor. */
static void change_number(double log_ratio, bool factor, char text[32])
{
    double percent = 100.0 * expm1(log_ratio);

    if (!isfinite(log_ratio)) {
        (void)snprintf(text, 32, "%s", log_ratio > 0 ? "any" : factor ? "0" : "-100");
    } else if (factor) {
        (void)snprintf(text, 32, "%.3f", exp(log_ratio));
    } else {
        (void)snprintf(text, 32, "%+.1f", percent);
    }
}

static bool is_share(const struct oc_claim *claim)
{
    return claim->kind != OC_CLAIM_CURRENT && claim->kind != OC_CLAIM_CANDIDATE &&
           claim->kind != OC_CLAIM_COST;
}

static double scale_of(const struct oc_claim *claim)
{
    return is_share(claim) ? 100.0 : strcmp(unit_of(claim), " us") == 0 ? 1e-3 : 1.0;
}

static const char *unit_of(const struct oc_claim *claim)
{
    return is_share(claim) ? " %"
           : claim->kind == OC_CLAIM_COST ||
                   strncmp(oc_verify_metric_unit(claim->metric), "ns", 2) == 0
               ? " us"
               : "";
}

static bool stand_together(const struct oc_verify_cell *one, const struct oc_verify_cell *other)
{
    return one->scenario == other->scenario && one->placement == other->placement;
}

/* Returns how much was added: what fitted. */
static size_t add(char text[OC_VERIFY__SENTENCE_BYTES], size_t used, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text + used, OC_VERIFY__SENTENCE_BYTES - used, format, arguments);
    va_end(arguments);
    return strlen(text + used);
}

static const char *list_criteria(const struct oc_gate *gate, enum oc_criterion_state state,
                                 char *text, size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    for (uint32_t i = 0; i < OC_GATE_CRITERIA; i++) {
        const struct oc_criterion *criterion = &gate->criteria[i];
        if (criterion->state == state && used < size) {
            char measured[OC_VERIFY__WORDS_BYTES] = "";
            char reading[OC_VERIFY__WORDS_BYTES];
            int added;
            if (criterion->why == OC_UNDECIDED_VOIDED) {
                (void)snprintf(measured, sizeof(measured), ": cell void");
            } else if (criterion->reading_count > 0 &&
                       criterion->readings[criterion->headline].gain.kind != OC_INTERVAL_NONE) {
                measured[0] = ' ';
                (void)oc_verify__words_reading(&criterion->readings[criterion->headline], reading);
                (void)snprintf(measured + 1, sizeof(measured) - 1, "%.*s",
                               (int)strcspn(reading, "(") - 1, reading);
            }
            added = snprintf(text + used, size - used, "%s%s%s", used > 0 ? ", " : "",
                             oc_verify__words_criterion(i), measured);
            used += added > 0 ? (size_t)added : 0;
        }
    }
    return text;
}
