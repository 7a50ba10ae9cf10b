/*
 * Goal: between the io threads and the engine no wake-up is lost and nobody waits for somebody who
 * waits for him, in any interleaving, with the store buffers that processors have.
 *
 * Method: the steps of src/server (bell.c, worker.c, engine_loop.c) and of the io table's wake()
 * (src/io: `woken`, `sleeping`) as a machine of three threads, each step one access to memory.
 * Every plain store first stands in its thread's store buffer and reaches memory at any later time,
 * in order; a read-modify-write and a system call empty the buffer. All states that can be reached
 * are visited. The rings hold one command and the log one event, so that every wait occurs.
 *
 * Fails when a state is reached from which no step leads on although a command is not taken or an
 * event is not read; and when one of the broken variants below does not fail, because then the
 * machine would not have seen a lost wake-up either. It proves the protocol, not the code: what a
 * weaker memory than this may do is ruled by the acquire and release of each access
 * (ThreadSanitizer watches those).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/assert.h"
#include "core/checksum.h"

#define WORKERS     2
#define THREADS     (WORKERS + 1)
#define ENGINE      WORKERS /* the last thread */
#define RING_SLOTS  1
#define LOG_SLOTS   1
#define BUFFER_MAX  3
#define STATES_MAX  (1U << 22)
#define COMMANDS    1U /* bits of the bell */
#define ROOM        2U
#define WAITS_SHIFT 2

/* Commands that each worker sends. */
static const uint8_t commands_of[WORKERS] = {2, 1};

/** What can be broken, one at a time. */
enum variant {
    SOUND,
    RING_WITHOUT_RMW,      /* load, then store: the fence between publishing and looking is gone */
    SLEEP_WITHOUT_RECHECK, /* the sleeper does not look at what was rung before it said so */
    FORGET_AFTER_LOOK,     /* what was rung is taken away after the look instead of before it */
    WAKE_WITHOUT_FENCE,    /* wake(): `woken` by a plain store */
    POLL_WITHOUT_RECHECK,  /* poll() blocks without a second look at `woken` */
    WAKE_BEFORE_RELEASE,   /* the engine wakes first and gives the ring's slot back afterwards */
    NO_RING_FOR_ROOM,      /* a worker that moved its cursor does not ring */
    LAGGARDS_SLEEP,        /* the engine waits for room without waking those who have not read */
    VARIANT_COUNT
};

static const char *const VARIANT_NAMES[VARIANT_COUNT] = {
    "sound",
    "ring without read-modify-write",
    "sleep without re-check",
    "forget after the look",
    "wake without fence",
    "poll without re-check",
    "wake before release",
    "no ring for room",
    "laggards are not woken",
};

/** Words of memory. Those of a worker come WORKERS times, one behind the other. */
enum place {
    BELL,
    TOLD,                            /* events published in the log */
    PUBLISHED,                       /* commands in the ring */
    TAKEN = PUBLISHED + WORKERS,     /* slots that the engine gave back */
    CURSOR = TAKEN + WORKERS,        /* events that the worker released */
    WOKEN = CURSOR + WORKERS,        /* of the io table */
    SLEEPING = WOKEN + WORKERS,      /* of the io table */
    DESCRIPTOR = SLEEPING + WORKERS, /* the eventfd has an edge */
    PLACE_COUNT = DESCRIPTOR + WORKERS
};

/** Where a worker stands. */
enum worker_step {
    W_SUBMIT,
    W_RING_COMMANDS,
    W_RING_COMMANDS_STORE, /* only RING_WITHOUT_RMW */
    W_FUTEX_COMMANDS,
    W_DRAIN,
    W_RING_ROOM,
    W_RING_ROOM_STORE, /* only RING_WITHOUT_RMW */
    W_FUTEX_ROOM,
    W_RESUME,
    W_POLL_DELIVER,
    W_POLL_SLEEPING,
    W_POLL_LOOK,
    W_POLL_BLOCK,
    W_POLL_AWAKE,
    W_POLL_DELIVER_AGAIN,
};

/** Where the engine stands. */
enum engine_step {
    E_LOOK,
    E_CURSOR, /* reads one cursor after the other */
    E_APPLY,
    E_RELEASE,
    E_WAKE,
    E_WAKE_LOOK,
    E_WAKE_WRITE,
    E_BELL_WAITS,
    E_BELL_SLEEP,
    E_BELL_ASLEEP, /* leaves it only by the ringer's system call */
    E_BELL_AGAIN,
    E_BELL_CLEAR,
};

/** Why the engine wakes somebody, and where it goes on. */
enum engine_errand {
    AFTER_COMMAND,
    FOR_ROOM,
};

struct thread {
    uint8_t step;
    uint8_t stores; /* in its buffer, oldest first */
    uint8_t place[BUFFER_MAX];
    uint8_t value[BUFFER_MAX];
    uint8_t own[7]; /* its registers: see below */
};

/* Registers of a worker. */
enum { SENT, RINGING, RESUMING };
/* Registers of the engine. */
enum { AT, SLOWEST, INDEX, ERRAND, WHAT, SEEN, TOOK };

struct state {
    uint8_t memory[PLACE_COUNT];
    struct thread threads[THREADS];
    uint8_t last_told[WORKERS]; /* the last event that concerns the worker */
    uint8_t engine_took[WORKERS];
};

static enum variant variant;

/* All states that were reached; those from `next` on have not been left yet. */
static struct state *states;
static uint32_t state_count;
static uint32_t *table;
#define TABLE_SIZE (2 * STATES_MAX)

static bool stuck_found;

/* --- memory ---------------------------------------------------------------------------------- */

static uint8_t load(const struct state *state, int thread, int place)
{
    const struct thread *self = &state->threads[thread];
    for (int i = self->stores - 1; i >= 0; i--) {
        if (self->place[i] == place) {
            return self->value[i];
        }
    }
    return state->memory[place];
}

static void store(struct state *state, int thread, int place, uint8_t value)
{
    struct thread *self = &state->threads[thread];
    OC_ASSERT(self->stores < BUFFER_MAX);
    self->place[self->stores] = (uint8_t)place;
    self->value[self->stores] = value;
    self->stores++;
}

/* The oldest store reaches memory. */
static void drain_one(struct state *state, int thread)
{
    struct thread *self = &state->threads[thread];
    state->memory[self->place[0]] = self->value[0];
    self->stores--;
    memmove(self->place, self->place + 1, self->stores);
    memmove(self->value, self->value + 1, self->stores);
    self->place[self->stores] = 0;
    self->value[self->stores] = 0;
}

/* A read-modify-write, or a system call: whatever was stored before is in memory. */
static void fence(struct state *state, int thread)
{
    while (state->threads[thread].stores > 0) {
        drain_one(state, thread);
    }
}

static uint8_t exchange(struct state *state, int thread, int place, uint8_t value)
{
    uint8_t old;
    fence(state, thread);
    old = state->memory[place];
    state->memory[place] = value;
    return old;
}

/* --- a worker -------------------------------------------------------------------------------- */

/* bell_ring() but for its system call. `next` follows where none is needed. */
static void ring(struct state *state, int number, unsigned what, int store_step, int futex_step,
                 int next)
{
    struct thread *self = &state->threads[number];
    uint8_t old = load(state, number, BELL);
    if (variant == RING_WITHOUT_RMW) {
        self->own[RINGING] = old;
        self->step = (uint8_t)store_step;
        return;
    }
    old = exchange(state, number, BELL, (uint8_t)(state->memory[BELL] | what));
    self->step = (uint8_t)(((old >> WAITS_SHIFT) & what & ~(unsigned)old) != 0 ? futex_step : next);
}

static void ring_store(struct state *state, int number, unsigned what, int futex_step, int next)
{
    struct thread *self = &state->threads[number];
    uint8_t old = self->own[RINGING];
    self->own[RINGING] = 0;
    store(state, number, BELL, (uint8_t)(old | what));
    self->step = (uint8_t)(((old >> WAITS_SHIFT) & what & ~(unsigned)old) != 0 ? futex_step : next);
}

static void futex_wake(struct state *state, int number, int next)
{
    fence(state, number);
    if (state->threads[ENGINE].step == E_BELL_ASLEEP) {
        state->threads[ENGINE].step = E_BELL_AGAIN;
    }
    state->threads[number].step = (uint8_t)next;
}

/* One command into the ring, if there is one left and room for it. */
static void submit(struct state *state, int number, int next)
{
    struct thread *self = &state->threads[number];
    uint8_t taken = load(state, number, TAKEN + number);
    if (self->own[SENT] < commands_of[number] && self->own[SENT] - taken < RING_SLOTS) {
        self->own[SENT]++;
        store(state, number, PUBLISHED + number, self->own[SENT]);
        self->own[RESUMING] = next == W_POLL_DELIVER;
        self->step = W_RING_COMMANDS;
    } else {
        self->step = (uint8_t)next;
    }
}

/* tidy: long - one case for each step. Returns false where the worker can only wait. */
static bool step_worker(struct state *state, int number)
{
    struct thread *self = &state->threads[number];
    int after_ring = self->own[RESUMING] ? W_POLL_DELIVER : W_DRAIN;
    uint8_t told;
    switch ((enum worker_step)self->step) {
    case W_SUBMIT:
        submit(state, number, W_DRAIN);
        return true;
    case W_RING_COMMANDS:
        ring(state, number, COMMANDS, W_RING_COMMANDS_STORE, W_FUTEX_COMMANDS, after_ring);
        return true;
    case W_RING_COMMANDS_STORE:
        ring_store(state, number, COMMANDS, W_FUTEX_COMMANDS, after_ring);
        return true;
    case W_FUTEX_COMMANDS:
        futex_wake(state, number, after_ring);
        return true;
    case W_DRAIN:
        told = load(state, number, TOLD);
        self->step = W_RESUME;
        if (told != load(state, number, CURSOR + number)) {
            store(state, number, CURSOR + number, told);
            self->step = variant == NO_RING_FOR_ROOM ? W_RESUME : W_RING_ROOM;
        }
        return true;
    case W_RING_ROOM:
        ring(state, number, ROOM, W_RING_ROOM_STORE, W_FUTEX_ROOM, W_RESUME);
        return true;
    case W_RING_ROOM_STORE:
        ring_store(state, number, ROOM, W_FUTEX_ROOM, W_RESUME);
        return true;
    case W_FUTEX_ROOM:
        futex_wake(state, number, W_RESUME);
        return true;
    case W_RESUME:
        submit(state, number, W_POLL_DELIVER);
        return true;
    case W_POLL_DELIVER:
    case W_POLL_DELIVER_AGAIN:
        self->own[RESUMING] = 0;
        if (load(state, number, WOKEN + number)) {
            (void)exchange(state, number, WOKEN + number, 0);
            self->step = W_SUBMIT;
        } else {
            self->step = W_POLL_SLEEPING;
        }
        return true;
    case W_POLL_SLEEPING:
        (void)exchange(state, number, SLEEPING + number, 1);
        self->step = variant == POLL_WITHOUT_RECHECK ? W_POLL_BLOCK : W_POLL_LOOK;
        return true;
    case W_POLL_LOOK:
        self->step = load(state, number, WOKEN + number) ? W_POLL_AWAKE : W_POLL_BLOCK;
        return true;
    case W_POLL_BLOCK:
        if (!state->memory[DESCRIPTOR + number]) {
            return false;
        }
        state->memory[DESCRIPTOR + number] = 0;
        self->step = W_POLL_AWAKE;
        return true;
    case W_POLL_AWAKE:
        (void)exchange(state, number, SLEEPING + number, 0);
        self->step = W_POLL_DELIVER_AGAIN;
        return true;
    }
    OC_UNREACHABLE();
}

/* --- the engine ------------------------------------------------------------------------------ */

static void bell_wait(struct thread *self, unsigned what)
{
    self->own[WHAT] = (uint8_t)what;
    self->step = E_BELL_WAITS;
}

/* Back from bell_wait(): everything is looked at anew. */
static void bell_done(struct thread *self)
{
    bool had_no_room = self->own[WHAT] == ROOM;
    self->own[WHAT] = 0;
    self->own[SEEN] = 0;
    self->own[INDEX] = 0;
    self->own[SLOWEST] = UINT8_MAX;
    self->step = had_no_room ? E_CURSOR : E_LOOK;
}

static void engine_look(struct state *state)
{
    struct thread *self = &state->threads[ENGINE];
    uint8_t worker = self->own[AT];
    if (load(state, ENGINE, PUBLISHED + worker) != state->engine_took[worker]) {
        self->own[TOOK] = 1;
        self->own[INDEX] = 0;
        self->own[SLOWEST] = UINT8_MAX;
        self->step = E_CURSOR;
        return;
    }
    self->own[AT]++;
    if (self->own[AT] == WORKERS) {
        self->own[AT] = 0;
        if (!self->own[TOOK]) {
            bell_wait(self, COMMANDS);
        }
        self->own[TOOK] = 0;
    }
}

/* Whether the log has room: one cursor with each step. */
static void engine_cursor(struct state *state)
{
    struct thread *self = &state->threads[ENGINE];
    uint8_t cursor = load(state, ENGINE, CURSOR + self->own[INDEX]);
    if (cursor < self->own[SLOWEST]) {
        self->own[SLOWEST] = cursor;
    }
    if (++self->own[INDEX] < WORKERS) {
        return;
    }
    self->own[INDEX] = 0;
    if (load(state, ENGINE, TOLD) - self->own[SLOWEST] < LOG_SLOTS) {
        self->step = E_APPLY;
    } else if (variant == LAGGARDS_SLEEP || self->own[ERRAND] == FOR_ROOM) {
        bell_wait(self, ROOM); /* woken once, they come by themselves */
    } else {
        self->own[ERRAND] = FOR_ROOM;
        self->step = E_WAKE;
    }
    self->own[SLOWEST] = 0;
}

static void engine_woken_one(struct thread *self)
{
    if (self->own[ERRAND] == FOR_ROOM) {
        if (++self->own[INDEX] < WORKERS) {
            self->step = E_WAKE;
            return;
        }
        self->own[INDEX] = 0;
        self->own[SLOWEST] = UINT8_MAX;
        self->step = E_CURSOR;
        return;
    }
    self->step = variant == WAKE_BEFORE_RELEASE ? E_RELEASE : E_LOOK;
}

/* tidy: long - one case for each step. Returns false where the engine can only wait. */
static bool step_engine(struct state *state)
{
    struct thread *self = &state->threads[ENGINE];
    uint8_t worker = self->own[ERRAND] == FOR_ROOM ? self->own[INDEX] : self->own[AT];
    uint8_t told;
    switch ((enum engine_step)self->step) {
    case E_LOOK:
        engine_look(state);
        return true;
    case E_CURSOR:
        engine_cursor(state);
        return true;
    case E_APPLY:
        self->own[ERRAND] = AFTER_COMMAND;
        told = (uint8_t)(load(state, ENGINE, TOLD) + 1);
        state->engine_took[self->own[AT]]++;
        state->last_told[self->own[AT]] = told;
        store(state, ENGINE, TOLD, told);
        self->step = variant == WAKE_BEFORE_RELEASE ? E_WAKE : E_RELEASE;
        return true;
    case E_RELEASE:
        store(state, ENGINE, TAKEN + self->own[AT], state->engine_took[self->own[AT]]);
        self->step = variant == WAKE_BEFORE_RELEASE ? E_LOOK : E_WAKE;
        return true;
    case E_WAKE:
        if (variant == WAKE_WITHOUT_FENCE) {
            bool was_woken = load(state, ENGINE, WOKEN + worker) != 0;
            store(state, ENGINE, WOKEN + worker, 1);
            self->step = E_WAKE_LOOK;
            if (was_woken) {
                engine_woken_one(self);
            }
        } else if (exchange(state, ENGINE, WOKEN + worker, 1)) {
            engine_woken_one(self);
        } else {
            self->step = E_WAKE_LOOK;
        }
        return true;
    case E_WAKE_LOOK:
        self->step = E_WAKE_WRITE;
        if (!load(state, ENGINE, SLEEPING + worker)) {
            engine_woken_one(self);
        }
        return true;
    case E_WAKE_WRITE:
        fence(state, ENGINE);
        state->memory[DESCRIPTOR + worker] = 1;
        engine_woken_one(self);
        return true;
    case E_BELL_WAITS:
        if (variant == FORGET_AFTER_LOOK) {
            (void)exchange(state, ENGINE, BELL, 0);
        }
        self->own[SEEN] = exchange(
            state, ENGINE, BELL,
            (uint8_t)(state->memory[BELL] | (unsigned)self->own[WHAT] << WAITS_SHIFT));
        self->own[SEEN] |= (uint8_t)(self->own[WHAT] << WAITS_SHIFT);
        self->step = E_BELL_SLEEP;
        return true;
    case E_BELL_SLEEP:
        if ((self->own[SEEN] & self->own[WHAT]) != 0 && variant != SLEEP_WITHOUT_RECHECK) {
            self->step = E_BELL_CLEAR;
        } else {
            self->step = state->memory[BELL] == self->own[SEEN] ? E_BELL_ASLEEP : E_BELL_AGAIN;
        }
        return true;
    case E_BELL_ASLEEP:
        return false;
    case E_BELL_AGAIN:
        self->own[SEEN] = load(state, ENGINE, BELL);
        self->step = (self->own[SEEN] & self->own[WHAT]) != 0 ? E_BELL_CLEAR : E_BELL_SLEEP;
        return true;
    case E_BELL_CLEAR:
        if (variant != FORGET_AFTER_LOOK) {
            (void)exchange(state, ENGINE, BELL, 0);
        }
        bell_done(self);
        return true;
    }
    OC_UNREACHABLE();
}

/* --- all states ------------------------------------------------------------------------------ */

static void visit(const struct state *state)
{
    uint64_t place = oc_checksum(state, sizeof *state) & (TABLE_SIZE - 1);
    while (table[place] != 0) {
        if (memcmp(&states[table[place] - 1], state, sizeof *state) == 0) {
            return;
        }
        place = (place + 1) & (TABLE_SIZE - 1);
    }
    assert_true(state_count < STATES_MAX);
    states[state_count] = *state;
    table[place] = ++state_count;
}

/* No step leads on: then all must be done. */
static bool is_done(const struct state *state)
{
    for (int i = 0; i < WORKERS; i++) {
        if (state->engine_took[i] != commands_of[i] ||
            state->memory[CURSOR + i] < state->last_told[i]) {
            return false;
        }
    }
    return true;
}

static void leave(uint32_t number)
{
    bool moves = false;
    for (int thread = 0; thread < THREADS; thread++) {
        struct state next = states[number];
        /* A processor whose buffer is full waits, too. A step makes one store at most. */
        bool is_full = next.threads[thread].stores == BUFFER_MAX;
        if (!is_full && (thread == ENGINE ? step_engine(&next) : step_worker(&next, thread))) {
            moves = true;
            visit(&next);
        }
        if (states[number].threads[thread].stores > 0) {
            next = states[number];
            drain_one(&next, thread);
            moves = true;
            visit(&next);
        }
    }
    stuck_found = stuck_found || (!moves && !is_done(&states[number]));
}

/* Returns whether a state was found in which somebody waits for ever. */
static bool explore(enum variant which)
{
    struct state start;
    variant = which;
    stuck_found = false;
    state_count = 0;
    memset(table, 0, TABLE_SIZE * sizeof *table);
    memset(&start, 0, sizeof start);
    visit(&start);
    for (uint32_t i = 0; i < state_count && !stuck_found; i++) {
        leave(i);
    }
    (void)printf("%-32s %8u states, %s\n", VARIANT_NAMES[which], state_count,
                 stuck_found ? "a lost wake-up" : "all of them sound");
    return stuck_found;
}

static int set_up(void **state)
{
    (void)state;
    states = calloc(STATES_MAX, sizeof *states);
    table = calloc(TABLE_SIZE, sizeof *table);
    return states == NULL || table == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    free(states);
    free(table);
    return 0;
}

static void test_no_wake_up_is_lost(void **state)
{
    (void)state;
    assert_false(explore(SOUND));
}

static void test_every_broken_variant_is_found(void **state)
{
    (void)state;
    for (int which = SOUND + 1; which < VARIANT_COUNT; which++) {
        assert_true(explore((enum variant)which));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_no_wake_up_is_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_broken_variant_is_found, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
