/*
 * The bell: how the engine thread sleeps, and how it is woken when there is a reason to.
 *
 * One word holds both what was rung and what the sleeper waits for, and every access to it that
 * matters is a read-modify-write. Such accesses to one word have one order, so of "I ring" and "I
 * go to sleep" the later one always sees the earlier one: either the sleeper finds that it was rung
 * and does not sleep, or the ringer finds it asleep and wakes it. With two words, one for each
 * side, a store and a load would have to be kept in order (Dekker), which takes a fence on each
 * side; tests/model/test_wake_protocol.c plays all interleavings of this one, and of variants in
 * which the lost wake-up is found.
 *
 * A system call is made only by who really sleeps and by the first who finds it asleep.
 */
#ifndef OC_SERVER_BELL_H
#define OC_SERVER_BELL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"

/** What can be rung, and waited for. */
enum oc_server__ring {
    OC_SERVER__COMMANDS = 1 << 0, /* there is something to do */
    OC_SERVER__ROOM = 1 << 1,     /* a cursor of the event log moved, or a question was answered */
};

/** While somebody waits for a bit above, the same bit stands here as well. */
#define OC_SERVER__BELL_WAITS_SHIFT 2

struct oc_server__bell {
    _Alignas(OC_CACHE_LINE_BYTES) atomic_uint word;
};

/** Before any thread uses it. */
void oc_server__bell_init(struct oc_server__bell *bell);

/** Wakes the sleeper: the system call behind oc_server__bell_ring(). */
void oc_server__bell_wake(struct oc_server__bell *bell);

/**
 * Rings for `what` (set of enum oc_server__ring). Any thread. What the caller wrote before is seen
 * by the sleeper when it is back from oc_server__bell_wait().
 * Returns whether that took a system call.
 */
static inline bool oc_server__bell_ring(struct oc_server__bell *bell, unsigned what)
{
    /*
     * Release: pairs with the acquire of the exchange in bell_wait(), which reads this value or one
     * that later rings made of it. Acquire is not needed: nothing is read on behalf of the old
     * value.
     */
    unsigned old = atomic_fetch_or_explicit(&bell->word, what, memory_order_release);
    /* Whoever set the bit first after the sleeper began to wait for it has woken it. */
    if (((old >> OC_SERVER__BELL_WAITS_SHIFT) & what & ~old) == 0) {
        return false;
    }
    oc_server__bell_wake(bell);
    return true;
}

/** Whether one of `what` was rung since the last wait; a hint for who spins. The sleeper only. */
static inline bool oc_server__bell_was_rung(const struct oc_server__bell *bell, unsigned what)
{
    /* Relaxed: bell_wait() follows, and acquires. */
    return (atomic_load_explicit(&bell->word, memory_order_relaxed) & what) != 0;
}

/**
 * Sleeps until one of `what` was rung since the last wait, at most timeout_ns (UINT64_MAX: no
 * limit). Afterwards nothing is rung: the caller looks at everything that it may have been rung
 * for. One thread only. Returns how many system calls it made.
 */
uint32_t oc_server__bell_wait(struct oc_server__bell *bell, unsigned what, uint64_t timeout_ns);

#endif
