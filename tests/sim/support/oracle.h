/*
 * What the venue must have told, given the commands that it sequenced.
 *
 * Every command is applied to the reference matcher the moment the server stamps it. The events
 * that the engine then tells must be the reference's, byte by byte; and who is told what, in which
 * order, is computed here from the rules of docs/protocol.md, without the gateway's tapes: a list
 * of sessions and their settings is all it has. At the end a fresh engine is given the recorded
 * commands and must come to the same events and the same state.
 */
#ifndef OC_TESTS_SIM_ORACLE_H
#define OC_TESTS_SIM_ORACLE_H

#include "client/reference.h"
#include "core/arena.h"
#include "core/limits.h"
#include "support/requests.h"
#include "wire/wire.h"

#define ORACLE_SESSIONS_MAX 64U

struct oracle_session {
    uint64_t id;
    uint32_t settings;
    bool is_open;
    bool confirmations_all;
};

struct oracle_config {
    struct oc_limits limits;
    bool confirmations_all[2]; /* by tag of the listener */
    /* The session must be sent these bytes next; borrowed for the call. */
    void (*expect)(void *context, uint64_t session, const uint8_t *bytes, uint32_t size);
    /* The tag of the listener that a new session came from. */
    uint64_t (*tag_of)(void *context, uint64_t session);
    void *context;
};

struct oracle {
    struct oracle_config config;
    struct oc_arena arena;
    struct oc_reference *reference;
    struct oc_wire_encoder *encoder;
    struct oracle_session sessions[ORACLE_SESSIONS_MAX];
    struct oc_command *commands;
    uint32_t command_count;
    uint32_t command_capacity;
    struct oc_event *events; /* of the reference, not told by the engine yet: from event_first on */
    uint32_t event_first;
    uint32_t event_count;
    uint32_t event_capacity;
    uint64_t event_hash; /* of all that the engine told */
    uint64_t events_told;
    uint64_t trades;
    struct requests_order recent[REQUESTS_RECENT_COUNT]; /* by order id: those that rested last */
};

void oracle_init(struct oracle *oracle, const struct oracle_config *config);
void oracle_deinit(struct oracle *oracle);

/** The server has stamped a command and is about to apply it. */
void oracle_command(struct oracle *oracle, const struct oc_command *command);

/** The engine has told these events. */
void oracle_events(struct oracle *oracle, const struct oc_event *events, uint32_t count);

/** After the run: nothing is left untold, and a fresh engine comes to the same. */
void oracle_verdict(struct oracle *oracle, uint64_t state_hash);

#endif
