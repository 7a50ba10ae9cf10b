/*
 * Goal: the decoder and a general JSON parser agree on whether bytes are one JSON object, and no
 * bytes make it read outside of them, crash or answer with an inconsistent command. Method: valid
 * requests with random damage (bits flipped, bytes replaced, parts cut, repeated, joined with
 * another request), and random rows of tokens, given to the decoder and to jansson. Fails if: one
 * takes for JSON what the other does not, but for the differences below.
 *
 * Deliberate differences, each recognised by what the other side says:
 * - nesting beyond 4 levels ends our reading (too_deep), so that the rest is not judged: then
 * jansson must see that depth too, or find the rest broken;
 * - jansson gives up on integers beyond 64 bit and reals beyond a double (numeric overflow), which
 * are JSON and which we skip in x_ members: not compared;
 * - jansson takes no NUL in a name, not even escaped: not compared; and it overlooks a NUL byte
 * behind a number, though JSON has none anywhere: then we alone must refuse;
 * - a member given twice is no fault of the JSON for either; we refuse it by duplicate_member.
 */
#include "support.h"

#include <jansson.h>

#include "support/requests.h"

#define ROUND_COUNT 250000U

struct tally {
    uint32_t json;
    uint32_t broken;
    uint32_t too_deep;
    uint32_t not_compared;
};

static uint32_t depth_of(const json_t *value)
{
    uint32_t deepest = 0;

    if (json_is_object(value)) {
        void *place = json_object_iter((json_t *)(uintptr_t)value);

        while (place != NULL) {
            uint32_t depth = depth_of(json_object_iter_value(place));

            deepest = depth > deepest ? depth : deepest;
            place = json_object_iter_next((json_t *)(uintptr_t)value, place);
        }
        return deepest + 1;
    }
    if (json_is_array(value)) {
        for (size_t index = 0; index < json_array_size(value); index++) {
            uint32_t depth = depth_of(json_array_get(value, index));

            deepest = depth > deepest ? depth : deepest;
        }
        return deepest + 1;
    }
    return 0;
}

/* What every answer must fulfil, whatever the bytes. */
static void check_consistent(const struct oc_command *command, enum oc_reason reason)
{
    if (reason == OC_REASON_NONE) {
        assert_true(command->kind >= OC_COMMAND_NEW);
        assert_true(command->kind <= OC_COMMAND_PING);
        return;
    }
    assert_int_equal(command->kind, OC_COMMAND_REFUSED);
    assert_int_equal(command->refused.reason, reason);
    assert_true(command->refused.detail.size <= OC_DETAIL_BYTES_MAX);
    assert_true(command->refused.client_order_id.size <= OC_CLIENT_ORDER_ID_BYTES_MAX);
    assert_true(command->refused.order_id <= INT64_MAX);
}

static void compare(const char *bytes, size_t size, uint32_t round, struct tally *tally)
{
    struct oc_command command;
    enum oc_reason reason = support_decode_bytes(bytes, size, &command);
    json_error_t error;
    json_t *value = json_loadb(bytes, size, JSON_ALLOW_NUL, &error);
    bool is_object = json_is_object(value);

    check_consistent(&command, reason);
    if (memchr(bytes, '\0', size) != NULL) {
        assert_true(reason == OC_REASON_BAD_JSON || reason == OC_REASON_TOO_DEEP);
        tally->broken++;
    } else if (value == NULL && (json_error_code(&error) == json_error_numeric_overflow ||
                                 json_error_code(&error) == json_error_null_byte_in_key)) {
        tally->not_compared++;
    } else if (reason == OC_REASON_TOO_DEEP) {
        tally->too_deep++;
        if (is_object && depth_of(value) <= 4) {
            fail_msg("round %u: not that deep: %.*s", round, (int)size, bytes);
        }
    } else if (is_object != (reason != OC_REASON_BAD_JSON)) {
        fail_msg("round %u: %s, jansson: %s: %.*s", round, oc_reason_name(reason),
                 is_object ? "an object" : error.text, (int)size, bytes);
    } else {
        tally->json += is_object;
        tally->broken += !is_object;
    }
    json_decref(value);
}

/* Damages the text in one way; `other` is another request. */
static void damage(struct oc_random *random, struct requests_text *text,
                   const struct requests_text *other)
{
    static const char interesting[] =
        "{}[]:,\"\\/ue+-.0123456789 \n\t\x1f\x7f\x80\xbf\xc3\xe2\xed\xf0\xff";
    size_t place = oc_random_below(random, text->size);
    size_t size;

    switch (oc_random_below(random, 6)) {
    case 0:
        text->bytes[place] = (char)(text->bytes[place] ^ (1 << oc_random_below(random, 8)));
        break;
    case 1:
        text->bytes[place] = interesting[oc_random_below(random, sizeof(interesting))];
        break;
    case 2:
        text->size = place;
        break;
    case 3:
        /* A part is cut out. */
        size = oc_random_below(random, text->size - place) % 16;
        memmove(text->bytes + place, text->bytes + place + size, text->size - place - size);
        text->size -= size;
        break;
    case 4:
        /* A part comes twice. */
        size = oc_random_below(random, text->size - place) % 24;
        memmove(text->bytes + place + size, text->bytes + place, text->size - place);
        text->size += size;
        break;
    default:
        /* The rest is another request's. */
        size = oc_random_below(random, other->size);
        memcpy(text->bytes + place, other->bytes + size, other->size - size);
        text->size = place + other->size - size;
        break;
    }
}

static void test_damaged_requests(void **state)
{
    /* Room for what damage adds. */
    static struct requests_text texts[2];
    uint32_t round_count = wire_rounds(ROUND_COUNT);
    struct tally tally = {0};
    struct oc_random random;

    (void)state;
    oc_random_init(&random, support_seed());
    for (uint32_t round = 0; round < round_count; round++) {
        struct oc_command command;
        uint64_t damages = 1 + oc_random_below(&random, 3);

        for (uint32_t index = 0; index < 2; index++) {
            requests_command(&random, &command);
            requests_write(&random, &command, &texts[index]);
        }
        while (damages-- > 0 && texts[0].size > 0 && texts[0].size < sizeof(texts[0].bytes) / 2) {
            damage(&random, &texts[0], &texts[1]);
        }
        compare(texts[0].bytes, texts[0].size, round, &tally);
    }
    print_message("%u objects, %u broken, %u too deep, %u not compared\n", tally.json, tally.broken,
                  tally.too_deep, tally.not_compared);
    assert_true(tally.json > round_count / 20);
    assert_true(tally.broken > round_count / 4);
}

static void test_rows_of_tokens(void **state)
{
    static const char *const tokens[] = {
        "{",  "}",  "[",     "]",    ",",     ":",    "\"x_a\"",   "\"x_b\":", "\"user_id\":",
        "1",  "0",  "-1.5",  "true", "false", "null", "\"\"",      " ",        "\"session\":{",
        "{}", "[]", "\"x\"", "1e5",  "01",    "-",    "tru",       "\"",       "\"price\":[",
        "}}", "]]", "}",     "]",    "},",    "],",   ",\"x_c\":",
    };
    uint32_t round_count = wire_rounds(ROUND_COUNT);
    struct tally tally = {0};
    struct oc_random random;

    (void)state;
    oc_random_init(&random, support_seed());
    for (uint32_t round = 0; round < round_count; round++) {
        char bytes[256];
        size_t size = 0;

        bytes[size++] = '{';
        for (uint64_t count = 1 + oc_random_below(&random, 10); count > 0; count--) {
            const char *token = tokens[oc_random_below(&random, sizeof(tokens) / sizeof(*tokens))];

            memcpy(bytes + size, token, strlen(token));
            size += strlen(token);
        }
        if (oc_random_below(&random, 2) == 0) {
            bytes[size++] = '}';
        }
        compare(bytes, size, round, &tally);
    }
    print_message("%u objects, %u broken, %u too deep, %u not compared\n", tally.json, tally.broken,
                  tally.too_deep, tally.not_compared);
    assert_true(tally.json > round_count / 200);
    assert_true(tally.broken > round_count / 4);
}

static void test_random_bytes(void **state)
{
    uint32_t round_count = wire_rounds(ROUND_COUNT / 4);
    struct tally tally = {0};
    struct oc_random random;

    (void)state;
    oc_random_init(&random, support_seed());
    for (uint32_t round = 0; round < round_count; round++) {
        char bytes[64];
        size_t size = oc_random_below(&random, sizeof(bytes));

        for (size_t index = 0; index < size; index++) {
            bytes[index] = (char)oc_random_next(&random);
        }
        if (size > 0 && oc_random_below(&random, 2) == 0) {
            bytes[0] = '{';
        }
        compare(bytes, size, round, &tally);
    }
    assert_true(tally.broken > round_count / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_damaged_requests),
        cmocka_unit_test(test_rows_of_tokens),
        cmocka_unit_test(test_random_bytes),
    };

    return cmocka_run_group_tests_name("wire.request_broken", tests, NULL, NULL);
}
