/*
 * UTC for commands, from the monotonic time that poll() returns: one clock is read for each turn.
 *
 * The offset between the two clocks is looked at once a second, so that steps of the system's clock
 * are followed; the result never decreases.
 */
#ifndef OC_SERVER_CLOCK_H
#define OC_SERVER_CLOCK_H

#include <stdint.h>

struct oc_clock {
    uint64_t offset_ns; /* UTC minus monotonic */
    uint64_t offset_read_ns;
    uint64_t last_utc_ns;
};

/** Reads the offset for the first time. */
void oc_clock_init(struct oc_clock *clock);

/** UTC in ns since 1970 at the monotonic time `now_ns`; never less than the last result. */
uint64_t oc_clock_utc_ns(struct oc_clock *clock, uint64_t now_ns);

#endif
