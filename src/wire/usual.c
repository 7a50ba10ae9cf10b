/*
 * The short way through the decoder for the requests that are nearly all of the traffic.
 *
 * Programs write a request with the same members in the same order each time, so what comes next is
 * known and only has to be compared: constant pieces with values between them, one pass, no table
 * and no name looked up. It accepts nothing that the general decoder would not understand in the
 * same way, and decides nothing else: whatever it does not expect (white space, an escape, another
 * order of members, a value out of range, bytes that are no JSON) is left to the general decoder,
 * which alone makes refusals. tests/unit/wire/test_usual.c compares the two.
 */
#include "wire/usual.h"

#include <string.h>

#include "wire/json.h"

/* Takes a constant text, if it stands there; becomes a few comparisons of words. */
#define TAKE(reader, literal) take((reader), (literal), sizeof(literal) - 1)

/* Every number of so many digits is below 2^64. */
#define DIGITS_MAX 19

static bool take_new(struct oc_wire__reader *reader, struct oc_command *command);
static bool take_about(struct oc_wire__reader *reader, struct oc_command *command);
static bool take_end(struct oc_wire__reader *reader, struct oc_command *command);
static bool take_name(struct oc_wire__reader *reader, char *bytes, size_t bytes_max, uint8_t *size);

static inline bool take(struct oc_wire__reader *reader, const char *literal, size_t size)
{
    if ((size_t)(reader->end - reader->next) < size || memcmp(reader->next, literal, size) != 0) {
        return false;
    }
    reader->next += size;
    return true;
}

/* Digit by digit, for the reason that oc_wire__read_number() gives. What follows the digits is the
 * caller's next piece, which no digit begins. */
static inline bool take_number(struct oc_wire__reader *reader, uint64_t *value)
{
    const uint8_t *next = reader->next;
    const uint8_t *end = reader->end - next > DIGITS_MAX ? next + DIGITS_MAX : reader->end;
    uint64_t sum = 0;

    while (next < end && (uint8_t)(*next - '0') <= 9) {
        sum = sum * 10 + (uint8_t)(*next - '0');
        next++;
    }
    if (next == reader->next || (*reader->next == '0' && next > reader->next + 1)) {
        return false;
    }
    *value = sum;
    reader->next = next;
    return true;
}

/* A price, quantity or order id. */
static inline bool take_positive(struct oc_wire__reader *reader, uint64_t *value)
{
    return take_number(reader, value) && *value - 1 < (uint64_t)INT64_MAX;
}

bool oc_wire__decode_usual(const uint8_t *payload, size_t size, struct oc_command *command)
{
    struct oc_wire__reader reader = {payload, payload + size};
    uint64_t user_id;

    if (!TAKE(&reader, "{\"user_id\":") || !take_number(&reader, &user_id)) {
        return false;
    }
    /* In two parts, because one of more than 128 bytes becomes a slow string instruction. */
    memset(command, 0, offsetof(struct oc_command, refused));
    memset(&command->refused, 0, sizeof(*command) - offsetof(struct oc_command, refused));
    command->user_id = user_id;
    if (TAKE(&reader, ",\"symbol\":\"")) {
        return take_new(&reader, command);
    }
    return TAKE(&reader, ",\"order_id\":") && take_about(&reader, command);
}

/* A new order from its symbol on. */
static bool take_new(struct oc_wire__reader *reader, struct oc_command *command)
{
    struct oc_command_new *order = &command->new_order;
    uint64_t price_ticks;

    command->kind = OC_COMMAND_NEW;
    if (!take_name(reader, order->symbol.bytes, OC_SYMBOL_BYTES_MAX, &order->symbol.size) ||
        !TAKE(reader, ",\"order_type\":\"")) {
        return false;
    }
    if (TAKE(reader, "Buy\",\"price\":")) {
        order->side = OC_BUY;
    } else if (TAKE(reader, "Sell\",\"price\":")) {
        order->side = OC_SELL;
    } else {
        return false;
    }
    if (!take_positive(reader, &price_ticks) || !TAKE(reader, ",\"quantity\":") ||
        !take_positive(reader, &order->qty_lots)) {
        return false;
    }
    order->price_ticks = (int64_t)price_ticks;
    if (TAKE(reader, ",\"time_in_force\":\"IOC\"")) {
        order->time_in_force = OC_IMMEDIATE_OR_CANCEL;
    }
    if (TAKE(reader, ",\"client_order_id\":\"") &&
        !take_name(reader, order->client_order_id.bytes, OC_CLIENT_ORDER_ID_BYTES_MAX,
                   &order->client_order_id.size)) {
        return false;
    }
    return take_end(reader, command);
}

/* A cancel or a replace from its order id on. */
static bool take_about(struct oc_wire__reader *reader, struct oc_command *command)
{
    struct oc_command_replace *replace = &command->replace;
    uint64_t order_id;
    uint64_t price_ticks = 0;

    if (!take_positive(reader, &order_id)) {
        return false;
    }
    if (reader->next < reader->end && *reader->next == '}') {
        command->kind = OC_COMMAND_CANCEL;
        command->cancel.order_id = order_id;
        return take_end(reader, command);
    }
    if ((TAKE(reader, ",\"price\":") && !take_positive(reader, &price_ticks)) ||
        (TAKE(reader, ",\"quantity\":") && !take_positive(reader, &replace->qty_lots)) ||
        (replace->qty_lots == 0 && TAKE(reader, ",\"total_quantity\":") &&
         !take_positive(reader, &replace->total_qty_lots))) {
        return false;
    }
    replace->order_id = order_id;
    replace->price_ticks = (int64_t)price_ticks;
    command->kind = price_ticks != 0 || replace->qty_lots != 0 || replace->total_qty_lots != 0
                        ? OC_COMMAND_REPLACE
                        : OC_COMMAND_CANCEL;
    return take_end(reader, command);
}

static bool take_end(struct oc_wire__reader *reader, struct oc_command *command)
{
    if (TAKE(reader, ",\"request_id\":")) {
        if (!take_number(reader, &command->request_id)) {
            return false;
        }
        command->flags = OC_COMMAND_HAS_REQUEST_ID;
    }
    return reader->end - reader->next == 1 && *reader->next == '}';
}

/*
 * A name whose opening quote was taken, with its closing quote, into memory that is zero. Eight
 * bytes at a time, as long as there are eight.
 */
static inline bool take_name(struct oc_wire__reader *reader, char *bytes, size_t bytes_max,
                             uint8_t *size)
{
    const uint8_t *next = reader->next;
    size_t done = 0;

    while (reader->end - next >= 8) {
        uint64_t word = oc_wire__load(next);
        uint64_t special = oc_wire__special(word);
        uint32_t count = special != 0 ? (uint32_t)__builtin_ctzll(special) >> 3 : 8;

        if (done + count > bytes_max) {
            return false;
        }
        memcpy(bytes + done, next, count);
        done += count;
        next += count;
        if (special != 0) {
            reader->next = next + 1;
            *size = (uint8_t)done;
            return *next == '"' && done > 0;
        }
    }
    /* Fewer than eight bytes are left: the name is the last member. */
    for (; next < reader->end; next++) {
        if (*next == '"') {
            reader->next = next + 1;
            *size = (uint8_t)done;
            return done > 0;
        }
        if (*next < 0x20 || *next > 0x7e || *next == '\\' || done == bytes_max) {
            return false;
        }
        bytes[done++] = (char)*next;
    }
    return false;
}
