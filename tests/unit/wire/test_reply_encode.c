/*
 * Goal: every event that is on the wire becomes exactly its bytes, and no event overflows its
 * buffer. Method: literal JSON for each kind, with and without the members that may follow;
 * messages of many events at their limits; the widest values of every kind; asserts on events that
 * cannot be. Fails if: a member is missing, precedes or replaces an older one, or a frame's length
 * is wrong.
 */
#include "support.h"

#include <jansson.h>

#define INSTRUMENTS_MAX 4U

struct fixture {
    struct oc_arena arena;
    struct oc_wire_encoder *encoder;
};

static void learn(struct oc_wire_encoder *encoder, uint32_t index, const char *symbol)
{
    struct oc_event event = {.kind = OC_EVENT_INSTRUMENT,
                             .instrument = index,
                             .flags = OC_EVENT_PUBLIC,
                             .instrument_made = {.symbol = support_symbol(symbol)}};

    assert_int_equal(oc_wire_encode(encoder, &event).size, 0);
}

static int set_up(void **state)
{
    static struct fixture fixture;

    oc_arena_init(&fixture.arena);
    fixture.encoder = oc_wire_encoder_create(&fixture.arena, INSTRUMENTS_MAX);
    assert_non_null(fixture.encoder);
    oc_arena_seal(&fixture.arena);
    learn(fixture.encoder, 0, "BTC/USD");
    learn(fixture.encoder, 2, "12345678901234567890123456789012");
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    oc_arena_deinit(&fixture->arena);
    return 0;
}

static void expect_span(struct oc_wire_span span, const char *json)
{
    size_t size = strlen(json);
    size_t frame_size;

    if (span.size != size + 4 || memcmp(span.bytes + 4, json, size) != 0) {
        fail_msg("got %.*s, expected %s", (int)span.size - 4, (const char *)span.bytes + 4, json);
    }
    assert_int_equal(oc_wire_frame_next(span.bytes, span.size, &frame_size),
                     OC_WIRE_FRAME_COMPLETE);
    assert_int_equal(frame_size, span.size);
}

static void expect_bytes(void **state, const struct oc_event *event, const char *json)
{
    const struct fixture *fixture = *state;

    expect_span(oc_wire_encode(fixture->encoder, event), json);
}

static void expect_nothing(void **state, const struct oc_event *event)
{
    const struct fixture *fixture = *state;

    assert_int_equal(oc_wire_encode(fixture->encoder, event).size, 0);
}

static struct oc_event order_event(enum oc_event_kind kind)
{
    struct oc_event event = {.kind = (uint8_t)kind,
                             .order = {.order_id = 7,
                                       .user_id = 101,
                                       .price_ticks = 50010,
                                       .qty_lots = 5,
                                       .filled_lots = 3,
                                       .side = OC_SELL}};

    return event;
}

/* The same event with all that may be appended. */
static void add_ids(struct oc_event *event)
{
    event->order.client_order_id = support_client_order_id("a-1");
    event->request_id = 99;
    event->flags |= OC_EVENT_HAS_REQUEST_ID;
}

static void test_trade(void **state)
{
    struct oc_event event = {.kind = OC_EVENT_TRADE,
                             .flags = OC_EVENT_PUBLIC | OC_EVENT_HAS_REQUEST_ID,
                             .request_id = 5,
                             .trade = {.trade_id = 1,
                                       .time_ns = 1732233600000000000U,
                                       .price_ticks = 50000,
                                       .qty_lots = 7,
                                       .buyer_user_id = 101,
                                       .buyer_order_id = 1,
                                       .seller_user_id = 102,
                                       .seller_order_id = 2}};
    const char *json =
        "{\"trade_id\":1,\"symbol\":\"BTC/USD\",\"matched_price\":50000,\"matched_quantity\":7,"
        "\"buyer_user_id\":101,\"buyer_order_id\":1,\"seller_user_id\":102,\"seller_order_id\":2,"
        "\"timestamp\":1732233600000000000}";

    /* Never a request_id: the same bytes for everyone. Twice, as the time is remembered. */
    expect_bytes(state, &event, json);
    expect_bytes(state, &event, json);
    event.trade.time_ns = 0;
    expect_bytes(state, &event,
                 "{\"trade_id\":1,\"symbol\":\"BTC/USD\",\"matched_price\":50000,"
                 "\"matched_quantity\":7,\"buyer_user_id\":101,\"buyer_order_id\":1,"
                 "\"seller_user_id\":102,\"seller_order_id\":2,\"timestamp\":0}");
}

static void test_time_zero_first(void **state)
{
    struct oc_event event = {.kind = OC_EVENT_TRADE, .trade = {.trade_id = 0}};

    expect_bytes(state, &event,
                 "{\"trade_id\":0,\"symbol\":\"BTC/USD\",\"matched_price\":0,"
                 "\"matched_quantity\":0,\"buyer_user_id\":0,\"buyer_order_id\":0,"
                 "\"seller_user_id\":0,\"seller_order_id\":0,\"timestamp\":0}");
}

static void test_orders(void **state)
{
    struct oc_event event = order_event(OC_EVENT_CONFIRMED);

    expect_bytes(state, &event, "{\"order_id\":7,\"user_id\":101}");
    add_ids(&event);
    expect_bytes(state, &event,
                 "{\"order_id\":7,\"user_id\":101,\"client_order_id\":\"a-1\",\"request_id\":99}");

    event = order_event(OC_EVENT_CANCELLED);
    event.reason = OC_REASON_USER;
    expect_bytes(state, &event,
                 "{\"type\":\"cancelled\",\"order_id\":7,\"owner\":101,\"cancelled_quantity\":5,"
                 "\"reason\":\"user\"}");
    add_ids(&event);
    event.reason = OC_REASON_MASS_CANCEL;
    expect_bytes(state, &event,
                 "{\"type\":\"cancelled\",\"order_id\":7,\"owner\":101,\"cancelled_quantity\":5,"
                 "\"reason\":\"mass_cancel\",\"client_order_id\":\"a-1\",\"request_id\":99}");

    event = order_event(OC_EVENT_REPLACED);
    expect_bytes(state, &event,
                 "{\"type\":\"replaced\",\"order_id\":7,\"owner\":101,\"price\":50010,"
                 "\"quantity\":5}");
    add_ids(&event);
    expect_bytes(state, &event,
                 "{\"type\":\"replaced\",\"order_id\":7,\"owner\":101,\"price\":50010,"
                 "\"quantity\":5,\"client_order_id\":\"a-1\",\"request_id\":99}");

    event = order_event(OC_EVENT_DUPLICATE);
    add_ids(&event);
    expect_bytes(state, &event,
                 "{\"type\":\"duplicate\",\"client_order_id\":\"a-1\",\"order_id\":7,\"filled\":3,"
                 "\"open\":5,\"request_id\":99}");
}

static void test_reports(void **state)
{
    struct oc_event event = order_event(OC_EVENT_ACCEPTED);

    expect_bytes(state, &event,
                 "{\"type\":\"accepted\",\"order_id\":7,\"owner\":101,\"symbol\":\"BTC/USD\","
                 "\"side\":\"Sell\",\"price\":50010,\"quantity\":5}");
    add_ids(&event);
    event.order.side = OC_BUY;
    expect_bytes(state, &event,
                 "{\"type\":\"accepted\",\"order_id\":7,\"owner\":101,\"symbol\":\"BTC/USD\","
                 "\"side\":\"Buy\",\"price\":50010,\"quantity\":5,\"client_order_id\":\"a-1\","
                 "\"request_id\":99}");

    event = order_event(OC_EVENT_FILLED);
    expect_bytes(state, &event, "{\"type\":\"filled\",\"order_id\":7,\"owner\":101,\"filled\":3}");
    add_ids(&event);
    expect_bytes(state, &event,
                 "{\"type\":\"filled\",\"order_id\":7,\"owner\":101,\"filled\":3,"
                 "\"client_order_id\":\"a-1\",\"request_id\":99}");

    event = (struct oc_event){.kind = OC_EVENT_EXECUTED,
                              .executed = {.order_id = 7,
                                           .user_id = 101,
                                           .trade_id = 4,
                                           .price_ticks = 50000,
                                           .qty_lots = 2,
                                           .filled_lots = 3,
                                           .open_lots = 1}};
    expect_bytes(state, &event,
                 "{\"type\":\"executed\",\"order_id\":7,\"owner\":101,\"trade_id\":4,"
                 "\"price\":50000,\"quantity\":2,\"filled\":3,\"open\":1,\"liquidity\":\"maker\"}");
    event.flags = OC_EVENT_TAKER | OC_EVENT_HAS_REQUEST_ID;
    event.request_id = 0;
    expect_bytes(state, &event,
                 "{\"type\":\"executed\",\"order_id\":7,\"owner\":101,\"trade_id\":4,"
                 "\"price\":50000,\"quantity\":2,\"filled\":3,\"open\":1,\"liquidity\":\"taker\","
                 "\"request_id\":0}");
}

static void test_rejected(void **state)
{
    struct oc_event event = {.kind = OC_EVENT_REJECTED,
                             .reason = OC_REASON_UNKNOWN_ORDER,
                             .rejected = {.order_id = 7, .request = OC_COMMAND_CANCEL}};

    expect_bytes(state, &event,
                 "{\"type\":\"rejected\",\"request\":\"cancel\",\"order_id\":7,"
                 "\"reason\":\"unknown_order\",\"text\":\"the user has no open order with this "
                 "id\"}");
    event.reason = OC_REASON_BAD_JSON;
    event.rejected.request = OC_COMMAND_NONE;
    event.rejected.order_id = 0;
    expect_bytes(state, &event,
                 "{\"type\":\"rejected\",\"reason\":\"bad_json\",\"text\":\"a frame must hold one "
                 "JSON object in UTF-8\"}");
    event.reason = OC_REASON_DUPLICATE_MEMBER;
    event.rejected.request = OC_COMMAND_PING;
    event.rejected.detail = support_detail("ping");
    event.rejected.client_order_id = support_client_order_id("a-1");
    event.flags = OC_EVENT_HAS_REQUEST_ID;
    event.request_id = UINT64_MAX;
    expect_bytes(state, &event,
                 "{\"type\":\"rejected\",\"request\":\"session\",\"reason\":\"duplicate_member\","
                 "\"text\":\"this member is given twice\",\"member\":\"ping\","
                 "\"client_order_id\":\"a-1\",\"request_id\":18446744073709551615}");
}

/* The detail's bytes come from a stranger. */
static void test_detail_is_escaped(void **state)
{
    struct oc_event event = {.kind = OC_EVENT_REJECTED, .reason = OC_REASON_DUPLICATE_MEMBER};

    event.rejected.detail = support_detail(
        "a\"b\\c/\n\x1f\x7f\xc3\xa4\xf0\x9f\x98\x80\xff\xe2\x82");
    expect_bytes(state, &event,
                 "{\"type\":\"rejected\",\"reason\":\"duplicate_member\",\"text\":\"this member is "
                 "given twice\",\"member\":\"a\\\"b\\\\c/\\u000a\\u001f\\u007f\xc3\xa4"
                 "\xf0\x9f\x98\x80\\ufffd\\ufffd\\ufffd\"}");
    memset(&event.rejected.detail, 0, sizeof(event.rejected.detail));
    event.rejected.detail.size = 2;
    expect_bytes(state, &event,
                 "{\"type\":\"rejected\",\"reason\":\"duplicate_member\",\"text\":\"this member is "
                 "given twice\",\"member\":\"\\u0000\\u0000\"}");
}

static void test_session_pong_count(void **state)
{
    struct oc_event event = {.kind = OC_EVENT_SESSION, .settings = OC_SETTINGS_AT_OPEN};

    expect_bytes(state, &event,
                 "{\"type\":\"session\",\"trades\":\"on\",\"reports\":\"off\","
                 "\"cancel_on_disconnect\":false}");
    event.settings = OC_SETTING_REPORTS | OC_SETTING_CANCEL_ON_DISCONNECT;
    event.flags = OC_EVENT_HAS_REQUEST_ID;
    event.request_id = 1;
    expect_bytes(state, &event,
                 "{\"type\":\"session\",\"trades\":\"off\",\"reports\":\"on\","
                 "\"cancel_on_disconnect\":true,\"request_id\":1}");
    event.kind = OC_EVENT_PONG;
    event.ping = 7;
    expect_bytes(state, &event, "{\"type\":\"pong\",\"ping\":7,\"request_id\":1}");
    event.kind = OC_EVENT_MASS_CANCELLED;
    event.flags = 0;
    event.count = 3;
    expect_bytes(state, &event, "{\"type\":\"mass_cancelled\",\"count\":3}");
}

static void test_not_on_the_wire(void **state)
{
    struct oc_event event = {.kind = OC_EVENT_SESSION_OPENED};

    expect_nothing(state, &event);
    event.kind = OC_EVENT_SESSION_CLOSED;
    expect_nothing(state, &event);
}

static struct oc_event level(enum oc_side side, int64_t price_ticks, uint64_t qty_lots,
                             uint32_t order_count)
{
    struct oc_event event = {.kind = OC_EVENT_BOOK_LEVEL,
                             .level = {.price_ticks = price_ticks,
                                       .qty_lots = qty_lots,
                                       .order_count = order_count,
                                       .side = (uint8_t)side}};

    return event;
}

static void test_book(void **state)
{
    struct oc_event book = {.kind = OC_EVENT_BOOK, .book = {.sequence = 9}};
    struct oc_event bid = level(OC_BUY, 50000, 10, 2);
    struct oc_event lower_bid = level(OC_BUY, 49990, 1, 1);
    struct oc_event ask = level(OC_SELL, 50010, UINT64_MAX, UINT32_MAX);

    expect_bytes(state, &book,
                 "{\"type\":\"book\",\"symbol\":\"BTC/USD\",\"sequence\":9,\"bids\":[],"
                 "\"asks\":[]}");
    book.book.bid_count = 1;
    expect_nothing(state, &book);
    expect_bytes(state, &bid,
                 "{\"type\":\"book\",\"symbol\":\"BTC/USD\",\"sequence\":9,"
                 "\"bids\":[[50000,10,2]],\"asks\":[]}");
    book.book.bid_count = 0;
    book.book.ask_count = 1;
    book.flags = OC_EVENT_HAS_REQUEST_ID;
    book.request_id = 4;
    expect_nothing(state, &book);
    expect_bytes(state, &ask,
                 "{\"type\":\"book\",\"symbol\":\"BTC/USD\",\"sequence\":9,\"bids\":[],"
                 "\"asks\":[[50010,18446744073709551615,4294967295]],\"request_id\":4}");
    book.book.bid_count = 2;
    expect_nothing(state, &book);
    expect_nothing(state, &bid);
    expect_nothing(state, &lower_bid);
    expect_bytes(state, &ask,
                 "{\"type\":\"book\",\"symbol\":\"BTC/USD\",\"sequence\":9,"
                 "\"bids\":[[50000,10,2],[49990,1,1]],"
                 "\"asks\":[[50010,18446744073709551615,4294967295]],\"request_id\":4}");
}

static void test_open_orders(void **state)
{
    struct oc_event head = {.kind = OC_EVENT_OPEN_ORDERS,
                            .flags = OC_EVENT_HAS_REQUEST_ID,
                            .request_id = 8,
                            .open_orders = {.user_id = 101}};
    struct oc_event order = order_event(OC_EVENT_OPEN_ORDER);

    expect_bytes(state, &head,
                 "{\"type\":\"open_orders\",\"owner\":101,\"orders\":[],\"remaining\":0,"
                 "\"request_id\":8}");
    head.open_orders.count = 2;
    expect_nothing(state, &head);
    expect_nothing(state, &order);
    order.order.order_id = 9;
    order.order.side = OC_BUY;
    order.order.client_order_id = support_client_order_id("z");
    expect_bytes(state, &order,
                 "{\"type\":\"open_orders\",\"owner\":101,\"orders\":["
                 "{\"order_id\":7,\"symbol\":\"BTC/USD\",\"side\":\"Sell\",\"price\":50010,"
                 "\"quantity\":5,\"filled\":3},"
                 "{\"order_id\":9,\"symbol\":\"BTC/USD\",\"side\":\"Buy\",\"price\":50010,"
                 "\"quantity\":5,\"filled\":3,\"client_order_id\":\"z\"}],"
                 "\"remaining\":0,\"request_id\":8}");
}

/* A frame goes out as soon as it is full, and says how many orders are still to come. */
static void test_open_orders_in_several_frames(void **state)
{
    static const uint32_t counts[] = {255, 256, 257, 512, 600};
    const struct fixture *fixture = *state;

    for (size_t index = 0; index < sizeof(counts) / sizeof(*counts); index++) {
        struct oc_event head = {.kind = OC_EVENT_OPEN_ORDERS,
                                .open_orders = {.user_id = 101, .count = counts[index]}};
        struct oc_event order = order_event(OC_EVENT_OPEN_ORDER);
        uint32_t frame_count = 0;
        uint32_t left = counts[index];

        expect_nothing(state, &head);
        while (left > 0) {
            struct oc_wire_span span = oc_wire_encode(fixture->encoder, &order);
            char tail[64];

            left--;
            if (left > 0 && (counts[index] - left) % OC_OPEN_ORDERS_PER_FRAME != 0) {
                assert_int_equal(span.size, 0);
                continue;
            }
            frame_count++;
            (void)snprintf(tail, sizeof(tail), "],\"remaining\":%u}", left);
            assert_memory_equal(span.bytes + span.size - strlen(tail), tail, strlen(tail));
        }
        assert_int_equal(frame_count, (counts[index] + 255) / 256);
    }
}

static void test_public_confirmation(void **state)
{
    const struct fixture *fixture = *state;
    struct oc_event event = order_event(OC_EVENT_CONFIRMED);
    struct oc_wire_span own;
    struct oc_wire_span public;

    add_ids(&event);
    own = oc_wire_encode(fixture->encoder, &event);
    public = oc_wire_encode_confirmation_public(fixture->encoder, &event);
    expect_span(public, "{\"order_id\":7,\"user_id\":101}");
    /* The other span is still there. */
    expect_span(own,
                "{\"order_id\":7,\"user_id\":101,\"client_order_id\":\"a-1\",\"request_id\":99}");
    event.kind = OC_EVENT_CANCELLED;
    expect_oc_assert(oc_wire_encode_confirmation_public(fixture->encoder, &event));
}

static void expect_parses(struct oc_wire_span span, size_t size_max)
{
    json_error_t error;
    json_t *value;

    assert_in_range(span.size, 5, size_max);
    value = json_loadb((const char *)span.bytes + 4, span.size - 4,
                       JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);
    if (value == NULL) {
        fail_msg("%s: %.*s", error.text, (int)span.size - 4, (const char *)span.bytes + 4);
    }
    json_decref(value);
}

/* Each kind with every number, text and escape at its widest. */
static void test_widest(void **state)
{
    static const uint8_t order_kinds[] = {OC_EVENT_CONFIRMED, OC_EVENT_CANCELLED, OC_EVENT_REPLACED,
                                          OC_EVENT_DUPLICATE, OC_EVENT_ACCEPTED,  OC_EVENT_FILLED};
    const struct fixture *fixture = *state;
    struct oc_event event;

    memset(&event, 0xff, sizeof(event));
    event.instrument = 2;
    event.trade.price_ticks = INT64_MAX;
    event.kind = OC_EVENT_TRADE;
    expect_parses(oc_wire_encode(fixture->encoder, &event), OC_WIRE_REPLY_BYTES_MAX);
    event.kind = OC_EVENT_EXECUTED;
    event.executed.price_ticks = INT64_MAX;
    expect_parses(oc_wire_encode(fixture->encoder, &event), OC_WIRE_REPLY_BYTES_MAX);
    for (int kind = OC_EVENT_SESSION; kind <= OC_EVENT_PONG; kind++) {
        event.kind = (uint8_t)kind;
        expect_parses(oc_wire_encode(fixture->encoder, &event), OC_WIRE_REPLY_BYTES_MAX);
    }

    memset(&event.order, 0xff, sizeof(event.order));
    event.order.price_ticks = INT64_MAX;
    event.order.side = OC_SELL;
    event.order.client_order_id = support_client_order_id("123456789012345678901234567890123456");
    event.reason = OC_REASON_TOO_MANY_CLIENT_ORDER_IDS;
    for (size_t index = 0; index < sizeof(order_kinds); index++) {
        event.kind = order_kinds[index];
        expect_parses(oc_wire_encode(fixture->encoder, &event), OC_WIRE_REPLY_BYTES_MAX);
    }

    event.kind = OC_EVENT_REJECTED;
    event.rejected.order_id = UINT64_MAX;
    event.rejected.request = OC_COMMAND_MASS_CANCEL;
    event.rejected.client_order_id = support_client_order_id(
        "123456789012345678901234567890123456");
    event.rejected.detail.size = OC_DETAIL_BYTES_MAX;
    memset(event.rejected.detail.bytes, 1, OC_DETAIL_BYTES_MAX);
    for (int reason = 0; reason < OC_REASON_COUNT; reason++) {
        event.reason = (uint16_t)reason;
        expect_parses(oc_wire_encode(fixture->encoder, &event), OC_WIRE_REPLY_BYTES_MAX);
    }
}

static void test_widest_long_messages(void **state)
{
    const size_t size_max = OC_FRAME_HEADER_BYTES + OC_FRAME_BYTES_MAX;
    const struct fixture *fixture = *state;
    struct oc_event head = {.kind = OC_EVENT_BOOK,
                            .flags = OC_EVENT_HAS_REQUEST_ID,
                            .request_id = UINT64_MAX,
                            .instrument = 2,
                            .book = {UINT64_MAX, OC_BOOK_DEPTH_MAX, OC_BOOK_DEPTH_MAX}};
    struct oc_event bid = level(OC_BUY, INT64_MAX, UINT64_MAX, UINT32_MAX);
    struct oc_event ask = level(OC_SELL, INT64_MAX, UINT64_MAX, UINT32_MAX);
    struct oc_event order = {.kind = OC_EVENT_OPEN_ORDER, .instrument = 2};

    expect_nothing(state, &head);
    for (uint32_t index = 0; index < OC_BOOK_DEPTH_MAX; index++) {
        expect_nothing(state, &bid);
    }
    for (uint32_t index = 1; index < OC_BOOK_DEPTH_MAX; index++) {
        expect_nothing(state, &ask);
    }
    expect_parses(oc_wire_encode(fixture->encoder, &ask), size_max);

    head.kind = OC_EVENT_OPEN_ORDERS;
    head.open_orders.user_id = UINT64_MAX;
    head.open_orders.count = UINT32_MAX;
    memset(&order.order, 0xff, sizeof(order.order));
    order.order.price_ticks = INT64_MAX;
    order.order.side = OC_SELL;
    order.order.client_order_id = support_client_order_id("123456789012345678901234567890123456");
    expect_nothing(state, &head);
    for (uint32_t index = 1; index < OC_OPEN_ORDERS_PER_FRAME; index++) {
        expect_nothing(state, &order);
    }
    expect_parses(oc_wire_encode(fixture->encoder, &order), size_max);
}

static void test_impossible_events(void **state)
{
    const struct fixture *fixture = *state;
    struct oc_wire_encoder *encoder = fixture->encoder;
    struct oc_event event = {.kind = OC_EVENT_NONE};
    struct oc_event bid = level(OC_BUY, 1, 1, 1);
    struct oc_event ask = level(OC_SELL, 1, 1, 1);
    struct oc_event order = order_event(OC_EVENT_OPEN_ORDER);

    expect_oc_assert(oc_wire_encode(encoder, &event));
    event.kind = OC_EVENT_KIND_COUNT;
    expect_oc_assert(oc_wire_encode(encoder, &event));
    /* An instrument that was not told, or cannot be. */
    event.kind = OC_EVENT_TRADE;
    event.instrument = 1;
    expect_oc_assert(oc_wire_encode(encoder, &event));
    event.instrument = OC_INDEX_NONE;
    expect_oc_assert(oc_wire_encode(encoder, &event));
    event.kind = OC_EVENT_INSTRUMENT;
    event.instrument = INSTRUMENTS_MAX;
    event.instrument_made.symbol = support_symbol("A");
    expect_oc_assert(oc_wire_encode(encoder, &event));
    event.instrument = 3;
    event.instrument_made.symbol = support_symbol("a\"b");
    expect_oc_assert(oc_wire_encode(encoder, &event));
    event.instrument_made.symbol.size = 0;
    expect_oc_assert(oc_wire_encode(encoder, &event));
    /* A client_order_id that the decoder would not have let in. */
    event = order_event(OC_EVENT_CONFIRMED);
    event.order.client_order_id = support_client_order_id("a\nb");
    expect_oc_assert(oc_wire_encode(encoder, &event));
    /* Parts without their whole, another event among the parts, a level of the wrong side. */
    expect_oc_assert(oc_wire_encode(encoder, &bid));
    expect_oc_assert(oc_wire_encode(encoder, &order));
    event = (struct oc_event){.kind = OC_EVENT_BOOK, .book = {9, 1, 1}};
    assert_int_equal(oc_wire_encode(encoder, &event).size, 0);
    expect_oc_assert(oc_wire_encode(encoder, &order));
    expect_oc_assert(oc_wire_encode(encoder, &ask));
    assert_int_equal(oc_wire_encode(encoder, &bid).size, 0);
    expect_oc_assert(oc_wire_encode(encoder, &bid));
}

static void test_every_width_of_a_number(void **state)
{
    const struct fixture *fixture = *state;
    uint64_t power = 1;

    for (uint32_t digits = 1; digits <= 20; digits++) {
        uint64_t values[] = {power - 1, power, power + 1, power * 9};

        for (size_t index = 0; index < 4; index++) {
            struct oc_event event = {.kind = OC_EVENT_PONG, .ping = values[index]};
            char json[64];

            (void)snprintf(json, sizeof(json), "{\"type\":\"pong\",\"ping\":%" PRIu64 "}",
                           values[index]);
            expect_span(oc_wire_encode(fixture->encoder, &event), json);
        }
        power *= 10;
    }
    for (uint32_t bits = 0; bits < 64; bits++) {
        struct oc_event event = {.kind = OC_EVENT_PONG, .ping = UINT64_MAX >> bits};
        char json[64];

        (void)snprintf(json, sizeof(json), "{\"type\":\"pong\",\"ping\":%" PRIu64 "}", event.ping);
        expect_span(oc_wire_encode(fixture->encoder, &event), json);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_trade),
        TEST(test_time_zero_first),
        TEST(test_orders),
        TEST(test_reports),
        TEST(test_rejected),
        TEST(test_detail_is_escaped),
        TEST(test_session_pong_count),
        TEST(test_not_on_the_wire),
        TEST(test_book),
        TEST(test_open_orders),
        TEST(test_open_orders_in_several_frames),
        TEST(test_public_confirmation),
        TEST(test_widest),
        TEST(test_widest_long_messages),
        TEST(test_impossible_events),
        TEST(test_every_width_of_a_number),
    };

    return cmocka_run_group_tests_name("wire.reply_encode", tests, NULL, NULL);
}
