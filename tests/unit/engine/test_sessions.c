/*
 * Goal: sessions open, change their settings and end; cancel-on-disconnect takes exactly the orders
 * that the session entered, in the order of rule 17.
 * Method: by hand, every event word for word; assertions are caught where the server broke its
 * word. Fails when an order of another session goes, an exit is not told, or a reused slot
 * inherits.
 */
#include "support/scenario.h"

#define COD OC_SETTING_CANCEL_ON_DISCONNECT

static void settings_change_only_what_is_given(void **state)
{
    (void)state;
    open_session(1);
    expect("s1 opened trades");
    settings(1, OC_SETTING_REPORTS, OC_SETTING_REPORTS);
    expect("s1 session trades reports");
    settings(1, OC_SETTING_TRADES | COD, COD);
    expect("s1 session reports cancel_on_disconnect");
    settings(1, OC_SETTING_REPORTS, 0);
    expect("s1 session cancel_on_disconnect");
    settings(1, COD, 0);
    expect("s1 session nothing");
}

static void a_reused_slot_starts_anew(void **state)
{
    (void)state;
    settings(1, COD | OC_SETTING_REPORTS, COD | OC_SETTING_REPORTS);
    ignore();
    close_session(1);
    expect("s1 closed");
    open_session(1);
    expect("s1.2 opened trades");
}

static void orders_stay_without_the_setting(void **state)
{
    (void)state;
    buy(1, 100, 1);
    ignore();
    close_session(1);
    expect("s1 closed");
    expect_book("1@100 x1 | ");
    cancel(1, 1);
    expect("s1.2 cancelled #1 1 user");
}

static void the_sessions_orders_go_and_no_other(void **state)
{
    (void)state;
    ENTER(.user = 8, .session = 1, .price = 100, .qty = 1);
    ignore();
    ENTER(.user = 9, .session = 1, .side = OC_SELL, .price = 120, .qty = 2);
    ignore();
    ENTER(.user = 8, .session = 2, .price = 100, .qty = 3);
    ignore();
    ENTER(.user = 8, .session = 1, .symbol = "BBB", .price = 100, .qty = 4);
    ignore();
    ENTER(.user = 9, .session = 1, .price = 101, .qty = 5);
    ignore();
    settings(1, COD, COD);
    ignore();
    close_session(1);
    expect("venue cancelled #5 5 disconnect", "venue cancelled #1 1 disconnect",
           "venue cancelled #2 2 disconnect", "venue cancelled #4 4 disconnect in 1", "s1 closed");
    expect_book("3@100 x1 | ");
    assert_int_equal(scenario_engine()->session_count, 1);
}

static void orders_of_an_ended_session_are_not_inherited(void **state)
{
    (void)state;
    buy(1, 100, 1);
    ignore();
    buy(1, 99, 1);
    ignore();
    close_session(1);
    ignore();
    settings(1, COD, COD);
    ignore();
    buy(1, 98, 1);
    ignore();
    /* An order of the old session leaves while the new one has its own. */
    cancel(1, 2);
    ignore();
    close_session(1);
    expect("venue cancelled #3 1 disconnect", "s1.2 closed");
    expect_book("1@100 x1 | ");
}

static void replaced_orders_stay_with_their_session(void **state)
{
    struct oc_command command;

    (void)state;
    ENTER(.user = 9, .session = 1, .price = 100, .qty = 1);
    ignore();
    settings(1, COD, COD);
    ignore();
    command = command_of(2, OC_COMMAND_REPLACE);
    command.user_id = 9;
    command.replace.order_id = 1;
    command.replace.price_ticks = 90;
    apply(&command);
    ignore();
    settings(2, COD, COD);
    ignore();
    close_session(2);
    expect("s2 closed");
    close_session(1);
    expect("venue cancelled #1 1 disconnect", "s1 closed");
}

static void filled_orders_leave_the_list(void **state)
{
    (void)state;
    settings(1, COD, COD);
    ignore();
    for (int64_t price = 100; price < 105; price++) {
        buy(1, price, 1);
        ignore();
    }
    sell(2, 102, 3);
    ignore();
    cancel(1, 1);
    ignore();
    close_session(1);
    expect("venue cancelled #2 1 disconnect", "s1 closed");
}

static void the_server_must_keep_its_word(void **state)
{
    struct oc_command command = {.kind = OC_COMMAND_PING, .sequence = 1, .time_ns = 5};

    (void)state;
    command.session = oc_session_make(3, 1);
    assert_true(asserts(oc_engine_apply(scenario_engine(), &command)));
    command.session = OC_SESSION_VENUE;
    scenario_engine()->stage = OC_ENGINE__STAGE_IDLE;
    scenario_engine()->sequence_last = 0;
    command.sequence = 2;
    assert_true(asserts(oc_engine_apply(scenario_engine(), &command)));
    command.sequence = 1;
    command.time_ns = 4;
    assert_true(asserts(oc_engine_apply(scenario_engine(), &command)));
    assert_true(asserts(oc_engine_continue(scenario_engine())));
}

#define SESSION(test) cmocka_unit_test_setup_teardown(test, scenario_setup, scenario_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION(settings_change_only_what_is_given),
        SESSION(a_reused_slot_starts_anew),
        SESSION(orders_stay_without_the_setting),
        SESSION(the_sessions_orders_go_and_no_other),
        SESSION(orders_of_an_ended_session_are_not_inherited),
        SESSION(replaced_orders_stay_with_their_session),
        SESSION(filled_orders_leave_the_list),
        SESSION(the_server_must_keep_its_word),
    };

    return cmocka_run_group_tests_name("engine sessions", tests, NULL, NULL);
}
