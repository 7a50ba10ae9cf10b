/*
 * Events find the sessions they are for.
 *
 * With several io threads each gateway reads the whole log, and most events are for sessions of
 * others: those cost a comparison, not an encoding. Only instruments are always read, because later
 * events name them by their place.
 */
#include "core/assert.h"
#include "gateway/internal.h"

static void on_event(struct oc_gateway *gateway, const struct oc_event *event);
static struct oc_gateway__session *session_of_id(struct oc_gateway *gateway, uint64_t id);
static void on_trade(struct oc_gateway *gateway, const struct oc_event *event);
static void on_confirmed(struct oc_gateway *gateway, const struct oc_event *event);
static void on_settings(struct oc_gateway *gateway, const struct oc_event *event);
static void on_session_closed(struct oc_gateway *gateway, const struct oc_event *event);
static void on_private(struct oc_gateway *gateway, const struct oc_event *event);
static void reply(struct oc_gateway *gateway, struct oc_gateway__session *session,
                  struct oc_wire_span span);

void oc_gateway_on_events(struct oc_gateway *gateway, const struct oc_event *events, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        on_event(gateway, &events[i]);
    }
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
        (void)oc_wire_encode(gateway->encoder, event);
        break;
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

/* NULL also for a session that takes no replies: it ended, or it is about to. */
static struct oc_gateway__session *session_of_id(struct oc_gateway *gateway, uint64_t id)
{
    struct oc_conn conn = {.index = oc_session_slot(id) - gateway->config.session_base,
                           .generation = (uint32_t)(id >> 32)};
    struct oc_gateway__session *session;
    if (!oc_gateway__is_own(gateway, id)) {
        return NULL;
    }
    session = oc_gateway__session_of_conn(gateway, conn);
    return session == NULL || session->state == OC_SESSION_BROKEN ? NULL : session;
}

/* Listeners hear it on their tape; who has trades off is told only of its own orders. */
static void on_trade(struct oc_gateway *gateway, const struct oc_event *event)
{
    const uint64_t sides[2] = {event->trade.buyer_session, event->trade.seller_session};
    struct oc_gateway__session *parties[2] = {NULL, NULL};
    struct oc_wire_span span;
    for (int side = 0; side < (sides[0] == sides[1] ? 1 : 2); side++) {
        struct oc_gateway__session *session = session_of_id(gateway, sides[side]);
        parties[side] = session != NULL && !(session->tape & OC_TAPE_TRADES) ? session : NULL;
    }
    if (gateway->tapes[OC_TAPE_TRADES].listener_count == 0 &&
        gateway->tapes[OC_TAPE_TRADES | OC_TAPE_CONFIRMATIONS].listener_count == 0 &&
        parties[0] == NULL && parties[1] == NULL) {
        return;
    }
    span = oc_wire_encode(gateway->encoder, event);
    oc_gateway__tape_append(gateway, &gateway->tapes[OC_TAPE_TRADES], span.bytes, span.size);
    oc_gateway__tape_append(gateway, &gateway->tapes[OC_TAPE_TRADES | OC_TAPE_CONFIRMATIONS],
                            span.bytes, span.size);
    for (int side = 0; side < 2; side++) {
        if (parties[side] != NULL) {
            reply(gateway, parties[side], span);
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
    struct oc_wire_span span;
    if (session != NULL) {
        reply(gateway, session, oc_wire_encode(gateway->encoder, event));
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
    reply(gateway, session, oc_wire_encode(gateway->encoder, event));
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

/* The encoder is fed also for a session of this gateway that is gone: a message may have parts, and
 * the session may go in the midst of them. */
static void on_private(struct oc_gateway *gateway, const struct oc_event *event)
{
    struct oc_gateway__session *session;
    struct oc_wire_span span;
    if (!oc_gateway__is_own(gateway, event->session)) {
        return;
    }
    span = oc_wire_encode(gateway->encoder, event);
    session = session_of_id(gateway, event->session);
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
