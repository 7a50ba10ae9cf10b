/*
 * A hierarchical timer wheel: many deadlines, cheap to set and to cancel, that fire in order.
 *
 * Timers are numbers: timer `i` lives in the caller's array at index `i`, so a session or an order
 * with slot `i` needs no pointer to its timer. Level 0 has a slot for each tick of the present
 * block of 64; each level above is 64 times coarser. A timer stands on the level of the highest
 * digit (in base 64) in which its tick differs from the present one, and moves down when the wheel
 * reaches its slot. Eleven levels cover 64 bits: no deadline is out of range.
 *
 * The wheel reads no clock and calls nobody back: time goes in with oc_timer_wheel_advance, due
 * timers come out of oc_timer_wheel_pop. Timers of one tick fire in the order in which they were
 * set, so the same calls give the same order on every machine.
 */
#ifndef OC_CORE_TIMER_WHEEL_H
#define OC_CORE_TIMER_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/types.h"

#define OC_TIMER_WHEEL_SLOTS  64U
#define OC_TIMER_WHEEL_LEVELS 11U

/** Timers that one pop moves down at most, so that a full slot does not become one long pause. */
#define OC_TIMER_WHEEL_MOVES_MAX 256U

/** The answer of oc_timer_wheel_next_ns when no timer is set. */
#define OC_TIMER_WHEEL_NEVER UINT64_MAX

/** One timer; all zero is "not set". The wheel alone looks inside. */
struct oc_timer {
    uint64_t tick;
    uint32_t next; /* ring of the timers of one slot */
    uint32_t previous;
    uint32_t place; /* 1 + level * 64 + slot; 0: not set */
};

/** Belongs to one thread. */
struct oc_timer_wheel {
    struct oc_timer *timers;
    uint32_t capacity;
    uint32_t count;
    uint64_t tick_ns;
    uint64_t target; /* ticks up to here are due */
    uint64_t base;   /* the tick that the wheel stands at: everything before it has fired */
    /* A slot above level 0 that is being moved down, in as many calls as it takes. */
    bool moving;
    uint32_t moving_place;
    uint64_t moving_start;                 /* first tick of that slot */
    uint32_t levels;                       /* bit for each level that has timers */
    uint64_t slots[OC_TIMER_WHEEL_LEVELS]; /* bit for each slot that has timers */
    uint32_t heads[OC_TIMER_WHEEL_LEVELS * OC_TIMER_WHEEL_SLOTS]; /* valid where the bit is set */
};

struct oc_timer_wheel_config {
    struct oc_timer *timers; /* zeroed; kept until the wheel is no longer used */
    uint32_t capacity;       /* timers in that array */
    uint64_t tick_ns;        /* resolution, at least 1 */
    uint64_t now_ns;         /* where the wheel starts */
};

/**
 * Make a wheel in which no timer is set. Touches none of the timers.
 */
void oc_timer_wheel_init(struct oc_timer_wheel *wheel, const struct oc_timer_wheel_config *config);

/**
 * Set a timer.
 *
 * @timer        below the capacity, and not set (asserted).
 * @deadline_ns  any. It is rounded up to a tick: a timer never fires early, and fires less than one
 *               tick late if the wheel is advanced then. A deadline before the tick that the
 *               wheel stands at counts as that tick: due at the next pop.
 * O(1).
 */
void oc_timer_wheel_add(struct oc_timer_wheel *wheel, uint32_t timer, uint64_t deadline_ns);

/**
 * Unset a timer. Returns whether it was set; if not, nothing happens. O(1).
 */
bool oc_timer_wheel_cancel(struct oc_timer_wheel *wheel, uint32_t timer);

/**
 * Whether a timer is set: added, and neither cancelled nor popped since.
 */
bool oc_timer_wheel_is_set(const struct oc_timer_wheel *wheel, uint32_t timer);

/**
 * Tell the wheel the time. A time before one told earlier is ignored. O(1).
 */
void oc_timer_wheel_advance(struct oc_timer_wheel *wheel, uint64_t now_ns);

/**
 * The next due timer, which is no longer set then.
 *
 * Returns OC_INDEX_NONE when nothing is due, and also when OC_TIMER_WHEEL_MOVES_MAX timers were
 * moved down without one to show for it: then oc_timer_wheel_next_ns is not later than now, and the
 * next call goes on. Who needs every due timer in this turn loops on oc_timer_wheel_next_ns.
 * Timers may be added and cancelled between calls.
 */
uint32_t oc_timer_wheel_pop(struct oc_timer_wheel *wheel);

/**
 * When to call again: no timer is due before this time, in ns.
 *
 * For a timer above level 0 it is when its slot begins, which may be well before its deadline; each
 * such early call brings it down at least one level, so there are at most ten of them. Not later
 * than now while oc_timer_wheel_pop has work left. OC_TIMER_WHEEL_NEVER when no timer is set. O(1).
 */
uint64_t oc_timer_wheel_next_ns(const struct oc_timer_wheel *wheel);

#endif
