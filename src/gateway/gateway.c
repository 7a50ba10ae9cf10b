/*
 * Sessions come and go with their connections, and events find the session they are for.
 *
 * A session is opened and closed by a command each, so that the engine knows it in the same order
 * in which it sees its requests. The connection is closed only when the SESSION_CLOSED event comes
 * back: then every reply to what the client sent is already on its way.
 */
#include "gateway/gateway.h"

#include <string.h>

#include "core/assert.h"
#include "gateway/internal.h"

static struct oc_gateway__session *session_of_conn(struct oc_gateway *gateway, struct oc_conn conn);
static struct oc_gateway__session *session_of_id(struct oc_gateway *gateway, uint64_t id);
static void session_open(struct oc_gateway *gateway, const struct oc_io_event *event);
static void session_free(struct oc_gateway *gateway, struct oc_gateway__session *session);
static void on_event(struct oc_gateway *gateway, const struct oc_event *event);
static void on_trade(struct oc_gateway *gateway, const struct oc_event *event);
static void on_confirmed(struct oc_gateway *gateway, const struct oc_event *event);
static void on_settings(struct oc_gateway *gateway, const struct oc_event *event);
static void on_session_closed(struct oc_gateway *gateway, const struct oc_event *event);
static void on_private(struct oc_gateway *gateway, const struct oc_event *event);
static void reply(struct oc_gateway *gateway, struct oc_gateway__session *session,
                  struct oc_wire_span span);

struct oc_gateway *oc_gateway_create(const struct oc_gateway_config *config)
{
    struct oc_arena *arena = config->arena;
    struct oc_gateway *gateway = oc_arena_alloc(arena, 1, sizeof *gateway, 0);
    OC_ASSERT(config->sessions_max > 0);
    OC_ASSERT(config->large_frames_max > 0);
    if (gateway == NULL) {
        return NULL;
    }
    gateway->config = *config;
    gateway->io = config->io;
    gateway->ops = config->io->ops;
    gateway->encoder = oc_wire_encoder_create(arena, config->instruments_max);
    gateway->sessions = oc_arena_alloc(arena, config->sessions_max, sizeof *gateway->sessions, 0);
    gateway->small_bytes = oc_arena_alloc(arena, config->sessions_max, OC_GATEWAY_SMALL_FRAME_BYTES,
                                          0);
    gateway->large_bytes = oc_arena_alloc(arena, config->large_frames_max,
                                          OC_GATEWAY_LARGE_FRAME_BYTES, 0);
    if (gateway->encoder == NULL || gateway->sessions == NULL || gateway->small_bytes == NULL ||
        gateway->large_bytes == NULL ||
        oc_pool_init(&gateway->small_frames, arena, config->sessions_max) != 0 ||
        oc_pool_init(&gateway->large_frames, arena, config->large_frames_max) != 0) {
        return NULL;
    }
    for (int hears = 1; hears < OC_TAPE_COUNT; hears++) {
        if (oc_gateway__tape_init(&gateway->tapes[hears], arena, config->sessions_max) != 0) {
            return NULL;
        }
    }
    return gateway;
}

void oc_gateway_add_listener(struct oc_gateway *gateway, uint64_t tag, bool confirmations_all)
{
    OC_ASSERT(tag < OC_GATEWAY_LISTENERS_MAX);
    gateway->confirmations_all[tag] = confirmations_all;
}

void oc_gateway_on_io(struct oc_gateway *gateway, const struct oc_io_event *event)
{
    struct oc_gateway__session *session;
    if (event->kind == OC_IO_ACCEPTED) {
        session_open(gateway, event);
        return;
    }
    if (event->kind != OC_IO_RECEIVED && event->kind != OC_IO_EOF && event->kind != OC_IO_CLOSED) {
        return;
    }
    session = session_of_conn(gateway, event->conn);
    OC_ASSERT(session != NULL);
    if (event->kind == OC_IO_RECEIVED) {
        if (session->state == OC_SESSION_OPEN) {
            oc_gateway__take_bytes(gateway, session, event->bytes, event->size);
        }
    } else if (event->kind == OC_IO_EOF) {
        oc_gateway__take_eof(gateway, session);
        oc_gateway__tell_close(gateway, session);
    } else {
        session_free(gateway, session);
    }
}

void oc_gateway_on_events(struct oc_gateway *gateway, const struct oc_event *events, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        on_event(gateway, &events[i]);
    }
}

void oc_gateway_flush(struct oc_gateway *gateway)
{
    for (int hears = 1; hears < OC_TAPE_COUNT; hears++) {
        oc_gateway__tape_flush(gateway, &gateway->tapes[hears]);
    }
}

void oc_gateway_close_all(struct oc_gateway *gateway)
{
    for (uint32_t i = 0; i < gateway->config.sessions_max; i++) {
        if (gateway->sessions[i].state == OC_SESSION_OPEN) {
            oc_gateway__tell_close(gateway, &gateway->sessions[i]);
        }
    }
}

void oc_gateway_stats_read(const struct oc_gateway *gateway, struct oc_gateway_stats *stats)
{
    *stats = gateway->stats;
}

void oc_gateway__submit(struct oc_gateway *gateway, const struct oc_gateway__session *session,
                        struct oc_command *command)
{
    command->session = oc_gateway__session_id(session);
    gateway->config.hooks.submit(gateway->config.hooks.context, command);
}

void oc_gateway__tell_close(struct oc_gateway *gateway, struct oc_gateway__session *session)
{
    struct oc_command command = {.kind = OC_COMMAND_SESSION_CLOSE};
    if (session->close_told) {
        return;
    }
    session->close_told = true;
    if (session->state == OC_SESSION_OPEN) {
        session->state = OC_SESSION_CLOSING;
    }
    oc_gateway__submit(gateway, session, &command);
}

/* NULL when the connection is not, or no longer, the one in its slot. */
static struct oc_gateway__session *session_of_conn(struct oc_gateway *gateway, struct oc_conn conn)
{
    struct oc_gateway__session *session;
    OC_ASSERT(conn.index < gateway->config.sessions_max);
    session = &gateway->sessions[conn.index];
    if (session->state == OC_SESSION_FREE || session->conn.generation != conn.generation) {
        return NULL;
    }
    return session;
}

/* NULL also for a session that takes no replies: it ended, or it is about to. */
static struct oc_gateway__session *session_of_id(struct oc_gateway *gateway, uint64_t id)
{
    struct oc_conn conn = {.index = oc_session_slot(id), .generation = (uint32_t)(id >> 32)};
    struct oc_gateway__session *session = session_of_conn(gateway, conn);
    return session == NULL || session->state == OC_SESSION_BROKEN ? NULL : session;
}

static void session_open(struct oc_gateway *gateway, const struct oc_io_event *event)
{
    struct oc_command command = {.kind = OC_COMMAND_SESSION_OPEN};
    struct oc_gateway__session *session = &gateway->sessions[event->conn.index];
    OC_ASSERT(event->conn.index < gateway->config.sessions_max);
    OC_ASSERT(event->tag < OC_GATEWAY_LISTENERS_MAX);
    OC_ASSERT(session->state == OC_SESSION_FREE);
    *session = (struct oc_gateway__session){
        .conn = event->conn,
        .state = OC_SESSION_OPEN,
        .confirmations_all = gateway->confirmations_all[event->tag],
    };
    gateway->stats.sessions++;
    oc_gateway__submit(gateway, session, &command);
}

/* The connection is gone: its slot may carry the next one from now on. */
static void session_free(struct oc_gateway *gateway, struct oc_gateway__session *session)
{
    oc_gateway__tell_close(gateway, session);
    session->state = OC_SESSION_BROKEN;
    oc_gateway__tape_choose(gateway, session, 0);
    oc_gateway__drop_partial(gateway, session);
    session->state = OC_SESSION_FREE;
    gateway->stats.sessions--;
}

static void on_event(struct oc_gateway *gateway, const struct oc_event *event)
{
    switch ((enum oc_event_kind)event->kind) {
    case OC_EVENT_TRADE:
        on_trade(gateway, event);
        break;
    case OC_EVENT_CONFIRMED:
        on_confirmed(gateway, event);
        break;
    case OC_EVENT_SESSION_OPENED:
    case OC_EVENT_SESSION:
        on_settings(gateway, event);
        break;
    case OC_EVENT_SESSION_CLOSED:
        on_session_closed(gateway, event);
        break;
    case OC_EVENT_INSTRUMENT:
    case OC_EVENT_CANCELLED:
    case OC_EVENT_REPLACED:
    case OC_EVENT_REJECTED:
    case OC_EVENT_DUPLICATE:
    case OC_EVENT_MASS_CANCELLED:
    case OC_EVENT_BOOK:
    case OC_EVENT_BOOK_LEVEL:
    case OC_EVENT_OPEN_ORDERS:
    case OC_EVENT_OPEN_ORDER:
    case OC_EVENT_PONG:
    case OC_EVENT_ACCEPTED:
    case OC_EVENT_EXECUTED:
    case OC_EVENT_FILLED:
        on_private(gateway, event);
        break;
    case OC_EVENT_NONE:
    case OC_EVENT_KIND_COUNT:
    default:
        OC_UNREACHABLE();
    }
}

/* Listeners hear it on their tape; who has trades off is told only of its own orders. */
static void on_trade(struct oc_gateway *gateway, const struct oc_event *event)
{
    struct oc_wire_span span = oc_wire_encode(gateway->encoder, event);
    const uint64_t sides[2] = {event->trade.buyer_session, event->trade.seller_session};
    for (int hears = OC_TAPE_TRADES; hears < OC_TAPE_COUNT; hears++) {
        if (hears & OC_TAPE_TRADES) {
            oc_gateway__tape_append(gateway, &gateway->tapes[hears], span.bytes, span.size);
        }
    }
    for (int side = 0; side < (sides[0] == sides[1] ? 1 : 2); side++) {
        struct oc_gateway__session *session = session_of_id(gateway, sides[side]);
        if (session != NULL && !(session->tape & OC_TAPE_TRADES)) {
            reply(gateway, session, span);
        }
    }
}

/*
 * The session that entered the order gets its own form, with its request_id; sessions of listeners
 * with confirmations=all hear the public form, but never both.
 */
static void on_confirmed(struct oc_gateway *gateway, const struct oc_event *event)
{
    struct oc_gateway__session *session = session_of_id(gateway, event->session);
    struct oc_wire_span span = oc_wire_encode(gateway->encoder, event);
    if (session != NULL) {
        reply(gateway, session, span);
    }
    for (int hears = OC_TAPE_CONFIRMATIONS; hears < OC_TAPE_COUNT; hears++) {
        struct oc_gateway__tape *tape = &gateway->tapes[hears];
        if (tape->listener_count == 0) {
            continue;
        }
        span = oc_wire_encode_confirmation_public(gateway->encoder, event);
        oc_gateway__tape_append(gateway, tape, span.bytes, span.size);
        if (session != NULL && session->tape == hears) {
            session->tape_seen = tape->position;
        }
    }
}

static void on_settings(struct oc_gateway *gateway, const struct oc_event *event)
{
    struct oc_gateway__session *session = session_of_id(gateway, event->session);
    struct oc_wire_span span = oc_wire_encode(gateway->encoder, event);
    uint8_t hears = 0;
    if (session == NULL) {
        return;
    }
    if (event->settings & OC_SETTING_TRADES) {
        hears |= OC_TAPE_TRADES;
    }
    if (session->confirmations_all) {
        hears |= OC_TAPE_CONFIRMATIONS;
    }
    oc_gateway__tape_choose(gateway, session, hears);
    reply(gateway, session, span);
}

static void on_session_closed(struct oc_gateway *gateway, const struct oc_event *event)
{
    struct oc_gateway__session *session = session_of_id(gateway, event->session);
    if (session != NULL) {
        oc_gateway__tape_choose(gateway, session, 0);
        /* -ENOTCONN: it broke meanwhile, and CLOSED is on its way. */
        (void)gateway->ops->close(gateway->io, session->conn, OC_IO_CLOSE_FLUSH);
        session->state = OC_SESSION_BROKEN;
    }
}

/* The encoder is fed with every event, also of a session that is gone: a message may have parts. */
static void on_private(struct oc_gateway *gateway, const struct oc_event *event)
{
    struct oc_wire_span span = oc_wire_encode(gateway->encoder, event);
    struct oc_gateway__session *session = session_of_id(gateway, event->session);
    if (session != NULL) {
        reply(gateway, session, span);
    }
}

/* Behind everything public that happened before it. */
static void reply(struct oc_gateway *gateway, struct oc_gateway__session *session,
                  struct oc_wire_span span)
{
    if (span.size > 0) {
        oc_gateway__tape_catch_up(gateway, session);
        oc_gateway__deliver(gateway, session, span.bytes, span.size);
        gateway->stats.replies++;
    }
}
