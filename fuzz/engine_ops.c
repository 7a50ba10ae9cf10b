/*
 * Any bytes as a run of commands: the engine and the naive reference matcher give the same events.
 *
 * The first byte chooses one of the model test's shapes (limits, log capacity, ranges of prices and
 * quantities), the rest are commands of a few bytes each. Unlike the model test, which draws from
 * seeds, a fuzzer follows coverage into rare corners. Every event is compared as memory and the
 * engine is audited.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/reference.h"
#include "core/assert.h"
#include "engine/internal.h"
#include "model/support/flow.h"
#include "unit/engine/support/text.h"

/* Above this an engine costs more to make than to run, and an input could not fill it anyway. */
#define ORDERS_MAX   512U
#define COMMANDS_MAX 2000U
#define AUDIT_PERIOD 64U

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
    struct flow_shape shape;
    const uint8_t *bytes;
    size_t left;
    struct oc_arena arena;
    struct oc_event_log log;
    uint32_t consumer;
    struct oc_engine *engine;
    struct oc_reference *reference;
    uint64_t sequence;
    uint64_t time_ns;
    uint64_t event_count;
    uint32_t generations[64]; /* of each session slot, the one in use or next */
};

static void run_begin(struct run *run);
static void run_end(struct run *run);
static void take_command(struct run *run, struct oc_command *command);
static void take_new(struct run *run, struct oc_command *command);
static void take_replace(struct run *run, struct oc_command *command);
static void take_mass_cancel(struct run *run, struct oc_command *command);
static void take_instrument(struct run *run, struct oc_command *command);
static void take_refused(struct run *run, struct oc_command *command);
static bool admit(struct run *run, struct oc_command *command);
static void apply(struct run *run, const struct oc_command *command);
static void compare(struct run *run, const struct oc_event *expected, uint32_t count,
                    uint32_t *compared, uint32_t max);
static void differ(const struct oc_event *expected, const struct oc_event *got);
static uint8_t take(struct run *run);
static struct oc_symbol take_symbol(struct run *run, uint32_t more);
static int64_t take_price(struct run *run);
static uint64_t take_quantity(struct run *run);
static uint64_t take_order_id(struct run *run);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct run run;
    struct oc_command command;

    if (size < 2) {
        return 0;
    }
    memset(&run, 0, sizeof(run));
    run.shape = FLOW_SHAPES[data[0] % FLOW_SHAPE_COUNT];
    run.bytes = data + 1;
    run.left = size - 1;
    run_begin(&run);
    while (run.left > 0 && run.sequence < COMMANDS_MAX) {
        take_command(&run, &command);
        if (!admit(&run, &command)) {
            continue;
        }
        apply(&run, &command);
        if (run.sequence % AUDIT_PERIOD == 0) {
            oc_engine__audit(run.engine);
        }
    }
    oc_engine__audit(run.engine);
    OC_ASSERT(oc_pool_used(&run.engine->store.orders.slots) ==
              oc_reference_order_count(run.reference));
    run_end(&run);
    return 0;
}

static void run_begin(struct run *run)
{
    struct flow_shape *shape = &run->shape;
    struct oc_limits *limits = &shape->limits;
    struct oc_engine_config config;

    limits->orders_max = limits->orders_max < ORDERS_MAX ? limits->orders_max : ORDERS_MAX;
    limits->levels_max = limits->levels_max < ORDERS_MAX ? limits->levels_max : ORDERS_MAX;
    config = (struct oc_engine_config){
        .limits = *limits,
        .instruments_on_first_use = shape->instruments_on_first_use,
    };
    oc_arena_init(&run->arena);
    OC_ASSERT(oc_event_log_init(&run->log, &run->arena, shape->log_capacity) == 0);
    run->consumer = oc_event_log_add_consumer(&run->log);
    run->engine = oc_engine_create(&run->arena, &config, &run->log);
    OC_ASSERT(run->engine != NULL);
    oc_arena_seal(&run->arena);
    run->reference = oc_reference_create(limits, shape->instruments_on_first_use);
    OC_ASSERT(run->reference != NULL);
    for (uint32_t slot = 0; slot < limits->sessions_max; slot++) {
        run->generations[slot] = 1;
    }
}

static void run_end(struct run *run)
{
    oc_reference_destroy(run->reference);
    oc_arena_deinit(&run->arena);
}

/* One byte says what, one says who; then as many as the command needs. */
static void take_command(struct run *run, struct oc_command *command)
{
    uint8_t what = take(run);
    uint8_t who = take(run);
    uint32_t slot = who % run->shape.limits.sessions_max;

    memset(command, 0, sizeof(*command));
    command->session = oc_session_make(slot, run->generations[slot]);
    command->user_id = 100 + (who >> 4) % (run->shape.users + 1);
    if ((what & 0x80) != 0) {
        command->flags = OC_COMMAND_HAS_REQUEST_ID;
        command->request_id = what;
    }
    switch (what % 16) {
    case 0:
        command->kind = OC_COMMAND_SESSION_CLOSE;
        break;
    case 1:
        command->kind = OC_COMMAND_SESSION_SET;
        command->settings.given = 1 + take(run) % 7U;
        command->settings.values = command->settings.given & take(run);
        break;
    case 2:
        command->kind = OC_COMMAND_PING;
        command->ping.ping = take(run);
        break;
    case 3:
        command->kind = OC_COMMAND_BOOK;
        command->book.symbol = take_symbol(run, 1);
        command->book.depth = 1 + 2U * take(run) % OC_BOOK_DEPTH_MAX;
        break;
    case 4:
        command->kind = OC_COMMAND_OPEN_ORDERS;
        break;
    case 5:
        take_mass_cancel(run, command);
        break;
    case 6:
        take_refused(run, command);
        break;
    case 7:
        take_instrument(run, command);
        break;
    case 8:
    case 9:
        take_replace(run, command);
        break;
    case 10:
        command->kind = OC_COMMAND_CANCEL;
        command->cancel.order_id = take_order_id(run);
        break;
    default:
        take_new(run, command);
        break;
    }
}

static void take_new(struct run *run, struct oc_command *command)
{
    struct oc_command_new *entry = &command->new_order;
    uint8_t how = take(run);

    command->kind = OC_COMMAND_NEW;
    entry->side = how & 1;
    entry->time_in_force = (how & 6) == 6 ? OC_IMMEDIATE_OR_CANCEL : OC_GOOD_TILL_CANCEL;
    entry->symbol = take_symbol(run, 0);
    entry->price_ticks = take_price(run);
    entry->qty_lots = take_quantity(run);
    if ((how & 8) != 0) {
        entry->client_order_id.size = (uint8_t)snprintf(
            entry->client_order_id.bytes, sizeof(entry->client_order_id.bytes), "id-%u",
            take(run) % (run->shape.client_ids + 2));
    }
    if ((how & 0xf0) == 0xf0) {
        command->session = OC_SESSION_VENUE;
    }
}

static void take_replace(struct run *run, struct oc_command *command)
{
    uint8_t how = take(run);

    command->kind = OC_COMMAND_REPLACE;
    command->replace.order_id = take_order_id(run);
    if ((how & 1) != 0) {
        command->replace.price_ticks = take_price(run);
    }
    if ((how & 6) == 2) {
        command->replace.qty_lots = take_quantity(run);
    } else if ((how & 6) == 4) {
        command->replace.total_qty_lots = take_quantity(run);
    }
}

static void take_mass_cancel(struct run *run, struct oc_command *command)
{
    uint8_t how = take(run);

    command->kind = OC_COMMAND_MASS_CANCEL;
    if ((how & 1) != 0) {
        command->mass_cancel.symbol = take_symbol(run, 1);
    }
    command->mass_cancel.has_side = (how & 2) != 0;
    command->mass_cancel.side = command->mass_cancel.has_side ? (how >> 2) & 1 : 0;
}

static void take_instrument(struct run *run, struct oc_command *command)
{
    uint8_t how = take(run);

    command->kind = OC_COMMAND_INSTRUMENT;
    command->session = OC_SESSION_VENUE;
    command->user_id = 0;
    command->instrument = (struct oc_command_instrument){
        .symbol = take_symbol(run, 1),
        .decimals = how % 19,
        .tick_ticks = 1 + (how >> 6),
        .lot_lots = 1 + (how >> 4) % 4U,
        .price_min_ticks = 1,
        .price_max_ticks = OC_PRICE_TICKS_MAX,
        .qty_min_lots = 1 + how % 4U,
        .qty_max_lots = OC_QTY_LOTS_MAX,
    };
    if ((how & 1) != 0) {
        int64_t min_ticks = take_price(run);

        command->instrument.price_min_ticks = min_ticks;
        command->instrument.price_max_ticks = min_ticks < OC_PRICE_TICKS_MAX - 8
                                                  ? min_ticks + 8
                                                  : OC_PRICE_TICKS_MAX;
        command->instrument.qty_max_lots = command->instrument.qty_min_lots + 40;
    }
}

static void take_refused(struct run *run, struct oc_command *command)
{
    uint8_t how = take(run);

    command->kind = OC_COMMAND_REFUSED;
    command->refused.request = how % OC_COMMAND_KIND_COUNT;
    command->refused.reason = OC_REASON_BAD_FRAME_LENGTH + how % 8U;
    command->refused.order_id = how >> 5;
    command->refused.detail = (struct oc_detail){.size = 3, .bytes = "qty"};
}

/* Sessions open by themselves on first use; what needs an open one would be asserted otherwise. */
static bool admit(struct run *run, struct oc_command *command)
{
    struct oc_command open = {.kind = OC_COMMAND_SESSION_OPEN, .session = command->session};

    if (command->session == OC_SESSION_VENUE) {
        return true;
    }
    if (oc_engine__session_find(run->engine, command->session) == NULL) {
        if (command->kind == OC_COMMAND_SESSION_CLOSE) {
            return false;
        }
        apply(run, &open);
    } else if (command->kind == OC_COMMAND_SESSION_CLOSE) {
        run->generations[oc_session_slot(command->session)]++;
    }
    return true;
}

static void apply(struct run *run, const struct oc_command *drawn)
{
    struct oc_command command = *drawn;
    const struct oc_event *expected;
    uint32_t compared = 0;
    uint32_t count;
    enum oc_apply result;

    command.sequence = ++run->sequence;
    command.time_ns = run->time_ns += 500;
    count = oc_reference_apply(run->reference, &command, &expected);
    result = oc_engine_apply(run->engine, &command);
    while (result == OC_MORE) {
        compare(run, expected, count, &compared,
                run->shape.drains_slowly ? 1 + (uint32_t)(run->event_count + compared) % 7
                                         : UINT32_MAX);
        result = oc_engine_continue(run->engine);
    }
    compare(run, expected, count, &compared, UINT32_MAX);
    if (compared < count) {
        differ(&expected[compared], NULL);
    }
    run->event_count += compared;
}

/* Compares what the log holds with the next expected events, at most `max`, and releases it. */
static void compare(struct run *run, const struct oc_event *expected, uint32_t count,
                    uint32_t *compared, uint32_t max)
{
    const struct oc_event *events;
    uint32_t available;

    while (max > 0 && (available = oc_event_log_read(&run->log, run->consumer, &events)) > 0) {
        available = available < max ? available : max;
        max -= available;
        for (uint32_t i = 0; i < available; i++) {
            const struct oc_event *wanted = *compared < count ? &expected[*compared] : NULL;

            if (wanted == NULL || memcmp(&events[i], wanted, sizeof(*wanted)) != 0) {
                differ(wanted, &events[i]);
            }
            (*compared)++;
        }
        oc_event_log_release(&run->log, run->consumer, available);
    }
}

static void differ(const struct oc_event *expected, const struct oc_event *got)
{
    char line[TEXT_LINE_BYTES];

    fprintf(stderr, "expected: %s\n",
            expected != NULL ? text_event(expected, line) : "no further event");
    fprintf(stderr, "got:      %s\n", got != NULL ? text_event(got, line) : "no further event");
    OC_UNREACHABLE();
}

/* Zeros once the input is used up, so that the last command is a whole one. */
static uint8_t take(struct run *run)
{
    if (run->left == 0) {
        return 0;
    }
    run->left--;
    return *run->bytes++;
}

static struct oc_symbol take_symbol(struct run *run, uint32_t more)
{
    struct oc_symbol symbol = {0};

    symbol.size = (uint8_t)snprintf(symbol.bytes, sizeof(symbol.bytes), "SYM/%u",
                                    take(run) % (run->shape.instruments + more));
    return symbol;
}

/* Around the middle, or at the ends of the range. */
static int64_t take_price(struct run *run)
{
    uint8_t byte = take(run);
    int64_t spread = (int64_t)run->shape.price_spread;

    if (byte == 0xff) {
        return OC_PRICE_TICKS_MAX;
    }
    if (byte == 0xfe) {
        return 1;
    }
    if (byte >= 0xf0) { /* far away, in one of many places */
        return run->shape.price_ticks + spread * byte + take(run);
    }
    return run->shape.price_ticks - spread / 2 + byte % (spread + 1);
}

static uint64_t take_quantity(struct run *run)
{
    uint8_t byte = take(run);

    if (byte >= 0xfe) {
        return OC_QTY_LOTS_MAX;
    }
    if (byte >= 0xf0) {
        return run->shape.qty_lots_max - (byte - 0xf0) % run->shape.qty_lots_max;
    }
    return 1 + byte % run->shape.qty_lots_max;
}

static uint64_t take_order_id(struct run *run)
{
    uint8_t byte = take(run);
    uint64_t last = run->engine->order_id_last;

    if (byte >= 0xf8) {
        return byte == 0xff ? OC_ORDER_ID_MAX : (uint64_t)byte << 44;
    }
    return last > byte ? last - byte : 1 + (uint64_t)byte;
}
