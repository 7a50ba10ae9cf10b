/*
 * Goal: client_order_ids: a resend is answered and executes nothing, a reuse is refused, the window
 * of each user forgets its oldest.
 * Method: by hand, every event word for word.
 * Fails when an order is executed twice, refused wrongly, or remembered too long or too short.
 */
#include "support/scenario.h"

static void a_resend_is_answered_with_what_became_of_it(void **state)
{
    (void)state;
    ENTER(.price = 100, .qty = 7, .id = "a");
    expect("s1 confirmed #1 7@100 id a");
    ENTER(.price = 100, .qty = 7, .id = "a");
    expect("s1 duplicate #1 filled 0 open 7 id a");
    sell(2, 100, 3);
    ignore();
    ENTER(.price = 100, .qty = 7, .id = "a");
    expect("s1 duplicate #1 filled 3 open 4 id a");
    cancel(1, 1);
    ignore();
    ENTER(.price = 100, .qty = 7, .id = "a");
    expect("s1 duplicate #1 filled 3 open 0 id a");
    expect_book(" | ");
}

static void a_resend_of_a_filled_order(void **state)
{
    (void)state;
    sell(2, 100, 5);
    ignore();
    ENTER(.price = 100, .qty = 5, .id = "taker");
    expect("trade 5@100 #2 #1");
    ENTER(.price = 100, .qty = 5, .id = "taker");
    expect("s1 duplicate #2 filled 5 open 0 id taker");
    ENTER(.price = 100, .qty = 5, .ioc = true, .id = "ioc");
    ignore();
    ENTER(.price = 100, .qty = 5, .ioc = true, .id = "ioc");
    expect("s1 duplicate #3 filled 0 open 0 id ioc");
    ENTER(.price = 100, .qty = 5, .id = "maker");
    ignore();
    sell(2, 100, 5);
    ignore();
    ENTER(.price = 100, .qty = 5, .id = "maker");
    expect("s1 duplicate #4 filled 5 open 0 id maker");
}

static void a_resend_after_replace_compares_the_first_content(void **state)
{
    (void)state;
    sell(2, 105, 1);
    ignore();
    ENTER(.price = 100, .qty = 5, .id = "a");
    ignore();
    replace(1, 2, 105, 3);
    expect("s1 replaced #2 3@105 id a", "trade 1@105 #2 #1");
    ENTER(.price = 100, .qty = 5, .id = "a");
    expect("s1 duplicate #2 filled 1 open 2 id a");
    ENTER(.price = 105, .qty = 3, .id = "a");
    expect("s1 rejected new client_order_id_reused id a");
    sell(2, 105, 2);
    ignore();
    ENTER(.price = 100, .qty = 5, .id = "a");
    expect("s1 duplicate #2 filled 3 open 0 id a");
    ENTER(.price = 90, .qty = 2, .id = "b");
    ignore();
    sell(2, 95, 2);
    ignore();
    replace(1, 4, 95, 2);
    ignore();
    ENTER(.price = 90, .qty = 2, .id = "b");
    expect("s1 duplicate #4 filled 2 open 0 id b");
}

static void every_part_of_the_content_counts(void **state)
{
    (void)state;
    ENTER(.price = 100, .qty = 5, .id = "a");
    ignore();
    ENTER(.side = OC_SELL, .price = 100, .qty = 5, .id = "a");
    expect("s1 rejected new client_order_id_reused id a");
    ENTER(.price = 101, .qty = 5, .id = "a");
    expect("s1 rejected new client_order_id_reused id a");
    ENTER(.price = 100, .qty = 6, .id = "a");
    expect("s1 rejected new client_order_id_reused id a");
    ENTER(.price = 100, .qty = 5, .ioc = true, .id = "a");
    expect("s1 rejected new client_order_id_reused id a");
    ENTER(.symbol = "BBB", .price = 100, .qty = 5, .id = "a");
    expect("s1 rejected new client_order_id_reused id a");
    ENTER(.price = 100, .qty = 5, .id = "a");
    expect("s1 duplicate #1 filled 0 open 5 id a");
}

static void ids_belong_to_their_user(void **state)
{
    (void)state;
    ENTER(.user = 1, .price = 100, .qty = 5, .id = "a");
    ignore();
    ENTER(.user = 2, .price = 100, .qty = 6, .id = "a");
    expect("s2 confirmed #2 6@100 id a");
    /* From any session of the user. */
    ENTER(.user = 1, .session = 3, .price = 100, .qty = 5, .id = "a");
    expect("s3 duplicate #1 filled 0 open 5 id a");
    ENTER(.user = 1, .price = 100, .qty = 5, .id = "aa");
    expect("s1 confirmed #3 5@100 id aa");
}

static void rejected_orders_are_not_remembered(void **state)
{
    (void)state;
    instrument("AAA", &(struct oc_command_instrument){.tick_ticks = 2});
    ignore();
    ENTER(.price = 101, .qty = 5, .id = "a");
    expect("s1 rejected new price_off_tick id a");
    ENTER(.price = 102, .qty = 5, .id = "a");
    expect("s1 confirmed #1 5@102 id a");
}

static void the_window_forgets_the_oldest(void **state)
{
    char id[16];

    (void)state;
    scenario_begin(&(struct scenario_options){.limits = {.client_ids_max = 3}});
    for (int number = 1; number <= 4; number++) {
        snprintf(id, sizeof(id), "n%d", number);
        ENTER(.price = 100, .qty = (uint64_t)number, .id = id);
        ignore();
    }
    ENTER(.price = 100, .qty = 2, .id = "n2");
    expect("s1 duplicate #2 filled 0 open 2 id n2");
    /* Forgotten: a new order, while the first one is still open and keeps its own id. */
    ENTER(.price = 100, .qty = 1, .id = "n1");
    expect("s1 confirmed #5 1@100 id n1");
    cancel(1, 1);
    expect("s1 cancelled #1 1 user id n1");
    ENTER(.price = 100, .qty = 1, .id = "n1");
    expect("s1 duplicate #5 filled 0 open 1 id n1");
    ENTER(.price = 100, .qty = 2, .id = "n2");
    expect("s1 confirmed #6 2@100 id n2");
    scenario_end();
}

static void a_window_of_one(void **state)
{
    (void)state;
    scenario_begin(
        &(struct scenario_options){.limits = {.client_ids_max = 1, .client_ids_total = 1}});
    ENTER(.price = 100, .qty = 1, .id = "a");
    ignore();
    ENTER(.price = 100, .qty = 1, .id = "b");
    expect("s1 confirmed #2 1@100 id b");
    ENTER(.price = 100, .qty = 1, .id = "b");
    expect("s1 duplicate #2 filled 0 open 1 id b");
    ENTER(.price = 100, .qty = 1, .id = "a");
    expect("s1 confirmed #3 1@100 id a");
    scenario_end();
}

static void users_of_every_id(void **state)
{
    (void)state;
    ENTER(.user = UINT64_MAX, .session = 1, .price = 100, .qty = 1);
    expect("s1 confirmed #1 1@100");
    /* User 0 is a user; `enter` would take it for the default. */
    struct oc_command command = command_of(2, OC_COMMAND_NEW);
    command.user_id = 0;
    command.new_order.symbol = symbol_of("AAA");
    command.new_order.side = OC_SELL;
    command.new_order.price_ticks = 100;
    command.new_order.qty_lots = 3;
    apply(&command);
    expect("trade 1@100 #1 #2", "s2 confirmed #2 2@100");
    command.kind = OC_COMMAND_OPEN_ORDERS;
    apply(&command);
    expect("s2 open_orders 1", "s2 open #2 sell 2@100 filled 1");
}

/** The session's last user is a guess at its next one, never more. */
static void a_session_acts_for_several_users(void **state)
{
    (void)state;
    ENTER(.user = 1, .session = 5, .price = 100, .qty = 1, .id = "a");
    expect("s5 confirmed #1 1@100 id a");
    ENTER(.user = 2, .session = 5, .price = 100, .qty = 2, .id = "a");
    expect("s5 confirmed #2 2@100 id a");
    ENTER(.user = 1, .session = 5, .price = 100, .qty = 1, .id = "a");
    expect("s5 duplicate #1 filled 0 open 1 id a");
    ENTER(.user = 2, .session = 5, .price = 100, .qty = 2, .id = "a");
    expect("s5 duplicate #2 filled 0 open 2 id a");
    expect_book("3@100 x2 | ");
}

#define USER(test) cmocka_unit_test_setup_teardown(test, scenario_setup, scenario_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        USER(a_resend_is_answered_with_what_became_of_it),
        USER(a_resend_of_a_filled_order),
        USER(a_resend_after_replace_compares_the_first_content),
        USER(every_part_of_the_content_counts),
        USER(ids_belong_to_their_user),
        USER(rejected_orders_are_not_remembered),
        USER(a_session_acts_for_several_users),
        cmocka_unit_test(the_window_forgets_the_oldest),
        cmocka_unit_test(a_window_of_one),
        USER(users_of_every_id),
    };

    return cmocka_run_group_tests_name("engine users", tests, NULL, NULL);
}
