/*
 * What a server of ours tells about itself: its backend's counters as one line of its log.
 *
 *   network counters: system_calls=N polls=N received=N ...
 *
 * A venue logs the line when it stops, an echo server whenever SIGUSR2 comes. The latter's is put
 * together without stdio, so that a signal handler may do it.
 */
#ifndef OC_VERIFY_COUNTERS_H
#define OC_VERIFY_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "io/io.h"

struct oc_verify_counters {
    uint64_t system_calls;
    uint64_t polls;
    uint64_t received; /* pieces of input: events of the kind RECEIVED */
    uint64_t received_bytes;
    uint64_t sends;
    uint64_t sent_bytes;
    uint64_t rearms;
    uint64_t overflows;
};

/** Takes what concerns verify out of a backend's counters. */
void oc_verify_counters_take(const struct oc_io_stats *stats, struct oc_verify_counters *counters);

/** Writes the line. Async-signal-safe; a failed write is not told. */
void oc_verify_counters_write(int fd, const struct oc_verify_counters *counters);

/**
 * Reads the last complete line of counters in a log. Names that are not there count as 0, but
 * system_calls must be. False if there is no such line: *counters is unchanged then. Pure.
 */
bool oc_verify_counters_find(const char *log, struct oc_verify_counters *counters);

#endif
