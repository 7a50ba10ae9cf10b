/*
 * The other side of the codec: commands to request frames and reply payloads to events, for the
 * command line client, the load generator and the tests. As strict as the server's side.
 */
#ifndef OC_WIRE_REPLY_H
#define OC_WIRE_REPLY_H

#include "core/command.h"
#include "core/event.h"

/** The largest request frame that oc_wire_encode_request() writes, header included. */
#define OC_WIRE_REQUEST_BYTES_MAX 768U

/**
 * Writes a request frame for a client's command (NEW to PING, not REFUSED; asserted) into
 * out[0..OC_WIRE_REQUEST_BYTES_MAX). Returns its size. Texts must be printable ASCII without `"`
 * and `\`, and the symbol of NEW and BOOK must not be empty, else 0 is returned and nothing is
 * written. Numbers are written as they are: what is out of range is the server's to refuse.
 */
size_t oc_wire_encode_request(const struct oc_command *command, uint8_t *out);

/** One order of an `open_orders` reply. */
struct oc_wire_open_order {
    struct oc_event_order order; /* qty_lots: what is open */
    struct oc_symbol symbol;
};

/**
 * A reply, as an event plus what the engine's events say by index.
 *
 * Of the event only what is on the wire is set, the rest is zero: command_sequence, session and
 * instrument never are. FILLED has filled_lots, but no qty_lots. `flags` holds HAS_REQUEST_ID,
 * TAKER and, for a trade, PUBLIC. A refused PING is told as SESSION_SET: on the wire they are one
 * request.
 */
struct oc_wire_reply {
    struct oc_event event;
    struct oc_symbol symbol; /* TRADE, BOOK, ACCEPTED */
    /* BOOK: where levels go. The caller sets both before the call; bids first, then asks. */
    struct oc_event_level *levels;
    uint32_t level_capacity;
    /* OPEN_ORDERS: where orders go, set by the caller in the same way. event.open_orders.count is
     * the number of orders in this frame, `remaining` how many follow in later frames. */
    struct oc_wire_open_order *orders;
    uint32_t order_capacity;
    uint32_t remaining;
};

/**
 * Decodes one reply payload. Members that it does not know are skipped, as clients must.
 *
 * Returns 0, -EBADMSG (no reply that docs/protocol.md knows; a reason that is not on the list is
 * one), -ENOSPC (more levels or orders than there is room for). On an error only the caller's own
 * members of *reply are left as they were. Borrows payload for the call; allocates nothing.
 */
int oc_wire_decode_reply(const uint8_t *payload, size_t size, struct oc_wire_reply *reply);

#endif
