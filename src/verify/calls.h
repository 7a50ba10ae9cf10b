/*
 * System calls of any process, counted by the kernel's tracepoint.
 *
 * Our backends count their own; others do not. Counting costs time at each call, so it is switched
 * on only for a short stretch of the same load behind the measured period. Needs
 * /sys/kernel/tracing and the right to use it (root, or perf_event_paranoid below 0).
 */
#ifndef OC_VERIFY_CALLS_H
#define OC_VERIFY_CALLS_H

#include <stdint.h>
#include <sys/types.h>

#define OC_VERIFY__CALLS_TASKS_MAX 64U

struct oc_verify__calls {
    int fds[OC_VERIFY__CALLS_TASKS_MAX];
    uint32_t count;
};

/**
 * Begins to count for all tasks that the process has now.
 * Returns 0, or -errno: -ENOENT without the tracepoint, -EACCES without the right, -E2BIG for more
 * than OC_VERIFY__CALLS_TASKS_MAX tasks.
 */
int oc_verify__calls_begin(struct oc_verify__calls *calls, pid_t pid);

/** Ends it and returns the calls since. */
uint64_t oc_verify__calls_end(struct oc_verify__calls *calls);

#endif
