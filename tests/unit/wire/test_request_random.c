/*
 * Goal: the decoder understands valid requests as a general JSON parser does, however they are
 * written. Method: a million random commands, each spelt at random, are decoded and compared with
 * the command they were made from and with what jansson reads in the same bytes. jansson holds
 * integers as signed 64 bit and refuses larger ones, so requests with such an id are compared with
 * their command alone. Fails if: member order, white space, an escape or an x_ member changes what
 * is understood.
 */
#include "support.h"

#include <jansson.h>

#include "support/requests.h"

#define ROUND_COUNT 1000000U

static uint64_t number_of(const json_t *object, const char *name)
{
    return (uint64_t)json_integer_value(json_object_get(object, name));
}

static bool is_word(const json_t *object, const char *name, const char *word)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL && strcmp(text, word) == 0;
}

static uint8_t copy_text(const json_t *object, const char *name, char *bytes)
{
    const json_t *text = json_object_get(object, name);
    size_t size = json_string_length(text);

    memcpy(bytes, json_string_value(text), size);
    return (uint8_t)size;
}

static void view_new(const json_t *object, struct oc_command_new *order)
{
    order->symbol.size = copy_text(object, "symbol", order->symbol.bytes);
    if (json_object_get(object, "client_order_id") != NULL) {
        order->client_order_id.size = copy_text(object, "client_order_id",
                                                order->client_order_id.bytes);
    }
    order->side = is_word(object, "order_type", "Buy") ? OC_BUY : OC_SELL;
    order->time_in_force = is_word(object, "time_in_force", "IOC") ? OC_IMMEDIATE_OR_CANCEL
                                                                   : OC_GOOD_TILL_CANCEL;
    order->price_ticks = (int64_t)number_of(object, "price");
    order->qty_lots = number_of(object, "quantity");
}

static void view_session(const json_t *session, struct oc_command *command)
{
    const json_t *disconnect = json_object_get(session, "cancel_on_disconnect");

    if (json_object_get(session, "ping") != NULL) {
        command->kind = OC_COMMAND_PING;
        command->ping.ping = number_of(session, "ping");
        return;
    }
    command->kind = OC_COMMAND_SESSION_SET;
    if (json_object_get(session, "trades") != NULL) {
        command->settings.given |= OC_SETTING_TRADES;
        command->settings.values |= is_word(session, "trades", "on") ? OC_SETTING_TRADES : 0U;
    }
    if (json_object_get(session, "reports") != NULL) {
        command->settings.given |= OC_SETTING_REPORTS;
        command->settings.values |= is_word(session, "reports", "on") ? OC_SETTING_REPORTS : 0U;
    }
    if (disconnect != NULL) {
        command->settings.given |= OC_SETTING_CANCEL_ON_DISCONNECT;
        command->settings.values |= json_is_true(disconnect) ? OC_SETTING_CANCEL_ON_DISCONNECT : 0U;
    }
}

/* What the rules of docs/protocol.md make of a parsed object that is known to be valid. */
static void view(const json_t *object, struct oc_command *command)
{
    memset(command, 0, sizeof(*command));
    command->user_id = number_of(object, "user_id");
    if (json_object_get(object, "request_id") != NULL) {
        command->flags = OC_COMMAND_HAS_REQUEST_ID;
        command->request_id = number_of(object, "request_id");
    }
    if (json_object_get(object, "order_type") != NULL) {
        command->kind = OC_COMMAND_NEW;
        view_new(object, &command->new_order);
    } else if (json_object_get(object, "order_id") != NULL) {
        command->replace.order_id = number_of(object, "order_id");
        command->replace.price_ticks = (int64_t)number_of(object, "price");
        command->replace.qty_lots = number_of(object, "quantity");
        command->replace.total_qty_lots = number_of(object, "total_quantity");
        command->kind = command->replace.price_ticks != 0 || command->replace.qty_lots != 0 ||
                                command->replace.total_qty_lots != 0
                            ? OC_COMMAND_REPLACE
                            : OC_COMMAND_CANCEL;
    } else if (json_object_get(object, "mass_cancel") != NULL) {
        command->kind = OC_COMMAND_MASS_CANCEL;
        if (json_object_get(object, "symbol") != NULL) {
            command->mass_cancel.symbol.size = copy_text(object, "symbol",
                                                         command->mass_cancel.symbol.bytes);
        }
        command->mass_cancel.has_side = json_object_get(object, "side") != NULL;
        command->mass_cancel.side = is_word(object, "side", "Sell") ? OC_SELL : OC_BUY;
    } else if (json_object_get(object, "open_orders") != NULL) {
        command->kind = OC_COMMAND_OPEN_ORDERS;
    } else if (json_object_get(object, "book") != NULL) {
        command->kind = OC_COMMAND_BOOK;
        command->book.symbol.size = copy_text(object, "book", command->book.symbol.bytes);
        command->book.depth = json_object_get(object, "depth") != NULL
                                  ? (uint32_t)number_of(object, "depth")
                                  : OC_BOOK_DEPTH_DEFAULT;
    } else {
        view_session(json_object_get(object, "session"), command);
    }
}

/* The ids that may exceed what jansson can hold. */
static bool has_large_id(const struct oc_command *command)
{
    return command->user_id > INT64_MAX || command->request_id > INT64_MAX ||
           (command->kind == OC_COMMAND_PING && command->ping.ping > INT64_MAX);
}

static void test_random_requests(void **state)
{
    static struct requests_text text;
    uint32_t round_count = wire_rounds(ROUND_COUNT);
    uint32_t viewed_count = 0;
    struct oc_random random;

    (void)state;
    oc_random_init(&random, support_seed());
    for (uint32_t round = 0; round < round_count; round++) {
        struct oc_command meant;
        struct oc_command decoded;
        struct oc_command viewed;
        enum oc_reason reason;
        json_error_t error;
        json_t *object;

        requests_command(&random, &meant);
        requests_write(&random, &meant, &text);
        reason = support_decode_bytes(text.bytes, text.size, &decoded);
        if (reason != OC_REASON_NONE || memcmp(&decoded, &meant, sizeof(meant)) != 0) {
            fail_msg("round %u, %s: %.*s", round, oc_reason_name(reason), (int)text.size,
                     text.bytes);
        }
        if (has_large_id(&meant)) {
            continue;
        }
        object = json_loadb(text.bytes, text.size, JSON_ALLOW_NUL, &error);
        if (object == NULL) {
            fail_msg("round %u, jansson: %s: %.*s", round, error.text, (int)text.size, text.bytes);
        }
        view(object, &viewed);
        json_decref(object);
        if (memcmp(&decoded, &viewed, sizeof(viewed)) != 0) {
            fail_msg("round %u, jansson reads another request: %.*s", round, (int)text.size,
                     text.bytes);
        }
        viewed_count++;
    }
    print_message("%u requests, %u of them also read by jansson\n", round_count, viewed_count);
    assert_true(viewed_count > round_count / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_requests),
    };

    return cmocka_run_group_tests_name("wire.request_random", tests, NULL, NULL);
}
