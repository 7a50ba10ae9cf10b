/*
 * Commands to the engine, and who has to wait while it has no room.
 *
 * When submit() refuses, nothing is dropped and nobody overtakes: the session is held, which means
 * that it receives nothing, its unread bytes are back with io, and what the engine has yet to be
 * told of it is a set of flags that oc_gateway_resume() works off. Nobody else asks meanwhile,
 * because the answer would be the same; whoever has something to say is held as well.
 */
#include <errno.h>

#include "core/assert.h"
#include "gateway/internal.h"

static bool settle(struct oc_gateway *gateway, struct oc_gateway__session *session);
static bool settle_one(struct oc_gateway *gateway, struct oc_gateway__session *session,
                       enum oc_gateway__pending what);
static bool submit_close(struct oc_gateway *gateway, uint64_t id);
static void release(struct oc_gateway *gateway, struct oc_gateway__session *session);
static void unlink_held(struct oc_gateway *gateway, struct oc_gateway__session *session);

int oc_gateway__held_init(struct oc_gateway__held *held, struct oc_arena *arena,
                          uint32_t sessions_max)
{
    held->first = OC_INDEX_NONE;
    held->last = OC_INDEX_NONE;
    held->closes = oc_arena_alloc(arena, sessions_max, sizeof *held->closes, 0);
    return held->closes == NULL ? -ENOMEM : 0;
}

uint32_t oc_gateway_held_count(const struct oc_gateway *gateway)
{
    return gateway->held.count + gateway->held.close_count;
}

void oc_gateway_resume(struct oc_gateway *gateway)
{
    struct oc_gateway__held *held = &gateway->held;
    held->full = false;
    while (held->close_count > 0) {
        if (!submit_close(gateway, held->closes[held->close_first])) {
            return;
        }
        held->close_first = (held->close_first + 1) % gateway->config.sessions_max;
        held->close_count--;
    }
    while (held->first != OC_INDEX_NONE) {
        struct oc_gateway__session *session = &gateway->sessions[held->first];
        if (!settle(gateway, session)) {
            return;
        }
        release(gateway, session);
        oc_gateway__close_if_asked(gateway, session);
    }
}

bool oc_gateway__submit(struct oc_gateway *gateway, struct oc_gateway__session *session,
                        struct oc_command *command)
{
    const struct oc_gateway_hooks *hooks = &gateway->config.hooks;
    command->session = oc_gateway__session_id(gateway, session);
    if (!gateway->held.full && hooks->submit(hooks->context, command)) {
        return true;
    }
    gateway->held.full = true;
    oc_gateway__hold(gateway, session);
    return false;
}

void oc_gateway__tell(struct oc_gateway *gateway, struct oc_gateway__session *session,
                      enum oc_gateway__pending what)
{
    session->pending |= (uint8_t)what;
    (void)settle(gateway, session);
}

void oc_gateway__tell_close(struct oc_gateway *gateway, struct oc_gateway__session *session)
{
    OC_ASSERT(!session->close_begun);
    session->close_begun = true;
    session->state = OC_SESSION_CLOSING;
    oc_gateway__tell(gateway, session, OC_PENDING_CLOSE);
}

void oc_gateway__close_if_asked(struct oc_gateway *gateway, struct oc_gateway__session *session)
{
    if (session->close_asked && session->state == OC_SESSION_OPEN && !session->held &&
        session->given_back == 0) {
        oc_gateway__tell_close(gateway, session);
    }
}

void oc_gateway__forget(struct oc_gateway *gateway, struct oc_gateway__session *session)
{
    struct oc_gateway__held *held = &gateway->held;
    const uint64_t id = oc_gateway__session_id(gateway, session);
    if (session->held) {
        unlink_held(gateway, session);
    }
    if ((session->pending & OC_PENDING_OPEN) ||
        (session->close_begun && !(session->pending & OC_PENDING_CLOSE))) {
        return; /* the engine never knew it, or knows its end */
    }
    if (held->full || !submit_close(gateway, id)) {
        OC_ASSERT(held->close_count < gateway->config.sessions_max);
        held->closes[(held->close_first + held->close_count) % gateway->config.sessions_max] = id;
        held->close_count++;
        gateway->stats.orphaned_closes++;
    }
}

void oc_gateway__hold(struct oc_gateway *gateway, struct oc_gateway__session *session)
{
    struct oc_gateway__held *held = &gateway->held;
    if (session->held) {
        return;
    }
    session->held = true;
    session->held_next = OC_INDEX_NONE;
    session->held_previous = held->last;
    if (held->last == OC_INDEX_NONE) {
        held->first = session->conn.index;
    } else {
        gateway->sessions[held->last].held_next = session->conn.index;
    }
    held->last = session->conn.index;
    held->count++;
    gateway->stats.holds++;
    /* -ENOTCONN here and below: CLOSED is on its way. */
    (void)gateway->ops->receive(gateway->io, session->conn, false);
}

void oc_gateway__give_back(struct oc_gateway *gateway, struct oc_gateway__session *session,
                           uint8_t *bytes, uint32_t size)
{
    session->gives_back = true;
    if (gateway->ops->unreceive(gateway->io, session->conn, bytes, size) == 0) {
        session->given_back += size;
    } /* else it broke, and what it sent last is dropped with the connection */
}

/* Tells the engine what it has yet to know, in order. Returns whether it knows all now. */
static bool settle(struct oc_gateway *gateway, struct oc_gateway__session *session)
{
    while (session->pending != 0) {
        const enum oc_gateway__pending what = session->pending & -(unsigned)session->pending;
        if (!settle_one(gateway, session, what)) {
            return false;
        }
        session->pending &= (uint8_t) ~(unsigned)what;
        if (session->state == OC_SESSION_BROKEN) {
            /* It broke while it was told: what it still wanted reaches nobody. */
            session->pending &= OC_PENDING_CLOSE;
        }
    }
    return true;
}

static bool settle_one(struct oc_gateway *gateway, struct oc_gateway__session *session,
                       enum oc_gateway__pending what)
{
    struct oc_command command = {.kind = OC_COMMAND_SESSION_OPEN};
    switch (what) {
    case OC_PENDING_OPEN:
        return oc_gateway__submit(gateway, session, &command);
    case OC_PENDING_FRAME:
        return oc_gateway__take_partial(gateway, session);
    case OC_PENDING_REFUSAL:
        oc_wire_refuse_frame(&command, session->refusal);
        return oc_gateway__submit(gateway, session, &command);
    case OC_PENDING_CLOSE:
        command.kind = OC_COMMAND_SESSION_CLOSE;
        return oc_gateway__submit(gateway, session, &command);
    default:
        OC_UNREACHABLE();
    }
}

/* The end of a session whose connection is gone: there is nobody to hold. */
static bool submit_close(struct oc_gateway *gateway, uint64_t id)
{
    const struct oc_gateway_hooks *hooks = &gateway->config.hooks;
    struct oc_command command = {.kind = OC_COMMAND_SESSION_CLOSE, .session = id};
    gateway->held.full = !hooks->submit(hooks->context, &command);
    return !gateway->held.full;
}

/* It may go on. The time that it was held is not its own. */
static void release(struct oc_gateway *gateway, struct oc_gateway__session *session)
{
    unlink_held(gateway, session);
    session->heard_ns = gateway->now_ns;
    session->partial.since_ns = gateway->now_ns;
    (void)gateway->ops->receive(gateway->io, session->conn, true);
}

static void unlink_held(struct oc_gateway *gateway, struct oc_gateway__session *session)
{
    struct oc_gateway__held *held = &gateway->held;
    if (session->held_previous == OC_INDEX_NONE) {
        held->first = session->held_next;
    } else {
        gateway->sessions[session->held_previous].held_next = session->held_next;
    }
    if (session->held_next == OC_INDEX_NONE) {
        held->last = session->held_previous;
    } else {
        gateway->sessions[session->held_next].held_previous = session->held_previous;
    }
    session->held = false;
    held->count--;
}
