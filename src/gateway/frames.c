/*
 * Received bytes to frames to commands.
 *
 * A frame that arrived whole is decoded where it lies. Only one that did not is copied: into a
 * small slot, of which every session can have one, or into a large one, of which there are few.
 */
#include <string.h>

#include "core/assert.h"
#include "gateway/internal.h"

static void take_frame(struct oc_gateway *gateway, struct oc_gateway__session *session,
                       const uint8_t *payload, size_t size);
static uint32_t partial_take(struct oc_gateway *gateway, struct oc_gateway__session *session,
                             const uint8_t *bytes, uint32_t size);
static bool partial_reserve(struct oc_gateway *gateway, struct oc_gateway__partial *partial,
                            size_t size);
static void refuse_stream(struct oc_gateway *gateway, struct oc_gateway__session *session,
                          enum oc_reason reason);

void oc_gateway__take_bytes(struct oc_gateway *gateway, struct oc_gateway__session *session,
                            const uint8_t *bytes, uint32_t size)
{
    if (session->partial.bytes != NULL) {
        uint32_t taken = partial_take(gateway, session, bytes, size);
        bytes += taken;
        size -= taken;
    }
    /* A session that is being disconnected gets no further share: its replies reach nobody. */
    while (size > 0 && session->state != OC_SESSION_BROKEN) {
        size_t frame_size;
        switch (oc_wire_frame_next(bytes, size, &frame_size)) {
        case OC_WIRE_FRAME_COMPLETE:
            take_frame(gateway, session, bytes + OC_FRAME_HEADER_BYTES,
                       frame_size - OC_FRAME_HEADER_BYTES);
            bytes += frame_size;
            size -= (uint32_t)frame_size;
            break;
        case OC_WIRE_FRAME_INCOMPLETE:
            (void)partial_take(gateway, session, bytes, size);
            return;
        case OC_WIRE_FRAME_BAD_LENGTH:
            refuse_stream(gateway, session, OC_REASON_BAD_FRAME_LENGTH);
            return;
        }
    }
}

void oc_gateway__take_eof(struct oc_gateway *gateway, struct oc_gateway__session *session)
{
    if (session->partial.bytes != NULL && session->state == OC_SESSION_OPEN) {
        refuse_stream(gateway, session, OC_REASON_INCOMPLETE_FRAME);
    }
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

static void take_frame(struct oc_gateway *gateway, struct oc_gateway__session *session,
                       const uint8_t *payload, size_t size)
{
    struct oc_command command;
    (void)oc_wire_decode_request(payload, size, &command);
    gateway->stats.frames++;
    oc_gateway__submit(gateway, session, &command);
}

/*
 * Moves bytes into the session's incomplete frame, never beyond its end; submits it when it is
 * complete. Returns how many bytes it took: all of them when it refused the stream, because what is
 * behind a bad length means nothing.
 */
static uint32_t partial_take(struct oc_gateway *gateway, struct oc_gateway__session *session,
                             const uint8_t *bytes, uint32_t size)
{
    struct oc_gateway__partial *partial = &session->partial;
    uint32_t taken = 0;
    while (taken < size) {
        size_t wanted = OC_FRAME_HEADER_BYTES;
        size_t piece;
        if (partial->size >= OC_FRAME_HEADER_BYTES) {
            if (oc_wire_frame_next(partial->bytes, partial->size, &wanted) ==
                OC_WIRE_FRAME_BAD_LENGTH) {
                refuse_stream(gateway, session, OC_REASON_BAD_FRAME_LENGTH);
                return size;
            }
        }
        if (!partial_reserve(gateway, partial, wanted)) {
            refuse_stream(gateway, session, OC_REASON_TOO_MANY_LARGE_FRAMES);
            return size;
        }
        piece = wanted - partial->size < size - taken ? wanted - partial->size : size - taken;
        OC_ASSERT(partial->bytes != NULL);
        memcpy(partial->bytes + partial->size, bytes + taken, piece);
        partial->size += (uint32_t)piece;
        taken += (uint32_t)piece;
        if (wanted > OC_FRAME_HEADER_BYTES && partial->size == wanted) {
            gateway->stats.frames_reassembled++;
            take_frame(gateway, session, partial->bytes + OC_FRAME_HEADER_BYTES,
                       wanted - OC_FRAME_HEADER_BYTES);
            oc_gateway__drop_partial(gateway, session);
            return taken;
        }
    }
    /* A length that is complete and bad is answered now, not with the next byte. */
    if (partial->size == OC_FRAME_HEADER_BYTES) {
        size_t wanted;
        if (oc_wire_frame_next(partial->bytes, partial->size, &wanted) ==
            OC_WIRE_FRAME_BAD_LENGTH) {
            refuse_stream(gateway, session, OC_REASON_BAD_FRAME_LENGTH);
        }
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

/* One reject, then the end: the client reads why before it reads the FIN. */
static void refuse_stream(struct oc_gateway *gateway, struct oc_gateway__session *session,
                          enum oc_reason reason)
{
    struct oc_command command;
    oc_wire_refuse_frame(&command, reason);
    oc_gateway__drop_partial(gateway, session);
    gateway->stats.bad_streams++;
    gateway->config.hooks.notice(gateway->config.hooks.context, OC_GATEWAY_BAD_STREAM, reason,
                                 session->conn);
    oc_gateway__submit(gateway, session, &command);
    oc_gateway__tell_close(gateway, session);
}
