/*
 * The short way through the decoder of replies for the two that are nearly all of the traffic.
 *
 * It does with replies what usual.c does with requests, and for the same reason: what a load
 * generator spends on a reply it takes from the venue where both share a core, and bounds the
 * venue's rate where they do not; a third of its own time went into finding members by name.
 * tests/unit/wire/test_usual_reply.c compares it with the general decoder.
 */
#include "wire/take.h"
#include "wire/usual.h"

static bool take_trade(struct oc_wire__reader *reader, struct oc_wire_reply *reply);

bool oc_wire__decode_usual_reply(const uint8_t *payload, size_t size, struct oc_wire_reply *reply)
{
    struct oc_wire__reader reader = {payload, payload + size};
    struct oc_event *event = &reply->event;

    memset(event, 0, sizeof(*event));
    memset(&reply->symbol, 0, sizeof(reply->symbol));
    reply->remaining = 0;
    event->instrument = OC_INDEX_NONE;
    if (OC_WIRE__TAKE(&reader, "{\"order_id\":")) {
        event->kind = OC_EVENT_CONFIRMED;
        return oc_wire__take_number(&reader, &event->order.order_id) &&
               OC_WIRE__TAKE(&reader, ",\"user_id\":") &&
               oc_wire__take_number(&reader, &event->order.user_id) && oc_wire__take_end(&reader);
    }
    return OC_WIRE__TAKE(&reader, "{\"trade_id\":") && take_trade(&reader, reply);
}

/* A trade from its id on. */
static bool take_trade(struct oc_wire__reader *reader, struct oc_wire_reply *reply)
{
    struct oc_event_trade *trade = &reply->event.trade;
    uint64_t price_ticks;

    reply->event.kind = OC_EVENT_TRADE;
    reply->event.flags = OC_EVENT_PUBLIC;
    if (!oc_wire__take_number(reader, &trade->trade_id) ||
        !OC_WIRE__TAKE(reader, ",\"symbol\":\"") ||
        !oc_wire__take_name(reader, reply->symbol.bytes, OC_SYMBOL_BYTES_MAX,
                            &reply->symbol.size) ||
        !OC_WIRE__TAKE(reader, ",\"matched_price\":") ||
        !oc_wire__take_number(reader, &price_ticks) || price_ticks > (uint64_t)OC_PRICE_TICKS_MAX ||
        !OC_WIRE__TAKE(reader, ",\"matched_quantity\":") ||
        !oc_wire__take_number(reader, &trade->qty_lots) ||
        !OC_WIRE__TAKE(reader, ",\"buyer_user_id\":") ||
        !oc_wire__take_number(reader, &trade->buyer_user_id) ||
        !OC_WIRE__TAKE(reader, ",\"buyer_order_id\":") ||
        !oc_wire__take_number(reader, &trade->buyer_order_id) ||
        !OC_WIRE__TAKE(reader, ",\"seller_user_id\":") ||
        !oc_wire__take_number(reader, &trade->seller_user_id) ||
        !OC_WIRE__TAKE(reader, ",\"seller_order_id\":") ||
        !oc_wire__take_number(reader, &trade->seller_order_id) ||
        !OC_WIRE__TAKE(reader, ",\"timestamp\":") ||
        !oc_wire__take_number(reader, &trade->time_ns)) {
        return false;
    }
    trade->price_ticks = (int64_t)price_ticks;
    return oc_wire__take_end(reader);
}
