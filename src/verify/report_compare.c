/*
 * The comparison of two sets: differences of the hosts, decisions, medians, ratios.
 */
#include "verify/report_compare.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "verify/report_html.h"
#include "verify/report_page.h"
#include "verify/report_set.h"
#include "verify/report_words.h"
#include "verify/stacks.h"
#include "verify/statistics.h"

#define LEVEL      0.95
#define BUSY_SHARE 0.05
#define RESAMPLES  2000U
#define ONLY_MAX   256U
#define SEED       1U

struct sets {
    struct oc_verify__set of[2];
};

static int write_html(const void *context, FILE *out);
static int write_markdown(const void *context, FILE *out);
static void put_all(struct oc_verify__page *page, const struct sets *sets);
static void put_heads(struct oc_verify__page *page, const struct sets *sets);
static void put_common(struct oc_verify__page *page, const struct sets *sets);
static bool has_two_hosts(const struct oc_verify__set *set);
static void put_warnings(struct oc_verify__page *page, const struct sets *sets);
static bool warn_text(struct oc_verify__page *page, const struct sets *sets, const char *key,
                      const char *what);
static bool warn_parts(struct oc_verify__page *page, const struct oc_verify__set *set, char name);
static bool warn_stacks(struct oc_verify__page *page, const struct sets *sets);
static bool warn_plans(struct oc_verify__page *page, const struct sets *sets);
static void put_differences(struct oc_verify__page *page, const struct sets *sets);
static void describe(const json_t *value, char text[OC_VERIFY__SENTENCE_BYTES]);
static void put_decisions(struct oc_verify__page *page, const struct sets *sets);
static void put_recommendations(struct oc_verify__page *page, const struct sets *sets);
static void put_medians(struct oc_verify__page *page, const struct sets *sets);
static void put_median(struct oc_verify__page *page, const struct sets *sets,
                       const uint32_t cells[2], enum oc_verify_stack stack,
                       enum oc_verify_metric metric);
static void put_ratios(struct oc_verify__page *page, const struct sets *sets);
static void put_ratio(struct oc_verify__page *page, const struct oc_verify__set *set,
                      const struct oc_verify__set_ratio *ratio);
static const struct oc_verify__set_ratio *find_ratio(const struct oc_verify__set *set,
                                                     enum oc_verify_pair pair, const char *cell,
                                                     enum oc_verify_metric metric);
static bool is_shown(const struct oc_verify__set *set, const struct oc_verify__set_ratio *ratio);

int oc_verify_compare_print(const struct oc_verify_compare *compare, FILE *out, char *error,
                            size_t error_size)
{
    struct sets sets = {0};
    struct oc_verify__page page;
    int rc = 0;

    for (uint32_t i = 0; i < 2 && rc == 0; i++) {
        rc = oc_verify__set_read(&sets.of[i], compare->paths[i], error, error_size) < 0 ? -EINVAL
                                                                                        : 0;
    }
    if (rc == 0) {
        oc_verify__page_begin(&page, out, OC_VERIFY__PAGE_TEXT);
        put_all(&page, &sets);
        rc = oc_verify__page_end(&page);
        if (rc < 0) {
            (void)snprintf(error, error_size, "the comparison cannot be written");
        }
    }
    if (rc == 0 && compare->html != NULL) {
        rc = oc_verify__page_file(compare->html, write_html, &sets, error, error_size);
    }
    if (rc == 0 && compare->markdown != NULL) {
        rc = oc_verify__page_file(compare->markdown, write_markdown, &sets, error, error_size);
    }
    oc_verify__set_deinit(&sets.of[0]);
    oc_verify__set_deinit(&sets.of[1]);
    return rc;
}

static int write_html(const void *context, FILE *out)
{
    struct oc_verify__page page;

    oc_verify__html_begin(out, "Two measurements of network stacks side by side");
    oc_verify__page_begin(&page, out, OC_VERIFY__PAGE_HTML);
    put_all(&page, context);
    oc_verify__html_end(oc_verify__page_stream(&page));
    return oc_verify__page_end(&page);
}

static int write_markdown(const void *context, FILE *out)
{
    struct oc_verify__page page;

    oc_verify__page_begin(&page, out, OC_VERIFY__PAGE_MARKDOWN);
    put_all(&page, context);
    return oc_verify__page_end(&page);
}

static void put_all(struct oc_verify__page *page, const struct sets *sets)
{
    put_heads(page, sets);
    put_warnings(page, sets);
    put_differences(page, sets);
    put_decisions(page, sets);
    put_recommendations(page, sets);
    put_ratios(page, sets);
    put_medians(page, sets);
}

static void put_heads(struct oc_verify__page *page, const struct sets *sets)
{
    oc_verify__page_heading(page, 1, "Two measurements side by side");
    for (uint32_t i = 0; i < 2; i++) {
        const struct oc_verify__set *set = &sets->of[i];
        oc_verify__page_item(
            page, "%c is %s: %s, %s, %s, %s, %" PRIu32 " cells, %" PRIu32 " runs that count",
            (char)('A' + (int)i), set->path,
            has_two_hosts(set) ? "two hosts" : "one host, loopback",
            oc_verify__set_text(set, "environment", "time_begin"),
            oc_verify__set_text(set, "environment", "version"),
            json_is_true(json_object_get(set->root, "full")) ? "full" : "quick", set->cell_count,
            set->run_count);
    }
    put_common(page, sets);
}

/* What can be compared at all: cells are the same by name. */
static void put_common(struct oc_verify__page *page, const struct sets *sets)
{
    uint32_t common = 0;

    for (uint32_t i = 0; i < 2; i++) {
        const struct oc_verify__set *set = &sets->of[i];
        uint32_t only[ONLY_MAX];
        uint32_t count = 0;
        char text[OC_VERIFY__SENTENCE_BYTES];

        common = 0;
        for (uint32_t cell = 0; cell < set->cell_count; cell++) {
            if (oc_verify__set_cell(&sets->of[1 - i], set->cells[cell].name) != UINT32_MAX) {
                common++;
            } else if (count < ONLY_MAX) {
                only[count++] = cell;
            }
        }
        count = set->cell_count - common;
        oc_verify__page_item(
            page, "only in %c: %" PRIu32 " cells%s%s", (char)('A' + (int)i), count,
            count > 0 ? ": " : "",
            oc_verify__words_cells(set->cells, only, count < ONLY_MAX ? count : ONLY_MAX, text));
    }
    oc_verify__page_item(page, "in both, and compared: %" PRIu32 " cells%s", common,
                         common == 0 ? ": nothing can be compared" : "");
}

static bool has_two_hosts(const struct oc_verify__set *set)
{
    return json_is_object(json_object_get(set->root, "server_environment")) &&
           !json_is_true(json_object_get(set->root, "agent_on_this_host"));
}

/* What makes the figures mean something else, other than the host being another. */
static void put_warnings(struct oc_verify__page *page, const struct sets *sets)
{
    bool any = false;

    oc_verify__page_heading(page, 2, "Can they be compared?");
    any |= warn_text(page, sets, "version", "another version of the program");
    any |= warn_text(page, sets, "compiler", "built by another compiler");
    any |= warn_text(page, sets, "congestion_control", "another congestion control");
    if (json_is_true(json_object_get(sets->of[0].root, "full")) !=
        json_is_true(json_object_get(sets->of[1].root, "full"))) {
        oc_verify__page_item(page, "Warning: one is quick, the other full: other durations and "
                                   "counts of runs.");
        any = true;
    }
    if (has_two_hosts(&sets->of[0]) != has_two_hosts(&sets->of[1])) {
        oc_verify__page_item(page, "Warning: one is of two hosts and the network between them, the "
                                   "other of one host over loopback.");
        any = true;
    }
    for (uint32_t i = 0; i < 2; i++) {
        double busy;
        any |= warn_parts(page, &sets->of[i], (char)('A' + (int)i));
        if (json_number_value(json_object_get(sets->of[i].root, "altered_delay_ns")) > 0) {
            oc_verify__page_item(page, "Warning: in %c a stack was slowed down on purpose.",
                                 (char)('A' + (int)i));
            any = true;
        }
        busy = json_number_value(
            json_object_get(json_object_get(sets->of[i].root, "environment"), "busy_share_before"));
        if (busy > BUSY_SHARE) {
            oc_verify__page_item(page,
                                 "Warning: the machine of %c was %.0f %% busy before it "
                                 "began.",
                                 (char)('A' + (int)i), 100.0 * fmin(busy, 1.0));
            any = true;
        }
    }
    any |= warn_stacks(page, sets);
    any |= warn_plans(page, sets);
    oc_verify__page_paragraph(
        page,
        "%s Within a measurement runs are paired; between two they are not: what else "
        "changed between A and B is in every figure that sets one against the other.",
        any ? "Only with care: see the warnings."
            : "Nothing speaks against it: the same program, "
              "compiler, settings and plan.");
}

static bool warn_text(struct oc_verify__page *page, const struct sets *sets, const char *key,
                      const char *what)
{
    const char *a = oc_verify__set_text(&sets->of[0], "environment", key);
    const char *b = oc_verify__set_text(&sets->of[1], "environment", key);

    if (strcmp(a, b) == 0) {
        return false;
    }
    oc_verify__page_item(page, "Warning: %s: \"%s\" in A, \"%s\" in B.", what, a, b);
    return true;
}

/* Less than the plan, or more than one go. */
static bool warn_parts(struct oc_verify__page *page, const struct oc_verify__set *set, char name)
{
    const bool stopped = json_is_true(json_object_get(set->root, "stopped"));
    const bool timed_out = json_is_true(json_object_get(set->root, "timed_out"));
    const double resumed = json_number_value(json_object_get(set->root, "runs_resumed"));
    const json_t *parts = json_object_get(set->root, "parts");
    const size_t runs = json_array_size(json_object_get(set->root, "runs"));
    /* Reports of before there were parts: those that were judged again took up all their runs. */
    const bool in_parts = json_is_array(parts) ? json_array_size(parts) > 1
                                               : resumed > 0 && resumed < (double)runs;

    if (stopped || timed_out) {
        oc_verify__page_item(page, "Warning: %c %s, after %zu runs: a part of its plan.", name,
                             stopped ? "was STOPPED EARLY by a signal"
                                     : "ENDED EARLY, because the time was up",
                             runs);
    }
    if (in_parts) {
        oc_verify__page_item(page,
                             "Warning: %c was not measured in one go, but gone on with by "
                             "--resume.",
                             name);
    }
    return stopped || timed_out || in_parts;
}

static bool warn_stacks(struct oc_verify__page *page, const struct sets *sets)
{
    bool any = false;

    for (uint32_t stack = 0; stack < OC_VERIFY_STACK_COUNT; stack++) {
        const char *name = oc_verify_stack_name(stack);
        const char *versions[2];
        for (uint32_t i = 0; i < 2; i++) {
            versions[i] = json_string_value(json_object_get(
                json_object_get(json_object_get(sets->of[i].root, "stacks"), name), "version"));
            versions[i] = versions[i] != NULL ? versions[i] : "";
        }
        /* Ours carry the program's version, of which there is a warning already. */
        if (!oc_verify__stack_is_ours(stack) && stack != OC_VERIFY_STACK_FLOOR &&
            strcmp(versions[0], versions[1]) != 0) {
            oc_verify__page_item(page, "Warning: %s is another: \"%s\" in A, \"%s\" in B.", name,
                                 versions[0], versions[1]);
            any = true;
        }
    }
    return any;
}

/* Cells by name, but of other parameters; decisions by other thresholds. */
static bool warn_plans(struct oc_verify__page *page, const struct sets *sets)
{
    bool any = false;

    for (uint32_t i = 0; i < sets->of[0].cell_count; i++) {
        const struct oc_verify_cell *one = &sets->of[0].cells[i];
        uint32_t at = oc_verify__set_cell(&sets->of[1], one->name);
        const struct oc_verify_cell *other = at == UINT32_MAX ? NULL : &sets->of[1].cells[at];
        if (other != NULL &&
            (one->size != other->size || one->connections != other->connections ||
             one->window != other->window || one->load_percent != other->load_percent ||
             one->messages != other->messages || one->p99_limit_us != other->p99_limit_us ||
             one->duration_ms != other->duration_ms || one->warmup_ms != other->warmup_ms)) {
            oc_verify__page_item(page,
                                 "Warning: %s was measured with other parameters (%" PRIu32
                                 " ms in A, %" PRIu32 " ms in B).",
                                 one->name, one->duration_ms, other->duration_ms);
            any = true;
        }
    }
    for (uint32_t pair = 0; pair < OC_VERIFY_PAIR_COUNT; pair++) {
        const struct oc_verify__set_gate *a = &sets->of[0].gates[pair];
        const struct oc_verify__set_gate *b = &sets->of[1].gates[pair];
        bool same = a->result == NULL || b->result == NULL;
        for (uint32_t i = 0; i < OC_GATE_CRITERIA && !same; i++) {
            if (fabs(a->thresholds[i] - b->thresholds[i]) > 1e-9) {
                oc_verify__page_item(page, "Warning: %s was decided by other thresholds.",
                                     oc_pairs_name(pair));
                any = true;
                break;
            }
        }
    }
    return any;
}

static void put_differences(struct oc_verify__page *page, const struct sets *sets)
{
    static const struct oc_verify__page_column COLUMNS[] = {
        {"what", false, false}, {"set", false, false}, {"value", false, false}};
    json_t *environments[2];
    const char *key;
    json_t *value;
    char same[OC_VERIFY__SENTENCE_BYTES] = "";
    uint32_t count = 0;

    oc_verify__page_heading(page, 2, "Differences of the hosts");
    for (uint32_t i = 0; i < 2; i++) {
        environments[i] = json_object_get(sets->of[i].root, "environment");
    }
    oc_verify__page_table(page, "What differs", COLUMNS, sizeof(COLUMNS) / sizeof(COLUMNS[0]));
    json_object_foreach(environments[0], key, value)
    {
        const json_t *other = json_object_get(environments[1], key);
        char text[2][OC_VERIFY__SENTENCE_BYTES];
        if (json_equal(value, other)) {
            size_t used = strlen(same);
            (void)snprintf(same + used, sizeof(same) - used, "%s%s", used > 0 ? ", " : "", key);
            continue;
        }
        describe(value, text[0]);
        describe(other, text[1]);
        for (uint32_t i = 0; i < 2; i++) {
            oc_verify__page_cell(page, "%s", i == 0 ? key : "");
            oc_verify__page_cell(page, "%c", (char)('A' + (int)i));
            oc_verify__page_cell(page, "%s", text[i]);
        }
        count++;
    }
    if (count == 0) {
        oc_verify__page_cell(page, "nothing");
        oc_verify__page_cell(page, "-");
        oc_verify__page_cell(page, "-");
    }
    oc_verify__page_table_end(page);
    oc_verify__page_paragraph(page, "The same in both: %s.", same[0] != '\0' ? same : "nothing");
}

static void describe(const json_t *value, char text[OC_VERIFY__SENTENCE_BYTES])
{
    size_t used = 0;

    if (json_is_string(value)) {
        (void)snprintf(text, OC_VERIFY__SENTENCE_BYTES, "%s", json_string_value(value));
    } else if (json_is_number(value)) {
        (void)snprintf(text, OC_VERIFY__SENTENCE_BYTES, "%.6g", json_number_value(value));
    } else {
        text[0] = '\0';
        for (size_t i = 0; i < json_array_size(value) && used < OC_VERIFY__SENTENCE_BYTES; i++) {
            int added = snprintf(text + used, OC_VERIFY__SENTENCE_BYTES - used, "%s%.4g",
                                 used > 0 ? " " : "", json_number_value(json_array_get(value, i)));
            used += added > 0 ? (size_t)added : 0;
        }
    }
    if (text[0] == '\0') {
        (void)snprintf(text, OC_VERIFY__SENTENCE_BYTES, "not told");
    }
}

static void put_decisions(struct oc_verify__page *page, const struct sets *sets)
{
    static const struct oc_verify__page_column COLUMNS[] = {
        {"pair", false, false}, {"", false, false}, {"A", false, false}, {"B", false, false}};

    oc_verify__page_heading(page, 2, "Decisions");
    oc_verify__page_table(page, "The gate's decision in each set, and its criteria", COLUMNS,
                          sizeof(COLUMNS) / sizeof(COLUMNS[0]));
    for (uint32_t pair = 0; pair < OC_VERIFY_PAIR_COUNT; pair++) {
        const struct oc_verify__set_gate *a = &sets->of[0].gates[pair];
        const struct oc_verify__set_gate *b = &sets->of[1].gates[pair];
        if (a->result == NULL && b->result == NULL) {
            continue;
        }
        oc_verify__page_cell(page, "%s", oc_pairs_name(pair));
        oc_verify__page_cell(page, "decision");
        oc_verify__page_cell(page, "%s", a->result != NULL ? a->result : "not asked for");
        oc_verify__page_cell(page, "%s", b->result != NULL ? b->result : "not asked for");
        for (uint32_t i = 0; i < OC_GATE_CRITERIA; i++) {
            oc_verify__page_cell(page, "%s", "");
            oc_verify__page_cell(page, "%s", oc_verify__words_criterion(i));
            oc_verify__page_cell(page, "%s", a->result != NULL ? a->states[i] : "-");
            oc_verify__page_cell(page, "%s", b->result != NULL ? b->states[i] : "-");
        }
    }
    oc_verify__page_table_end(page);
}

static void put_recommendations(struct oc_verify__page *page, const struct sets *sets)
{
    static const struct oc_verify__page_column COLUMNS[] = {
        {"mode", false, false}, {"A", false, false}, {"B", false, false}};
    json_t *lists[2];
    size_t index;
    json_t *item;

    for (uint32_t i = 0; i < 2; i++) {
        lists[i] = json_object_get(json_object_get(sets->of[i].root, "judgement"),
                                   "recommendations");
    }
    oc_verify__page_table(page, "Recommended: io_uring or epoll", COLUMNS,
                          sizeof(COLUMNS) / sizeof(COLUMNS[0]));
    json_array_foreach(lists[0], index, item)
    {
        const char *words[4] = {json_string_value(json_object_get(item, "mode")),
                                json_string_value(json_object_get(item, "waiting")),
                                json_string_value(json_object_get(item, "advice")), NULL};
        size_t at;
        json_t *other;
        json_array_foreach(lists[1], at, other)
        {
            if (json_equal(json_object_get(item, "mode"), json_object_get(other, "mode")) &&
                json_equal(json_object_get(item, "waiting"), json_object_get(other, "waiting"))) {
                words[3] = json_string_value(json_object_get(other, "advice"));
            }
        }
        oc_verify__page_cell(page, "%s, %s", words[0] != NULL ? words[0] : "-",
                             words[1] != NULL ? words[1] : "-");
        oc_verify__page_cell(page, "%s", words[2] != NULL ? words[2] : "-");
        oc_verify__page_cell(page, "%s", words[3] != NULL ? words[3] : "-");
    }
    oc_verify__page_table_end(page);
}

static void put_medians(struct oc_verify__page *page, const struct sets *sets)
{
    static const struct oc_verify__page_column COLUMNS[] = {
        {"cell", false, false}, {"stack", false, false}, {"figure", false, false},
        {"A", true, false},     {"B", true, false},      {"B / A (interval)", true, false}};

    oc_verify__page_heading(page, 2, "Medians");
    oc_verify__page_table(page,
                          "Main figure and server CPU by cell and stack. B / A: ratio of the "
                          "medians with its interval at 95 %, of unpaired runs",
                          COLUMNS, sizeof(COLUMNS) / sizeof(COLUMNS[0]));
    for (uint32_t cell = 0; cell < sets->of[0].cell_count; cell++) {
        const uint32_t cells[2] = {cell,
                                   oc_verify__set_cell(&sets->of[1], sets->of[0].cells[cell].name)};
        for (uint32_t stack = 0; stack < OC_VERIFY_STACK_COUNT && cells[1] != UINT32_MAX; stack++) {
            put_median(page, sets, cells, stack, oc_pairs_primary(&sets->of[0].cells[cell]));
            put_median(page, sets, cells, stack, OC_VERIFY_METRIC_SERVER_CPU);
        }
    }
    oc_verify__page_table_end(page);
}

static void put_median(struct oc_verify__page *page, const struct sets *sets,
                       const uint32_t cells[2], enum oc_verify_stack stack,
                       enum oc_verify_metric metric)
{
    double values[2][OC_PAIRS_BLOCKS_MAX];
    struct oc_stratum strata[2];
    struct oc_interval ratio;
    const struct oc_bootstrap_config config = {
        .seed = SEED, .resamples = RESAMPLES, .level = LEVEL};
    char text[3][OC_VERIFY__WORDS_BYTES];
    bool voids = false;

    for (uint32_t i = 0; i < 2; i++) {
        strata[i].count = oc_verify__set_values(&sets->of[i], cells[i], stack, metric, values[i]);
        strata[i].values = values[i];
        strata[i].weight = i == 0 ? -1.0 : 1.0;
    }
    if (strata[0].count + strata[1].count == 0) {
        return;
    }
    oc_verify__page_cell(page, "%s", sets->of[0].cells[cells[0]].name);
    oc_verify__page_cell(page, "%s", oc_verify_stack_name(stack));
    oc_verify__page_cell(page, "%s", oc_verify__words_metric(metric));
    for (uint32_t i = 0; i < 2; i++) {
        const double median = exp(oc_statistics_median(values[i], strata[i].count));
        const bool is_void = sets->of[i].voided[cells[i]];
        voids |= is_void;
        oc_verify__page_cell(page, "%s",
                             is_void ? "void" : oc_verify__words_value(metric, median, text[i]));
    }
    if (voids) {
        oc_verify__page_cell(page, "-");
        return;
    }
    oc_bootstrap_interval(strata, 2, &config, &ratio, NULL);
    oc_verify__page_cell(page, "%s", oc_verify__words_ratio(&ratio, text[2]));
}

static void put_ratios(struct oc_verify__page *page, const struct sets *sets)
{
    static const struct oc_verify__page_column COLUMNS[] = {
        {"cell", false, false},   {"metric", false, false}, {"A", true, false},
        {"A says", false, false}, {"B", true, false},       {"B says", false, false}};
    const struct oc_verify__set *a = &sets->of[0];
    const struct oc_verify__set *b = &sets->of[1];

    oc_verify__page_heading(page, 2, "Ratios");
    for (uint32_t pair = 0; pair < OC_VERIFY_PAIR_COUNT; pair++) {
        bool any = false;
        for (uint32_t i = 0; i < a->ratio_count; i++) {
            const struct oc_verify__set_ratio *one = &a->ratios[i];
            const struct oc_verify__set_ratio *other;
            char caption[96];
            if (one->pair != pair || !is_shown(a, one)) {
                continue;
            }
            if (!any) {
                (void)snprintf(caption, sizeof(caption),
                               "%s: candidate / current within each set, with interval",
                               oc_pairs_name(pair));
                oc_verify__page_table(page, caption, COLUMNS, sizeof(COLUMNS) / sizeof(COLUMNS[0]));
                any = true;
            }
            other = find_ratio(b, pair, a->cells[one->cell].name, one->metric);
            oc_verify__page_cell(page, "%s", a->cells[one->cell].name);
            oc_verify__page_cell(page, "%s", oc_verify__words_metric(one->metric));
            put_ratio(page, a, one);
            put_ratio(page, b, other);
        }
        if (any) {
            oc_verify__page_table_end(page);
        }
    }
}

/* `ratio` may be NULL. */
static void put_ratio(struct oc_verify__page *page, const struct oc_verify__set *set,
                      const struct oc_verify__set_ratio *ratio)
{
    char text[OC_VERIFY__WORDS_BYTES];

    if (ratio == NULL) {
        oc_verify__page_cell(page, "not measured");
        oc_verify__page_cell(page, "-");
    } else {
        oc_verify__page_cell(
            page, "%s",
            set->voided[ratio->cell] ? "void" : oc_verify__words_ratio(&ratio->ratio, text));
        oc_verify__page_cell(page, "%s", ratio->verdict);
    }
}

static const struct oc_verify__set_ratio *find_ratio(const struct oc_verify__set *set,
                                                     enum oc_verify_pair pair, const char *cell,
                                                     enum oc_verify_metric metric)
{
    for (uint32_t i = 0; i < set->ratio_count; i++) {
        const struct oc_verify__set_ratio *it = &set->ratios[i];
        if (it->pair == pair && it->metric == metric &&
            strcmp(set->cells[it->cell].name, cell) == 0) {
            return it;
        }
    }
    return NULL;
}

static bool is_shown(const struct oc_verify__set *set, const struct oc_verify__set_ratio *ratio)
{
    return ratio->metric == oc_pairs_primary(&set->cells[ratio->cell]) ||
           ratio->metric == OC_VERIFY_METRIC_SERVER_CPU;
}
