/*
 * The sections of a report that say what was measured, and on what: medians by cell and stack, the
 * host, the resolution of the instrument, what was excluded. The same for every format.
 */
#ifndef OC_VERIFY_REPORT_MEASURED_H
#define OC_VERIFY_REPORT_MEASURED_H

#include "verify/report_page.h"
#include "verify/verify.h"

/** One line: what, when, where, how. */
void oc_verify__measured_head(struct oc_verify__page *page, const struct oc_verify_report *report);

/** A row for each cell, a column for each stack: the main figure, and as a multiple of the floor.
 */
void oc_verify__measured_overview(struct oc_verify__page *page,
                                  const struct oc_verify_report *report);

/** A table for each cell: all figures of all stacks. */
void oc_verify__measured_figures(struct oc_verify__page *page,
                                 const struct oc_verify_report *report);

/** What two runs of the same program differ by. */
void oc_verify__measured_resolution(struct oc_verify__page *page,
                                    const struct oc_verify_report *report);

/** Blocks and runs that do not count, by cell and stack. */
void oc_verify__measured_exclusions(struct oc_verify__page *page,
                                    const struct oc_verify_report *report);

/** The stacks, the host and the command line. */
void oc_verify__measured_environment(struct oc_verify__page *page,
                                     const struct oc_verify_report *report);

#endif
