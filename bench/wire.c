/*
 * What one message costs the codec: decode of a new order and a cancel, encode of a trade and a
 * confirmation.
 *
 * Each row goes MESSAGE_COUNT messages round, all different (ids, prices and quantities of random
 * widths from a fixed seed), ROUND_COUNT times, and prints the fastest and the median round in
 * nanoseconds for each message. The hash covers every result of a round: it must not change when
 * only the speed does.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/arena.h"
#include "core/assert.h"
#include "core/checksum.h"
#include "core/random.h"
#include "wire/reply.h"
#include "wire/wire.h"

#define MESSAGE_COUNT 4096U
#define ROUND_COUNT   301U
#define SEED          7U

struct message {
    uint32_t size;
    uint8_t bytes[OC_WIRE_REQUEST_BYTES_MAX];
};

/* One row: what is done with message or event `index`; returns something that depends on all of it.
 */
struct row {
    const char *name;
    uint64_t (*run)(uint32_t index);
};

static struct message new_orders[MESSAGE_COUNT];
static struct message cancels[MESSAGE_COUNT];
static struct message trade_replies[MESSAGE_COUNT];
static struct oc_event trades[MESSAGE_COUNT];
static struct oc_event confirmations[MESSAGE_COUNT];
static struct oc_wire_encoder *encoder;

static void make_messages(void);
static void run_row(const struct row *row);
static uint64_t decode_request(const struct message *message);
static uint64_t encode(const struct oc_event *event);
static uint64_t decode_new(uint32_t index);
static uint64_t decode_cancel(uint32_t index);
static uint64_t encode_trade(uint32_t index);
static uint64_t encode_confirmation(uint32_t index);
static uint64_t encode_request(uint32_t index);
static uint64_t decode_trade(uint32_t index);
static uint64_t now_ns(void);
static int compare_u64(const void *left, const void *right);

int main(void)
{
    static const struct row rows[] = {
        {"decode new order", decode_new},
        {"decode cancel", decode_cancel},
        {"encode trade", encode_trade},
        {"encode confirmation", encode_confirmation},
        {"client: encode new order", encode_request},
        {"client: decode trade", decode_trade},
    };
    struct oc_arena arena;

    oc_arena_init(&arena);
    encoder = oc_wire_encoder_create(&arena, 1);
    OC_ASSERT(encoder != NULL);
    make_messages();
    printf("%-26s %8s %8s  %s\n", "ns for each message", "fastest", "median", "hash");
    for (size_t index = 0; index < sizeof(rows) / sizeof(*rows); index++) {
        run_row(&rows[index]);
    }
    oc_arena_deinit(&arena);
    return 0;
}

static void make_messages(void)
{
    struct oc_event instrument = {.kind = OC_EVENT_INSTRUMENT,
                                  .instrument_made = {.symbol = {7, "BTC/USD"}}};
    struct oc_random random;

    oc_random_init(&random, SEED);
    (void)oc_wire_encode(encoder, &instrument);
    for (uint32_t index = 0; index < MESSAGE_COUNT; index++) {
        uint64_t buyer = 1 + oc_random_below(&random, 2000);
        uint64_t price_ticks = 9000 + oc_random_below(&random, 90000);
        uint64_t qty_lots = 1 + oc_random_below(&random, 1500);
        uint64_t order_id = 1 + oc_random_below(&random, 10000000);
        struct oc_command command = {
            .kind = OC_COMMAND_NEW,
            .user_id = buyer,
            .new_order = {.symbol = {7, "BTC/USD"},
                          .side = index % 3 == 0,
                          .price_ticks = (int64_t)price_ticks,
                          .qty_lots = qty_lots},
        };
        struct oc_event_trade trade = {
            .trade_id = order_id / 2,
            /* Sixteen trades of a turn, then the clock is read again. */
            .time_ns = 1732233600000000000U + index / 16 * 51234,
            .price_ticks = (int64_t)price_ticks,
            .qty_lots = qty_lots,
            .buyer_user_id = buyer,
            .buyer_order_id = order_id,
            .seller_user_id = 1 + oc_random_below(&random, 2000),
            .seller_order_id = order_id / 3,
        };
        struct oc_wire_span span;

        new_orders[index].size = (uint32_t)oc_wire_encode_request(&command,
                                                                  new_orders[index].bytes);
        command.kind = OC_COMMAND_CANCEL;
        command.cancel.order_id = trade.buyer_order_id;
        cancels[index].size = (uint32_t)oc_wire_encode_request(&command, cancels[index].bytes);
        trades[index] = (struct oc_event){.kind = OC_EVENT_TRADE, .trade = trade};
        confirmations[index] = (struct oc_event){
            .kind = OC_EVENT_CONFIRMED,
            .order = {.order_id = trade.buyer_order_id, .user_id = command.user_id}};
        span = oc_wire_encode(encoder, &trades[index]);
        trade_replies[index].size = span.size;
        memcpy(trade_replies[index].bytes, span.bytes, span.size);
    }
}

static void run_row(const struct row *row)
{
    uint64_t round_ns[ROUND_COUNT];
    uint64_t hash = 0;

    for (uint32_t round = 0; round < ROUND_COUNT; round++) {
        uint64_t begin_ns = now_ns();

        hash = 0;
        for (uint32_t index = 0; index < MESSAGE_COUNT; index++) {
            hash = hash * 31 + row->run(index);
        }
        round_ns[round] = now_ns() - begin_ns;
    }
    qsort(round_ns, ROUND_COUNT, sizeof(*round_ns), compare_u64);
    printf("%-26s %8.1f %8.1f  %016" PRIx64 "\n", row->name, (double)round_ns[0] / MESSAGE_COUNT,
           (double)round_ns[ROUND_COUNT / 2] / MESSAGE_COUNT, hash);
}

static uint64_t decode_request(const struct message *message)
{
    struct oc_command command;
    enum oc_reason reason = oc_wire_decode_request(message->bytes + OC_FRAME_HEADER_BYTES,
                                                   message->size - OC_FRAME_HEADER_BYTES, &command);

    OC_ASSERT(reason == OC_REASON_NONE);
    return command.kind == OC_COMMAND_NEW
               ? command.user_id + (uint64_t)command.new_order.price_ticks +
                     command.new_order.qty_lots * 7 + command.new_order.side
               : command.user_id + command.cancel.order_id;
}

static uint64_t encode(const struct oc_event *event)
{
    struct oc_wire_span span = oc_wire_encode(encoder, event);

    /* The last digits of the frame; hashing all of it would cost as much as writing it. */
    return span.size + span.bytes[span.size - 2] + (uint64_t)span.bytes[span.size / 2] * 256;
}

static uint64_t decode_new(uint32_t index)
{
    return decode_request(&new_orders[index]);
}

static uint64_t decode_cancel(uint32_t index)
{
    return decode_request(&cancels[index]);
}

static uint64_t encode_trade(uint32_t index)
{
    return encode(&trades[index]);
}

static uint64_t encode_confirmation(uint32_t index)
{
    return encode(&confirmations[index]);
}

static uint64_t encode_request(uint32_t index)
{
    uint8_t bytes[OC_WIRE_REQUEST_BYTES_MAX];
    const struct oc_event_trade *trade = &trades[index].trade;
    struct oc_command command = {.kind = OC_COMMAND_NEW,
                                 .user_id = trade->buyer_user_id,
                                 .new_order = {.symbol = {7, "BTC/USD"},
                                               .price_ticks = trade->price_ticks,
                                               .qty_lots = trade->qty_lots}};
    size_t size = oc_wire_encode_request(&command, bytes);

    return size + bytes[size - 2];
}

static uint64_t decode_trade(uint32_t index)
{
    const struct message *message = &trade_replies[index];
    struct oc_wire_reply reply = {.level_capacity = 0};
    int rc = oc_wire_decode_reply(message->bytes + OC_FRAME_HEADER_BYTES,
                                  message->size - OC_FRAME_HEADER_BYTES, &reply);

    OC_ASSERT(rc == 0);
    return reply.event.trade.trade_id + reply.event.trade.time_ns + reply.event.trade.qty_lots;
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static int compare_u64(const void *left, const void *right)
{
    uint64_t a;
    uint64_t b;

    memcpy(&a, left, sizeof(a));
    memcpy(&b, right, sizeof(b));
    return (a > b) - (a < b);
}
