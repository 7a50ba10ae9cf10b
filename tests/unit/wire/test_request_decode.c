/*
 * Goal: every request of docs/protocol.md becomes exactly its command, every fault exactly its
 * reason, named member and echo. Method: literal JSON, one fact a line; commands are compared as
 * memory, so also what must be zero. Fails if: a member is lost or believed where it must not be, a
 * fault gets another reason, or a refusal tells less of the request than was there.
 */
#include "support.h"

#include "wire/members.h"

#define NEW_HEAD "{\"user_id\":101,\"symbol\":\"BTC/USD\",\"order_type\":\"Buy\",\"price\":50000,"
#define NEW      NEW_HEAD "\"quantity\":10"

static void expect_command(const char *json, const struct oc_command *expected)
{
    struct oc_command command;
    enum oc_reason reason = support_decode(json, &command);

    if (reason != OC_REASON_NONE) {
        fail_msg("%s: refused, %s \"%.*s\"", json, oc_reason_name(reason),
                 command.refused.detail.size, command.refused.detail.bytes);
    }
    if (memcmp(&command, expected, sizeof(command)) != 0) {
        fail_msg("%s: another command than expected", json);
    }
}

/* Refused for this reason, about this member, as this request, with nothing to echo. */
static void expect_refusal(const char *json, enum oc_reason reason, const char *member,
                           enum oc_command_kind request)
{
    struct oc_command command;
    enum oc_reason got = support_decode(json, &command);
    const struct oc_command_refused *refused = &command.refused;

    if (got != reason) {
        fail_msg("%s: %s, expected %s", json, oc_reason_name(got), oc_reason_name(reason));
    }
    assert_int_equal(command.kind, OC_COMMAND_REFUSED);
    assert_int_equal(refused->reason, reason);
    if (refused->detail.size != strlen(member) ||
        memcmp(refused->detail.bytes, member, strlen(member)) != 0) {
        fail_msg("%s: names \"%.*s\", expected \"%s\"", json, refused->detail.size,
                 refused->detail.bytes, member);
    }
    if (refused->request != request) {
        fail_msg("%s: told as request %u, expected %u", json, refused->request, request);
    }
}

static struct oc_command new_order(void)
{
    struct oc_command command;

    memset(&command, 0, sizeof(command));
    command.kind = OC_COMMAND_NEW;
    command.user_id = 101;
    command.new_order.symbol = support_symbol("BTC/USD");
    command.new_order.price_ticks = 50000;
    command.new_order.qty_lots = 10;
    return command;
}

static void test_new_order(void **state)
{
    struct oc_command command = new_order();

    (void)state;
    expect_command(NEW "}", &command);
    /* Member order, white space and escapes do not matter. */
    expect_command("{\"quantity\":10,\"price\":50000,\"order_type\":\"Buy\",\"symbol\":\"BTC/USD\","
                   "\"user_id\":101}",
                   &command);
    expect_command(" \t\r\n{ \"user_id\" : 101 ,\n\"symbol\":\t\"BTC\\/USD\",\"order_type\":\"Buy\""
                   ",\"price\":50000 , \"quantity\":10\n}\n ",
                   &command);
    expect_command("{\"user\\u005fid\":101,\"symbol\":\"\\u0042TC/USD\",\"\\u006frder_type\":"
                   "\"\\u0042uy\",\"price\":50000,\"quantity\":10}",
                   &command);
    expect_command(
        "{\"type\":\"new\",\"user_id\":101,\"symbol\":\"BTC/USD\",\"order_type\":\"Buy\","
        "\"price\":50000,\"quantity\":10}",
        &command);
    /* What is not built is accepted where it says the default. */
    expect_command(NEW ",\"kind\":\"Limit\",\"time_in_force\":\"GTC\",\"post_only\":false,"
                       "\"self_trade_prevention\":\"None\"}",
                   &command);
    /* x_ members may hold anything, may come twice and may be called only "x_". */
    expect_command(NEW
                   ",\"x_a\":[1,-2.5e+3,{\"y\":[]}],\"x_a\":null,\"x_\":\"\\u0000\\ud83d\\ude00\","
                   "\"\\u0078_b\":1e999,\"x_c\":99999999999999999999999,\"x_d\":{}}",
                   &command);

    command.new_order.side = OC_SELL;
    command.new_order.time_in_force = OC_IMMEDIATE_OR_CANCEL;
    command.new_order.client_order_id = support_client_order_id("a1");
    command.request_id = UINT64_MAX;
    command.flags = OC_COMMAND_HAS_REQUEST_ID;
    expect_command(
        "{\"user_id\":101,\"symbol\":\"BTC/USD\",\"order_type\":\"Sell\",\"price\":50000,"
        "\"quantity\":10,\"time_in_force\":\"IOC\",\"client_order_id\":\"a1\","
        "\"request_id\":18446744073709551615}",
        &command);
}

static void test_ranges(void **state)
{
    struct oc_command command = new_order();

    (void)state;
    command.user_id = 0;
    command.request_id = 0;
    command.flags = OC_COMMAND_HAS_REQUEST_ID;
    command.new_order.price_ticks = INT64_MAX;
    command.new_order.qty_lots = INT64_MAX;
    command.new_order.symbol = support_symbol("12345678901234567890123456789012");
    command.new_order.client_order_id = support_client_order_id(
        " !#$%&'()*+,-./0123456789:;<=>?@[]~~");
    expect_command("{\"user_id\":0,\"symbol\":\"12345678901234567890123456789012\","
                   "\"order_type\":\"Buy\",\"price\":9223372036854775807,"
                   "\"quantity\":9223372036854775807,\"request_id\":0,"
                   "\"client_order_id\":\" !#$%&'()*+,-./0123456789:;<=>?@[]~~\"}",
                   &command);

    command = new_order();
    command.user_id = UINT64_MAX;
    command.new_order.price_ticks = 1;
    command.new_order.qty_lots = 1;
    command.new_order.symbol = support_symbol("A");
    expect_command("{\"user_id\":18446744073709551615,\"symbol\":\"A\",\"order_type\":\"Buy\","
                   "\"price\":1,\"quantity\":1}",
                   &command);
}

static void test_cancel_and_replace(void **state)
{
    struct oc_command command;

    (void)state;
    memset(&command, 0, sizeof(command));
    command.kind = OC_COMMAND_CANCEL;
    command.user_id = 101;
    command.cancel.order_id = 7;
    expect_command("{\"user_id\":101,\"order_id\":7}", &command);
    expect_command("{\"order_id\":7,\"type\":\"cancel\",\"user_id\":101}", &command);
    command.cancel.order_id = INT64_MAX;
    expect_command("{\"user_id\":101,\"order_id\":9223372036854775807}", &command);

    memset(&command, 0, sizeof(command));
    command.kind = OC_COMMAND_REPLACE;
    command.user_id = 101;
    command.replace.order_id = 7;
    command.replace.price_ticks = 50010;
    expect_command("{\"user_id\":101,\"order_id\":7,\"price\":50010}", &command);
    command.replace.qty_lots = 5;
    expect_command("{\"user_id\":101,\"order_id\":7,\"price\":50010,\"quantity\":5}", &command);
    command.replace.price_ticks = 0;
    expect_command("{\"user_id\":101,\"order_id\":7,\"quantity\":5}", &command);
    command.replace.qty_lots = 0;
    command.replace.total_qty_lots = 12;
    expect_command("{\"user_id\":101,\"order_id\":7,\"total_quantity\":12,\"type\":\"replace\"}",
                   &command);
}

static void test_other_requests(void **state)
{
    struct oc_command command;

    (void)state;
    memset(&command, 0, sizeof(command));
    command.kind = OC_COMMAND_MASS_CANCEL;
    command.user_id = 101;
    expect_command("{\"user_id\":101,\"mass_cancel\":true}", &command);
    command.mass_cancel.symbol = support_symbol("BTC/USD");
    command.mass_cancel.has_side = true;
    expect_command("{\"user_id\":101,\"mass_cancel\":true,\"symbol\":\"BTC/USD\",\"side\":\"Buy\"}",
                   &command);
    command.mass_cancel.side = OC_SELL;
    expect_command("{\"type\":\"mass_cancel\",\"side\":\"Sell\",\"symbol\":\"BTC/USD\","
                   "\"mass_cancel\":true,\"user_id\":101}",
                   &command);

    memset(&command, 0, sizeof(command));
    command.kind = OC_COMMAND_OPEN_ORDERS;
    command.user_id = 101;
    expect_command("{\"user_id\":101,\"open_orders\":true}", &command);
    expect_command("{\"user_id\":101,\"open_orders\":true,\"type\":\"open_orders\"}", &command);

    memset(&command, 0, sizeof(command));
    command.kind = OC_COMMAND_BOOK;
    command.book.symbol = support_symbol("BTC/USD");
    command.book.depth = OC_BOOK_DEPTH_DEFAULT;
    expect_command("{\"book\":\"BTC/USD\"}", &command);
    command.book.depth = 5;
    expect_command("{\"book\":\"BTC/USD\",\"depth\":5}", &command);
    command.book.depth = OC_BOOK_DEPTH_MAX;
    expect_command("{\"depth\":500,\"type\":\"book\",\"book\":\"BTC/USD\"}", &command);
}

static void test_session(void **state)
{
    struct oc_command command;

    (void)state;
    memset(&command, 0, sizeof(command));
    command.kind = OC_COMMAND_SESSION_SET;
    command.settings.given = OC_SETTING_TRADES;
    expect_command("{\"session\":{\"trades\":\"off\"}}", &command);
    command.settings.values = OC_SETTING_TRADES;
    expect_command("{\"type\":\"session\",\"session\":{\"trades\":\"on\"}}", &command);
    command.settings.given = OC_SETTING_REPORTS;
    command.settings.values = OC_SETTING_REPORTS;
    expect_command("{\"session\":{\"reports\":\"on\"}}", &command);
    command.settings.given = OC_SETTING_CANCEL_ON_DISCONNECT;
    command.settings.values = OC_SETTING_CANCEL_ON_DISCONNECT;
    expect_command("{\"session\":{\"cancel_on_disconnect\":true}}", &command);
    command.settings.given = OC_SETTING_TRADES | OC_SETTING_REPORTS |
                             OC_SETTING_CANCEL_ON_DISCONNECT;
    command.settings.values = OC_SETTING_REPORTS;
    command.request_id = 3;
    command.flags = OC_COMMAND_HAS_REQUEST_ID;
    expect_command("{ \"session\" : { \"cancel_on_disconnect\" : false , \"x_why\":[[]],"
                   "\"trades\":\"off\",\"reports\":\"on\" } , \"request_id\":3 }",
                   &command);

    memset(&command, 0, sizeof(command));
    command.kind = OC_COMMAND_PING;
    expect_command("{\"session\":{\"ping\":0}}", &command);
    command.ping.ping = UINT64_MAX;
    expect_command("{\"session\":{\"ping\":18446744073709551615,\"x_\":{}},\"type\":\"session\"}",
                   &command);
}

static const char *const NO_JSON[] = {
    "",
    " ",
    "{",
    "}",
    "[]",
    "[{}]",
    "1",
    "null",
    "\"a\"",
    "{}{}",
    "{} x",
    "{},",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{,}",
    "{\"a\":1 \"b\":2}",
    "{\"a\":1;}",
    "{a:1}",
    "{'a':1}",
    "{\"a\":1]",
    "{\"x_\":[1,]}",
    "{\"x_\":[,]}",
    "{\"x_\":[1 2]}",
    "{\"x_\":[}",
    "{\"x_\":[1}",
    "{\"x_\":{\"a\":1]}",
    "{\"x_\":{1:2}}",
    "{\"x_\":{\"a\":1,}}",
    "{\"x_\":{\"a\" 1}}",
    /* Numbers. */
    "{\"user_id\":01}",
    "{\"user_id\":00}",
    "{\"user_id\":-}",
    "{\"user_id\":+1}",
    "{\"user_id\":1.}",
    "{\"user_id\":.5}",
    "{\"user_id\":1e}",
    "{\"user_id\":1e+}",
    "{\"user_id\":0x10}",
    "{\"user_id\":1_000}",
    "{\"user_id\":-01}",
    "{\"user_id\":NaN}",
    "{\"x_\":-Infinity}",
    "{\"user_id\":1",
    "{\"user_id\":1 ",
    "{\"user_id\":--1}",
    "{\"user_id\":12345678901234567890123",
    "{\"user_id\":1,\"user_id\":01}",
    /* Words. */
    "{\"open_orders\":tru}",
    "{\"open_orders\":TRUE}",
    "{\"open_orders\":truee}",
    "{\"open_orders\":t",
    "{\"x_\":nul}",
    "{\"x_\":nulll}",
    "{\"open_orders\":fals",
    /* Texts: control characters, escapes, surrogates. */
    "{\"x_\":\"a\nb\"}",
    "{\"x_\":\"\x1f\"}",
    "{\"x_\":\"\\x\"}",
    "{\"x_\":\"\\u12g4\"}",
    "{\"x_\":\"\\u123\"}",
    "{\"x_\":\"\\",
    "{\"x_\":\"\\u",
    "{\"x_\":\"abc",
    "{\"x_",
    "{\"x_\":\"\\ud800\"}",
    "{\"x_\":\"\\ud800x\"}",
    "{\"x_\":\"\\ud800\\n\"}",
    "{\"x_\":\"\\ud800\\ud800\"}",
    "{\"x_\":\"\\udc00\"}",
    "{\"x_\":\"\\ud83d\\u0041\"}",
    "{\"x_\\ud800\":1}",
    "{\"x_\":\"\\ud800\\udc0",
    "{\"x_\":\"\\'\"}",
    "{\"x_\":\"\\U0041\"}",
    /* UTF-8: stray, cut, overlong, surrogate, beyond U+10FFFF. */
    "{\"x_\":\"\x80\"}",
    "{\"x_\":\"\xbf\"}",
    "{\"x_\":\"\xc3\"}",
    "{\"x_\":\"\xe2\x82\"}",
    "{\"x_\":\"\xf0\x9f\x98\"}",
    "{\"x_\":\"\xc0\xaf\"}",
    "{\"x_\":\"\xc1\xbf\"}",
    "{\"x_\":\"\xe0\x9f\xbf\"}",
    "{\"x_\":\"\xed\xa0\x80\"}",
    "{\"x_\":\"\xf0\x8f\xbf\xbf\"}",
    "{\"x_\":\"\xf4\x90\x80\x80\"}",
    "{\"x_\":\"\xf5\x80\x80\x80\"}",
    "{\"x_\":\"\xff\"}",
    "{\"x_\":\"\xc3\x28\"}",
    "{\"x_\":\"\xe2\x28\xa1\"}",
    "{\"x_\":\"\xe2\x82\x28\"}",
    "{\"x_\":\"\xf0\x9f\x98\x28\"}",
    "{\"x_\xff\":1}",
    "{\"symbol\":\"\xff\"}",
    "\xef\xbb\xbf{}",
    "{\xc2\xa0}",
    "{\"x_\":\"\xe2\x82",
    "{\"x_\":\"\xf0",
    /* Broken behind a fault of another kind: still no JSON. */
    "{\"foo\":1,\"user_id\":1,\"user_id\":2,\"price\":-1",
    "{\"foo\":[1,2}",
};

static void test_no_json(void **state)
{
    (void)state;
    for (size_t index = 0; index < sizeof(NO_JSON) / sizeof(*NO_JSON); index++) {
        struct oc_command command;

        if (support_decode(NO_JSON[index], &command) != OC_REASON_BAD_JSON) {
            fail_msg("%s: taken for JSON", NO_JSON[index]);
        }
        assert_int_equal(command.refused.detail.size, 0);
    }
}

static void test_bytes_of_zero(void **state)
{
    struct oc_command command;

    (void)state;
    /* A NUL is no white space, no end and no character. */
    assert_int_equal(support_decode_bytes("{}\0", 3, &command), OC_REASON_BAD_JSON);
    assert_int_equal(support_decode_bytes("\0{}", 3, &command), OC_REASON_BAD_JSON);
    assert_int_equal(support_decode_bytes("{\"x_\0\":1}", 9, &command), OC_REASON_BAD_JSON);
    assert_int_equal(support_decode_bytes("{\"x_\":\0}", 8, &command), OC_REASON_BAD_JSON);
}

static const struct {
    const char *json;
    enum oc_reason reason;
    const char *member;
    enum oc_command_kind request;
} REFUSALS[] = {
    /* No request. */
    {"{}", OC_REASON_UNKNOWN_REQUEST, "", OC_COMMAND_NONE},
    {"{\"user_id\":1}", OC_REASON_UNKNOWN_REQUEST, "", OC_COMMAND_NONE},
    {"{\"user_id\":1,\"symbol\":\"A\",\"price\":1}", OC_REASON_UNKNOWN_REQUEST, "",
     OC_COMMAND_NONE},
    {"{\"user_id\":1,\"open_order\":true,\"foo\":1}", OC_REASON_UNKNOWN_REQUEST, "open_order",
     OC_COMMAND_NONE},
    {"{\"ping\":7}", OC_REASON_UNKNOWN_REQUEST, "ping", OC_COMMAND_NONE},
    {"{\"type\":\"buy\",\"user_id\":1,\"order_id\":7}", OC_REASON_UNKNOWN_REQUEST, "type",
     OC_COMMAND_NONE},
    {"{\"type\":7,\"user_id\":1,\"order_id\":7}", OC_REASON_UNKNOWN_REQUEST, "type",
     OC_COMMAND_NONE},
    {"{\"type\":\"new order, please\"}", OC_REASON_UNKNOWN_REQUEST, "type", OC_COMMAND_NONE},
    /* Unknown members: mistyped, of another request, of another place. */
    {"{\"user_id\":1,\"order_id\":7,\"qty\":5}", OC_REASON_UNKNOWN_MEMBER, "qty",
     OC_COMMAND_CANCEL},
    {"{\"qty\":5,\"user_id\":1,\"order_id\":7,\"price\":5}", OC_REASON_UNKNOWN_MEMBER, "qty",
     OC_COMMAND_REPLACE},
    {"{\"user_id\":1,\"Symbol\":\"A\",\"order_type\":\"Buy\",\"price\":1,\"quantity\":1}",
     OC_REASON_UNKNOWN_MEMBER, "Symbol", OC_COMMAND_NEW},
    {NEW ",\"order_id\":7}", OC_REASON_UNKNOWN_MEMBER, "order_id", OC_COMMAND_NEW},
    {NEW ",\"side\":\"Buy\"}", OC_REASON_UNKNOWN_MEMBER, "side", OC_COMMAND_NEW},
    {NEW ",\"mass_cancel\":true}", OC_REASON_UNKNOWN_MEMBER, "mass_cancel", OC_COMMAND_NEW},
    {NEW ",\"trades\":\"off\"}", OC_REASON_UNKNOWN_MEMBER, "trades", OC_COMMAND_NEW},
    {NEW ",\"\":1}", OC_REASON_UNKNOWN_MEMBER, "", OC_COMMAND_NEW},
    {NEW ",\"X_a\":1}", OC_REASON_UNKNOWN_MEMBER, "X_a", OC_COMMAND_NEW},
    {NEW ",\"x\":1}", OC_REASON_UNKNOWN_MEMBER, "x", OC_COMMAND_NEW},
    {"{\"user_id\":1,\"order_id\":7,\"client_order_id\":\"a\"}", OC_REASON_UNKNOWN_MEMBER,
     "client_order_id", OC_COMMAND_CANCEL},
    {"{\"user_id\":1,\"order_id\":7,\"type\":\"cancel\",\"price\":5}", OC_REASON_UNKNOWN_MEMBER,
     "price", OC_COMMAND_CANCEL},
    {"{\"user_id\":1,\"order_id\":7,\"mass_cancel\":true}", OC_REASON_UNKNOWN_MEMBER, "mass_cancel",
     OC_COMMAND_CANCEL},
    {"{\"user_id\":1,\"open_orders\":true,\"depth\":1,\"symbol\":\"A\"}", OC_REASON_UNKNOWN_MEMBER,
     "symbol", OC_COMMAND_OPEN_ORDERS},
    {"{\"book\":\"A\",\"user_id\":1}", OC_REASON_UNKNOWN_MEMBER, "user_id", OC_COMMAND_BOOK},
    {"{\"session\":{\"ping\":1},\"user_id\":1}", OC_REASON_UNKNOWN_MEMBER, "user_id",
     OC_COMMAND_SESSION_SET},
    {"{\"session\":{\"pong\":1}}", OC_REASON_UNKNOWN_MEMBER, "pong", OC_COMMAND_SESSION_SET},
    {"{\"session\":{\"session\":{\"ping\":1}}}", OC_REASON_UNKNOWN_MEMBER, "session",
     OC_COMMAND_SESSION_SET},
    {"{\"session\":{\"user_id\":1,\"ping\":1}}", OC_REASON_UNKNOWN_MEMBER, "user_id",
     OC_COMMAND_SESSION_SET},
    /* Twice. */
    {"{\"user_id\":1,\"order_id\":7,\"order_id\":7}", OC_REASON_DUPLICATE_MEMBER, "order_id",
     OC_COMMAND_CANCEL},
    {"{\"user_id\":1,\"order_id\":7,\"order\\u005fid\":8}", OC_REASON_DUPLICATE_MEMBER, "order_id",
     OC_COMMAND_CANCEL},
    {"{\"session\":{\"trades\":\"on\",\"trades\":\"on\"}}", OC_REASON_DUPLICATE_MEMBER, "trades",
     OC_COMMAND_SESSION_SET},
    {"{\"session\":{\"trades\":\"on\"},\"session\":{\"reports\":\"on\"}}",
     OC_REASON_DUPLICATE_MEMBER, "session", OC_COMMAND_SESSION_SET},
    {"{\"session\":{},\"session\":[]}", OC_REASON_DUPLICATE_MEMBER, "session",
     OC_COMMAND_SESSION_SET},
    /* Types. */
    {"{\"user_id\":\"1\",\"order_id\":7}", OC_REASON_WRONG_TYPE, "user_id", OC_COMMAND_CANCEL},
    {"{\"user_id\":null,\"order_id\":7}", OC_REASON_WRONG_TYPE, "user_id", OC_COMMAND_CANCEL},
    {"{\"user_id\":1,\"order_id\":[7]}", OC_REASON_WRONG_TYPE, "order_id", OC_COMMAND_CANCEL},
    {"{\"user_id\":1,\"order_id\":7,\"price\":true}", OC_REASON_WRONG_TYPE, "price",
     OC_COMMAND_REPLACE},
    {NEW ",\"post_only\":0}", OC_REASON_WRONG_TYPE, "post_only", OC_COMMAND_NEW},
    {NEW ",\"kind\":false}", OC_REASON_WRONG_TYPE, "kind", OC_COMMAND_NEW},
    {NEW ",\"client_order_id\":1}", OC_REASON_WRONG_TYPE, "client_order_id", OC_COMMAND_NEW},
    {"{\"user_id\":1,\"mass_cancel\":1}", OC_REASON_WRONG_TYPE, "mass_cancel",
     OC_COMMAND_MASS_CANCEL},
    {"{\"user_id\":1,\"open_orders\":\"true\"}", OC_REASON_WRONG_TYPE, "open_orders",
     OC_COMMAND_OPEN_ORDERS},
    {"{\"book\":1}", OC_REASON_WRONG_TYPE, "book", OC_COMMAND_BOOK},
    {"{\"book\":\"A\",\"depth\":\"5\"}", OC_REASON_WRONG_TYPE, "depth", OC_COMMAND_BOOK},
    {"{\"session\":\"ping\"}", OC_REASON_WRONG_TYPE, "session", OC_COMMAND_SESSION_SET},
    {"{\"session\":[{}]}", OC_REASON_WRONG_TYPE, "session", OC_COMMAND_SESSION_SET},
    {"{\"session\":{\"trades\":true}}", OC_REASON_WRONG_TYPE, "trades", OC_COMMAND_SESSION_SET},
    {"{\"session\":{\"cancel_on_disconnect\":\"on\"}}", OC_REASON_WRONG_TYPE,
     "cancel_on_disconnect", OC_COMMAND_SESSION_SET},
    {"{\"session\":{\"ping\":{\"a\":{}}}}", OC_REASON_WRONG_TYPE, "ping", OC_COMMAND_SESSION_SET},
    /* Values. */
    {"{\"user_id\":-1,\"order_id\":7}", OC_REASON_BAD_VALUE, "user_id", OC_COMMAND_CANCEL},
    {"{\"user_id\":-0,\"order_id\":7}", OC_REASON_BAD_VALUE, "user_id", OC_COMMAND_CANCEL},
    {"{\"user_id\":1.0,\"order_id\":7}", OC_REASON_BAD_VALUE, "user_id", OC_COMMAND_CANCEL},
    {"{\"user_id\":1e3,\"order_id\":7}", OC_REASON_BAD_VALUE, "user_id", OC_COMMAND_CANCEL},
    {"{\"user_id\":1E3,\"order_id\":7}", OC_REASON_BAD_VALUE, "user_id", OC_COMMAND_CANCEL},
    {"{\"user_id\":0e0,\"order_id\":7}", OC_REASON_BAD_VALUE, "user_id", OC_COMMAND_CANCEL},
    {"{\"user_id\":18446744073709551616,\"order_id\":7}", OC_REASON_BAD_VALUE, "user_id",
     OC_COMMAND_CANCEL},
    {"{\"user_id\":99999999999999999999,\"order_id\":7}", OC_REASON_BAD_VALUE, "user_id",
     OC_COMMAND_CANCEL},
    {"{\"user_id\":100000000000000000000000,\"order_id\":7}", OC_REASON_BAD_VALUE, "user_id",
     OC_COMMAND_CANCEL},
    {"{\"user_id\":1,\"order_id\":0}", OC_REASON_BAD_VALUE, "order_id", OC_COMMAND_CANCEL},
    {"{\"user_id\":1,\"order_id\":9223372036854775808}", OC_REASON_BAD_VALUE, "order_id",
     OC_COMMAND_CANCEL},
    {"{\"user_id\":1,\"order_id\":7,\"price\":0}", OC_REASON_BAD_VALUE, "price",
     OC_COMMAND_REPLACE},
    {"{\"user_id\":1,\"order_id\":7,\"quantity\":0}", OC_REASON_BAD_VALUE, "quantity",
     OC_COMMAND_REPLACE},
    {"{\"user_id\":1,\"order_id\":7,\"total_quantity\":9223372036854775808}", OC_REASON_BAD_VALUE,
     "total_quantity", OC_COMMAND_REPLACE},
    {NEW_HEAD "\"quantity\":9223372036854775808}", OC_REASON_BAD_VALUE, "quantity", OC_COMMAND_NEW},
    {NEW ",\"kind\":\"limit\"}", OC_REASON_BAD_VALUE, "kind", OC_COMMAND_NEW},
    {NEW ",\"time_in_force\":\"\"}", OC_REASON_BAD_VALUE, "time_in_force", OC_COMMAND_NEW},
    {NEW ",\"self_trade_prevention\":\"CancelNewestAndOldest\"}", OC_REASON_BAD_VALUE,
     "self_trade_prevention", OC_COMMAND_NEW},
    {NEW ",\"stop_price\":0}", OC_REASON_BAD_VALUE, "stop_price", OC_COMMAND_NEW},
    {"{\"user_id\":1,\"symbol\":\"A\",\"order_type\":\"BUY\",\"price\":1,\"quantity\":1}",
     OC_REASON_BAD_VALUE, "order_type", OC_COMMAND_NEW},
    {"{\"user_id\":1,\"mass_cancel\":false}", OC_REASON_BAD_VALUE, "mass_cancel",
     OC_COMMAND_MASS_CANCEL},
    {"{\"user_id\":1,\"mass_cancel\":true,\"side\":\"Both\"}", OC_REASON_BAD_VALUE, "side",
     OC_COMMAND_MASS_CANCEL},
    {"{\"user_id\":1,\"open_orders\":false}", OC_REASON_BAD_VALUE, "open_orders",
     OC_COMMAND_OPEN_ORDERS},
    {"{\"book\":\"A\",\"depth\":0}", OC_REASON_BAD_VALUE, "depth", OC_COMMAND_BOOK},
    {"{\"book\":\"A\",\"depth\":501}", OC_REASON_BAD_VALUE, "depth", OC_COMMAND_BOOK},
    {"{\"session\":{}}", OC_REASON_BAD_VALUE, "session", OC_COMMAND_SESSION_SET},
    {"{\"session\":{\"x_a\":1}}", OC_REASON_BAD_VALUE, "session", OC_COMMAND_SESSION_SET},
    {"{\"session\":{\"trades\":\"ON\"}}", OC_REASON_BAD_VALUE, "trades", OC_COMMAND_SESSION_SET},
    /* Texts that are names. */
    {"{\"book\":\"\"}", OC_REASON_BAD_VALUE, "book", OC_COMMAND_BOOK},
    {"{\"book\":\"123456789012345678901234567890123\"}", OC_REASON_BAD_VALUE, "book",
     OC_COMMAND_BOOK},
    {"{\"book\":\"\\u0031\\u0032345678901234567890123456789012x\"}", OC_REASON_BAD_VALUE, "book",
     OC_COMMAND_BOOK},
    {"{\"book\":\"a\\\"b\"}", OC_REASON_BAD_VALUE, "book", OC_COMMAND_BOOK},
    {"{\"book\":\"a\\u0022b\"}", OC_REASON_BAD_VALUE, "book", OC_COMMAND_BOOK},
    {"{\"book\":\"a\\\\b\"}", OC_REASON_BAD_VALUE, "book", OC_COMMAND_BOOK},
    {"{\"book\":\"a\\nb\"}", OC_REASON_BAD_VALUE, "book", OC_COMMAND_BOOK},
    {"{\"book\":\"a\\u0000b\"}", OC_REASON_BAD_VALUE, "book", OC_COMMAND_BOOK},
    {"{\"book\":\"a\x7f\"}", OC_REASON_BAD_VALUE, "book", OC_COMMAND_BOOK},
    {"{\"book\":\"a\\u007f\"}", OC_REASON_BAD_VALUE, "book", OC_COMMAND_BOOK},
    {"{\"book\":\"\xc3\xa4\"}", OC_REASON_BAD_VALUE, "book", OC_COMMAND_BOOK},
    {NEW ",\"client_order_id\":\"1234567890123456789012345678901234567\"}", OC_REASON_BAD_VALUE,
     "client_order_id", OC_COMMAND_NEW},
    /* Not built yet. The member that asks for it is named, though another is missing too. */
    {NEW ",\"kind\":\"Stop\",\"stop_price\":5}", OC_REASON_NOT_SUPPORTED, "kind", OC_COMMAND_NEW},
    {"{\"user_id\":1,\"symbol\":\"A\",\"order_type\":\"Buy\",\"quantity\":1,"
     "\"kind\":\"Market\"}",
     OC_REASON_NOT_SUPPORTED, "kind", OC_COMMAND_NEW},
    {NEW ",\"kind\":\"StopLimit\"}", OC_REASON_NOT_SUPPORTED, "kind", OC_COMMAND_NEW},
    {NEW ",\"time_in_force\":\"FOK\"}", OC_REASON_NOT_SUPPORTED, "time_in_force", OC_COMMAND_NEW},
    {NEW ",\"time_in_force\":\"DAY\"}", OC_REASON_NOT_SUPPORTED, "time_in_force", OC_COMMAND_NEW},
    {NEW ",\"expire_time\":5,\"time_in_force\":\"GTD\"}", OC_REASON_NOT_SUPPORTED, "time_in_force",
     OC_COMMAND_NEW},
    {NEW ",\"expire_time\":5}", OC_REASON_NOT_SUPPORTED, "expire_time", OC_COMMAND_NEW},
    {NEW ",\"post_only\":true}", OC_REASON_NOT_SUPPORTED, "post_only", OC_COMMAND_NEW},
    {NEW ",\"stop_price\":5}", OC_REASON_NOT_SUPPORTED, "stop_price", OC_COMMAND_NEW},
    {NEW ",\"display_quantity\":5}", OC_REASON_NOT_SUPPORTED, "display_quantity", OC_COMMAND_NEW},
    {NEW ",\"min_quantity\":5}", OC_REASON_NOT_SUPPORTED, "min_quantity", OC_COMMAND_NEW},
    {NEW ",\"self_trade_prevention\":\"Decrement\"}", OC_REASON_NOT_SUPPORTED,
     "self_trade_prevention", OC_COMMAND_NEW},
    /* Missing. */
    {"{\"order_id\":7}", OC_REASON_MISSING_MEMBER, "user_id", OC_COMMAND_CANCEL},
    {"{\"user_id\":1,\"type\":\"cancel\"}", OC_REASON_MISSING_MEMBER, "order_id",
     OC_COMMAND_CANCEL},
    {"{\"order_id\":7,\"quantity\":1}", OC_REASON_MISSING_MEMBER, "user_id", OC_COMMAND_REPLACE},
    {"{\"user_id\":1,\"order_id\":7,\"type\":\"replace\"}", OC_REASON_MISSING_MEMBER, "quantity",
     OC_COMMAND_REPLACE},
    {"{\"symbol\":\"A\",\"order_type\":\"Buy\",\"price\":1,\"quantity\":1}",
     OC_REASON_MISSING_MEMBER, "user_id", OC_COMMAND_NEW},
    {"{\"user_id\":1,\"order_type\":\"Buy\",\"price\":1,\"quantity\":1}", OC_REASON_MISSING_MEMBER,
     "symbol", OC_COMMAND_NEW},
    {"{\"user_id\":1,\"symbol\":\"A\",\"price\":1,\"quantity\":1,\"type\":\"new\"}",
     OC_REASON_MISSING_MEMBER, "order_type", OC_COMMAND_NEW},
    {"{\"user_id\":1,\"symbol\":\"A\",\"order_type\":\"Buy\",\"quantity\":1}",
     OC_REASON_MISSING_MEMBER, "price", OC_COMMAND_NEW},
    {"{\"user_id\":1,\"symbol\":\"A\",\"order_type\":\"Buy\",\"price\":1}",
     OC_REASON_MISSING_MEMBER, "quantity", OC_COMMAND_NEW},
    {"{\"mass_cancel\":true}", OC_REASON_MISSING_MEMBER, "user_id", OC_COMMAND_MASS_CANCEL},
    {"{\"user_id\":1,\"type\":\"mass_cancel\"}", OC_REASON_MISSING_MEMBER, "mass_cancel",
     OC_COMMAND_MASS_CANCEL},
    {"{\"open_orders\":true}", OC_REASON_MISSING_MEMBER, "user_id", OC_COMMAND_OPEN_ORDERS},
    {"{\"type\":\"book\",\"depth\":5}", OC_REASON_MISSING_MEMBER, "book", OC_COMMAND_BOOK},
    {"{\"type\":\"session\"}", OC_REASON_MISSING_MEMBER, "session", OC_COMMAND_SESSION_SET},
    /* Exclude each other. */
    {"{\"user_id\":1,\"order_id\":7,\"quantity\":5,\"total_quantity\":5}",
     OC_REASON_CONFLICTING_MEMBERS, "total_quantity", OC_COMMAND_REPLACE},
    {"{\"session\":{\"trades\":\"on\",\"ping\":1}}", OC_REASON_CONFLICTING_MEMBERS, "ping",
     OC_COMMAND_SESSION_SET},
    /* Of several faults with single members the first one is told. */
    {"{\"user_id\":1,\"order_id\":0,\"price\":-1,\"foo\":1}", OC_REASON_BAD_VALUE, "order_id",
     OC_COMMAND_REPLACE},
    {"{\"foo\":1,\"user_id\":1,\"order_id\":0,\"price\":-1}", OC_REASON_UNKNOWN_MEMBER, "foo",
     OC_COMMAND_REPLACE},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t index = 0; index < sizeof(REFUSALS) / sizeof(*REFUSALS); index++) {
        expect_refusal(REFUSALS[index].json, REFUSALS[index].reason, REFUSALS[index].member,
                       REFUSALS[index].request);
    }
}

static void test_depth(void **state)
{
    struct oc_command command = new_order();

    (void)state;
    expect_command(NEW ",\"x_a\":[[[]]],\"x_b\":{\"b\":{\"c\":{}}},\"x_c\":[{\"d\":[]}]}",
                   &command);
    expect_refusal(NEW ",\"x_a\":[[[[]]]]}", OC_REASON_TOO_DEEP, "x_a", OC_COMMAND_NEW);
    expect_refusal(NEW ",\"x_a\":{\"b\":{\"c\":{\"d\":{}}}}}", OC_REASON_TOO_DEEP, "x_a",
                   OC_COMMAND_NEW);
    expect_refusal(NEW ",\"x_a\":[[[1,{}]]]}", OC_REASON_TOO_DEEP, "x_a", OC_COMMAND_NEW);
    expect_refusal("{\"session\":{\"x_a\":[[]],\"ping\":[[[]]]}}", OC_REASON_TOO_DEEP, "ping",
                   OC_COMMAND_SESSION_SET);
    /* It ends the pass: it is told in place of what was noted before, and nothing behind it counts.
     */
    expect_refusal("{\"foo\":1,\"user_id\":1,\"price\":[[[[}", OC_REASON_TOO_DEEP, "price",
                   OC_COMMAND_NONE);
}

static void test_deepest(void **state)
{
    static char json[OC_FRAME_BYTES_MAX];
    struct oc_command command;

    (void)state;
    memset(json, '[', sizeof(json));
    memcpy(json, "{\"x_\":", 6);
    assert_int_equal(support_decode_bytes(json, sizeof(json), &command), OC_REASON_TOO_DEEP);
}

static void test_echo(void **state)
{
    struct oc_command command;

    (void)state;
    /* What comes behind the fault is echoed too. */
    assert_int_equal(support_decode("{\"foo\":1,\"client_order_id\":\"a1\",\"order_id\":7,"
                                    "\"request_id\":9,\"user_id\":101,\"price\":5}",
                                    &command),
                     OC_REASON_UNKNOWN_MEMBER);
    assert_int_equal(command.kind, OC_COMMAND_REFUSED);
    assert_int_equal(command.flags, OC_COMMAND_HAS_REQUEST_ID);
    assert_int_equal(command.request_id, 9);
    assert_int_equal(command.user_id, 101);
    assert_int_equal(command.refused.request, OC_COMMAND_REPLACE);
    assert_int_equal(command.refused.order_id, 7);
    assert_int_equal(command.refused.client_order_id.size, 2);
    assert_memory_equal(command.refused.client_order_id.bytes, "a1", 3);

    /* Behind a syntax error nothing is believed, and an order_id alone is no cancel yet. */
    assert_int_equal(
        support_decode("{\"request_id\":9,\"order_id\":7,\"client_order_id\":\"a1\",!", &command),
        OC_REASON_BAD_JSON);
    assert_int_equal(command.request_id, 9);
    assert_int_equal(command.refused.order_id, 7);
    assert_int_equal(command.refused.client_order_id.size, 2);
    assert_int_equal(command.refused.request, OC_COMMAND_NONE);
    assert_int_equal(support_decode("{\"open_orders\":true,\"request_id\":9x", &command),
                     OC_REASON_BAD_JSON);
    assert_int_equal(command.refused.request, OC_COMMAND_OPEN_ORDERS);

    /* A bad id is not echoed, and of two the first. */
    assert_int_equal(support_decode("{\"user_id\":1,\"order_id\":0,\"request_id\":-1,"
                                    "\"client_order_id\":\"\\u0041\\n\"}",
                                    &command),
                     OC_REASON_BAD_VALUE);
    assert_int_equal(command.flags, 0);
    assert_int_equal(command.request_id, 0);
    assert_int_equal(command.refused.order_id, 0);
    assert_int_equal(command.refused.client_order_id.size, 0);
    assert_int_equal(command.refused.client_order_id.bytes[0], 0);
    assert_int_equal(support_decode("{\"user_id\":1,\"order_id\":7,\"order_id\":8}", &command),
                     OC_REASON_DUPLICATE_MEMBER);
    assert_int_equal(command.refused.order_id, 7);
}

static void expect_detail(const char *name, const char *detail, size_t detail_size)
{
    struct oc_command command;
    char json[512];

    (void)snprintf(json, sizeof(json), "{\"user_id\":1,\"order_id\":7,\"%s\":1}", name);
    assert_int_equal(support_decode(json, &command), OC_REASON_UNKNOWN_MEMBER);
    assert_int_equal(command.refused.detail.size, detail_size);
    assert_memory_equal(command.refused.detail.bytes, detail, detail_size);
    for (size_t index = detail_size; index < OC_DETAIL_BYTES_MAX; index++) {
        assert_int_equal(command.refused.detail.bytes[index], 0);
    }
}

static void test_detail(void **state)
{
    (void)state;
    expect_detail("1234567890123456789012345678901234567890",
                  "123456789012345678901234567890123456789", 39);
    expect_detail("\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000", "\"\\/\b\f\n\r\t\0", 9);
    expect_detail("\\u00e4\\u20ac\\ud83d\\ude00\\uFFFF",
                  "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xef\xbf\xbf", 12);
    /* Cut before the character that does not fit, raw or escaped. */
    expect_detail("12345678901234567890123456789012345678\xc3\xa4",
                  "12345678901234567890123456789012345678", 38);
    expect_detail("123456789012345678901234567890123456\\ud83d\\ude00x",
                  "123456789012345678901234567890123456", 36);
    expect_detail("12345678901234567890123456789012345\xf0\x9f\x98\x80x",
                  "12345678901234567890123456789012345\xf0\x9f\x98\x80", 39);
    /* Longer than any defined member, though it begins like one. */
    expect_detail("self_trade_preventio\\u006e2", "self_trade_prevention2", 22);
}

static void test_every_member_is_found(void **state)
{
    (void)state;
    for (uint32_t member = 0; member < OC_WIRE__MEMBER_COUNT; member++) {
        const char *name = oc_wire__member_name((enum oc_wire__member)member);
        char other[OC_WIRE__MEMBER_BYTES_MAX + 1];
        uint32_t size = (uint32_t)strlen(name);

        assert_true(size <= OC_WIRE__MEMBER_BYTES_MAX);
        assert_int_equal(oc_wire__find_member((const uint8_t *)name, size), member);
        /* No byte of it may differ. */
        for (uint32_t index = 0; index < size; index++) {
            memcpy(other, name, size);
            other[index] = (char)(other[index] ^ 1);
            assert_int_not_equal(oc_wire__find_member((const uint8_t *)other, size), member);
        }
    }
}

static void test_every_prefix_is_no_json(void **state)
{
    static const char json[] =
        "{\"user_id\":101,\"symbol\":\"BTC\\/USD\",\"order_type\":\"Buy\",\"price\":50000,"
        "\"quantity\":10,\"post_only\":false,"
        "\"x_a\":{\"b\":[null,\"\xe2\x82\xac\\ud83d\\ude00\"]}}";
    struct oc_command command;

    (void)state;
    for (size_t size = 0; size < sizeof(json) - 1; size++) {
        assert_int_equal(support_decode_bytes(json, size, &command), OC_REASON_BAD_JSON);
    }
    assert_int_equal(support_decode_bytes(json, sizeof(json) - 1, &command), OC_REASON_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_order),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_cancel_and_replace),
        cmocka_unit_test(test_other_requests),
        cmocka_unit_test(test_session),
        cmocka_unit_test(test_no_json),
        cmocka_unit_test(test_bytes_of_zero),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_deepest),
        cmocka_unit_test(test_echo),
        cmocka_unit_test(test_detail),
        cmocka_unit_test(test_every_member_is_found),
        cmocka_unit_test(test_every_prefix_is_no_json),
    };

    return cmocka_run_group_tests_name("wire.request_decode", tests, NULL, NULL);
}
