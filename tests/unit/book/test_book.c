/*
 * Goal: each step of a book does what it says and leaves the book whole.
 * Method: a book of a few orders, audited after every step; room asked at its last unit.
 * Fails when a queue, a total or a level is wrong after a step, or room is off by one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "book/book.h"

#define INSTRUMENT 3U

static struct oc_arena arena;
static struct oc_book_store store;
static struct oc_book book;
static uint64_t id_last;

static int begin(void **state)
{
    (void)state;
    id_last = 0;
    oc_arena_init(&arena);
    oc_book_init(&book);
    return oc_book_store_init(&store, &arena, 16, 3, 1, 0);
}

static int end(void **state)
{
    (void)state;
    oc_arena_deinit(&arena);
    return 0;
}

static uint32_t rest(enum oc_side side, int64_t price_ticks, uint64_t qty_lots)
{
    static const struct oc_client_order_id NO_TEXT;
    uint32_t index = oc_book_orders_add(&store.orders, &(struct oc_book_order_entry){
                                                           .id = ++id_last,
                                                           .open_lots = qty_lots,
                                                           .instrument = INSTRUMENT,
                                                           .side = side,
                                                           .client_order_id = &NO_TEXT,
                                                       });

    oc_book_append(&store, &book, index, price_ticks, NULL);
    return index;
}

static void audit(uint32_t orders, uint32_t bids, uint32_t offers)
{
    assert_int_equal(oc_book_audit(&store, &book, INSTRUMENT), orders);
    assert_int_equal(book.sides[OC_BUY].count, bids);
    assert_int_equal(book.sides[OC_SELL].count, offers);
}

static void queue_in_order_of_arrival(void **state)
{
    uint32_t first = rest(OC_BUY, 100, 5);
    uint32_t second = rest(OC_BUY, 100, 6);
    uint32_t third = rest(OC_BUY, 100, 7);

    (void)state;
    audit(3, 1, 0);
    assert_int_equal(oc_book_first(&store, &book, OC_BUY), first);
    oc_book_take(&store, &book, first);
    audit(2, 1, 0);
    assert_int_equal(oc_book_first(&store, &book, OC_BUY), second);
    oc_book_append(&store, &book, first, 100, NULL);
    audit(3, 1, 0);
    oc_book_take(&store, &book, second);
    assert_int_equal(oc_book_first(&store, &book, OC_BUY), third);
    oc_book_take(&store, &book, third);
    assert_int_equal(oc_book_first(&store, &book, OC_BUY), first);
    audit(1, 1, 0);
    oc_book_take(&store, &book, first);
    audit(0, 0, 0);
    assert_int_equal(oc_pool_used(&store.orders.slots), 3);
}

static void fill_in_parts_keeps_the_place(void **state)
{
    uint32_t first = rest(OC_SELL, 100, 5);
    uint32_t second = rest(OC_SELL, 100, 6);

    (void)state;
    assert_false(oc_book_fill(&store, &book, first, 2));
    audit(2, 0, 1);
    assert_int_equal(store.orders.orders[first].open_lots, 3);
    assert_int_equal(store.orders.orders[first].filled_lots, 2);
    assert_int_equal(oc_book_first(&store, &book, OC_SELL), first);
    assert_true(oc_book_fill(&store, &book, first, 3));
    audit(1, 0, 1);
    assert_int_equal(oc_book_first(&store, &book, OC_SELL), second);
    assert_true(oc_book_fill(&store, &book, second, 6));
    audit(0, 0, 0);
}

static void reduce_keeps_the_place(void **state)
{
    uint32_t first = rest(OC_BUY, 100, 5);

    (void)state;
    rest(OC_BUY, 100, 6);
    oc_book_reduce(&store, first, 1);
    audit(2, 1, 0);
    assert_int_equal(oc_book_first(&store, &book, OC_BUY), first);
    assert_int_equal(store.levels.levels[store.orders.orders[first].level].total_lots, 7);
}

static void crossing_is_inclusive(void **state)
{
    (void)state;
    assert_false(oc_book_crosses(&book, OC_BUY, OC_PRICE_TICKS_MAX));
    assert_false(oc_book_crosses(&book, OC_SELL, 1));
    rest(OC_BUY, 100, 1);
    rest(OC_SELL, 110, 1);
    assert_true(oc_book_crosses(&book, OC_SELL, 100));
    assert_false(oc_book_crosses(&book, OC_SELL, 101));
    assert_true(oc_book_crosses(&book, OC_BUY, 110));
    assert_false(oc_book_crosses(&book, OC_BUY, 109));
    audit(2, 1, 1);
}

static void room(void **state)
{
    struct oc_book_levels_place place;
    uint32_t level;

    (void)state;
    rest(OC_BUY, 100, OC_QTY_LOTS_MAX);
    rest(OC_BUY, 100, OC_QTY_LOTS_MAX);
    rest(OC_BUY, 99, 1);
    assert_int_equal(oc_book_room(&store, &book, OC_BUY, 100, 1, OC_INDEX_NONE, &place),
                     OC_REASON_NONE);
    assert_int_equal(oc_book_room(&store, &book, OC_BUY, 100, 2, OC_INDEX_NONE, &place),
                     OC_REASON_LEVEL_TOTAL_TOO_LARGE);
    assert_int_equal(oc_book_room(&store, &book, OC_BUY, 98, 1, OC_INDEX_NONE, &place),
                     OC_REASON_NONE);
    level = store.orders.orders[rest(OC_SELL, 110, 1)].level;
    assert_int_equal(oc_book_room(&store, &book, OC_SELL, 111, 1, OC_INDEX_NONE, &place),
                     OC_REASON_TOO_MANY_LEVELS);
    assert_int_equal(oc_book_room(&store, &book, OC_SELL, 111, 1, level, &place), OC_REASON_NONE);
    rest(OC_SELL, 110, 1);
    assert_int_equal(oc_book_room(&store, &book, OC_SELL, 111, 1, level, &place),
                     OC_REASON_TOO_MANY_LEVELS);
}

/** A place found in advance saves the search and changes nothing else. */
static void append_at_a_known_place(void **state)
{
    static const struct oc_client_order_id NO_TEXT;
    static const int64_t PRICES[] = {100, 102, 101, 101, 99, 102};

    (void)state;
    for (uint32_t index = 0; index < sizeof(PRICES) / sizeof(PRICES[0]); index++) {
        struct oc_book_levels_place place;
        uint32_t order = oc_book_orders_add(&store.orders, &(struct oc_book_order_entry){
                                                               .id = ++id_last,
                                                               .open_lots = 1 + index,
                                                               .instrument = INSTRUMENT,
                                                               .side = OC_BUY,
                                                               .client_order_id = &NO_TEXT,
                                                           });

        if (PRICES[index] == 99) {
            /* The three levels of this store are used up. */
            assert_int_equal(
                oc_book_room(&store, &book, OC_BUY, PRICES[index], 1, OC_INDEX_NONE, &place),
                OC_REASON_TOO_MANY_LEVELS);
            oc_book_orders_remove(&store.orders, order);
            continue;
        }
        assert_int_equal(
            oc_book_room(&store, &book, OC_BUY, PRICES[index], 1 + index, OC_INDEX_NONE, &place),
            OC_REASON_NONE);
        oc_book_append(&store, &book, order, PRICES[index], &place);
        assert_int_equal(oc_book_price(&store, &store.orders.orders[order]), PRICES[index]);
    }
    audit(5, 3, 0);
    assert_int_equal(store.orders.orders[oc_book_first(&store, &book, OC_BUY)].open_lots, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(queue_in_order_of_arrival, begin, end),
        cmocka_unit_test_setup_teardown(fill_in_parts_keeps_the_place, begin, end),
        cmocka_unit_test_setup_teardown(reduce_keeps_the_place, begin, end),
        cmocka_unit_test_setup_teardown(crossing_is_inclusive, begin, end),
        cmocka_unit_test_setup_teardown(room, begin, end),
        cmocka_unit_test_setup_teardown(append_at_a_known_place, begin, end),
    };

    return cmocka_run_group_tests_name("book", tests, NULL, NULL);
}
