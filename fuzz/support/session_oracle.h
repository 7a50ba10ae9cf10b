/*
 * What every peer of a run must have been told, computed the obvious way.
 *
 * The recorded commands are replayed by a second engine and encoded by a second encoder; every
 * event is given at once to each session that may see it, one after the other. The gateway's tape,
 * its shared chunks, its catching up and its order of closing must come to the same bytes. What the
 * peers sent is cut into frames once more, and must be the commands that the gateway submitted.
 */
#ifndef OC_FUZZ_SESSION_ORACLE_H
#define OC_FUZZ_SESSION_ORACLE_H

#include "engine/engine.h"
#include "support/fake_io.h"

/** A run that is over: every connection is closed. */
struct session_run {
    struct fake_io *io;
    const struct oc_command *commands; /* as they were applied */
    uint32_t command_count;
    struct oc_engine_config engine;
    uint64_t state_hash;
    uint64_t confirmations_all_tag; /* of the listener whose sessions hear all confirmations */
    bool stopped;                   /* close_all() was called */
};

/** Asserts that nobody was told too little, too much or in another order. */
void session_oracle_check(const struct session_run *run);

#endif
