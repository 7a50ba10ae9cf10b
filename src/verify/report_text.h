/*
 * The report for the terminal: figures first, the decision last.
 */
#ifndef OC_VERIFY_REPORT_TEXT_H
#define OC_VERIFY_REPORT_TEXT_H

#include <stdio.h>

#include "verify/verify.h"

/** Prints it. */
void oc_verify_report_text(const struct oc_verify_report *report, FILE *out);

#endif
