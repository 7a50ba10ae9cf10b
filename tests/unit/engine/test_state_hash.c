/*
 * Goal: the state hash is equal after the same commands and different after any difference that a
 * later reply could depend on, and does not see slots, pointers or the size of the log.
 * Method: pairs of venues with the same or nearly the same history.
 * Fails when a part of the state is left out of the hash, or something else gets into it.
 */
#include "support/scenario.h"

static uint64_t hash_seeded(void (*play)(void), uint32_t log_capacity, uint64_t hash_seed)
{
    uint64_t hash;

    scenario_begin(
        &(struct scenario_options){.log_capacity = log_capacity, .hash_seed = hash_seed});
    play();
    ignore();
    hash = oc_engine_state_hash(scenario_engine());
    scenario_end();
    return hash;
}

static uint64_t hash_after(void (*play)(void), uint32_t log_capacity)
{
    return hash_seeded(play, log_capacity, 0);
}

static void base(void)
{
    ENTER(.user = 1, .price = 100, .qty = 5, .id = "a");
    ignore();
    ENTER(.user = 2, .price = 100, .qty = 6);
    ignore();
    ENTER(.user = 3, .side = OC_SELL, .price = 100, .qty = 1, .id = "b");
    ignore();
}

/** After `base`, something more, and the counters that every command moves made equal again. */
static uint64_t hash_with(void (*more)(void))
{
    uint64_t hash;

    scenario_begin(&(struct scenario_options){0});
    base();
    if (more != NULL) {
        more();
        ignore();
    }
    scenario_engine()->sequence_last = 100;
    scenario_engine()->time_last_ns = 100;
    hash = oc_engine_state_hash(scenario_engine());
    scenario_end();
    return hash;
}

static void same_history_same_hash(void **state)
{
    (void)state;
    assert_int_equal(hash_after(base, 4096), hash_after(base, 64));
    assert_int_equal(hash_with(NULL), hash_with(NULL));
}

static void the_hash_seed_does_not_count(void **state)
{
    (void)state;
    assert_int_equal(hash_seeded(base, 4096, 1), hash_seeded(base, 4096, UINT64_MAX));
}

static void other_settings(void)
{
    settings(1, OC_SETTING_REPORTS, OC_SETTING_REPORTS);
}

static void other_session(void)
{
    open_session(9);
}

static void other_quantity(void)
{
    replace(1, 1, 100, 3);
}

static void other_queue(void)
{
    /* Away and back: the same orders at the same price, in another order. */
    replace(1, 1, 99, 0);
    ignore();
    replace(1, 1, 100, 0);
}

static void other_instrument(void)
{
    instrument("BBB", &(struct oc_command_instrument){0});
}

static void other_tick(void)
{
    instrument("BBB", &(struct oc_command_instrument){.tick_ticks = 2});
}

static void other_user(void)
{
    /* Nothing is left of it but the user, the ids and the sequence. */
    buy_ioc(7, 1, 1);
}

static void other_client_id(void)
{
    ENTER(.user = 1, .price = 1, .qty = 1, .ioc = true, .id = "c");
}

static void other_client_id_content(void)
{
    ENTER(.user = 1, .price = 2, .qty = 1, .ioc = true, .id = "c");
}

static void other_order_gone(void)
{
    cancel(2, 2);
}

static void every_difference_counts(void **state)
{
    void (*const DIFFERENCES[])(void) = {
        NULL,
        other_settings,
        other_session,
        other_quantity,
        other_queue,
        other_instrument,
        other_tick,
        other_user,
        other_client_id,
        other_client_id_content,
        other_order_gone,
    };
    uint64_t hashes[sizeof(DIFFERENCES) / sizeof(DIFFERENCES[0])];

    (void)state;
    for (size_t index = 0; index < sizeof(hashes) / sizeof(hashes[0]); index++) {
        hashes[index] = hash_with(DIFFERENCES[index]);
        for (size_t other = 0; other < index; other++) {
            assert_int_not_equal(hashes[index], hashes[other]);
        }
    }
}

static void slots_in_one_way(void)
{
    buy(1, 100, 1);
    ignore();
    buy(2, 100, 2);
    ignore();
    buy(1, 99, 3);
    ignore();
    cancel(1, 1);
    ignore();
    cancel(2, 2);
}

static void slots_in_another_way(void)
{
    buy(1, 100, 1);
    ignore();
    buy(2, 100, 2);
    ignore();
    /* #3 takes the slot of #1 here, and a fresh one there. */
    cancel(1, 1);
    ignore();
    buy(1, 99, 3);
    ignore();
    cancel(2, 2);
}

static void slots_do_not_count(void **state)
{
    (void)state;
    assert_int_equal(hash_after(slots_in_one_way, 4096), hash_after(slots_in_another_way, 4096));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_history_same_hash),
        cmocka_unit_test(every_difference_counts),
        cmocka_unit_test(slots_do_not_count),
        cmocka_unit_test(the_hash_seed_does_not_count),
    };

    return cmocka_run_group_tests_name("engine state hash", tests, NULL, NULL);
}
