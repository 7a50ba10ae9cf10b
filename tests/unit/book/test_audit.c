/*
 * Goal: the audit of a book notices damage: it is the oracle of other tests and must not be blind.
 * Method: a sound book, one field spoilt at a time; the audit must fail an assertion.
 * Fails when the audit passes a spoilt book or rejects the sound one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "book/book.h"

#define INSTRUMENT 0U

static struct oc_arena arena;
static struct oc_book_store store;
static struct oc_book book;
static uint32_t orders[4];
static jmp_buf caught;

static void on_assertion(void)
{
    longjmp(caught, 1);
}

static int begin(void **state)
{
    static const struct oc_client_order_id NO_TEXT;
    const int64_t prices[] = {100, 100, 99, 105};

    (void)state;
    oc_arena_init(&arena);
    oc_book_init(&book);
    if (oc_book_store_init(&store, &arena, 16, 16, 1, 0) != 0) {
        return -1;
    }
    for (uint32_t index = 0; index < 4; index++) {
        orders[index] = oc_book_orders_add(&store.orders, &(struct oc_book_order_entry){
                                                              .id = index + 1,
                                                              .open_lots = 5,
                                                              .instrument = INSTRUMENT,
                                                              .side = index == 3 ? OC_SELL : OC_BUY,
                                                              .client_order_id = &NO_TEXT,
                                                          });
        oc_book_append(&store, &book, orders[index], prices[index], NULL);
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    oc_arena_deinit(&arena);
    return 0;
}

static bool audit_passes(void)
{
    if (setjmp(caught) != 0) {
        return false;
    }
    oc_assert_set_hook(on_assertion);
    oc_book_audit(&store, &book, INSTRUMENT);
    oc_assert_set_hook(NULL);
    return true;
}

static struct oc_book_order *order(uint32_t number)
{
    return &store.orders.orders[orders[number]];
}

static void a_sound_book_passes(void **state)
{
    (void)state;
    assert_true(audit_passes());
}

static void a_wrong_total(void **state)
{
    (void)state;
    order(0)->open_lots++;
    assert_false(audit_passes());
}

static void an_empty_order(void **state)
{
    (void)state;
    order(2)->open_lots = 0;
    store.levels.levels[order(2)->level].total_lots = 0;
    assert_false(audit_passes());
}

static void a_broken_link(void **state)
{
    (void)state;
    order(1)->previous = OC_INDEX_NONE;
    assert_false(audit_passes());
}

static void a_queue_out_of_order(void **state)
{
    uint64_t priority = order(0)->priority;

    (void)state;
    order(0)->priority = order(1)->priority;
    order(1)->priority = priority;
    assert_false(audit_passes());
}

static void an_order_of_the_other_side(void **state)
{
    (void)state;
    order(2)->place ^= 1U;
    assert_false(audit_passes());
}

static void an_id_that_is_not_found(void **state)
{
    (void)state;
    order(2)->id = 77;
    assert_false(audit_passes());
}

static void a_stale_best(void **state)
{
    (void)state;
    book.sides[OC_BUY].best_key = 99;
    assert_false(audit_passes());
}

static void a_wrong_count(void **state)
{
    (void)state;
    book.sides[OC_BUY].count++;
    assert_false(audit_passes());
}

static void a_phantom_level(void **state)
{
    (void)state;
    oc_book_levels_make(&store.levels, &book.sides[OC_BUY], 98,
                        oc_book_levels_find(&store.levels, &book.sides[OC_BUY], 98));
    assert_false(audit_passes());
}

static void a_crossed_book(void **state)
{
    (void)state;
    oc_book_take(&store, &book, orders[3]);
    oc_book_append(&store, &book, orders[3], 100, NULL);
    assert_false(audit_passes());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_sound_book_passes, begin, end),
        cmocka_unit_test_setup_teardown(a_wrong_total, begin, end),
        cmocka_unit_test_setup_teardown(an_empty_order, begin, end),
        cmocka_unit_test_setup_teardown(a_broken_link, begin, end),
        cmocka_unit_test_setup_teardown(a_queue_out_of_order, begin, end),
        cmocka_unit_test_setup_teardown(an_order_of_the_other_side, begin, end),
        cmocka_unit_test_setup_teardown(an_id_that_is_not_found, begin, end),
        cmocka_unit_test_setup_teardown(a_stale_best, begin, end),
        cmocka_unit_test_setup_teardown(a_wrong_count, begin, end),
        cmocka_unit_test_setup_teardown(a_phantom_level, begin, end),
        cmocka_unit_test_setup_teardown(a_crossed_book, begin, end),
    };

    return cmocka_run_group_tests_name("book audit", tests, NULL, NULL);
}
