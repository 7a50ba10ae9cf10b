/*
 * Goal: instruments are made by command or on first use, are independent, and are told before
 * anything names them.
 * Method: by hand, every event word for word.
 * Fails when an order meets another instrument's book, or a rejected order leaves an instrument.
 */
#include "support/scenario.h"

static void made_on_first_use(void **state)
{
    const struct oc_event *events;

    (void)state;
    ENTER(.symbol = "AAA", .price = 100, .qty = 1);
    ignore();
    ENTER(.symbol = "BBB", .price = 100, .qty = 1);
    expect("instrument BBB in 1", "s1 confirmed #2 1@100 in 1");
    assert_int_equal(scenario_events(&events), 2);
    assert_int_equal(events[0].flags, OC_EVENT_PUBLIC);
    assert_int_equal(events[0].instrument_made.decimals, 0);
    ENTER(.symbol = "CCC", .price = OC_PRICE_TICKS_MAX, .qty = OC_QTY_LOTS_MAX, .ioc = true);
    expect("instrument CCC in 2", "s1 cancelled #3 9223372036854775807 ioc in 2");
    reports_on(1);
    ENTER(.symbol = "DDD", .price = 100, .qty = 1);
    expect("instrument DDD in 3", "s1 accepted #4 1@100 in 3", "s1 confirmed #4 1@100 in 3");
}

static void only_by_command(void **state)
{
    (void)state;
    scenario_begin(&(struct scenario_options){.without_first_use = true});
    ENTER(.symbol = "AAA", .price = 100, .qty = 1);
    expect("s1 rejected new unknown_symbol");
    instrument("AAA", &(struct oc_command_instrument){.decimals = 2});
    expect("instrument AAA");
    instrument("AAA", &(struct oc_command_instrument){.decimals = 3});
    expect("venue rejected instrument instrument_exists");
    ENTER(.symbol = "AAA", .price = 100, .qty = 1);
    expect("s1 confirmed #1 1@100");
    scenario_end();
}

static void books_are_independent(void **state)
{
    (void)state;
    ENTER(.user = 1, .symbol = "AAA", .price = 100, .qty = 1);
    ignore();
    ENTER(.user = 2, .symbol = "BBB", .side = OC_SELL, .price = 100, .qty = 1);
    expect("instrument BBB in 1", "s2 confirmed #2 1@100 in 1");
    ENTER(.user = 2, .symbol = "AAA", .side = OC_SELL, .price = 100, .qty = 2);
    expect("trade 1@100 #1 #3", "s2 confirmed #3 1@100");
    expect_book(" | 1@100 x1");
    expect_book_of("BBB", " | 1@100 x1");
}

static void symbols_differ_in_every_byte(void **state)
{
    (void)state;
    ENTER(.symbol = "A", .price = 100, .qty = 1);
    ignore();
    ENTER(.symbol = "AA", .price = 100, .qty = 1);
    expect("instrument AA in 1", "s1 confirmed #2 1@100 in 1");
    ENTER(.symbol = "abcdefghijklmnopqrstuvwxyz012345", .price = 100, .qty = 1);
    expect("instrument abcdefghijklmnopqrstuvwxyz012345 in 2", "s1 confirmed #3 1@100 in 2");
    ENTER(.symbol = "abcdefghijklmnopqrstuvwxyz012346", .price = 100, .qty = 1);
    expect("instrument abcdefghijklmnopqrstuvwxyz012346 in 3", "s1 confirmed #4 1@100 in 3");
    ENTER(.symbol = "a", .side = OC_SELL, .price = 100, .qty = 1);
    expect("instrument a in 4", "s1 confirmed #5 1@100 in 4");
}

static void as_many_as_the_limit(void **state)
{
    char symbol[16];

    (void)state;
    scenario_begin(&(struct scenario_options){
        .limits = {.instruments_max = 1000, .orders_max = 2000, .levels_max = 2000},
        .without_audit = true});
    for (int number = 0; number < 1000; number++) {
        snprintf(symbol, sizeof(symbol), "SYM%d", number);
        ENTER(.symbol = symbol, .price = 100, .qty = (uint64_t)number + 1);
        ignore();
    }
    for (int number = 0; number < 1000; number++) {
        snprintf(symbol, sizeof(symbol), "SYM%d", number);
        ENTER(.user = 2, .symbol = symbol, .side = OC_SELL, .price = 100,
              .qty = (uint64_t)number + 1);
        ignore();
    }
    assert_int_equal(oc_pool_used(&scenario_engine()->store.orders.slots), 0);
    assert_int_equal(scenario_engine()->trade_id_last, 1000);
    scenario_end();
}

#define INSTRUMENT(test) cmocka_unit_test_setup_teardown(test, scenario_setup, scenario_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        INSTRUMENT(made_on_first_use),          cmocka_unit_test(only_by_command),
        INSTRUMENT(books_are_independent),      INSTRUMENT(symbols_differ_in_every_byte),
        cmocka_unit_test(as_many_as_the_limit),
    };

    return cmocka_run_group_tests_name("engine instruments", tests, NULL, NULL);
}
