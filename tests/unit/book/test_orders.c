/*
 * Goal: the slab of orders finds each open order by its id and reuses the slot freed last.
 * Method: by hand, and a churn of ids as a venue gives them out.
 * Fails when an id is found that is gone, lost that is open, or a text stays with a slot.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "book/orders.h"
#include "core/random.h"

static const struct oc_client_order_id NO_TEXT;

static uint32_t add(struct oc_book_orders *orders, uint64_t id,
                    const struct oc_client_order_id *text)
{
    return oc_book_orders_add(orders, &(struct oc_book_order_entry){
                                          .id = id,
                                          .user_id = id * 2,
                                          .session = id * 3,
                                          .open_lots = 5,
                                          .filled_lots = 1,
                                          .instrument = (1U << 20) - 1,
                                          .side = OC_SELL,
                                          .client_order_id = text,
                                      });
}

static void keeps_what_it_is_given(void **state)
{
    struct oc_client_order_id text = {.size = 3, .bytes = "abc"};
    struct oc_client_order_id read;
    struct oc_arena arena;
    struct oc_book_orders orders;
    uint32_t index;

    (void)state;
    oc_arena_init(&arena);
    assert_int_equal(oc_book_orders_init(&orders, &arena, 2, 0), 0);
    index = add(&orders, 7, &text);
    assert_int_equal(oc_book_orders_find(&orders, 7), index);
    assert_int_equal(orders.orders[index].user_id, 14);
    assert_int_equal(orders.orders[index].session, 21);
    assert_int_equal(orders.orders[index].open_lots, 5);
    assert_int_equal(orders.orders[index].filled_lots, 1);
    assert_int_equal(oc_book_order_instrument(&orders.orders[index]), (1U << 20) - 1);
    assert_int_equal(oc_book_order_side(&orders.orders[index]), OC_SELL);
    oc_book_orders_text(&orders, index, &read);
    assert_memory_equal(&read, &text, sizeof(text));
    oc_book_orders_remove(&orders, index);
    assert_int_equal(oc_book_orders_find(&orders, 7), OC_INDEX_NONE);
    /* The same slot, without the text of its former order. */
    assert_int_equal(add(&orders, 8, &NO_TEXT), index);
    oc_book_orders_text(&orders, index, &read);
    assert_int_equal(read.size, 0);
    assert_int_equal(read.bytes[0], 0);
    assert_true(oc_book_orders_have_room(&orders));
    add(&orders, 9, &NO_TEXT);
    assert_false(oc_book_orders_have_room(&orders));
    oc_arena_deinit(&arena);
}

static void ids_that_differ_in_high_bits_only(void **state)
{
    struct oc_arena arena;
    struct oc_book_orders orders;
    uint32_t first;
    uint32_t second;

    (void)state;
    oc_arena_init(&arena);
    assert_int_equal(oc_book_orders_init(&orders, &arena, 4, 0), 0);
    first = add(&orders, 5, &NO_TEXT);
    second = add(&orders, 5 + (1ULL << 40), &NO_TEXT);
    assert_int_equal(oc_book_orders_find(&orders, 5), first);
    assert_int_equal(oc_book_orders_find(&orders, 5 + (1ULL << 40)), second);
    oc_book_orders_remove(&orders, first);
    assert_int_equal(oc_book_orders_find(&orders, 5), OC_INDEX_NONE);
    assert_int_equal(oc_book_orders_find(&orders, 5 + (1ULL << 40)), second);
    oc_arena_deinit(&arena);
}

static void churn(void **state)
{
    static uint32_t slots[40000];
    const uint32_t open_max = 500;
    struct oc_arena arena;
    struct oc_book_orders orders;
    struct oc_random random;
    uint64_t last = 0;

    (void)state;
    oc_arena_init(&arena);
    oc_random_init(&random, 9);
    assert_int_equal(oc_book_orders_init(&orders, &arena, open_max, 0), 0);
    while (last + 1 < sizeof(slots) / sizeof(slots[0])) {
        uint64_t id = 1 + oc_random_below(&random, last + 1);

        if (oc_book_orders_have_room(&orders) && oc_random_below(&random, 2) == 0) {
            last++;
            slots[last] = add(&orders, last, &NO_TEXT);
            assert_true(slots[last] < open_max);
        } else if (id <= last) {
            uint32_t index = oc_book_orders_find(&orders, id);
            assert_int_equal(index, slots[id]);
            if (index != OC_INDEX_NONE) {
                oc_book_orders_remove(&orders, index);
                slots[id] = OC_INDEX_NONE;
            } else if (!oc_book_orders_have_room(&orders)) {
                /* Full of ids that are hard to hit by chance: drop the oldest one. */
                for (id = 1; slots[id] == OC_INDEX_NONE; id++) {
                }
                oc_book_orders_remove(&orders, slots[id]);
                slots[id] = OC_INDEX_NONE;
            }
        }
        if (last % 1000 == 0) {
            oc_book_map_audit(&orders.ids);
        }
    }
    oc_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_what_it_is_given),
        cmocka_unit_test(ids_that_differ_in_high_bits_only),
        cmocka_unit_test(churn),
    };

    return cmocka_run_group_tests_name("book orders", tests, NULL, NULL);
}
