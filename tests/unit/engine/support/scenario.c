/*
 * The venue of a blotter: one engine, one consumer that takes every event at once, and the sessions
 * that commands open on their way. It stamps commands as the server does and knows no rules.
 */
#include "support/scenario.h"

#include <stdlib.h>

#define EVENTS_MAX (1U << 20)
#define SLOTS_MAX  64U

static struct {
    struct oc_arena arena;
    struct oc_event_log log;
    struct oc_engine *engine;
    uint32_t consumer;
    struct scenario_options options;
    uint64_t sequence;
    uint32_t generations[SLOTS_MAX]; /* of each slot; 0: never opened */
    bool open[SLOTS_MAX];
    struct oc_event *events;
    uint32_t event_count;
    uint32_t expected_count;
    uint32_t waits;
} venue;

jmp_buf scenario_assertion_exit;

static void on_assertion(void)
{
    longjmp(scenario_assertion_exit, 1);
}

void scenario_assertion_begin(void)
{
    oc_assert_set_hook(on_assertion);
}

void scenario_assertion_end(void)
{
    oc_assert_set_hook(NULL);
}

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
    return value != 0 ? value : otherwise;
}

void scenario_begin(const struct scenario_options *options)
{
    struct oc_limits limits = options->limits;
    struct oc_engine_config config;

    memset(&venue, 0, sizeof(venue));
    venue.options = *options;
    limits.orders_max = or_default(limits.orders_max, 1024);
    limits.levels_max = or_default(limits.levels_max, 1024);
    limits.instruments_max = or_default(limits.instruments_max, 16);
    limits.users_max = or_default(limits.users_max, 16);
    limits.sessions_max = or_default(limits.sessions_max, 16);
    limits.client_ids_max = or_default(limits.client_ids_max, 64);
    limits.client_ids_total = or_default(limits.client_ids_total, 256);
    config = (struct oc_engine_config){
        .limits = limits,
        .instruments_on_first_use = !options->without_first_use,
        .hash_seed = options->hash_seed,
    };
    oc_arena_init(&venue.arena);
    assert_int_equal(
        oc_event_log_init(&venue.log, &venue.arena, or_default(options->log_capacity, 4096)), 0);
    venue.consumer = oc_event_log_add_consumer(&venue.log);
    venue.engine = oc_engine_create(&venue.arena, &config, &venue.log);
    assert_non_null(venue.engine);
    oc_arena_seal(&venue.arena);
    venue.events = malloc(EVENTS_MAX * sizeof(*venue.events));
    assert_non_null(venue.events);
}

static void all_expected(const char *file, int line)
{
    char text[TEXT_LINE_BYTES];

    if (venue.expected_count == venue.event_count) {
        return;
    }
    for (uint32_t index = venue.expected_count;
         index < venue.event_count && index < venue.expected_count + 20; index++) {
        print_error("nobody expected: %s\n", text_event(&venue.events[index], text));
    }
    venue.expected_count = venue.event_count;
    _fail(file, line);
}

void scenario_end(void)
{
    all_expected(__FILE__, __LINE__);
    oc_engine__audit(venue.engine);
    free(venue.events);
    oc_arena_deinit(&venue.arena);
}

int scenario_setup(void **state)
{
    (void)state;
    scenario_begin(&(struct scenario_options){0});
    return 0;
}

int scenario_teardown(void **state)
{
    (void)state;
    scenario_end();
    return 0;
}

struct oc_engine *scenario_engine(void)
{
    return venue.engine;
}

uint32_t scenario_events(const struct oc_event **events)
{
    *events = venue.events;
    return venue.event_count;
}

uint32_t scenario_waits(void)
{
    return venue.waits;
}

static void drain(void)
{
    const struct oc_event *events;
    uint32_t count;

    while ((count = oc_event_log_read(&venue.log, venue.consumer, &events)) > 0) {
        assert_true(venue.event_count + count <= EVENTS_MAX);
        memcpy(&venue.events[venue.event_count], events, count * sizeof(*events));
        venue.event_count += count;
        oc_event_log_release(&venue.log, venue.consumer, count);
    }
}

void apply(const struct oc_command *command)
{
    struct oc_command stamped = *command;
    enum oc_apply result;

    all_expected(__FILE__, __LINE__);
    venue.event_count = 0;
    venue.expected_count = 0;
    venue.waits = 0;
    stamped.sequence = ++venue.sequence;
    stamped.time_ns = 1000000 + venue.sequence;
    result = oc_engine_apply(venue.engine, &stamped);
    drain();
    while (result == OC_MORE) {
        /* The engine keeps no pointer to the command. */
        memset(&stamped, 0xff, sizeof(stamped));
        venue.waits++;
        result = oc_engine_continue(venue.engine);
        drain();
    }
    for (uint32_t index = 0; index < venue.event_count; index++) {
        bool last = (venue.events[index].flags & OC_EVENT_LAST) != 0;
        assert_int_equal(last, index + 1 == venue.event_count);
        assert_int_equal(venue.events[index].command_sequence, venue.sequence);
    }
    if (!venue.options.without_audit) {
        oc_engine__audit(venue.engine);
    }
}

void scenario_expect(const char *file, int line, ...)
{
    char got[TEXT_LINE_BYTES];
    const char *expected;
    va_list lines;

    va_start(lines, line);
    while ((expected = va_arg(lines, const char *)) != NULL) {
        if (venue.expected_count == venue.event_count) {
            print_error("expected: %s\n     got: nothing more\n", expected);
            _fail(file, line);
        }
        text_event(&venue.events[venue.expected_count++], got);
        if (strcmp(got, expected) != 0) {
            print_error("expected: %s\n     got: %s\n", expected, got);
            venue.expected_count = venue.event_count;
            _fail(file, line);
        }
    }
    va_end(lines);
    all_expected(file, line);
}

void scenario_expect_among(const char *file, int line, const char *text)
{
    char got[TEXT_LINE_BYTES];

    for (uint32_t index = 0; index < venue.event_count; index++) {
        if (strcmp(text_event(&venue.events[index], got), text) == 0) {
            venue.expected_count = venue.event_count;
            return;
        }
    }
    print_error("expected among the events: %s\n", text);
    all_expected(file, line);
    _fail(file, line);
}

void ignore(void)
{
    venue.expected_count = venue.event_count;
}

static uint64_t session_in(uint32_t slot)
{
    assert_in_range(slot, 0, SLOTS_MAX - 1);
    if (!venue.open[slot]) {
        open_session(slot);
        ignore();
    }
    return oc_session_make(slot, venue.generations[slot]);
}

struct oc_command command_of(uint64_t user, enum oc_command_kind kind)
{
    struct oc_command command = {.kind = (uint8_t)kind, .user_id = user};

    command.session = session_in((uint32_t)user);
    return command;
}

struct oc_symbol symbol_of(const char *text)
{
    struct oc_symbol symbol = {.size = (uint8_t)strlen(text)};

    memcpy(symbol.bytes, text, symbol.size);
    return symbol;
}

uint64_t enter(const struct scenario_order *order)
{
    uint64_t user = order->user != 0 ? order->user : 1;
    struct oc_command command = {.kind = OC_COMMAND_NEW, .user_id = user};

    if (!order->by_venue) {
        command.session = session_in(order->session != 0 ? order->session : (uint32_t)user);
    }
    if (order->request != 0) {
        command.flags = OC_COMMAND_HAS_REQUEST_ID;
        command.request_id = order->request;
    }
    command.new_order.symbol = symbol_of(order->symbol != NULL ? order->symbol : "AAA");
    command.new_order.side = (uint8_t)order->side;
    command.new_order.price_ticks = order->price;
    command.new_order.qty_lots = order->qty;
    command.new_order.time_in_force = order->ioc ? OC_IMMEDIATE_OR_CANCEL : OC_GOOD_TILL_CANCEL;
    if (order->id != NULL) {
        command.new_order.client_order_id.size = (uint8_t)strlen(order->id);
        memcpy(command.new_order.client_order_id.bytes, order->id, strlen(order->id));
    }
    apply(&command);
    /* What every order of a scenario makes on its way is told by tests that are about it. */
    if (venue.event_count > 0 && venue.events[0].kind == OC_EVENT_INSTRUMENT &&
        venue.events[0].instrument == 0 && !venue.options.without_first_use) {
        venue.expected_count = 1;
    }
    return venue.engine->order_id_last;
}

uint64_t buy(uint64_t user, int64_t price, uint64_t qty)
{
    return ENTER(.user = user, .side = OC_BUY, .price = price, .qty = qty);
}

uint64_t sell(uint64_t user, int64_t price, uint64_t qty)
{
    return ENTER(.user = user, .side = OC_SELL, .price = price, .qty = qty);
}

uint64_t buy_ioc(uint64_t user, int64_t price, uint64_t qty)
{
    return ENTER(.user = user, .side = OC_BUY, .price = price, .qty = qty, .ioc = true);
}

uint64_t sell_ioc(uint64_t user, int64_t price, uint64_t qty)
{
    return ENTER(.user = user, .side = OC_SELL, .price = price, .qty = qty, .ioc = true);
}

void cancel(uint64_t user, uint64_t order_id)
{
    struct oc_command command = command_of(user, OC_COMMAND_CANCEL);

    command.cancel.order_id = order_id;
    apply(&command);
}

void replace(uint64_t user, uint64_t order_id, int64_t price, uint64_t open_qty)
{
    struct oc_command command = command_of(user, OC_COMMAND_REPLACE);

    command.replace.order_id = order_id;
    command.replace.price_ticks = price;
    command.replace.qty_lots = open_qty;
    apply(&command);
}

void replace_total(uint64_t user, uint64_t order_id, int64_t price, uint64_t total_qty)
{
    struct oc_command command = command_of(user, OC_COMMAND_REPLACE);

    command.replace.order_id = order_id;
    command.replace.price_ticks = price;
    command.replace.total_qty_lots = total_qty;
    apply(&command);
}

void mass_cancel(uint64_t user)
{
    mass_cancel_of(user, NULL, NULL);
}

void mass_cancel_of(uint64_t user, const char *symbol, const char *side)
{
    struct oc_command command = command_of(user, OC_COMMAND_MASS_CANCEL);

    if (symbol != NULL) {
        command.mass_cancel.symbol = symbol_of(symbol);
    }
    if (side != NULL) {
        command.mass_cancel.has_side = true;
        command.mass_cancel.side = strcmp(side, "buy") == 0 ? OC_BUY : OC_SELL;
    }
    apply(&command);
}

void open_orders(uint64_t user)
{
    struct oc_command command = command_of(user, OC_COMMAND_OPEN_ORDERS);

    apply(&command);
}

void open_session(uint32_t slot)
{
    struct oc_command command = {.kind = OC_COMMAND_SESSION_OPEN};

    assert_false(venue.open[slot]);
    venue.open[slot] = true;
    venue.generations[slot]++;
    command.session = oc_session_make(slot, venue.generations[slot]);
    apply(&command);
}

void close_session(uint32_t slot)
{
    struct oc_command command = {.kind = OC_COMMAND_SESSION_CLOSE, .session = session_in(slot)};

    venue.open[slot] = false;
    apply(&command);
}

void settings(uint32_t slot, uint32_t given, uint32_t values)
{
    struct oc_command command = {.kind = OC_COMMAND_SESSION_SET, .session = session_in(slot)};

    command.settings.given = given;
    command.settings.values = values;
    apply(&command);
}

void reports_on(uint32_t slot)
{
    settings(slot, OC_SETTING_REPORTS, OC_SETTING_REPORTS);
    ignore();
}

void instrument(const char *symbol, const struct oc_command_instrument *spec)
{
    struct oc_command command = {.kind = OC_COMMAND_INSTRUMENT, .instrument = *spec};
    struct oc_command_instrument *made = &command.instrument;

    made->symbol = symbol_of(symbol);
    made->tick_ticks = made->tick_ticks != 0 ? made->tick_ticks : 1;
    made->lot_lots = made->lot_lots != 0 ? made->lot_lots : 1;
    made->price_min_ticks = made->price_min_ticks != 0 ? made->price_min_ticks : 1;
    made->price_max_ticks = made->price_max_ticks != 0 ? made->price_max_ticks : OC_PRICE_TICKS_MAX;
    made->qty_min_lots = made->qty_min_lots != 0 ? made->qty_min_lots : 1;
    made->qty_max_lots = made->qty_max_lots != 0 ? made->qty_max_lots : OC_QTY_LOTS_MAX;
    apply(&command);
}

void scenario_expect_book(const char *file, int line, const char *symbol, const char *text)
{
    struct oc_command command = {.kind = OC_COMMAND_BOOK};
    char got[4096] = "";
    size_t size = 0;
    uint32_t bids = 0;

    command.book.symbol = symbol_of(symbol);
    command.book.depth = OC_BOOK_DEPTH_MAX;
    apply(&command);
    for (uint32_t index = 1; index < venue.event_count; index++) {
        const struct oc_event_level *level = &venue.events[index].level;
        const char *between = level->side == OC_BUY ? (index > 1 ? ", " : "")
                              : index == bids + 1   ? " | "
                                                    : ", ";

        bids += level->side == OC_BUY;
        size += (size_t)snprintf(got + size, sizeof(got) - size, "%s%" PRIu64 "@%" PRId64 " x%u",
                                 between, level->qty_lots, level->price_ticks, level->order_count);
    }
    if (venue.event_count == bids + 1) {
        snprintf(got + size, sizeof(got) - size, " | ");
    }
    ignore();
    if (strcmp(got, text) != 0) {
        print_error("expected: \"%s\"\n     got: \"%s\"\n", text, got);
        _fail(file, line);
    }
}
