/*
 * UTC from monotonic time, by an offset that is looked at once a second.
 */
#include "server/clock.h"

#include <time.h>

#define OFFSET_LIFE_NS 1000000000ULL

static uint64_t read_ns(clockid_t id);
static void read_offset(struct oc_clock *clock);

void oc_clock_init(struct oc_clock *clock)
{
    clock->last_utc_ns = 0;
    read_offset(clock);
}

uint64_t oc_clock_utc_ns(struct oc_clock *clock, uint64_t now_ns)
{
    uint64_t utc_ns;
    if (now_ns - clock->offset_read_ns > OFFSET_LIFE_NS) {
        read_offset(clock);
    }
    utc_ns = now_ns + clock->offset_ns;
    if (utc_ns > clock->last_utc_ns) {
        clock->last_utc_ns = utc_ns;
    }
    return clock->last_utc_ns;
}

static uint64_t read_ns(clockid_t id)
{
    struct timespec now;
    (void)clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

static void read_offset(struct oc_clock *clock)
{
    clock->offset_read_ns = read_ns(CLOCK_MONOTONIC);
    clock->offset_ns = read_ns(CLOCK_REALTIME) - clock->offset_read_ns;
}
