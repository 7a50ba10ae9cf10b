/*
 * Goal: `book` and `open_orders` say what is there and change nothing.
 * Method: by hand, every event word for word; the state hash before and after.
 * Fails when depth, counts or order are wrong.
 */
#include "support/scenario.h"

static void book_stops_at_the_depth(void **state)
{
    struct oc_command command = command_of(1, OC_COMMAND_BOOK);

    (void)state;
    buy(1, 100, 1);
    ignore();
    buy(1, 100, 2);
    ignore();
    buy(1, 99, 3);
    ignore();
    sell(1, 101, 4);
    ignore();
    command.book.symbol = symbol_of("AAA");
    command.book.depth = 1;
    command.flags = OC_COMMAND_HAS_REQUEST_ID;
    command.request_id = 4;
    apply(&command);
    expect("s1 book 1 bids 1 asks request 4", "s1 bid 3@100 x2 request 4",
           "s1 ask 4@101 x1 request 4");
    command.flags = 0;
    command.book.depth = 10;
    apply(&command);
    expect("s1 book 2 bids 1 asks", "s1 bid 3@100 x2", "s1 bid 3@99 x1", "s1 ask 4@101 x1");
}

static void book_of_an_empty_and_of_no_instrument(void **state)
{
    struct oc_command command = command_of(1, OC_COMMAND_BOOK);

    (void)state;
    command.book.symbol = symbol_of("AAA");
    command.book.depth = 5;
    apply(&command);
    expect("s1 rejected book unknown_symbol");
    buy_ioc(1, 100, 1);
    ignore();
    apply(&command);
    expect("s1 book 0 bids 0 asks");
}

static void open_orders_in_the_order_of_rule_17(void **state)
{
    (void)state;
    ENTER(.user = 1, .symbol = "AAA", .side = OC_SELL, .price = 105, .qty = 4, .id = "x");
    ignore();
    ENTER(.user = 1, .symbol = "BBB", .price = 1, .qty = 2);
    ignore();
    ENTER(.user = 1, .symbol = "AAA", .price = 100, .qty = 1);
    ignore();
    ENTER(.user = 1, .symbol = "AAA", .price = 101, .qty = 5);
    ignore();
    ENTER(.user = 2, .symbol = "AAA", .price = 105, .qty = 1);
    ignore();
    open_orders(1);
    expect("s1 open_orders 4", "s1 open #4 buy 5@101 filled 0", "s1 open #3 buy 1@100 filled 0",
           "s1 open #1 sell 3@105 filled 1 id x", "s1 open #2 buy 2@1 filled 0 in 1");
    open_orders(2);
    expect("s2 open_orders 0");
}

static void questions_change_nothing(void **state)
{
    struct oc_command command;
    uint64_t sequence;
    uint64_t time_ns;
    uint64_t hash;

    (void)state;
    buy(1, 100, 1);
    ignore();
    hash = oc_engine_state_hash(scenario_engine());
    sequence = scenario_engine()->sequence_last;
    time_ns = scenario_engine()->time_last_ns;
    open_orders(1);
    ignore();
    expect_book("1@100 x1 | ");
    command = command_of(1, OC_COMMAND_PING);
    apply(&command);
    expect("s1 pong 0");
    /* But for the sequence and the time, which every command moves. */
    scenario_engine()->sequence_last = sequence;
    scenario_engine()->time_last_ns = time_ns;
    assert_int_equal(oc_engine_state_hash(scenario_engine()), hash);
}

#define QUERY(test) cmocka_unit_test_setup_teardown(test, scenario_setup, scenario_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUERY(book_stops_at_the_depth),
        QUERY(book_of_an_empty_and_of_no_instrument),
        QUERY(open_orders_in_the_order_of_rule_17),
        QUERY(questions_change_nothing),
    };

    return cmocka_run_group_tests_name("engine queries", tests, NULL, NULL);
}
