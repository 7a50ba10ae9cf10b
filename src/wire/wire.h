/*
 * Bytes to commands and events to bytes: frames and the JSON of docs/protocol.md.
 *
 * Decoding reads straight from the borrowed receive buffer, encoding writes whole frames. No
 * allocation, no locale, no strtod, no recursion; every byte from outside is checked.
 */
#ifndef OC_WIRE_WIRE_H
#define OC_WIRE_WIRE_H

#include "core/arena.h"
#include "core/command.h"
#include "core/event.h"
#include "core/limits.h"

enum oc_wire_frame {
    OC_WIRE_FRAME_COMPLETE,
    OC_WIRE_FRAME_INCOMPLETE,
    OC_WIRE_FRAME_BAD_LENGTH, /* length 0 or beyond OC_FRAME_BYTES_MAX: nothing behind it counts */
};

/**
 * Looks at the start of a byte stream. *frame_size: header and payload together, set when COMPLETE,
 * and as soon as the header is there when INCOMPLETE (else 0).
 */
enum oc_wire_frame oc_wire_frame_next(const uint8_t *bytes, size_t size, size_t *frame_size);

/**
 * Decodes the payload of one request frame (1 to OC_FRAME_BYTES_MAX bytes, borrowed).
 *
 * Always fills *command but for sequence, time_ns and session, which become 0: either a client's
 * request, or OC_COMMAND_REFUSED with the reason, the member it is about, and of the request what
 * could be told (kind, order_id, request_id, user_id, client_order_id; a refused PING is told as
 * SESSION_SET). Returns the reason, OC_REASON_NONE for a request. Only the format is judged: ids,
 * symbols, ticks and limits are the engine's.
 */
enum oc_reason oc_wire_decode_request(const uint8_t *payload, size_t size,
                                      struct oc_command *command);

/**
 * Fills *command with the refusal of a stream: OC_REASON_BAD_FRAME_LENGTH, INCOMPLETE_FRAME or
 * TOO_MANY_LARGE_FRAMES.
 */
void oc_wire_refuse_frame(struct oc_command *command, enum oc_reason reason);

/**
 * The largest single-event reply in bytes, header included; book and open_orders replies may take
 * OC_FRAME_HEADER_BYTES + OC_FRAME_BYTES_MAX.
 */
#define OC_WIRE_REPLY_BYTES_MAX 768U

/** Bytes to send; borrowed from the encoder until its next call. */
struct oc_wire_span {
    const uint8_t *bytes;
    uint32_t size; /* 0: nothing (yet) to send */
};

/** The encoder of one event log consumer; knows the instruments that events name by index. */
struct oc_wire_encoder;

/** Makes an encoder for up to instruments_max instruments; NULL when memory is short. */
struct oc_wire_encoder *oc_wire_encoder_create(struct oc_arena *arena, uint32_t instruments_max);

/**
 * Encodes the next event of the log, in order and without a gap from the first (asserted where it
 * matters: a level without its book, an unknown instrument).
 *
 * Returns the complete frame(s) that became ready with it: size 0 for events that are not on the
 * wire and for the parts of a longer message until its last. A message belongs to the session of
 * its last event.
 */
struct oc_wire_span oc_wire_encode(struct oc_wire_encoder *encoder, const struct oc_event *event);

/**
 * Encodes a CONFIRMED for others than its session (listeners with confirmations=all): the same
 * without request_id and client_order_id, so that it is the same bytes for everyone. It has a
 * buffer of its own: a span of oc_wire_encode() stays good beside it.
 */
struct oc_wire_span oc_wire_encode_confirmation_public(struct oc_wire_encoder *encoder,
                                                       const struct oc_event *event);

#endif
