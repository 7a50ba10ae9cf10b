/*
 * The forest plot: a row for each cell, grouped by scenario and metric.
 *
 * Latencies fall and rates rise when they get better, so rows show the gain: how many times as good
 * the candidate is. The words at the right give the change of the metric itself, and the verdict. A
 * long plot is cut into parts that fit on a printed page.
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

#define ROWS_MAX    192U
#define PART_ROWS   58U
#define WIDTH       864.0
#define PLOT_LEFT   186.0
#define PLOT_RIGHT  480.0
#define VALUES_LEFT 488.0
#define CHANGE_END  760.0
#define WORD_LEFT   772.0
#define ROW_PIXELS  16.0
#define AXIS_PIXELS 40.0
#define RATIO_MAX   50.0
#define TICK_PIXELS 34.0
#define NAME_BYTES  OC_VERIFY_CELL_NAME_BYTES

struct row {
    const struct oc_comparison *comparison;
    struct oc_interval gain; /* log, above 0 is better */
};

struct forest {
    const struct oc_verify_report *report;
    enum oc_verify_pair pair;
    FILE *out;
    struct row rows[ROWS_MAX];
    uint32_t count;
    struct oc_verify__scale scale; /* of log gains */
};

static void gather(struct forest *forest, bool cpu);
static void choose_scale(struct forest *forest);
static bool same_group(const struct forest *forest, uint32_t a, uint32_t b);
static uint32_t part_end(const struct forest *forest, uint32_t begin);
static void draw_part(const struct forest *forest, uint32_t begin, uint32_t end, uint32_t part);
static void draw_axis(const struct forest *forest, double top, double bottom);
static void draw_row(const struct forest *forest, const struct row *row, double y);
static void draw_interval(const struct forest *forest, const struct row *row, double y);
static double threshold_of(const struct forest *forest, const struct oc_comparison *comparison);
static double clamp(const struct forest *forest, double gain);
static void short_name(const struct oc_verify_cell *cell, char text[NAME_BYTES]);

void oc_verify__figure_forest(const struct oc_verify_report *report, enum oc_verify_pair pair,
                              FILE *out)
{
    static struct forest forest;
    uint32_t part = 0;

    forest = (struct forest){.report = report, .pair = pair, .out = out};
    gather(&forest, false);
    gather(&forest, true);
    if (forest.count == 0) {
        return;
    }
    choose_scale(&forest);
    for (uint32_t begin = 0; begin < forest.count; part++) {
        uint32_t end = part_end(&forest, begin);
        draw_part(&forest, begin, end, part);
        begin = end;
    }
}

static void gather(struct forest *forest, bool cpu)
{
    const struct oc_verify_report *report = forest->report;

    for (uint32_t i = 0; i < report->judgement.comparison_count; i++) {
        const struct oc_comparison *it = &report->judgement.comparisons[i];
        const enum oc_verify_metric wanted = cpu ? OC_VERIFY_METRIC_SERVER_CPU
                                                 : oc_pairs_primary(&report->data.cells[it->cell]);
        struct row row = {.comparison = it, .gain = it->ratio};
        if (it->pair != forest->pair || it->metric != wanted || forest->count == ROWS_MAX ||
            isnan(it->ratio.estimate) || it->why == OC_UNDECIDED_VOIDED ||
            oc_pairs_is_capacity(&report->data.cells[it->cell])) {
            continue;
        }
        if (oc_pairs_direction(it->metric) == OC_VERIFY_LOWER_IS_BETTER) {
            oc_interval_negate(&row.gain);
        }
        forest->rows[forest->count++] = row;
    }
}

static void choose_scale(struct forest *forest)
{
    double low = -log(1.15);
    double high = log(1.3);

    for (uint32_t i = 0; i < forest->count; i++) {
        const struct oc_interval *gain = &forest->rows[i].gain;
        low = fmin(low, gain->estimate);
        high = fmax(high, gain->estimate);
        low = isfinite(gain->low) ? fmin(low, gain->low) : low;
        high = isfinite(gain->high) ? fmax(high, gain->high) : high;
    }
    forest->scale = (struct oc_verify__scale){
        .from = fmax(low, -log(RATIO_MAX)) * 1.04,
        .to = fmin(high, log(RATIO_MAX)) * 1.04,
        .begin = PLOT_LEFT,
        .end = PLOT_RIGHT,
    };
}

static bool same_group(const struct forest *forest, uint32_t a, uint32_t b)
{
    const struct oc_comparison *one = forest->rows[a].comparison;
    const struct oc_comparison *other = forest->rows[b].comparison;
    const struct oc_verify_cell *cells = forest->report->data.cells;

    return one->metric == other->metric && cells[one->cell].scenario == cells[other->cell].scenario;
}

/* A part ends between groups, if that leaves at least half a page. */
static uint32_t part_end(const struct forest *forest, uint32_t begin)
{
    uint32_t lines = 0;
    uint32_t end = begin;
    uint32_t good = begin;

    while (end < forest->count && lines < PART_ROWS) {
        const bool heading = end == begin || !same_group(forest, end - 1, end);
        if (heading && lines > PART_ROWS / 2) {
            good = end;
        }
        lines += heading ? 2 : 1;
        end++;
    }
    return end == forest->count || good == begin ? end : good;
}

static void draw_part(const struct forest *forest, uint32_t begin, uint32_t end, uint32_t part)
{
    FILE *out = forest->out;
    const char *name = oc_pairs_name(forest->pair);
    double height = AXIS_PIXELS + 4.0;
    double top = AXIS_PIXELS;
    char id[48];
    char title[128];
    char description[400];

    for (uint32_t i = begin; i < end; i++) {
        height += i == begin || !same_group(forest, i - 1, i) ? 2.25 * ROW_PIXELS : ROW_PIXELS;
    }
    (void)snprintf(id, sizeof(id), "forest-%u-%" PRIu32, (unsigned)forest->pair, part);
    (void)snprintf(title, sizeof(title), "%s: gain of the candidate by cell, with intervals", name);
    (void)snprintf(description, sizeof(description),
                   "A forest plot. For each of %" PRIu32
                   " rows a point and an interval on a logarithmic axis of how many times as good "
                   "%s is as %s; the same figures stand in the table \"%s\" under Ratios.",
                   end - begin, oc_verify_stack_name(oc_pairs_candidate(forest->pair)),
                   oc_verify_stack_name(oc_pairs_current(forest->pair)), name);
    (void)fprintf(out, "<figure>\n");
    oc_verify__chart_begin(out, WIDTH, height, id, title, description);
    draw_axis(forest, top, height - 4.0);
    for (uint32_t i = begin; i < end; i++) {
        const struct row *row = &forest->rows[i];
        const struct oc_verify_cell *cell = &forest->report->data.cells[row->comparison->cell];
        if (i == begin || !same_group(forest, i - 1, i)) {
            top += 1.25 * ROW_PIXELS;
            oc_verify__chart_text(out, 0, top - 4.0, "b", "%s: %s",
                                  oc_verify_scenario_name(cell->scenario),
                                  oc_verify__words_metric(row->comparison->metric));
        }
        top += ROW_PIXELS;
        draw_row(forest, row, top - 4.0);
    }
    oc_verify__chart_end(out);
    (void)fprintf(out, "</figure>\n");
}

static void draw_axis(const struct forest *forest, double top, double bottom)
{
    /* In the order in which they may claim room. */
    static const double RATIOS[] = {1,    2,   0.5,  1.5, 3,   5,    10,  0.2,  20,
                                    0.1,  1.2, 0.8,  1.1, 0.9, 50,   0.7, 1.05, 4,
                                    0.05, 1.3, 0.95, 0.6, 1.4, 0.02, 30};
    FILE *out = forest->out;
    double taken[sizeof(RATIOS) / sizeof(RATIOS[0])];
    uint32_t count = 0;
    const double left = fmin(oc_verify__scale_at(&forest->scale, 0.0), PLOT_RIGHT - 150.0);

    oc_verify__chart_text(out, left, 11, "", "times as good (log) \xe2\x86\x92");
    for (size_t i = 0; i < sizeof(RATIOS) / sizeof(RATIOS[0]); i++) {
        double x = oc_verify__scale_at(&forest->scale, log(RATIOS[i]));
        bool room = x >= PLOT_LEFT - 0.5 && x <= PLOT_RIGHT + 0.5;
        for (uint32_t j = 0; j < count && room; j++) {
            room = fabs(taken[j] - x) >= TICK_PIXELS;
        }
        if (room) {
            taken[count++] = x;
            oc_verify__chart_text(out, x, 28, "m", "%g", RATIOS[i]);
            oc_verify__chart_line(out, RATIOS[i] == 1.0 ? "one" : "grid", x, 32, x, bottom);
        }
    }
    for (int side = -1; side <= 1; side += 2) {
        double x = oc_verify__scale_at(&forest->scale, side * log1p(OC_EQUIVALENCE_MARGIN));
        oc_verify__chart_line(out, "zone", x, top, x, bottom);
    }
}

static void draw_row(const struct forest *forest, const struct row *row, double y)
{
    const struct oc_comparison *comparison = row->comparison;
    const struct oc_verify_cell *cell = &forest->report->data.cells[comparison->cell];
    const double bound = comparison->resolution.bound;
    const double threshold = threshold_of(forest, comparison);
    FILE *out = forest->out;
    char name[NAME_BYTES];
    char text[2][OC_VERIFY__WORDS_BYTES];
    double left = clamp(forest, isfinite(bound) ? -bound : -INFINITY);
    double right = clamp(forest, isfinite(bound) ? bound : INFINITY);

    short_name(cell, name);
    oc_verify__chart_text(out, 8, y, "", "%s", name);
    (void)fprintf(out,
                  "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n",
                  comparison->resolution.borrowed || !isfinite(bound) ? "aa pale" : "aa", left,
                  y - 9.5, right - left, 11.0);
    draw_interval(forest, row, y - 4.0);
    if (isfinite(threshold)) {
        double x = clamp(forest, threshold);
        oc_verify__chart_line(out, "gate", x, y - 11.5, x, y + 3.5);
    }
    oc_verify__chart_text(out, VALUES_LEFT, y, "", "%s",
                          oc_verify__words_values(comparison->metric, comparison->current_median,
                                                  comparison->candidate_median, text[0]));
    oc_verify__chart_text(out, CHANGE_END, y, "e", "%s",
                          oc_verify__words_changes(&comparison->ratio, text[1]));
    oc_verify__chart_text(out, WORD_LEFT, y, "", "%s", oc_verdict_text(comparison->verdict));
}

static void draw_interval(const struct forest *forest, const struct row *row, double y)
{
    const struct oc_interval *gain = &row->gain;
    const enum oc_verdict verdict = row->comparison->verdict;
    FILE *out = forest->out;
    double low = clamp(forest, gain->low);
    double high = clamp(forest, gain->high);
    double x = clamp(forest, gain->estimate);

    /* Without any bound there is no interval to draw. */
    if (isfinite(gain->low) || isfinite(gain->high)) {
        oc_verify__chart_line(out, "whisker", low, y, high, y);
    }
    /* An end that is off the plot has an arrow head. */
    if (gain->low < forest->scale.from && isfinite(gain->high)) {
        (void)fprintf(out, "<path class=\"mark\" d=\"M%.1f,%.1f l5,-3 v6 z\"/>\n", low, y);
    }
    if (gain->high > forest->scale.to && isfinite(gain->low)) {
        (void)fprintf(out, "<path class=\"mark\" d=\"M%.1f,%.1f l-5,-3 v6 z\"/>\n", high, y);
    }
    if (verdict == OC_VERDICT_EQUAL) {
        (void)fprintf(out,
                      "<rect class=\"mark\" x=\"%.1f\" y=\"%.1f\" width=\"7\" height=\"7\"/>\n",
                      x - 3.5, y - 3.5);
    } else {
        (void)fprintf(
            out, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.6\"/>\n",
            verdict == OC_VERDICT_BETTER || verdict == OC_VERDICT_WORSE ? "mark" : "hollow", x, y);
    }
}

/* NaN where no reading of the gate is about this. */
static double threshold_of(const struct forest *forest, const struct oc_comparison *comparison)
{
    const struct oc_gate *gate = &forest->report->judgement.gates[forest->pair];

    for (uint32_t i = 0; i < OC_GATE_CRITERIA; i++) {
        for (uint32_t j = 0; j < gate->criteria[i].reading_count; j++) {
            const struct oc_gate_reading *reading = &gate->criteria[i].readings[j];
            if (reading->cell == comparison->cell && reading->metric == comparison->metric) {
                return reading->threshold;
            }
        }
    }
    return NAN;
}

static double clamp(const struct forest *forest, double gain)
{
    double inside = isnan(gain) ? 0.0 : fmin(fmax(gain, forest->scale.from), forest->scale.to);

    return oc_verify__scale_at(&forest->scale, inside);
}

/* Without the scenario, which stands above: "window-16, same-core". */
static void short_name(const struct oc_verify_cell *cell, char text[NAME_BYTES])
{
    const char *slash = strchr(cell->name, '/');
    char *other;

    (void)snprintf(text, NAME_BYTES, "%s", slash != NULL ? slash + 1 : cell->name);
    other = strrchr(text, '/');
    if (other != NULL && strlen(text) + 2 < NAME_BYTES) {
        memmove(other + 2, other + 1, strlen(other + 1) + 1);
        other[0] = ',';
        other[1] = ' ';
    }
}
