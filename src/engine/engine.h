/*
 * The engine: commands in, events out, and nothing else.
 *
 * It owns the instruments with their books, the users, the settings of the sessions and the
 * client_order_ids. Live, replay and standby call exactly oc_engine_apply(): the same commands give
 * the same events and the same state hash on every compiler and machine. It reads no clock and
 * calls no system; time arrives in the command.
 */
#ifndef OC_ENGINE_ENGINE_H
#define OC_ENGINE_ENGINE_H

#include "core/arena.h"
#include "core/command.h"
#include "core/event.h"
#include "core/event_log.h"
#include "core/limits.h"

struct oc_engine;

struct oc_engine_config {
    struct oc_limits limits;
    /* An order for an unknown symbol makes its instrument (tick 1, lot 1) instead of a reject. */
    bool instruments_on_first_use;
    /* A secret of this process against symbols, users and client_order_ids that are chosen to
     * collide in a hash map; any value serves. No event and no state hash depends on it. */
    uint64_t hash_seed;
};

/** What is in the engine now, and what it did; for reports and tests. */
struct oc_engine_stats {
    uint64_t commands;
    uint64_t trades;
    uint64_t orders_accepted;
    uint64_t rejects;
    uint32_t orders_open;
    uint32_t levels_open;
    uint32_t instruments;
    uint32_t users;
    uint32_t sessions;
    uint32_t client_ids;
};

enum oc_apply {
    OC_DONE, /* every event of the command is in the log */
    OC_MORE, /* the log is full: release some of it, then oc_engine_continue() */
};

/**
 * Makes an engine. All memory comes from `arena`, none is taken later. The engine writes to `log`
 * and publishes there once for each apply or continue; it must have room for 64 events at least.
 * Returns NULL when memory is short or a limit is outside its range (core/limits.h).
 */
struct oc_engine *oc_engine_create(struct oc_arena *arena, const struct oc_engine_config *config,
                                   struct oc_event_log *log);

/**
 * Applies one command. Its sequence must be the last one's plus 1 and its time_ns not smaller than
 * the last one's (asserted: the server stamps both). Keeps no pointer to it. The last event of each
 * command carries OC_EVENT_LAST. After OC_MORE only oc_engine_continue() may be called.
 * A client's command needs an open session (asserted); OC_SESSION_VENUE may send all but
 * SESSION_OPEN, SESSION_CLOSE and SESSION_SET. Which events a command tells:
 * docs/matching-rules.md, Events. Engine thread. Allocates nothing.
 */
enum oc_apply oc_engine_apply(struct oc_engine *engine, const struct oc_command *command);

/**
 * Goes on with the command that returned OC_MORE. Asserts that there is one and some room. It makes
 * progress as soon as 4 events fit, which is the most that one step tells; with less room it
 * returns OC_MORE again.
 */
enum oc_apply oc_engine_continue(struct oc_engine *engine);

/**
 * A hash of everything that later replies depend on: books with the order of their queues, ids,
 * users, settings, counters. No slot, no pointer, no padding takes part. O(open orders).
 */
uint64_t oc_engine_state_hash(const struct oc_engine *engine);

/** Copies the counters. */
void oc_engine_stats_read(const struct oc_engine *engine, struct oc_engine_stats *stats);

#endif
