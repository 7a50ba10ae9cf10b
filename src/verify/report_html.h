/*
 * The report as one HTML page that needs nothing else: no script, no font, no picture from outside.
 * It reads printed on A4 and in dark mode, and is well-formed XML.
 */
#ifndef OC_VERIFY_REPORT_HTML_H
#define OC_VERIFY_REPORT_HTML_H

#include <stddef.h>
#include <stdio.h>

#include "verify/verify.h"

/**
 * Writes the file, by way of PATH.part. Returns 0, or -1 with a sentence in `error`.
 */
int oc_verify_report_html(const struct oc_verify_report *report, const char *path, char *error,
                          size_t error_size);

/** Head and style of a page, up to where its content begins; and its end. */
void oc_verify__html_begin(FILE *out, const char *title);
void oc_verify__html_end(FILE *out);

#endif
