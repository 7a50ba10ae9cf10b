/*
 * Goal: the short way through the decoder (wire/usual.h) understands a request exactly as the
 * general one, and is taken for what clients usually send. Method: random requests as clients write
 * them, whole and damaged, are decoded twice: as they are, and with a blank behind the brace, which
 * means the same and is always the general decoder's. Fails if: the two differ in a result or in a
 * byte of the command, the short way refuses a usual request, or it takes one that is not.
 */
#include "support.h"

#include "support/requests.h"
#include "wire/usual.h"

#define ROUND_COUNT 500000U

#define DECODES(json)         assert_true(usual(json))
#define DOES_NOT_DECODE(json) assert_false(usual(json))

/* From memory of just that size, so that the sanitizers and valgrind see a read beyond it. */
static bool usual(const char *json)
{
    size_t size = strlen(json);
    struct oc_command command;
    uint8_t *copy = malloc(size);
    bool taken;

    assert_non_null(copy);
    memcpy(copy, json, size);
    taken = oc_wire__decode_usual(copy, size, &command);
    free(copy);
    return taken;
}

static void test_usual_requests_are_taken(void **state)
{
    (void)state;
    DECODES("{\"user_id\":101,\"symbol\":\"BTC/USD\",\"order_type\":\"Buy\",\"price\":50000,"
            "\"quantity\":10}");
    DECODES("{\"user_id\":0,\"symbol\":\"12345678901234567890123456789012\",\"order_type\":"
            "\"Sell\",\"price\":9223372036854775807,\"quantity\":9223372036854775807}");
    DECODES("{\"user_id\":1,\"symbol\":\"A\",\"order_type\":\"Buy\",\"price\":1,\"quantity\":1,"
            "\"time_in_force\":\"IOC\",\"client_order_id\":"
            "\"123456789012345678901234567890123456\",\"request_id\":0}");
    DECODES("{\"user_id\":101,\"order_id\":7}");
    DECODES("{\"user_id\":101,\"order_id\":7,\"request_id\":1234567890123456789}");
    DECODES("{\"user_id\":101,\"order_id\":7,\"price\":50010}");
    DECODES("{\"user_id\":101,\"order_id\":7,\"price\":50010,\"quantity\":5}");
    DECODES("{\"user_id\":101,\"order_id\":7,\"total_quantity\":12,\"request_id\":9}");
}

static void test_a_client_order_id_of_any_length_may_come_last(void **state)
{
    static const char id[] = "123456789012345678901234567890123456";
    char json[256];
    (void)state;
    for (int size = 1; size <= 36; size++) {
        (void)snprintf(json, sizeof json,
                       "{\"user_id\":1,\"symbol\":\"A\",\"order_type\":\"Buy\",\"price\":1,"
                       "\"quantity\":1,\"client_order_id\":\"%.*s\"}",
                       size, id);
        DECODES(json);
    }
}

static void test_others_are_left(void **state)
{
    (void)state;
    DOES_NOT_DECODE("{");
    DOES_NOT_DECODE("{\"user_id\":");
    DOES_NOT_DECODE("{\"user_id\":101");
    DOES_NOT_DECODE("{\"user_id\":101}");
    DOES_NOT_DECODE("{\"user_id\":101,\"order_id\":7");
    DOES_NOT_DECODE("{\"user_id\":101,\"order_id\":7} ");
    DOES_NOT_DECODE("{\"user_id\":101,\"order_id\":7,}");
    DOES_NOT_DECODE("{\"user_id\":101,\"order_id\":0}");
    DOES_NOT_DECODE("{\"user_id\":101,\"order_id\":9223372036854775808}");
    DOES_NOT_DECODE("{\"user_id\":101,\"order_id\":07}");
    DOES_NOT_DECODE("{\"user_id\":00,\"order_id\":7}");
    DOES_NOT_DECODE("{\"user_id\":12345678901234567890,\"order_id\":7}");
    DOES_NOT_DECODE("{\"user_id\":101,\"order_id\":7,\"quantity\":5,\"total_quantity\":12}");
    DOES_NOT_DECODE("{\"user_id\":101,\"order_id\":7,\"quantity\":5,\"price\":12}");
    DOES_NOT_DECODE("{\"user_id\":1,\"symbol\":\"\",\"order_type\":\"Buy\",\"price\":1,"
                    "\"quantity\":1}");
    DOES_NOT_DECODE("{\"user_id\":1,\"symbol\":\"123456789012345678901234567890123\","
                    "\"order_type\":\"Buy\",\"price\":1,\"quantity\":1}");
    DOES_NOT_DECODE("{\"user_id\":1,\"symbol\":\"BTC\\/USD\",\"order_type\":\"Buy\",\"price\":1,"
                    "\"quantity\":1}");
    DOES_NOT_DECODE("{\"user_id\":1,\"symbol\":\"BTC/\xc3\xa4\",\"order_type\":\"Buy\",\"price\":1,"
                    "\"quantity\":1}");
    DOES_NOT_DECODE("{\"user_id\":1,\"symbol\":\"A\",\"order_type\":\"buy\",\"price\":1,"
                    "\"quantity\":1}");
    DOES_NOT_DECODE("{\"user_id\":1,\"symbol\":\"A\",\"order_type\":\"Buy\",\"price\":1,"
                    "\"quantity\":1,\"time_in_force\":\"GTC\"}");
    DOES_NOT_DECODE(
        "{\"user_id\":1,\"symbol\":\"A\",\"order_type\":\"Buy\",\"price\":1,"
        "\"quantity\":1,\"client_order_id\":\"1234567890123456789012345678901234567\"}");
    DOES_NOT_DECODE("{\"user_id\":1,\"symbol\":\"A\",\"order_type\":\"Buy\",\"price\":1,"
                    "\"quantity\":1,\"request_id\":1,\"request_id\":1}");
    DOES_NOT_DECODE("{\"user_id\":1,\"symbol\":\"A\",\"order_type\":\"Buy\",\"price\":-1,"
                    "\"quantity\":1}");
    DOES_NOT_DECODE("{\"user_id\":1,\"symbol\":\"A\",\"order_type\":\"Buy\",\"price\":1.5,"
                    "\"quantity\":1}");
}

/* One damage: a byte that becomes another, is lost, or comes twice; or the end is missing. */
static void damage(struct oc_random *random, uint8_t *payload, size_t *size)
{
    static const char likely[] = "{}[]\",:\\ 0123456789-.eE_axBSIOC\x01\x7f\xff";
    size_t place = oc_random_below(random, *size);

    switch (oc_random_below(random, 4)) {
    case 0:
        payload[place] = (uint8_t)likely[oc_random_below(random, sizeof(likely) - 1)];
        break;
    case 1:
        memmove(payload + place, payload + place + 1, *size - place - 1);
        --*size;
        break;
    case 2:
        memmove(payload + place + 1, payload + place, *size - place);
        ++*size;
        break;
    default:
        *size = place;
        break;
    }
}

static void compare(const uint8_t *payload, size_t size)
{
    uint8_t spaced[OC_WIRE_REQUEST_BYTES_MAX + 8];
    struct oc_command general;
    struct oc_command command;
    enum oc_reason reason;

    spaced[0] = payload[0];
    spaced[1] = ' ';
    memcpy(spaced + 2, payload + 1, size - 1);
    reason = support_decode_bytes(payload, size, &command);
    assert_int_equal(support_decode_bytes(spaced, size + 1, &general), reason);
    assert_memory_equal(&command, &general, sizeof(command));
}

static void test_both_ways_agree(void **state)
{
    uint32_t round_count = wire_rounds(ROUND_COUNT);
    uint32_t usual_count = 0;
    uint32_t damaged_count = 0;
    struct oc_random random;

    (void)state;
    oc_random_init(&random, support_seed());
    for (uint32_t round = 0; round < round_count; round++) {
        uint8_t frame[OC_WIRE_REQUEST_BYTES_MAX + 8];
        uint8_t *payload = frame + OC_FRAME_HEADER_BYTES;
        struct oc_command command;
        size_t size;

        requests_command(&random, &command);
        size = oc_wire_encode_request(&command, frame) - OC_FRAME_HEADER_BYTES;
        if (command.kind == OC_COMMAND_NEW || command.kind == OC_COMMAND_CANCEL ||
            command.kind == OC_COMMAND_REPLACE) {
            struct oc_command short_way;

            /* The exception are ids of 20 digits, of which some are beyond 2^64. */
            usual_count += oc_wire__decode_usual(payload, size, &short_way);
        }
        compare(payload, size);
        damage(&random, payload, &size);
        if (size > 1 && payload[0] == '{') {
            compare(payload, size);
            damaged_count++;
        }
    }
    assert_true(usual_count > round_count / 8);
    assert_true(damaged_count > round_count / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usual_requests_are_taken),
        cmocka_unit_test(test_a_client_order_id_of_any_length_may_come_last),
        cmocka_unit_test(test_others_are_left),
        cmocka_unit_test(test_both_ways_agree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
