/*
 * Two measurements side by side: two hosts, or two days of one.
 *
 * Within one measurement runs are paired; between two they are not, and what changed between the
 * two days is in every figure. So the differences of the hosts come first, and a comparison across
 * versions, settings or plans is warned of.
 */
#ifndef OC_VERIFY_REPORT_COMPARE_H
#define OC_VERIFY_REPORT_COMPARE_H

#include <stddef.h>
#include <stdio.h>

/** What to compare and where to. */
struct oc_verify_compare {
    const char *paths[2]; /* of `outcry verify --json` */
    const char *html;     /* NULL: none */
    const char *markdown; /* NULL: none */
};

/**
 * Reads both files, prints to `out` and writes the files that are asked for.
 *
 * Returns 0, or with a sentence in `error` -EINVAL (a file cannot be read or is no report; the
 * place where it is wrong is named) or -1 (nothing could be written).
 */
int oc_verify_compare_print(const struct oc_verify_compare *compare, FILE *out, char *error,
                            size_t error_size);

#endif
