/*
 * Events to reply frames: what the engine tells, in the order and with the members of
 * docs/protocol.md.
 *
 * Every message is constant pieces with numbers between them. Existing clients know messages by
 * their shape, so the first members and their order never change, new ones only follow, and only a
 * confirmation carries both `order_id` and `user_id` at its top. Messages of several events are
 * gathered in a buffer of one frame; which session gets what is the gateway's business.
 *
 * Symbols and client_order_ids were judged where they came in (and are asserted to be names here);
 * only the detail of a reject may hold anything and is escaped.
 */
#include "wire/wire.h"

#include "core/assert.h"
#include "wire/text.h"
#include "wire/words.h"

#define PUT OC_WIRE__PUT

/* A symbol with its quotes; a copy of constant size may run on into `slack`. */
#define SYMBOL_TEXT_BYTES (OC_SYMBOL_BYTES_MAX + 2)
struct symbol_text {
    uint8_t size; /* 0: no instrument has this index yet */
    char bytes[SYMBOL_TEXT_BYTES];
};

/* What a copied symbol text may write beyond its own end. */
#define SLACK_BYTES SYMBOL_TEXT_BYTES

/* Trades of one turn carry the same time, which is the longest of their numbers. */
struct time_text {
    uint64_t time_ns;
    uint8_t bytes[OC_WIRE__U64_DIGITS];
    uint8_t size;
};

/* A message whose events are not all here yet. */
struct pending {
    uint8_t kind; /* OC_EVENT_BOOK, OC_EVENT_OPEN_ORDERS; OC_EVENT_NONE: there is none */
    uint8_t *next;
    uint32_t left_count;  /* events that still follow */
    uint32_t frame_count; /* OPEN_ORDERS: orders in this frame */
    uint32_t ask_count;   /* BOOK: how many of the levels are asks */
    struct oc_event head; /* the first event, for what each frame repeats */
};

struct oc_wire_encoder {
    struct symbol_text *symbols; /* by index of the instrument */
    uint32_t instruments_max;
    struct time_text time;
    struct pending pending;
    uint8_t reply[OC_WIRE_REPLY_BYTES_MAX + SLACK_BYTES];
    uint8_t confirmation[OC_WIRE_REPLY_BYTES_MAX];
    uint8_t long_reply[OC_FRAME_HEADER_BYTES + OC_FRAME_BYTES_MAX + SLACK_BYTES];
};

/* The widest of everything, to prove at compile time that the buffers hold it. */
#define WIDE_U64             "18446744073709551615"
#define WIDE_SYMBOL          "\"12345678901234567890123456789012\""
#define WIDE_REQUEST_ID      ",\"request_id\":" WIDE_U64
#define WIDE_ORDER_ID        "\"order_id\":" WIDE_U64
#define WIDE_CLIENT_ORDER_ID ",\"client_order_id\":\"123456789012345678901234567890123456\""
#define WIDE_TRADE                                                                          \
    "1234{\"trade_id\":" WIDE_U64 ",\"symbol\":" WIDE_SYMBOL ",\"matched_price\":" WIDE_U64 \
    ",\"matched_quantity\":" WIDE_U64 ",\"buyer_user_id\":" WIDE_U64                        \
    ",\"buyer_order_id\":" WIDE_U64 ",\"seller_user_id\":" WIDE_U64                         \
    ",\"seller_order_id\":" WIDE_U64 ",\"timestamp\":" WIDE_U64 "}"
#define WIDE_ACCEPTED                                                                             \
    "1234{\"type\":\"accepted\"," WIDE_ORDER_ID ",\"owner\":" WIDE_U64 ",\"symbol\":" WIDE_SYMBOL \
    ",\"side\":\"Sell\",\"price\":" WIDE_U64                                                      \
    ",\"quantity\":" WIDE_U64 WIDE_CLIENT_ORDER_ID WIDE_REQUEST_ID "}"
#define WIDE_EXECUTED                                                                              \
    "1234{\"type\":\"executed\"," WIDE_ORDER_ID ",\"owner\":" WIDE_U64 ",\"trade_id\":" WIDE_U64   \
    ",\"price\":" WIDE_U64 ",\"quantity\":" WIDE_U64 ",\"filled\":" WIDE_U64 ",\"open\":" WIDE_U64 \
    ",\"liquidity\":\"taker\"" WIDE_REQUEST_ID "}"
#define WIDE_REJECTED                                                       \
    "1234{\"type\":\"rejected\",\"request\":\"mass_cancel\"," WIDE_ORDER_ID \
    ",\"reason\":\"\",\"text\":\"\",\"member\":\"\"" WIDE_CLIENT_ORDER_ID WIDE_REQUEST_ID "}"
#define WIDE_LEVEL "[" WIDE_U64 "," WIDE_U64 ",4294967295],"
#define WIDE_BOOK_FRAME                                                    \
    "{\"type\":\"book\",\"symbol\":" WIDE_SYMBOL ",\"sequence\":" WIDE_U64 \
    ",\"bids\":[],\"asks\":[]" WIDE_REQUEST_ID "}"
#define WIDE_OPEN_ORDER                                                                   \
    "{" WIDE_ORDER_ID ",\"symbol\":" WIDE_SYMBOL ",\"side\":\"Sell\",\"price\":" WIDE_U64 \
    ",\"quantity\":" WIDE_U64 ",\"filled\":" WIDE_U64 WIDE_CLIENT_ORDER_ID "},"
#define WIDE_OPEN_ORDERS_FRAME                      \
    "{\"type\":\"open_orders\",\"owner\":" WIDE_U64 \
    ",\"orders\":[],\"remaining\":4294967295" WIDE_REQUEST_ID "}"

/* As large as the longest name and text of any reason. */
union widest_name {
#define REASON_NAME_SIZE(name, wire, text) char name[sizeof(wire)];
    OC_REASON_MAP(REASON_NAME_SIZE)
#undef REASON_NAME_SIZE
};
union widest_text {
#define REASON_TEXT_SIZE(name, wire, text) char name[sizeof(text)];
    OC_REASON_MAP(REASON_TEXT_SIZE)
#undef REASON_TEXT_SIZE
};

_Static_assert(sizeof(WIDE_TRADE) <= OC_WIRE_REPLY_BYTES_MAX, "a trade fits");
_Static_assert(sizeof(WIDE_ACCEPTED) <= OC_WIRE_REPLY_BYTES_MAX, "a report of acceptance fits");
_Static_assert(sizeof(WIDE_EXECUTED) <= OC_WIRE_REPLY_BYTES_MAX, "a report of a fill fits");
_Static_assert(sizeof(WIDE_REJECTED) + sizeof(union widest_name) + sizeof(union widest_text) +
                       OC_DETAIL_BYTES_MAX * OC_WIRE__ESCAPE_BYTES_MAX <=
                   OC_WIRE_REPLY_BYTES_MAX,
               "a reject fits");
_Static_assert(sizeof(WIDE_BOOK_FRAME) + 2 * OC_BOOK_DEPTH_MAX * (sizeof(WIDE_LEVEL) - 1) <=
                   OC_FRAME_BYTES_MAX,
               "a book at full depth fits one frame");
_Static_assert(sizeof(WIDE_OPEN_ORDERS_FRAME) +
                       OC_OPEN_ORDERS_PER_FRAME * (sizeof(WIDE_OPEN_ORDER) - 1) <=
                   OC_FRAME_BYTES_MAX,
               "the orders of one frame fit it");

static struct oc_wire_span encode_single(struct oc_wire_encoder *encoder,
                                         const struct oc_event *event);
static void learn_instrument(struct oc_wire_encoder *encoder, const struct oc_event *event);
static struct oc_wire_span begin_book(struct oc_wire_encoder *encoder,
                                      const struct oc_event *event);
static struct oc_wire_span add_level(struct oc_wire_encoder *encoder, const struct oc_event *event);
static struct oc_wire_span close_book(struct oc_wire_encoder *encoder);
static struct oc_wire_span begin_open_orders(struct oc_wire_encoder *encoder,
                                             const struct oc_event *event);
static struct oc_wire_span add_open_order(struct oc_wire_encoder *encoder,
                                          const struct oc_event *event);
static void open_orders_frame(struct oc_wire_encoder *encoder);
static struct oc_wire_span close_open_orders(struct oc_wire_encoder *encoder);
static uint8_t *put_trade(struct oc_wire_encoder *encoder, uint8_t *out,
                          const struct oc_event *event);
static uint8_t *put_accepted(const struct oc_wire_encoder *encoder, uint8_t *out,
                             const struct oc_event *event);
static uint8_t *put_executed(uint8_t *out, const struct oc_event *event);
static uint8_t *put_rejected(uint8_t *out, const struct oc_event *event);
static uint8_t *put_session(uint8_t *out, const struct oc_event *event);
static uint8_t *put_owner(uint8_t *out, const struct oc_event_order *order);
static uint8_t *put_symbol(const struct oc_wire_encoder *encoder, uint8_t *out,
                           const struct oc_event *event);
static uint8_t *put_time(struct oc_wire_encoder *encoder, uint8_t *out, uint64_t time_ns);
static uint8_t *put_word(uint8_t *out, const struct oc_wire__words *words, uint32_t index);
static uint8_t *put_text(uint8_t *out, const char *text);
static uint8_t *put_client_order_id(uint8_t *out, const struct oc_client_order_id *id);
static uint8_t *put_request_id(uint8_t *out, const struct oc_event *event);

struct oc_wire_encoder *oc_wire_encoder_create(struct oc_arena *arena, uint32_t instruments_max)
{
    struct oc_wire_encoder *encoder = oc_arena_alloc(arena, 1, sizeof(*encoder), 0);

    if (encoder == NULL) {
        return NULL;
    }
    encoder->symbols = oc_arena_alloc(arena, instruments_max, sizeof(*encoder->symbols), 0);
    if (encoder->symbols == NULL) {
        return NULL;
    }
    encoder->instruments_max = instruments_max;
    /* Zero is a time too, so its text must be true from the start. */
    encoder->time.bytes[0] = '0';
    encoder->time.size = 1;
    return encoder;
}

struct oc_wire_span oc_wire_encode(struct oc_wire_encoder *encoder, const struct oc_event *event)
{
    const struct oc_wire_span nothing = {NULL, 0};

    if (encoder->pending.kind == OC_EVENT_BOOK) {
        OC_ASSERT(event->kind == OC_EVENT_BOOK_LEVEL);
        return add_level(encoder, event);
    }
    if (encoder->pending.kind == OC_EVENT_OPEN_ORDERS) {
        OC_ASSERT(event->kind == OC_EVENT_OPEN_ORDER);
        return add_open_order(encoder, event);
    }
    switch (event->kind) {
    case OC_EVENT_INSTRUMENT:
        learn_instrument(encoder, event);
        return nothing;
    case OC_EVENT_SESSION_OPENED:
    case OC_EVENT_SESSION_CLOSED:
        return nothing;
    case OC_EVENT_BOOK:
        return begin_book(encoder, event);
    case OC_EVENT_OPEN_ORDERS:
        return begin_open_orders(encoder, event);
    default:
        return encode_single(encoder, event);
    }
}

struct oc_wire_span oc_wire_encode_confirmation_public(struct oc_wire_encoder *encoder,
                                                       const struct oc_event *event)
{
    /* A buffer of its own: a span that oc_wire_encode() returned stays good beside it. */
    uint8_t *out = encoder->confirmation + OC_FRAME_HEADER_BYTES;
    uint32_t size;

    OC_ASSERT(event->kind == OC_EVENT_CONFIRMED);
    out = oc_wire__put_u64(PUT(out, "{\"order_id\":"), event->order.order_id);
    out = oc_wire__put_u64(PUT(out, ",\"user_id\":"), event->order.user_id);
    *out++ = '}';
    size = oc_wire__close_frame(encoder->confirmation, out);
    return (struct oc_wire_span){encoder->confirmation, size};
}

/* tidy: long - one case for each message of one event */
static struct oc_wire_span encode_single(struct oc_wire_encoder *encoder,
                                         const struct oc_event *event)
{
    uint8_t *out = encoder->reply + OC_FRAME_HEADER_BYTES;
    uint32_t size;

    switch (event->kind) {
    case OC_EVENT_TRADE:
        out = put_trade(encoder, out, event);
        break;
    case OC_EVENT_CONFIRMED:
        out = oc_wire__put_u64(PUT(out, "{\"order_id\":"), event->order.order_id);
        out = oc_wire__put_u64(PUT(out, ",\"user_id\":"), event->order.user_id);
        out = put_client_order_id(out, &event->order.client_order_id);
        break;
    case OC_EVENT_CANCELLED:
        out = put_owner(PUT(out, "{\"type\":\"cancelled\""), &event->order);
        out = oc_wire__put_u64(PUT(out, ",\"cancelled_quantity\":"), event->order.qty_lots);
        out = put_text(PUT(out, ",\"reason\":\""), oc_reason_name(event->reason));
        out = put_client_order_id(PUT(out, "\""), &event->order.client_order_id);
        break;
    case OC_EVENT_REPLACED:
        out = put_owner(PUT(out, "{\"type\":\"replaced\""), &event->order);
        out = oc_wire__put_u64(PUT(out, ",\"price\":"), (uint64_t)event->order.price_ticks);
        out = oc_wire__put_u64(PUT(out, ",\"quantity\":"), event->order.qty_lots);
        out = put_client_order_id(out, &event->order.client_order_id);
        break;
    case OC_EVENT_REJECTED:
        out = put_rejected(out, event);
        break;
    case OC_EVENT_DUPLICATE:
        out = put_client_order_id(PUT(out, "{\"type\":\"duplicate\""),
                                  &event->order.client_order_id);
        out = oc_wire__put_u64(PUT(out, ",\"order_id\":"), event->order.order_id);
        out = oc_wire__put_u64(PUT(out, ",\"filled\":"), event->order.filled_lots);
        out = oc_wire__put_u64(PUT(out, ",\"open\":"), event->order.qty_lots);
        break;
    case OC_EVENT_MASS_CANCELLED:
        out = oc_wire__put_u64(PUT(out, "{\"type\":\"mass_cancelled\",\"count\":"), event->count);
        break;
    case OC_EVENT_SESSION:
        out = put_session(out, event);
        break;
    case OC_EVENT_PONG:
        out = oc_wire__put_u64(PUT(out, "{\"type\":\"pong\",\"ping\":"), event->ping);
        break;
    case OC_EVENT_ACCEPTED:
        out = put_accepted(encoder, out, event);
        break;
    case OC_EVENT_EXECUTED:
        out = put_executed(out, event);
        break;
    case OC_EVENT_FILLED:
        out = put_owner(PUT(out, "{\"type\":\"filled\""), &event->order);
        out = oc_wire__put_u64(PUT(out, ",\"filled\":"), event->order.filled_lots);
        out = put_client_order_id(out, &event->order.client_order_id);
        break;
    default:
        OC_UNREACHABLE();
    }
    /* A trade is the same bytes for everyone on a listener. */
    if (event->kind != OC_EVENT_TRADE) {
        out = put_request_id(out, event);
    }
    *out++ = '}';
    size = oc_wire__close_frame(encoder->reply, out);
    return (struct oc_wire_span){encoder->reply, size};
}

static void learn_instrument(struct oc_wire_encoder *encoder, const struct oc_event *event)
{
    const struct oc_symbol *symbol = &event->instrument_made.symbol;
    struct symbol_text *text;

    OC_ASSERT(event->instrument < encoder->instruments_max);
    OC_ASSERT(symbol->size > 0);
    OC_ASSERT(symbol->size <= OC_SYMBOL_BYTES_MAX);
    OC_ASSERT(oc_text_is_plain(symbol->bytes, symbol->size));
    text = &encoder->symbols[event->instrument];
    text->bytes[0] = '"';
    memcpy(text->bytes + 1, symbol->bytes, symbol->size);
    text->bytes[symbol->size + 1] = '"';
    text->size = (uint8_t)(symbol->size + 2);
}

static struct oc_wire_span begin_book(struct oc_wire_encoder *encoder, const struct oc_event *event)
{
    struct pending *pending = &encoder->pending;
    uint8_t *out = encoder->long_reply + OC_FRAME_HEADER_BYTES;

    OC_ASSERT(event->book.bid_count <= OC_BOOK_DEPTH_MAX);
    OC_ASSERT(event->book.ask_count <= OC_BOOK_DEPTH_MAX);
    out = put_symbol(encoder, PUT(out, "{\"type\":\"book\",\"symbol\":"), event);
    out = oc_wire__put_u64(PUT(out, ",\"sequence\":"), event->book.sequence);
    out = PUT(out, ",\"bids\":[");

    pending->kind = OC_EVENT_BOOK;
    pending->head = *event;
    pending->next = out;
    pending->ask_count = event->book.ask_count;
    pending->left_count = event->book.bid_count + event->book.ask_count;
    if (event->book.bid_count == 0) {
        pending->next = PUT(pending->next, "],\"asks\":[");
    }
    return pending->left_count == 0 ? close_book(encoder) : (struct oc_wire_span){NULL, 0};
}

static struct oc_wire_span add_level(struct oc_wire_encoder *encoder, const struct oc_event *event)
{
    struct pending *pending = &encoder->pending;
    bool is_bid = pending->left_count > pending->ask_count;
    uint8_t *out = pending->next;

    OC_ASSERT(event->level.side == (is_bid ? OC_BUY : OC_SELL));
    if (out[-1] != '[') {
        *out++ = ',';
    }
    *out++ = '[';
    out = oc_wire__put_u64(out, (uint64_t)event->level.price_ticks);
    *out++ = ',';
    out = oc_wire__put_u64(out, event->level.qty_lots);
    *out++ = ',';
    out = oc_wire__put_u64(out, event->level.order_count);
    *out++ = ']';
    pending->left_count--;
    if (pending->left_count == pending->ask_count) {
        out = PUT(out, "],\"asks\":[");
    }
    pending->next = out;
    return pending->left_count == 0 ? close_book(encoder) : (struct oc_wire_span){NULL, 0};
}

static struct oc_wire_span close_book(struct oc_wire_encoder *encoder)
{
    struct pending *pending = &encoder->pending;
    uint8_t *out = put_request_id(PUT(pending->next, "]"), &pending->head);

    *out++ = '}';
    pending->kind = OC_EVENT_NONE;
    return (struct oc_wire_span){encoder->long_reply,
                                 oc_wire__close_frame(encoder->long_reply, out)};
}

static struct oc_wire_span begin_open_orders(struct oc_wire_encoder *encoder,
                                             const struct oc_event *event)
{
    struct pending *pending = &encoder->pending;

    pending->kind = OC_EVENT_OPEN_ORDERS;
    pending->head = *event;
    pending->left_count = event->open_orders.count;
    open_orders_frame(encoder);
    return pending->left_count == 0 ? close_open_orders(encoder) : (struct oc_wire_span){NULL, 0};
}

static struct oc_wire_span add_open_order(struct oc_wire_encoder *encoder,
                                          const struct oc_event *event)
{
    struct pending *pending = &encoder->pending;
    const struct oc_event_order *order = &event->order;
    uint8_t *out;

    if (pending->frame_count == OC_OPEN_ORDERS_PER_FRAME) {
        open_orders_frame(encoder);
    }
    out = pending->next;
    if (pending->frame_count > 0) {
        *out++ = ',';
    }
    out = oc_wire__put_u64(PUT(out, "{\"order_id\":"), order->order_id);
    out = put_symbol(encoder, PUT(out, ",\"symbol\":"), event);
    out = put_word(PUT(out, ",\"side\":\""), &oc_wire__sides, order->side);
    out = oc_wire__put_u64(PUT(out, "\",\"price\":"), (uint64_t)order->price_ticks);
    out = oc_wire__put_u64(PUT(out, ",\"quantity\":"), order->qty_lots);
    out = oc_wire__put_u64(PUT(out, ",\"filled\":"), order->filled_lots);
    out = put_client_order_id(out, &order->client_order_id);
    *out++ = '}';
    pending->next = out;
    pending->frame_count++;
    pending->left_count--;
    if (pending->left_count == 0 || pending->frame_count == OC_OPEN_ORDERS_PER_FRAME) {
        return close_open_orders(encoder);
    }
    return (struct oc_wire_span){NULL, 0};
}

static void open_orders_frame(struct oc_wire_encoder *encoder)
{
    struct pending *pending = &encoder->pending;
    uint8_t *out = encoder->long_reply + OC_FRAME_HEADER_BYTES;

    out = oc_wire__put_u64(PUT(out, "{\"type\":\"open_orders\",\"owner\":"),
                           pending->head.open_orders.user_id);
    pending->next = PUT(out, ",\"orders\":[");
    pending->frame_count = 0;
}

static struct oc_wire_span close_open_orders(struct oc_wire_encoder *encoder)
{
    struct pending *pending = &encoder->pending;
    uint8_t *out = PUT(pending->next, "],\"remaining\":");

    out = put_request_id(oc_wire__put_u64(out, pending->left_count), &pending->head);
    *out++ = '}';
    if (pending->left_count == 0) {
        pending->kind = OC_EVENT_NONE;
    }
    return (struct oc_wire_span){encoder->long_reply,
                                 oc_wire__close_frame(encoder->long_reply, out)};
}

static uint8_t *put_trade(struct oc_wire_encoder *encoder, uint8_t *out,
                          const struct oc_event *event)
{
    const struct oc_event_trade *trade = &event->trade;

    out = oc_wire__put_u64(PUT(out, "{\"trade_id\":"), trade->trade_id);
    out = put_symbol(encoder, PUT(out, ",\"symbol\":"), event);
    out = oc_wire__put_u64(PUT(out, ",\"matched_price\":"), (uint64_t)trade->price_ticks);
    out = oc_wire__put_u64(PUT(out, ",\"matched_quantity\":"), trade->qty_lots);
    out = oc_wire__put_u64(PUT(out, ",\"buyer_user_id\":"), trade->buyer_user_id);
    out = oc_wire__put_u64(PUT(out, ",\"buyer_order_id\":"), trade->buyer_order_id);
    out = oc_wire__put_u64(PUT(out, ",\"seller_user_id\":"), trade->seller_user_id);
    out = oc_wire__put_u64(PUT(out, ",\"seller_order_id\":"), trade->seller_order_id);
    return put_time(encoder, PUT(out, ",\"timestamp\":"), trade->time_ns);
}

static uint8_t *put_accepted(const struct oc_wire_encoder *encoder, uint8_t *out,
                             const struct oc_event *event)
{
    out = put_owner(PUT(out, "{\"type\":\"accepted\""), &event->order);
    out = put_symbol(encoder, PUT(out, ",\"symbol\":"), event);
    out = put_word(PUT(out, ",\"side\":\""), &oc_wire__sides, event->order.side);
    out = oc_wire__put_u64(PUT(out, "\",\"price\":"), (uint64_t)event->order.price_ticks);
    out = oc_wire__put_u64(PUT(out, ",\"quantity\":"), event->order.qty_lots);
    return put_client_order_id(out, &event->order.client_order_id);
}

static uint8_t *put_executed(uint8_t *out, const struct oc_event *event)
{
    const struct oc_event_executed *executed = &event->executed;

    out = PUT(out, "{\"type\":\"executed\"");
    out = oc_wire__put_u64(PUT(out, ",\"order_id\":"), executed->order_id);
    out = oc_wire__put_u64(PUT(out, ",\"owner\":"), executed->user_id);
    out = oc_wire__put_u64(PUT(out, ",\"trade_id\":"), executed->trade_id);
    out = oc_wire__put_u64(PUT(out, ",\"price\":"), (uint64_t)executed->price_ticks);
    out = oc_wire__put_u64(PUT(out, ",\"quantity\":"), executed->qty_lots);
    out = oc_wire__put_u64(PUT(out, ",\"filled\":"), executed->filled_lots);
    out = oc_wire__put_u64(PUT(out, ",\"open\":"), executed->open_lots);
    out = put_word(PUT(out, ",\"liquidity\":\""), &oc_wire__liquidities,
                   (event->flags & OC_EVENT_TAKER) != 0);
    return PUT(out, "\"");
}

static uint8_t *put_rejected(uint8_t *out, const struct oc_event *event)
{
    const struct oc_event_rejected *rejected = &event->rejected;
    uint32_t request = oc_wire__request_index(rejected->request);

    out = PUT(out, "{\"type\":\"rejected\"");
    if (request != OC_WIRE__NO_WORD) {
        out = put_word(PUT(out, ",\"request\":\""), &oc_wire__requests, request);
        out = PUT(out, "\"");
    }
    if (rejected->order_id != 0) {
        out = oc_wire__put_u64(PUT(out, ",\"order_id\":"), rejected->order_id);
    }
    out = put_text(PUT(out, ",\"reason\":\""), oc_reason_name(event->reason));
    out = put_text(PUT(out, "\",\"text\":\""), oc_reason_text(event->reason));
    out = PUT(out, "\"");
    if (rejected->detail.size > 0) {
        OC_ASSERT(rejected->detail.size <= OC_DETAIL_BYTES_MAX);
        out = oc_wire__put_escaped(PUT(out, ",\"member\":"), rejected->detail.bytes,
                                   rejected->detail.size);
    }
    return put_client_order_id(out, &rejected->client_order_id);
}

static uint8_t *put_session(uint8_t *out, const struct oc_event *event)
{
    uint32_t on = event->settings;

    out = put_word(PUT(out, "{\"type\":\"session\",\"trades\":\""), &oc_wire__switches,
                   (on & OC_SETTING_TRADES) != 0);
    out = put_word(PUT(out, "\",\"reports\":\""), &oc_wire__switches,
                   (on & OC_SETTING_REPORTS) != 0);
    if ((on & OC_SETTING_CANCEL_ON_DISCONNECT) != 0) {
        return PUT(out, "\",\"cancel_on_disconnect\":true");
    }
    return PUT(out, "\",\"cancel_on_disconnect\":false");
}

/* The order's id and its user, under the name that no confirmation has. */
static uint8_t *put_owner(uint8_t *out, const struct oc_event_order *order)
{
    out = oc_wire__put_u64(PUT(out, ",\"order_id\":"), order->order_id);
    return oc_wire__put_u64(PUT(out, ",\"owner\":"), order->user_id);
}

static uint8_t *put_symbol(const struct oc_wire_encoder *encoder, uint8_t *out,
                           const struct oc_event *event)
{
    const struct symbol_text *text;

    OC_ASSERT(event->instrument < encoder->instruments_max);
    text = &encoder->symbols[event->instrument];
    OC_ASSERT(text->size != 0);
    /* A constant size becomes a few stores; what is too much is overwritten by what follows. */
    memcpy(out, text->bytes, sizeof(text->bytes));
    return out + text->size;
}

static uint8_t *put_time(struct oc_wire_encoder *encoder, uint8_t *out, uint64_t time_ns)
{
    struct time_text *text = &encoder->time;

    if (text->time_ns != time_ns) {
        text->time_ns = time_ns;
        text->size = (uint8_t)(oc_wire__put_u64(text->bytes, time_ns) - text->bytes);
    }
    memcpy(out, text->bytes, sizeof(text->bytes));
    return out + text->size;
}

static uint8_t *put_word(uint8_t *out, const struct oc_wire__words *words, uint32_t index)
{
    OC_ASSERT(index < words->count);
    return oc_wire__put_bytes(out, words->words[index].bytes, words->words[index].size);
}

/* Ours, and plain. */
static uint8_t *put_text(uint8_t *out, const char *text)
{
    while (*text != '\0') {
        *out++ = (uint8_t)*text++;
    }
    return out;
}

static uint8_t *put_client_order_id(uint8_t *out, const struct oc_client_order_id *id)
{
    if (id->size == 0) {
        return out;
    }
    OC_ASSERT(id->size <= OC_CLIENT_ORDER_ID_BYTES_MAX);
    OC_ASSERT(oc_text_is_plain(id->bytes, id->size));
    out = oc_wire__put_bytes(PUT(out, ",\"client_order_id\":\""), id->bytes, id->size);
    return PUT(out, "\"");
}

static uint8_t *put_request_id(uint8_t *out, const struct oc_event *event)
{
    if ((event->flags & OC_EVENT_HAS_REQUEST_ID) == 0) {
        return out;
    }
    return oc_wire__put_u64(PUT(out, ",\"request_id\":"), event->request_id);
}
