/*
 * How a failing seed speaks: what was wrong, the tail of what happened, and the command that
 * repeats it. There is one running seed at a time, and a failure ends the process.
 */
#ifndef OC_TESTS_SIM_REPORT_H
#define OC_TESTS_SIM_REPORT_H

#include <stdint.h>

#include "io/sim.h"

/** Once, first: failing assertions, faults of memory and hanging seeds are reported too. */
void report_init(void);

/**
 * From here on failures are of this seed, whose network is `net`. What the server logs is kept for
 * the report, or shown at once if `is_verbose`, together with the whole trace.
 */
void report_begin(uint64_t seed, struct oc_io_sim *net, bool is_verbose);

/** The seed is over: its network is no longer looked at. */
void report_end(void);

/** Prints the report and exits with 1. */
void report_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
