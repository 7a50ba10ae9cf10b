/*
 * Percentile curves: one small drawing for each cell in which latency is the question.
 *
 * The axis is logarithmic in what lies beyond: 90, 99 and 99.9 % are equally far apart, so that the
 * tail has as much room as the bulk. A curve ends where fewer than ten samples lie beyond.
 */
#include <inttypes.h>
#include <math.h>

#include "verify/report_chart.h"
#include "verify/report_figures.h"
#include "verify/report_page.h"
#include "verify/report_words.h"
#include "verify/stacks.h"

#define WIDTH       376.0
#define HEIGHT      246.0
#define PLOT_LEFT   48.0
#define PLOT_RIGHT  282.0
#define PLOT_TOP    44.0
#define PLOT_BOTTOM 206.0
#define NINES_FROM  0.05 /* decades: begins at 10.9 %, so that no single shortest stretches it */
#define NINES_STEP  0.05
#define NINES_MAX   5.0
#define BEYOND_MIN  10.0
#define POINTS_MAX  128U

struct curve {
    enum oc_verify_stack stack;
    uint32_t count;
    double nines[POINTS_MAX]; /* -log10(share beyond) */
    double ns[POINTS_MAX];
};

static bool is_shown(const struct oc_verify_cell *cell);
static uint32_t gather(const struct oc_verify_latencies *at,
                       struct curve curves[OC_VERIFY_STACK_COUNT]);
static void draw(const struct oc_verify_report *report, uint32_t place, const struct curve *curves,
                 uint32_t count, FILE *out);
static void draw_axes(const struct oc_verify__scale *x, const struct oc_verify__scale *y,
                      FILE *out);

void oc_verify__figure_percentiles(const struct oc_verify_report *report, FILE *out)
{
    static struct curve curves[OC_VERIFY_STACK_COUNT];
    bool any = false;

    for (uint32_t place = 0;
         report->data.latencies != NULL && place < report->data.cell_count * OC_VERIFY_LOADS_MAX;
         place++) {
        uint32_t count = is_shown(&report->data.cells[place / OC_VERIFY_LOADS_MAX])
                             ? gather(&report->data.latencies[place], curves)
                             : 0;
        if (count == 0) {
            continue;
        }
        if (!any) {
            (void)fprintf(out, "<figure class=\"panels\">\n");
            any = true;
        }
        draw(report, place, curves, count, out);
    }
    if (any) {
        (void)fprintf(out,
                      "<figcaption>Latency by percentile, all kept runs together. Both axes are "
                      "logarithmic; a curve ends where fewer than ten samples lie beyond. Open "
                      "loop is counted from the intended send time; its drawings name the load, "
                      "which all of their stacks were offered. Void cells are pale: they count for "
                      "nothing.</figcaption>\n</figure>\n");
    } else {
        (void)fprintf(out, "<p>No latencies were kept for curves.</p>\n");
    }
}

static bool is_shown(const struct oc_verify_cell *cell)
{
    switch (cell->scenario) {
    case OC_VERIFY_SCENARIO_PING_PONG:
    case OC_VERIFY_SCENARIO_FAN_OUT:
        return true;
    case OC_VERIFY_SCENARIO_PERCENTILES:
        return cell->load_percent > 0;
    case OC_VERIFY_SCENARIO_REQUEST_RESPONSE:
        return cell->window == 1;
    case OC_VERIFY_SCENARIO_PERSISTENT:
    case OC_VERIFY_SCENARIO_REUSE:
    case OC_VERIFY_SCENARIO_STRESS:
    case OC_VERIFY_SCENARIO_COUNT:
        return false;
    }
    return false;
}

static uint32_t gather(const struct oc_verify_latencies *at,
                       struct curve curves[OC_VERIFY_STACK_COUNT])
{
    uint32_t count = 0;

    for (uint32_t stack = 0; stack < OC_VERIFY_STACK_COUNT; stack++) {
        const struct oc_histogram *sum = at->of[stack];
        struct curve *curve = &curves[count];
        double end;
        /* A/A lies upon epoll and would hide it. */
        if (sum == NULL || stack == OC_VERIFY_STACK_ALTERED) {
            continue;
        }
        *curve = (struct curve){.stack = stack};
        end = fmin(log10((double)oc_histogram_count(sum) / BEYOND_MIN), NINES_MAX);
        while (curve->count < POINTS_MAX && NINES_FROM + curve->count * NINES_STEP <= end) {
            double nines = NINES_FROM + curve->count * NINES_STEP;
            curve->nines[curve->count] = nines;
            curve->ns[curve->count++] = fmax(
                1.0, (double)oc_histogram_percentile_ns(sum, 100.0 - 100.0 * pow(10.0, -nines)));
        }
        count += curve->count > 1 ? 1 : 0;
    }
    return count;
}

static void draw(const struct oc_verify_report *report, uint32_t place, const struct curve *curves,
                 uint32_t count, FILE *out)
{
    const uint32_t cell = place / OC_VERIFY_LOADS_MAX;
    const uint32_t load = place % OC_VERIFY_LOADS_MAX;
    const struct oc_cell_account *account = &report->judgement.accounts[cell];
    const double rate = report->data.latencies[place].offered_rate;
    struct oc_verify__scale x = {
        .from = NINES_FROM, .to = 1.0, .begin = PLOT_LEFT, .end = PLOT_RIGHT};
    struct oc_verify__scale y = {
        .logarithmic = true, .from = 1e12, .to = 1.0, .begin = PLOT_BOTTOM, .end = PLOT_TOP};
    struct oc_verify__label labels[OC_VERIFY_STACK_COUNT];
    char offered[OC_VERIFY__WORDS_BYTES] = "";
    char id[32];
    char title[256];

    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < curves[i].count; j++) {
            x.to = fmax(x.to, curves[i].nines[j]);
            y.from = fmin(y.from, curves[i].ns[j]);
            y.to = fmax(y.to, curves[i].ns[j]);
        }
    }
    y.from /= 1.08;
    y.to = fmax(y.to * 1.08, y.from * 1.5);
    (void)snprintf(id, sizeof(id), "curve-%" PRIu32 "%s", cell, load > 0 ? "-b" : "");
    if (rate > 0) {
        (void)oc_verify__words_value(OC_VERIFY_METRIC_RATE, rate, offered);
    }
    (void)snprintf(title, sizeof(title), "%s%s%s%s: latency by percentile",
                   report->data.cells[cell].name, rate > 0 ? " at " : "", offered,
                   account->voided ? ", void" : "");
    oc_verify__chart_begin(out, WIDTH, HEIGHT, id, title,
                           "A curve for each stack on a logarithmic axis of percentiles; p50, p95, "
                           "p99 and p99.9 stand in the table of this cell under All figures.");
    oc_verify__chart_text(out, 0, 12, "b", "%s%s%s%s", report->data.cells[cell].name,
                          rate > 0 ? " at " : "", offered, account->voided ? " (void)" : "");
    if (account->voided) {
        oc_verify__chart_text(out, PLOT_LEFT + 10.0, PLOT_TOP - 14.0, "b",
                              "void: %" PRIu32 " of %" PRIu32 " blocks excluded",
                              account->blocks_excluded, account->blocks_run);
    }
    draw_axes(&x, &y, out);
    (void)fprintf(out, "<g%s>\n", account->voided ? " class=\"pale\"" : "");
    for (uint32_t i = 0; i < count; i++) {
        const struct curve *curve = &curves[i];
        (void)fprintf(out, "<polyline class=\"s%u\" points=\"", (unsigned)curve->stack);
        for (uint32_t j = 0; j < curve->count; j++) {
            (void)fprintf(out, "%s%.1f,%.1f", j > 0 ? " " : "",
                          oc_verify__scale_at(&x, curve->nines[j]),
                          oc_verify__scale_at(&y, curve->ns[j]));
        }
        (void)fprintf(out, "\"/>\n");
        labels[i] = (struct oc_verify__label){
            .text = oc_verify_stack_name(curve->stack),
            .x = oc_verify__scale_at(&x, curve->nines[curve->count - 1]),
            .y = oc_verify__scale_at(&y, curve->ns[curve->count - 1]),
            .style = curve->stack,
        };
    }
    (void)fprintf(out, "</g>\n");
    oc_verify__chart_labels(out, labels, count, PLOT_RIGHT + 14.0, PLOT_TOP, PLOT_BOTTOM);
    oc_verify__chart_end(out);
}

static void draw_axes(const struct oc_verify__scale *x, const struct oc_verify__scale *y, FILE *out)
{
    static const struct {
        double nines;
        const char *text;
    } PERCENTILES[] = {{0.30103, "50"}, {1, "90"},    {2, "99"},
                       {3, "99.9"},     {4, "99.99"}, {5, "99.999"}};
    double ticks[OC_VERIFY__CHART_TICKS_MAX];
    uint32_t count = oc_verify__scale_ticks(y, 7, ticks);
    char text[OC_VERIFY__WORDS_BYTES];

    for (size_t i = 0; i < sizeof(PERCENTILES) / sizeof(PERCENTILES[0]); i++) {
        if (PERCENTILES[i].nines <= x->to + 0.01) {
            double at = oc_verify__scale_at(x, PERCENTILES[i].nines);
            oc_verify__chart_line(out, "grid", at, y->end, at, y->begin);
            oc_verify__chart_text(out, at, y->begin + 14.0, "m", "%s", PERCENTILES[i].text);
        }
    }
    oc_verify__chart_text(out, (x->begin + x->end) / 2.0, y->begin + 30.0, "m",
                          "percentile (logarithmic)");
    oc_verify__chart_text(out, 0, y->end - 14.0, "", "latency");
    for (uint32_t i = 0; i < count; i++) {
        double at = oc_verify__scale_at(y, ticks[i]);
        double unit = ticks[i] >= 1e6 ? 1e6 : ticks[i] >= 1e3 ? 1e3 : 1.0;
        oc_verify__chart_line(out, "grid", x->begin, at, x->end, at);
        (void)snprintf(text, sizeof(text), "%g %s", ticks[i] / unit,
                       unit >= 1e6   ? "ms"
                       : unit >= 1e3 ? "us"
                                     : "ns");
        oc_verify__chart_text(out, x->begin - 5.0, at + 3.5, "e", "%s", text);
    }
}
