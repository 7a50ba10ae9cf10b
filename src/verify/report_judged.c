/*
 * The judgement as sections. Nothing is decided here.
 */
#include "verify/report_judged.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "verify/cells.h"
#include "verify/report_words.h"
#include "verify/stacks.h"

static void put_scope(struct oc_verify__page *page);
static void put_parts(struct oc_verify__page *page, const struct oc_verify_report *report);
static void put_comparison(struct oc_verify__page *page, const struct oc_verify_report *report,
                           const struct oc_comparison *comparison);
static void put_legend(struct oc_verify__page *page);
static enum oc_verify__page_kind state_kind(enum oc_criterion_state state);
static void put_gate(struct oc_verify__page *page, const struct oc_verify_report *report,
                     enum oc_verify_pair pair);
static void put_criterion(struct oc_verify__page *page, const struct oc_verify_report *report,
                          const struct oc_gate *gate, uint32_t index);
static bool is_shown(const struct oc_verify_report *report, const struct oc_comparison *comparison);
static bool counts(const struct oc_verify_report *report, uint32_t cell);
static void put_attributions(struct oc_verify__page *page, const struct oc_verify_report *report);
static void put_ceilings(struct oc_verify__page *page, const struct oc_verify_report *report);
static void put_split(struct oc_verify__page *page, const struct oc_verify_report *report);
static bool put_split_of(struct oc_verify__page *page, const struct oc_verify_report *report,
                         enum oc_verify_stack stack);
static void put_undecided_stacks(struct oc_verify__page *page,
                                 const struct oc_verify_report *report);
static void put_undecided_gates(struct oc_verify__page *page,
                                const struct oc_verify_report *report);
static void put_undecided_modes(struct oc_verify__page *page,
                                const struct oc_verify_report *report);
static void put_undecided_ratios(struct oc_verify__page *page,
                                 const struct oc_verify_report *report);
static void append(char text[OC_VERIFY__SENTENCE_BYTES], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void oc_verify__judged_decision(struct oc_verify__page *page, const struct oc_verify_report *report)
{
    char sentence[OC_VERIFY__SENTENCE_BYTES];

    oc_verify__page_heading(page, 2, "Decision");
    /* On a terminal the decision itself comes last. */
    if (page->format == OC_VERIFY__PAGE_TEXT) {
        put_scope(page);
    }
    for (uint32_t pair = 0; pair < OC_VERIFY_PAIR_COUNT; pair++) {
        if (oc_verify__words_asked(report, pair)) {
            oc_verify__page_item(page, "%s", oc_verify__words_decision(report, pair, sentence));
        }
    }
    if (page->format != OC_VERIFY__PAGE_TEXT) {
        put_scope(page);
    }
}

void oc_verify__judged_gates(struct oc_verify__page *page, const struct oc_verify_report *report)
{
    bool any = false;

    for (uint32_t pair = 0; pair < OC_VERIFY_PAIR_COUNT; pair++) {
        if (!oc_verify__words_asked(report, pair) ||
            report->judgement.gates[pair].result == OC_GATE_NOT_MEASURED) {
            continue;
        }
        if (!any) {
            oc_verify__page_heading(page, 2, "Decision gate");
            any = true;
        }
        put_gate(page, report, pair);
    }
    if (any) {
        put_legend(page);
    }
}

void oc_verify__judged_recommendation(struct oc_verify__page *page,
                                      const struct oc_verify_report *report)
{
    static const struct oc_verify__page_column COLUMNS[] = {{"mode", false, false},
                                                            {"recommended", false, false},
                                                            {"cost of io_uring", true, false},
                                                            {"A/A", true, false},
                                                            {"cells", true, false}};
    char text[OC_VERIFY__WORDS_BYTES];
    bool any = false;

    oc_verify__page_heading(page, 2, "Recommendation for %s: io_uring or epoll",
                            oc_verify__words_apart(report) ? "these hosts" : "this host");
    for (uint32_t mode = 0; mode < OC_MODE_COUNT; mode++) {
        for (uint32_t waiting = 0; waiting < OC_WAITING_COUNT; waiting++) {
            const struct oc_recommendation *it = &report->judgement.recommendations[mode][waiting];
            const bool open = it->advice == OC_ADVICE_UNDECIDED;
            if (it->advice == OC_ADVICE_NOT_MEASURED) {
                continue;
            }
            if (!any) {
                oc_verify__page_table(
                    page,
                    "Cost of io_uring: CPU time per request against epoll (under busy-poll the "
                    "time per request at full rate), below 0 is cheaper, with interval: the mean "
                    "over the mode's cells, each by the median of its paired log ratios",
                    COLUMNS, sizeof(COLUMNS) / sizeof(COLUMNS[0]));
                any = true;
            }
            oc_verify__page_cell(page, "%s, %s", oc_mode_text(mode), oc_waiting_text(waiting));
            oc_verify__page_cell_of(page, open ? OC_VERIFY__PAGE_OPEN : OC_VERIFY__PAGE_GOOD,
                                    "%s%s%s", oc_advice_text(it->advice), open ? ": " : "",
                                    open ? oc_verify__words_why(it->why) : "");
            oc_verify__page_cell(page, "%s", oc_verify__words_changes(&it->cost, text));
            oc_verify__page_cell(page, "%s", oc_verify__words_bound(it->bound, text));
            oc_verify__page_cell(page, "%" PRIu32, it->cell_count);
        }
    }
    if (!any) {
        oc_verify__page_paragraph(page, "Not measured: no cell has both epoll and io_uring.");
        return;
    }
    oc_verify__page_table_end(page);
    for (uint32_t mode = 0; mode < OC_MODE_COUNT; mode++) {
        for (uint32_t waiting = 0; waiting < OC_WAITING_COUNT; waiting++) {
            const struct oc_recommendation *it = &report->judgement.recommendations[mode][waiting];
            if (it->sentence[0] != '\0') {
                oc_verify__page_item(page, "%s, %s: %s", oc_mode_text(mode),
                                     oc_waiting_text(waiting), it->sentence);
            }
        }
    }
    put_parts(page, report);
}

void oc_verify__judged_ratios(struct oc_verify__page *page, const struct oc_verify_report *report)
{
    static const struct oc_verify__page_column COLUMNS[] = {
        {"cell", false, false},   {"metric", false, false},
        {"medians", true, true},  {"ratio (interval)", true, false},
        {"pairs", true, true},    {"A/A", true, false},
        {"p (Holm)", true, true}, {"verdict", false, false},
    };
    const struct oc_judgement *judgement = &report->judgement;

    oc_verify__page_heading(page, 2, "Ratios");
    for (uint32_t pair = 0; pair < OC_VERIFY_PAIR_COUNT; pair++) {
        bool any = false;
        for (uint32_t i = 0; i < judgement->comparison_count; i++) {
            const struct oc_comparison *it = &judgement->comparisons[i];
            char caption[128];
            if (it->pair != pair || !is_shown(report, it)) {
                continue;
            }
            if (!any) {
                (void)snprintf(caption, sizeof(caption),
                               "%s: candidate / current, each cell's main figure and CPU time",
                               oc_pairs_name(pair));
                oc_verify__page_table(page, caption, COLUMNS, sizeof(COLUMNS) / sizeof(COLUMNS[0]));
                any = true;
            }
            put_comparison(page, report, it);
        }
        if (any) {
            oc_verify__page_table_end(page);
        }
    }
    oc_verify__page_paragraph(
        page,
        "A/A is what the instrument shows between two runs of the same program: with x 1.25 no "
        "ratio from 1 / 1.25 = 0.8 to 1.25 is claimed as a difference; b: borrowed from other "
        "cells. Medians are of paired runs; the "
        "ratio is the median of their paired ratios, not the ratio of the two medians. Cells that "
        "measure a capacity for the open loop are not compared. Better "
        "or worse is said only if, besides, the p of a paired rank test is below 0.05 after "
        "Holm's correction for all ratios of the same pair and scenario: where nothing "
        "differs, at most 5 %% of such scenarios have a single one called so. The p of k "
        "pairs among n ratios is at least n / 2^(k-1), for the clearest of them. Intervals, "
        "and equal, are each by themselves. "
        "(tokio-current): against Tokio's current-thread runtime, where that is the better one.");
}

void oc_verify__judged_attribution(struct oc_verify__page *page,
                                   const struct oc_verify_report *report)
{
    oc_verify__page_heading(page, 2, "Attribution and ceiling");
    put_attributions(page, report);
    put_ceilings(page, report);
    put_split(page, report);
}

void oc_verify__judged_undecided(struct oc_verify__page *page,
                                 const struct oc_verify_report *report)
{
    oc_verify__page_heading(page, 2, "What could not be decided, and why");
    if (report->stopped) {
        oc_verify__page_item(page, "It was stopped before the plan was done: what is missing is "
                                   "undecided.");
    }
    if (report->timed_out) {
        oc_verify__page_item(page, "The time was up before the plan was done: the rest is "
                                   "undecided.");
    }
    if (!report->full) {
        oc_verify__page_item(
            page, "This was --quick: 6 to 8 short runs of each stack, one look. It finds "
                  "differences well beyond the noise. It cannot decide criteria near their "
                  "thresholds, tails beyond p99, other sizes, placements and connection counts, "
                  "nor what lies below the resolution shown. --full can (up to two hours).");
    }
    if (report->altered_delay_ns > 0) {
        oc_verify__page_item(page,
                             "The stack \"altered\" was slowed down by %" PRIu64
                             " ns a request on purpose: it is no A/A run.",
                             report->altered_delay_ns);
    }
    put_undecided_stacks(page, report);
    put_undecided_gates(page, report);
    put_undecided_modes(page, report);
    put_undecided_ratios(page, report);
    if (report->two_hosts) {
        oc_verify__page_item(page,
                             "No same-core cells: the servers are an agent's. Cross-core cells%s "
                             "stand in their place.",
                             oc_verify__words_apart(report) ? ", a host each," : "");
    }
    if (oc_verify__words_apart(report)) {
        oc_verify__page_item(page, "Everything here is of these two hosts and the network between "
                                   "them; others are another measurement.");
        return;
    }
    oc_verify__page_item(page, "Everything here is of this host over loopback, without a network "
                               "card; another host is another measurement.");
}

/* What a decision is about, lest it be held against the recommendation. */
static void put_scope(struct oc_verify__page *page)
{
    oc_verify__page_paragraph(
        page,
        "The gate asks whether a move is worth its trouble, by four large thresholds, three of "
        "them on bare echoes; the recommendation asks which backend costs less in a mode, so that "
        "\"stay\" here and \"io_uring\" there do not contradict each other. The whole program is "
        "in the request-response cells; how to read all this: docs/verify.md.");
}

static void put_comparison(struct oc_verify__page *page, const struct oc_verify_report *report,
                           const struct oc_comparison *comparison)
{
    const struct oc_comparison *it = comparison;
    char text[3][OC_VERIFY__WORDS_BYTES];

    oc_verify__page_cell(page, "%s", report->data.cells[it->cell].name);
    oc_verify__page_cell(page, "%s%s", oc_verify__words_metric(it->metric),
                         it->current == OC_VERIFY_STACK_TOKIO_CURRENT ? " (tokio-current)" : "");
    if (it->why == OC_UNDECIDED_VOIDED) {
        oc_verify__page_cell(page, "-");
        oc_verify__page_cell(page, "void");
    } else {
        oc_verify__page_cell(
            page, "%s",
            oc_verify__words_values(it->metric, it->current_median, it->candidate_median, text[0]));
        oc_verify__page_cell(page, "%s", oc_verify__words_ratio(&it->ratio, text[1]));
    }
    oc_verify__page_cell(page, "%" PRIu32, it->pair_count);
    oc_verify__page_cell(page, "%s%s", oc_verify__words_bound_ratio(it->resolution.bound, text[2]),
                         it->resolution.borrowed ? " b" : "");
    if (!isfinite(it->p_holm)) {
        oc_verify__page_cell(page, "-");
    } else if (it->p_holm < 0.001) {
        oc_verify__page_cell(page, "<0.001");
    } else {
        oc_verify__page_cell(page, "%.3f", it->p_holm);
    }
    oc_verify__page_cell_of(page,
                            it->verdict == OC_VERDICT_BETTER  ? OC_VERIFY__PAGE_GOOD
                            : it->verdict == OC_VERDICT_WORSE ? OC_VERIFY__PAGE_BAD
                            : it->verdict == OC_VERDICT_EQUAL ? OC_VERIFY__PAGE_PLAIN
                                                              : OC_VERIFY__PAGE_OPEN,
                            "%s", oc_verify__words_verdict(it, text[0]));
}

/* What the few words of the tables stand for. */
static void put_legend(struct oc_verify__page *page)
{
    static const enum oc_undecided WORDS[] = {OC_UNDECIDED_STRADDLES, OC_UNDECIDED_UNRESOLVED,
                                              OC_UNDECIDED_TOO_FEW, OC_UNDECIDED_VOIDED,
                                              OC_UNDECIDED_CHANCE};
    char text[OC_VERIFY__SENTENCE_BYTES] = "";

    for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++) {
        append(text, "%s\"%s\": %s", i > 0 ? "; " : "", oc_verify__words_why(WORDS[i]),
               oc_undecided_text(WORDS[i]));
    }
    oc_verify__page_paragraph(page,
                              "A criterion is met only if the whole interval is beyond what is "
                              "asked, not met if it is wholly short of it, else undecided. Why, in "
                              "the words of the tables: %s.",
                              text);
}

/* One percentage for each cell, never two medians beside it that might say the opposite. */
static void put_parts(struct oc_verify__page *page, const struct oc_verify_report *report)
{
    static const struct oc_verify__page_column COLUMNS[] = {{"mode", false, false},
                                                            {"cell", false, false},
                                                            {"figure", false, false},
                                                            {"epoll", true, false},
                                                            {"cost of io_uring", true, false}};
    char text[OC_VERIFY__WORDS_BYTES];

    oc_verify__page_table(page,
                          "The cells behind the recommendation: epoll's median, and the median of "
                          "the paired ratios, which is not the ratio of two medians and may have "
                          "another sign",
                          COLUMNS, sizeof(COLUMNS) / sizeof(COLUMNS[0]));
    for (uint32_t mode = 0; mode < OC_MODE_COUNT; mode++) {
        for (uint32_t waiting = 0; waiting < OC_WAITING_COUNT; waiting++) {
            const struct oc_recommendation *it = &report->judgement.recommendations[mode][waiting];
            for (uint32_t i = 0; i < it->cell_count; i++) {
                oc_verify__page_cell(page, "%s, %s", oc_mode_text(mode), oc_waiting_text(waiting));
                oc_verify__page_cell(page, "%s", report->data.cells[it->parts[i].cell].name);
                oc_verify__page_cell(page, "%s", oc_verify__words_metric(it->metric));
                oc_verify__page_cell(page, "%s",
                                     oc_verify__words_value(it->metric, it->parts[i].epoll, text));
                oc_verify__page_cell(page, "%s", oc_verify__words_change(it->parts[i].cost, text));
            }
        }
    }
    oc_verify__page_table_end(page);
}

static enum oc_verify__page_kind state_kind(enum oc_criterion_state state)
{
    return state == OC_CRITERION_MET       ? OC_VERIFY__PAGE_GOOD
           : state == OC_CRITERION_NOT_MET ? OC_VERIFY__PAGE_BAD
                                           : OC_VERIFY__PAGE_OPEN;
}

static void put_gate(struct oc_verify__page *page, const struct oc_verify_report *report,
                     enum oc_verify_pair pair)
{
    static const struct oc_verify__page_column COLUMNS[] = {
        {"criterion", false, false}, {"asked", true, false}, {"change (interval)", true, false},
        {"A/A", true, false},        {"look", true, true},   {"cell", false, true},
        {"state", false, false},
    };
    const struct oc_gate *gate = &report->judgement.gates[pair];
    char caption[128];

    (void)snprintf(caption, sizeof(caption),
                   "%s: the gate's criteria, fixed before the data; %" PRIu32 " must be met",
                   oc_pairs_name(pair), gate->needed);
    oc_verify__page_table(page, caption, COLUMNS, sizeof(COLUMNS) / sizeof(COLUMNS[0]));
    for (uint32_t i = 0; i < OC_GATE_CRITERIA; i++) {
        put_criterion(page, report, gate, i);
    }
    oc_verify__page_table_end(page);
}

static void put_criterion(struct oc_verify__page *page, const struct oc_verify_report *report,
                          const struct oc_gate *gate, uint32_t index)
{
    const struct oc_criterion *criterion = &gate->criteria[index];
    const struct oc_gate_reading *reading = &criterion->readings[criterion->headline];
    const bool fall = index == 0 || index == 2;
    char text[2][OC_VERIFY__WORDS_BYTES];

    oc_verify__page_cell(page, "%s", oc_verify__words_criterion(index));
    oc_verify__page_cell(page, "beyond %s%g %%", fall ? "-" : "+", 100.0 * criterion->threshold);
    if (criterion->reading_count == 0) {
        oc_verify__page_cell(page, "not measured");
        oc_verify__page_cell(page, "-");
        oc_verify__page_cell(page, "-");
    } else {
        oc_verify__page_cell(page, "%s",
                             criterion->why == OC_UNDECIDED_VOIDED
                                 ? "void"
                                 : oc_verify__words_reading(reading, text[0]));
        oc_verify__page_cell(page, "%s",
                             oc_verify__words_bound(reading->resolution.bound, text[1]));
        if (reading->look == OC_LOOKS_NONE) {
            oc_verify__page_cell(page, "none of %" PRIu32, reading->look_count);
        } else {
            oc_verify__page_cell(page, "%" PRIu32 " of %" PRIu32, reading->look + 1,
                                 reading->look_count);
        }
    }
    if (criterion->reading_count == 0) {
        oc_verify__page_cell(page, "-");
    } else {
        oc_verify__page_cell(page, "%s, %s, against %s", report->data.cells[reading->cell].name,
                             oc_verify__words_metric(reading->metric),
                             oc_verify_stack_name(reading->current));
    }
    oc_verify__page_cell_of(
        page, state_kind(criterion->state), "%s%s%s", oc_criterion_state_text(criterion->state),
        criterion->why == OC_UNDECIDED_DECIDED ? "" : ": ", oc_verify__words_why(criterion->why));
}

static bool is_shown(const struct oc_verify_report *report, const struct oc_comparison *comparison)
{
    return oc_judgement_is_judged(&report->data.cells[comparison->cell], comparison->metric);
}

/* A void cell counts for nothing, and one that measures a capacity offers no equal load. */
static bool counts(const struct oc_verify_report *report, uint32_t cell)
{
    return !report->judgement.accounts[cell].voided &&
           !oc_pairs_is_capacity(&report->data.cells[cell]);
}

static void put_attributions(struct oc_verify__page *page, const struct oc_verify_report *report)
{
    static const struct oc_verify__page_column COLUMNS[] = {
        {"cell", false, false},    {"metric", false, false},
        {"in all", true, true},    {"the rewrite", true, false},
        {"io_uring", true, false}, {"share of the rewrite", true, false},
    };
    const struct oc_judgement *judgement = &report->judgement;
    char text[3][OC_VERIFY__WORDS_BYTES];
    bool any = false;

    for (uint32_t i = 0; i < judgement->attribution_count; i++) {
        const struct oc_attribution *it = &judgement->attributions[i];
        if (it->metric != oc_pairs_primary(&report->data.cells[it->cell]) || !it->meaningful ||
            !counts(report, it->cell)) {
            continue;
        }
        if (!any) {
            oc_verify__page_table(page,
                                  "Attribution: of the way from tokio to io_uring, what is the "
                                  "rewrite (tokio to epoll), what is io_uring (epoll to io_uring)",
                                  COLUMNS, sizeof(COLUMNS) / sizeof(COLUMNS[0]));
            any = true;
        }
        oc_verify__page_cell(page, "%s", report->data.cells[it->cell].name);
        oc_verify__page_cell(page, "%s", oc_verify__words_metric(it->metric));
        oc_verify__page_cell(page, "%s", oc_verify__words_changes(&it->total, text[0]));
        oc_verify__page_cell(page, "%s", oc_verify__words_changes(&it->rewrite, text[1]));
        oc_verify__page_cell(page, "%s", oc_verify__words_changes(&it->io_uring, text[2]));
        if (!isfinite(it->share.estimate)) {
            oc_verify__page_cell(page, "-");
        } else if (!isfinite(it->share.low) || !isfinite(it->share.high)) {
            oc_verify__page_cell(page, "%.0f %% (no interval)", 100.0 * it->share.estimate);
        } else {
            oc_verify__page_cell(page, "%.0f %% (%.0f to %.0f)", 100.0 * it->share.estimate,
                                 100.0 * it->share.low, 100.0 * it->share.high);
        }
    }
    if (any) {
        oc_verify__page_table_end(page);
    } else {
        oc_verify__page_paragraph(page, "Attribution: not measured: no cell shows a difference "
                                        "from tokio to io_uring that could be shared out.");
    }
}

static void put_ceilings(struct oc_verify__page *page, const struct oc_verify_report *report)
{
    static const struct oc_verify__page_column COLUMNS[] = {
        {"cell", false, false},        {"metric", false, false},
        {"calls, epoll", true, false}, {"calls, io_uring", true, false},
        {"a bare call", true, true},   {"request, epoll", true, true},
        {"ceiling", true, false},
    };
    const struct oc_judgement *judgement = &report->judgement;
    char text[OC_VERIFY__WORDS_BYTES];
    uint32_t count = 0;

    for (uint32_t i = 0; i < judgement->ceiling_count; i++) {
        count += counts(report, judgement->ceilings[i].cell);
    }
    if (count == 0) {
        oc_verify__page_paragraph(page, "Ceiling: not measured: no cell has counted system calls "
                                        "of epoll and of io_uring, and the price of a bare call.");
        return;
    }
    oc_verify__page_table(page,
                          "Ceiling: the system calls saved at the price of a bare one, as a share "
                          "of the request: the most that saving calls could give here",
                          COLUMNS, sizeof(COLUMNS) / sizeof(COLUMNS[0]));
    for (uint32_t i = 0; i < judgement->ceiling_count; i++) {
        const struct oc_ceiling *it = &judgement->ceilings[i];
        if (!counts(report, it->cell)) {
            continue;
        }
        oc_verify__page_cell(page, "%s", report->data.cells[it->cell].name);
        oc_verify__page_cell(page, "%s", oc_verify__words_metric(it->metric));
        oc_verify__page_cell(page, "%.2f", it->calls_epoll);
        oc_verify__page_cell(page, "%.2f", it->calls_io_uring);
        oc_verify__page_cell(page, "%.0f ns", it->call_ns);
        oc_verify__page_cell(page, "%s", oc_verify__words_value(it->metric, it->request_ns, text));
        oc_verify__page_cell(page, "%.1f %%", 100.0 * it->share);
    }
    oc_verify__page_table_end(page);
}

/* Server CPU of an order less that of an echo of one connection is what lies above the network. */
static void put_split(struct oc_verify__page *page, const struct oc_verify_report *report)
{
    const bool epoll = put_split_of(page, report, OC_VERIFY_STACK_EPOLL);
    const bool io_uring = put_split_of(page, report, OC_VERIFY_STACK_IO_URING);

    if ((epoll || io_uring) && !isnan(report->split.apply_ns)) {
        oc_verify__page_paragraph(
            page,
            "Network and the whole are medians of runs. Codec (the request read, the reply "
            "written) and matching (the engine's work for an order, %.0f ns) are timed in loops "
            "within one process, with warm caches: the least that they take. What a server that "
            "was just woken pays on top is in the rest, with the gateway.",
            report->split.apply_ns);
    }
}

/* False if it was not measured. */
static bool put_split_of(struct oc_verify__page *page, const struct oc_verify_report *report,
                         enum oc_verify_stack stack)
{
    const double codec_ns = report->split.decode_ns + report->split.encode_ns;
    const double apply_ns = report->split.apply_ns;
    const enum oc_verify_placement placement = report->two_hosts ? OC_VERIFY_CROSS_CORE
                                                                 : OC_VERIFY_SAME_CORE;
    double echo_ns = NAN;
    double order_ns = NAN;
    char matching[64] = "gateway and matching";
    double rest_ns;

    for (uint32_t cell = 0; cell < report->data.cell_count; cell++) {
        const struct oc_verify_cell *it = &report->data.cells[cell];
        double server_ns;
        if (it->placement != placement || it->connections != 1 || it->window != 1 ||
            it->messages != 0) {
            continue;
        }
        server_ns = oc_verify_report_median(report, cell, stack, OC_VERIFY_METRIC_SERVER_CPU);
        if (it->scenario == OC_VERIFY_SCENARIO_PING_PONG && it->size == 100) {
            echo_ns = server_ns;
        } else if (it->scenario == OC_VERIFY_SCENARIO_REQUEST_RESPONSE) {
            order_ns = server_ns;
        }
    }
    if (isnan(echo_ns) || isnan(order_ns) || isnan(codec_ns)) {
        return false;
    }
    rest_ns = order_ns - echo_ns - codec_ns;
    if (!isnan(apply_ns)) {
        (void)snprintf(matching, sizeof(matching), "matching %.2f us, gateway and the rest",
                       apply_ns / 1e3);
        rest_ns -= apply_ns;
    }
    oc_verify__page_paragraph(
        page,
        "An order on %s takes %.2f us of server CPU: network %.2f us (an echo of 100 bytes), "
        "codec %.2f us, %s %.2f us.",
        oc_verify_stack_name(stack), order_ns / 1e3, echo_ns / 1e3, codec_ns / 1e3, matching,
        rest_ns / 1e3);
    return true;
}

static void put_undecided_stacks(struct oc_verify__page *page,
                                 const struct oc_verify_report *report)
{
    for (uint32_t stack = 0; stack < OC_VERIFY_STACK_COUNT; stack++) {
        if (!report->stacks[stack].available) {
            oc_verify__page_item(page, "%s: not measured: %s", oc_verify_stack_name(stack),
                                 report->stacks[stack].why[0] != '\0' ? report->stacks[stack].why
                                                                      : "not asked for");
        }
    }
    if (report->calls_why[0] != '\0') {
        oc_verify__page_item(page, "System calls of foreign stacks: not measured: %s",
                             report->calls_why);
    }
    for (uint32_t cell = 0; cell < report->data.cell_count; cell++) {
        char text[OC_VERIFY__SENTENCE_BYTES] = "";
        const bool voided = report->judgement.accounts[cell].voided;
        for (uint32_t stack = 0; stack < OC_VERIFY_STACK_COUNT; stack++) {
            const char *why = oc_verify__words_missing(report, cell, stack);
            if (report->stacks[stack].available && why[0] != '\0' && !voided &&
                !oc_verify__words_measured(report, cell, stack)) {
                append(text, "%s%s: %s", text[0] != '\0' ? "; " : "", oc_verify_stack_name(stack),
                       why);
            }
        }
        if (text[0] != '\0') {
            oc_verify__page_item(page, "%s: not measured: %s.", report->data.cells[cell].name,
                                 text);
        }
        if (voided) {
            char why[OC_VERIFY__WORDS_BYTES];
            oc_verify__page_item(page, "%s: %s.", report->data.cells[cell].name,
                                 oc_verify__words_void(&report->judgement.accounts[cell], why));
        }
    }
}

static void put_undecided_gates(struct oc_verify__page *page, const struct oc_verify_report *report)
{
    for (uint32_t pair = 0; pair < OC_VERIFY_PAIR_COUNT; pair++) {
        const struct oc_gate *gate = &report->judgement.gates[pair];
        char text[OC_VERIFY__SENTENCE_BYTES] = "";
        if (!oc_verify__words_asked(report, pair) || gate->result == OC_GATE_NOT_MEASURED) {
            continue;
        }
        for (uint32_t i = 0; i < OC_GATE_CRITERIA; i++) {
            if (gate->criteria[i].state == OC_CRITERION_UNDECIDED) {
                append(text, "%s%s: %s", text[0] != '\0' ? "; " : "", oc_verify__words_criterion(i),
                       oc_undecided_text(gate->criteria[i].why));
            }
        }
        if (text[0] != '\0') {
            oc_verify__page_item(page, "Criteria of %s: %s.", oc_pairs_name(pair), text);
        }
    }
}

static void put_undecided_modes(struct oc_verify__page *page, const struct oc_verify_report *report)
{
    char open[OC_VERIFY__SENTENCE_BYTES] = "";
    char missing[OC_VERIFY__SENTENCE_BYTES] = "";

    for (uint32_t mode = 0; mode < OC_MODE_COUNT; mode++) {
        for (uint32_t waiting = 0; waiting < OC_WAITING_COUNT; waiting++) {
            const struct oc_recommendation *it = &report->judgement.recommendations[mode][waiting];
            if (it->advice == OC_ADVICE_UNDECIDED) {
                append(open, "%s%s, %s: %s", open[0] != '\0' ? "; " : "", oc_mode_text(mode),
                       oc_waiting_text(waiting), oc_undecided_text(it->why));
            } else if (it->advice == OC_ADVICE_NOT_MEASURED) {
                append(missing, "%s%s (%s)", missing[0] != '\0' ? "; " : "", oc_mode_text(mode),
                       oc_waiting_text(waiting));
            }
        }
    }
    if (open[0] != '\0') {
        oc_verify__page_item(page, "Recommendation: %s.", open);
    }
    if (missing[0] != '\0') {
        oc_verify__page_item(page, "Recommendation: not measured: %s.", missing);
    }
}

/* What does not fit is cut: the same stands in the tables. */
static void append(char text[OC_VERIFY__SENTENCE_BYTES], const char *format, ...)
{
    size_t used = strlen(text);
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text + used, OC_VERIFY__SENTENCE_BYTES - used, format, arguments);
    va_end(arguments);
}

static void put_undecided_ratios(struct oc_verify__page *page,
                                 const struct oc_verify_report *report)
{
    for (uint32_t pair = 0; pair < OC_VERIFY_PAIR_COUNT; pair++) {
        uint32_t all = 0;
        uint32_t open = 0;
        for (uint32_t i = 0; i < report->judgement.comparison_count; i++) {
            const struct oc_comparison *it = &report->judgement.comparisons[i];
            if (it->pair == pair && is_shown(report, it)) {
                all++;
                open += it->verdict == OC_VERDICT_UNDECIDED;
            }
        }
        if (open > 0 && pair != OC_VERIFY_PAIR_EPOLL_ALTERED) {
            oc_verify__page_item(page,
                                 "%s: %" PRIu32 " of the %" PRIu32
                                 " ratios shown are undecided; their reasons stand with them.",
                                 oc_pairs_name(pair), open, all);
        }
    }
}
