/*
 * CPUs for threads: what `--cpus LIST` says, and what a thread does with its one.
 */
#ifndef OC_SERVER_CPUS_H
#define OC_SERVER_CPUS_H

#include <stddef.h>
#include <stdint.h>

/**
 * Reads "0,2-5": numbers and ranges, in the order in which threads take them; one that is named
 * twice is given to two threads. At most `max` of them. Returns 0 and *count, or -1 with one line
 * of text in `error`.
 */
int oc_cpus_parse(const char *text, uint32_t *cpus, uint32_t max, uint32_t *count, char *error,
                  size_t error_size);

/**
 * Whether this process may run on all of them. Returns 0, or -1 with one line of text in `error`
 * that names the first where it may not, and those where it may. Any thread.
 */
int oc_cpus_check(const uint32_t *cpus, uint32_t count, char *error, size_t error_size);

/**
 * Names the calling thread (at most 15 bytes; NULL: it keeps its name) and pins it to the CPU (-1:
 * it stays free). A CPU that oc_cpus_check() allowed and that went away since is not fatal.
 */
void oc_cpus_settle(const char *name, int cpu);

#endif
