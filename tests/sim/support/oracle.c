/*
 * What the venue must have told; see oracle.h.
 */
#include "support/oracle.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "core/checksum.h"
#include "core/event_log.h"
#include "engine/engine.h"
#include "support/report.h"
#include "unit/engine/support/text.h"

#define REPLAY_LOG_CAPACITY 4096U

static void *grow(void *array, uint32_t count, uint32_t *capacity, size_t size)
{
    if (count < *capacity) {
        return array;
    }
    *capacity = *capacity == 0 ? 256 : 2 * *capacity;
    array = realloc(array, *capacity * size);
    OC_ASSERT(array != NULL);
    return array;
}

void oracle_init(struct oracle *oracle, const struct oracle_config *config)
{
    *oracle = (struct oracle){.config = *config};
    OC_ASSERT(config->limits.sessions_max <= ORACLE_SESSIONS_MAX);
    oc_arena_init(&oracle->arena);
    oracle->encoder = oc_wire_encoder_create(&oracle->arena, config->limits.instruments_max);
    oracle->reference = oc_reference_create(&config->limits, true);
    OC_ASSERT(oracle->encoder != NULL);
    OC_ASSERT(oracle->reference != NULL);
}

void oracle_deinit(struct oracle *oracle)
{
    oc_reference_destroy(oracle->reference);
    oc_arena_deinit(&oracle->arena);
    free(oracle->commands);
    free(oracle->events);
}

/** NULL: that session is over, or there is none. */
static struct oracle_session *session_of(struct oracle *oracle, uint64_t id)
{
    struct oracle_session *session = &oracle->sessions[oc_session_slot(id) % ORACLE_SESSIONS_MAX];

    return session->is_open && session->id == id ? session : NULL;
}

static void expect(struct oracle *oracle, uint64_t id, struct oc_wire_span span)
{
    if (span.size > 0) {
        oracle->config.expect(oracle->config.context, id, span.bytes, span.size);
    }
}

/** A trade: to all who hear trades, and to the sessions of its two orders. */
static void tell_trade(struct oracle *oracle, const struct oc_event *event)
{
    struct oc_wire_span span = oc_wire_encode(oracle->encoder, event);

    for (uint32_t i = 0; i < ORACLE_SESSIONS_MAX; i++) {
        const struct oracle_session *session = &oracle->sessions[i];
        bool is_party = session->id == event->trade.buyer_session ||
                        session->id == event->trade.seller_session;
        if (session->is_open && ((session->settings & OC_SETTING_TRADES) != 0 || is_party)) {
            expect(oracle, session->id, span);
        }
    }
}

/** A confirmation: to its session with all members, to listeners of confirmations=all without. */
static void tell_confirmed(struct oracle *oracle, const struct oc_event *event)
{
    struct oc_wire_span own = oc_wire_encode(oracle->encoder, event);
    struct oc_wire_span other = oc_wire_encode_confirmation_public(oracle->encoder, event);

    for (uint32_t i = 0; i < ORACLE_SESSIONS_MAX; i++) {
        const struct oracle_session *session = &oracle->sessions[i];
        if (!session->is_open) {
            continue;
        }
        if (session->id == event->session) {
            expect(oracle, session->id, own);
        } else if (session->confirmations_all) {
            expect(oracle, session->id, other);
        }
    }
}

static void tell(struct oracle *oracle, const struct oc_event *event)
{
    struct oracle_session *session = session_of(oracle, event->session);

    switch (event->kind) {
    case OC_EVENT_TRADE:
        tell_trade(oracle, event);
        return;
    case OC_EVENT_CONFIRMED:
        tell_confirmed(oracle, event);
        return;
    case OC_EVENT_SESSION_OPENED:
        session = &oracle->sessions[oc_session_slot(event->session) % ORACLE_SESSIONS_MAX];
        if (session->is_open) {
            report_fail("a session opens in the slot of one that is open");
        }
        uint64_t tag = oracle->config.tag_of(oracle->config.context, event->session);
        *session = (struct oracle_session){
            .id = event->session,
            .settings = event->settings,
            .is_open = true,
            .confirmations_all = oracle->config.confirmations_all[tag],
        };
        (void)oc_wire_encode(oracle->encoder, event);
        return;
    case OC_EVENT_SESSION_CLOSED:
        (void)oc_wire_encode(oracle->encoder, event);
        if (session != NULL) {
            session->is_open = false;
        }
        return;
    case OC_EVENT_SESSION:
        if (session != NULL) {
            session->settings = event->settings;
        }
        break;
    default:
        break;
    }
    /* Encoded also for nobody: a message of several events has to be read whole. */
    struct oc_wire_span span = oc_wire_encode(oracle->encoder, event);
    if (session != NULL) {
        expect(oracle, event->session, span);
    }
}

void oracle_command(struct oracle *oracle, const struct oc_command *command)
{
    const struct oc_event *events;

    if (command->sequence != oracle->command_count + 1U) {
        report_fail("command %" PRIu64 " comes after %" PRIu32, command->sequence,
                    oracle->command_count);
    }
    if (oracle->command_count > 0 &&
        command->time_ns < oracle->commands[oracle->command_count - 1].time_ns) {
        report_fail("command %" PRIu64 ": time goes back", command->sequence);
    }
    oracle->commands = grow(oracle->commands, oracle->command_count, &oracle->command_capacity,
                            sizeof(*oracle->commands));
    oracle->commands[oracle->command_count++] = *command;
    uint32_t count = oc_reference_apply(oracle->reference, command, &events);
    for (uint32_t i = 0; i < count; i++) {
        oracle->events = grow(oracle->events, oracle->event_count, &oracle->event_capacity,
                              sizeof(*oracle->events));
        oracle->events[oracle->event_count++] = events[i];
        tell(oracle, &events[i]);
        oracle->trades += events[i].kind == OC_EVENT_TRADE;
        if (events[i].kind == OC_EVENT_CONFIRMED) {
            const struct oc_event_order *order = &events[i].order;
            oracle->recent[order->order_id % REQUESTS_RECENT_COUNT] = (struct requests_order){
                .order_id = order->order_id, .user_id = order->user_id};
        }
    }
}

void oracle_events(struct oracle *oracle, const struct oc_event *events, uint32_t count)
{
    char expected[TEXT_LINE_BYTES] = "no further event";
    char got[TEXT_LINE_BYTES];

    for (uint32_t i = 0; i < count; i++) {
        bool more = oracle->event_first < oracle->event_count;
        const struct oc_event *wanted = &oracle->events[oracle->event_first];
        if (!more || memcmp(&events[i], wanted, sizeof(*wanted)) != 0) {
            if (more) {
                text_event(wanted, expected);
            }
            text_event(&events[i], got);
            report_fail("event %" PRIu64 " of the engine is %s, of the reference %s",
                        oracle->events_told, got, expected);
        }
        oracle->event_first++;
        oracle->events_told++;
        oracle->event_hash = oc_checksum_fold(oracle->event_hash, &events[i], sizeof(events[i]));
    }
    if (oracle->event_first == oracle->event_count) {
        oracle->event_first = 0;
        oracle->event_count = 0;
    }
}

static uint64_t fold_log(struct oc_event_log *log, uint32_t consumer, uint64_t hash)
{
    const struct oc_event *events;
    uint32_t count;

    while ((count = oc_event_log_read(log, consumer, &events)) > 0) {
        for (uint32_t i = 0; i < count; i++) {
            hash = oc_checksum_fold(hash, &events[i], sizeof(events[i]));
        }
        oc_event_log_release(log, consumer, count);
    }
    return hash;
}

void oracle_verdict(struct oracle *oracle, uint64_t state_hash)
{
    struct oc_engine_config config = {
        .limits = oracle->config.limits,
        .instruments_on_first_use = true,
    };
    struct oc_arena arena;
    _Alignas(OC_CACHE_LINE_BYTES) struct oc_event_log log;
    uint64_t hash = 0;

    if (oracle->event_first != oracle->event_count) {
        report_fail("%" PRIu32 " events were never told",
                    oracle->event_count - oracle->event_first);
    }
    memset(&log, 0, sizeof(log));
    oc_arena_init(&arena);
    OC_ASSERT(oc_event_log_init(&log, &arena, REPLAY_LOG_CAPACITY) == 0);
    uint32_t consumer = oc_event_log_add_consumer(&log);
    struct oc_engine *engine = oc_engine_create(&arena, &config, &log);
    OC_ASSERT(engine != NULL);
    for (uint32_t i = 0; i < oracle->command_count; i++) {
        enum oc_apply rc = oc_engine_apply(engine, &oracle->commands[i]);
        hash = fold_log(&log, consumer, hash);
        while (rc == OC_MORE) {
            rc = oc_engine_continue(engine);
            hash = fold_log(&log, consumer, hash);
        }
    }
    if (hash != oracle->event_hash) {
        report_fail("the replay of %" PRIu32 " commands tells other events", oracle->command_count);
    }
    if (oc_engine_state_hash(engine) != state_hash) {
        report_fail("the replay of %" PRIu32 " commands ends in another state",
                    oracle->command_count);
    }
    oc_arena_deinit(&arena);
}
