/*
 * Commands to request frames: what a client sends, in the shape that the original engine's clients
 * use, without `type`.
 */
#include "wire/reply.h"

#include "core/assert.h"
#include "core/limits.h"
#include "wire/text.h"
#include "wire/words.h"

#define PUT OC_WIRE__PUT

#define WIDE_U64 "18446744073709551615"
#define WIDE_NEW                                                                              \
    "1234{\"user_id\":" WIDE_U64 ",\"symbol\":\"12345678901234567890123456789012\""           \
    ",\"order_type\":\"Sell\",\"price\":" WIDE_U64 ",\"quantity\":" WIDE_U64                  \
    ",\"time_in_force\":\"IOC\",\"client_order_id\":\"123456789012345678901234567890123456\"" \
    ",\"request_id\":" WIDE_U64 "}"
_Static_assert(sizeof(WIDE_NEW) <= OC_WIRE_REQUEST_BYTES_MAX, "the widest request fits");

static bool texts_are_good(const struct oc_command *command);
static uint8_t *put_new(uint8_t *out, const struct oc_command_new *order);
static uint8_t *put_replace(uint8_t *out, const struct oc_command_replace *replace);
static uint8_t *put_mass_cancel(uint8_t *out, const struct oc_command_mass_cancel *cancel);
static uint8_t *put_settings(uint8_t *out, const struct oc_command_settings *settings);
static uint8_t *put_symbol(uint8_t *out, const struct oc_symbol *symbol);
static uint8_t *put_side(uint8_t *out, uint8_t side);

size_t oc_wire_encode_request(const struct oc_command *command, uint8_t *out)
{
    uint8_t *next = out + OC_FRAME_HEADER_BYTES;

    if (!texts_are_good(command)) {
        return 0;
    }
    *next++ = '{';
    if (command->kind <= OC_COMMAND_OPEN_ORDERS) {
        next = oc_wire__put_u64(PUT(next, "\"user_id\":"), command->user_id);
    }
    switch (command->kind) {
    case OC_COMMAND_NEW:
        next = put_new(next, &command->new_order);
        break;
    case OC_COMMAND_CANCEL:
        next = oc_wire__put_u64(PUT(next, ",\"order_id\":"), command->cancel.order_id);
        break;
    case OC_COMMAND_REPLACE:
        next = put_replace(next, &command->replace);
        break;
    case OC_COMMAND_MASS_CANCEL:
        next = put_mass_cancel(next, &command->mass_cancel);
        break;
    case OC_COMMAND_OPEN_ORDERS:
        next = PUT(next, ",\"open_orders\":true");
        break;
    case OC_COMMAND_BOOK:
        next = put_symbol(PUT(next, "\"book\":"), &command->book.symbol);
        next = oc_wire__put_u64(PUT(next, ",\"depth\":"), command->book.depth);
        break;
    case OC_COMMAND_SESSION_SET:
        next = put_settings(next, &command->settings);
        break;
    case OC_COMMAND_PING:
        next = oc_wire__put_u64(PUT(next, "\"session\":{\"ping\":"), command->ping.ping);
        *next++ = '}';
        break;
    default:
        OC_UNREACHABLE();
    }
    if ((command->flags & OC_COMMAND_HAS_REQUEST_ID) != 0) {
        next = oc_wire__put_u64(PUT(next, ",\"request_id\":"), command->request_id);
    }
    *next++ = '}';
    return oc_wire__close_frame(out, next);
}

static bool texts_are_good(const struct oc_command *command)
{
    const struct oc_client_order_id *id = &command->new_order.client_order_id;
    const struct oc_symbol *symbol;
    bool required = true;

    switch (command->kind) {
    case OC_COMMAND_NEW:
        symbol = &command->new_order.symbol;
        if (id->size > OC_CLIENT_ORDER_ID_BYTES_MAX || !oc_text_is_plain(id->bytes, id->size)) {
            return false;
        }
        break;
    case OC_COMMAND_MASS_CANCEL:
        symbol = &command->mass_cancel.symbol;
        required = false;
        break;
    case OC_COMMAND_BOOK:
        symbol = &command->book.symbol;
        break;
    default:
        return true;
    }
    return (symbol->size > 0 || !required) && symbol->size <= OC_SYMBOL_BYTES_MAX &&
           oc_text_is_plain(symbol->bytes, symbol->size);
}

static uint8_t *put_new(uint8_t *out, const struct oc_command_new *order)
{
    out = put_symbol(PUT(out, ",\"symbol\":"), &order->symbol);
    out = put_side(PUT(out, ",\"order_type\":"), order->side);
    out = oc_wire__put_u64(PUT(out, ",\"price\":"), (uint64_t)order->price_ticks);
    out = oc_wire__put_u64(PUT(out, ",\"quantity\":"), order->qty_lots);
    if (order->time_in_force != OC_GOOD_TILL_CANCEL) {
        const struct oc_wire__words *times = &oc_wire__times_in_force;

        OC_ASSERT(order->time_in_force < times->count);
        out = PUT(out, ",\"time_in_force\":\"");
        out = oc_wire__put_bytes(out, times->words[order->time_in_force].bytes,
                                 times->words[order->time_in_force].size);
        *out++ = '"';
    }
    if (order->client_order_id.size > 0) {
        out = PUT(out, ",\"client_order_id\":\"");
        out = oc_wire__put_bytes(out, order->client_order_id.bytes, order->client_order_id.size);
        *out++ = '"';
    }
    return out;
}

static uint8_t *put_replace(uint8_t *out, const struct oc_command_replace *replace)
{
    out = oc_wire__put_u64(PUT(out, ",\"order_id\":"), replace->order_id);
    if (replace->price_ticks != 0) {
        out = oc_wire__put_u64(PUT(out, ",\"price\":"), (uint64_t)replace->price_ticks);
    }
    if (replace->qty_lots != 0) {
        out = oc_wire__put_u64(PUT(out, ",\"quantity\":"), replace->qty_lots);
    }
    if (replace->total_qty_lots != 0) {
        out = oc_wire__put_u64(PUT(out, ",\"total_quantity\":"), replace->total_qty_lots);
    }
    return out;
}

static uint8_t *put_mass_cancel(uint8_t *out, const struct oc_command_mass_cancel *cancel)
{
    out = PUT(out, ",\"mass_cancel\":true");
    if (cancel->symbol.size > 0) {
        out = put_symbol(PUT(out, ",\"symbol\":"), &cancel->symbol);
    }
    if (cancel->has_side) {
        out = put_side(PUT(out, ",\"side\":"), cancel->side);
    }
    return out;
}

static uint8_t *put_settings(uint8_t *out, const struct oc_command_settings *settings)
{
    uint8_t *first;

    out = PUT(out, "\"session\":{");
    first = out;
    if ((settings->given & OC_SETTING_TRADES) != 0) {
        out = (settings->values & OC_SETTING_TRADES) != 0 ? PUT(out, ",\"trades\":\"on\"")
                                                          : PUT(out, ",\"trades\":\"off\"");
    }
    if ((settings->given & OC_SETTING_REPORTS) != 0) {
        out = (settings->values & OC_SETTING_REPORTS) != 0 ? PUT(out, ",\"reports\":\"on\"")
                                                           : PUT(out, ",\"reports\":\"off\"");
    }
    if ((settings->given & OC_SETTING_CANCEL_ON_DISCONNECT) != 0) {
        out = (settings->values & OC_SETTING_CANCEL_ON_DISCONNECT) != 0
                  ? PUT(out, ",\"cancel_on_disconnect\":true")
                  : PUT(out, ",\"cancel_on_disconnect\":false");
    }
    if (out > first) {
        /* Each setting brought its comma; the first has none before it. */
        memmove(first, first + 1, (size_t)(out - first - 1));
        out--;
    }
    *out++ = '}';
    return out;
}

static uint8_t *put_symbol(uint8_t *out, const struct oc_symbol *symbol)
{
    *out++ = '"';
    out = oc_wire__put_bytes(out, symbol->bytes, symbol->size);
    *out++ = '"';
    return out;
}

static uint8_t *put_side(uint8_t *out, uint8_t side)
{
    OC_ASSERT(side < oc_wire__sides.count);
    *out++ = '"';
    out = oc_wire__put_bytes(out, oc_wire__sides.words[side].bytes,
                             oc_wire__sides.words[side].size);
    *out++ = '"';
    return out;
}
