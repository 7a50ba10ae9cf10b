/*
 * What one message costs the codec: the decoding of each kind of request, the encoding of each kind
 * of reply, and both from the client's side.
 *
 * Each row goes MESSAGE_COUNT messages round, all different (ids, prices and quantities of random
 * widths from a fixed seed), ROUND_COUNT times, and prints the fastest and the median round in
 * nanoseconds of CPU time for each message. The hash covers every result of a round: it must not
 * change when only the speed does. A book here has five levels on each side, open_orders five
 * orders; the rest are single events.
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
#define ROUND_COUNT   101U
#define SEED          7U
#define PART_COUNT    11U /* events of the longest reply here */

/* A frame, in `frames`; or the events of one reply, in `events`. */
struct message {
    uint32_t size;
    uint32_t start;
};

/* The numbers that messages are made of. */
struct numbers {
    uint64_t user_id;
    uint64_t other_id;
    uint64_t price_ticks;
    uint64_t qty_lots;
    uint64_t order_id;
    uint64_t time_ns;
    uint8_t side;
};

enum work { DECODE_REQUEST, ENCODE_REPLY, ENCODE_REQUEST, DECODE_REPLY };

/* One row. `make` fills the command, or the events of one reply and returns how many they are. */
struct row {
    const char *name;
    enum work work;
    uint8_t kind;
    void (*make_command)(const struct numbers *numbers, struct oc_command *command);
    uint32_t (*make_events)(const struct numbers *numbers, uint8_t kind, struct oc_event *events);
    bool spaced; /* the request is written with a blank behind each colon and comma */
};

static const struct oc_symbol SYMBOL = {7, "BTC/USD"};
static const struct oc_client_order_id CLIENT_ORDER_ID = {8, "order-17"};

static struct numbers all_numbers[MESSAGE_COUNT];
/* One behind the other, as in a receive buffer and in the event log. */
static uint8_t frames[MESSAGE_COUNT * OC_WIRE_REQUEST_BYTES_MAX];
static struct oc_event events[MESSAGE_COUNT * PART_COUNT];
static struct message messages[MESSAGE_COUNT];
static struct message replies[MESSAGE_COUNT];
static struct oc_command commands[MESSAGE_COUNT];
static struct oc_wire_encoder *encoder;

static void make_numbers(void);
static void make_row(const struct row *row);
static void run_row(const struct row *row);
static uint64_t run_message(enum work work, uint32_t index);
static uint64_t decode_request(const struct message *message);
static uint64_t encode_reply(uint32_t index);
static uint64_t decode_reply(const struct message *message);
static uint64_t now_ns(void);
static int compare_u64(const void *left, const void *right);

static void make_new(const struct numbers *numbers, struct oc_command *command)
{
    command->new_order = (struct oc_command_new){.symbol = SYMBOL,
                                                 .side = numbers->side,
                                                 .price_ticks = (int64_t)numbers->price_ticks,
                                                 .qty_lots = numbers->qty_lots};
}

static void make_new_with_ids(const struct numbers *numbers, struct oc_command *command)
{
    make_new(numbers, command);
    command->new_order.client_order_id = CLIENT_ORDER_ID;
    command->request_id = numbers->order_id;
    command->flags = OC_COMMAND_HAS_REQUEST_ID;
}

static void make_ioc(const struct numbers *numbers, struct oc_command *command)
{
    make_new(numbers, command);
    command->new_order.time_in_force = OC_IMMEDIATE_OR_CANCEL;
}

static void make_cancel(const struct numbers *numbers, struct oc_command *command)
{
    command->cancel.order_id = numbers->order_id;
}

static void make_replace(const struct numbers *numbers, struct oc_command *command)
{
    command->replace.order_id = numbers->order_id;
    command->replace.price_ticks = (int64_t)numbers->price_ticks;
    command->replace.qty_lots = numbers->qty_lots;
}

static void make_mass_cancel(const struct numbers *numbers, struct oc_command *command)
{
    command->mass_cancel = (struct oc_command_mass_cancel){SYMBOL, true, numbers->side};
}

static void make_open_orders(const struct numbers *numbers, struct oc_command *command)
{
    (void)numbers;
    (void)command;
}

static void make_book(const struct numbers *numbers, struct oc_command *command)
{
    command->book.symbol = SYMBOL;
    command->book.depth = 1 + (uint32_t)numbers->qty_lots % 20;
}

static void make_session(const struct numbers *numbers, struct oc_command *command)
{
    command->settings.given = OC_SETTING_TRADES | OC_SETTING_REPORTS;
    command->settings.values = numbers->side == OC_BUY ? OC_SETTING_REPORTS : 0;
}

static void make_ping(const struct numbers *numbers, struct oc_command *command)
{
    command->ping.ping = numbers->order_id;
}

static uint32_t trade_events(const struct numbers *numbers, uint8_t kind, struct oc_event *event)
{
    event->kind = kind;
    event->trade = (struct oc_event_trade){
        .trade_id = numbers->order_id / 2,
        .time_ns = numbers->time_ns,
        .price_ticks = (int64_t)numbers->price_ticks,
        .qty_lots = numbers->qty_lots,
        .buyer_user_id = numbers->user_id,
        .buyer_order_id = numbers->order_id,
        .seller_user_id = numbers->other_id,
        .seller_order_id = numbers->order_id / 3,
    };
    return 1;
}

/* Every event that is about one order. */
static uint32_t order_events(const struct numbers *numbers, uint8_t kind, struct oc_event *event)
{
    event->kind = kind;
    event->reason = OC_REASON_USER;
    event->order = (struct oc_event_order){
        .order_id = numbers->order_id,
        .user_id = numbers->user_id,
        .price_ticks = (int64_t)numbers->price_ticks,
        .qty_lots = numbers->qty_lots,
        .side = numbers->side,
    };
    if (kind == OC_EVENT_DUPLICATE) {
        event->order.client_order_id = CLIENT_ORDER_ID;
    }
    return 1;
}

static uint32_t executed_events(const struct numbers *numbers, uint8_t kind, struct oc_event *event)
{
    event->kind = kind;
    event->executed = (struct oc_event_executed){
        .order_id = numbers->order_id,
        .user_id = numbers->user_id,
        .trade_id = numbers->order_id / 2,
        .price_ticks = (int64_t)numbers->price_ticks,
        .qty_lots = numbers->qty_lots,
        .filled_lots = numbers->qty_lots,
    };
    return 1;
}

static uint32_t rejected_events(const struct numbers *numbers, uint8_t kind, struct oc_event *event)
{
    event->kind = kind;
    event->reason = OC_REASON_UNKNOWN_ORDER;
    event->rejected = (struct oc_event_rejected){.order_id = numbers->order_id,
                                                 .request = OC_COMMAND_CANCEL};
    return 1;
}

/* A count, a ping or settings: the union's first bytes. */
static uint32_t word_events(const struct numbers *numbers, uint8_t kind, struct oc_event *event)
{
    event->kind = kind;
    if (kind == OC_EVENT_SESSION) {
        event->settings = OC_SETTING_TRADES;
    } else {
        event->count = numbers->qty_lots;
    }
    return 1;
}

static uint32_t book_events(const struct numbers *numbers, uint8_t kind, struct oc_event *parts)
{
    parts[0].kind = kind;
    parts[0].book = (struct oc_event_book){numbers->order_id, 5, 5};
    for (uint32_t level = 0; level < 10; level++) {
        parts[1 + level].kind = OC_EVENT_BOOK_LEVEL;
        parts[1 + level].level = (struct oc_event_level){
            .price_ticks = (int64_t)(numbers->price_ticks + level),
            .qty_lots = numbers->qty_lots,
            .order_count = 1 + level,
            .side = level < 5 ? OC_BUY : OC_SELL,
        };
    }
    return 11;
}

static uint32_t open_orders_events(const struct numbers *numbers, uint8_t kind,
                                   struct oc_event *parts)
{
    parts[0].kind = kind;
    parts[0].open_orders = (struct oc_event_open_orders){numbers->user_id, 5};
    for (uint32_t order = 1; order <= 5; order++) {
        (void)order_events(numbers, OC_EVENT_OPEN_ORDER, &parts[order]);
    }
    return 6;
}

static const struct row ROWS[] = {
    {"decode new", DECODE_REQUEST, OC_COMMAND_NEW, make_new, NULL, false},
    {"decode new, blanks in it", DECODE_REQUEST, OC_COMMAND_NEW, make_new, NULL, true},
    {"decode new, both ids", DECODE_REQUEST, OC_COMMAND_NEW, make_new_with_ids, NULL, false},
    {"decode new, IOC", DECODE_REQUEST, OC_COMMAND_NEW, make_ioc, NULL, false},
    {"decode cancel", DECODE_REQUEST, OC_COMMAND_CANCEL, make_cancel, NULL, false},
    {"decode cancel, blanks in it", DECODE_REQUEST, OC_COMMAND_CANCEL, make_cancel, NULL, true},
    {"decode replace", DECODE_REQUEST, OC_COMMAND_REPLACE, make_replace, NULL, false},
    {"decode mass_cancel", DECODE_REQUEST, OC_COMMAND_MASS_CANCEL, make_mass_cancel, NULL, false},
    {"decode open_orders", DECODE_REQUEST, OC_COMMAND_OPEN_ORDERS, make_open_orders, NULL, false},
    {"decode book", DECODE_REQUEST, OC_COMMAND_BOOK, make_book, NULL, false},
    {"decode session", DECODE_REQUEST, OC_COMMAND_SESSION_SET, make_session, NULL, false},
    {"decode ping", DECODE_REQUEST, OC_COMMAND_PING, make_ping, NULL, false},
    {"encode trade", ENCODE_REPLY, OC_EVENT_TRADE, NULL, trade_events, false},
    {"encode confirmation", ENCODE_REPLY, OC_EVENT_CONFIRMED, NULL, order_events, false},
    {"encode cancelled", ENCODE_REPLY, OC_EVENT_CANCELLED, NULL, order_events, false},
    {"encode replaced", ENCODE_REPLY, OC_EVENT_REPLACED, NULL, order_events, false},
    {"encode rejected", ENCODE_REPLY, OC_EVENT_REJECTED, NULL, rejected_events, false},
    {"encode duplicate", ENCODE_REPLY, OC_EVENT_DUPLICATE, NULL, order_events, false},
    {"encode mass_cancelled", ENCODE_REPLY, OC_EVENT_MASS_CANCELLED, NULL, word_events, false},
    {"encode book", ENCODE_REPLY, OC_EVENT_BOOK, NULL, book_events, false},
    {"encode open_orders", ENCODE_REPLY, OC_EVENT_OPEN_ORDERS, NULL, open_orders_events, false},
    {"encode session", ENCODE_REPLY, OC_EVENT_SESSION, NULL, word_events, false},
    {"encode pong", ENCODE_REPLY, OC_EVENT_PONG, NULL, word_events, false},
    {"encode accepted", ENCODE_REPLY, OC_EVENT_ACCEPTED, NULL, order_events, false},
    {"encode executed", ENCODE_REPLY, OC_EVENT_EXECUTED, NULL, executed_events, false},
    {"encode filled", ENCODE_REPLY, OC_EVENT_FILLED, NULL, order_events, false},
    {"client: encode new", ENCODE_REQUEST, OC_COMMAND_NEW, make_new, NULL, false},
    {"client: decode trade", DECODE_REPLY, OC_EVENT_TRADE, NULL, trade_events, false},
    {"client: decode confirmation", DECODE_REPLY, OC_EVENT_CONFIRMED, NULL, order_events, false},
};

int main(void)
{
    struct oc_event instrument = {.kind = OC_EVENT_INSTRUMENT,
                                  .instrument_made = {.symbol = {7, "BTC/USD"}}};
    struct oc_arena arena;

    oc_arena_init(&arena);
    encoder = oc_wire_encoder_create(&arena, 1);
    OC_ASSERT(encoder != NULL);
    (void)oc_wire_encode(encoder, &instrument);
    make_numbers();
    printf("%-28s %8s %8s %6s  %s\n", "ns for each message", "fastest", "median", "bytes", "hash");
    for (size_t index = 0; index < sizeof(ROWS) / sizeof(*ROWS); index++) {
        make_row(&ROWS[index]);
        run_row(&ROWS[index]);
    }
    oc_arena_deinit(&arena);
    return 0;
}

static void make_numbers(void)
{
    struct oc_random random;

    oc_random_init(&random, SEED);
    for (uint32_t index = 0; index < MESSAGE_COUNT; index++) {
        all_numbers[index] = (struct numbers){
            .user_id = 1 + oc_random_below(&random, 2000),
            .other_id = 1 + oc_random_below(&random, 2000),
            .price_ticks = 9000 + oc_random_below(&random, 90000),
            .qty_lots = 1 + oc_random_below(&random, 1500),
            .order_id = 6 + oc_random_below(&random, 10000000),
            /* Sixteen trades of a turn, then the clock is read again. */
            .time_ns = 1732233600000000000U + index / 16 * 51234,
            .side = index % 3 == 0,
        };
    }
}

/* As Python's json.dumps writes it. Returns the new size. */
static uint32_t put_blanks(uint8_t *frame, uint32_t plain_size)
{
    uint8_t plain[OC_WIRE_REQUEST_BYTES_MAX];
    uint32_t size = 0;

    memcpy(plain, frame, plain_size);
    for (uint32_t from = 0; from < plain_size; from++) {
        frame[size++] = plain[from];
        if (from > OC_FRAME_HEADER_BYTES && (plain[from] == ':' || plain[from] == ',')) {
            frame[size++] = ' ';
        }
    }
    return size;
}

static void make_row(const struct row *row)
{
    uint32_t event_start = 0;
    uint32_t start = 0;

    memset(events, 0, sizeof(events));
    for (uint32_t index = 0; index < MESSAGE_COUNT; index++) {
        struct message *message = &messages[index];

        message->start = start;
        if (row->make_command != NULL) {
            struct oc_command *command = &commands[index];

            memset(command, 0, sizeof(*command));
            command->kind = row->kind;
            command->user_id = all_numbers[index].user_id;
            row->make_command(&all_numbers[index], command);
            message->size = (uint32_t)oc_wire_encode_request(command, frames + start);
            if (row->spaced) {
                message->size = put_blanks(frames + start, message->size);
            }
        } else {
            struct message *reply = &replies[index];
            struct oc_wire_span span = {NULL, 0};

            reply->start = event_start;
            reply->size = row->make_events(&all_numbers[index], row->kind, &events[event_start]);
            for (uint32_t part = 0; part < reply->size; part++) {
                span = oc_wire_encode(encoder, &events[event_start + part]);
            }
            event_start += reply->size;
            OC_ASSERT(span.size <= OC_WIRE_REQUEST_BYTES_MAX);
            message->size = span.size;
            memcpy(frames + start, span.bytes, span.size);
        }
        start += message->size;
    }
}

static void run_row(const struct row *row)
{
    uint64_t round_ns[ROUND_COUNT];
    uint64_t bytes = 0;
    uint64_t hash = 0;

    for (uint32_t round = 0; round < ROUND_COUNT; round++) {
        uint64_t begin_ns = now_ns();

        hash = 0;
        for (uint32_t index = 0; index < MESSAGE_COUNT; index++) {
            hash = hash * 31 + run_message(row->work, index);
        }
        round_ns[round] = now_ns() - begin_ns;
    }
    for (uint32_t index = 0; index < MESSAGE_COUNT; index++) {
        bytes += messages[index].size;
    }
    qsort(round_ns, ROUND_COUNT, sizeof(*round_ns), compare_u64);
    printf("%-28s %8.1f %8.1f %6.0f  %016" PRIx64 "\n", row->name,
           (double)round_ns[0] / MESSAGE_COUNT, (double)round_ns[ROUND_COUNT / 2] / MESSAGE_COUNT,
           (double)bytes / MESSAGE_COUNT, hash);
}

/* Returns something that depends on all of the result. */
static inline uint64_t run_message(enum work work, uint32_t index)
{
    uint8_t bytes[OC_WIRE_REQUEST_BYTES_MAX];
    size_t size;

    switch (work) {
    case DECODE_REQUEST:
        return decode_request(&messages[index]);
    case ENCODE_REPLY:
        return encode_reply(index);
    case ENCODE_REQUEST:
        size = oc_wire_encode_request(&commands[index], bytes);
        return size + bytes[size - 2];
    case DECODE_REPLY:
        return decode_reply(&messages[index]);
    }
    OC_UNREACHABLE();
}

static uint64_t decode_request(const struct message *message)
{
    struct oc_command command;
    enum oc_reason reason = oc_wire_decode_request(frames + message->start + OC_FRAME_HEADER_BYTES,
                                                   message->size - OC_FRAME_HEADER_BYTES, &command);
    uint64_t sum = command.user_id + command.request_id;

    OC_ASSERT(reason == OC_REASON_NONE);
    switch (command.kind) {
    case OC_COMMAND_NEW:
        return sum + (uint64_t)command.new_order.price_ticks + command.new_order.qty_lots * 7 +
               command.new_order.side;
    case OC_COMMAND_REPLACE:
        return sum + command.replace.order_id + command.replace.qty_lots * 7;
    default:
        return sum + command.cancel.order_id; /* the union's first word */
    }
}

static uint64_t encode_reply(uint32_t index)
{
    struct oc_wire_span span = {NULL, 0};

    for (uint32_t part = 0; part < replies[index].size; part++) {
        span = oc_wire_encode(encoder, &events[replies[index].start + part]);
    }
    /* The last digits of the frame; hashing all of it would cost as much as writing it. */
    return span.size + span.bytes[span.size - 2] + (uint64_t)span.bytes[span.size / 2] * 256;
}

static uint64_t decode_reply(const struct message *message)
{
    struct oc_wire_reply reply = {.level_capacity = 0};
    int rc = oc_wire_decode_reply(frames + message->start + OC_FRAME_HEADER_BYTES,
                                  message->size - OC_FRAME_HEADER_BYTES, &reply);

    OC_ASSERT(rc == 0);
    return reply.event.trade.trade_id + reply.event.trade.time_ns + reply.event.trade.qty_lots;
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
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
