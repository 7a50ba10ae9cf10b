/*
 * The timer wheel: where a tick belongs, and how timers come down level by level.
 *
 * Everything rests on one fact. Let a timer stand on level l, slot s because digit l is the highest
 * (base 64) in which its tick differs from `base`. As long as `base` does not enter that slot, it
 * is still so; so `base` may jump to any tick before the first occupied slot without touching a
 * timer, and every timer of a lower level is due before every timer of a higher one.
 *
 * A slot is moved down in portions. Until it is empty `base` stays where it was and the levels
 * below hold only what came out of the slot; a timer that is set meanwhile counts from the start of
 * the slot, and if it belongs into it, it queues at its end. That keeps the order of equal ticks.
 */
#include "core/timer_wheel.h"

#include "core/assert.h"

#define DIGIT_BITS 6U

_Static_assert(OC_TIMER_WHEEL_SLOTS == 1U << DIGIT_BITS, "a slot for each value of a digit");
_Static_assert(OC_TIMER_WHEEL_LEVELS *DIGIT_BITS >= 64, "the levels cover every tick");
_Static_assert(OC_TIMER_WHEEL_SLOTS == 64, "one 64-bit word has a bit for each slot of a level");

static uint32_t place_of(uint64_t base, uint64_t tick);
static uint64_t place_start(uint64_t base, uint32_t place);
static uint32_t first_place(const struct oc_timer_wheel *wheel);
static void link_last(struct oc_timer_wheel *wheel, uint32_t timer, uint32_t place);
static void unlink_timer(struct oc_timer_wheel *wheel, uint32_t timer);
static bool place_is_empty(const struct oc_timer_wheel *wheel, uint32_t place);
static bool move_down(struct oc_timer_wheel *wheel, uint32_t *moves_left);

void oc_timer_wheel_init(struct oc_timer_wheel *wheel, const struct oc_timer_wheel_config *config)
{
    OC_ASSERT(config->tick_ns > 0);
    OC_ASSERT(config->capacity < OC_INDEX_NONE);
    OC_ASSERT(config->timers != NULL || config->capacity == 0);
    *wheel = (struct oc_timer_wheel){
        .timers = config->timers,
        .capacity = config->capacity,
        .tick_ns = config->tick_ns,
        .target = config->now_ns / config->tick_ns,
        .base = config->now_ns / config->tick_ns,
    };
}

void oc_timer_wheel_add(struct oc_timer_wheel *wheel, uint32_t timer, uint64_t deadline_ns)
{
    uint64_t tick = deadline_ns / wheel->tick_ns + (deadline_ns % wheel->tick_ns != 0);
    uint64_t first = wheel->moving ? wheel->moving_start : wheel->base;

    OC_ASSERT(timer < wheel->capacity);
    OC_ASSERT(wheel->timers[timer].place == 0);
    wheel->timers[timer].tick = tick > first ? tick : first;
    link_last(wheel, timer, place_of(wheel->base, wheel->timers[timer].tick));
    wheel->count++;
}

bool oc_timer_wheel_cancel(struct oc_timer_wheel *wheel, uint32_t timer)
{
    if (!oc_timer_wheel_is_set(wheel, timer)) {
        return false;
    }
    unlink_timer(wheel, timer);
    wheel->count--;
    return true;
}

bool oc_timer_wheel_is_set(const struct oc_timer_wheel *wheel, uint32_t timer)
{
    OC_ASSERT(timer < wheel->capacity);
    return wheel->timers[timer].place != 0;
}

void oc_timer_wheel_advance(struct oc_timer_wheel *wheel, uint64_t now_ns)
{
    uint64_t tick = now_ns / wheel->tick_ns;

    if (tick > wheel->target) {
        wheel->target = tick;
    }
}

uint32_t oc_timer_wheel_pop(struct oc_timer_wheel *wheel)
{
    uint32_t moves_left = OC_TIMER_WHEEL_MOVES_MAX;

    /* Bounded: a round that does not return begins a slot that is not empty, and emptying it takes
     * at least one of the moves. */
    for (;;) {
        uint32_t place;
        uint64_t start;

        if (wheel->moving && !move_down(wheel, &moves_left)) {
            return OC_INDEX_NONE;
        }
        place = first_place(wheel);
        start = place == OC_INDEX_NONE ? UINT64_MAX : place_start(wheel->base, place);
        if (place == OC_INDEX_NONE || start > wheel->target) {
            wheel->base = wheel->target;
            return OC_INDEX_NONE;
        }
        if (place < OC_TIMER_WHEEL_SLOTS) {
            uint32_t timer = wheel->heads[place];

            wheel->base = start;
            unlink_timer(wheel, timer);
            wheel->count--;
            return timer;
        }
        wheel->moving = true;
        wheel->moving_place = place;
        wheel->moving_start = start;
    }
}

uint64_t oc_timer_wheel_next_ns(const struct oc_timer_wheel *wheel)
{
    uint64_t next_ns;
    uint64_t start;

    if (wheel->count == 0) {
        return OC_TIMER_WHEEL_NEVER;
    }
    start = wheel->moving ? wheel->moving_start : place_start(wheel->base, first_place(wheel));
    /* A deadline in the last tick before the end of time is rounded up beyond it. */
    return __builtin_mul_overflow(start, wheel->tick_ns, &next_ns) ? OC_TIMER_WHEEL_NEVER : next_ns;
}

/* Level times 64 plus slot. */
static uint32_t place_of(uint64_t base, uint64_t tick)
{
    uint64_t difference = base ^ tick;
    uint32_t level = 0;

    if (difference != 0) {
        level = (63U - (uint32_t)__builtin_clzll(difference)) / DIGIT_BITS;
    }
    return level * OC_TIMER_WHEEL_SLOTS +
           (uint32_t)(tick >> (level * DIGIT_BITS) & (OC_TIMER_WHEEL_SLOTS - 1));
}

/* The first tick of a place: the digits of `base` above its level, then its slot, then zeros. */
static uint64_t place_start(uint64_t base, uint32_t place)
{
    uint32_t shift = place / OC_TIMER_WHEEL_SLOTS * DIGIT_BITS;
    uint64_t slot = place % OC_TIMER_WHEEL_SLOTS;
    uint64_t above = 0;

    OC_ASSERT(place < OC_TIMER_WHEEL_LEVELS * OC_TIMER_WHEEL_SLOTS);
    /* The topmost level has nothing above it, and a shift by 64 or more is undefined. */
    if (shift + DIGIT_BITS < 64) {
        above = base >> (shift + DIGIT_BITS) << (shift + DIGIT_BITS);
    }
    return above | slot << shift;
}

/* Where the earliest timers are, or OC_INDEX_NONE. */
static uint32_t first_place(const struct oc_timer_wheel *wheel)
{
    uint32_t level;

    if (wheel->levels == 0) {
        return OC_INDEX_NONE;
    }
    level = (uint32_t)__builtin_ctz(wheel->levels);
    return level * OC_TIMER_WHEEL_SLOTS + (uint32_t)__builtin_ctzll(wheel->slots[level]);
}

static void link_last(struct oc_timer_wheel *wheel, uint32_t timer, uint32_t place)
{
    struct oc_timer *timers = wheel->timers;
    uint32_t level = place / OC_TIMER_WHEEL_SLOTS;

    if (place_is_empty(wheel, place)) {
        wheel->heads[place] = timer;
        timers[timer].next = timer;
        timers[timer].previous = timer;
        wheel->slots[level] |= 1ULL << place % OC_TIMER_WHEEL_SLOTS;
        wheel->levels |= 1U << level;
    } else {
        uint32_t head = wheel->heads[place];
        uint32_t last = timers[head].previous;

        timers[timer].next = head;
        timers[timer].previous = last;
        timers[last].next = timer;
        timers[head].previous = timer;
    }
    timers[timer].place = place + 1;
}

static void unlink_timer(struct oc_timer_wheel *wheel, uint32_t timer)
{
    struct oc_timer *timers = wheel->timers;
    uint32_t place = timers[timer].place - 1;
    uint32_t level = place / OC_TIMER_WHEEL_SLOTS;
    uint32_t next = timers[timer].next;

    if (next == timer) {
        wheel->slots[level] &= ~(1ULL << place % OC_TIMER_WHEEL_SLOTS);
        if (wheel->slots[level] == 0) {
            wheel->levels &= ~(1U << level);
        }
    } else {
        uint32_t previous = timers[timer].previous;

        timers[previous].next = next;
        timers[next].previous = previous;
        if (wheel->heads[place] == timer) {
            wheel->heads[place] = next;
        }
    }
    timers[timer].place = 0;
}

static bool place_is_empty(const struct oc_timer_wheel *wheel, uint32_t place)
{
    uint64_t slots = wheel->slots[place / OC_TIMER_WHEEL_SLOTS];

    return (slots >> place % OC_TIMER_WHEEL_SLOTS & 1) == 0;
}

/* Moves timers out of the slot that is being moved down; returns whether it is done with. */
static bool move_down(struct oc_timer_wheel *wheel, uint32_t *moves_left)
{
    while (!place_is_empty(wheel, wheel->moving_place)) {
        uint32_t timer = wheel->heads[wheel->moving_place];

        if (*moves_left == 0) {
            return false;
        }
        (*moves_left)--;
        unlink_timer(wheel, timer);
        link_last(wheel, timer, place_of(wheel->moving_start, wheel->timers[timer].tick));
    }
    wheel->base = wheel->moving_start;
    wheel->moving = false;
    return true;
}
