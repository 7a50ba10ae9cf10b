/*
 * Any bytes as the payload of a reply: a client must survive a broken or hostile server.
 *
 * A reply that is understood must come back the same from the venue's encoder and our decoder.
 */
#include <errno.h>
#include <string.h>

#include "core/assert.h"
#include "wire/reply.h"
#include "wire/wire.h"

#define LEVEL_CAPACITY (2 * OC_BOOK_DEPTH_MAX)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct room {
    struct oc_event_level levels[LEVEL_CAPACITY];
    struct oc_wire_open_order orders[OC_OPEN_ORDERS_PER_FRAME];
};

static int decode(const uint8_t *payload, size_t size, struct room *room,
                  struct oc_wire_reply *reply);
static bool can_be_told(const struct oc_wire_reply *reply);
static struct oc_wire_span encode(struct oc_wire_encoder *encoder,
                                  const struct oc_wire_reply *reply);
static void learn(struct oc_wire_encoder *encoder, uint32_t index, const struct oc_symbol *symbol);
static struct oc_wire_encoder *encoder_once(void);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct room rooms[2];
    struct oc_wire_reply reply;
    struct oc_wire_reply again;
    struct oc_wire_span span;
    int rc;

    rc = decode(data, size, &rooms[0], &reply);
    OC_ASSERT(rc == 0 || rc == -EBADMSG || rc == -ENOSPC);
    if (rc != 0 || !can_be_told(&reply)) {
        return 0;
    }
    span = encode(encoder_once(), &reply);
    OC_ASSERT(span.size > OC_FRAME_HEADER_BYTES);
    rc = decode(span.bytes + OC_FRAME_HEADER_BYTES, span.size - OC_FRAME_HEADER_BYTES, &rooms[1],
                &again);
    OC_ASSERT(rc == 0);
    OC_ASSERT(memcmp(&reply.event, &again.event, sizeof(again.event)) == 0);
    return 0;
}

static int decode(const uint8_t *payload, size_t size, struct room *room,
                  struct oc_wire_reply *reply)
{
    memset(reply, 0xa5, sizeof(*reply));
    reply->levels = room->levels;
    reply->level_capacity = LEVEL_CAPACITY;
    reply->orders = room->orders;
    reply->order_capacity = OC_OPEN_ORDERS_PER_FRAME;
    return oc_wire_decode_reply(payload, size, reply);
}

/* The venue itself keeps to narrower limits than a client must. */
static bool can_be_told(const struct oc_wire_reply *reply)
{
    const struct oc_event *event = &reply->event;

    switch (event->kind) {
    case OC_EVENT_BOOK:
        return event->book.bid_count <= OC_BOOK_DEPTH_MAX &&
               event->book.ask_count <= OC_BOOK_DEPTH_MAX;
    case OC_EVENT_OPEN_ORDERS:
        return reply->remaining == 0;
    case OC_EVENT_TRADE:
        /* It carries no request_id when we write it. */
        return (event->flags & OC_EVENT_HAS_REQUEST_ID) == 0;
    default:
        return true;
    }
}

static struct oc_wire_span encode(struct oc_wire_encoder *encoder,
                                  const struct oc_wire_reply *reply)
{
    struct oc_event event = reply->event;
    struct oc_event part = {.kind = OC_EVENT_NONE};
    struct oc_wire_span span;

    if (event.kind == OC_EVENT_OPEN_ORDERS) {
        for (uint32_t index = 0; index < event.open_orders.count; index++) {
            learn(encoder, index, &reply->orders[index].symbol);
        }
    } else if (reply->symbol.size > 0) {
        learn(encoder, 0, &reply->symbol);
    }
    event.instrument = 0;
    span = oc_wire_encode(encoder, &event);
    if (event.kind == OC_EVENT_BOOK) {
        part.kind = OC_EVENT_BOOK_LEVEL;
        for (uint32_t index = 0; index < event.book.bid_count + event.book.ask_count; index++) {
            part.level = reply->levels[index];
            span = oc_wire_encode(encoder, &part);
        }
    } else if (event.kind == OC_EVENT_OPEN_ORDERS) {
        part.kind = OC_EVENT_OPEN_ORDER;
        for (uint32_t index = 0; index < event.open_orders.count; index++) {
            part.instrument = index;
            part.order = reply->orders[index].order;
            span = oc_wire_encode(encoder, &part);
        }
    }
    return span;
}

static void learn(struct oc_wire_encoder *encoder, uint32_t index, const struct oc_symbol *symbol)
{
    struct oc_event event = {.kind = OC_EVENT_INSTRUMENT, .instrument = index};

    event.instrument_made.symbol = *symbol;
    (void)oc_wire_encode(encoder, &event);
}

/* One for the whole run; what an input teaches it, the next one teaches anew. */
static struct oc_wire_encoder *encoder_once(void)
{
    static struct oc_wire_encoder *encoder;
    static struct oc_arena arena;

    if (encoder == NULL) {
        oc_arena_init(&arena);
        encoder = oc_wire_encoder_create(&arena, OC_OPEN_ORDERS_PER_FRAME);
        OC_ASSERT(encoder != NULL);
    }
    return encoder;
}
