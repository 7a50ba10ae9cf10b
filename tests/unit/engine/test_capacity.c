/*
 * Goal: rule 21 and bug 10: every limit is a reject with its reason, decided before the first fill
 * and exactly: an order that needs no room is never refused for want of it.
 * Method: venues with limits of one or two; the last that fits, the first that does not.
 * Fails when a limit is off by one, a reject leaves a trace, or a fill comes before the reject.
 */
#include "support/scenario.h"

#define LIMITS(...) scenario_begin(&(struct scenario_options){.limits = {__VA_ARGS__}})

static void orders(void **state)
{
    (void)state;
    LIMITS(.orders_max = 2);
    buy(1, 100, 1);
    ignore();
    buy(1, 99, 1);
    ignore();
    buy(1, 98, 1);
    expect("s1 rejected new too_many_orders");
    assert_int_equal(scenario_engine()->order_id_last, 2);
    sell(2, 100, 1);
    expect("trade 1@100 #1 #3");
    buy(1, 98, 1);
    expect("s1 confirmed #4 1@98");
    scenario_end();
}

static void orders_are_not_needed_to_fill(void **state)
{
    (void)state;
    LIMITS(.orders_max = 1);
    buy(1, 100, 5);
    ignore();
    sell(2, 100, 2);
    expect("trade 2@100 #1 #2");
    sell_ioc(2, 101, 2);
    expect("s2 cancelled #3 2 ioc");
    sell(2, 101, 2);
    expect("s2 rejected new too_many_orders");
    /* The remainder takes the slot of the order that it uses up. */
    sell(2, 100, 4);
    expect("trade 3@100 #1 #4", "s2 confirmed #4 1@100");
    scenario_end();
}

static void orders_refused_before_the_first_fill(void **state)
{
    (void)state;
    LIMITS(.orders_max = 2, .levels_max = 2);
    buy(1, 100, 5);
    ignore();
    sell(2, 110, 5);
    ignore();
    sell(2, 105, 1);
    expect("s2 rejected new too_many_orders");
    expect_book("5@100 x1 | 5@110 x1");
    scenario_end();
}

static void levels(void **state)
{
    (void)state;
    LIMITS(.levels_max = 2);
    buy(1, 100, 1);
    ignore();
    sell(1, 110, 1);
    ignore();
    buy(2, 99, 1);
    expect("s2 rejected new too_many_levels");
    buy(2, 100, 1);
    expect("s2 confirmed #3 1@100");
    /* Uses up the level it needs. */
    buy(2, 111, 2);
    expect("trade 1@110 #4 #2", "s2 confirmed #4 1@111");
    ENTER(.symbol = "BBB", .price = 1, .qty = 1);
    expect("s1 rejected new too_many_levels");
    assert_int_equal(scenario_engine()->instrument_count, 1);
    scenario_end();
}

static void levels_of_a_replace(void **state)
{
    (void)state;
    LIMITS(.levels_max = 2);
    buy(1, 100, 1);
    ignore();
    sell(1, 110, 2);
    ignore();
    /* Leaves its level empty behind it. */
    replace(1, 1, 101, 0);
    expect("s1 replaced #1 1@101");
    buy(2, 101, 1);
    ignore();
    replace(1, 1, 102, 0);
    expect("s1 rejected replace #1 too_many_levels");
    expect_book("2@101 x2 | 2@110 x1");
    replace(1, 1, 110, 0);
    expect("s1 replaced #1 1@110", "trade 1@110 #1 #2");
    replace(2, 3, 110, 3);
    expect("s2 replaced #3 3@110", "trade 1@110 #3 #2");
    scenario_end();
}

static void level_total(void **state)
{
    (void)state;
    LIMITS(.orders_max = 8);
    buy(1, 100, OC_QTY_LOTS_MAX);
    ignore();
    buy(1, 100, OC_QTY_LOTS_MAX);
    ignore();
    buy(1, 100, 2);
    expect("s1 rejected new level_total_too_large");
    buy(1, 100, 1);
    expect("s1 confirmed #3 1@100");
    replace(1, 3, 100, 2);
    expect("s1 rejected replace #3 level_total_too_large");
    buy(1, 99, 2);
    ignore();
    replace(1, 4, 100, 0);
    expect("s1 rejected replace #4 level_total_too_large");
    cancel(1, 3);
    ignore();
    replace(1, 4, 100, 1);
    expect("s1 replaced #4 1@100");
    expect_book("18446744073709551615@100 x3 | ");
    scenario_end();
}

static void replace_total_beyond_the_largest(void **state)
{
    (void)state;
    LIMITS(.orders_max = 8);
    buy(1, 100, 10);
    ignore();
    sell(2, 100, 4);
    ignore();
    replace(1, 1, 0, OC_QTY_LOTS_MAX);
    expect("s1 rejected replace #1 quantity_too_large");
    replace(1, 1, 0, OC_QTY_LOTS_MAX - 4);
    expect("s1 replaced #1 9223372036854775803@100");
    scenario_end();
}

static void users(void **state)
{
    (void)state;
    LIMITS(.users_max = 2);
    buy(1, 100, 1);
    ignore();
    /* Rejected orders make no user. */
    ENTER(.user = 3, .symbol = "AAA", .price = 100, .qty = 1, .id = "x");
    ignore();
    buy(2, 100, 1);
    expect("s2 rejected new too_many_users");
    cancel(2, 1);
    expect("s2 rejected cancel #1 unknown_order");
    open_orders(2);
    expect("s2 open_orders 0");
    assert_int_equal(scenario_engine()->user_count, 2);
    /* A user whose orders are all gone remains one. */
    cancel(1, 1);
    ignore();
    buy(2, 100, 1);
    expect("s2 rejected new too_many_users");
    buy(1, 100, 1);
    expect("s1 confirmed #3 1@100");
    scenario_end();
}

static void client_order_ids(void **state)
{
    (void)state;
    LIMITS(.client_ids_max = 2, .client_ids_total = 3);
    ENTER(.user = 1, .price = 1, .qty = 1, .id = "a");
    ignore();
    ENTER(.user = 1, .price = 1, .qty = 1, .id = "b");
    ignore();
    ENTER(.user = 2, .price = 1, .qty = 1, .id = "a");
    ignore();
    ENTER(.user = 2, .price = 1, .qty = 1, .id = "b");
    expect("s2 rejected new too_many_client_order_ids id b");
    ENTER(.user = 3, .price = 1, .qty = 1, .id = "a");
    expect("s3 rejected new too_many_client_order_ids id a");
    assert_int_equal(scenario_engine()->user_count, 2);
    /* A full window gives up its own oldest and needs nothing from the others. */
    ENTER(.user = 1, .price = 1, .qty = 1, .id = "c");
    expect("s1 confirmed #4 1@1 id c");
    ENTER(.user = 2, .price = 1, .qty = 1);
    expect("s2 confirmed #5 1@1");
    scenario_end();
}

static void instruments(void **state)
{
    (void)state;
    LIMITS(.instruments_max = 1);
    ENTER(.symbol = "AAA", .price = 1, .qty = 1);
    ignore();
    ENTER(.symbol = "BBB", .price = 1, .qty = 1);
    expect("s1 rejected new too_many_instruments");
    instrument("AAA", &(struct oc_command_instrument){0});
    expect("venue rejected instrument instrument_exists");
    instrument("BBB", &(struct oc_command_instrument){0});
    expect("venue rejected instrument too_many_instruments");
    scenario_end();
}

static void order_ids(void **state)
{
    (void)state;
    LIMITS(.orders_max = 4);
    buy(1, 100, 1);
    ignore();
    scenario_engine()->order_id_last = OC_ORDER_ID_MAX - 1;
    buy(1, 100, 1);
    expect("s1 confirmed #281474976710655 1@100");
    buy(1, 100, 1);
    expect("s1 rejected new order_ids_exhausted");
    buy_ioc(1, 100, 1);
    expect("s1 rejected new order_ids_exhausted");
    cancel(1, OC_ORDER_ID_MAX);
    expect("s1 cancelled #281474976710655 1 user");
    scenario_end();
}

static void limits_outside_their_range(void **state)
{
    struct oc_engine_config config = {.limits = OC_LIMITS_DEFAULT};
    struct oc_event_log log;
    struct oc_arena arena;

    (void)state;
    oc_arena_init(&arena);
    assert_int_equal(oc_event_log_init(&log, &arena, 64), 0);
    config.limits.orders_max = 0;
    assert_null(oc_engine_create(&arena, &config, &log));
    config.limits.orders_max = (1U << 31) + 1;
    assert_null(oc_engine_create(&arena, &config, &log));
    config.limits = OC_LIMITS_DEFAULT;
    config.limits.sessions_max = (1U << 20) + 1;
    assert_null(oc_engine_create(&arena, &config, &log));
    config.limits = OC_LIMITS_DEFAULT;
    config.limits.client_ids_max = 0;
    assert_null(oc_engine_create(&arena, &config, &log));
    config.limits = OC_LIMITS_DEFAULT;
    assert_non_null(oc_engine_create(&arena, &config, &log));
    oc_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders),
        cmocka_unit_test(orders_are_not_needed_to_fill),
        cmocka_unit_test(orders_refused_before_the_first_fill),
        cmocka_unit_test(levels),
        cmocka_unit_test(levels_of_a_replace),
        cmocka_unit_test(level_total),
        cmocka_unit_test(replace_total_beyond_the_largest),
        cmocka_unit_test(users),
        cmocka_unit_test(client_order_ids),
        cmocka_unit_test(instruments),
        cmocka_unit_test(order_ids),
        cmocka_unit_test(limits_outside_their_range),
    };

    return cmocka_run_group_tests_name("engine capacity", tests, NULL, NULL);
}
