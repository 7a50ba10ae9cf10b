/*
 * Goal: the mistakes that 247 published matching engines made (docs/matching-rules.md, section
 * "Mistakes of others"), each as the shortest blotter in which it would show.
 * Method: by hand, every event word for word; after each command the whole engine is audited.
 * Fails when the mistake named by the test is made.
 */
#include "support/scenario.h"

static void bug_01_print_at_the_takers_price_after_replace(void **state)
{
    (void)state;
    sell(1, 100, 1);
    ignore();
    buy(2, 90, 1);
    ignore();
    replace(2, 2, 110, 0);
    expect("s2 replaced #2 1@110", "trade 1@100 #2 #1");
    buy(1, 100, 1);
    ignore();
    sell(2, 110, 1);
    ignore();
    replace(2, 4, 90, 0);
    expect("s2 replaced #4 1@90", "trade 1@100 #3 #4");
}

static void bug_02_cancel_in_the_middle_breaks_the_queue(void **state)
{
    (void)state;
    for (uint64_t user = 1; user <= 4; user++) {
        buy(user, 100, user);
        ignore();
    }
    cancel(2, 2);
    expect("s2 cancelled #2 2 user");
    expect_book("8@100 x3 | ");
    sell(5, 100, 8);
    expect("trade 1@100 #1 #5", "trade 3@100 #3 #5", "trade 4@100 #4 #5");
}

static void bug_02_cancel_of_the_first_orphans_the_rest(void **state)
{
    (void)state;
    for (uint64_t user = 1; user <= 3; user++) {
        buy(user, 100, user);
        ignore();
    }
    cancel(1, 1);
    ignore();
    cancel(3, 3);
    ignore();
    expect_book("2@100 x1 | ");
    sell(5, 100, 3);
    expect("trade 2@100 #2 #4", "s5 confirmed #4 1@100");
}

static void bug_03_filled_maker_stays_known(void **state)
{
    (void)state;
    sell(1, 100, 1);
    ignore();
    sell(1, 100, 1);
    ignore();
    buy(2, 100, 1);
    ignore();
    cancel(1, 1);
    expect("s1 rejected cancel #1 unknown_order");
    cancel(1, 2);
    expect("s1 cancelled #2 1 user");
    open_orders(1);
    expect("s1 open_orders 0");
}

static void bug_04_partly_filled_maker_is_written_back(void **state)
{
    (void)state;
    sell(1, 100, 5);
    ignore();
    sell(2, 100, 5);
    ignore();
    buy(3, 100, 2);
    expect("trade 2@100 #3 #1");
    expect_book(" | 8@100 x2");
    cancel(1, 1);
    expect("s1 cancelled #1 3 user");
    expect_book(" | 5@100 x1");
}

static void bug_05_stale_best_after_cancel_of_the_best(void **state)
{
    (void)state;
    buy(1, 100, 1);
    ignore();
    buy(1, 105, 1);
    ignore();
    cancel(1, 2);
    ignore();
    expect_book("1@100 x1 | ");
    sell(2, 103, 1);
    expect("s2 confirmed #3 1@103");
    sell(2, 100, 1);
    expect("trade 1@100 #1 #4");
    expect_book(" | 1@103 x1");
}

static void bug_05_phantom_level_after_its_last_fill(void **state)
{
    (void)state;
    sell(1, 100, 1);
    ignore();
    sell(1, 101, 1);
    ignore();
    buy(2, 100, 1);
    ignore();
    expect_book(" | 1@101 x1");
    replace(1, 2, 102, 0);
    ignore();
    expect_book(" | 1@102 x1");
    buy(2, 102, 2);
    expect("trade 1@102 #4 #2", "s2 confirmed #4 1@102");
}

static void bug_06_immediate_residual_rests(void **state)
{
    (void)state;
    sell(1, 100, 1);
    ignore();
    buy_ioc(2, 100, 3);
    expect("trade 1@100 #2 #1", "s2 cancelled #2 2 ioc");
    expect_book(" | ");
    cancel(2, 2);
    expect("s2 rejected cancel #2 unknown_order");
    sell_ioc(1, 100, 1);
    expect("s1 cancelled #3 1 ioc");
    expect_book(" | ");
}

static void bug_07_sweep_goes_beyond_its_limit(void **state)
{
    (void)state;
    sell(1, 100, 1);
    ignore();
    sell(1, 101, 1);
    ignore();
    sell(1, 102, 1);
    ignore();
    buy(2, 101, 3);
    expect("trade 1@100 #4 #1", "trade 1@101 #4 #2", "s2 confirmed #4 1@101");
    expect_book("1@101 x1 | 1@102 x1");
}

static void bug_08_replace_into_the_spread_and_across(void **state)
{
    (void)state;
    buy(1, 100, 2);
    ignore();
    buy(3, 100, 3);
    ignore();
    sell(2, 110, 2);
    ignore();
    replace(1, 1, 105, 0);
    expect("s1 replaced #1 2@105");
    expect_book("2@105 x1, 3@100 x1 | 2@110 x1");
    replace(1, 1, 110, 1);
    expect("s1 replaced #1 1@110", "trade 1@110 #1 #3");
    expect_book("3@100 x1 | 1@110 x1");
}

static void bug_08_replace_drops_its_neighbour(void **state)
{
    (void)state;
    for (uint64_t user = 1; user <= 3; user++) {
        sell(user, 100, user);
        ignore();
    }
    replace(2, 2, 101, 0);
    ignore();
    expect_book(" | 4@100 x2, 2@101 x1");
    buy(4, 101, 6);
    expect("trade 1@100 #4 #1", "trade 3@100 #4 #3", "trade 2@101 #4 #2");
}

static void bug_09_no_empty_fills_and_no_overfill(void **state)
{
    const struct oc_event *events;
    uint64_t filled = 0;
    uint32_t count;

    (void)state;
    for (uint64_t step = 1; step <= 10; step++) {
        sell(1, 100, step);
        ignore();
    }
    buy(2, 100, 30);
    count = scenario_events(&events);
    for (uint32_t index = 0; index < count; index++) {
        assert_int_equal(events[index].kind, OC_EVENT_TRADE);
        assert_true(events[index].trade.qty_lots > 0);
        filled += events[index].trade.qty_lots;
    }
    ignore();
    assert_int_equal(filled, 30);
    expect_book(" | 25@100 x3");
}

static void bug_09_largest_quantities_do_not_wrap(void **state)
{
    (void)state;
    buy(1, 100, OC_QTY_LOTS_MAX);
    ignore();
    buy(1, 100, OC_QTY_LOTS_MAX);
    ignore();
    expect_book("18446744073709551614@100 x2 | ");
    sell(2, OC_PRICE_TICKS_MAX, OC_QTY_LOTS_MAX);
    expect("s2 confirmed #3 9223372036854775807@9223372036854775807");
    sell(2, 1, OC_QTY_LOTS_MAX);
    expect("trade 9223372036854775807@100 #1 #4");
    sell(2, 1, 1);
    expect("trade 1@100 #2 #5");
    expect_book("9223372036854775806@100 x1 | 9223372036854775807@9223372036854775807 x1");
}

static void bug_11_time_priority_survives_slot_reuse(void **state)
{
    (void)state;
    buy(1, 100, 1);
    ignore();
    buy(2, 100, 2);
    ignore();
    cancel(1, 1);
    ignore();
    /* Takes the slot that #1 had, at another place in memory than its place in the queue. */
    buy(3, 100, 3);
    ignore();
    buy(1, 100, 4);
    ignore();
    sell(4, 100, 10);
    expect("trade 2@100 #2 #5", "trade 3@100 #3 #5", "trade 4@100 #4 #5", "s4 confirmed #5 1@100");
}

static void bug_12_sweep_of_many_levels(void **state)
{
    const struct oc_event *events;

    (void)state;
    for (int64_t step = 0; step < 500; step++) {
        sell(1, 1000 + (step * 7) % 500, 1);
        ignore();
    }
    buy(2, 1499, 501);
    assert_int_equal(scenario_events(&events), 501);
    for (uint32_t index = 0; index < 500; index++) {
        assert_int_equal(events[index].kind, OC_EVENT_TRADE);
        assert_int_equal(events[index].trade.price_ticks, 1000 + index);
    }
    ignore();
    expect_book("1@1499 x1 | ");
}

static void bug_14_maker_is_told_before_it_is_forgotten(void **state)
{
    (void)state;
    reports_on(1);
    ENTER(.user = 1, .price = 100, .qty = 2, .id = "mine");
    expect("s1 accepted #1 2@100 id mine", "s1 confirmed #1 2@100 id mine");
    ENTER(.user = 1, .price = 100, .qty = 1);
    ignore();
    sell(2, 100, 3);
    expect("trade 2@100 #1 #3", "s1 executed #1 2@100 filled 2 open 0 maker",
           "s1 filled #1 2 open 0 id mine", "trade 1@100 #2 #3",
           "s1 executed #2 1@100 filled 1 open 0 maker", "s1 filled #2 1 open 0");
}

#define BUG(test) cmocka_unit_test_setup_teardown(test, scenario_setup, scenario_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BUG(bug_01_print_at_the_takers_price_after_replace),
        BUG(bug_02_cancel_in_the_middle_breaks_the_queue),
        BUG(bug_02_cancel_of_the_first_orphans_the_rest),
        BUG(bug_03_filled_maker_stays_known),
        BUG(bug_04_partly_filled_maker_is_written_back),
        BUG(bug_05_stale_best_after_cancel_of_the_best),
        BUG(bug_05_phantom_level_after_its_last_fill),
        BUG(bug_06_immediate_residual_rests),
        BUG(bug_07_sweep_goes_beyond_its_limit),
        BUG(bug_08_replace_into_the_spread_and_across),
        BUG(bug_08_replace_drops_its_neighbour),
        BUG(bug_09_no_empty_fills_and_no_overfill),
        BUG(bug_09_largest_quantities_do_not_wrap),
        BUG(bug_11_time_priority_survives_slot_reuse),
        BUG(bug_12_sweep_of_many_levels),
        BUG(bug_14_maker_is_told_before_it_is_forgotten),
    };

    return cmocka_run_group_tests_name("engine bugs", tests, NULL, NULL);
}
