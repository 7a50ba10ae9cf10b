/*
 * What simulated clients send; see requests.h.
 */
#include "support/requests.h"

#include <stdio.h>
#include <string.h>

#include "core/assert.h"
#include "core/command.h"
#include "core/limits.h"
#include "wire/reply.h"

#define PAD_BYTES_MAX 8000U

static uint64_t below(const struct requests *requests, uint64_t bound)
{
    return oc_random_below(requests->random, bound);
}

static void put_header(uint8_t *out, uint32_t payload_size)
{
    out[0] = (uint8_t)(payload_size >> 24);
    out[1] = (uint8_t)(payload_size >> 16);
    out[2] = (uint8_t)(payload_size >> 8);
    out[3] = (uint8_t)payload_size;
}

static void draw_symbol(const struct requests *requests, struct oc_symbol *symbol)
{
    int size = snprintf(symbol->bytes, sizeof(symbol->bytes), "SYM%u",
                        (unsigned)below(requests, requests->symbols));

    memset(symbol->bytes + size, 0, sizeof(symbol->bytes) - (size_t)size);
    symbol->size = (uint8_t)size;
}

/** Bids and asks overlap a little, so that there are books as well as trades. */
static int64_t draw_price(const struct requests *requests, uint8_t side)
{
    return (side == OC_BUY ? 92 : 97) + (int64_t)below(requests, 12);
}

static void draw_new(const struct requests *requests, struct oc_command *command)
{
    struct oc_command_new *order = &command->new_order;

    command->kind = OC_COMMAND_NEW;
    draw_symbol(requests, &order->symbol);
    order->side = (uint8_t)below(requests, 2);
    order->time_in_force = below(requests, 8) == 0 ? OC_IMMEDIATE_OR_CANCEL : OC_GOOD_TILL_CANCEL;
    order->price_ticks = draw_price(requests, order->side);
    order->qty_lots = 1 + below(requests, 10);
    if (below(requests, 4) == 0) {
        int size = snprintf(order->client_order_id.bytes, sizeof(order->client_order_id.bytes),
                            "c%u", (unsigned)below(requests, 40));
        order->client_order_id.size = (uint8_t)size;
    }
}

/** An order of somebody, who then is the one that asks; now and then any id. */
static uint64_t draw_order(const struct requests *requests, struct oc_command *command)
{
    const struct requests_order *order = &requests->recent[below(requests, REQUESTS_RECENT_COUNT)];

    if (order->order_id == 0 || below(requests, 10) == 0) {
        return 1 + below(requests, 200);
    }
    command->user_id = order->user_id;
    return order->order_id;
}

static void draw_replace(const struct requests *requests, struct oc_command *command)
{
    command->kind = OC_COMMAND_REPLACE;
    command->replace.order_id = draw_order(requests, command);
    switch (below(requests, 3)) {
    case 0:
        command->replace.qty_lots = 1 + below(requests, 12);
        break;
    case 1:
        command->replace.total_qty_lots = 1 + below(requests, 12);
        break;
    default:
        break;
    }
    if (command->replace.qty_lots + command->replace.total_qty_lots == 0 ||
        below(requests, 2) == 0) {
        command->replace.price_ticks = draw_price(requests, (uint8_t)below(requests, 2));
    }
}

static void draw_query(const struct requests *requests, struct oc_command *command)
{
    switch (below(requests, 4)) {
    case 0:
        command->kind = OC_COMMAND_BOOK;
        draw_symbol(requests, &command->book.symbol);
        command->book.depth = 1 + (uint32_t)below(requests, 20);
        break;
    case 1:
        command->kind = OC_COMMAND_OPEN_ORDERS;
        break;
    case 2:
        command->kind = OC_COMMAND_SESSION_SET;
        command->settings.given = 1 + (uint32_t)below(requests, 7);
        command->settings.values = command->settings.given & (uint32_t)below(requests, 8);
        break;
    default:
        command->kind = OC_COMMAND_PING;
        command->ping.ping = below(requests, 1000);
        break;
    }
}

static void draw_command(const struct requests *requests, struct oc_command *command)
{
    uint64_t choice = below(requests, 100);

    *command = (struct oc_command){.user_id = 1 + below(requests, requests->users)};
    if (below(requests, 3) == 0) {
        command->flags = OC_COMMAND_HAS_REQUEST_ID;
        command->request_id = below(requests, 100000);
    }
    if (choice < 55) {
        draw_new(requests, command);
    } else if (choice < 68) {
        command->kind = OC_COMMAND_CANCEL;
        command->cancel.order_id = draw_order(requests, command);
    } else if (choice < 80) {
        draw_replace(requests, command);
    } else if (choice < 82) {
        command->kind = OC_COMMAND_MASS_CANCEL;
        command->mass_cancel.has_side = below(requests, 2) == 0;
        command->mass_cancel.side = command->mass_cancel.has_side ? (uint8_t)below(requests, 2) : 0;
    } else {
        draw_query(requests, command);
    }
}

/** Members of the client's own are ignored, but have to be carried: the frame becomes large. */
static uint32_t make_large(const struct requests *requests, uint8_t *out, uint32_t size)
{
    static const char MEMBER[] = ",\"x_pad\":\"";
    uint32_t pad = OC_FRAME_HEADER_BYTES + 1000 + (uint32_t)below(requests, PAD_BYTES_MAX - 1000);
    uint8_t *end = out + size - 1; /* over the closing brace */

    memcpy(end, MEMBER, sizeof(MEMBER) - 1);
    end += sizeof(MEMBER) - 1;
    for (uint32_t i = 0; i < pad; i++) {
        *end++ = (uint8_t)('a' + i % 26);
    }
    *end++ = '"';
    *end++ = '}';
    size = (uint32_t)(end - out);
    OC_ASSERT(size <= REQUESTS_FRAME_BYTES_MAX);
    put_header(out, size - OC_FRAME_HEADER_BYTES);
    return size;
}

/** A payload that is no request any more, or by luck another one; the length stays right. */
static uint32_t make_broken(const struct requests *requests, uint8_t *out, uint32_t size)
{
    uint32_t payload = size - OC_FRAME_HEADER_BYTES;

    if (below(requests, 4) == 0) {
        payload = 1 + (uint32_t)below(requests, 40);
        for (uint32_t i = 0; i < payload; i++) {
            out[OC_FRAME_HEADER_BYTES + i] = (uint8_t)below(requests, 256);
        }
    } else {
        for (uint64_t i = below(requests, 3) + 1; i > 0; i--) {
            out[OC_FRAME_HEADER_BYTES + below(requests, payload)] = (uint8_t)below(requests, 256);
        }
        if (below(requests, 4) == 0) {
            payload = 1 + (uint32_t)below(requests, payload);
        }
    }
    put_header(out, payload);
    return OC_FRAME_HEADER_BYTES + payload;
}

uint32_t requests_draw(const struct requests *requests, uint8_t *out)
{
    struct oc_command command;

    draw_command(requests, &command);
    uint32_t size = (uint32_t)oc_wire_encode_request(&command, out);
    OC_ASSERT(size > OC_FRAME_HEADER_BYTES);
    if (below(requests, 1000) < requests->large) {
        return make_large(requests, out, size);
    }
    if (below(requests, 1000) < requests->broken) {
        return make_broken(requests, out, size);
    }
    return size;
}

uint32_t requests_ping(uint64_t number, uint8_t *out)
{
    struct oc_command command = {.kind = OC_COMMAND_PING, .ping.ping = number};

    return (uint32_t)oc_wire_encode_request(&command, out);
}
