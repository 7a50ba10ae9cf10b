/*
 * Goal: the short way to a reply (wire/usual.h) understands it exactly as the general decoder,
 * and is taken for what venues usually write. Method: random confirmations and trades, whole and
 * damaged, are decoded both ways; of each its other spellings (white space, members moved, added,
 * doubled) too. Fails if: the two differ in a byte of what they promise, the short way takes what
 * the general one refuses, leaves a usual reply or takes an unusual one.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/random.h"
#include "wire/usual.h"

#define ROUND_COUNT   200000U
#define SEED          20261122U
#define REPLY_BYTES   1024U
#define DECODES(json) assert_true(usual(json))
#define IS_LEFT(json) assert_false(usual(json))
#define TRADE_WHAT    "\"symbol\":\"BTC/USD\",\"matched_price\":50000,\"matched_quantity\":7"
#define TRADE_USERS                                                  \
    "\"buyer_user_id\":101,\"buyer_order_id\":1,\"seller_user_id\":" \
    "102,\"seller_order_id\":2"
#define TRADE_TIME "\"timestamp\":1732233600000000000"

/* A space before it means the same and is always the general decoder's. */
static int decode_general(const uint8_t *payload, size_t size, struct oc_wire_reply *reply)
{
    uint8_t *spaced = malloc(size + 1);
    int rc;

    assert_non_null(spaced);
    spaced[0] = ' ';
    memcpy(spaced + 1, payload, size);
    assert_false(oc_wire__decode_usual_reply(spaced, size + 1, reply));
    rc = oc_wire_decode_reply(spaced, size + 1, reply);
    free(spaced);
    return rc;
}

/*
 * Decodes both ways, from memory of just that size, so that the sanitizers and valgrind see a read
 * beyond it. What the short way takes must be what the general one makes of it.
 */
static bool compare(const uint8_t *payload, size_t size)
{
    struct oc_event_level levels[4];
    struct oc_wire_reply general = {.levels = levels, .level_capacity = 4};
    struct oc_wire_reply reply = {.levels = levels, .level_capacity = 4};
    uint8_t *copy = malloc(size > 0 ? size : 1);
    bool taken;

    assert_non_null(copy);
    memcpy(copy, payload, size);
    /* What was there before must not shine through. */
    memset(&reply.event, 0xa5, sizeof(reply.event));
    memset(&reply.symbol, 0xa5, sizeof(reply.symbol));
    reply.remaining = 7;
    taken = oc_wire__decode_usual_reply(copy, size, &reply);
    if (taken) {
        if (decode_general(copy, size, &general) != 0 ||
            memcmp(&reply.event, &general.event, sizeof(reply.event)) != 0 ||
            memcmp(&reply.symbol, &general.symbol, sizeof(reply.symbol)) != 0) {
            fail_msg("both ways differ (seed %u): %.*s", SEED, (int)size, (const char *)payload);
        }
        assert_int_equal(reply.remaining, 0);
        assert_ptr_equal(reply.levels, levels);
        assert_int_equal(reply.level_capacity, 4);
    }
    free(copy);
    return taken;
}

static bool usual(const char *json)
{
    return compare((const uint8_t *)json, strlen(json));
}

static bool general_takes(const char *json)
{
    struct oc_event_level levels[4];
    struct oc_wire_reply reply = {.levels = levels, .level_capacity = 4};

    return decode_general((const uint8_t *)json, strlen(json), &reply) == 0;
}

static void test_usual_replies_are_taken(void **state)
{
    (void)state;
    DECODES("{\"order_id\":1,\"user_id\":101}");
    DECODES("{\"order_id\":0,\"user_id\":0}");
    DECODES("{\"order_id\":9999999999999999999,\"user_id\":9999999999999999999}");
    DECODES("{\"trade_id\":1," TRADE_WHAT "," TRADE_USERS "," TRADE_TIME "}");
    DECODES("{\"trade_id\":1,\"symbol\":\"12345678901234567890123456789012\",\"matched_price\":"
            "9223372036854775807,\"matched_quantity\":9999999999999999999," TRADE_USERS
            ",\"timestamp\":0}");
}

/* Right replies in another spelling: the general decoder takes them, the short way does not. */
static void test_other_spellings_are_left(void **state)
{
    static const char *const spellings[] = {
        "{ \"order_id\":1,\"user_id\":101}",
        "{\"order_id\": 1,\"user_id\":101}",
        "{\"order_id\":1 ,\"user_id\":101}",
        "{\"order_id\":1,\n\"user_id\":101}",
        "{\"order_id\":1,\"user_id\":101\t}",
        "{\"order_id\":1,\"user_id\":101} ",
        " {\"order_id\":1,\"user_id\":101}",
        "{\"user_id\":101,\"order_id\":1}",
        "{\"order_id\":1,\"user_id\":101,\"request_id\":9}",
        "{\"order_id\":1,\"user_id\":101,\"client_order_id\":\"a1\"}",
        "{\"order_id\":1,\"user_id\":101,\"new\":[1,{}]}",
        "{\"order_id\":1,\"new\":null,\"user_id\":101}",
        "{\"order\\u005fid\":1,\"user_id\":101}",
        "{\"order_id\":18446744073709551615,\"user_id\":101}",
        "{\"order_id\":1,\"user_id\":10000000000000000000}",
        "{\"trade_id\":1, " TRADE_WHAT "," TRADE_USERS "," TRADE_TIME "}",
        "{\"trade_id\":1," TRADE_USERS "," TRADE_WHAT "," TRADE_TIME "}",
        "{" TRADE_TIME ",\"trade_id\":1," TRADE_WHAT "," TRADE_USERS "}",
        "{\"trade_id\":1," TRADE_WHAT "," TRADE_USERS "," TRADE_TIME ",\"new\":1}",
        "{\"trade_id\":1," TRADE_WHAT ",\"new\":1," TRADE_USERS "," TRADE_TIME "}",
        "{\"trade_id\":18446744073709551615," TRADE_WHAT "," TRADE_USERS "," TRADE_TIME "}",
        "{\"trade_id\":1,\"symbol\":\"BTC\\/USD\",\"matched_price\":5,\"matched_quantity\":7"
        "," TRADE_USERS "," TRADE_TIME "}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(spellings) / sizeof(*spellings); i++) {
        IS_LEFT(spellings[i]);
        assert_true(general_takes(spellings[i]));
    }
}

/* No replies: neither takes them. */
static void test_wrong_replies_are_left(void **state)
{
    static const char *const wrong[] = {
        "",
        "{",
        "{\"order_id\":",
        "{\"order_id\":1",
        "{\"order_id\":1,\"user_id\":",
        "{\"order_id\":1,\"user_id\":101",
        "{\"order_id\":1,\"user_id\":101}}",
        "{\"order_id\":1,\"user_id\":101,}",
        "{\"order_id\":01,\"user_id\":101}",
        "{\"order_id\":1,\"user_id\":00}",
        "{\"order_id\":-1,\"user_id\":101}",
        "{\"order_id\":1.0,\"user_id\":101}",
        "{\"order_id\":1e2,\"user_id\":101}",
        "{\"order_id\":\"1\",\"user_id\":101}",
        "{\"order_id\":,\"user_id\":101}",
        "{\"order_id\":18446744073709551616,\"user_id\":101}",
        "{\"order_id\":1,\"user_id\":99999999999999999999999}",
        "{\"order_id\":1,\"user_id\":101,\"user_id\":101}",
        "{\"trade_id\":1," TRADE_WHAT "," TRADE_USERS "}",
        "{\"trade_id\":1," TRADE_WHAT "," TRADE_USERS "," TRADE_TIME "," TRADE_TIME "}",
        "{\"trade_id\":1,\"symbol\":\"\",\"matched_price\":5,\"matched_quantity\":7," TRADE_USERS
        "," TRADE_TIME "}",
        "{\"trade_id\":1,\"symbol\":\"123456789012345678901234567890123\",\"matched_price\":5"
        ",\"matched_quantity\":7," TRADE_USERS "," TRADE_TIME "}",
        "{\"trade_id\":1,\"symbol\":\"BTC\xc3\xa4\",\"matched_price\":5,\"matched_quantity\":7"
        "," TRADE_USERS "," TRADE_TIME "}",
        "{\"trade_id\":1,\"symbol\":\"BTC\x01\",\"matched_price\":5,\"matched_quantity\":7"
        "," TRADE_USERS "," TRADE_TIME "}",
        "{\"trade_id\":1,\"symbol\":\"BTC",
        "{\"trade_id\":1,\"symbol\":\"BTC/USD\",\"matched_price\":9223372036854775808"
        ",\"matched_quantity\":7," TRADE_USERS "," TRADE_TIME "}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        IS_LEFT(wrong[i]);
        assert_false(general_takes(wrong[i]));
    }
}

/* Of any number of digits, 19 at most. */
static uint64_t draw(struct oc_random *random)
{
    uint64_t value = oc_random_next(random) >> oc_random_below(random, 64);

    return value <= 9999999999999999999U ? value : value / 10;
}

static size_t write_reply(struct oc_random *random, char *json)
{
    char symbol[OC_SYMBOL_BYTES_MAX + 1];
    size_t size = 1 + oc_random_below(random, OC_SYMBOL_BYTES_MAX);

    if (oc_random_below(random, 2) == 0) {
        return (size_t)snprintf(json, REPLY_BYTES,
                                "{\"order_id\":%" PRIu64 ",\"user_id\":%" PRIu64 "}", draw(random),
                                draw(random));
    }
    for (size_t i = 0; i < size; i++) {
        symbol[i] = (char)('#' + oc_random_below(random, '[' - '#'));
    }
    symbol[size] = '\0';
    return (size_t)snprintf(json, REPLY_BYTES,
                            "{\"trade_id\":%" PRIu64 ",\"symbol\":\"%s\",\"matched_price\":%" PRIu64
                            ",\"matched_quantity\":%" PRIu64 ",\"buyer_user_id\":%" PRIu64
                            ",\"buyer_order_id\":%" PRIu64 ",\"seller_user_id\":%" PRIu64
                            ",\"seller_order_id\":%" PRIu64 ",\"timestamp\":%" PRIu64 "}",
                            draw(random), symbol, draw(random) >> 1, draw(random), draw(random),
                            draw(random), draw(random), draw(random), draw(random));
}

/* One damage: a byte that becomes another, is lost, or comes twice; or the end is missing. */
static void damage(struct oc_random *random, char *json, size_t *size)
{
    static const char likely[] = "{}[]\",:\\ 0123456789-.eE_axutr\n\x01\x7f\xff";
    size_t place = oc_random_below(random, *size);

    switch (oc_random_below(random, 4)) {
    case 0:
        json[place] = likely[oc_random_below(random, sizeof(likely) - 1)];
        break;
    case 1:
        memmove(json + place, json + place + 1, *size - place - 1);
        --*size;
        break;
    case 2:
        memmove(json + place + 1, json + place, *size - place);
        ++*size;
        break;
    default:
        *size = place;
        break;
    }
}

static void test_both_ways_agree(void **state)
{
    struct oc_random random;
    uint32_t taken_count = 0;

    (void)state;
    oc_random_init(&random, SEED);
    for (uint32_t round = 0; round < ROUND_COUNT; round++) {
        char json[REPLY_BYTES + 1];
        size_t size = write_reply(&random, json);

        if (!compare((const uint8_t *)json, size)) {
            fail_msg("left (seed %u): %.*s", SEED, (int)size, json);
        }
        damage(&random, json, &size);
        taken_count += compare((const uint8_t *)json, size);
    }
    /* A digit that becomes another leaves a usual reply: the damage must not always break it. */
    assert_true(taken_count > ROUND_COUNT / 100);
    assert_true(taken_count < ROUND_COUNT / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usual_replies_are_taken),
        cmocka_unit_test(test_other_spellings_are_left),
        cmocka_unit_test(test_wrong_replies_are_left),
        cmocka_unit_test(test_both_ways_agree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
