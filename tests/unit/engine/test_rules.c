/*
 * Goal: the rules of docs/matching-rules.md, each by its number.
 * Method: a few orders by hand for each rule; every event is expected word for word.
 * Fails when an order trades with the wrong one, at the wrong price, keeps or loses the wrong
 * place, or is told wrongly.
 */
#include "support/scenario.h"

static void rule_01_better_price_first_then_first_come(void **state)
{
    (void)state;
    buy(1, 100, 1);
    ignore();
    buy(2, 101, 1);
    ignore();
    buy(3, 101, 1);
    ignore();
    sell(4, 100, 3);
    expect("trade 1@101 #2 #4", "trade 1@101 #3 #4", "trade 1@100 #1 #4");
}

static void rule_01_first_come_first_served_among_many(void **state)
{
    (void)state;
    for (uint64_t user = 1; user <= 5; user++) {
        sell(user, 50, 1);
        ignore();
    }
    buy(6, 50, 5);
    expect("trade 1@50 #6 #1", "trade 1@50 #6 #2", "trade 1@50 #6 #3", "trade 1@50 #6 #4",
           "trade 1@50 #6 #5");
}

static void rule_02_prints_at_the_resting_price(void **state)
{
    (void)state;
    buy(1, 105, 2);
    expect("s1 confirmed #1 2@105");
    sell(2, 100, 2);
    expect("trade 2@105 #1 #2");
    sell(1, 100, 2);
    expect("s1 confirmed #3 2@100");
    buy(2, 105, 2);
    expect("trade 2@100 #4 #3");
}

static void rule_02_trade_names_both_sides(void **state)
{
    const struct oc_event *events;

    (void)state;
    ENTER(.user = 7, .session = 1, .price = 10, .qty = 4);
    expect("s1 confirmed #1 4@10");
    ENTER(.user = 8, .session = 2, .side = OC_SELL, .price = 10, .qty = 1);
    expect("trade 1@10 #1 #2");
    ENTER(.user = 8, .session = 2, .side = OC_SELL, .price = 10, .qty = 1);
    assert_int_equal(scenario_events(&events), 1);
    assert_int_equal(events[0].trade.trade_id, 2);
    assert_int_equal(events[0].trade.buyer_user_id, 7);
    assert_int_equal(events[0].trade.seller_user_id, 8);
    assert_int_equal(events[0].trade.buyer_session, oc_session_make(1, 1));
    assert_int_equal(events[0].trade.seller_session, oc_session_make(2, 1));
    assert_int_equal(events[0].trade.time_ns, scenario_engine()->time_last_ns);
    assert_int_equal(events[0].flags, OC_EVENT_PUBLIC | OC_EVENT_LAST);
    assert_int_equal(events[0].session, OC_SESSION_VENUE);
    ignore();
}

static void rule_03_never_beyond_its_limit(void **state)
{
    (void)state;
    sell(1, 100, 1);
    ignore();
    sell(1, 102, 1);
    ignore();
    buy(2, 101, 5);
    expect("trade 1@100 #3 #1", "s2 confirmed #3 4@101");
    expect_book("4@101 x1 | 1@102 x1");
    sell(3, 102, 1);
    expect("s3 confirmed #4 1@102");
}

static void rule_03_an_exact_touch_trades(void **state)
{
    (void)state;
    sell(1, 100, 1);
    ignore();
    buy(2, 100, 1);
    expect("trade 1@100 #2 #1");
    buy(1, 100, 1);
    ignore();
    sell(2, 100, 1);
    expect("trade 1@100 #3 #4");
}

static void rule_04_remainder_rests_behind_all_at_its_own_limit(void **state)
{
    (void)state;
    sell(1, 99, 2);
    ignore();
    buy(2, 100, 3);
    expect("trade 2@99 #2 #1", "s2 confirmed #2 1@100");
    buy(3, 100, 4);
    ignore();
    sell(4, 100, 2);
    expect("trade 1@100 #2 #4", "trade 1@100 #3 #4");
    expect_book("3@100 x1 | ");
}

static void rule_05_partly_filled_keeps_its_place(void **state)
{
    (void)state;
    buy(1, 100, 5);
    ignore();
    buy(2, 100, 5);
    ignore();
    sell(3, 100, 2);
    expect("trade 2@100 #1 #3");
    sell(3, 100, 4);
    expect("trade 3@100 #1 #4", "trade 1@100 #2 #4");
}

static void rule_06_gone_is_gone(void **state)
{
    (void)state;
    buy(1, 100, 5);
    ignore();
    sell(2, 100, 5);
    ignore();
    cancel(1, 1);
    expect("s1 rejected cancel #1 unknown_order");
    replace(1, 1, 101, 1);
    expect("s1 rejected replace #1 unknown_order");
    buy(1, 100, 5);
    ignore();
    cancel(1, 3);
    expect("s1 cancelled #3 5 user");
    cancel(1, 3);
    expect("s1 rejected cancel #3 unknown_order");
    expect_book(" | ");
    sell(2, 100, 1);
    expect("s2 confirmed #4 1@100");
}

static void rule_07_immediate_rest_is_cancelled(void **state)
{
    (void)state;
    sell(1, 100, 2);
    ignore();
    sell(1, 101, 2);
    ignore();
    buy_ioc(2, 100, 5);
    expect("trade 2@100 #3 #1", "s2 cancelled #3 3 ioc");
    buy_ioc(2, 100, 5);
    expect("s2 cancelled #4 5 ioc");
    buy_ioc(2, 101, 2);
    expect("trade 2@101 #5 #2");
    expect_book(" | ");
}

static void rule_12_smaller_at_the_same_price_keeps_its_place(void **state)
{
    (void)state;
    buy(1, 100, 5);
    ignore();
    buy(2, 100, 5);
    ignore();
    replace(1, 1, 100, 2);
    expect("s1 replaced #1 2@100");
    replace(1, 1, 0, 2);
    expect("s1 replaced #1 2@100");
    replace(1, 1, 0, 0);
    expect("s1 replaced #1 2@100");
    expect_book("7@100 x2 | ");
    sell(3, 100, 3);
    expect("trade 2@100 #1 #3", "trade 1@100 #2 #3");
}

static void rule_12_larger_goes_to_the_back(void **state)
{
    (void)state;
    buy(1, 100, 5);
    ignore();
    buy(2, 100, 5);
    ignore();
    replace(1, 1, 0, 6);
    expect("s1 replaced #1 6@100");
    expect_book("11@100 x2 | ");
    sell(3, 100, 6);
    expect("trade 5@100 #2 #3", "trade 1@100 #1 #3");
}

static void rule_12_another_price_goes_to_the_back(void **state)
{
    (void)state;
    buy(1, 100, 5);
    ignore();
    buy(2, 101, 5);
    ignore();
    replace(1, 1, 101, 2);
    expect("s1 replaced #1 2@101");
    replace(2, 2, 100, 0);
    expect("s2 replaced #2 5@100");
    replace(2, 2, 101, 0);
    expect("s2 replaced #2 5@101");
    expect_book("7@101 x2 | ");
    sell(3, 101, 3);
    expect("trade 2@101 #1 #3", "trade 1@101 #2 #3");
}

static void rule_12_crossing_matches_without_confirmation(void **state)
{
    (void)state;
    sell(1, 105, 2);
    ignore();
    buy(2, 100, 5);
    ignore();
    replace(2, 2, 105, 0);
    expect("s2 replaced #2 5@105", "trade 2@105 #2 #1");
    expect_book("3@105 x1 | ");
    sell(1, 106, 3);
    ignore();
    replace(2, 2, 106, 0);
    expect("s2 replaced #2 3@106", "trade 3@106 #2 #3");
    expect_book(" | ");
    cancel(2, 2);
    expect("s2 rejected cancel #2 unknown_order");
}

static void rule_12_total_counts_what_is_filled(void **state)
{
    (void)state;
    buy(1, 100, 10);
    ignore();
    buy(2, 100, 1);
    ignore();
    sell(3, 100, 4);
    ignore();
    replace_total(1, 1, 0, 9);
    expect("s1 replaced #1 5@100");
    sell(3, 100, 1);
    expect("trade 1@100 #1 #4");
    replace_total(1, 1, 0, 12);
    expect("s1 replaced #1 7@100");
    sell(3, 100, 1);
    expect("trade 1@100 #2 #5");
    replace_total(1, 1, 0, 5);
    expect("s1 cancelled #1 7 total_filled");
    expect_book(" | ");
    buy(1, 100, 10);
    ignore();
    sell(3, 100, 4);
    ignore();
    replace_total(1, 6, 0, 2);
    expect("s1 cancelled #6 6 total_filled");
}

static void rule_12_a_failing_replace_changes_nothing(void **state)
{
    (void)state;
    instrument("AAA",
               &(struct oc_command_instrument){
                   .tick_ticks = 5, .lot_lots = 2, .price_max_ticks = 200, .qty_max_lots = 20});
    expect("instrument AAA");
    buy(1, 100, 10);
    ignore();
    buy(2, 100, 2);
    ignore();
    replace(1, 1, 101, 2);
    expect("s1 rejected replace #1 price_off_tick");
    replace(1, 1, 105, 3);
    expect("s1 rejected replace #1 quantity_off_lot");
    replace(1, 1, 105, 22);
    expect("s1 rejected replace #1 quantity_too_large");
    replace(1, 1, 205, 2);
    expect("s1 rejected replace #1 price_too_high");
    replace_total(1, 1, 0, 5);
    expect("s1 rejected replace #1 quantity_off_lot");
    expect_book("12@100 x2 | ");
    sell(3, 100, 2);
    expect("trade 2@100 #1 #3");
}

static void rule_12_quantity_limits_count_the_total(void **state)
{
    (void)state;
    instrument("AAA", &(struct oc_command_instrument){.qty_min_lots = 5, .qty_max_lots = 10});
    ignore();
    buy(1, 100, 10);
    ignore();
    sell(2, 100, 7);
    ignore();
    replace(1, 1, 0, 1);
    expect("s1 replaced #1 1@100");
    replace(1, 1, 0, 4);
    expect("s1 rejected replace #1 quantity_too_large");
    replace(1, 1, 0, 3);
    expect("s1 replaced #1 3@100");
}

static void rule_16_of_another_user_is_unknown(void **state)
{
    (void)state;
    buy(1, 100, 5);
    ignore();
    cancel(2, 1);
    expect("s2 rejected cancel #1 unknown_order");
    replace(2, 1, 101, 1);
    expect("s2 rejected replace #1 unknown_order");
    cancel(2, 99);
    expect("s2 rejected cancel #99 unknown_order");
    expect_book("5@100 x1 | ");
}

static void rule_16_any_session_of_the_user_may(void **state)
{
    struct oc_command command;

    (void)state;
    ENTER(.user = 9, .session = 1, .price = 100, .qty = 5, .id = "a");
    expect("s1 confirmed #1 5@100 id a");
    command = command_of(2, OC_COMMAND_REPLACE);
    command.user_id = 9;
    command.flags = OC_COMMAND_HAS_REQUEST_ID;
    command.request_id = 77;
    command.replace.order_id = 1;
    command.replace.qty_lots = 4;
    apply(&command);
    expect("s2 replaced #1 4@100 id a request 77", "s1 replaced #1 4@100 id a");
    command.kind = OC_COMMAND_CANCEL;
    command.cancel.order_id = 1;
    apply(&command);
    expect("s2 cancelled #1 4 user id a request 77", "s1 cancelled #1 4 user id a");
}

static void rule_17_order_of_a_mass_cancel(void **state)
{
    (void)state;
    ENTER(.user = 1, .symbol = "AAA", .price = 100, .qty = 1);
    ignore();
    ENTER(.user = 1, .symbol = "BBB", .price = 100, .qty = 2);
    ignore();
    ENTER(.user = 1, .symbol = "AAA", .side = OC_SELL, .price = 110, .qty = 3);
    ignore();
    ENTER(.user = 1, .symbol = "AAA", .side = OC_SELL, .price = 105, .qty = 4);
    ignore();
    ENTER(.user = 1, .symbol = "AAA", .price = 101, .qty = 5);
    ignore();
    ENTER(.user = 1, .symbol = "AAA", .price = 100, .qty = 6);
    ignore();
    ENTER(.user = 2, .symbol = "AAA", .price = 100, .qty = 7);
    ignore();
    /* To the back of its price, and so behind #6. */
    replace(1, 1, 0, 2);
    ignore();
    mass_cancel(1);
    expect("s1 cancelled #5 5 mass_cancel", "s1 cancelled #6 6 mass_cancel",
           "s1 cancelled #1 2 mass_cancel", "s1 cancelled #4 4 mass_cancel",
           "s1 cancelled #3 3 mass_cancel", "s1 cancelled #2 2 mass_cancel in 1",
           "s1 mass_cancelled 6");
    expect_book("7@100 x1 | ");
}

static void rule_17_symbol_and_side_choose(void **state)
{
    (void)state;
    ENTER(.user = 1, .symbol = "AAA", .price = 100, .qty = 1);
    ignore();
    ENTER(.user = 1, .symbol = "AAA", .side = OC_SELL, .price = 110, .qty = 2);
    ignore();
    ENTER(.user = 1, .symbol = "BBB", .side = OC_SELL, .price = 110, .qty = 3);
    ignore();
    mass_cancel_of(1, "AAA", "sell");
    expect("s1 cancelled #2 2 mass_cancel", "s1 mass_cancelled 1");
    mass_cancel_of(1, NULL, "sell");
    expect("s1 cancelled #3 3 mass_cancel in 1", "s1 mass_cancelled 1");
    mass_cancel_of(1, "CCC", NULL);
    expect("s1 rejected mass_cancel unknown_symbol");
    mass_cancel_of(1, "BBB", NULL);
    expect("s1 mass_cancelled 0");
    mass_cancel(5);
    expect("s5 mass_cancelled 0");
    expect_book("1@100 x1 | ");
}

/** The orders of one symbol are looked for where fewer stand: in its book, or among the user's. */
static void rule_17_by_book_or_by_user(void **state)
{
    (void)state;
    for (int64_t price = 100; price < 103; price++) {
        ENTER(.user = 1, .symbol = "BBB", .price = price, .qty = 1);
        ignore();
        ENTER(.user = 2, .symbol = "AAA", .price = price, .qty = 2);
        ignore();
    }
    ENTER(.user = 1, .symbol = "AAA", .price = 101, .qty = 3);
    ignore();
    ENTER(.user = 2, .symbol = "BBB", .side = OC_SELL, .price = 200, .qty = 4);
    ignore();
    /* Four of the user, four bids in the book. */
    mass_cancel_of(1, "AAA", "buy");
    expect("s1 cancelled #7 3 mass_cancel in 1", "s1 mass_cancelled 1");
    /* Three of the user, four in the book: among the user's. */
    mass_cancel_of(1, "BBB", NULL);
    expect("s1 cancelled #5 1 mass_cancel", "s1 cancelled #3 1 mass_cancel",
           "s1 cancelled #1 1 mass_cancel", "s1 mass_cancelled 3");
    /* Four of the user, one in the book; then none. */
    mass_cancel_of(2, "BBB", NULL);
    expect("s2 cancelled #8 4 mass_cancel", "s2 mass_cancelled 1");
    mass_cancel_of(2, "BBB", "sell");
    expect("s2 mass_cancelled 0");
    ENTER(.user = 2, .symbol = "BBB", .price = 1, .qty = 5);
    ignore();
    ENTER(.user = 1, .symbol = "BBB", .price = 1, .qty = 6);
    ignore();
    /* Four of the user, two in the book, one of them another's. */
    mass_cancel_of(2, "BBB", "buy");
    expect("s2 cancelled #9 5 mass_cancel", "s2 mass_cancelled 1");
    expect_book_of("BBB", "6@1 x1 | ");
    expect_book_of("AAA", "2@102 x1, 2@101 x1, 2@100 x1 | ");
}

static void rule_17_each_session_is_told_once(void **state)
{
    (void)state;
    ENTER(.user = 9, .session = 1, .price = 100, .qty = 1);
    ignore();
    ENTER(.user = 9, .session = 9, .price = 99, .qty = 2);
    ignore();
    ENTER(.user = 9, .session = 3, .price = 98, .qty = 3);
    ignore();
    close_session(3);
    expect("s3 closed");
    mass_cancel(9);
    expect("s9 cancelled #1 1 mass_cancel", "s1 cancelled #1 1 mass_cancel",
           "s9 cancelled #2 2 mass_cancel", "s9 cancelled #3 3 mass_cancel", "s9 mass_cancelled 3");
}

static void rule_20_never_crossed_at_rest(void **state)
{
    (void)state;
    for (int64_t price = 1; price <= 20; price++) {
        buy(1, price, 1);
        ignore();
        sell(2, 40 - price, 1);
        ignore();
    }
    /* The audit after each command looks at it too. */
    replace(1, 1, 39, 5);
    ignore();
    assert_true(scenario_engine()->instruments[0].book.sides[OC_BUY].best_key <
                -scenario_engine()->instruments[0].book.sides[OC_SELL].best_key);
}

static void rule_22_the_first_check_names_the_reject(void **state)
{
    (void)state;
    instrument("AAA", &(struct oc_command_instrument){.tick_ticks = 10,
                                                      .lot_lots = 4,
                                                      .price_min_ticks = 100,
                                                      .price_max_ticks = 200,
                                                      .qty_min_lots = 8,
                                                      .qty_max_lots = 16});
    ignore();
    ENTER(.price = 100, .qty = 8, .id = "a");
    ignore();
    /* Each order offends its own check and every later one. */
    ENTER(.symbol = "ZZZ", .price = 7, .qty = 3, .id = "a");
    expect("s1 rejected new client_order_id_reused id a");
    ENTER(.price = 7, .qty = 3);
    expect("s1 rejected new price_off_tick");
    ENTER(.price = 10, .qty = 3);
    expect("s1 rejected new quantity_off_lot");
    ENTER(.price = 10, .qty = 4);
    expect("s1 rejected new quantity_too_small");
    ENTER(.price = 10, .qty = 20);
    expect("s1 rejected new quantity_too_large");
    ENTER(.price = 90, .qty = 8);
    expect("s1 rejected new price_too_low");
    ENTER(.price = 210, .qty = 8);
    expect("s1 rejected new price_too_high");
    ENTER(.price = 200, .qty = 16);
    expect("s1 confirmed #2 16@200");
}

#define RULE(test) cmocka_unit_test_setup_teardown(test, scenario_setup, scenario_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(rule_01_better_price_first_then_first_come),
        RULE(rule_01_first_come_first_served_among_many),
        RULE(rule_02_prints_at_the_resting_price),
        RULE(rule_02_trade_names_both_sides),
        RULE(rule_03_never_beyond_its_limit),
        RULE(rule_03_an_exact_touch_trades),
        RULE(rule_04_remainder_rests_behind_all_at_its_own_limit),
        RULE(rule_05_partly_filled_keeps_its_place),
        RULE(rule_06_gone_is_gone),
        RULE(rule_07_immediate_rest_is_cancelled),
        RULE(rule_12_smaller_at_the_same_price_keeps_its_place),
        RULE(rule_12_larger_goes_to_the_back),
        RULE(rule_12_another_price_goes_to_the_back),
        RULE(rule_12_crossing_matches_without_confirmation),
        RULE(rule_12_total_counts_what_is_filled),
        RULE(rule_12_a_failing_replace_changes_nothing),
        RULE(rule_12_quantity_limits_count_the_total),
        RULE(rule_16_of_another_user_is_unknown),
        RULE(rule_16_any_session_of_the_user_may),
        RULE(rule_17_order_of_a_mass_cancel),
        RULE(rule_17_symbol_and_side_choose),
        RULE(rule_17_by_book_or_by_user),
        RULE(rule_17_each_session_is_told_once),
        RULE(rule_20_never_crossed_at_rest),
        RULE(rule_22_the_first_check_names_the_reject),
    };

    return cmocka_run_group_tests_name("engine rules", tests, NULL, NULL);
}
