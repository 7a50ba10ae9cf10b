/*
 * The short way through the decoder of requests for those that are nearly all of the traffic.
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

#include "wire/take.h"

static bool take_new(struct oc_wire__reader *reader, struct oc_command *command);
static bool take_about(struct oc_wire__reader *reader, struct oc_command *command);
static bool take_end(struct oc_wire__reader *reader, struct oc_command *command);

/* A price, quantity or order id. */
static inline bool take_positive(struct oc_wire__reader *reader, uint64_t *value)
{
    return oc_wire__take_number(reader, value) && *value - 1 < (uint64_t)INT64_MAX;
}

bool oc_wire__decode_usual(const uint8_t *payload, size_t size, struct oc_command *command)
{
    struct oc_wire__reader reader = {payload, payload + size};
    uint64_t user_id;

    if (!OC_WIRE__TAKE(&reader, "{\"user_id\":") || !oc_wire__take_number(&reader, &user_id)) {
        return false;
    }
    /* In two parts, because one of more than 128 bytes becomes a slow string instruction. */
    memset(command, 0, offsetof(struct oc_command, refused));
    memset(&command->refused, 0, sizeof(*command) - offsetof(struct oc_command, refused));
    command->user_id = user_id;
    if (OC_WIRE__TAKE(&reader, ",\"symbol\":\"")) {
        return take_new(&reader, command);
    }
    return OC_WIRE__TAKE(&reader, ",\"order_id\":") && take_about(&reader, command);
}

/* A new order from its symbol on. */
static bool take_new(struct oc_wire__reader *reader, struct oc_command *command)
{
    struct oc_command_new *order = &command->new_order;
    uint64_t price_ticks;

    command->kind = OC_COMMAND_NEW;
    if (!oc_wire__take_name(reader, order->symbol.bytes, OC_SYMBOL_BYTES_MAX,
                            &order->symbol.size) ||
        !OC_WIRE__TAKE(reader, ",\"order_type\":\"")) {
        return false;
    }
    if (OC_WIRE__TAKE(reader, "Buy\",\"price\":")) {
        order->side = OC_BUY;
    } else if (OC_WIRE__TAKE(reader, "Sell\",\"price\":")) {
        order->side = OC_SELL;
    } else {
        return false;
    }
    if (!take_positive(reader, &price_ticks) || !OC_WIRE__TAKE(reader, ",\"quantity\":") ||
        !take_positive(reader, &order->qty_lots)) {
        return false;
    }
    order->price_ticks = (int64_t)price_ticks;
    if (OC_WIRE__TAKE(reader, ",\"time_in_force\":\"IOC\"")) {
        order->time_in_force = OC_IMMEDIATE_OR_CANCEL;
    }
    if (OC_WIRE__TAKE(reader, ",\"client_order_id\":\"") &&
        !oc_wire__take_name(reader, order->client_order_id.bytes, OC_CLIENT_ORDER_ID_BYTES_MAX,
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
    if ((OC_WIRE__TAKE(reader, ",\"price\":") && !take_positive(reader, &price_ticks)) ||
        (OC_WIRE__TAKE(reader, ",\"quantity\":") && !take_positive(reader, &replace->qty_lots)) ||
        (replace->qty_lots == 0 && OC_WIRE__TAKE(reader, ",\"total_quantity\":") &&
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
    if (OC_WIRE__TAKE(reader, ",\"request_id\":")) {
        if (!oc_wire__take_number(reader, &command->request_id)) {
            return false;
        }
        command->flags = OC_COMMAND_HAS_REQUEST_ID;
    }
    return oc_wire__take_end(reader);
}
