/*
 * The report as one JSON object. Ratios and gains are natural logarithms, as in the judgement;
 * what is not a number is null.
 */
#include "verify/report_json.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "verify/cells.h"
#include "verify/report_page.h"
#include "verify/report_words.h"
#include "verify/runs_file.h"

#define FORMAT     1
#define PATH_BYTES 1024U
/* No text of the host or of a stack is longer. */
#define OUTSIDE_BYTES 1024U

static json_t *parts_json(const struct oc_verify_parts *parts);
static json_t *environment_json(const struct oc_verify_environment *host);
static json_t *costs_json(const struct oc_verify_report *report);
static json_t *stacks_json(const struct oc_verify_report *report);
static json_t *metrics_json(void);
static json_t *cells_json(const struct oc_verify_report *report);
static json_t *latencies_json(const struct oc_verify_data *data, uint32_t cell);
static json_t *runs_json(const struct oc_verify_report *report);
static json_t *gates_json(const struct oc_verify_report *report);
static json_t *criterion_json(const struct oc_verify_report *report,
                              const struct oc_criterion *criterion);
static json_t *comparisons_json(const struct oc_verify_report *report);
static json_t *recommendations_json(const struct oc_verify_report *report);
static json_t *attributions_json(const struct oc_verify_report *report);
static json_t *ceilings_json(const struct oc_verify_report *report);
static json_t *claims_json(const struct oc_verify_report *report);
static json_t *interval_json(const struct oc_interval *interval);
static json_t *outside_text(const char *text);
static json_t *number(double value);

int oc_verify_report_json(const struct oc_verify_report *report, const char *path, char *error,
                          size_t error_size)
{
    char part[PATH_BYTES];
    json_t *judgement = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "gates", gates_json(report),
                                  "comparisons", comparisons_json(report), "recommendations",
                                  recommendations_json(report), "attributions",
                                  attributions_json(report), "ceilings", ceilings_json(report),
                                  "claims", claims_json(report));
    json_t *root = json_pack(
        "{s:i, s:s, s:b, s:b, s:b, s:I, s:f, s:i, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
        "outcry_verify", FORMAT, "title", oc_verify__words_where(report), "full", report->full,
        "stopped", report->stopped, "timed_out", report->timed_out, "seed",
        (json_int_t)report->seed, "elapsed_s", report->elapsed_s, "runs_resumed",
        (int)report->runs_resumed, "altered_delay_ns", (json_int_t)report->altered_delay_ns,
        "environment", environment_json(&report->environment), "costs", costs_json(report),
        "stacks", stacks_json(report), "metrics", metrics_json(), "cells", cells_json(report),
        "judgement", judgement, "runs", runs_json(report));
    int rc = -1;

    if (report->two_hosts) {
        (void)json_object_set_new(root, "agent", json_string(report->server_address));
        (void)json_object_set_new(root, "agent_on_this_host",
                                  json_boolean(!oc_verify__words_apart(report)));
        (void)json_object_set_new(root, "server_environment",
                                  environment_json(&report->server_environment));
    }
    (void)json_object_set_new(root, "parts", parts_json(&report->parts));
    errno = 0;
    if (root != NULL && snprintf(part, sizeof(part), "%s.part", path) < (int)sizeof(part)) {
        rc = json_dump_file(root, part, JSON_INDENT(1) | JSON_REAL_PRECISION(10));
    }
    if (rc == 0) {
        rc = rename(part, path);
    }
    if (rc < 0) {
        (void)snprintf(error, error_size, "%s cannot be written: %s", path,
                       errno != 0 ? strerror(errno) : "no memory");
    }
    json_decref(root);
    return rc;
}

static json_t *parts_json(const struct oc_verify_parts *parts)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < parts->count; i++) {
        (void)json_array_append_new(list,
                                    json_pack("{s:s, s:f}", "time_begin", parts->of[i].time_begin,
                                              "busy_share_before", parts->of[i].busy_share));
    }
    return list;
}

static json_t *environment_json(const struct oc_verify_environment *host)
{
    return json_pack(
        "{s:o, s:o, s:i, s:i, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:[fff], s:[fff], s:f, s:o,"
        " s:o, s:o, s:o, s:o, s:o}",
        "kernel", outside_text(host->kernel), "cpu", outside_text(host->cpu), "cpus_online",
        (int)host->cpus_online, "cpus_allowed", (int)host->cpus_allowed, "memory_bytes",
        (json_int_t)host->memory_bytes, "mitigations", outside_text(host->mitigations),
        "hypervisor", outside_text(host->hypervisor), "clock_source",
        outside_text(host->clock_source), "congestion_control",
        outside_text(host->congestion_control), "idle_governor", outside_text(host->idle_governor),
        "frequency_governor", outside_text(host->frequency_governor), "io_uring",
        outside_text(host->io_uring), "load_before", host->load_before[0], host->load_before[1],
        host->load_before[2], "load_after", host->load_after[0], host->load_after[1],
        host->load_after[2], "busy_share_before", host->busy_share, "priority",
        outside_text(host->priority), "version", outside_text(host->version), "compiler",
        outside_text(host->compiler), "command", outside_text(host->command), "time_begin",
        outside_text(host->time_begin), "time_end", outside_text(host->time_end));
}

static json_t *costs_json(const struct oc_verify_report *report)
{
    const struct oc_verify_costs *costs = &report->costs;

    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "call_ns", number(costs->call_ns),
                     "epoll_wait_ns", number(costs->epoll_wait_ns), "read_ns",
                     number(costs->read_ns), "write_ns", number(costs->write_ns), "switch_ns",
                     number(costs->switch_ns), "decode_ns", number(report->split.decode_ns),
                     "encode_ns", number(report->split.encode_ns), "apply_ns",
                     number(report->split.apply_ns));
}

static json_t *stacks_json(const struct oc_verify_report *report)
{
    json_t *object = json_object();

    for (uint32_t i = 0; i < OC_VERIFY_STACK_COUNT; i++) {
        const struct oc_verify_stack_status *status = &report->stacks[i];
        (void)json_object_set_new(object, oc_verify_stack_name(i),
                                  json_pack("{s:b, s:o, s:o}", "available", status->available,
                                            "version", outside_text(status->version), "why",
                                            outside_text(status->available ? "" : status->why)));
    }
    return object;
}

static json_t *metrics_json(void)
{
    static const char *const DIRECTIONS[] = {
        [OC_VERIFY_LOWER_IS_BETTER] = "lower",
        [OC_VERIFY_HIGHER_IS_BETTER] = "higher",
        [OC_VERIFY_NEITHER] = "neither",
    };
    json_t *object = json_object();

    for (uint32_t i = 0; i < OC_VERIFY_METRIC_COUNT; i++) {
        (void)json_object_set_new(object, oc_verify_metric_name(i),
                                  json_pack("{s:s, s:s}", "unit", oc_verify_metric_unit(i),
                                            "better", DIRECTIONS[oc_pairs_direction(i)]));
    }
    return object;
}

static json_t *cells_json(const struct oc_verify_report *report)
{
    static const char *const GATES[] = {
        [OC_VERIFY_GATE_NONE] = "none",
        [OC_VERIFY_GATE_PING_PONG] = "ping-pong",
        [OC_VERIFY_GATE_PERSISTENT] = "persistent",
        [OC_VERIFY_GATE_TAIL] = "tail",
        [OC_VERIFY_GATE_STRESS] = "stress",
    };
    json_t *list = json_array();

    for (uint32_t i = 0; i < report->data.cell_count; i++) {
        const struct oc_verify_cell *cell = &report->data.cells[i];
        const struct oc_cell_account *account = &report->judgement.accounts[i];
        json_t *excluded = json_object();
        for (uint32_t stack = 0; stack < OC_VERIFY_STACK_COUNT; stack++) {
            if (account->steal[stack] + account->lag[stack] + account->failed[stack] > 0) {
                (void)json_object_set_new(
                    excluded, oc_verify_stack_name(stack),
                    json_pack("{s:i, s:i, s:i}", "steal", (int)account->steal[stack], "lag",
                              (int)account->lag[stack], "failed", (int)account->failed[stack]));
            }
        }
        (void)json_array_append_new(
            list,
            json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i,"
                      " s:i, s:i, s:b, s:o, s:o}",
                      "name", cell->name, "scenario", oc_verify_scenario_name(cell->scenario),
                      "placement", oc_verify_placement_name(cell->placement), "gate",
                      GATES[cell->gate], "echo", cell->echo, "equity", cell->equity, "size",
                      (int)cell->size, "connections", (int)cell->connections, "window",
                      (int)cell->window, "load_percent", (int)cell->load_percent, "p99_limit_us",
                      (int)cell->p99_limit_us, "messages", (int)cell->messages, "warmup_ms",
                      (int)cell->warmup_ms, "duration_ms", (int)cell->duration_ms, "blocks_planned",
                      (int)cell->blocks, "blocks_run", (int)account->blocks_run, "blocks_excluded",
                      (int)account->blocks_excluded, "void", account->voided, "excluded", excluded,
                      "latency", latencies_json(&report->data, i)));
    }
    return list;
}

/* One object for each load, so that what stands together was offered the same. */
static json_t *latencies_json(const struct oc_verify_data *data, uint32_t cell)
{
    json_t *list = json_array();

    for (uint32_t load = 0; load < OC_VERIFY_LOADS_MAX; load++) {
        const struct oc_verify_latencies *at = &data->latencies[cell * OC_VERIFY_LOADS_MAX + load];
        json_t *stacks;

        if (!at->used) {
            continue;
        }
        stacks = json_object();
        for (uint32_t stack = 0; stack < OC_VERIFY_STACK_COUNT; stack++) {
            if (at->of[stack] != NULL) {
                (void)json_object_set_new(stacks, oc_verify_stack_name(stack),
                                          oc_verify__histogram_to_json(at->of[stack]));
            }
        }
        (void)json_array_append_new(
            list, json_pack("{s:f, s:o}", "offered_rate", at->offered_rate, "stacks", stacks));
    }
    return list;
}

static json_t *runs_json(const struct oc_verify_report *report)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < report->data.run_count; i++) {
        const struct oc_verify_run *run = &report->data.runs[i];
        (void)json_array_append_new(list,
                                    oc_verify__run_to_json(&report->data.cells[run->cell], run));
    }
    return list;
}

static json_t *gates_json(const struct oc_verify_report *report)
{
    json_t *object = json_object();

    for (uint32_t pair = 0; pair < OC_VERIFY_PAIR_COUNT; pair++) {
        const struct oc_gate *gate = &report->judgement.gates[pair];
        json_t *criteria = json_array();
        if ((report->pairs >> pair & 1U) == 0) {
            json_decref(criteria);
            continue;
        }
        for (uint32_t i = 0; i < OC_GATE_CRITERIA; i++) {
            (void)json_array_append_new(criteria, criterion_json(report, &gate->criteria[i]));
        }
        (void)json_object_set_new(
            object, oc_pairs_name(pair),
            json_pack("{s:s, s:i, s:i, s:i, s:i, s:o}", "result", oc_gate_result_text(gate->result),
                      "met", (int)gate->met, "not_met", (int)gate->not_met, "undecided",
                      (int)gate->undecided, "needed", (int)gate->needed, "criteria", criteria));
    }
    return object;
}

static json_t *criterion_json(const struct oc_verify_report *report,
                              const struct oc_criterion *criterion)
{
    json_t *readings = json_array();

    for (uint32_t i = 0; i < criterion->reading_count; i++) {
        const struct oc_gate_reading *reading = &criterion->readings[i];
        (void)json_array_append_new(
            readings,
            json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:o, s:o, s:o}", "cell",
                      report->data.cells[reading->cell].name, "metric",
                      oc_verify_metric_name(reading->metric), "current",
                      oc_verify_stack_name(reading->current), "state",
                      oc_criterion_state_text(reading->state), "why",
                      oc_undecided_text(reading->why), "look",
                      reading->look == OC_LOOKS_NONE ? -1 : (int)reading->look, "look_count",
                      (int)reading->look_count, "gain", interval_json(&reading->gain), "threshold",
                      number(reading->threshold), "resolution", number(reading->resolution.bound)));
    }
    return json_pack("{s:s, s:s, s:o, s:i, s:o}", "state",
                     oc_criterion_state_text(criterion->state), "why",
                     oc_undecided_text(criterion->why), "threshold", number(criterion->threshold),
                     "headline", (int)criterion->headline, "readings", readings);
}

static json_t *comparisons_json(const struct oc_verify_report *report)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < report->judgement.comparison_count; i++) {
        const struct oc_comparison *it = &report->judgement.comparisons[i];
        (void)json_array_append_new(
            list,
            json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o,"
                      " s:s, s:s}",
                      "pair", oc_pairs_name(it->pair), "cell", report->data.cells[it->cell].name,
                      "metric", oc_verify_metric_name(it->metric), "current",
                      oc_verify_stack_name(it->current), "candidate",
                      oc_verify_stack_name(it->candidate), "pairs", (int)it->pair_count,
                      "current_median", number(it->current_median), "candidate_median",
                      number(it->candidate_median), "log_ratio", interval_json(&it->ratio),
                      "p_paired", number(it->p_paired), "p_unpaired", number(it->p_unpaired),
                      "p_holm", number(it->p_holm), "resolution", number(it->resolution.bound),
                      "resolution_borrowed", it->resolution.borrowed, "resolution_of",
                      isfinite(it->resolution.bound)
                          ? json_string(report->data.cells[it->resolution.lender].name)
                          : json_null(),
                      "verdict", oc_verdict_text(it->verdict), "why", oc_undecided_text(it->why)));
    }
    return list;
}

static json_t *recommendations_json(const struct oc_verify_report *report)
{
    json_t *list = json_array();

    for (uint32_t mode = 0; mode < OC_MODE_COUNT; mode++) {
        for (uint32_t waiting = 0; waiting < OC_WAITING_COUNT; waiting++) {
            const struct oc_recommendation *it = &report->judgement.recommendations[mode][waiting];
            json_t *parts = json_array();
            for (uint32_t i = 0; i < it->cell_count; i++) {
                (void)json_array_append_new(parts,
                                            json_pack("{s:s, s:o, s:o}", "cell",
                                                      report->data.cells[it->parts[i].cell].name,
                                                      "epoll_median", number(it->parts[i].epoll),
                                                      "log_cost", number(it->parts[i].cost)));
            }
            (void)json_array_append_new(
                list,
                json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:i, s:s, s:s, s:o}", "mode",
                          oc_mode_text(mode), "waiting", oc_waiting_text(waiting), "advice",
                          oc_advice_text(it->advice), "sentence", it->sentence, "log_cost",
                          interval_json(&it->cost), "resolution", number(it->bound), "log_tail",
                          interval_json(&it->tail), "tail_resolution", number(it->tail_bound),
                          "cells", (int)it->cell_count, "why", oc_undecided_text(it->why), "metric",
                          oc_verify_metric_name(it->metric), "parts", parts));
        }
    }
    return list;
}

static json_t *attributions_json(const struct oc_verify_report *report)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < report->judgement.attribution_count; i++) {
        const struct oc_attribution *it = &report->judgement.attributions[i];
        (void)json_array_append_new(
            list,
            json_pack("{s:s, s:s, s:s, s:b, s:o, s:o, s:o, s:o}", "cell",
                      report->data.cells[it->cell].name, "metric",
                      oc_verify_metric_name(it->metric), "tokio", oc_verify_stack_name(it->tokio),
                      "meaningful", it->meaningful, "total", interval_json(&it->total), "rewrite",
                      interval_json(&it->rewrite), "io_uring", interval_json(&it->io_uring),
                      "share_of_rewrite", interval_json(&it->share)));
    }
    return list;
}

static json_t *ceilings_json(const struct oc_verify_report *report)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < report->judgement.ceiling_count; i++) {
        const struct oc_ceiling *it = &report->judgement.ceilings[i];
        (void)json_array_append_new(
            list, json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "cell",
                            report->data.cells[it->cell].name, "metric",
                            oc_verify_metric_name(it->metric), "call_ns", number(it->call_ns),
                            "calls_epoll", number(it->calls_epoll), "calls_io_uring",
                            number(it->calls_io_uring), "request_ns", number(it->request_ns),
                            "share", number(it->share)));
    }
    return list;
}

static json_t *claims_json(const struct oc_verify_report *report)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < report->judgement.claim_count; i++) {
        const struct oc_claim_finding *it = &report->judgement.claims[i];
        char asked[OC_VERIFY__WORDS_BYTES];
        json_t *cells = json_array();
        for (uint32_t k = 0; k < it->cells_shown; k++) {
            (void)json_array_append_new(cells, json_string(report->data.cells[it->cells[k]].name));
        }
        (void)json_array_append_new(
            list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:s, s:o}", "pair",
                            oc_pairs_name(it->pair), "claim", it->claim->text, "measured_as",
                            it->claim->measured_as, "verdict", oc_claim_verdict_text(it->verdict),
                            "why", oc_undecided_text(it->why), "value", interval_json(&it->value),
                            "resolution", number(it->bound), "asked",
                            oc_verify__words_claim(it->claim, asked), "cells", cells));
    }
    return list;
}

static json_t *interval_json(const struct oc_interval *interval)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:i}", "estimate", number(interval->estimate), "low",
                     number(interval->low), "high", number(interval->high), "level",
                     number(interval->level), "count", (int)interval->count);
}

/* JSON is UTF-8 and jansson refuses what is not, but a command line or /sys may hold any bytes. */
static json_t *outside_text(const char *text)
{
    char mended[OUTSIDE_BYTES];

    (void)snprintf(mended, sizeof(mended), "%s", text);
    oc_verify__page_mend(mended);
    return json_string(mended);
}

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}
