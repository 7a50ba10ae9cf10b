/*
 * Scales, ticks and SVG elements.
 */
#include "verify/report_chart.h"

#include <math.h>
#include <stdarg.h>

#include "core/assert.h"
#include "verify/report_page.h"

#define LABEL_PIXELS 11.5
#define TEXT_BYTES   512U

void oc_verify__chart_begin(FILE *out, double width, double height, const char *id,
                            const char *title, const char *description)
{
    (void)fprintf(out,
                  "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" "
                  "role=\"img\" aria-labelledby=\"%s-t %s-d\">\n<title id=\"%s-t\">",
                  width, height, id, id, id);
    oc_verify__page_escape(out, OC_VERIFY__PAGE_HTML, title);
    (void)fprintf(out, "</title>\n<desc id=\"%s-d\">", id);
    oc_verify__page_escape(out, OC_VERIFY__PAGE_HTML, description);
    (void)fprintf(out, "</desc>\n");
}

void oc_verify__chart_end(FILE *out)
{
    (void)fprintf(out, "</svg>\n");
}

void oc_verify__chart_text(FILE *out, double x, double y, const char *class, const char *format,
                           ...)
{
    char text[TEXT_BYTES];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    (void)fprintf(out, "<text x=\"%.1f\" y=\"%.1f\"", x, y);
    if (class[0] != '\0') {
        (void)fprintf(out, " class=\"%s\"", class);
    }
    (void)fprintf(out, ">");
    oc_verify__page_escape(out, OC_VERIFY__PAGE_HTML, text);
    (void)fprintf(out, "</text>\n");
}

void oc_verify__chart_line(FILE *out, const char *class, double x1, double y1, double x2, double y2)
{
    (void)fprintf(out, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
                  class, x1, y1, x2, y2);
}

double oc_verify__scale_at(const struct oc_verify__scale *scale, double value)
{
    double share = scale->logarithmic ? log(value / scale->from) / log(scale->to / scale->from)
                                      : (value - scale->from) / (scale->to - scale->from);

    return scale->begin + share * (scale->end - scale->begin);
}

uint32_t oc_verify__scale_ticks(const struct oc_verify__scale *scale, uint32_t wanted,
                                double ticks[OC_VERIFY__CHART_TICKS_MAX])
{
    static const double STEPS[] = {1, 2, 5};
    uint32_t count = 0;

    if (scale->logarithmic) {
        /* Only powers of ten when 1, 2, 5 would be too many. */
        const bool sparse = log10(scale->to / scale->from) * 3.0 > (double)wanted + 2.0;
        for (int power = (int)floor(log10(scale->from)); power <= (int)ceil(log10(scale->to));
             power++) {
            for (uint32_t i = 0; i < (sparse ? 1U : 3U); i++) {
                double tick = STEPS[i] * pow(10.0, power);
                if (tick >= scale->from * 0.9999 && tick <= scale->to * 1.0001 &&
                    count < OC_VERIFY__CHART_TICKS_MAX) {
                    ticks[count++] = tick;
                }
            }
        }
    } else {
        double rough = (scale->to - scale->from) / (wanted > 0 ? wanted : 1);
        double unit = pow(10.0, floor(log10(rough)));
        double step = rough / unit <= 2.0   ? 2.0 * unit
                      : rough / unit <= 5.0 ? 5.0 * unit
                                            : 10.0 * unit;
        double first = ceil(scale->from / step) * step;
        while (count < OC_VERIFY__CHART_TICKS_MAX &&
               first + count * step <= scale->to + step * 1e-6) {
            ticks[count] = first + count * step;
            count++;
        }
    }
    return count;
}

void oc_verify__chart_labels(FILE *out, struct oc_verify__label *labels, uint32_t count, double x,
                             double top, double bottom)
{
    double room = bottom;

    OC_ASSERT(count <= OC_VERIFY__CHART_LABELS_MAX);
    for (uint32_t i = 1; i < count; i++) {
        struct oc_verify__label label = labels[i];
        uint32_t at = i;
        for (; at > 0 && labels[at - 1].y > label.y; at--) {
            labels[at] = labels[at - 1];
        }
        labels[at] = label;
    }
    for (uint32_t i = 0; i < count; i++) {
        double least = i == 0 ? top : labels[i - 1].label_y + LABEL_PIXELS;
        labels[i].label_y = labels[i].y > least ? labels[i].y : least;
    }
    for (uint32_t i = count; i-- > 0;) {
        labels[i].label_y = labels[i].label_y < room ? labels[i].label_y : room;
        room = labels[i].label_y - LABEL_PIXELS;
    }
    for (uint32_t i = 0; i < count; i++) {
        (void)fprintf(out, "<polyline class=\"lead\" points=\"%.1f,%.1f %.1f,%.1f %.1f,%.1f\"/>\n",
                      labels[i].x, labels[i].y, x - 8.0, labels[i].y, x - 2.0, labels[i].label_y);
        (void)fprintf(out, "<g class=\"t%u\">", labels[i].style);
        oc_verify__chart_text(out, x, labels[i].label_y + 3.5, "", "%s", labels[i].text);
        (void)fprintf(out, "</g>\n");
    }
}
