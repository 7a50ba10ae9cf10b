/*
 * The reference matcher: what the engine must answer, computed the slow and obvious way.
 *
 * One sorted array of orders for each side of each instrument, binary or linear search, no shared
 * code with the rooms book and engine. It takes the same commands and gives the same events, field
 * by field, so it is the oracle of the model test and of the load generator. It allocates as it
 * likes and is not meant to be fast: a cancel or an insert moves up to one side of one book in
 * memory.
 */
#ifndef OC_CLIENT_REFERENCE_H
#define OC_CLIENT_REFERENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/command.h"
#include "core/event.h"
#include "core/limits.h"

/** Belongs to one thread. */
struct oc_reference;

/**
 * Make a venue without instruments, users and sessions.
 *
 * @limits  copied; every one of them refuses here as it does in the engine.
 * @instruments_on_first_use  as in struct oc_engine_config.
 * Returns NULL when memory is short. The caller ends it with oc_reference_destroy.
 */
struct oc_reference *oc_reference_create(const struct oc_limits *limits,
                                         bool instruments_on_first_use);

/** Gives the memory back. NULL is allowed. */
void oc_reference_destroy(struct oc_reference *reference);

/**
 * Apply one command, with all its events at once.
 *
 * @command  as for oc_engine_apply; its sequence and time_ns are copied into the events but not
 *           checked, so an oracle that does not know the server's stamps may leave them 0 and
 *           then must not compare command_sequence, trade.time_ns and book.sequence. Commands of
 *           a client need a session that is open here (or OC_SESSION_VENUE).
 * @events   out: what the engine writes to its log for this command, in that order; bytes that no
 *           member of the event uses are zero. Borrowed until the next call.
 * Returns the number of events, at least 1. Asserts when memory is short, and after 2^32 - 1
 * orders: an oracle runs for a while, not for the life of a venue.
 */
uint32_t oc_reference_apply(struct oc_reference *reference, const struct oc_command *command,
                            const struct oc_event **events);

/** Open orders of all users and instruments. */
uint32_t oc_reference_order_count(const struct oc_reference *reference);

#endif
