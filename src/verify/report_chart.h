/*
 * What the figures of the HTML report are drawn with: scales, ticks, lines, direct labels. SVG,
 * inline, without scripts; colours and dashes come from the page's style by class, so that dark
 * mode and print need no other drawing.
 */
#ifndef OC_VERIFY_REPORT_CHART_H
#define OC_VERIFY_REPORT_CHART_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define OC_VERIFY__CHART_TICKS_MAX  16U
#define OC_VERIFY__CHART_LABELS_MAX 8U

/** From values to pixels. */
struct oc_verify__scale {
    bool logarithmic;
    double from; /* value at `begin` */
    double to;   /* value at `end`, not equal to `from` */
    double begin;
    double end;
};

/** A label at the right of a line's end. */
struct oc_verify__label {
    const char *text;
    double x; /* where the line ends */
    double y;
    double label_y; /* out: where the label has room */
    uint32_t style; /* of the line: class "sN" */
};

/** Begins a drawing. @id  unique on the page. @description  what it shows, for who cannot see it.
 */
void oc_verify__chart_begin(FILE *out, double width, double height, const char *id,
                            const char *title, const char *description);
void oc_verify__chart_end(FILE *out);

/** Text, escaped. @class  of the page's style: "e" is anchored at its end, "m" in the middle. */
void oc_verify__chart_text(FILE *out, double x, double y, const char *class, const char *format,
                           ...) __attribute__((format(printf, 5, 6)));

void oc_verify__chart_line(FILE *out, const char *class, double x1, double y1, double x2,
                           double y2);

/** Where a value lies, in pixels. Finite for every finite value (above 0, if logarithmic). */
double oc_verify__scale_at(const struct oc_verify__scale *scale, double value);

/**
 * Round numbers within a scale: 1, 2, 5 times powers of ten if it is logarithmic, else equal steps.
 *
 * Returns their count, at most OC_VERIFY__CHART_TICKS_MAX.
 */
uint32_t oc_verify__scale_ticks(const struct oc_verify__scale *scale, uint32_t wanted,
                                double ticks[OC_VERIFY__CHART_TICKS_MAX]);

/** Pushes labels apart, so that none covers another, between top and bottom; draws them at x. */
void oc_verify__chart_labels(FILE *out, struct oc_verify__label *labels, uint32_t count, double x,
                             double top, double bottom);

#endif
