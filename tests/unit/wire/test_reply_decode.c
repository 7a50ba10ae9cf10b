/*
 * Goal: a client takes every reply that the protocol knows, whatever else a later server adds, and
 * nothing that it does not know.
 * Method: literal replies with other order, white space and unknown members; every required member
 * left out of every reply in turn; values of wrong types and ranges; room for levels and orders too
 * small. Fails if: a reply is misread, an incomplete one is taken, or an unknown member is an
 * error.
 */
#include "support.h"

#include <errno.h>

static struct oc_event_level levels[8];
static struct oc_wire_open_order orders[4];

static int decode(const char *json, struct oc_wire_reply *reply)
{
    size_t size = strlen(json);
    uint8_t *copy = malloc(size > 0 ? size : 1);
    int rc;

    assert_non_null(copy);
    memcpy(copy, json, size);
    memset(reply, 0xa5, sizeof(*reply));
    reply->levels = levels;
    reply->level_capacity = sizeof(levels) / sizeof(*levels);
    reply->orders = orders;
    reply->order_capacity = sizeof(orders) / sizeof(*orders);
    rc = oc_wire_decode_reply(copy, size, reply);
    free(copy);
    return rc;
}

static void expect_bad(const char *json)
{
    struct oc_wire_reply reply;

    if (decode(json, &reply) != -EBADMSG) {
        fail_msg("taken: %s", json);
    }
}

static void test_by_shape(void **state)
{
    struct oc_wire_reply reply;

    (void)state;
    assert_int_equal(decode(" {\"x\":[{\"deep\":[[[[[[]]]]]]}], \"user_id\" : 101 ,\"order_id\":1,"
                            "\"later\":null} ",
                            &reply),
                     0);
    assert_int_equal(reply.event.kind, OC_EVENT_CONFIRMED);
    assert_int_equal(reply.event.order.order_id, 1);
    assert_int_equal(reply.event.order.user_id, 101);
    assert_int_equal(reply.event.flags, 0);
    assert_int_equal(reply.event.instrument, OC_INDEX_NONE);

    assert_int_equal(
        decode("{\"timestamp\":1732233600000000000,\"trade_id\":1,\"symbol\":\"BTC\\/USD\","
               "\"matched_price\":50000,\"matched_quantity\":7,\"buyer_user_id\":101,"
               "\"buyer_order_id\":1,\"seller_user_id\":102,\"seller_order_id\":2}",
               &reply),
        0);
    assert_int_equal(reply.event.kind, OC_EVENT_TRADE);
    assert_int_equal(reply.event.flags, OC_EVENT_PUBLIC);
    assert_int_equal(reply.event.trade.time_ns, 1732233600000000000U);
    assert_int_equal(reply.event.trade.qty_lots, 7);
    assert_int_equal(reply.symbol.size, 7);
    assert_memory_equal(reply.symbol.bytes, "BTC/USD", 8);
}

static void test_by_type(void **state)
{
    struct oc_wire_reply reply;

    (void)state;
    assert_int_equal(decode("{\"order_id\":7,\"owner\":101,\"reason\":\"user\",\"type\":"
                            "\"c\\u0061ncelled\",\"cancelled_quantity\":3,\"request_id\":0}",
                            &reply),
                     0);
    assert_int_equal(reply.event.kind, OC_EVENT_CANCELLED);
    assert_int_equal(reply.event.reason, OC_REASON_USER);
    assert_int_equal(reply.event.order.qty_lots, 3);
    assert_int_equal(reply.event.flags, OC_EVENT_HAS_REQUEST_ID);

    assert_int_equal(decode("{\"type\":\"rejected\",\"reason\":\"unknown_member\",\"text\":\"any "
                            "text\",\"member\":\"q\\u00e4\",\"request\":\"session\"}",
                            &reply),
                     0);
    assert_int_equal(reply.event.rejected.request, OC_COMMAND_SESSION_SET);
    assert_int_equal(reply.event.rejected.detail.size, 3);
    assert_memory_equal(reply.event.rejected.detail.bytes, "q\xc3\xa4", 4);

    /* A type rules, whatever the shape. */
    assert_int_equal(decode("{\"type\":\"pong\",\"ping\":7,\"order_id\":1,\"user_id\":2}", &reply),
                     0);
    assert_int_equal(reply.event.kind, OC_EVENT_PONG);
    assert_int_equal(reply.event.ping, 7);
}

static void test_book(void **state)
{
    struct oc_wire_reply reply;

    (void)state;
    assert_int_equal(
        decode("{\"type\":\"book\",\"symbol\":\"A\",\"asks\":[ [4,5,6] ],\"sequence\":9"
               ",\"bids\":[[3,18446744073709551615,1] , [2,1,4294967295]]}",
               &reply),
        0);
    assert_int_equal(reply.event.book.sequence, 9);
    assert_int_equal(reply.event.book.bid_count, 2);
    assert_int_equal(reply.event.book.ask_count, 1);
    /* Bids first, though the asks stood first. */
    assert_int_equal(levels[0].side, OC_BUY);
    assert_int_equal(levels[0].price_ticks, 3);
    assert_int_equal(levels[0].qty_lots, UINT64_MAX);
    assert_int_equal(levels[1].order_count, UINT32_MAX);
    assert_int_equal(levels[2].side, OC_SELL);
    assert_int_equal(levels[2].price_ticks, 4);

    expect_bad("{\"type\":\"book\",\"symbol\":\"A\",\"sequence\":9,\"bids\":[],\"asks\":[[1,2]]}");
    expect_bad(
        "{\"type\":\"book\",\"symbol\":\"A\",\"sequence\":9,\"bids\":[],\"asks\":[[1,2,3,4]]}");
    expect_bad("{\"type\":\"book\",\"symbol\":\"A\",\"sequence\":9,\"bids\":[],\"asks\":[1]}");
    expect_bad("{\"type\":\"book\",\"symbol\":\"A\",\"sequence\":9,\"bids\":{},\"asks\":[]}");
    expect_bad("{\"type\":\"book\",\"symbol\":\"A\",\"sequence\":9,\"bids\":[],"
               "\"asks\":[[1,2,4294967296]]}");
    expect_bad("{\"type\":\"book\",\"symbol\":\"A\",\"sequence\":9,\"bids\":[],"
               "\"asks\":[[9223372036854775808,2,3]]}");
    expect_bad(
        "{\"type\":\"book\",\"symbol\":\"A\",\"sequence\":9,\"bids\":[],\"asks\":[[1,2,3.0]]}");
}

static void test_no_room(void **state)
{
    static const char book[] = "{\"type\":\"book\",\"symbol\":\"A\",\"sequence\":9,"
                               "\"bids\":[[3,1,1]],\"asks\":[[4,1,1]]}";
    static const char open_orders[] =
        "{\"type\":\"open_orders\",\"owner\":1,\"remaining\":0,\"orders\":[{\"order_id\":1,"
        "\"symbol\":\"A\",\"side\":\"Buy\",\"price\":1,\"quantity\":1,\"filled\":0}]}";
    struct oc_wire_reply reply;

    (void)state;
    memset(&reply, 0, sizeof(reply));
    reply.levels = levels;
    for (reply.level_capacity = 0; reply.level_capacity < 2; reply.level_capacity++) {
        assert_int_equal(oc_wire_decode_reply((const uint8_t *)book, sizeof(book) - 1, &reply),
                         -ENOSPC);
    }
    assert_int_equal(oc_wire_decode_reply((const uint8_t *)book, sizeof(book) - 1, &reply), 0);
    assert_int_equal(
        oc_wire_decode_reply((const uint8_t *)open_orders, sizeof(open_orders) - 1, &reply),
        -ENOSPC);
    reply.orders = orders;
    reply.order_capacity = 1;
    assert_int_equal(
        oc_wire_decode_reply((const uint8_t *)open_orders, sizeof(open_orders) - 1, &reply), 0);
    assert_int_equal(reply.event.open_orders.count, 1);
}

static void test_open_orders(void **state)
{
    struct oc_wire_reply reply;

    (void)state;
    assert_int_equal(
        decode("{\"type\":\"open_orders\",\"owner\":101,\"remaining\":5,\"orders\":["
               "{\"order_id\":7,\"symbol\":\"A\",\"side\":\"Sell\",\"price\":50010,\"quantity\":5,"
               "\"filled\":3,\"new\":[{}]},"
               "{\"client_order_id\":\"z\",\"order_id\":8,\"symbol\":\"B\",\"side\":\"Buy\","
               "\"price\":1,\"quantity\":2,\"filled\":0}]}",
               &reply),
        0);
    assert_int_equal(reply.event.open_orders.user_id, 101);
    assert_int_equal(reply.event.open_orders.count, 2);
    assert_int_equal(reply.remaining, 5);
    assert_int_equal(orders[0].order.order_id, 7);
    assert_int_equal(orders[0].order.user_id, 101);
    assert_int_equal(orders[0].order.side, OC_SELL);
    assert_int_equal(orders[0].order.client_order_id.size, 0);
    assert_int_equal(orders[1].order.client_order_id.size, 1);
    assert_memory_equal(orders[1].symbol.bytes, "B", 2);
    expect_bad("{\"type\":\"open_orders\",\"owner\":101,\"remaining\":4294967296,\"orders\":[]}");
    expect_bad("{\"type\":\"open_orders\",\"owner\":101,\"remaining\":0,\"orders\":[1]}");
    expect_bad("{\"type\":\"open_orders\",\"owner\":101,\"remaining\":0,\"orders\":[{}]}");
}

/* One complete example of each reply, and the members that it cannot do without. */
static const struct {
    const char *members; /* joined by commas; an optional one begins with `?` */
} COMPLETE[] = {
    {"\"trade_id\":1;\"symbol\":\"A\";\"matched_price\":5;\"matched_quantity\":7;"
     "\"buyer_user_id\":1;\"buyer_order_id\":1;\"seller_user_id\":2;\"seller_order_id\":2;"
     "\"timestamp\":3"},
    {"\"order_id\":1;\"user_id\":101;?\"request_id\":3;?\"client_order_id\":\"a\""},
    {"\"type\":\"cancelled\";\"order_id\":7;\"owner\":1;\"cancelled_quantity\":3;"
     "\"reason\":\"user\""},
    {"\"type\":\"replaced\";\"order_id\":7;\"owner\":1;\"price\":5;\"quantity\":3"},
    {"\"type\":\"rejected\";?\"request\":\"cancel\";?\"order_id\":7;\"reason\":\"bad_json\";"
     "?\"text\":\"t\";?\"member\":\"m\""},
    {"\"type\":\"duplicate\";\"client_order_id\":\"a1\";\"order_id\":7;\"filled\":3;\"open\":4"},
    {"\"type\":\"mass_cancelled\";\"count\":3"},
    {"\"type\":\"book\";\"symbol\":\"A\";\"sequence\":9;\"bids\":[];\"asks\":[]"},
    {"\"type\":\"open_orders\";\"owner\":1;\"orders\":[];\"remaining\":0"},
    {"\"type\":\"session\";\"trades\":\"on\";\"reports\":\"off\";\"cancel_on_disconnect\":true"},
    {"\"type\":\"pong\";\"ping\":7"},
    {"\"type\":\"accepted\";\"order_id\":7;\"owner\":1;\"symbol\":\"A\";\"side\":\"Buy\";"
     "\"price\":1;"
     "\"quantity\":1"},
    {"\"type\":\"executed\";\"order_id\":7;\"owner\":1;\"trade_id\":4;\"price\":1;\"quantity\":1;"
     "\"filled\":1;\"open\":0;\"liquidity\":\"maker\""},
    {"\"type\":\"filled\";\"order_id\":7;\"owner\":1;\"filled\":1"},
};

/* The reply without member `left_out`; the `twice`th comes twice. Returns its number of members. */
static int build(const char *members, int left_out, int twice, char *json, size_t json_size,
                 bool *optional)
{
    int count = 0;
    size_t size = 0;

    size += (size_t)snprintf(json, json_size, "{");
    while (*members != '\0') {
        bool may_miss = *members == '?';
        const char *begin = members + may_miss;
        size_t member_size = strcspn(begin, ";");

        for (int copy = 0; copy < (count == left_out ? 0 : count == twice ? 2 : 1); copy++) {
            size += (size_t)snprintf(json + size, json_size - size, "%s%.*s", size > 1 ? "," : "",
                                     (int)member_size, begin);
        }
        if (count == left_out) {
            *optional = may_miss;
        }
        count++;
        members = begin + member_size + (begin[member_size] == ';');
    }
    (void)snprintf(json + size, json_size - size, "}");
    return count;
}

static void test_every_required_member(void **state)
{
    struct oc_wire_reply reply;
    bool optional = false;
    char json[512];

    (void)state;
    for (size_t index = 0; index < sizeof(COMPLETE) / sizeof(*COMPLETE); index++) {
        const char *members = COMPLETE[index].members;
        int count = build(members, -1, -1, json, sizeof(json), &optional);

        assert_int_equal(decode(json, &reply), 0);
        for (int member = 0; member < count; member++) {
            (void)build(members, member, -1, json, sizeof(json), &optional);
            if (decode(json, &reply) != (optional ? 0 : -EBADMSG)) {
                fail_msg("%s: %s", optional ? "refused" : "taken", json);
            }
            (void)build(members, -1, member, json, sizeof(json), &optional);
            expect_bad(json);
        }
        /* Every prefix. */
        (void)build(members, -1, -1, json, sizeof(json), &optional);
        while (json[0] != '\0') {
            json[strlen(json) - 1] = '\0';
            expect_bad(json);
        }
    }
}

static void test_bad_replies(void **state)
{
    static const char *const cases[] = {
        "{}",
        "[]",
        "{\"order_id\":1,\"user_id\":101}x",
        "{\"order_id\":1,\"user_id\":101,}",
        "{\"order_id\":1,\"user_id\":-1}",
        "{\"order_id\":1,\"user_id\":1.0}",
        "{\"order_id\":1,\"user_id\":\"1\"}",
        "{\"order_id\":1,\"user_id\":18446744073709551616}",
        "{\"order_id\":1,\"user_id\":1,\"new\":[}",
        "{\"order_id\":1,\"user_id\":1,\"new\":[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]}",
        "{\"order_id\":1,\"user_id\":1,\"client_order_id\":\"\"}",
        "{\"order_id\":1,\"user_id\":1,\"client_order_id\":\"\\u00e4\"}",
        "{\"type\":\"later\",\"order_id\":1,\"user_id\":1}",
        "{\"type\":5,\"order_id\":1,\"user_id\":1}",
        "{\"type\":\"cancelled\",\"order_id\":7,\"owner\":1,\"cancelled_quantity\":3,"
        "\"reason\":\"because\"}",
        "{\"type\":\"rejected\",\"reason\":\"bad_json\",\"request\":\"buy\"}",
        "{\"type\":\"replaced\",\"order_id\":7,\"owner\":1,\"price\":9223372036854775808,"
        "\"quantity\":3}",
        "{\"type\":\"session\",\"trades\":\"On\",\"reports\":\"off\","
        "\"cancel_on_disconnect\":true}",
        "{\"type\":\"session\",\"trades\":\"on\",\"reports\":\"o\",\"cancel_on_disconnect\":true}",
        "{\"type\":\"session\",\"trades\":\"on\",\"reports\":\"on\","
        "\"cancel_on_disconnect\":\"on\"}",
        "{\"type\":\"session\",\"trades\":\"on\",\"reports\":\"on\",\"cancel_on_disconnect\":tru}",
        "{\"type\":\"accepted\",\"order_id\":7,\"owner\":1,\"symbol\":\"A\",\"side\":\"Both\","
        "\"price\":1,\"quantity\":1}",
        "{\"type\":\"accepted\",\"order_id\":7,\"owner\":1,\"symbol\":\"\",\"side\":\"Buy\","
        "\"price\":1,\"quantity\":1}",
        "{\"type\":\"executed\",\"order_id\":7,\"owner\":1,\"trade_id\":4,\"price\":1,"
        "\"quantity\":1,\"filled\":1,\"open\":0,\"liquidity\":\"both\"}",
    };

    (void)state;
    for (size_t index = 0; index < sizeof(cases) / sizeof(*cases); index++) {
        expect_bad(cases[index]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_shape),    cmocka_unit_test(test_by_type),
        cmocka_unit_test(test_book),        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_open_orders), cmocka_unit_test(test_every_required_member),
        cmocka_unit_test(test_bad_replies),
    };

    return cmocka_run_group_tests_name("wire.reply_decode", tests, NULL, NULL);
}
