/*
 * Figures as words: what all reports say alike.
 *
 * Every function writes plain ASCII into the caller's buffer and returns it. What was not measured
 * is said; "nan" and "inf" never come out.
 */
#ifndef OC_VERIFY_REPORT_WORDS_H
#define OC_VERIFY_REPORT_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "verify/verify.h"

#define OC_VERIFY__WORDS_BYTES    160U
#define OC_VERIFY__SENTENCE_BYTES 1024U

/** Where it was measured: "this host, loopback", "this host, by an agent" or "two hosts". Static
 * text. */
const char *oc_verify__words_where(const struct oc_verify_report *report);

/** Whether the servers ran on another host: an agent may run on this one, which boots once. */
bool oc_verify__words_apart(const struct oc_verify_report *report);

/** A metric as people name it: "p99 latency". Static text. */
const char *oc_verify__words_metric(enum oc_verify_metric metric);

/**
 * A value with its unit: "41.20 us", "123,456 /s", "12.3 MiB"; "-" for NaN. Times are in us with
 * two decimals up to 100 ms, so that a column can be compared by eye.
 */
const char *oc_verify__words_value(enum oc_verify_metric metric, double value,
                                   char text[OC_VERIFY__WORDS_BYTES]);

/** "41.20 to 25.60 us". */
const char *oc_verify__words_values(enum oc_verify_metric metric, double current, double candidate,
                                    char text[OC_VERIFY__WORDS_BYTES]);

/** A log ratio as a change: "-12.3 %", from twice on "x 2.31"; "-" for NaN. */
const char *oc_verify__words_change(double log_ratio, char text[OC_VERIFY__WORDS_BYTES]);

/** The change with its interval: "-12.3 % (-14.0 to -10.1)". */
const char *oc_verify__words_changes(const struct oc_interval *log_ratio,
                                     char text[OC_VERIFY__WORDS_BYTES]);

/** The ratio with its interval: "0.620 (0.599 to 0.648)". */
const char *oc_verify__words_ratio(const struct oc_interval *log_ratio,
                                   char text[OC_VERIFY__WORDS_BYTES]);

/**
 * A bound of the resolution, which is as far to either side as a ratio: "-28.3 to +39.5 %", or
 * beside ratios "x 1.395"; "none".
 */
const char *oc_verify__words_bound(double bound, char text[OC_VERIFY__WORDS_BYTES]);
const char *oc_verify__words_bound_ratio(double bound, char text[OC_VERIFY__WORDS_BYTES]);

/** What a reading measured, as the change of its metric: a gain of latency is a fall. */
const char *oc_verify__words_reading(const struct oc_gate_reading *reading,
                                     char text[OC_VERIFY__WORDS_BYTES]);

/** The value of a finding in its unit, with interval; "-" where there is none. */
const char *oc_verify__words_finding(const struct oc_claim_finding *finding,
                                     char text[OC_VERIFY__WORDS_BYTES]);

/** What a claim asks for: "at least 47 %", "3.00 to 5.00 us". */
const char *oc_verify__words_claim(const struct oc_claim *claim, char text[OC_VERIFY__WORDS_BYTES]);

/**
 * Cells by name, those of one scenario and placement together: "stress/{1, 64}/same-core". What
 * does not fit is cut.
 */
const char *oc_verify__words_cells(const struct oc_verify_cell *all, const uint32_t *cells,
                                   uint32_t count, char text[OC_VERIFY__SENTENCE_BYTES]);

/** Why a cell is void: "void: 3 of 8 blocks excluded (...)"; "" if it is not. */
const char *oc_verify__words_void(const struct oc_cell_account *account,
                                  char text[OC_VERIFY__WORDS_BYTES]);

/**
 * Of a search for a capacity, what the servers hold at least, by the runs in which the generator
 * met its own limit first: "at least 213,000 /s on epoll (12 runs)"; "" if there are none.
 */
const char *oc_verify__words_at_least(const struct oc_verify_report *report, uint32_t cell,
                                      char text[OC_VERIFY__SENTENCE_BYTES]);

/** The verdict of a comparison, with the reason if there is none. */
const char *oc_verify__words_verdict(const struct oc_comparison *comparison,
                                     char text[OC_VERIFY__WORDS_BYTES]);

/** Of a claim, why a pair's column is empty: "tokio not measured"; "" if both stacks are there. */
const char *oc_verify__words_absent(const struct oc_verify_report *report, enum oc_verify_pair pair,
                                    char text[OC_VERIFY__WORDS_BYTES]);

/** The main figure of a cell: its primary metric, or the rate where it measures a capacity. */
enum oc_verify_metric oc_verify__words_main(const struct oc_verify_cell *cell);

/** The criteria of the gate, in their order: "ping-pong latency". Static text. */
const char *oc_verify__words_criterion(uint32_t criterion);

/** The decision for a pair in one sentence. */
const char *oc_verify__words_decision(const struct oc_verify_report *report,
                                      enum oc_verify_pair pair,
                                      char text[OC_VERIFY__SENTENCE_BYTES]);

/** Why something is undecided, in few words, for tables. Static text. */
const char *oc_verify__words_why(enum oc_undecided why);

/**
 * By which metric a stack's time is held against the floor in a cell: its primary one, or the
 * median latency or the rate, whichever the floor has. NaN where the floor did not run. A rate
 * counts as time for each request, so that 2 is twice as slow for both.
 */
double oc_verify__words_multiple(const struct oc_verify_report *report, uint32_t cell,
                                 enum oc_verify_stack stack);

/** Why a stack has no figures in a cell; "" where none were planned. */
const char *oc_verify__words_missing(const struct oc_verify_report *report, uint32_t cell,
                                     enum oc_verify_stack stack);

/** Whether a stack has a kept run in a cell. */
bool oc_verify__words_measured(const struct oc_verify_report *report, uint32_t cell,
                               enum oc_verify_stack stack);

/** Whether a pair was asked for and is one to decide on (A/A is not). */
bool oc_verify__words_asked(const struct oc_verify_report *report, enum oc_verify_pair pair);

#endif
