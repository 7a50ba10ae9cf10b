/*
 * Goal: who is told what, in which order and with which request_id: direct replies, copies for the
 * entry session, reports, the public tape.
 * Method: by hand, every event word for word.
 * Fails when a reply is missing, doubled, out of order, or carries what it should not.
 */
#include "support/scenario.h"

static void direct_replies_echo_the_request(void **state)
{
    (void)state;
    ENTER(.price = 100, .qty = 2, .id = "a", .request = 5);
    expect("s1 confirmed #1 2@100 id a request 5");
    ENTER(.price = 100, .qty = 2, .id = "a", .request = 6);
    expect("s1 duplicate #1 filled 0 open 2 id a request 6");
    ENTER(.price = 100, .qty = 3, .id = "a", .request = 7);
    expect("s1 rejected new client_order_id_reused id a request 7");
    ENTER(.user = 2, .side = OC_SELL, .price = 100, .qty = 3, .ioc = true, .id = "b", .request = 8);
    expect("trade 2@100 #1 #2", "s2 cancelled #2 1 ioc id b request 8");
}

static void request_id_zero_is_one(void **state)
{
    struct oc_command command = command_of(1, OC_COMMAND_PING);

    (void)state;
    command.flags = OC_COMMAND_HAS_REQUEST_ID;
    command.ping.ping = UINT64_MAX;
    apply(&command);
    expect("s1 pong 18446744073709551615 request 0");
}

static void reports_of_both_sides(void **state)
{
    (void)state;
    reports_on(1);
    reports_on(2);
    ENTER(.user = 1, .price = 100, .qty = 3, .request = 1);
    expect("s1 accepted #1 3@100 request 1", "s1 confirmed #1 3@100 request 1");
    ENTER(.user = 2, .side = OC_SELL, .price = 100, .qty = 2, .request = 2);
    expect("s2 accepted #2 2@100 request 2", "trade 2@100 #1 #2",
           "s1 executed #1 2@100 filled 2 open 1 maker",
           "s2 executed #2 2@100 filled 2 open 0 taker", "s2 filled #2 2 open 0");
    ENTER(.user = 2, .side = OC_SELL, .price = 90, .qty = 2);
    expect("s2 accepted #3 2@90", "trade 1@100 #1 #3", "s1 executed #1 1@100 filled 3 open 0 maker",
           "s2 executed #3 1@100 filled 1 open 1 taker", "s1 filled #1 3 open 0",
           "s2 confirmed #3 1@90");
    cancel(2, 3);
    expect("s2 cancelled #3 1 user");
}

static void reports_of_an_immediate_order(void **state)
{
    (void)state;
    reports_on(2);
    buy(1, 100, 1);
    ignore();
    sell_ioc(2, 100, 2);
    expect("s2 accepted #2 2@100", "trade 1@100 #1 #2",
           "s2 executed #2 1@100 filled 1 open 1 taker", "s2 cancelled #2 1 ioc");
}

static void reports_when_both_sides_are_one_session(void **state)
{
    (void)state;
    reports_on(1);
    buy(1, 100, 1);
    ignore();
    sell(1, 100, 1);
    expect("s1 accepted #2 1@100", "trade 1@100 #1 #2",
           "s1 executed #1 1@100 filled 1 open 0 maker",
           "s1 executed #2 1@100 filled 1 open 0 taker", "s1 filled #1 1 open 0",
           "s1 filled #2 1 open 0");
}

static void reports_of_a_replace_go_to_the_entry_session(void **state)
{
    struct oc_command command;

    (void)state;
    reports_on(1);
    sell(3, 105, 1);
    ignore();
    ENTER(.user = 9, .session = 1, .price = 100, .qty = 1);
    ignore();
    command = command_of(2, OC_COMMAND_REPLACE);
    command.user_id = 9;
    command.replace.order_id = 2;
    command.replace.price_ticks = 105;
    apply(&command);
    expect("s2 replaced #2 1@105", "s1 replaced #2 1@105", "trade 1@105 #2 #1",
           "s1 executed #2 1@105 filled 1 open 0 taker", "s1 filled #2 1 open 0");
}

static void reports_end_with_the_session(void **state)
{
    (void)state;
    reports_on(1);
    buy(1, 100, 1);
    ignore();
    close_session(1);
    expect("s1 closed");
    open_session(1);
    expect("s1.2 opened trades");
    settings(1, OC_SETTING_REPORTS, OC_SETTING_REPORTS);
    expect("s1.2 session trades reports");
    sell(2, 100, 1);
    expect("trade 1@100 #1 #2");
}

static void copies_stop_when_the_entry_session_ends(void **state)
{
    struct oc_command command;

    (void)state;
    ENTER(.user = 9, .session = 1, .price = 100, .qty = 3);
    ignore();
    close_session(1);
    ignore();
    open_session(1);
    ignore();
    command = command_of(2, OC_COMMAND_REPLACE);
    command.user_id = 9;
    command.replace.order_id = 1;
    command.replace.qty_lots = 2;
    apply(&command);
    expect("s2 replaced #1 2@100");
    command.kind = OC_COMMAND_CANCEL;
    command.cancel.order_id = 1;
    apply(&command);
    expect("s2 cancelled #1 2 user");
}

static void total_filled_tells_requester_and_entry_session(void **state)
{
    struct oc_command command;

    (void)state;
    ENTER(.user = 9, .session = 1, .price = 100, .qty = 3);
    ignore();
    sell(3, 100, 1);
    ignore();
    command = command_of(2, OC_COMMAND_REPLACE);
    command.user_id = 9;
    command.replace.order_id = 1;
    command.replace.total_qty_lots = 1;
    apply(&command);
    expect("s2 cancelled #1 2 total_filled", "s1 cancelled #1 2 total_filled");
}

static void refused_bytes_are_answered_in_line(void **state)
{
    struct oc_command command = command_of(1, OC_COMMAND_REFUSED);
    const struct oc_event *events;

    (void)state;
    command.flags = OC_COMMAND_HAS_REQUEST_ID;
    command.request_id = 3;
    command.refused.request = OC_COMMAND_REPLACE;
    command.refused.reason = OC_REASON_UNKNOWN_MEMBER;
    command.refused.order_id = 12;
    command.refused.detail = (struct oc_detail){.size = 3, .bytes = "qty"};
    apply(&command);
    assert_int_equal(scenario_events(&events), 1);
    assert_memory_equal(&events[0].rejected.detail, &command.refused.detail,
                        sizeof(struct oc_detail));
    expect("s1 rejected replace #12 unknown_member request 3");
}

static void orders_of_the_venue_itself(void **state)
{
    (void)state;
    ENTER(.user = 5, .by_venue = true, .price = 100, .qty = 2);
    expect("venue confirmed #1 2@100");
    sell(1, 100, 1);
    expect("trade 1@100 #1 #2");
    cancel(5, 1);
    expect("s5 cancelled #1 1 user");
}

static void order_events_say_all_of_the_order(void **state)
{
    const struct oc_event *events;

    (void)state;
    ENTER(.user = 7, .side = OC_SELL, .price = 100, .qty = 9, .id = "abc");
    ignore();
    buy(1, 100, 4);
    ignore();
    cancel(7, 1);
    assert_int_equal(scenario_events(&events), 1);
    assert_int_equal(events[0].order.order_id, 1);
    assert_int_equal(events[0].order.user_id, 7);
    assert_int_equal(events[0].order.price_ticks, 100);
    assert_int_equal(events[0].order.qty_lots, 5);
    assert_int_equal(events[0].order.filled_lots, 4);
    assert_int_equal(events[0].order.side, OC_SELL);
    assert_int_equal(events[0].instrument, 0);
    ignore();
}

#define REPLY(test) cmocka_unit_test_setup_teardown(test, scenario_setup, scenario_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REPLY(direct_replies_echo_the_request),
        REPLY(request_id_zero_is_one),
        REPLY(reports_of_both_sides),
        REPLY(reports_of_an_immediate_order),
        REPLY(reports_when_both_sides_are_one_session),
        REPLY(reports_of_a_replace_go_to_the_entry_session),
        REPLY(reports_end_with_the_session),
        REPLY(copies_stop_when_the_entry_session_ends),
        REPLY(total_filled_tells_requester_and_entry_session),
        REPLY(refused_bytes_are_answered_in_line),
        REPLY(orders_of_the_venue_itself),
        REPLY(order_events_say_all_of_the_order),
    };

    return cmocka_run_group_tests_name("engine replies", tests, NULL, NULL);
}
