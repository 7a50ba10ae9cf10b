/*
 * The report as Markdown, for documents and issues.
 */
#ifndef OC_VERIFY_REPORT_MARKDOWN_H
#define OC_VERIFY_REPORT_MARKDOWN_H

#include <stddef.h>

#include "verify/verify.h"

/**
 * Writes the file, by way of PATH.part. Returns 0, or -1 with a sentence in `error`.
 */
int oc_verify_report_markdown(const struct oc_verify_report *report, const char *path, char *error,
                              size_t error_size);

#endif
