/*
 * Received bytes to frames to commands.
 *
 * A frame that arrived whole is decoded where it lies. Only one that did not is copied: into a
 * small slot, of which every session can have one, or into a large one, of which there are few.
 * Frames beyond a session's share of the turn, or for which the engine has no room, go back to io
 * as the bytes they are and are read again later.
 */
#include <string.h>

#include "core/assert.h"
#include "gateway/internal.h"

static void begin_turn(struct oc_gateway *gateway, struct oc_gateway__session *session);
static void cut(struct oc_gateway *gateway, struct oc_gateway__session *session, uint8_t *bytes,
                uint32_t size);
static bool take_frame(struct oc_gateway *gateway, struct oc_gateway__session *session,
                       const uint8_t *payload, size_t size);
static uint32_t partial_take(struct oc_gateway *gateway, struct oc_gateway__session *session,
                             const uint8_t *bytes, uint32_t size);
static bool partial_reserve(struct oc_gateway *gateway, struct oc_gateway__partial *partial,
                            size_t size);

void oc_gateway__take_bytes(struct oc_gateway *gateway, struct oc_gateway__session *session,
                            uint8_t *bytes, uint32_t size)
{
    if (session->turn != gateway->turn) {
        begin_turn(gateway, session);
    }
    if (session->old_left > 0) {
        uint32_t again = size < session->old_left ? size : session->old_left;
        session->old_left -= again;
        session->given_back -= again;
    }
    session->heard_ns = gateway->now_ns;
    if (gateway->held.full) {
        oc_gateway__hold(gateway, session);
    }
    if (session->held || session->gives_back) {
        oc_gateway__give_back(gateway, session, bytes, size);
        return;
    }
    cut(gateway, session, bytes, size);
    oc_gateway__close_if_asked(gateway, session);
}

void oc_gateway__take_eof(struct oc_gateway *gateway, struct oc_gateway__session *session)
{
    if (session->gives_back && session->turn == gateway->turn) {
        return; /* it comes again, behind the bytes that went back */
    }
    if (session->partial.bytes != NULL && !(session->pending & OC_PENDING_FRAME)) {
        oc_gateway__refuse_stream(gateway, session, OC_REASON_INCOMPLETE_FRAME);
    } else {
        oc_gateway__tell_close(gateway, session);
    }
}

bool oc_gateway__take_partial(struct oc_gateway *gateway, struct oc_gateway__session *session)
{
    const struct oc_gateway__partial *partial = &session->partial;
    if (!take_frame(gateway, session, partial->bytes + OC_FRAME_HEADER_BYTES,
                    partial->size - OC_FRAME_HEADER_BYTES)) {
        return false;
    }
    gateway->stats.frames_reassembled++;
    oc_gateway__drop_partial(gateway, session);
    return true;
}

void oc_gateway__refuse_stream(struct oc_gateway *gateway, struct oc_gateway__session *session,
                               enum oc_reason reason)
{
    oc_gateway__drop_partial(gateway, session);
    gateway->stats.bad_streams++;
    gateway->config.hooks.notice(gateway->config.hooks.context, OC_GATEWAY_BAD_STREAM, reason,
                                 session->conn);
    session->refusal = (uint16_t)reason;
    session->pending |= OC_PENDING_REFUSAL;
    oc_gateway__tell_close(gateway, session);
}

void oc_gateway__drop_partial(struct oc_gateway *gateway, struct oc_gateway__session *session)
{
    struct oc_gateway__partial *partial = &session->partial;
    if (partial->bytes != NULL) {
        oc_pool_give(partial->capacity == OC_GATEWAY_SMALL_FRAME_BYTES ? &gateway->small_frames
                                                                       : &gateway->large_frames,
                     partial->slot);
        *partial = (struct oc_gateway__partial){0};
    }
}

/*
 * A session that nothing was received of in this turn yet has its whole share. Long turns are good
 * for whoever is alone, short ones for whoever else waits.
 */
static void begin_turn(struct oc_gateway *gateway, struct oc_gateway__session *session)
{
    uint64_t share = gateway->config.session_limits.frames_per_turn;
    if (session->conn.index != gateway->heard_last) {
        gateway->heard_last = session->conn.index;
        gateway->shared_until_ns = gateway->now_ns + OC_GATEWAY_SHARED_NS;
    }
    if (gateway->now_ns >= gateway->shared_until_ns) {
        share *= OC_GATEWAY_SHARE_ALONE;
    }
    session->turn = gateway->turn;
    session->frames_left = share > 0 && share < UINT32_MAX ? (uint32_t)share : UINT32_MAX;
    session->gives_back = false;
    session->old_left = session->given_back;
}

static void cut(struct oc_gateway *gateway, struct oc_gateway__session *session, uint8_t *bytes,
                uint32_t size)
{
    if (session->partial.bytes != NULL && session->frames_left > 0) {
        uint32_t taken = partial_take(gateway, session, bytes, size);
        bytes += taken;
        size -= taken;
    }
    /* Who is being disconnected gets no further share: its replies reach nobody. */
    while (size > 0 && session->state == OC_SESSION_OPEN && !session->held &&
           session->frames_left > 0) {
        size_t frame_size;
        switch (oc_wire_frame_next(bytes, size, &frame_size)) {
        case OC_WIRE_FRAME_COMPLETE:
            if (take_frame(gateway, session, bytes + OC_FRAME_HEADER_BYTES,
                           frame_size - OC_FRAME_HEADER_BYTES)) {
                bytes += frame_size;
                size -= (uint32_t)frame_size;
            }
            break;
        case OC_WIRE_FRAME_INCOMPLETE:
            (void)partial_take(gateway, session, bytes, size);
            return;
        case OC_WIRE_FRAME_BAD_LENGTH:
            oc_gateway__refuse_stream(gateway, session, OC_REASON_BAD_FRAME_LENGTH);
            return;
        }
    }
    if (size > 0 && session->state == OC_SESSION_OPEN) {
        gateway->stats.quota_uses += !session->held;
        oc_gateway__give_back(gateway, session, bytes, size);
    }
}

/* Returns whether it was submitted; if not, the session is held. */
static bool take_frame(struct oc_gateway *gateway, struct oc_gateway__session *session,
                       const uint8_t *payload, size_t size)
{
    struct oc_command command;
    uint64_t rate_ns = 0;
    (void)oc_wire_decode_request(payload, size, &command);
    if (gateway->request_ns != 0) {
        rate_ns = oc_gateway__rate(gateway, session, &command);
    }
    if (!oc_gateway__submit(gateway, session, &command)) {
        return false;
    }
    if (gateway->request_ns != 0) {
        session->rate_ns = rate_ns;
        gateway->stats.too_many_requests += command.kind == OC_COMMAND_REFUSED &&
                                            command.refused.reason == OC_REASON_TOO_MANY_REQUESTS;
    }
    session->frames_left -= session->frames_left > 0;
    gateway->stats.frames++;
    return true;
}

/*
 * Moves bytes into the session's incomplete frame, never beyond its end; submits it when it is
 * complete, or keeps it where it is if there is no room. Returns how many bytes it took: all of
 * them when it refused the stream, because what is behind a bad length means nothing.
 */
static uint32_t partial_take(struct oc_gateway *gateway, struct oc_gateway__session *session,
                             const uint8_t *bytes, uint32_t size)
{
    struct oc_gateway__partial *partial = &session->partial;
    const bool begins = partial->bytes == NULL;
    uint32_t taken = 0;
    while (taken < size) {
        size_t wanted = OC_FRAME_HEADER_BYTES;
        size_t piece;
        if (partial->size >= OC_FRAME_HEADER_BYTES) {
            if (oc_wire_frame_next(partial->bytes, partial->size, &wanted) ==
                OC_WIRE_FRAME_BAD_LENGTH) {
                oc_gateway__refuse_stream(gateway, session, OC_REASON_BAD_FRAME_LENGTH);
                return size;
            }
        }
        if (!partial_reserve(gateway, partial, wanted)) {
            oc_gateway__refuse_stream(gateway, session, OC_REASON_TOO_MANY_LARGE_FRAMES);
            return size;
        }
        piece = wanted - partial->size < size - taken ? wanted - partial->size : size - taken;
        OC_ASSERT(partial->bytes != NULL);
        memcpy(partial->bytes + partial->size, bytes + taken, piece);
        partial->size += (uint32_t)piece;
        taken += (uint32_t)piece;
        if (wanted > OC_FRAME_HEADER_BYTES && partial->size == wanted) {
            oc_gateway__tell(gateway, session, OC_PENDING_FRAME);
            return taken;
        }
    }
    /* A length that is complete and bad is answered now, not with the next byte. */
    if (partial->size == OC_FRAME_HEADER_BYTES) {
        size_t wanted;
        if (oc_wire_frame_next(partial->bytes, partial->size, &wanted) ==
            OC_WIRE_FRAME_BAD_LENGTH) {
            oc_gateway__refuse_stream(gateway, session, OC_REASON_BAD_FRAME_LENGTH);
            return taken;
        }
    }
    if (begins) {
        partial->since_ns = gateway->now_ns;
        oc_gateway__watch(gateway, session);
    }
    return taken;
}

/* Makes room for `size` bytes in all, moving to a large slot where a small one does not do. */
static bool partial_reserve(struct oc_gateway *gateway, struct oc_gateway__partial *partial,
                            size_t size)
{
    uint8_t *small = partial->bytes;
    uint32_t slot;
    if (size <= partial->capacity) {
        return true;
    }
    if (partial->bytes == NULL && size <= OC_GATEWAY_SMALL_FRAME_BYTES) {
        slot = oc_pool_take(&gateway->small_frames);
        /* There is one for each session. */
        OC_ASSERT(slot != OC_INDEX_NONE);
        partial->bytes = gateway->small_bytes + (size_t)slot * OC_GATEWAY_SMALL_FRAME_BYTES;
        partial->capacity = OC_GATEWAY_SMALL_FRAME_BYTES;
        partial->slot = slot;
        return true;
    }
    slot = oc_pool_take(&gateway->large_frames);
    if (slot == OC_INDEX_NONE) {
        return false;
    }
    partial->bytes = gateway->large_bytes + (size_t)slot * OC_GATEWAY_LARGE_FRAME_BYTES;
    if (small != NULL) {
        memcpy(partial->bytes, small, partial->size);
        oc_pool_give(&gateway->small_frames, partial->slot);
    }
    partial->capacity = OC_GATEWAY_LARGE_FRAME_BYTES;
    partial->slot = slot;
    return true;
}
