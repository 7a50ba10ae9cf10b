/*
 * The figures of the HTML report: ratios as a forest plot, percentile curves, CPU time by
 * connections. Every one says in words what it shows, and its figures stand in tables too.
 */
#ifndef OC_VERIFY_REPORT_FIGURES_H
#define OC_VERIFY_REPORT_FIGURES_H

#include <stdbool.h>
#include <stdio.h>

#include "verify/verify.h"

/**
 * Ratio intervals of a pair: the main figure of each cell, then the server's CPU time. To the right
 * is better for the candidate. The zone of +-3 %, the A/A bound of each row and the thresholds of
 * the gate are drawn. Nothing is drawn for a pair without comparisons.
 */
void oc_verify__figure_forest(const struct oc_verify_report *report, enum oc_verify_pair pair,
                              FILE *out);

/** Percentile curves of the cells in which latency is the question, on a logarithmic axis. */
void oc_verify__figure_percentiles(const struct oc_verify_report *report, FILE *out);

/**
 * CPU time per request by number of connections, of the stress cells that are not void: one drawing
 * for each placement and window that has two or more numbers of connections.
 *
 * @out  NULL: nothing is drawn.
 * Returns whether there is anything to draw.
 */
bool oc_verify__figure_connections(const struct oc_verify_report *report, FILE *out);

#endif
