/*
 * Goal: what the venue tells is what a client understands, for every kind of event.
 * Method: a hundred thousand random events are encoded; jansson must read each frame as one object
 * without white space or a member given twice, and our own client side must give the event back.
 * What is not on the wire (command, session, instrument, the sessions of a trade) is left out of
 * the comparison. A refused ping comes back as what it is on the wire, a request of the session.
 * Fails if: a reply loses or changes something, or is no valid JSON.
 */
#include "support.h"

#include <jansson.h>

#include "support/requests.h"

#define ROUND_COUNT     100000U
#define INSTRUMENTS_MAX 64U

struct fixture {
    struct oc_random random;
    struct oc_wire_encoder *encoder;
    struct oc_symbol symbols[INSTRUMENTS_MAX];
    struct oc_event_level levels[2 * OC_BOOK_DEPTH_MAX];
    struct oc_event_level decoded_levels[2 * OC_BOOK_DEPTH_MAX];
    struct oc_wire_open_order orders[2 * OC_OPEN_ORDERS_PER_FRAME];
    struct oc_wire_open_order decoded_orders[OC_OPEN_ORDERS_PER_FRAME];
};

static struct fixture fixture;

static uint64_t number(uint64_t max)
{
    return requests_number(&fixture.random, 0, max);
}

static bool chance(uint32_t one_in)
{
    return oc_random_below(&fixture.random, one_in) == 0;
}

static struct oc_client_order_id client_order_id(void)
{
    struct oc_client_order_id id;

    memset(&id, 0, sizeof(id));
    id.size = requests_name(&fixture.random, id.bytes, OC_CLIENT_ORDER_ID_BYTES_MAX);
    return id;
}

/* Any valid UTF-8, as the decoder of requests would have kept it. */
static struct oc_detail detail(void)
{
    static const char *const pieces[] = {"a",
                                         "\"",
                                         "\\",
                                         "\n",
                                         "\x01",
                                         "\x7f",
                                         "\xc3\xa4",
                                         "/",
                                         "_",
                                         "\xe2\x82\xac",
                                         "\xf0\x9f\x98\x80"};
    struct oc_detail detail;

    memset(&detail, 0, sizeof(detail));
    for (uint64_t count = oc_random_below(&fixture.random, 40); count > 0; count--) {
        const char *piece =
            pieces[oc_random_below(&fixture.random, sizeof(pieces) / sizeof(*pieces))];

        if (detail.size + strlen(piece) > OC_DETAIL_BYTES_MAX) {
            break;
        }
        memcpy(detail.bytes + detail.size, piece, strlen(piece));
        detail.size = (uint8_t)(detail.size + strlen(piece));
    }
    return detail;
}

/* Encodes and lets jansson look at the result. */
static struct oc_wire_span encode(const struct oc_event *event)
{
    struct oc_wire_span span = oc_wire_encode(fixture.encoder, event);
    size_t frame_size;
    json_error_t error;
    json_t *value;
    char *compact;

    if (span.size == 0) {
        return span;
    }
    assert_int_equal(oc_wire_frame_next(span.bytes, span.size, &frame_size),
                     OC_WIRE_FRAME_COMPLETE);
    assert_int_equal(frame_size, span.size);
    value = json_loadb((const char *)span.bytes + 4, span.size - 4,
                       JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);
    if (!json_is_object(value)) {
        fail_msg("%s: %.*s", error.text, (int)span.size - 4, (const char *)span.bytes + 4);
    }
    json_decref(value);
    /* White space may stand only within a text: written again without any, it has the same size.
     * Only where jansson can hold every number and writes each escape as we do. */
    value = json_loadb((const char *)span.bytes + 4, span.size - 4, 0, &error);
    if (value != NULL && event->kind != OC_EVENT_REJECTED) {
        compact = json_dumps(value, JSON_COMPACT);
        assert_non_null(compact);
        assert_int_equal(strlen(compact), span.size - 4);
        assert_memory_equal(compact, span.bytes + 4, span.size - 4);
        free(compact);
    }
    json_decref(value);
    return span;
}

static void decode(struct oc_wire_span span, struct oc_wire_reply *reply)
{
    int rc;

    memset(reply, 0, sizeof(*reply));
    reply->levels = fixture.decoded_levels;
    reply->level_capacity = 2 * OC_BOOK_DEPTH_MAX;
    reply->orders = fixture.decoded_orders;
    reply->order_capacity = OC_OPEN_ORDERS_PER_FRAME;
    rc = oc_wire_decode_reply(span.bytes + 4, span.size - 4, reply);
    if (rc != 0) {
        fail_msg("%d: %.*s", rc, (int)span.size - 4, (const char *)span.bytes + 4);
    }
}

/* The head: what is on the wire of it is also in `expected`. */
static void begin(struct oc_event *event, struct oc_event *expected, uint8_t kind)
{
    memset(event, 0, sizeof(*event));
    event->kind = kind;
    event->command_sequence = number(UINT64_MAX);
    event->session = number(UINT64_MAX);
    event->instrument = (uint32_t)oc_random_below(&fixture.random, INSTRUMENTS_MAX);
    event->flags = chance(2) ? OC_EVENT_LAST : 0;
    if (chance(2)) {
        event->flags |= OC_EVENT_HAS_REQUEST_ID;
        event->request_id = number(UINT64_MAX);
    }
    *expected = *event;
    expected->command_sequence = 0;
    expected->session = 0;
    expected->instrument = OC_INDEX_NONE;
    expected->flags &= OC_EVENT_HAS_REQUEST_ID;
}

static void fill_order(struct oc_event *event, struct oc_event *expected)
{
    struct oc_event_order *order = &event->order;

    order->order_id = number(UINT64_MAX);
    order->user_id = number(UINT64_MAX);
    order->price_ticks = (int64_t)number(OC_PRICE_TICKS_MAX);
    order->qty_lots = number(UINT64_MAX);
    order->filled_lots = number(UINT64_MAX);
    order->side = (uint8_t)oc_random_below(&fixture.random, 2);
    if (event->kind == OC_EVENT_DUPLICATE || chance(2)) {
        order->client_order_id = client_order_id();
    }
    expected->order = *order;
    switch (event->kind) {
    case OC_EVENT_CONFIRMED:
        expected->order.price_ticks = 0;
        expected->order.qty_lots = 0;
        break;
    case OC_EVENT_CANCELLED:
        event->reason = (uint16_t)oc_random_below(&fixture.random, OC_REASON_COUNT);
        expected->reason = event->reason;
        expected->order.price_ticks = 0;
        break;
    case OC_EVENT_DUPLICATE:
        expected->order.user_id = 0;
        expected->order.price_ticks = 0;
        break;
    case OC_EVENT_FILLED:
        event->reason = OC_REASON_FILLED;
        expected->reason = OC_REASON_FILLED;
        expected->order.price_ticks = 0;
        expected->order.qty_lots = 0;
        break;
    default:
        break;
    }
    if (event->kind != OC_EVENT_DUPLICATE && event->kind != OC_EVENT_FILLED) {
        expected->order.filled_lots = 0;
    }
    if (event->kind != OC_EVENT_ACCEPTED) {
        expected->order.side = 0;
    }
}

static void fill_trade(struct oc_event *event, struct oc_event *expected)
{
    struct oc_event_trade *trade = &event->trade;

    trade->trade_id = number(UINT64_MAX);
    trade->time_ns = number(UINT64_MAX);
    trade->price_ticks = (int64_t)number(OC_PRICE_TICKS_MAX);
    trade->qty_lots = number(UINT64_MAX);
    trade->buyer_user_id = number(UINT64_MAX);
    trade->buyer_order_id = number(UINT64_MAX);
    trade->seller_user_id = number(UINT64_MAX);
    trade->seller_order_id = number(UINT64_MAX);
    expected->trade = *trade;
    trade->buyer_session = number(UINT64_MAX);
    trade->seller_session = number(UINT64_MAX);
    event->flags |= OC_EVENT_PUBLIC;
    expected->flags = OC_EVENT_PUBLIC;
    expected->request_id = 0;
}

static void fill_executed(struct oc_event *event, struct oc_event *expected)
{
    struct oc_event_executed *executed = &event->executed;

    executed->order_id = number(UINT64_MAX);
    executed->user_id = number(UINT64_MAX);
    executed->trade_id = number(UINT64_MAX);
    executed->price_ticks = (int64_t)number(OC_PRICE_TICKS_MAX);
    executed->qty_lots = number(UINT64_MAX);
    executed->filled_lots = number(UINT64_MAX);
    executed->open_lots = number(UINT64_MAX);
    if (chance(2)) {
        event->flags |= OC_EVENT_TAKER;
        expected->flags |= OC_EVENT_TAKER;
    }
    expected->executed = *executed;
}

static void fill_rejected(struct oc_event *event, struct oc_event *expected)
{
    static const uint8_t requests[] = {
        OC_COMMAND_NONE,        OC_COMMAND_NEW,         OC_COMMAND_CANCEL,
        OC_COMMAND_REPLACE,     OC_COMMAND_MASS_CANCEL, OC_COMMAND_BOOK,
        OC_COMMAND_OPEN_ORDERS, OC_COMMAND_SESSION_SET, OC_COMMAND_PING,
    };
    struct oc_event_rejected *rejected = &event->rejected;

    event->reason = (uint16_t)oc_random_below(&fixture.random, OC_REASON_COUNT);
    expected->reason = event->reason;
    rejected->request = requests[oc_random_below(&fixture.random, sizeof(requests))];
    rejected->order_id = chance(2) ? number(UINT64_MAX) : 0;
    rejected->detail = detail();
    if (chance(2)) {
        rejected->client_order_id = client_order_id();
    }
    expected->rejected = *rejected;
    if (rejected->request == OC_COMMAND_PING) {
        expected->rejected.request = OC_COMMAND_SESSION_SET;
    }
}

static void round_single(uint8_t kind)
{
    struct oc_event event;
    struct oc_event expected;
    struct oc_wire_reply reply;
    struct oc_wire_span span;

    begin(&event, &expected, kind);
    switch (kind) {
    case OC_EVENT_TRADE:
        fill_trade(&event, &expected);
        break;
    case OC_EVENT_EXECUTED:
        fill_executed(&event, &expected);
        break;
    case OC_EVENT_REJECTED:
        fill_rejected(&event, &expected);
        break;
    case OC_EVENT_MASS_CANCELLED:
    case OC_EVENT_PONG:
        event.count = number(UINT64_MAX);
        expected.count = event.count;
        break;
    case OC_EVENT_SESSION:
        event.settings = (uint32_t)oc_random_below(&fixture.random, 8);
        expected.settings = event.settings;
        break;
    default:
        fill_order(&event, &expected);
        break;
    }
    span = encode(&event);
    assert_in_range(span.size, 5, OC_WIRE_REPLY_BYTES_MAX);
    decode(span, &reply);
    if (memcmp(&reply.event, &expected, sizeof(expected)) != 0) {
        fail_msg("not what was told: %.*s", (int)span.size - 4, (const char *)span.bytes + 4);
    }
    if (kind == OC_EVENT_TRADE || kind == OC_EVENT_ACCEPTED) {
        assert_memory_equal(&reply.symbol, &fixture.symbols[event.instrument],
                            sizeof(reply.symbol));
    }
}

static void round_book(void)
{
    struct oc_event event;
    struct oc_event expected;
    struct oc_wire_reply reply;
    struct oc_wire_span span;
    uint32_t count;

    begin(&event, &expected, OC_EVENT_BOOK);
    event.book.sequence = number(UINT64_MAX);
    event.book.bid_count = (uint32_t)number(OC_BOOK_DEPTH_MAX);
    event.book.ask_count = (uint32_t)number(OC_BOOK_DEPTH_MAX);
    expected.book = event.book;
    count = event.book.bid_count + event.book.ask_count;
    span = encode(&event);
    for (uint32_t index = 0; index < count; index++) {
        struct oc_event part = {.kind = OC_EVENT_BOOK_LEVEL};

        assert_int_equal(span.size, 0);
        part.level.side = index < event.book.bid_count ? OC_BUY : OC_SELL;
        part.level.price_ticks = (int64_t)number(OC_PRICE_TICKS_MAX);
        part.level.qty_lots = number(UINT64_MAX);
        part.level.order_count = (uint32_t)number(UINT32_MAX);
        fixture.levels[index] = part.level;
        span = encode(&part);
    }
    decode(span, &reply);
    assert_memory_equal(&reply.event, &expected, sizeof(expected));
    assert_memory_equal(&reply.symbol, &fixture.symbols[event.instrument], sizeof(reply.symbol));
    for (uint32_t index = 0; index < count; index++) {
        assert_int_equal(fixture.levels[index].price_ticks,
                         fixture.decoded_levels[index].price_ticks);
        assert_int_equal(fixture.levels[index].qty_lots, fixture.decoded_levels[index].qty_lots);
        assert_int_equal(fixture.levels[index].order_count,
                         fixture.decoded_levels[index].order_count);
        assert_int_equal(fixture.levels[index].side, fixture.decoded_levels[index].side);
    }
}

static void compare_orders(const struct oc_wire_open_order *told, uint32_t count)
{
    for (uint32_t index = 0; index < count; index++) {
        const struct oc_event_order *order = &told[index].order;
        const struct oc_event_order *decoded = &fixture.decoded_orders[index].order;

        assert_int_equal(order->order_id, decoded->order_id);
        assert_int_equal(order->user_id, decoded->user_id);
        assert_int_equal(order->price_ticks, decoded->price_ticks);
        assert_int_equal(order->qty_lots, decoded->qty_lots);
        assert_int_equal(order->filled_lots, decoded->filled_lots);
        assert_int_equal(order->side, decoded->side);
        assert_memory_equal(&order->client_order_id, &decoded->client_order_id,
                            sizeof(order->client_order_id));
        assert_memory_equal(&told[index].symbol, &fixture.decoded_orders[index].symbol,
                            sizeof(struct oc_symbol));
    }
}

static void round_open_orders(void)
{
    struct oc_event event;
    struct oc_event expected;
    struct oc_wire_reply reply;
    struct oc_wire_span span;
    uint32_t compared = 0;
    uint32_t count;

    begin(&event, &expected, OC_EVENT_OPEN_ORDERS);
    event.open_orders.user_id = number(UINT64_MAX);
    event.open_orders.count = (uint32_t)number(2 * OC_OPEN_ORDERS_PER_FRAME);
    expected.open_orders = event.open_orders;
    count = event.open_orders.count;
    span = encode(&event);
    for (uint32_t index = 0; index < count; index++) {
        struct oc_event part = {.kind = OC_EVENT_OPEN_ORDER};
        struct oc_wire_open_order *order = &fixture.orders[index];

        part.instrument = (uint32_t)oc_random_below(&fixture.random, INSTRUMENTS_MAX);
        part.order.order_id = number(UINT64_MAX);
        part.order.user_id = event.open_orders.user_id;
        part.order.price_ticks = (int64_t)number(OC_PRICE_TICKS_MAX);
        part.order.qty_lots = number(UINT64_MAX);
        part.order.filled_lots = number(UINT64_MAX);
        part.order.side = (uint8_t)oc_random_below(&fixture.random, 2);
        if (chance(2)) {
            part.order.client_order_id = client_order_id();
        }
        order->order = part.order;
        order->symbol = fixture.symbols[part.instrument];
        span = encode(&part);
        if (span.size > 0 && index + 1 < count) {
            decode(span, &reply);
            assert_int_equal(reply.event.open_orders.count, OC_OPEN_ORDERS_PER_FRAME);
            assert_int_equal(reply.remaining, count - index - 1);
            compare_orders(fixture.orders + compared, index + 1 - compared);
            compared = index + 1;
        }
    }
    decode(span, &reply);
    expected.open_orders.count = count - compared;
    assert_memory_equal(&reply.event, &expected, sizeof(expected));
    assert_int_equal(reply.remaining, 0);
    compare_orders(fixture.orders + compared, count - compared);
}

static void test_round_trip(void **state)
{
    static const uint8_t kinds[] = {
        OC_EVENT_TRADE,    OC_EVENT_CONFIRMED, OC_EVENT_CANCELLED, OC_EVENT_REPLACED,
        OC_EVENT_REJECTED, OC_EVENT_DUPLICATE, OC_EVENT_SESSION,   OC_EVENT_MASS_CANCELLED,
        OC_EVENT_PONG,     OC_EVENT_ACCEPTED,  OC_EVENT_EXECUTED,  OC_EVENT_FILLED,
    };
    uint32_t round_count = wire_rounds(ROUND_COUNT);

    (void)state;
    for (uint32_t round = 0; round < round_count; round++) {
        round_single(kinds[round % sizeof(kinds)]);
    }
}

static void test_round_trip_of_long_messages(void **state)
{
    uint32_t round_count = wire_rounds(ROUND_COUNT) / 400;

    (void)state;
    for (uint32_t round = 0; round < round_count; round++) {
        round_book();
        round_open_orders();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_round_trip_of_long_messages),
    };
    struct oc_arena arena;
    int failures;

    oc_random_init(&fixture.random, support_seed());
    oc_arena_init(&arena);
    fixture.encoder = oc_wire_encoder_create(&arena, INSTRUMENTS_MAX);
    oc_arena_seal(&arena);
    for (uint32_t index = 0; index < INSTRUMENTS_MAX; index++) {
        struct oc_symbol *symbol = &fixture.symbols[index];
        struct oc_event event = {.kind = OC_EVENT_INSTRUMENT, .instrument = index};

        symbol->size = requests_name(&fixture.random, symbol->bytes, OC_SYMBOL_BYTES_MAX);
        event.instrument_made.symbol = *symbol;
        (void)oc_wire_encode(fixture.encoder, &event);
    }
    failures = cmocka_run_group_tests_name("wire.reply_random", tests, NULL, NULL);
    oc_arena_deinit(&arena);
    return failures;
}
