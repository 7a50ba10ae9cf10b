/*
 * Thresholds and durations: text to numbers and back.
 *
 * strtod would follow the locale and accept "inf", "0x10" and blanks; people's typing errors must
 * be errors. Therefore digits are read by hand.
 */
#include "client/threshold.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct unit {
    const char *name;
    double factor;
};

static const struct unit duration_units[] = {
    {"ns", 1.0}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9},
};

static const struct unit count_units[] = {
    {"", 1.0},
    {"k", 1e3},
    {"M", 1e6},
};

static bool number_read(const char **text, double *value);
static bool unit_find(const struct unit *units, size_t count, const char *text, double *factor);
static bool figure_read(const char **text, struct oc_threshold *threshold);
static bool relation_read(const char **text, enum oc_relation *relation);

int oc_threshold_parse(const char *text, struct oc_threshold *threshold, char *error,
                       size_t error_size)
{
    const char *next = text;
    double factor = 1.0;
    bool is_duration;

    memset(threshold, 0, sizeof(*threshold));
    if (!figure_read(&next, threshold)) {
        (void)snprintf(error, error_size,
                       "'%s' begins with no figure: say p50, p99.9, max, mean, lag, rate or "
                       "rejects",
                       text);
        return -EINVAL;
    }
    if (!relation_read(&next, &threshold->relation)) {
        (void)snprintf(error, error_size, "'%s' needs <, <=, > or >= behind the figure", text);
        return -EINVAL;
    }
    if (!number_read(&next, &threshold->limit)) {
        (void)snprintf(error, error_size, "'%s' needs a number behind the relation", text);
        return -EINVAL;
    }
    is_duration = threshold->figure != OC_FIGURE_RATE && threshold->figure != OC_FIGURE_REJECTS;
    if (is_duration) {
        if (!unit_find(duration_units, sizeof(duration_units) / sizeof(duration_units[0]), next,
                       &factor)) {
            (void)snprintf(error, error_size, "'%s' needs a unit at its end: ns, us, ms or s",
                           text);
            return -EINVAL;
        }
    } else if (!unit_find(count_units, sizeof(count_units) / sizeof(count_units[0]), next,
                          &factor)) {
        (void)snprintf(error, error_size, "'%s' ends with neither a number, k nor M", text);
        return -EINVAL;
    }
    threshold->limit *= factor;
    return 0;
}

bool oc_threshold_holds(const struct oc_threshold *threshold, const struct oc_figures *figures,
                        double *actual)
{
    double value = 0.0;

    switch (threshold->figure) {
    case OC_FIGURE_PERCENTILE:
        value = (double)oc_histogram_percentile_ns(figures->latency, threshold->percentile);
        break;
    case OC_FIGURE_MAX:
        value = (double)oc_histogram_max_ns(figures->latency);
        break;
    case OC_FIGURE_MEAN:
        value = oc_histogram_mean_ns(figures->latency);
        break;
    case OC_FIGURE_LAG:
        value = (double)oc_histogram_percentile_ns(figures->lag, 99.0);
        break;
    case OC_FIGURE_RATE:
        value = figures->rate;
        break;
    case OC_FIGURE_REJECTS:
        value = (double)figures->rejects;
        break;
    }
    *actual = value;
    switch (threshold->relation) {
    case OC_BELOW:
        return value < threshold->limit;
    case OC_AT_MOST:
        return value <= threshold->limit;
    case OC_ABOVE:
        return value > threshold->limit;
    case OC_AT_LEAST:
        return value >= threshold->limit;
    }
    return false;
}

int oc_duration_parse(const char *text, uint64_t *duration_ns)
{
    const char *next = text;
    double value;
    double factor = 0.0;

    if (!number_read(&next, &value)) {
        return -EINVAL;
    }
    if (!(value == 0.0 && *next == '\0') &&
        !unit_find(duration_units, sizeof(duration_units) / sizeof(duration_units[0]), next,
                   &factor)) {
        return -EINVAL;
    }
    /* 2^63 is exact as a double; what is below converts without overflow. */
    if (value * factor >= 9223372036854775808.0) {
        return -EINVAL;
    }
    *duration_ns = (uint64_t)(value * factor + 0.5);
    return 0;
}

char *oc_duration_format(double duration_ns, char *text, size_t size)
{
    if (duration_ns < 1e3) {
        (void)snprintf(text, size, "%.0f ns", duration_ns);
    } else if (duration_ns < 1e6) {
        (void)snprintf(text, size, "%.1f us", duration_ns / 1e3);
    } else if (duration_ns < 1e9) {
        (void)snprintf(text, size, "%.2f ms", duration_ns / 1e6);
    } else {
        (void)snprintf(text, size, "%.2f s", duration_ns / 1e9);
    }
    return text;
}

/* Digits with at most one point; at least one digit. At most 18 digits, so that nothing rounds
 * away. */
static bool number_read(const char **text, double *value)
{
    const char *next = *text;
    double result = 0.0;
    double scale = 1.0;
    bool fraction = false;
    unsigned digits = 0;

    for (;; next++) {
        if (*next == '.' && !fraction) {
            fraction = true;
            continue;
        }
        if (*next < '0' || *next > '9') {
            break;
        }
        if (++digits > 18) {
            return false;
        }
        result = result * 10.0 + (double)(*next - '0');
        scale = fraction ? scale * 10.0 : scale;
    }
    if (digits == 0) {
        return false;
    }
    *value = result / scale;
    *text = next;
    return true;
}

static bool unit_find(const struct unit *units, size_t count, const char *text, double *factor)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(units[i].name, text) == 0) {
            *factor = units[i].factor;
            return true;
        }
    }
    return false;
}

static bool figure_read(const char **text, struct oc_threshold *threshold)
{
    static const struct {
        const char *name;
        enum oc_figure figure;
    } names[] = {
        {"max", OC_FIGURE_MAX},   {"mean", OC_FIGURE_MEAN},       {"lag", OC_FIGURE_LAG},
        {"rate", OC_FIGURE_RATE}, {"rejects", OC_FIGURE_REJECTS},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t size = strlen(names[i].name);
        if (strncmp(*text, names[i].name, size) == 0) {
            threshold->figure = names[i].figure;
            *text += size;
            return true;
        }
    }
    if (**text != 'p') {
        return false;
    }
    (*text)++;
    threshold->figure = OC_FIGURE_PERCENTILE;
    return number_read(text, &threshold->percentile) && threshold->percentile <= 100.0;
}

static bool relation_read(const char **text, enum oc_relation *relation)
{
    bool below = **text == '<';

    if (!below && **text != '>') {
        return false;
    }
    (*text)++;
    if (**text == '=') {
        (*text)++;
        *relation = below ? OC_AT_MOST : OC_AT_LEAST;
    } else {
        *relation = below ? OC_BELOW : OC_ABOVE;
    }
    return true;
}
