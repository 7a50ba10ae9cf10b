/*
 * One server process: started fresh for a run, pinned, awaited until it listens, asked for its
 * counters, ended.
 *
 * Every server that verify starts prints "listening on HOST:PORT" on stderr, ours and others'. It
 * dies with the thread that started it, whatever happens to that.
 */
#ifndef OC_VERIFY_CHILD_H
#define OC_VERIFY_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "io/socket.h"
#include "verify/counters.h"

#define OC_VERIFY__WHY_BYTES 128U
#define OC_VERIFY__LOG_BYTES 16384U

struct oc_verify__child {
    pid_t pid; /* 0: none */
    int log_fd;
    struct oc_io_address address;   /* that it listens on */
    char log[OC_VERIFY__LOG_BYTES]; /* what it said; when it is full the older half goes */
    uint32_t log_size;
};

/**
 * Starts argv[0] (a path) on CPU `cpu` only and waits until it listens, at most 10 s.
 * Returns 0, or -1 with the reason in `why`; nothing is left running then.
 */
int oc_verify__child_start(struct oc_verify__child *child, const char *const argv[], int cpu,
                           char why[OC_VERIFY__WHY_BYTES]);

/** Asks an echo server of ours for its counters. False if they did not come within a second. */
bool oc_verify__child_counters(struct oc_verify__child *child, struct oc_verify_counters *counters);

/**
 * Ends it: SIGTERM, and SIGKILL after 3 s. Its whole log is in `log` then. Harmless when nothing
 * runs.
 */
void oc_verify__child_stop(struct oc_verify__child *child);

/**
 * Runs a program to its end, at most 3 s, and keeps the first line that it says; empty if it says
 * none.
 */
void oc_verify__child_first_line(const char *const argv[], char *line, size_t size);

/** Reads HOST:PORT behind "listening on ". False if the text has no such line (yet). Pure. */
bool oc_verify__child_find_address(const char *text, char *address, size_t size);

#endif
