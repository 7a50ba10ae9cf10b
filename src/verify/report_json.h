/*
 * The report as JSON: everything that was measured, judged and known of the host, for programs and
 * for other reports of the same data.
 */
#ifndef OC_VERIFY_REPORT_JSON_H
#define OC_VERIFY_REPORT_JSON_H

#include <stddef.h>

#include "verify/verify.h"

/**
 * Writes the file, by way of PATH.part, so that a reader sees all of it or nothing. Returns 0, or
 * -1 with a sentence in `error`.
 */
int oc_verify_report_json(const struct oc_verify_report *report, const char *path, char *error,
                          size_t error_size);

#endif
