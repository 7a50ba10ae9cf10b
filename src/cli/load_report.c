/*
 * Printing a load run.
 *
 * A percentile with fewer than ten samples beyond it is marked: it says more about chance than
 * about the venue.
 */
#include "cli/load_report.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#define TEXT_BYTES 32
/* Beyond this share of the 99th percentile the generator, not the venue, made the latency. */
#define LAG_SHARE_MAX 0.10

static const struct {
    const char *name;
    double percentile;
} PERCENTILES[] = {
    {"p50", 50.0}, {"p90", 90.0}, {"p99", 99.0}, {"p99.9", 99.9}, {"p99.99", 99.99},
};
#define PERCENTILE_COUNT (sizeof(PERCENTILES) / sizeof(PERCENTILES[0]))

static void print_histogram(FILE *out, const char *title, const struct oc_histogram *histogram);
static void print_oracle(FILE *out, const struct oc_cli_load_report *report);
static void print_rejects(FILE *out, const struct oc_load_result *result);
static void print_warnings(FILE *out, const struct oc_cli_load_report *report);
static bool generator_lagged(const struct oc_cli_load_report *report);
static const char *grouped(uint64_t number, char *text);
static double rate_of(const struct oc_load_result *result);
static uint64_t reject_sum(const struct oc_load_result *result);
static struct oc_figures figures_of(const struct oc_load_result *result);
static json_t *histogram_json(const struct oc_histogram *histogram);
static json_t *thresholds_json(const struct oc_cli_load_report *report);
static json_t *flow_json(const struct oc_cli_load_report *report);

void oc_cli_load_print_second(FILE *out, const struct oc_load_second *second)
{
    char p50[TEXT_BYTES];
    char p99[TEXT_BYTES];
    char answered[TEXT_BYTES];

    (void)fprintf(out, "%5.0f s %12s answered  %6" PRIu64 " in flight  p50 %10s  p99 %10s%s\n",
                  second->second, grouped(second->answered, answered), second->in_flight,
                  oc_duration_format((double)oc_histogram_percentile_ns(second->latency, 50.0), p50,
                                     sizeof(p50)),
                  oc_duration_format((double)oc_histogram_percentile_ns(second->latency, 99.0), p99,
                                     sizeof(p99)),
                  second->warmup ? "  (warm-up)" : "");
    (void)fflush(out);
}

void oc_cli_load_print(FILE *out, const struct oc_cli_load_report *report)
{
    const struct oc_load_result *result = report->result;
    const struct oc_load_config *config = report->config;
    char a[TEXT_BYTES];
    char b[TEXT_BYTES];

    (void)fprintf(out, "%s on %s: %" PRIu32 " connection%s, ", report->flow_name, report->connect,
                  config->connections, config->connections == 1 ? "" : "s");
    if (config->arrivals == OC_ARRIVALS_CLOSED) {
        (void)fprintf(out, "closed loop, window %" PRIu32 "\n", config->window);
    } else {
        (void)fprintf(out, "open loop, %.0f requests a second, %s arrivals\n", config->rate,
                      config->arrivals == OC_ARRIVALS_POISSON ? "Poisson" : "constant");
    }
    (void)fprintf(out, "  requests   %s answered in %.2f s: %s a second\n",
                  grouped(result->measured, a), (double)result->measured_ns / 1e9,
                  grouped((uint64_t)(rate_of(result) + 0.5), b));
    print_oracle(out, report);
    print_rejects(out, result);
    print_histogram(out, "latency", result->latency);
    if (config->arrivals != OC_ARRIVALS_CLOSED) {
        print_histogram(out, "send lag", result->lag);
        if (result->held > 0) {
            (void)fprintf(out,
                          "  held       %s requests waited for an order id or for room, which is "
                          "in their latency\n",
                          grouped(result->held, a));
        }
    }
    print_warnings(out, report);
    if (result->wrong > 0) {
        (void)fprintf(out, "  WRONG      %s\n", result->why);
    }
    if (result->missing > 0) {
        (void)fprintf(out, "  MISSING    %s\n", result->why);
    }
}

int oc_cli_load_print_json(FILE *out, const struct oc_cli_load_report *report)
{
    const struct oc_load_result *result = report->result;
    const struct oc_load_config *config = report->config;
    json_t *rejects = json_object();
    json_t *root;
    int rc;

    for (uint32_t reason = 0; reason < OC_REASON_COUNT; reason++) {
        if (result->reject_counts[reason] > 0) {
            (void)json_object_set_new(rejects, oc_reason_name((enum oc_reason)reason),
                                      json_integer((json_int_t)result->reject_counts[reason]));
        }
    }
    root = json_pack(
        "{s:s, s:s, s:s, s:I, s:I, s:f, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:I, s:I, s:I, s:I, "
        "s:I, s:I, s:I, s:I, s:b, s:b, s:s, s:o, s:o, s:o, s:o, s:o}",
        "connect", report->connect, "flow", report->flow_name, "loop",
        config->arrivals == OC_ARRIVALS_CLOSED     ? "closed"
        : config->arrivals == OC_ARRIVALS_CONSTANT ? "open, constant"
                                                   : "open, poisson",
        "connections", (json_int_t)config->connections, "window", (json_int_t)config->window,
        "offered_rate", config->rate, "seed", (json_int_t)config->seed, "preloaded",
        (json_int_t)result->preloaded, "requests", (json_int_t)result->requests, "answered",
        (json_int_t)result->answered, "measured", (json_int_t)result->measured, "seconds",
        (double)result->measured_ns / 1e9, "rate", rate_of(result), "replies",
        (json_int_t)result->replies, "trades", (json_int_t)result->trades, "books",
        (json_int_t)result->books, "tape", (json_int_t)result->foreign, "wrong",
        (json_int_t)result->wrong, "missing", (json_int_t)result->missing, "unsent",
        (json_int_t)result->unsent, "held", (json_int_t)result->held, "used_up",
        (int)result->used_up, "generator_lagged", (int)generator_lagged(report), "why", result->why,
        "rejects", rejects, "latency", histogram_json(result->latency), "lag",
        histogram_json(result->lag), "flow_facts", flow_json(report), "thresholds",
        thresholds_json(report));
    if (root == NULL) {
        return -ENOMEM;
    }
    rc = json_dumpf(root, out, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    (void)fputc('\n', out);
    json_decref(root);
    return rc < 0 ? -EIO : 0;
}

bool oc_cli_load_judge(const struct oc_cli_load_report *report)
{
    struct oc_figures figures = figures_of(report->result);
    bool all = true;

    for (uint32_t i = 0; i < report->threshold_count; i++) {
        const struct oc_threshold *threshold = &report->thresholds[i];
        char text[TEXT_BYTES];
        double actual;
        if (oc_threshold_holds(threshold, &figures, &actual)) {
            continue;
        }
        all = false;
        if (threshold->figure == OC_FIGURE_RATE || threshold->figure == OC_FIGURE_REJECTS) {
            (void)snprintf(text, sizeof(text), "%.0f", actual);
        } else {
            (void)oc_duration_format(actual, text, sizeof(text));
        }
        (void)fprintf(stderr, "outcry: does not hold: %s, it is %s\n", report->threshold_texts[i],
                      text);
    }
    return all;
}

/* Requests answered in a second of the measured time; 0 when nothing was measured. */
static double rate_of(const struct oc_load_result *result)
{
    return result->measured_ns == 0 ? 0.0
                                    : (double)result->measured * 1e9 / (double)result->measured_ns;
}

static void print_histogram(FILE *out, const char *title, const struct oc_histogram *histogram)
{
    uint64_t count = oc_histogram_count(histogram);
    char text[TEXT_BYTES];

    (void)fprintf(out, "  %-9s", title);
    for (size_t i = 0; i < PERCENTILE_COUNT; i++) {
        bool rare = (double)count * (100.0 - PERCENTILES[i].percentile) < 1000.0;
        (void)fprintf(out, "  %s %s%s", PERCENTILES[i].name, rare ? "~" : "",
                      oc_duration_format(
                          (double)oc_histogram_percentile_ns(histogram, PERCENTILES[i].percentile),
                          text, sizeof(text)));
    }
    (void)fprintf(out, "  max %s\n",
                  oc_duration_format((double)oc_histogram_max_ns(histogram), text, sizeof(text)));
}

static void print_oracle(FILE *out, const struct oc_cli_load_report *report)
{
    const struct oc_load_result *result = report->result;
    const struct oc_lobster_facts *lobster = &report->lobster;
    const char *verdict = result->wrong > 0 ? "one was WRONG" : "every one checked";
    char a[TEXT_BYTES];
    char b[TEXT_BYTES];

    (void)fprintf(out, "  replies    %s%s, %s; %s trades", grouped(result->replies, a),
                  report->config->warmup_ns > 0 ? " with those of the warm-up" : "", verdict,
                  grouped(result->trades, b));
    if (report->config->tape) {
        (void)fprintf(out, "; %s trades of others", grouped(result->foreign, a));
    }
    (void)fputc('\n', out);
    if (report->flow == OC_CLI_EQUITY) {
        uint64_t counted = report->equity.new_orders + report->equity.cancels +
                           report->equity.replaces + report->equity.books;
        (void)fprintf(out,
                      "  book       %s orders rest on average in %" PRIu32
                      " instruments; %s books of 10 levels equal\n",
                      grouped(counted == 0 ? 0 : report->equity.resting_sum / counted, a),
                      report->instruments, grouped(result->books, b));
    }
    if (report->flow == OC_CLI_LOBSTER) {
        (void)fprintf(out,
                      "  executions %" PRIu64 " of %" PRIu32
                      " hit the resting order that NASDAQ's did (%" PRIu32 " of known id, %" PRIu32
                      " of unknown id)\n"
                      "  book       best bid and ask, and all %" PRIu32
                      " levels of each side, equal on %" PRIu64 " of %" PRIu32 " rows\n",
                      result->trades, lobster->executions, lobster->executions_known,
                      lobster->executions - lobster->executions_known, lobster->levels,
                      result->books, lobster->rows_compared);
    }
}

static void print_rejects(FILE *out, const struct oc_load_result *result)
{
    char text[TEXT_BYTES];
    const char *separator = "";

    (void)fprintf(out, "  rejects    ");
    for (uint32_t reason = 0; reason < OC_REASON_COUNT; reason++) {
        if (result->reject_counts[reason] > 0) {
            (void)fprintf(out, "%s%s %s", separator, oc_reason_name((enum oc_reason)reason),
                          grouped(result->reject_counts[reason], text));
            separator = ", ";
        }
    }
    (void)fprintf(out, "%s\n",
                  reject_sum(result) == 0 ? "none"
                  : result->wrong == 0    ? " (the flow's own late cancels and modifies)"
                                          : "");
}

static void print_warnings(FILE *out, const struct oc_cli_load_report *report)
{
    const struct oc_load_result *result = report->result;
    char text[TEXT_BYTES];

    if (generator_lagged(report)) {
        (void)fprintf(out, "  WARNING    the generator lagged: the 99th percentile of the send lag "
                           "is more than a tenth of that of the latency. Lower --rate, or give the "
                           "generator a CPU of its own (--cpu)\n");
    }
    if (result->unsent > 0) {
        (void)fprintf(out,
                      "  WARNING    %s requests were due and could not be sent: the venue is "
                      "slower than --rate, and the percentiles are too good\n",
                      grouped(result->unsent, text));
    }
    if (result->used_up && report->flow == OC_CLI_EQUITY) {
        (void)fprintf(out, "  note       the prepared requests were used up before the time was; "
                           "--prepare N prepares more\n");
    }
}

static bool generator_lagged(const struct oc_cli_load_report *report)
{
    const struct oc_load_result *result = report->result;

    return report->config->arrivals != OC_ARRIVALS_CLOSED &&
           (double)oc_histogram_percentile_ns(result->lag, 99.0) >
               LAG_SHARE_MAX * (double)oc_histogram_percentile_ns(result->latency, 99.0);
}

/* 1,234,567. `text` has TEXT_BYTES. */
static const char *grouped(uint64_t number, char *text)
{
    char digits[24];
    int size = snprintf(digits, sizeof(digits), "%" PRIu64, number);
    char *next = text;

    for (int i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0) {
            *next++ = ',';
        }
        *next++ = digits[i];
    }
    *next = '\0';
    return text;
}

static uint64_t reject_sum(const struct oc_load_result *result)
{
    uint64_t sum = 0;

    for (uint32_t reason = 0; reason < OC_REASON_COUNT; reason++) {
        sum += result->reject_counts[reason];
    }
    return sum;
}

static struct oc_figures figures_of(const struct oc_load_result *result)
{
    return (struct oc_figures){
        .latency = result->latency,
        .lag = result->lag,
        .rate = rate_of(result),
        .rejects = reject_sum(result),
    };
}

static json_t *histogram_json(const struct oc_histogram *histogram)
{
    json_t *object = json_object();

    (void)json_object_set_new(object, "unit", json_string("ns"));
    (void)json_object_set_new(object, "count",
                              json_integer((json_int_t)oc_histogram_count(histogram)));
    (void)json_object_set_new(object, "min",
                              json_integer((json_int_t)oc_histogram_min_ns(histogram)));
    (void)json_object_set_new(object, "mean", json_real(oc_histogram_mean_ns(histogram)));
    for (size_t i = 0; i < PERCENTILE_COUNT; i++) {
        (void)json_object_set_new(object, PERCENTILES[i].name,
                                  json_integer((json_int_t)oc_histogram_percentile_ns(
                                      histogram, PERCENTILES[i].percentile)));
    }
    (void)json_object_set_new(object, "max",
                              json_integer((json_int_t)oc_histogram_max_ns(histogram)));
    return object;
}

static json_t *thresholds_json(const struct oc_cli_load_report *report)
{
    struct oc_figures figures = figures_of(report->result);
    json_t *list = json_array();

    for (uint32_t i = 0; i < report->threshold_count; i++) {
        double actual = 0.0;
        bool holds = oc_threshold_holds(&report->thresholds[i], &figures, &actual);
        (void)json_array_append_new(list, json_pack("{s:s, s:f, s:b}", "threshold",
                                                    report->threshold_texts[i], "actual", actual,
                                                    "holds", (int)holds));
    }
    return list;
}

static json_t *flow_json(const struct oc_cli_load_report *report)
{
    const struct oc_equity_facts *equity = &report->equity;
    const struct oc_lobster_facts *lobster = &report->lobster;

    switch (report->flow) {
    case OC_CLI_EQUITY: {
        uint64_t counted = equity->new_orders + equity->cancels + equity->replaces + equity->books;
        return json_pack(
            "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:I, s:I}", "instruments",
            (json_int_t)report->instruments, "prepared", (json_int_t)counted, "new_orders",
            (json_int_t)equity->new_orders, "immediate_or_cancel", (json_int_t)equity->immediate,
            "replaces", (json_int_t)equity->replaces, "cancels", (json_int_t)equity->cancels,
            "trades", (json_int_t)equity->trades, "rejects", (json_int_t)equity->rejects,
            "resting_mean", counted == 0 ? 0.0 : (double)equity->resting_sum / (double)counted,
            "resting_min", (json_int_t)equity->resting_min, "resting_max",
            (json_int_t)equity->resting_max);
    }
    case OC_CLI_LOBSTER:
        return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "rows",
                         (json_int_t)lobster->rows, "levels", (json_int_t)lobster->levels,
                         "rows_compared", (json_int_t)lobster->rows_compared, "executions",
                         (json_int_t)lobster->executions, "executions_known",
                         (json_int_t)lobster->executions_known, "without_effect",
                         (json_int_t)lobster->hidden + lobster->halts, "stand_ins",
                         (json_int_t)lobster->stand_ins, "unseen", (json_int_t)lobster->unseen);
    case OC_CLI_PINGPONG:
        break;
    }
    return json_object();
}
