/*
 * The times of the verify room: monotonic for latencies, and the CPU time of processes.
 */
#ifndef OC_VERIFY_CLOCK_H
#define OC_VERIFY_CLOCK_H

#include <stdint.h>
#include <time.h>

/** A clock in ns. */
static inline uint64_t oc_verify__clock_of(clockid_t clock)
{
    struct timespec now = {0};

    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/** Now, in ns since an arbitrary point. */
static inline uint64_t oc_verify__clock_ns(void)
{
    return oc_verify__clock_of(CLOCK_MONOTONIC);
}

#endif
