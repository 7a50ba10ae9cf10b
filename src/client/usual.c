/*
 * The short way to a reply's event for the two replies that are nearly all of the traffic.
 *
 * What the generator spends on a reply it takes from the venue where both share a core, and bounds
 * the venue's rate where they do not; a third of its own time went into finding members by name.
 * Programs write a reply with the same members in the same order each time, so what comes next only
 * has to be compared. It accepts nothing that the general decoder would not understand in the same
 * way, whoever wrote it, and decides nothing else: whatever it does not expect (white space, an
 * escape, another order of members, a member more, a number beyond 19 digits) is left to the
 * general decoder, which alone says what is wrong. tests/unit/client/test_usual.c compares the two.
 */
#include "client/usual.h"

#include <string.h>

/* Takes a constant text, if it stands there; becomes a few comparisons of words. */
#define TAKE(reader, literal) take((reader), (literal), sizeof(literal) - 1)

/* Every number of so many digits is below 2^64. */
#define DIGITS_MAX 19

struct reader {
    const uint8_t *next;
    const uint8_t *end;
};

static bool take_trade(struct reader *reader, struct oc_wire_reply *reply);

static inline bool take(struct reader *reader, const char *literal, size_t size)
{
    if ((size_t)(reader->end - reader->next) < size || memcmp(reader->next, literal, size) != 0) {
        return false;
    }
    reader->next += size;
    return true;
}

/* What follows the digits is the caller's next piece, which no digit begins. */
static inline bool take_number(struct reader *reader, uint64_t *value)
{
    const uint8_t *next = reader->next;
    const uint8_t *end = reader->end - next > DIGITS_MAX ? next + DIGITS_MAX : reader->end;
    uint64_t sum = 0;

    while (next < end && (uint8_t)(*next - '0') <= 9) {
        sum = sum * 10 + (uint8_t)(*next - '0');
        next++;
    }
    if (next == reader->next || (*reader->next == '0' && next > reader->next + 1)) {
        return false;
    }
    *value = sum;
    reader->next = next;
    return true;
}

/* With the closing quote; into memory that is zero. */
static inline bool take_symbol(struct reader *reader, struct oc_symbol *symbol)
{
    uint8_t size = 0;

    for (const uint8_t *next = reader->next; next < reader->end; next++) {
        if (*next == '"') {
            reader->next = next + 1;
            symbol->size = size;
            return size > 0;
        }
        if (*next < 0x20 || *next > 0x7e || *next == '\\' || size == OC_SYMBOL_BYTES_MAX) {
            return false;
        }
        symbol->bytes[size++] = (char)*next;
    }
    return false;
}

static inline bool take_end(struct reader *reader)
{
    return reader->end - reader->next == 1 && *reader->next == '}';
}

bool oc_client__decode_usual(const uint8_t *payload, size_t size, struct oc_wire_reply *reply)
{
    struct reader reader = {payload, payload + size};
    struct oc_event *event = &reply->event;

    memset(event, 0, sizeof(*event));
    memset(&reply->symbol, 0, sizeof(reply->symbol));
    reply->remaining = 0;
    event->instrument = OC_INDEX_NONE;
    if (TAKE(&reader, "{\"order_id\":")) {
        event->kind = OC_EVENT_CONFIRMED;
        return take_number(&reader, &event->order.order_id) && TAKE(&reader, ",\"user_id\":") &&
               take_number(&reader, &event->order.user_id) && take_end(&reader);
    }
    return TAKE(&reader, "{\"trade_id\":") && take_trade(&reader, reply);
}

/* A trade from its id on. */
static bool take_trade(struct reader *reader, struct oc_wire_reply *reply)
{
    struct oc_event_trade *trade = &reply->event.trade;
    uint64_t price_ticks;

    reply->event.kind = OC_EVENT_TRADE;
    reply->event.flags = OC_EVENT_PUBLIC;
    if (!take_number(reader, &trade->trade_id) || !TAKE(reader, ",\"symbol\":\"") ||
        !take_symbol(reader, &reply->symbol) || !TAKE(reader, ",\"matched_price\":") ||
        !take_number(reader, &price_ticks) || price_ticks > (uint64_t)OC_PRICE_TICKS_MAX ||
        !TAKE(reader, ",\"matched_quantity\":") || !take_number(reader, &trade->qty_lots) ||
        !TAKE(reader, ",\"buyer_user_id\":") || !take_number(reader, &trade->buyer_user_id) ||
        !TAKE(reader, ",\"buyer_order_id\":") || !take_number(reader, &trade->buyer_order_id) ||
        !TAKE(reader, ",\"seller_user_id\":") || !take_number(reader, &trade->seller_user_id) ||
        !TAKE(reader, ",\"seller_order_id\":") || !take_number(reader, &trade->seller_order_id) ||
        !TAKE(reader, ",\"timestamp\":") || !take_number(reader, &trade->time_ns)) {
        return false;
    }
    trade->price_ticks = (int64_t)price_ticks;
    return take_end(reader);
}
