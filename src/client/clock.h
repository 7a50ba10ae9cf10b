/*
 * The time of the client room: monotonic, so that the latencies it measures and the deadlines it
 * keeps do not move with the system's clock.
 */
#ifndef OC_CLIENT_CLOCK_H
#define OC_CLIENT_CLOCK_H

#include <stdint.h>
#include <time.h>

/** Now, in ns since an arbitrary point. */
static inline uint64_t oc_client__clock_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

#endif
