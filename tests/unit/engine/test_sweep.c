/*
 * Goal: commands without a bound (sweeps, mass cancels, disconnects, open orders, books) go through
 * the smallest event log, whole and in order, without recursion (bug 12).
 * Method: up to 100,000 orders and a log of 64 events, on a stack of 256 KiB where it matters; one
 * sweep with a log that never stops it, so that a call for each fill would use up that stack. Fails
 * when an event is lost, doubled or out of order, or the command does not stop for the log.
 */
#include <pthread.h>

#include "support/scenario.h"

#define MAKERS 100000U

static const struct scenario_options DEEP = {
    .limits = {.orders_max = MAKERS + 16, .levels_max = MAKERS + 16},
    .without_audit = true,
    .log_capacity = 64,
};

/* Every event of a command at once: it runs from its begin to its end in one call. */
static const struct scenario_options DEEP_WITHOUT_STOPS = {
    .limits = {.orders_max = MAKERS + 16, .levels_max = MAKERS + 16},
    .without_audit = true,
    .log_capacity = 1U << 18,
};

static void rest_makers(uint64_t user, uint32_t count, int64_t prices)
{
    for (uint32_t index = 0; index < count; index++) {
        sell(user, 1000 + (int64_t)index % prices, 2);
        ignore();
    }
}

static void *deep_sweep_body(void *argument)
{
    const struct oc_event *events;
    uint32_t count;

    (void)argument;
    reports_on(2);
    buy(2, 2000, 2ULL * MAKERS + 5);
    count = scenario_events(&events);
    assert_int_equal(count, 1 + 2 * MAKERS + 1);
    for (uint32_t index = 0; index < MAKERS; index++) {
        const struct oc_event *trade = &events[1 + 2 * index];
        /* By price, then by arrival: makers were entered price by price in turn. */
        uint64_t expected = (uint64_t)(index / (MAKERS / 10)) + 10ULL * (index % (MAKERS / 10)) + 1;

        assert_int_equal(trade->kind, OC_EVENT_TRADE);
        assert_int_equal(trade->trade.trade_id, index + 1);
        assert_int_equal(trade->trade.seller_order_id, expected);
        assert_int_equal(trade[1].kind, OC_EVENT_EXECUTED);
        assert_int_equal(trade[1].executed.filled_lots, 2ULL * (index + 1));
    }
    assert_int_equal(events[count - 1].kind, OC_EVENT_CONFIRMED);
    assert_int_equal(events[count - 1].order.qty_lots, 5);
    ignore();
    return NULL;
}

static void sweep_on_small_stack(const struct scenario_options *options)
{
    pthread_attr_t attributes;
    pthread_t thread;

    scenario_begin(options);
    rest_makers(1, MAKERS, 10);
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstacksize(&attributes, 256 * 1024), 0);
    assert_int_equal(pthread_create(&thread, &attributes, deep_sweep_body, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(pthread_attr_destroy(&attributes), 0);
}

static void deep_sweep(void **state)
{
    (void)state;
    sweep_on_small_stack(&DEEP);
    assert_true(scenario_waits() > MAKERS / 64);
    scenario_end();
}

static void deep_sweep_without_stops(void **state)
{
    (void)state;
    sweep_on_small_stack(&DEEP_WITHOUT_STOPS);
    assert_int_equal(scenario_waits(), 0);
    scenario_end();
}

static void deep_sweep_that_fills(void **state)
{
    const struct oc_event *events;
    uint32_t count;

    (void)state;
    scenario_begin(&DEEP);
    rest_makers(1, 1000, 1000);
    buy(2, 5000, 2000);
    count = scenario_events(&events);
    assert_int_equal(count, 1000);
    assert_int_equal(events[count - 1].kind, OC_EVENT_TRADE);
    assert_int_equal(events[count - 1].trade.price_ticks, 1999);
    ignore();
    expect_book(" | ");
    scenario_end();
}

static void deep_replace(void **state)
{
    const struct oc_event *events;
    uint32_t count;

    (void)state;
    scenario_begin(&DEEP);
    rest_makers(1, 1000, 10);
    buy(2, 1, 2500);
    ignore();
    replace(2, 1001, 1009, 0);
    count = scenario_events(&events);
    assert_int_equal(count, 1001);
    assert_int_equal(events[0].kind, OC_EVENT_REPLACED);
    ignore();
    expect_book("500@1009 x1 | ");
    scenario_end();
}

static void deep_immediate(void **state)
{
    const struct oc_event *events;
    uint32_t count;

    (void)state;
    scenario_begin(&DEEP);
    rest_makers(1, 1000, 10);
    buy_ioc(2, 1004, 5000);
    count = scenario_events(&events);
    assert_int_equal(count, 501);
    assert_int_equal(events[count - 1].kind, OC_EVENT_CANCELLED);
    assert_int_equal(events[count - 1].order.qty_lots, 4000);
    ignore();
    scenario_end();
}

static void mass_cancel_of_many(void **state)
{
    const struct oc_event *events;
    uint32_t count;

    (void)state;
    scenario_begin(&DEEP);
    rest_makers(1, MAKERS, 1000);
    buy(2, 5, 1);
    ignore();
    mass_cancel(1);
    count = scenario_events(&events);
    assert_int_equal(count, MAKERS + 1);
    for (uint32_t index = 0; index < MAKERS; index++) {
        assert_int_equal(events[index].kind, OC_EVENT_CANCELLED);
        assert_int_equal(events[index].order.order_id,
                         index / (MAKERS / 1000) + 1000ULL * (index % (MAKERS / 1000)) + 1);
    }
    assert_int_equal(events[MAKERS].kind, OC_EVENT_MASS_CANCELLED);
    assert_int_equal(events[MAKERS].count, MAKERS);
    ignore();
    expect_book("1@5 x1 | ");
    scenario_end();
}

static void disconnect_of_many(void **state)
{
    const struct oc_event *events;
    uint32_t count;

    (void)state;
    scenario_begin(&DEEP);
    rest_makers(1, 1000, 1000);
    settings(1, OC_SETTING_CANCEL_ON_DISCONNECT, OC_SETTING_CANCEL_ON_DISCONNECT);
    ignore();
    close_session(1);
    count = scenario_events(&events);
    assert_int_equal(count, 1001);
    assert_int_equal(events[999].order.price_ticks, 1999);
    assert_int_equal(events[1000].kind, OC_EVENT_SESSION_CLOSED);
    ignore();
    expect_book(" | ");
    scenario_end();
}

static void open_orders_of_many(void **state)
{
    const struct oc_event *events;
    uint32_t count;

    (void)state;
    scenario_begin(&DEEP);
    rest_makers(1, 1000, 1000);
    open_orders(1);
    count = scenario_events(&events);
    assert_int_equal(count, 1001);
    assert_int_equal(events[0].open_orders.count, 1000);
    for (uint32_t index = 1; index < count; index++) {
        assert_int_equal(events[index].order.price_ticks, 999 + index);
    }
    ignore();
    scenario_end();
}

static void book_of_many(void **state)
{
    struct oc_command command;
    const struct oc_event *events;

    (void)state;
    scenario_begin(&DEEP);
    rest_makers(1, 600, 600);
    for (int64_t price = 1; price <= 300; price++) {
        buy(1, price, 1);
        ignore();
    }
    command = command_of(1, OC_COMMAND_BOOK);
    command.book.symbol = symbol_of("AAA");
    command.book.depth = OC_BOOK_DEPTH_MAX;
    apply(&command);
    assert_int_equal(scenario_events(&events), 1 + 300 + 500);
    assert_int_equal(events[0].book.bid_count, 300);
    assert_int_equal(events[0].book.ask_count, 500);
    assert_int_equal(events[0].book.sequence, events[0].command_sequence);
    for (int64_t index = 1; index <= 300; index++) {
        assert_int_equal(events[index].level.price_ticks, 301 - index);
        assert_int_equal(events[index].level.side, OC_BUY);
    }
    for (int64_t index = 301; index <= 800; index++) {
        assert_int_equal(events[index].level.price_ticks, 1000 + index - 301);
        assert_int_equal(events[index].level.side, OC_SELL);
    }
    ignore();
    scenario_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deep_sweep),
        cmocka_unit_test(deep_sweep_without_stops),
        cmocka_unit_test(deep_sweep_that_fills),
        cmocka_unit_test(deep_replace),
        cmocka_unit_test(deep_immediate),
        cmocka_unit_test(mass_cancel_of_many),
        cmocka_unit_test(disconnect_of_many),
        cmocka_unit_test(open_orders_of_many),
        cmocka_unit_test(book_of_many),
    };

    return cmocka_run_group_tests_name("engine sweep", tests, NULL, NULL);
}
