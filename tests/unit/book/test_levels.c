/*
 * Goal: a side of levels is a sorted sequence, however large and however it grew, and the pool
 * holds levels_max levels however they spread. Method: rising, falling, random and sawtooth series
 * against a plain array of what is there; audits of the whole structure; pools filled to their last
 * level in many sides and in one. Fails when a level is lost, misplaced or leaked, when the cached
 * best is stale, or the pool runs out before levels_max.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "book/levels.h"
#include "core/random.h"

#define PRICES 30000U

/** One side and what should be in it. */
struct side {
    struct oc_arena arena;
    struct oc_book_level_pool pool;
    struct oc_book_levels levels;
    uint32_t expected[PRICES + 1]; /* by price: level, OC_INDEX_NONE without one */
    uint32_t count;
};

static struct side *side_begin(enum oc_side which, uint32_t levels_max)
{
    struct side *side = calloc(1, sizeof(*side));

    assert_non_null(side);
    oc_arena_init(&side->arena);
    assert_int_equal(oc_book_level_pool_init(&side->pool, &side->arena, levels_max, 1), 0);
    oc_book_levels_init(&side->levels, which);
    for (uint32_t price = 0; price <= PRICES; price++) {
        side->expected[price] = OC_INDEX_NONE;
    }
    return side;
}

static void side_check(struct side *side)
{
    struct oc_book_levels_cursor cursor = oc_book_levels_cursor_best(&side->pool, &side->levels);
    uint32_t nodes = oc_book_levels_audit(&side->pool, &side->levels);

    assert_int_equal(side->levels.count, side->count);
    assert_int_equal(oc_pool_used(&side->pool.level_slots), side->count);
    assert_int_equal(oc_pool_used(&side->pool.node_slots), nodes);
    for (uint32_t step = 1; step <= PRICES; step++) {
        uint32_t price = side->levels.side == OC_BUY ? PRICES + 1 - step : step;

        assert_int_equal(oc_book_levels_find(&side->pool, &side->levels, price).level,
                         side->expected[price]);
        if (side->expected[price] != OC_INDEX_NONE) {
            assert_int_equal(oc_book_levels_cursor_level(&side->pool, cursor),
                             side->expected[price]);
            oc_book_levels_cursor_next(&side->pool, &cursor);
        }
    }
    assert_int_equal(oc_book_levels_cursor_level(&side->pool, cursor), OC_INDEX_NONE);
}

static void side_end(struct side *side)
{
    oc_arena_deinit(&side->arena);
    free(side);
}

static uint32_t make(struct oc_book_level_pool *pool, struct oc_book_levels *levels,
                     int64_t price_ticks)
{
    return oc_book_levels_make(pool, levels, price_ticks,
                               oc_book_levels_find(pool, levels, price_ticks));
}

static void add(struct side *side, uint32_t price)
{
    uint32_t level = make(&side->pool, &side->levels, price);

    assert_int_equal(side->expected[price], OC_INDEX_NONE);
    assert_int_equal(side->pool.levels[level].price_ticks, price);
    assert_int_equal(side->pool.levels[level].order_count, 0);
    assert_int_equal(oc_book_levels_find(&side->pool, &side->levels, price).level, level);
    side->expected[price] = level;
    side->count++;
}

static void take(struct side *side, uint32_t price)
{
    oc_book_levels_remove(&side->pool, &side->levels, side->expected[price]);
    side->expected[price] = OC_INDEX_NONE;
    side->count--;
}

static void rise_and_fall(enum oc_side which)
{
    struct side *side = side_begin(which, PRICES);

    for (uint32_t price = 1; price <= PRICES; price++) {
        add(side, price);
    }
    side_check(side);
    assert_true(side->levels.height >= 3);
    for (uint32_t price = 1; price <= PRICES / 2; price++) {
        take(side, price);
    }
    side_check(side);
    for (uint32_t price = PRICES / 2; price >= 1; price--) {
        add(side, price);
    }
    side_check(side);
    for (uint32_t price = PRICES; price >= 1; price--) {
        take(side, price);
        assert_int_equal(side->levels.best == OC_INDEX_NONE, price == 1);
    }
    side_check(side);
    assert_int_equal(oc_pool_used(&side->pool.node_slots), 0);
    side_end(side);
}

static void bids_rise_and_fall(void **state)
{
    (void)state;
    rise_and_fall(OC_BUY);
}

static void offers_rise_and_fall(void **state)
{
    (void)state;
    rise_and_fall(OC_SELL);
}

static void random_churn(void **state)
{
    (void)state;
    /* Of few and of many prices, and leaning to more and to fewer levels in turn. */
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct side *side = side_begin(seed % 2 == 0 ? OC_BUY : OC_SELL, PRICES);
        uint32_t width = seed <= 2 ? 40 : seed <= 4 ? 700 : PRICES;
        struct oc_random random;

        oc_random_init(&random, seed);
        for (uint32_t step = 0; step < 120000; step++) {
            uint32_t price = 1 + (uint32_t)oc_random_below(&random, width);
            bool growing = (step / 20000) % 2 == 0;

            if (side->expected[price] == OC_INDEX_NONE) {
                if (growing || oc_random_below(&random, 4) == 0) {
                    add(side, price);
                }
            } else if (!growing || oc_random_below(&random, 4) == 0) {
                take(side, price);
            }
            if (step % 10000 == 9999) {
                side_check(side);
            }
        }
        side_end(side);
    }
}

static void best_first_out(void **state)
{
    struct side *side = side_begin(OC_SELL, PRICES);

    (void)state;
    for (uint32_t step = 0; step < 5000; step++) {
        add(side, 1 + (step * 7919) % 5000);
    }
    for (uint32_t price = 1; price <= 5000; price++) {
        assert_int_equal(side->levels.best, side->expected[price]);
        assert_int_equal(side->levels.best_key, -(int64_t)price);
        take(side, price);
        if (price % 500 == 0) {
            side_check(side);
        }
    }
    side_end(side);
}

static void extreme_prices(void **state)
{
    struct side *side = side_begin(OC_SELL, 4);
    uint32_t lowest;
    uint32_t highest;

    (void)state;
    highest = make(&side->pool, &side->levels, OC_PRICE_TICKS_MAX);
    lowest = make(&side->pool, &side->levels, 1);
    assert_int_equal(side->levels.best, lowest);
    assert_int_equal(oc_book_levels_find(&side->pool, &side->levels, OC_PRICE_TICKS_MAX).level,
                     highest);
    oc_book_levels_remove(&side->pool, &side->levels, lowest);
    assert_int_equal(side->levels.best, highest);
    side_end(side);
}

/** Every spread of levels_max levels over sides fits: also the one that costs the most arrays. */
static void the_pool_holds_levels_max(void **state)
{
    (void)state;
    for (uint32_t levels_max = 1; levels_max <= 3000; levels_max = levels_max * 3 + 1) {
        for (uint32_t sides = 1; sides <= 64; sides *= 4) {
            struct oc_arena arena;
            struct oc_book_level_pool pool;
            struct oc_book_levels levels[64];
            uint32_t at_least = 0;

            oc_arena_init(&arena);
            assert_int_equal(oc_book_level_pool_init(&pool, &arena, levels_max, sides), 0);
            for (uint32_t index = 0; index < sides; index++) {
                oc_book_levels_init(&levels[index], OC_BUY);
            }
            /* Fill full, thin out to the least that arrays may hold, then fill again elsewhere. */
            for (uint32_t step = 0; step < levels_max; step++) {
                make(&pool, &levels[step % sides], 1 + step);
            }
            for (uint32_t step = 0; step < levels_max; step++) {
                if ((step / sides) % 2 == 0) {
                    oc_book_levels_remove(
                        &pool, &levels[step % sides],
                        oc_book_levels_find(&pool, &levels[step % sides], 1 + step).level);
                }
            }
            for (uint32_t price = 1000000; oc_book_level_pool_has_room(&pool); price--) {
                make(&pool, &levels[price % sides], price);
                at_least++;
            }
            assert_true(at_least > 0);
            assert_int_equal(oc_pool_used(&pool.level_slots), levels_max);
            for (uint32_t index = 0; index < sides; index++) {
                oc_book_levels_audit(&pool, &levels[index]);
            }
            oc_arena_deinit(&arena);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bids_rise_and_fall), cmocka_unit_test(offers_rise_and_fall),
        cmocka_unit_test(random_churn),       cmocka_unit_test(best_first_out),
        cmocka_unit_test(extreme_prices),     cmocka_unit_test(the_pool_holds_levels_max),
    };

    return cmocka_run_group_tests_name("book levels", tests, NULL, NULL);
}
