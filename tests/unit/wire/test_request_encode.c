/*
 * Goal: what a client writes is what the server reads, in the shape that existing servers know.
 * Method: literal frames for each kind; a hundred thousand random commands through encoder and
 * decoder; texts that must not be written. Fails if: a member is lost, changed or written where the
 * server would refuse it.
 */
#include "support.h"

#include "support/requests.h"

#define ROUND_COUNT 100000U

static void expect_frame(const struct oc_command *command, const char *json)
{
    uint8_t frame[OC_WIRE_REQUEST_BYTES_MAX];
    size_t size = oc_wire_encode_request(command, frame);
    size_t frame_size;

    if (size != strlen(json) + 4 || memcmp(frame + 4, json, size - 4) != 0) {
        fail_msg("got %.*s, expected %s", (int)size - 4, (const char *)frame + 4, json);
    }
    assert_int_equal(oc_wire_frame_next(frame, size, &frame_size), OC_WIRE_FRAME_COMPLETE);
    assert_int_equal(frame_size, size);
}

static void test_orders(void **state)
{
    struct oc_command command = {.kind = OC_COMMAND_NEW, .user_id = 101};

    (void)state;
    command.new_order.symbol = support_symbol("BTC/USD");
    command.new_order.price_ticks = 50000;
    command.new_order.qty_lots = 10;
    expect_frame(&command, "{\"user_id\":101,\"symbol\":\"BTC/USD\",\"order_type\":\"Buy\","
                           "\"price\":50000,\"quantity\":10}");
    command.new_order.side = OC_SELL;
    command.new_order.time_in_force = OC_IMMEDIATE_OR_CANCEL;
    command.new_order.client_order_id = support_client_order_id("a1");
    command.flags = OC_COMMAND_HAS_REQUEST_ID;
    expect_frame(&command, "{\"user_id\":101,\"symbol\":\"BTC/USD\",\"order_type\":\"Sell\","
                           "\"price\":50000,\"quantity\":10,\"time_in_force\":\"IOC\","
                           "\"client_order_id\":\"a1\",\"request_id\":0}");

    command = (struct oc_command){
        .kind = OC_COMMAND_CANCEL, .user_id = 101, .cancel = {.order_id = 7}};
    expect_frame(&command, "{\"user_id\":101,\"order_id\":7}");
    command.kind = OC_COMMAND_REPLACE;
    command.replace = (struct oc_command_replace){
        .order_id = 7, .price_ticks = 50010, .qty_lots = 5};
    expect_frame(&command, "{\"user_id\":101,\"order_id\":7,\"price\":50010,\"quantity\":5}");
    command.replace = (struct oc_command_replace){.order_id = 7, .total_qty_lots = 12};
    expect_frame(&command, "{\"user_id\":101,\"order_id\":7,\"total_quantity\":12}");
}

static void test_others(void **state)
{
    struct oc_command command = {.kind = OC_COMMAND_MASS_CANCEL, .user_id = 101};

    (void)state;
    expect_frame(&command, "{\"user_id\":101,\"mass_cancel\":true}");
    command.mass_cancel.symbol = support_symbol("BTC/USD");
    command.mass_cancel.has_side = true;
    expect_frame(&command, "{\"user_id\":101,\"mass_cancel\":true,\"symbol\":\"BTC/USD\","
                           "\"side\":\"Buy\"}");
    command.kind = OC_COMMAND_OPEN_ORDERS;
    expect_frame(&command, "{\"user_id\":101,\"open_orders\":true}");
    command.kind = OC_COMMAND_BOOK;
    command.book = (struct oc_command_book){.symbol = support_symbol("BTC/USD"), .depth = 5};
    expect_frame(&command, "{\"book\":\"BTC/USD\",\"depth\":5}");
    command.kind = OC_COMMAND_PING;
    command.ping.ping = 7;
    expect_frame(&command, "{\"session\":{\"ping\":7}}");
    command.kind = OC_COMMAND_SESSION_SET;
    command.settings = (struct oc_command_settings){.given = OC_SETTING_TRADES};
    expect_frame(&command, "{\"session\":{\"trades\":\"off\"}}");
    command.settings = (struct oc_command_settings){.given = OC_SETTING_REPORTS |
                                                             OC_SETTING_CANCEL_ON_DISCONNECT,
                                                    .values = OC_SETTING_REPORTS};
    expect_frame(&command, "{\"session\":{\"reports\":\"on\",\"cancel_on_disconnect\":false}}");
}

static void test_texts_that_are_no_names(void **state)
{
    static const char *const texts[] = {"a\"b", "a\\b", "a\nb", "\x7f", "\xc3\xa4", "\x1f"};
    uint8_t frame[OC_WIRE_REQUEST_BYTES_MAX];
    uint8_t untouched[OC_WIRE_REQUEST_BYTES_MAX];
    struct oc_command command;

    (void)state;
    memset(frame, 0xa5, sizeof(frame));
    memset(untouched, 0xa5, sizeof(untouched));
    for (size_t index = 0; index < sizeof(texts) / sizeof(*texts); index++) {
        command = (struct oc_command){.kind = OC_COMMAND_NEW};
        command.new_order.symbol = support_symbol(texts[index]);
        assert_int_equal(oc_wire_encode_request(&command, frame), 0);
        command.new_order.symbol = support_symbol("A");
        command.new_order.client_order_id = support_client_order_id(texts[index]);
        assert_int_equal(oc_wire_encode_request(&command, frame), 0);
        command = (struct oc_command){.kind = OC_COMMAND_MASS_CANCEL};
        command.mass_cancel.symbol = support_symbol(texts[index]);
        assert_int_equal(oc_wire_encode_request(&command, frame), 0);
        command = (struct oc_command){.kind = OC_COMMAND_BOOK};
        command.book.symbol = support_symbol(texts[index]);
        assert_int_equal(oc_wire_encode_request(&command, frame), 0);
    }
    command = (struct oc_command){.kind = OC_COMMAND_BOOK};
    assert_int_equal(oc_wire_encode_request(&command, frame), 0);
    command.book.symbol.size = OC_SYMBOL_BYTES_MAX + 1;
    assert_int_equal(oc_wire_encode_request(&command, frame), 0);
    assert_memory_equal(frame, untouched, sizeof(frame));
}

static void test_kinds_that_no_client_sends(void **state)
{
    static const uint8_t kinds[] = {OC_COMMAND_NONE,         OC_COMMAND_INSTRUMENT,
                                    OC_COMMAND_SESSION_OPEN, OC_COMMAND_SESSION_CLOSE,
                                    OC_COMMAND_REFUSED,      OC_COMMAND_KIND_COUNT};
    uint8_t frame[OC_WIRE_REQUEST_BYTES_MAX];

    (void)state;
    for (size_t index = 0; index < sizeof(kinds); index++) {
        struct oc_command command = {.kind = kinds[index]};

        expect_oc_assert(oc_wire_encode_request(&command, frame));
    }
}

static void test_round_trip(void **state)
{
    uint32_t round_count = wire_rounds(ROUND_COUNT);
    struct oc_random random;

    (void)state;
    oc_random_init(&random, support_seed());
    for (uint32_t round = 0; round < round_count; round++) {
        uint8_t frame[OC_WIRE_REQUEST_BYTES_MAX];
        struct oc_command command;
        struct oc_command decoded;
        size_t size;

        requests_command(&random, &command);
        size = oc_wire_encode_request(&command, frame);
        assert_in_range(size, 5, sizeof(frame));
        assert_int_equal(support_decode_bytes(frame + 4, size - 4, &decoded), OC_REASON_NONE);
        if (memcmp(&command, &decoded, sizeof(command)) != 0) {
            fail_msg("round %u: %.*s", round, (int)size - 4, (const char *)frame + 4);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orders),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_texts_that_are_no_names),
        cmocka_unit_test(test_kinds_that_no_client_sends),
        cmocka_unit_test(test_round_trip),
    };

    return cmocka_run_group_tests_name("wire.request_encode", tests, NULL, NULL);
}
