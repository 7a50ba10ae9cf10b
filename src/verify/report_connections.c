/*
 * CPU time per request by number of connections: a drawing for the server and one for the whole
 * machine, for each placement and window of the stress cells.
 *
 * Loopback bills the receiver's work to the sender, so the machine's time belongs beside the
 * server's. Under busy-poll CPU time means nothing, and is not drawn.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "verify/cells.h"
#include "verify/report_chart.h"
#include "verify/report_figures.h"
#include "verify/report_page.h"
#include "verify/report_words.h"
#include "verify/stacks.h"
#include "verify/statistics.h"

#define WIDTH       376.0
#define HEIGHT      236.0
#define PLOT_LEFT   40.0
#define PLOT_RIGHT  282.0
#define PLOT_TOP    44.0
#define PLOT_BOTTOM 196.0
#define POINTS_MAX  16U

struct point {
    double connections;
    double median_ns;
    double low_ns; /* quartiles of the runs */
    double high_ns;
};

struct family {
    const struct oc_verify_report *report;
    enum oc_verify_placement placement;
    uint32_t window;
    enum oc_verify_metric metric;
};

static bool belongs(const struct family *family, const struct oc_verify_cell *cell);
static uint32_t gather(const struct family *family, enum oc_verify_stack stack,
                       struct point points[POINTS_MAX]);
static bool draw(const struct family *family, FILE *out);
static void draw_axes(const struct family *family, const struct oc_verify__scale *x,
                      const struct oc_verify__scale *y, FILE *out);
static void draw_points(const struct oc_verify__scale *x, const struct oc_verify__scale *y,
                        enum oc_verify_stack stack, const struct point *points, uint32_t count,
                        FILE *out);

bool oc_verify__figure_connections(const struct oc_verify_report *report, FILE *out)
{
    const struct oc_verify_data *data = &report->data;
    bool any = false;

    for (uint32_t cell = 0; cell < data->cell_count; cell++) {
        struct family family = {.report = report,
                                .placement = data->cells[cell].placement,
                                .window = data->cells[cell].window};
        bool first = data->cells[cell].scenario == OC_VERIFY_SCENARIO_STRESS &&
                     family.placement != OC_VERIFY_BUSY_POLL;
        for (uint32_t other = 0; other < cell && first; other++) {
            first = !belongs(&family, &data->cells[other]);
        }
        if (first) {
            family.metric = OC_VERIFY_METRIC_SERVER_CPU;
            any = draw(&family, out) || any;
            family.metric = OC_VERIFY_METRIC_MACHINE_CPU;
            any = draw(&family, out) || any;
        }
    }
    return any;
}

static bool belongs(const struct family *family, const struct oc_verify_cell *cell)
{
    return cell->scenario == OC_VERIFY_SCENARIO_STRESS && cell->placement == family->placement &&
           cell->window == family->window;
}

/* In the order of connections. */
static uint32_t gather(const struct family *family, enum oc_verify_stack stack,
                       struct point points[POINTS_MAX])
{
    const struct oc_verify_data *data = &family->report->data;
    uint32_t count = 0;

    for (uint32_t cell = 0; cell < data->cell_count && count < POINTS_MAX; cell++) {
        double values[OC_PAIRS_BLOCKS_MAX];
        uint32_t runs = 0;
        uint32_t at = count;
        struct point point;
        if (!belongs(family, &data->cells[cell]) ||
            family->report->judgement.accounts[cell].voided) {
            continue;
        }
        runs = oc_pairs_rows(&family->report->judgement.pairs, cell, &stack, 1, family->metric,
                             OC_PAIRS_ALL, values);
        if (runs == 0) {
            continue;
        }
        oc_statistics_sort(values, runs);
        point = (struct point){.connections = fmax(1.0, data->cells[cell].connections),
                               .median_ns = oc_statistics_quantile(values, runs, 0.5),
                               .low_ns = oc_statistics_quantile(values, runs, 0.25),
                               .high_ns = oc_statistics_quantile(values, runs, 0.75)};
        for (; at > 0 && points[at - 1].connections > point.connections; at--) {
            points[at] = points[at - 1];
        }
        points[at] = point;
        count++;
    }
    return count;
}

static bool draw(const struct family *family, FILE *out)
{
    struct point points[OC_VERIFY_STACK_COUNT][POINTS_MAX];
    uint32_t counts[OC_VERIFY_STACK_COUNT];
    struct oc_verify__label labels[OC_VERIFY_STACK_COUNT];
    struct oc_verify__scale x = {
        .logarithmic = true, .from = 1e9, .to = 1.0, .begin = PLOT_LEFT + 8, .end = PLOT_RIGHT - 8};
    struct oc_verify__scale y = {.to = 1.0, .begin = PLOT_BOTTOM, .end = PLOT_TOP};
    uint32_t label_count = 0;
    char id[64];
    char title[160];

    for (uint32_t stack = 0; stack < OC_VERIFY_STACK_COUNT; stack++) {
        /* A/A lies upon epoll and would hide it. */
        counts[stack] = stack == OC_VERIFY_STACK_ALTERED ? 0 : gather(family, stack, points[stack]);
        for (uint32_t i = 0; i < counts[stack]; i++) {
            x.from = fmin(x.from, points[stack][i].connections);
            x.to = fmax(x.to, points[stack][i].connections);
            y.to = fmax(y.to, points[stack][i].high_ns * 1.05);
        }
        label_count += counts[stack] > 0;
    }
    /* One number of connections makes no line; the tables have it. */
    if (label_count == 0 || x.from == x.to) {
        return false;
    }
    if (out == NULL) {
        return true;
    }
    (void)snprintf(id, sizeof(id), "connections-%u-%" PRIu32 "-%u", (unsigned)family->placement,
                   family->window, (unsigned)family->metric);
    (void)snprintf(title, sizeof(title), "%s per request, %s, window %" PRIu32,
                   oc_verify__words_metric(family->metric),
                   oc_verify_placement_name(family->placement), family->window);
    oc_verify__chart_begin(out, WIDTH, HEIGHT, id, title,
                           "A line for each stack over the number of connections; the medians "
                           "stand in the tables of the stress cells under All figures.");
    oc_verify__chart_text(out, 0, 12, "b", "%s", title);
    draw_axes(family, &x, &y, out);
    label_count = 0;
    for (uint32_t stack = 0; stack < OC_VERIFY_STACK_COUNT; stack++) {
        if (counts[stack] > 0) {
            const struct point *last = &points[stack][counts[stack] - 1];
            draw_points(&x, &y, stack, points[stack], counts[stack], out);
            labels[label_count++] = (struct oc_verify__label){
                .text = oc_verify_stack_name(stack),
                .x = oc_verify__scale_at(&x, last->connections),
                .y = oc_verify__scale_at(&y, last->median_ns),
                .style = stack,
            };
        }
    }
    oc_verify__chart_labels(out, labels, label_count, PLOT_RIGHT + 14.0, PLOT_TOP, PLOT_BOTTOM);
    oc_verify__chart_end(out);
    return true;
}

static void draw_axes(const struct family *family, const struct oc_verify__scale *x,
                      const struct oc_verify__scale *y, FILE *out)
{
    const struct oc_verify_data *data = &family->report->data;
    double ticks[OC_VERIFY__CHART_TICKS_MAX];
    uint32_t count = oc_verify__scale_ticks(y, 4, ticks);

    for (uint32_t cell = 0; cell < data->cell_count; cell++) {
        if (belongs(family, &data->cells[cell])) {
            double at = oc_verify__scale_at(x, fmax(1.0, data->cells[cell].connections));
            if (at >= x->begin - 0.5 && at <= x->end + 0.5) {
                oc_verify__chart_text(out, at, PLOT_BOTTOM + 14.0, "m", "%" PRIu32,
                                      data->cells[cell].connections);
            }
        }
    }
    oc_verify__chart_text(out, (PLOT_LEFT + PLOT_RIGHT) / 2.0, PLOT_BOTTOM + 30.0, "m",
                          "connections (logarithmic)");
    oc_verify__chart_text(out, 0, PLOT_TOP - 14.0, "", "us per request");
    for (uint32_t i = 0; i < count; i++) {
        double at = oc_verify__scale_at(y, ticks[i]);
        oc_verify__chart_line(out, "grid", PLOT_LEFT, at, PLOT_RIGHT, at);
        oc_verify__chart_text(out, PLOT_LEFT - 5.0, at + 3.5, "e", "%g", ticks[i] / 1e3);
    }
}

static void draw_points(const struct oc_verify__scale *x, const struct oc_verify__scale *y,
                        enum oc_verify_stack stack, const struct point *points, uint32_t count,
                        FILE *out)
{
    (void)fprintf(out, "<g class=\"p%u\">\n<polyline class=\"s%u\" points=\"", (unsigned)stack,
                  (unsigned)stack);
    for (uint32_t i = 0; i < count; i++) {
        (void)fprintf(out, "%s%.1f,%.1f", i > 0 ? " " : "",
                      oc_verify__scale_at(x, points[i].connections),
                      oc_verify__scale_at(y, points[i].median_ns));
    }
    (void)fprintf(out, "\"/>\n");
    for (uint32_t i = 0; i < count; i++) {
        double at = oc_verify__scale_at(x, points[i].connections);
        oc_verify__chart_line(out, "quartiles", at, oc_verify__scale_at(y, points[i].low_ns), at,
                              oc_verify__scale_at(y, points[i].high_ns));
        (void)fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.6\"/>\n", at,
                      oc_verify__scale_at(y, points[i].median_ns));
    }
    (void)fprintf(out, "</g>\n");
}
